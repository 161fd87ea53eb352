# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Validation of a firewall state: one error text a problem, and fast checks for valid objects. Pure functions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import (
    AllowedPort,
    Guard,
    NatPort,
    Policy,
    Port,
    State,
    Tunnel,
)
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip, values
from ansible_collections.virtnet.linux.plugins.module_utils.rules.names import (
    GATEWAY_MODES,
    MAC,
    PROTOCOLS,
    VNI_LAST,
    is_interface_name,
)
from ansible_collections.virtnet.linux.plugins.module_utils.rules.values import is_normal_address, is_normal_subnet

_Key = TypeVar("_Key")
_Item = TypeVar("_Item")


def problems(state: State, valid: State) -> Iterator[str]:
    """Yield all errors of a state, a line each. Objects that are also in a valid state, ``sound``, are skipped."""
    for policy in _others(state.policies, valid.policies):
        yield from policy_problems(policy)
    yield from _overlaps(state)
    for guard in _others(state.guards, valid.guards):
        yield from guard_problems(guard)
    for port in _others(state.ports, valid.ports):
        yield from port_problems(port)
    for nat_port in _others(state.nat_ports, valid.nat_ports):
        if not is_port(nat_port):
            yield from _nat_port_problems(nat_port)
    for allowed in _others(state.allowed_ports, valid.allowed_ports):
        yield from allowed_port_problems(allowed)
    yield from _misplaced(state)
    for version in sorted(state.norouter - {4, 6}):
        yield "norouter: %r: the IP versions are 4 and 6" % (version,)
    for name in sorted(state.routers):
        yield from _name_problems("routers", "interface", name)
    for number in sorted(state.tunnel_ports):
        if not _is_whole(number) or not 1 <= number <= 65535:
            yield "tunnel_ports: %r: %s" % (number, values.PORT)
    for tunnel in _others(state.tunnels, valid.tunnels):
        yield from tunnel_problems(tunnel)
    yield from _shared_vnis(state)


def _others(items: dict[_Key, _Item], valid: dict[_Key, _Item]) -> list[_Item]:
    return [item for key, item in sorted(items.items()) if valid.get(key) != item]


def _misplaced(state: State) -> Iterator[str]:
    """Yield an error for each key of the state's dicts that differs from its value's own key."""
    by_field: tuple[tuple[str, str, dict[Any, Any]], ...] = (
        ("policy", "bridge", state.policies),
        ("guard", "port", state.guards),
        ("port", "name", state.ports),
        ("published port", "key", state.nat_ports),
        ("opened port", "key", state.allowed_ports),
        ("tunnel", "name", state.tunnels),
    )
    for kind, field, held in by_field:
        for key, item in held.items():
            if getattr(item, field) != key:
                yield "%s %r: is stored under %r" % (kind, getattr(item, field), key)


def policy_problems(policy: Policy) -> Iterator[str]:
    """Yield the errors of a network policy."""
    about = "policy of bridge %r" % policy.bridge
    yield from _name_problems(about, "bridge", policy.bridge)
    for subnet in policy.subnets:
        if not is_normal_subnet(subnet):
            yield "%s: subnets: %r: %s" % (about, subnet, values.subnet())
    if policy.gateway_mode not in GATEWAY_MODES:
        yield "%s: gateway_mode: %r is none of %s" % (about, policy.gateway_mode, ", ".join(GATEWAY_MODES))
    other = {"nat": "routed", "routed": "nat"}.get(policy.gateway_mode)
    if policy.gateway_mode6 not in (None, other):
        yield "%s: gateway_mode6: %r is no other mode beside %r: the two that differ are nat and routed" % (
            about, policy.gateway_mode6, policy.gateway_mode)  # fmt: skip
    for version, field in ((4, "snat_address"), (6, "snat_address6")):
        address = getattr(policy, field)
        if address is not None and not (is_normal_address(address) and ip.version_of(address) == version):
            yield "%s: %s: %r: %s" % (about, field, address, values.address(version))
    for field in ("trusted_interfaces", "uplinks"):
        for interface in getattr(policy, field):
            yield from _name_problems(about, field, interface)
            if interface == policy.bridge:
                yield "%s: %s: %r is the bridge itself" % (about, field, interface)


def _overlaps(state: State) -> Iterator[str]:
    subnets: dict[int, list[tuple[Any, str]]] = {4: [], 6: []}
    for name, policy in state.policies.items():
        for subnet in filter(is_normal_subnet, policy.subnets):
            subnets[ip.version_of(subnet)].append((ip.network(subnet), name))
    for one_version in subnets.values():
        one_version.sort(key=lambda pair: pair[0])
        for (before, owner), (after, name) in zip(one_version, one_version[1:]):
            if before.overlaps(after):
                yield "policy of bridge %r: subnets: %s overlaps %s of bridge %r" % (name, after, before, owner)


def guard_problems(guard: Guard) -> Iterator[str]:
    """Yield the errors of a guard (anti-spoofing of a port)."""
    about = "guard of port %r" % guard.port
    yield from _name_problems(about, "port", guard.port)
    yield from _name_problems(about, "bridge", guard.bridge)
    if not (isinstance(guard.mac, str) and MAC.match(guard.mac)):
        yield "%s: mac: %r: %s" % (about, guard.mac, values.MAC_ADDRESS)
    for address in guard.addresses:
        if not is_normal_address(address):
            yield "%s: addresses: %r: %s" % (about, address, values.address())
    networks = []
    for address in guard.allowed_addresses:
        if is_normal_subnet(address):
            networks.append(ip.network(address))
        else:
            yield "%s: allowed_addresses: %r: %s" % (about, address, values.subnet())
    for number, network in enumerate(networks):
        for other in networks[:number]:
            if network.version == other.version and network.overlaps(other):
                yield "%s: allowed_addresses: %s overlaps %s: leave the smaller one out" % (about, network, other)


