# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Simulated hosts: what network_info would report of them."""

from __future__ import annotations

import random
from typing import Any


def network(name: str, subnet: str, vni: int | None = None, **more: Any) -> dict[str, Any]:
    """A network, its gateway the subnet's first address; further Options and Labels are added to what each has."""
    options = {"bridge": "br-" + name, "mtu": 1500, "icc": True, "masquerade": True, "gateway_mode": "nat"}
    return {
        "Name": name,
        "Id": "br-" + name,
        "Scope": "local" if vni is None else "global",
        "Driver": "bridge" if vni is None else "overlay",
        "EnableIPv4": True,
        "EnableIPv6": False,
        "IPAM": {"Driver": "default", "Config": [{"Subnet": subnet, "Gateway": subnet.rsplit(".", 1)[0] + ".1"}]},
        "Internal": False,
        "Containers": {},
        "Ports": [],
        **more,
        "Options": {**options, **more.get("Options", {})},
        "Labels": {"role": "bridge_network", **more.get("Labels", {})},
    }


def container(name: str, *endpoints: tuple[str, ...], **more: Any) -> dict[str, Any]:
    """A container on networks, each given with the addresses there."""
    attached = [
        {
            "network": on,
            "aliases": [],
            "bridge": "br-" + on,
            "veth": "veth-%s-%s" % (name, on),
            "interface": "eth%d" % number,
            "mac": "02:42:00:00:00:%02x" % number,
            "addresses": addresses,
        }
        for number, (on, *addresses) in enumerate(endpoints)
    ]
    settings = {"mode": "bridge" if endpoints else "none", "join": None, "labels": {}, "pids": [], "forwarding": False}
    return {"name": name, **settings, "endpoints": attached, "interfaces": [], **more}


def nic(device: str, name: str, *addresses: str) -> dict[str, Any]:
    """A NIC of the host that a container was given."""
    mac = "52:54:00:00:00:01"
    return {"device": device, "name": name, "type": "physical", "mac": mac, "addresses": list(addresses)}


def port(
    host_port: int, to_address: str, to_port: int, host_ip: str | None = None, protocol: str = "tcp"
) -> dict[str, Any]:
    """A published port."""
    keys = ("protocol", "host_ip", "host_port", "to_address", "to_port", "bridge")
    return dict(zip(keys, (protocol, host_ip, host_port, to_address, to_port, "br-web")))


def allowed_port(address: str, port: int) -> dict[str, Any]:
    """A TCP port of a container on a routed network."""
    return {"protocol": "tcp", "address": address, "port": port, "bridge": "br-routed"}


def tunnel(name: str, vni: int, local: str) -> dict[str, Any]:
    """A network's tunnel."""
    labels = {"network": name, "role": "overlay_network"}
    return {"name": "vx-" + name, "ours": True, "labels": labels, "vni": vni, "local": local, "bridge": "br-" + name}


def host(address: str, **more: Any) -> dict[str, Any]:
    """A host with a NIC."""
    nic = {"name": "eth0", "kind": None, "up": True, "ours": False, "labels": None, "addresses": [address]}
    own = {"interfaces": [nic], "routes": [{"to": "0.0.0.0/0", "via": "10.0.0.1", "dev": "eth0"}]}
    nothing: dict[str, Any] = {
        kind: [] for kind in ("networks", "bridges", "containers", "tunnels", "nat_ports", "allowed_ports")
    }
    return {**nothing, "host": own, **more}


def one_host() -> dict[str, dict[str, Any]]:
    """A host with five containers, one of each mode, a router and an internal network."""
    return {
        "web1": host(
            "192.0.2.11/24",
            networks=[network("web", "172.30.0.0/16"), network("back", "172.31.0.0/24", Internal=True)],
            containers=[
                container("nginx", ("web", "172.30.0.2/16")),
                container("gate", ("web", "172.30.0.3/16"), ("back", "172.31.0.2/24"), forwarding=True),
                container("db", ("back", "172.31.0.3/24")),
                container("batch"),
                container("sidecar", join="nginx", mode="container:nginx"),
                container("agent", join="host", mode="host"),
            ],
            nat_ports=[port(8080, "172.30.0.2", 80), port(8443, "172.30.0.2", 443, host_ip="192.0.2.11")],
        )
    }


