# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The observed state of managed objects, in the words of ``docker network inspect`` and ``brctl show``, and what else
of the host a plan depends on. Read from the kernel, except whose namespace a container joined, and persisted documents.
Its shape is in docs/architecture.md."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterator
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.engine import health
from ansible_collections.virtnet.linux.plugins.module_utils.engine.revision import revision
from ansible_collections.virtnet.linux.plugins.module_utils.facts import lifelines, nics
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.facts.ownership import namespace_labels
from ansible_collections.virtnet.linux.plugins.module_utils.facts.switches import OPEN_VSWITCH
from ansible_collections.virtnet.linux.plugins.module_utils.kinds import bridge as bridges
from ansible_collections.virtnet.linux.plugins.module_utils.kinds import foreign_firewall, vxlan_tunnel
from ansible_collections.virtnet.linux.plugins.module_utils.kinds import netns as namespaces
from ansible_collections.virtnet.linux.plugins.module_utils.links import settings
from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import AllowedPort, NatPort, Policy
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.link import Link
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.namespaces import entered, since
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.rpdb import Rule
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import is_link_local
from ansible_collections.virtnet.linux.plugins.module_utils.persist import documents
from ansible_collections.virtnet.linux.plugins.module_utils.rules import names
from ansible_collections.virtnet.linux.plugins.module_utils.system import limits, listeners, resolvers, sysctls

_UNKNOWN = Policy("", (), masquerade=False)


def report(tunnel_endpoints: bool = False, docker_format: bool = False) -> dict[str, Any]:
    """Return the observed networks, bridges, containers, tunnels (with ``tunnel_endpoints`` their FDB entries),
    nat_ports and host; with ``docker_format`` the networks and containers as Docker prints them too."""
    host = Host()
    try:
        containers = _containers(host)
        found = {
            "networks": _networks(host, containers),
            "bridges": _bridges(host),
            "containers": containers,
            "tunnels": _tunnels(host, tunnel_endpoints),
            "nat_ports": [_nat_port(port) for _key, port in sorted(host.firewall.state.nat_ports.items())],
            "allowed_ports": [_allowed_port(port) for _key, port in sorted(host.firewall.state.allowed_ports.items())],
            "host": _host(host),
            "remembered": documents.remembered(),
            "revision": revision(host),
        }
        return {**found, "docker": _docker(host, found)} if docker_format else found
    finally:
        host.release()


def networks(docker_format: bool = False) -> dict[str, Any]:
    """Return the networks as report() does, with ``docker_format`` as Docker lists them too, but of their containers
    only the names: no namespace is entered, of which a host may have a thousand."""
    host = Host(waits=True)
    try:
        found = {"networks": _networks(host, []), "containers": []}
        docker = _docker(host, found) if docker_format else {}
        for one in found["networks"]:
            one["Containers"] = {name: {} for name in _names_on(host, one["Id"])}
        return {"networks": found["networks"], "docker": docker}
    finally:
        host.release()


def _names_on(host: Host, bridge: str) -> list[str]:
    """Return the containers with an endpoint on a bridge, by the ownership labels of the host's ends; an end without
    the label of a container counts by its own name."""
    links = host.stack(None).links
    index = links[bridge].index
    ends = [link for link in links.values() if link.kind == "veth" and link.ours and link.peer_namespace is not None]
    return sorted({(end.labels or {}).get("container", end.name) for end in ends if end.master == index})


def _docker(host: Host, found: dict[str, Any]) -> dict[str, Any]:
    from ansible_collections.virtnet.linux.plugins.module_utils.inspect import docker_format  # only if requested

    stack = host.stack(None)
    networks = {one["Id"]: stack.since(stack.links[one["Id"]].index) for one in found["networks"]}
    containers = {one["name"]: since(one["name"]) for one in found["containers"]}
    return docker_format.convert(found, _machine(), networks, containers)


def _machine() -> str:
    """Return the machine ID (machine-id(5)); empty where a host has none."""
    with contextlib.suppress(OSError), open("/etc/machine-id", encoding="ascii", errors="replace") as file:
        return file.read(64).strip()
    return ""