def is_guard(guard: Guard) -> bool:
    """Whether a guard is valid: a fast check, for most of thousands are."""
    return (
        is_interface_name(guard.port)
        and is_interface_name(guard.bridge)
        and MAC.match(guard.mac) is not None
        and not guard.allowed_addresses
        and all(map(is_normal_address, guard.addresses))
    )


def is_endpoint(port: Port) -> bool:
    """Whether a port of a single bridge is valid: a fast check, too."""
    return is_interface_name(port.name) and is_interface_name(port.bridge) and not port.also_on and not port.addresses


def port_problems(port: Port) -> Iterator[str]:
    """Yield the errors of a bridge port."""
    about = "port %r" % port.name
    yield from _name_problems(about, "name", port.name)
    for bridge in (port.bridge, *port.also_on):
        yield from _name_problems(about, "bridge", bridge)
    for address in port.addresses:
        if not is_normal_address(address):
            yield "%s: addresses: %r: %s" % (about, address, values.address())


def is_port(port: NatPort) -> bool:
    """Whether a published port is valid: a fast check, for most of thousands are."""
    return (
        port.protocol in PROTOCOLS
        and _is_whole(port.host_port)
        and _is_whole(port.to_port)
        and 1 <= port.host_port <= 65535
        and 1 <= port.to_port <= 65535
        and is_normal_address(port.to_address)
        and (port.host_ip is None or _is_host_address(port.host_ip, port.to_address))
        and (port.bridge is None or is_interface_name(port.bridge))
    )


def _nat_port_problems(port: NatPort) -> Iterator[str]:
    about = "published port %s" % (port.host_port,)
    if port.protocol not in PROTOCOLS:
        yield "%s: protocol: %r is none of %s" % (about, port.protocol, ", ".join(PROTOCOLS))
    for field in ("host_port", "to_port"):
        number = getattr(port, field)
        if not _is_whole(number) or not 1 <= number <= 65535:
            yield "%s: %s: %r: %s" % (about, field, number, values.PORT)
    if not is_normal_address(port.to_address):
        yield "%s: to_address: %r: %s" % (about, port.to_address, values.address())
    elif port.host_ip is not None and not _is_host_address(port.host_ip, port.to_address):
        yield ("%s: host_ip: %r: must be a unicast address of the IP version of %s; leave it out for all addresses"
               % (about, port.host_ip, port.to_address))  # fmt: skip
    if port.bridge is not None:
        yield from _name_problems(about, "bridge", port.bridge)


def allowed_port_problems(allowed: AllowedPort) -> Iterator[str]:
    """Yield the errors of an allowed port (routed mode)."""
    about = "opened port %s" % (allowed.port,)
    if allowed.protocol not in PROTOCOLS:
        yield "%s: protocol: %r is none of %s" % (about, allowed.protocol, ", ".join(PROTOCOLS))
    if not _is_whole(allowed.port) or not 1 <= allowed.port <= 65535:
        yield "%s: port: %r: %s" % (about, allowed.port, values.PORT)
    if not is_normal_address(allowed.address):
        yield "%s: address: %r: %s" % (about, allowed.address, values.address())
    yield from _name_problems(about, "bridge", allowed.bridge)


def tunnel_problems(tunnel: Tunnel) -> Iterator[str]:
    """Yield the errors of a VXLAN tunnel."""
    about = "tunnel %r" % tunnel.name
    yield from _name_problems(about, "name", tunnel.name)
    if tunnel.version not in (4, 6):
        yield "%s: version: %r: the IP versions are 4 and 6" % (about, tunnel.version)
    if not _is_whole(tunnel.port) or not 1 <= tunnel.port <= 65535:
        yield "%s: port: %r: %s" % (about, tunnel.port, values.PORT)
    if not _is_whole(tunnel.vni) or not 1 <= tunnel.vni <= VNI_LAST:
        yield "%s: vni: %r: %s" % (about, tunnel.vni, values.VNI)
    for vtep in tunnel.vteps:
        if not is_normal_address(vtep) or ip.version_of(vtep) != tunnel.version:
            yield "%s: vteps: %r: %s" % (about, vtep, values.address(tunnel.version))


def _shared_vnis(state: State) -> Iterator[str]:
    """Yield an error for two tunnels with one VNI on the same UDP port: each would accept the other's VTEPs."""
    names: dict[tuple[int, int, int], str] = {}
    for name, tunnel in sorted(state.tunnels.items()):
        other = names.setdefault((tunnel.version, tunnel.port, tunnel.vni), name)
        if other != name:
            yield "tunnel %r: vni: %d: the tunnel %s has it on the same UDP port" % (name, tunnel.vni, other)


def _is_host_address(address: object, to_address: str) -> bool:
    if not is_normal_address(address) or ip.version_of(str(address)) != ip.version_of(to_address):
        return False
    parsed = ip.address(str(address))
    return not (parsed.is_unspecified or parsed.is_multicast or (parsed.version == 6 and parsed.is_link_local))


def _name_problems(about: str, field: str, name: object) -> Iterator[str]:
    if not is_interface_name(name):
        yield "%s: %s: %r: %s" % (about, field, name, values.INTERFACE_NAME)


def _is_whole(number: object) -> bool:
    """Whether it is an integer, and no bool."""
    return isinstance(number, int) and not isinstance(number, bool)
