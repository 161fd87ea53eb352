# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tests of Linux bridges once more, each network on a switch of Open vSwitch: the same assertions hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from integration.role_l2l3.conftest import LAN, Role

from kit import openvswitch
from kit.host import Host


class OnOpenVSwitch(Role):
    """The role with ``driver: openvswitch`` in each network."""

    def plan(self, networks: Any = (), containers: Any = (), **more: Any) -> dict[str, Any]:
        return super().plan([_on_open_vswitch(network) for network in networks], containers, **more)


def _on_open_vswitch(network: dict[str, Any]) -> dict[str, Any]:
    return network if network.get("state") == "absent" else {"driver": "openvswitch", **network}


@pytest.fixture
def host() -> Iterator[Host]:
    """A host with Open vSwitch, and an uplink to a neighbour, the namespace lan."""
    with Host() as made:
        made.sh(LAN)
        openvswitch.start(made)
        # the device of the datapath comes with the first switch, and stays
        made.sh("ovs-vsctl add-br x -- set bridge x datapath_type=netdev; ovs-vsctl del-br x")
        yield made


@pytest.fixture
def role(host: Host) -> Role:
    return OnOpenVSwitch(host)
