# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A throwaway host with an underlay address, for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from integration.robust.documents import VTEP

from kit.host import Host


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as made:
        made.sh("ip link add eth0 type veth peer name wire")
        made.sh("ip address add %s/24 dev eth0 && ip link set eth0 up" % VTEP)
        yield made
