# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Declarations that these tests share, and functions that inspect the result."""

from __future__ import annotations

from typing import Any

from kit.host import Host

HOST, HOST6 = "192.0.2.2", "2001:db8::2"
LAN, LAN6 = "192.0.2.1", "2001:db8::1"

WEB = {"name": "web", "subnet": "172.30.0.0/24", "subnet6": "fd00:30::/64"}
APP = {"name": "app", "subnet": "172.31.0.0/24", "subnet6": "fd00:31::/64"}
ROUTED = {"name": "routed", "subnet": "172.20.0.0/24", "subnet6": "fd00:20::/64", "gateway_mode": "routed"}
INSIDE = {"name": "inside", "subnet": "172.29.0.0/24", "subnet6": "fd00:29::/64", "internal": True}


def on(networks: Any, name: str, *ports: str, **more: Any) -> dict[str, Any]:
    """A container on a network, or on a list of them, that publishes these ports."""
    names = networks if isinstance(networks, list) else [networks]
    return {"name": name, "networks": names, **({"ports": list(ports)} if ports else {}), **more}


def absent(name: str) -> dict[str, Any]:
    return {"name": name, "state": "absent"}


def lan_knows(host: Host, *subnets: str) -> None:
    """The neighbour has routes to the host's networks, as an attacker on the LAN would."""
    for subnet in subnets:
        host.sh("ip route add %s via %s" % (subnet, HOST6 if ":" in subnet else HOST), "lan")


def bare(host: Host) -> dict[str, Any]:
    """The managed objects that remain on the host: links, namespaces, nftables tables."""
    tables = [line for line in host.sh("nft list tables").splitlines() if "virtnet" in line]
    return {"links": sorted(host.links()), "netns": host.sh("ip netns list | cut -d' ' -f1").split(), "tables": tables}


NOTHING = {"links": ["lo", "up0"], "netns": ["lan"], "tables": []}
