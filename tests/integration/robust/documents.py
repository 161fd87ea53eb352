# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Topology documents for runs that are interrupted: a network of containers with ports, and a host's part of an
overlay.
"""

from __future__ import annotations

from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import OBJECTS
from ansible_collections.virtnet.linux.plugins.module_utils.rules import names

VTEP = "192.0.2.11"  # an address that the host must have

Document = dict[str, list[dict[str, Any]]]


def complete(document: Document) -> Document:
    """The document as the engine takes it: every option of each kind is there."""
    found = {}
    for kind, objects in document.items():
        results = [ArgumentSpecValidator(OBJECTS[kind].argument_spec()).validate(one) for one in objects]
        assert not [result.error_messages for result in results if result.error_messages]
        found[kind] = [result.validated_parameters for result in results]
    return found


def containers(numbers: range | list[int], mtu: int = 1500, first_port: int = 8000, icc: bool = True) -> Document:
    """Network web with containers c1, c2 and so on: two families, a TCP and a UDP port each; `agent` has the host's
    namespace, `side` that of the first."""
    joins = [{"name": "agent", "join": "host"}, {"name": "side", "join": "c%d" % numbers[0]}]
    return complete({
        "netns": [{"name": "c%d" % n, "labels": {"role": "bridge_network", "mode": "bridge"}} for n in numbers] + joins,
        "bridge": [{"name": "br-web", "addresses": ["172.30.0.1/16", "fd00:30::1/64"], "mac": "02:42:ac:1e:00:01",
                    "mtu": mtu, "labels": {"role": "bridge_network", "network": "web"}}],
        "veth": [_endpoint("web", n, "172.30.0.%d" % (n + 1), "fd00:30::%d" % (n + 1), mtu) for n in numbers],
        "bridge_policy": [{"bridge": "br-web", "subnets": ["172.30.0.0/16", "fd00:30::/64"], "icc": icc}],
        "nat_port": [
            {"protocol": protocol, "host_port": str(first_port + n), "to_address": "172.30.0.%d" % (n + 1),
             "to_port": "80", "bridge": "br-web"}
            for n in numbers for protocol in ("tcp", "udp")
        ],
    })  # fmt: skip


def names_of(network: str, numbers: range | list[int]) -> Document:
    """The names of a network's containers, and their resolvers; the first has a DNS server."""
    entries = [{"address": "172.30.0.%d" % (n + 1), "names": ["c%d" % n]} for n in numbers]
    resolvers: list[dict[str, Any]] = [{"containers": ["c%d" % n], "networks": [network]} for n in numbers]
    resolvers[0]["nameservers"] = ["192.0.2.53"]
    return complete({"network_names": [{"network": network, "entries": entries}], "resolver": resolvers})


def overlay(numbers: range | list[int], remote: range, vni: int = 4242) -> Document:
    """This host's part of the overlay fabric: its tunnel, its bridge, containers f1, f2 and so on."""
    mac = names.mac_of_ipv4
    return complete({
        "netns": [{"name": "f%d" % n, "labels": {"role": "overlay_network", "mode": "bridge"}} for n in numbers],
        "bridge": [{"name": "br-fabric", "addresses": ["10.42.0.1/16"], "mac": mac("10.42.0.1"), "mtu": 1450,
                    "labels": {"role": "overlay_network", "network": "fabric", "vni": str(vni)}}],
        "veth": [_endpoint("fabric", n, "10.42.0.%d" % (n + 1), None, 1450, container="f%d" % n) for n in numbers],
        "vxlan_tunnel": [{"name": "vx-fabric", "vni": vni, "local": VTEP, "mtu": 1450, "bridge": "br-fabric",
                          "learning": False, "flood": [], "anycast_gateway": True,
                          "labels": {"network": "fabric", "role": "overlay_network"},
                          "endpoints": [{"mac": mac("10.42.9.%d" % n), "addresses": ["10.42.9.%d" % n],
                                         "vtep": "192.0.2.%d" % (12 + n)} for n in remote]}],
        "bridge_policy": [{"bridge": "br-fabric", "subnets": ["10.42.0.0/16"]}],
        "nat_port": [{"host_port": "9000", "to_address": "10.42.0.2", "to_port": "80", "bridge": "br-fabric"}],
    })  # fmt: skip


def together(*documents: Document) -> Document:
    """One document with the objects of all."""
    found: Document = {}
    for document in documents:
        for kind, objects in document.items():
            found.setdefault(kind, []).extend(objects)
    return found


def absent(document: Document) -> Document:
    """The same objects, absent."""
    return {kind: [dict(one, state="absent") for one in objects] for kind, objects in document.items()}


def changed(old: Document, new: Document) -> Document:
    """The document that changes one into the other: the new objects, and those that are only in the old, absent."""

    def identity(kind: str, one: dict[str, Any]) -> Any:
        if kind == "nat_port":
            return one["protocol"], one["host_port"]
        if kind in ("network_names", "resolver"):
            return one.get("network") or tuple(one["containers"])
        return one.get("name") or one["bridge"]

    found = {kind: list(objects) for kind, objects in new.items()}
    for kind, objects in absent(old).items():
        kept = {identity(kind, one) for one in new.get(kind, [])}
        found.setdefault(kind, []).extend(one for one in objects if identity(kind, one) not in kept)
    return found


def _endpoint(network: str, number: int, v4: str, v6: str | None, mtu: int, container: str | None = None) -> Any:
    container = container or "c%d" % number
    return {
        "name": names.veth_device(container, network), "bridge": "br-" + network, "mtu": mtu, "anti_spoofing": True,
        "labels": {"network": network, "container": container},
        "peer": {"name": "eth0", "netns": container, "mac": names.mac_of_ipv4(v4),
                 "addresses": [v4 + "/16"] + ([v6 + "/64"] if v6 else []),
                 "gateway": v4.rsplit(".", 1)[0] + ".1", "gateway6": "fd00:30::1" if v6 else None},
    }  # fmt: skip
