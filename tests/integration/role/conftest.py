# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A throwaway host for each test, and the role on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kit import topologies
from kit.host import Host
from kit.role import Role


@pytest.fixture
def host() -> Iterator[Host]:
    with Host() as made:
        yield made


@pytest.fixture
def role(host: Host) -> Role:
    return Role(host)


@pytest.fixture
def outside(host: Host) -> Host:
    """The host with a neighbour that has no route to its networks (see kit/topologies.py)."""
    host.module("topology", **topologies.with_outside())
    return host
