# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A throwaway host with Open vSwitch for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kit import openvswitch
from kit.host import Host


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as made:
        openvswitch.start(made)
        yield made
