# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of ours is live, in the words of ``docker network inspect`` and ``brctl show``, and what else of the host a
plan has to respect. Read from the kernel; its shape is in docs/architecture.md."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils import cards, settings
from ansible_collections.virtnet.linux.plugins.module_utils.firewall import NatPort, Policy
from ansible_collections.virtnet.linux.plugins.module_utils.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.kinds import bridge as bridges
from ansible_collections.virtnet.linux.plugins.module_utils.kinds import netns as namespaces
from ansible_collections.virtnet.linux.plugins.module_utils.kinds import vxlan_tunnel
from ansible_collections.virtnet.linux.plugins.module_utils.stack import Link, is_link_local

_UNKNOWN = Policy("", (), masquerade=False)


def report(tunnel_endpoints: bool = False) -> dict[str, Any]:
    """Everything live: networks, bridges, containers, tunnels (if asked, with who is behind them), nat_ports, host."""
    host = Host()
    try:
        containers = _containers(host)
        return {
            "networks": _networks(host, containers),
            "bridges": _bridges(host),
            "containers": containers,
            "tunnels": _tunnels(host, tunnel_endpoints),
            "nat_ports": [_nat_port(port) for _key, port in sorted(host.firewall.state.nat_ports.items())],
            "host": _host(host),
        }
    finally:
        host.release()


def _containers(host: Host) -> list[dict[str, Any]]:
    found = []
    for name in sorted(host.handles):
        labels = namespaces.labels(host, name)
        if labels is None:
            continue
        remembered = host.memory["handles"].get(name) or {}
        join, pid = remembered.get("join"), remembered.get("pid")
        found.append(
            {
                "name": name,
                "mode": _mode(labels, join, pid),
                "join": join,
                "labels": labels,
                "pids": [] if remembered else host.processes(name),
                "endpoints": [] if join else _endpoints(host, name),
                "interfaces": [] if join else _cards(host, name),
            }
        )
        host.stack(name).release()
    return found


def _mode(labels: dict[str, str], join: str | None, pid: int | None) -> str:
    if join is not None:
        return "host" if join == namespaces.HOST else "container:" + join
    return "pid:%d" % pid if pid is not None else labels.get("mode", "bridge")


def _endpoints(host: Host, name: str) -> list[dict[str, Any]]:
    stack, outside = host.stack(name), host.stack(None)
    near_by_index = {link.index: link for link in outside.links.values() if link.kind == "veth" and link.ours}
    found = []
    for link in sorted(stack.links.values(), key=lambda link: link.index):
        near = near_by_index.get(link.peer_index or 0)
        if link.kind != "veth" or near is None or near.peer_index != link.index or near.peer_namespace is None:
            continue
        if (near.labels or {}).get("container", name) != name:  # the same two indices between other namespaces
            continue
        bridge = outside.link_at(near.master)
        found.append(
            {
                "network": (near.labels or {}).get("network") or _network_of(bridge),
                "bridge": None if bridge is None else bridge.name,
                "veth": near.name,
                "interface": link.name,
                "mac": link.mac,
                "addresses": [address for address in stack.addresses.get(link.index, []) if not is_link_local(address)],
            }
        )
    return found


def _cards(host: Host, name: str) -> list[dict[str, Any]]:
    """The cards that a container was given, and its macvlans, each with the card's name on the host."""
    stack = host.stack(name)
    return [
        {
            "device": (link.labels or {})[cards.DEVICE],
            "name": link.name,
            "type": "macvlan" if link.kind == "macvlan" else "physical",
            "mac": link.mac,
            "addresses": [address for address in stack.addresses.get(link.index, []) if not is_link_local(address)],
        }
        for link in sorted(stack.links.values(), key=lambda link: link.index)
        if cards.DEVICE in (link.labels or {})
    ]


def _network_of(bridge: Link | None) -> str | None:
    return None if bridge is None else (bridge.labels or {}).get("network", bridge.name)