def all_modes() -> dict[str, dict[str, Any]]:
    """A host with networks of every gateway mode, joined switches, NICs in containers and ports of both families."""
    both = {"EnableIPv6": True, "Options": {"gateway_mode6": "routed"}}
    config = [{"Subnet": "172.28.0.0/24", "Gateway": "172.28.0.1"}, {"Subnet": "fd28::/64", "Gateway": "fd28::1"}]
    isolated = {"Internal": True, "Options": {"gateway_mode": "isolated"}}
    modes = [
        network("isolated", "", **isolated, IPAM={"Config": [{"Subnet": "172.26.0.0/24"}]}),
        network("mixed", "", **both, IPAM={"Config": config}),
        network("plain", "172.27.0.0/24", Options={"masquerade": False}),
        network("routed", "172.29.0.0/24", Options={"gateway_mode": "routed"}),
        network("sw1", "172.30.0.0/16"),
        network("sw2", "172.30.0.0/16", Labels={"joins": "sw1"}),
    ]
    wan = nic("enp3s0", "wan", "203.0.113.7/24")
    inside = [
        container("api", ("routed", "172.29.0.2/24")),
        container("far", ("sw2", "172.30.0.3/16")),
        container("gate", ("routed", "172.29.0.3/24"), forwarding=True, interfaces=[wan]),
        container("probe", interfaces=[nic("enp4s0", "eth0", "203.0.113.8/24", "2001:db8::8/64")]),
        container("mail", ("mixed", "172.28.0.2/24", "fd28::2/64")),
        container("near", ("sw1", "172.30.0.2/16")),
    ]
    published = [port(9000 + number, "172.30.0.2", 9000 + number) for number in range(4)]
    published += [port(25, "172.28.0.2", 25), port(2525, "fd28::2", 25, "::1", "udp")]
    opened = [allowed_port("172.29.0.2", number) for number in (80, 81, 443)] + [allowed_port("fd28::2", 25)]
    return {"h1": host("192.0.2.11/24", networks=modes, containers=inside, nat_ports=published, allowed_ports=opened)}


def overlay(hosts: int = 3, containers: int = 3) -> dict[str, dict[str, Any]]:
    """Hosts with an overlay over all of them, a published port, and a bridge network on the first."""
    found = {}
    for number in range(1, hosts + 1):
        vtep = "192.0.2.%d" % (10 + number)
        addresses = ["10.42.%d.%d/16" % (number, place + 2) for place in range(containers)]
        inside = [
            container("c%d" % (number * 10 + place), ("fabric", address)) for place, address in enumerate(addresses)
        ]
        found["host%d" % number] = host(
            vtep + "/24",
            networks=[network("fabric", "10.42.0.0/16", vni=4242)],
            containers=inside,
            tunnels=[tunnel("fabric", 4242, vtep)],
            nat_ports=[port(8080, "10.42.%d.2" % number, 80)],
        )
    first = found["host1"]
    first["networks"].append(network("web", "172.30.0.0/16"))
    first["containers"].append(container("front", ("fabric", "10.42.1.99/16"), ("web", "172.30.0.2/16")))
    return found


def random_fleet(lot: random.Random, is_wild: bool) -> dict[str, dict[str, Any]]:
    """Hosts with some containers each on some of their networks; wild ones have random networks too."""
    found = {}
    for number in range(1, lot.choice([2, 3, 4, 5, 8, 12, 20]) + 1):
        vtep = "192.0.2.%d" % (10 + number)
        overlays = {"fabric": 4242, "lan": 4243} if is_wild else {"fabric": 4242}
        on = {name: vni for name, vni in overlays.items() if not is_wild or lot.random() < 0.6}
        networks = [network(name, "10.42.0.0/16", vni) for name, vni in on.items()]
        local = [name for name in ("back", "web") if lot.random() < 0.3]
        networks += [network(name, "172.30.0.0/16", Internal=name == "back") for name in local]
        inside = []
        for place in range(lot.randrange(7)):
            attached = lot.sample(networks, min(len(networks), lot.choice([0, 1, 1, 1, 2])))
            endpoints = [(one["Name"], "10.0.%d.%d/16" % (number, place)) for one in attached]
            inside.append(container("c%d-%d" % (number, place), *endpoints, forwarding=len(endpoints) > 1))
        found["host%d" % number] = host(
            vtep + "/24",
            networks=networks,
            containers=inside,
            tunnels=[tunnel(name, vni, vtep) for name, vni in on.items()],
            nat_ports=[port(8080, "10.0.%d.0" % number, 80)],
        )
    return found
