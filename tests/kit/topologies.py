# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Topologies that several tests share, as documents of the module topology.

    outside 198.51.100.2 -- host 198.51.100.1, 10.0.0.1 (br0), 10.1.0.1 (br1)
                              br0: c1 10.0.0.2, c2 10.0.0.3     br1: c3 10.1.0.2

The external host has no route to 10.0.0.0/8: so it replies only to packets from the host's address.
"""

from __future__ import annotations

from typing import Any

HOST, OUTSIDE = "198.51.100.1", "198.51.100.2"
HOST6, OUTSIDE6 = "2001:db8::1", "2001:db8::2"


def veth_pair(name: str, bridge: str, number: int) -> dict[str, Any]:
    """The veth pair of a container on a bridge: c1 with number 2 on br0 is v-c1, 10.0.0.2 and fd00:0::2."""
    net = bridge[2:]
    return {
        "name": "v-" + name,
        "bridge": bridge,
        "peer": {
            "name": "eth0",
            "netns": name,
            "mac": "02:42:0a:%02x:00:%02x" % (int(net), number),
            "addresses": ["10.%s.0.%d/24" % (net, number), "fd00:%s::%d/64" % (net, number)],
            "gateway": "10.%s.0.1" % net,
            "gateway6": "fd00:%s::1" % net,
        },
    }


def bridge(name: str) -> dict[str, Any]:
    """br0 with 10.0.0.1 and fd00:0::1, and so on."""
    return {"name": name, "addresses": ["10.%s.0.1/24" % name[2:], "fd00:%s::1/64" % name[2:]]}


def policy(name: str, **options: Any) -> dict[str, Any]:
    """A bridge's policy with its own subnets."""
    return {"bridge": name, "subnets": ["10.%s.0.0/24" % name[2:], "fd00:%s::/64" % name[2:]], **options}


def with_outside() -> dict[str, Any]:
    """The external host and its link."""
    peer = {"name": "eth0", "netns": "outside", "addresses": [OUTSIDE + "/24", OUTSIDE6 + "/64"]}
    near = {"name": "outside0", "addresses": [HOST + "/24", HOST6 + "/64"], "peer": peer}
    return {"netns": [{"name": "outside"}], "veth": [near]}


def site() -> dict[str, Any]:
    """The whole topology, without policies and ports."""
    document = with_outside()
    document["netns"] += [{"name": name} for name in ("c1", "c2", "c3")]
    document["bridge"] = [bridge("br0"), bridge("br1")]
    document["veth"] += [veth_pair("c1", "br0", 2), veth_pair("c2", "br0", 3), veth_pair("c3", "br1", 2)]
    return document
