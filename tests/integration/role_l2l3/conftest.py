# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A throwaway host on a LAN, and the role's three steps on it: gather network state, plan, apply."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.virtnet.linux.plugins.filter.bridge_network_plan import FilterModule
from kit.host import Host

LAN = """
ip netns add lan
ip link add up0 type veth peer name eth0 netns lan
ip address add 192.0.2.2/24 dev up0
ip address add 2001:db8::2/64 dev up0 nodad
ip link set up0 addrgenmode none
ip link set up0 up
ip -n lan link set eth0 addrgenmode none
ip -n lan address add 192.0.2.1/24 dev eth0
ip -n lan address add 2001:db8::1/64 dev eth0 nodad
ip -n lan link set eth0 up
ip -n lan link set lo up
ip route add default via 192.0.2.1
ip -6 route add default via 2001:db8::1
"""


class Role:
    """The role bridge_network on a host: what its tasks do, without the time that Ansible takes for them."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def plan(self, networks: Any = (), containers: Any = (), **more: Any) -> dict[str, Any]:
        declared = {"networks": list(networks), "containers": list(containers), "role": "bridge_network", "host": "h1"}
        live = self.host.module("network_info")
        assert not live.get("failed"), live
        return FilterModule().filters()["bridge_network_plan"]({**declared, **more}, live)

    def run(self, networks: Any = (), containers: Any = (), **more: Any) -> list[str]:
        """Apply a declaration, for which a second run is idempotent; the actions: 'create veth veth...'."""
        planned = self.plan(networks, containers, **more)
        assert planned["errors"] == [], planned["errors"]
        done = self.host.module("topology", **planned["topology"])
        assert not done.get("failed"), done
        again = self.plan(networks, containers, **more)
        assert again["errors"] == [], again["errors"]
        assert self.host.module("topology", check=True, **again["topology"]).get("actions") == []
        return ["%(action)s %(kind)s %(name)s" % action for action in done["actions"]]

    def refused(self, networks: Any = (), containers: Any = (), **more: Any) -> list[str]:
        """The errors of a declaration."""
        planned = self.plan(networks, containers, **more)
        assert planned["errors"] and not any(planned["topology"].values())
        return planned["errors"]

    def address(self, container: str, network: str, version: int = 4) -> str:
        """An existing endpoint's address."""
        (found,) = [one for one in self.host.module("network_info")["networks"] if one["Name"] == network]
        return found["Containers"][container]["IPv%dAddress" % version].split("/")[0]


@pytest.fixture
def host() -> Iterator[Host]:
    """A host with an uplink to a neighbour, the namespace lan."""
    with Host() as made:
        made.sh(LAN)
        yield made


@pytest.fixture
def role(host: Host) -> Role:
    return Role(host)
