# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A throwaway host with the role bridge_network on it: containers `evil` and `victim` on network web."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kit.host import Host
from kit.role import Role


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as made:
        yield made


@pytest.fixture
def role(host: Host) -> Role:
    return Role(host)
