# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""tests/integration/docker_scenarios/test_lifecycle.py on Open vSwitch."""

from integration.docker_scenarios.test_lifecycle import *  # noqa: F403 # pylint: disable=wildcard-import,unused-wildcard-import

del test_networks_with_containers_are_not_removed_and_the_error_names_them  # noqa: F821 lists each link: there is ovs-netdev, too