def _networks(host: Host, containers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for link in sorted(host.stack(None).links.values(), key=lambda link: link.name):
        if link.kind == "bridge" and link.ours:
            found.append(_network(host, link, containers))
    return found


def _network(host: Host, link: Link, containers: list[dict[str, Any]]) -> dict[str, Any]:
    policy = host.firewall.state.policies.get(link.name, _UNKNOWN)
    own = [address for address in host.stack(None).addresses.get(link.index, []) if not is_link_local(address)]
    subnets = sorted(
        policy.subnets or {str(ipaddress.ip_interface(address).network) for address in own}, key=_by_family
    )
    inside = {
        container["name"]: _inspected(container, endpoint)
        for container in containers
        for endpoint in container["endpoints"]
        if endpoint["bridge"] == link.name
    }
    labels = dict(link.labels or {})
    return {
        "Name": labels.pop("network", link.name),
        "Id": link.name,
        "Scope": "global" if "vni" in labels else "local",
        "Driver": "overlay" if "vni" in labels else "bridge",
        "EnableIPv4": any(":" not in subnet for subnet in subnets),
        "EnableIPv6": any(":" in subnet for subnet in subnets),
        "IPAM": {"Driver": "default", "Config": [_ipam(subnet, own) for subnet in subnets]},
        "Internal": policy.internal,
        "Options": _options(link, policy),
        "Labels": labels,
        "Containers": inside,
        "Ports": _ports(host, inside),
    }


def _inspected(container: dict[str, Any], endpoint: dict[str, Any]) -> dict[str, Any]:
    addresses = endpoint["addresses"]
    return {
        "Name": container["name"],
        "EndpointID": endpoint["veth"],
        "InterfaceName": endpoint["interface"],
        "MacAddress": endpoint["mac"],
        "IPv4Address": next((address for address in addresses if ":" not in address), ""),
        "IPv6Address": next((address for address in addresses if ":" in address), ""),
    }


def _ipam(subnet: str, own: list[str]) -> dict[str, str]:
    network = ipaddress.ip_network(subnet)
    inside = (address.split("/")[0] for address in own)
    gateway = next((address for address in inside if ipaddress.ip_address(address) in network), None)
    return {"Subnet": subnet, **({"Gateway": gateway} if gateway else {})}


def _options(link: Link, policy: Policy) -> dict[str, Any]:
    options = {"bridge": link.name, "mtu": link.mtu, "icc": policy.icc, "masquerade": policy.masquerade}
    options["gateway_mode"] = policy.gateway_mode
    if policy.snat_address:
        options["snat_address"] = policy.snat_address
    if policy.trusted_interfaces:
        options["trusted_interfaces"] = sorted(policy.trusted_interfaces)
    return options


def _ports(host: Host, inside: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    holder = {
        address.split("/")[0]: container["Name"]
        for container in inside.values()
        for address in (container["IPv4Address"], container["IPv6Address"])
        if address
    }
    return [
        {
            "Protocol": port.protocol,
            "HostIp": port.host_ip or "",
            "HostPort": port.host_port,
            "Address": port.to_address,
            "Port": port.to_port,
            "Container": holder[port.to_address],
        }
        for _key, port in sorted(host.firewall.state.nat_ports.items())
        if port.to_address in holder
    ]


def _bridges(host: Host) -> list[dict[str, Any]]:
    found = []
    for netns in [None] + [name for name in sorted(host.handles) if namespaces.labels(host, name) is not None]:
        if netns is not None and netns in host.memory["handles"]:
            continue
        stack = host.stack(netns)
        for link in sorted(stack.links.values(), key=lambda link: link.name):
            if link.kind == "bridge" and link.ours:
                ports = sorted(port.name for port in stack.links.values() if port.master == link.index)
                identity = "8000." + (link.mac or "").replace(":", "")
                found.append(
                    {"name": link.name, "netns": netns, "id": identity, "stp": bridges.stp(link), "interfaces": ports}
                )
    return found


def _tunnels(host: Host, with_endpoints: bool) -> list[dict[str, Any]]:
    stack = host.stack(None)
    links = sorted(stack.links.values(), key=lambda link: link.name)
    return [vxlan_tunnel.shown(stack, link, with_endpoints) for link in links if link.kind == "vxlan"]


def _nat_port(port: NatPort) -> dict[str, Any]:
    fields = ("protocol", "host_ip", "host_port", "to_address", "to_port", "bridge")
    return {field: getattr(port, field) for field in fields}


def _host(host: Host) -> dict[str, Any]:
    stack = host.stack(None)
    by_index = {link.index: link for link in stack.links.values()}
    routes = [
        {"to": route.to, "via": route.via, "dev": by_index[route.index].name if route.index in by_index else None}
        for route in stack.routes
    ]
    controller = cards.controller_address()
    interfaces = [
        {
            "name": link.name,
            "kind": link.kind,
            "mtu": link.mtu,
            "up": link.up,
            "ours": link.ours,
            "labels": link.labels,
            "device": cards.home_name(link),  # of a card whose namespace somebody deleted
            "lifeline": None if link.ours else cards.lifeline(stack, link, controller),
            "addresses": settings.read(stack, link)["addresses"],
        }
        for link in sorted(stack.links.values(), key=lambda link: link.name)
    ]
    return {
        "interfaces": interfaces,
        "routes": routes,
        "listeners": _listeners(host),
        "namespaces": sorted(host.handles),
    }


def _listeners(host: Host) -> list[dict[str, Any]]:
    """The sockets of the host's own namespace that wait for whoever comes: TCP ones that listen, UDP ones without a
    peer."""
    waiting = [
        *_sockets("tcp", socket.AF_INET, "0A"),
        *_sockets("tcp6", socket.AF_INET6, "0A"),
        *_sockets("udp", socket.AF_INET, "07"),
        *_sockets("udp6", socket.AF_INET6, "07"),
    ]
    owners = _owners({inode for _protocol, _address, _port, inode in waiting})
    found = []
    for protocol, address, port, inode in sorted(waiting):
        pid = owners.get(inode)
        found.append({"protocol": protocol, "address": address, "port": port, "pid": pid, "process": _command(pid)})
    return found


def _sockets(table: str, family: int, state: str) -> list[tuple[str, str, int, str]]:
    """Protocol, address, port and inode of the sockets in that state: proc_net_tcp.rst."""
    found = []
    with contextlib.suppress(FileNotFoundError), open("/proc/self/net/" + table, encoding="ascii") as file:
        for line in list(file)[1:]:
            fields = line.split()
            if fields[3] == state:
                address, port = fields[1].split(":")
                words = [int(address[at : at + 8], 16).to_bytes(4, _order()) for at in range(0, len(address), 8)]
                text = socket.inet_ntop(family, b"".join(words))
                found.append((table.rstrip("6"), text, int(port, 16), fields[9]))
    return found


def _order() -> Any:
    return "little" if socket.htons(1) != 1 else "big"


def _owners(inodes: set[str]) -> dict[str, int]:
    owners = {}
    for pid in filter(str.isdigit, os.listdir("/proc") if inodes else []):
        with contextlib.suppress(OSError):  # ended meanwhile
            for file in os.scandir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    target = os.readlink(file.path)
                    if target.startswith("socket:[") and target[8:-1] in inodes:
                        owners[target[8:-1]] = int(pid)
    return owners


def _command(pid: int | None) -> str | None:
    with contextlib.suppress(OSError):
        if pid is not None:
            with open("/proc/%d/comm" % pid, encoding="utf-8", errors="replace") as file:
                return file.read().strip()
    return None


def _by_family(subnet: str) -> tuple[bool, str]:
    return ":" in subnet, subnet
