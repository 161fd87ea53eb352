# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scenarios of Docker's own network tests, as listed in tests/README.md.

Each test has a host of its own with a neighbour on its LAN (see role_l2l3/conftest.py) and covers the path from the
role's variables to packets.
"""

from __future__ import annotations

from integration.role_l2l3.conftest import host, role

__all__ = ("host", "role")