def _containers(host: Host) -> list[dict[str, Any]]:
    found = []
    ends = _ends_by_nsid(host)
    for name in sorted(host.handles):
        labels = namespace_labels(host, name)
        if labels is None:
            continue
        remembered = host.memory["handles"].get(name) or {}
        join, pid = remembered.get("join"), remembered.get("pid")
        pids = [] if remembered else host.processes(name)
        endpoints = [] if join else _endpoints(host, name, ends.get(host.nsid(None, name), []))
        interfaces = [] if join else _nics(host, name)
        found.append(
            {
                "name": name,
                "mode": _mode(labels, join, pid, endpoints),
                "join": join,
                "labels": labels,
                "pids": pids,
                "programs": {str(pid): program for pid in pids for program in _program(pid)},
                "endpoints": endpoints,
                "forwarding": len(endpoints) + len(interfaces) > 1 and _is_router(name),
                "interfaces": interfaces,
            }
        )
        host.stack(name).release()
    return found


def _program(pid: int) -> Iterator[str]:
    """Yield the name of a process's program (proc(5), comm), without control characters: the process may have set it;
    nothing where it has ended."""
    with contextlib.suppress(OSError), open("/proc/%d/comm" % pid, encoding="utf-8", errors="replace") as file:
        yield "".join(char for char in file.read(64) if char.isprintable())


def _mode(labels: dict[str, str], join: str | None, pid: int | None, endpoints: list[dict[str, Any]]) -> str:
    if join is not None:
        return "host" if join == namespaces.HOST else "container:" + join
    on_bridge = any(endpoint["bridge"] is not None for endpoint in endpoints)
    return "pid:%d" % pid if pid is not None else labels.get("mode") or ("bridge" if on_bridge else "none")


def _ends_by_nsid(host: Host) -> dict[int | None, list[Link]]:
    """Return the host's ends of managed veths by the nsid of the peer's namespace."""
    found: dict[int | None, list[Link]] = {}
    for link in host.stack(None).links.values():
        if link.kind == "veth" and link.ours and link.peer_namespace is not None:
            found.setdefault(link.peer_namespace, []).append(link)
    return found


def _endpoints(host: Host, name: str, ends: list[Link]) -> list[dict[str, Any]]:
    stack, outside = host.stack(name), host.stack(None)
    near_by_index = {link.peer_index: link for link in ends}
    found = []
    for link in sorted(stack.links.values(), key=lambda link: link.index):
        near = near_by_index.get(link.index)
        if near is None:
            continue
        bridge = outside.link_at(near.master)
        found.append(
            {
                "network": (near.labels or {}).get("network") or _network_of(bridge),
                "aliases": [alias for alias in (near.labels or {}).get("aliases", "").split("+") if alias],
                "bridge": None if bridge is None else bridge.name,
                "veth": near.name,
                "interface": (near.labels or {}).get("interface") or link.name,
                "mac": link.mac,
                "addresses": [address for address in stack.addresses_of(link.index) if not is_link_local(address)],
                "guard": _guard(host, near),
                "assigned": _assigned(near),
            }
        )
    return found


def _guard(host: Host, near: Link) -> dict[str, Any] | None:
    """Return the anti-spoofing guard of an endpoint, which its container cannot change; None without anti-spoofing."""
    guard = host.firewall.state.guards.get(near.name)
    if guard is None:
        return None
    return {"mac": guard.mac, "addresses": list(guard.addresses) if guard.addresses_checked else None}


def _assigned(near: Link) -> dict[str, Any] | None:
    """Return the assigned MAC and addresses of an endpoint that may send from others, out of its host end's alias."""
    words = near.labels or {}
    if "addresses" not in words or "mac" not in words:
        return None
    return {"mac": words["mac"], "addresses": words["addresses"].split("+")}


def _is_router(name: str) -> bool:
    with entered(name):
        return "1" in map(sysctls.read, sysctls.FORWARDING.values())


def _nics(host: Host, name: str) -> list[dict[str, Any]]:
    """Return the NICs moved into a container, and its macvlans, each with the NIC's name on the host."""
    stack = host.stack(name)
    devices = {link.name: device for device, link in nics.given_to(name, host).items()}
    for link in stack.links.values():
        if link.kind == "macvlan" and host.is_peer_in(link, name, None):
            parent = host.stack(None).link_at(link.peer_index)
            if parent is not None:
                devices[link.name] = parent.name
    return [
        {
            "device": devices[link.name],
            "name": link.name,
            "type": "macvlan" if link.kind == "macvlan" else "physical",
            "mac": link.mac,
            "addresses": [address for address in stack.addresses_of(link.index) if not is_link_local(address)],
        }
        for link in sorted(stack.links.values(), key=lambda link: link.index)
        if link.name in devices
    ]


def _network_of(bridge: Link | None) -> str | None:
    return None if bridge is None else (bridge.labels or {}).get("network", bridge.name)


