# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""tests/integration/role_l2l3/test_announce.py on Open vSwitch."""

from integration.role_l2l3.test_announce import *  # noqa: F403 # pylint: disable=wildcard-import,unused-wildcard-import

del test_an_address_moved_across_a_patch_link_is_announced  # noqa: F821 driver openvswitch has no patch links to other bridges
