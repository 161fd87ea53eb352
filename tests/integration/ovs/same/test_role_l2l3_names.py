# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""tests/integration/role_l2l3/test_names.py on Open vSwitch."""

from integration.role_l2l3.test_names import *  # noqa: F403 # pylint: disable=wildcard-import,unused-wildcard-import