def _networks(host: Host, containers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for link in sorted(host.stack(None).links.values(), key=lambda link: link.name):
        if link.switch and link.ours and "network" in (link.labels or {}):
            found.append(_network(host, link, containers))
    return found


def _network(host: Host, link: Link, containers: list[dict[str, Any]]) -> dict[str, Any]:
    policy = host.firewall.state.policies.get(link.name, _UNKNOWN)
    head = _gateway_bridge(host, link)
    own = [address for address in host.stack(None).addresses_of(head.index) if not is_link_local(address)]
    subnets = sorted(
        host.firewall.state.policies.get(head.name, _UNKNOWN).subnets
        or {str(ipaddress.ip_interface(address).network) for address in own},
        key=_by_family,
    )
    inside = {
        container["name"]: _inspected(container, endpoint)
        for container in containers
        for endpoint in container["endpoints"]
        if endpoint["bridge"] == link.name
    }
    labels = dict(link.labels or {})
    kept = [labels.pop(word, "") for word in ("ip_range", "ip_range6", "aux_addresses")]
    bindings = {word: labels.pop(word) for word in ("host_binding_ipv4", "host_binding_ipv6") if word in labels}
    return {
        "Name": labels.pop("network", link.name),
        "Id": link.name,
        "Scope": "global" if "vni" in labels else "local",
        "Driver": "overlay" if "vni" in labels else "bridge",
        "EnableIPv4": any(":" not in subnet for subnet in subnets),
        "EnableIPv6": any(":" in subnet for subnet in subnets),
        "IPAM": {"Driver": "default", "Config": [_ipam(subnet, own, *kept) for subnet in subnets]},
        "Internal": policy.internal,
        "Options": {**_options(link, policy), **_driver_options(host, link), **bindings},
        "Labels": labels,
        "Containers": inside,
        "Ports": _ports(host, inside),
    }


def _gateway_bridge(host: Host, link: Link) -> Link:
    """Return the gateway bridge of a segment: this one, or that of the network that it is attached to."""
    joins = (link.labels or {}).get("joins")
    others = [one for one in host.stack(None).links.values() if one.switch and joins]
    return next((one for one in others if (one.labels or {}).get("network") == joins), link)


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


def _ipam(subnet: str, own: list[str], ip_range: str, ip_range6: str, aux_addresses: str) -> dict[str, Any]:
    network = ipaddress.ip_network(subnet)
    part = ip_range if network.version == 4 else ip_range6
    gateways = [address.split("/")[0] for address in own if _lies_in(address, network)]
    reserved = names.addresses_of(aux_addresses).items()
    fields: dict[str, Any] = {
        "IPRange": part if _lies_in(part, network) else None,
        "Gateway": next(iter(gateways), None),
        "AuxiliaryAddresses": {name: address for name, address in reserved if _lies_in(address, network)},
    }
    return {"Subnet": subnet, **{word: value for word, value in fields.items() if value}}


def _lies_in(text: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    """Return whether an address, with or without a prefix length, is in the network; False for invalid text."""
    try:
        return ipaddress.ip_interface(text).ip in network
    except ValueError:
        return False


def _options(link: Link, policy: Policy) -> dict[str, Any]:
    options = {"bridge": link.name, "mtu": link.mtu, "icc": policy.icc, "masquerade": policy.masquerade}
    options["gateway_mode"] = policy.gateway_mode
    for name in ("gateway_mode6", "snat_address", "snat_address6"):
        if getattr(policy, name):
            options[name] = getattr(policy, name)
    for name in ("trusted_interfaces", "uplinks"):
        if getattr(policy, name):
            options[name] = sorted(getattr(policy, name))
    return options


def _vlan(host: Host, link: Link) -> dict[str, Any]:
    """Return switch and VLAN of a network on a shared switch; empty for any other."""
    observed = host.switches.found if link.switch == OPEN_VSWITCH else None
    switch, vlan = (observed.segment_of(link.name) if observed is not None else None) or ("", None)
    return {} if vlan is None else {"switch": switch, "vlan": vlan}


def _driver_options(host: Host, link: Link) -> dict[str, Any]:
    return {} if link.switch == "linux" else {"driver": link.switch, **_vlan(host, link)}


def _ports(host: Host, inside: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    state = host.firewall.state
    holder = {}
    for container in inside.values():
        guard = state.guards.get(container["EndpointID"])
        has = [container[word].split("/")[0] for word in ("IPv4Address", "IPv6Address")]
        holder.update(dict.fromkeys(guard.addresses if guard and guard.addresses else has, container["Name"]))
    published = [
        (port.protocol, port.host_ip or "", port.host_port, port.to_address, port.to_port)
        for _key, port in sorted(state.nat_ports.items())
    ]
    opened = [(port.protocol, "", None, port.address, port.port) for _key, port in sorted(state.allowed_ports.items())]
    words = ("Protocol", "HostIp", "HostPort", "Address", "Port")
    return [
        {**dict(zip(words, port)), "Container": holder[port[3]]} for port in published + opened if port[3] in holder
    ]


def _bridges(host: Host) -> list[dict[str, Any]]:
    found = []
    for netns in [None] + [name for name in sorted(host.handles) if namespace_labels(host, name) is not None]:
        if netns is not None and netns in host.memory["handles"]:
            continue
        stack = host.stack(netns)
        for link in sorted(stack.links.values(), key=lambda link: link.name):
            if link.switch and link.ours:
                ports = sorted(port.name for port in stack.links.values() if port.master == link.index)
                fields = {"name": link.name, "netns": netns, "id": bridges.identity(link), "stp": link.stp}
                found.append(
                    {**fields, "driver": link.switch, "labels": link.labels, "interfaces": ports, **_vlan(host, link)}
                )
    return found


def _tunnels(host: Host, with_endpoints: bool) -> list[dict[str, Any]]:
    stack = host.stack(None)
    links = sorted(stack.links.values(), key=lambda link: link.name)
    return [vxlan_tunnel.shown(stack, link, with_endpoints) for link in links if link.kind == "vxlan"]


def _nat_port(port: NatPort) -> dict[str, Any]:
    fields = ("protocol", "host_ip", "host_port", "to_address", "to_port", "bridge")
    return {field: getattr(port, field) for field in fields}


def _allowed_port(opening: AllowedPort) -> dict[str, Any]:
    return {field: getattr(opening, field) for field in ("protocol", "address", "port", "bridge")}


def _host(host: Host) -> dict[str, Any]:
    stack = host.stack(None)
    by_index = {link.index: link for link in stack.links.values()}
    routes = [
        {"to": route.to, "via": route.via, "dev": by_index[route.index].name if route.index in by_index else None}
        for route in stack.routes
    ]
    other_routes = [
        {"to": to, "dev": by_index[index].name if index in by_index else None, "type": kind, "table": table}
        for to, index, kind, table in stack.other_routes()
    ]
    lost = lifelines.lifelines(stack, lifelines.controller_address())
    strays = nics.strays(host)
    vrfs = {link.index: link.name for link in stack.links.values() if link.kind == "vrf"}
    waiting = listeners.listeners()
    interfaces = [
        {
            "name": link.name,
            "kind": link.kind,
            "altnames": link.altnames,
            "mtu": link.mtu,
            "up": link.up,
            "ours": link.ours and link.name not in strays,
            "labels": nics.labels(strays[link.name], host) if link.name in strays else link.labels,
            "device": strays.get(link.name),  # for a NIC that came back when its namespace was deleted out of band
            "vrf": vrfs.get(link.master or 0),
            "lifeline": None if link.ours else lost.get(link.index),
            "addresses": settings.read(stack, link, ["addresses"])["addresses"],
        }
        for link in sorted(stack.links.values(), key=lambda link: link.name)
    ]
    return {
        "interfaces": interfaces,
        "routes": routes,
        "other_routes": other_routes,
        "rules": [_rule(rule) for rule in stack.rules],
        "listeners": waiting,
        "missing_bridges": sorted(name for name in host.firewall.state.policies if name not in stack.links),
        "limits": limits.read(),
        "bridge_nf_call": health.bridge_nf_call(),
        "foreign_drops": health.foreign_drops(host),
        "foreign_accepts": foreign_firewall.bridges(host.foreign_tables),
        "warnings": health.warnings(host, waiting),
        "routing_warnings": health.routing_warnings(host),
        "namespaces": sorted(host.handles),
        "moved_nics": sorted(nics.moved_on(host)),
        "nameservers": resolvers.nameservers(),
    }


def _rule(rule: Rule) -> dict[str, Any]:
    """Return a routing rule in the words of `ip -json rule`, as far as there are any."""
    found = rule._asdict()
    found["from"] = found.pop("source")
    found["fwmark"] = None if rule.fwmark is None else "%#x/%#x" % rule.fwmark
    found["suppress_prefixlength"] = None if rule.suppress_prefixlength < 0 else rule.suppress_prefixlength
    return found


def _by_family(subnet: str) -> tuple[bool, str]:
    return ":" in subnet, subnet
