# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Conversion of the firewall's state to elements of the sets and maps of ruleset.py, and back. Pure functions.

The elements are the only storage of the state: `parse(elements(state)) == state`. What an element's key and value do
not hold is in its comment, which an administrator can read as well:

    bridges     "br-web" comment "nat icc masquerade"     the network policy; its subnets are in own4 and own6
    pub4        tcp . 8080 comment "br-web" : ...         the container's bridge
    open4       ... comment "br-web"                      an allowed port, not that of a published port
    ingress     "veth1" : drop                            a port of Open vSwitch, closed to the host's own stack
    self        "veth1" . "veth1" comment "br-web"        the port's bridge
    guarded     "veth1" comment "br-web"                  a port with anti-spoofing
    ip4s, ip6s  ... comment "allowed"                     an additionally allowed address; "link-local" with IPv6
    near4       ... comment "veth1 br-app"                a container's address on one network, clients of another
    vnis        ipv4 . 4789 . 42 comment "vx-fabric"      a tunnel with known VTEPs: vteps4 or vteps6
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import (
    AllowedPort,
    Guard,
    NatPort,
    Policy,
    Port,
    State,
    Tunnel,
)
from ansible_collections.virtnet.linux.plugins.module_utils.nft.checks import (
    allowed_port_problems,
    guard_problems,
    is_endpoint,
    is_guard,
    is_port,
    policy_problems,
    port_problems,
    tunnel_problems,
)
from ansible_collections.virtnet.linux.plugins.module_utils.nft.checks import problems as problems_of
from ansible_collections.virtnet.linux.plugins.module_utils.nft.listing import (
    Elements,
    Values,
    no_elements,
    quoted,
)
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip
from ansible_collections.virtnet.linux.plugins.module_utils.rules.names import GATEWAY_MODES, is_interface_name

_VERSIONS = {"ipv4": 4, "ipv6": 6}
_ALLOWED, _OWN_AND_ALLOWED, _LINK_LOCAL = "allowed", "own, allowed", "link-local"


def elements(state: State, valid: State | None = None) -> Elements:
    """Encode the state as elements. Raises ValueError with all its errors, a line each.

    Objects that are also in a valid state, ``sound``, as parse() returns it, are not checked again.
    """
    problems = list(problems_of(state, valid or State()))
    if problems:
        raise ValueError("\n".join(problems))
    found = no_elements()
    for _name, policy in sorted(state.policies.items()):
        _add_policy(policy, found)
    for _name, guard in sorted(state.guards.items()):
        _add_guard(guard, found)
    for _name, port in sorted(state.ports.items()):
        _add_port(port, state.policies, found)
    _add_nat_ports(state, found)
    for _key, allowed in sorted(state.allowed_ports.items()):
        key = "%s . %s . %d" % (allowed.address, allowed.protocol, allowed.port)
        found["inet", "open%d" % ip.version_of(allowed.address)][key] = (None, allowed.bridge)
    for name, version in _VERSIONS.items():
        if version in state.norouter:
            found["inet", "norouter"][name] = (None, None)
    for name in sorted(state.routers):
        found["inet", "routers"][quoted(name)] = (None, None)
    for number in sorted(state.tunnel_ports):
        found["inet", "tunnel_ports"][str(number)] = (None, None)
    for _name, tunnel in sorted(state.tunnels.items()):
        receives = "%d . %d" % (tunnel.port, tunnel.vni)
        found["inet", "vnis"]["ipv%d . %s" % (tunnel.version, receives)] = (None, tunnel.name)
        for vtep in tunnel.vteps:
            found["inet", "vteps%d" % tunnel.version]["%s . %s" % (vtep, receives)] = (None, None)
    return found


def parse(found: Elements) -> State:
    """Decode the state that the elements hold; invalid elements, which another program must have added, are ignored."""
    get = functools.partial(_get, found)
    versions = frozenset(_VERSIONS[name] for name in get("inet", "norouter") if name in _VERSIONS)
    policies = {policy.bridge: policy for policy in _policies(get) if not any(policy_problems(policy))}
    guards = {guard.port: guard for guard in _guards(get) if is_guard(guard) or not any(guard_problems(guard))}
    ports = {port.name: port for port in _ports(get) if is_endpoint(port) or not any(port_problems(port))}
    nat_ports = {port.key: port for port in _nat_ports(get) if is_port(port)}
    allowed_ports = {allowed.key: allowed for allowed in _allowed_ports(get) if not any(allowed_port_problems(allowed))}
    routers = frozenset(name for name in (key.strip('"') for key in get("inet", "routers")) if is_interface_name(name))
    tunnel_ports = frozenset(int(key) for key in get("inet", "tunnel_ports") if key.isdigit())
    tunnels = {tunnel.name: tunnel for tunnel in _tunnels(get) if not any(tunnel_problems(tunnel))}
    return State(policies, guards, ports, nat_ports, versions, allowed_ports, routers, tunnel_ports, tunnels)


def bridge_of(port: NatPort, policies: dict[str, Policy]) -> str | None:
    """Return the bridge of a published port: the one that it names, or the one whose subnet its address is in."""
    if port.bridge is not None:
        return port.bridge
    address = ip.address(port.to_address)
    for policy in policies.values():
        if any(address in ip.network(subnet) for subnet in policy.subnets):
            return policy.bridge
    return None


# ---- state to elements ----


def _add_policy(policy: Policy, found: Elements) -> None:
    bridge = quoted(policy.bridge)
    found["inet", "bridges"][bridge] = (None, _policy_words(policy))
    closed = policy.internal or policy.gateway_mode == "isolated"
    for subnet in policy.subnets:
        version, text = ip.version_of(subnet), _single(subnet)
        found["inet", "subnets%d" % version][text] = (None, None)
        found["inet", "own%d" % version]["%s . %s" % (bridge, text)] = (None, None)
        for other in policy.subnets:
            if ip.version_of(other) == version:
                found["inet", "near%d" % version]["%s . %s" % (text, _single(other))] = (None, None)
        if policy.masquerade and policy.mode(version) == "nat" and not closed:
            snat = policy.snat_address if version == 4 else policy.snat_address6
            name = "snat%d" if snat else "masq%d"
            found["inet", name % version][text] = (snat, None)
    # without subnets there is no gateway by which icc: false could be bypassed
    near = "accept" if policy.icc or not policy.subnets else "goto in_nat"
    found["inet", "pairs"]["%s . %s" % (bridge, bridge)] = (near, None)
    for interface in policy.trusted_interfaces:
        found["inet", "pairs"]["%s . %s" % (quoted(interface), bridge)] = ("accept", None)
    for interface in policy.uplinks:
        found["inet", "uplinks"]["%s . %s" % (bridge, quoted(interface))] = (None, None)
    if closed:
        found["inet", "from"][bridge] = ("drop", None)
    for name, version in _VERSIONS.items():
        verdict = "drop" if closed else "goto in_" + policy.mode(version)
        found["inet", "to"]["%s . %s" % (bridge, name)] = (verdict, None)
    if policy.gateway_mode == "isolated":
        found["inet", "isolated"][bridge] = (None, None)
        found["inet", "ingress"][bridge] = ("jump untracked", None)


def _policy_words(policy: Policy) -> str:
    words = [policy.gateway_mode] + ([policy.gateway_mode6 + "6"] if policy.gateway_mode6 else [])
    words += [word for word in ("icc", "internal", "masquerade") if getattr(policy, word)]
    return " ".join(words + ["snat " + address for address in (policy.snat_address, policy.snat_address6) if address])


def _add_guard(guard: Guard, found: Elements) -> None:
    port = quoted(guard.port)
    found["bridge", "guarded"][port] = (None, guard.bridge)
    if not guard.addresses_checked:
        found["bridge", "unchecked"][port] = (None, None)
    found["bridge", "macs"]["%s . %s" % (port, guard.mac)] = (None, None)
    for address in guard.addresses:
        _add_sender(port, address, None, found)
    for network in guard.allowed_addresses:
        single = _single(network)
        _add_sender(port, single, _OWN_AND_ALLOWED if single in guard.addresses else _ALLOWED, found)
    if any(":" in address for address in (*guard.addresses, *guard.allowed_addresses)):
        _add_sender(port, ip.link_local(guard.mac), _LINK_LOCAL, found)


def _add_sender(port: str, address: str, comment: str | None, found: Elements) -> None:
    """Add one source address, or network, that a port may send."""
    version, many = ip.version_of(address), "/" in address
    senders = found["bridge", ("net%ds" if many else "ip%ds") % version]
    key = "%s . %s" % (port, address)
    if comment != _LINK_LOCAL or key not in senders:
        senders[key] = (None, comment)
    if version == 6:
        target = "%s . %s" % (port, "-".join("0x" + end.hex() for end in _ends(address)))
        found["bridge", "nanets" if many else "na"].setdefault(target, (None, None))


def _ends(address: str) -> tuple[bytes, ...]:
    """Return the address, or the first and last of a network."""
    if "/" not in address:
        return (ip.packed(address),)
    network = ip.network(address)
    return (network[0].packed, network[-1].packed)


def _add_port(port: Port, policies: dict[str, Policy], found: Elements) -> None:
    name = quoted(port.name)
    found["bridge", "self"]["%s . %s" % (name, name)] = (None, port.bridge)
    if port.bridge in policies and not policies[port.bridge].icc:
        found["bridge", "nopeer"][name] = (None, None)
    if port.anycast:
        found["bridge", "anycast"][name] = (None, None)
    if port.reflecting:
        found["bridge", "reflecting"][name] = (None, None)
    if port.is_closed:
        found["inet", "ingress"][name] = ("drop", None)
    for bridge in port.also_on:
        for address in port.addresses:
            version = ip.version_of(address)
            for subnet in policies[bridge].subnets if bridge in policies else ():
                if ip.version_of(subnet) == version:
                    key = "%s . %s" % (_single(subnet), address)
                    found["inet", "near%d" % version][key] = (None, "%s %s" % (port.name, bridge))


def _add_nat_ports(state: State, found: Elements) -> None:
    routed = {
        (name, version)
        for name, policy in state.policies.items()
        for version in (4, 6)
        if policy.mode(version) == "routed"
    }
    everywhere = {4: found["inet", "pub4"], 6: found["inet", "pub6"]}
    one_address = {4: found["inet", "puba4"], 6: found["inet", "puba6"]}
    for _key, port in sorted(state.nat_ports.items()):
        version = 6 if ":" in port.to_address else 4
        value = ("%s . %d" % (port.to_address, port.to_port), port.bridge)
        if port.host_ip is None:
            everywhere[version]["%s . %d" % (port.protocol, port.host_port)] = value
        else:
            one_address[version]["%s . %s . %d" % (port.host_ip, port.protocol, port.host_port)] = value
        if routed and (bridge_of(port, state.policies), version) in routed:
            key = "%s . %s . %d" % (port.to_address, port.protocol, port.to_port)
            found["inet", "open%d" % version][key] = (None, None)


# ---- elements to state ----


def _get(found: Elements, family: str, name: str) -> Values:
    return found.get((family, name), {})


def _policies(get: Any) -> Iterator[Policy]:
    subnets: dict[str, list[str]] = {}
    trusted: dict[str, list[str]] = {}
    uplinks: dict[str, list[str]] = {}
    for bridge, text in (key.split(" . ") for name in ("own4", "own6") for key in get("inet", name)):
        if text in get("inet", "subnets%d" % ip.version_of(text)):  # an interval set, in which nothing overlaps
            subnets.setdefault(bridge, []).append(str(ip.network(text)))
    for source, bridge in (key.split(" . ") for key in get("inet", "pairs")):
        if source != bridge:
            trusted.setdefault(bridge, []).append(source.strip('"'))
    for bridge, interface in (key.split(" . ") for key in get("inet", "uplinks")):
        uplinks.setdefault(bridge, []).append(interface.strip('"'))
    for bridge, (_value, comment) in get("inet", "bridges").items():
        words = (comment or "").split(" ")
        addresses = {ip.version_of(word): word for word in words if ":" in word or "." in word}
        yield Policy(
            bridge=bridge.strip('"'),
            subnets=tuple(sorted(subnets.get(bridge, ()))),
            masquerade="masquerade" in words,
            internal="internal" in words,
            icc="icc" in words,
            gateway_mode=words[0] if words[0] in GATEWAY_MODES else "nat",
            gateway_mode6=next((word[:-1] for word in words if word[:-1] in GATEWAY_MODES and word[-1] == "6"), None),
            snat_address=addresses.get(4),
            snat_address6=addresses.get(6),
            trusted_interfaces=tuple(sorted(trusted.get(bridge, ()))),
            uplinks=tuple(sorted(uplinks.get(bridge, ()))),
        )


def _guards(get: Any) -> Iterator[Guard]:
    macs = dict(key.split(" . ") for key in get("bridge", "macs"))
    own: dict[str, list[str]] = {}
    allowed: dict[str, list[str]] = {}
    for name in ("ip4s", "ip6s", "net4s", "net6s"):
        for key, (_value, comment) in get("bridge", name).items():
            port, address = key.split(" . ")
            if comment in (None, _OWN_AND_ALLOWED):
                own.setdefault(port, []).append(address)
            if comment in (_ALLOWED, _OWN_AND_ALLOWED):
                allowed.setdefault(port, []).append(str(ip.network(address)))
    for port, (_value, bridge) in get("bridge", "guarded").items():
        if port in macs:
            yield Guard(
                port=port.strip('"'),
                bridge=bridge or "",
                mac=macs[port],
                addresses=tuple(sorted(own.get(port, ()))),
                allowed_addresses=tuple(sorted(allowed.get(port, ()))),
                addresses_checked=port not in get("bridge", "unchecked"),
            )


def _ports(get: Any) -> Iterator[Port]:
    addresses: dict[str, set[str]] = {}
    bridges: dict[str, set[str]] = {}
    for name in ("near4", "near6"):
        for key, (_value, comment) in get("inet", name).items():
            port, _blank, bridge = (comment or "").partition(" ")
            if bridge:
                addresses.setdefault(port, set()).add(key.split(" . ")[1])
                bridges.setdefault(port, set()).add(bridge)
    for key, (_value, bridge) in get("bridge", "self").items():
        first = key.split(" . ")[0]
        port = first.strip('"')
        near = tuple(sorted(addresses.get(port, ()))), tuple(sorted(bridges.get(port, ())))
        anycast, reflecting = (first in get("bridge", name) for name in ("anycast", "reflecting"))
        is_closed = get("inet", "ingress").get(first, ("", None))[0] == "drop"
        yield Port(port, bridge or "", *near, anycast=anycast, reflecting=reflecting, is_closed=is_closed)


def _nat_ports(get: Any) -> Iterator[NatPort]:
    for name in ("pub4", "pub6", "puba4", "puba6"):
        for key, (value, bridge) in get("inet", name).items():
            *host_ip, protocol, host_port = key.split(" . ")
            to_address, to_port = value.split(" . ")
            yield NatPort(protocol, host_ip[0] if host_ip else None, int(host_port), to_address, int(to_port), bridge)


def _allowed_ports(get: Any) -> Iterator[AllowedPort]:
    for name in ("open4", "open6"):
        for key, (_value, bridge) in get("inet", name).items():
            if bridge is not None:
                address, protocol, port = key.split(" . ")
                yield AllowedPort(protocol, address, int(port), bridge)


def _tunnels(get: Any) -> Iterator[Tunnel]:
    vteps: dict[tuple[int, str], list[str]] = {}
    for version in (4, 6):
        for key in get("inet", "vteps%d" % version):
            address, receives = key.split(" . ", 1)
            vteps.setdefault((version, receives), []).append(address)
    for key, (_value, name) in get("inet", "vnis").items():
        family, receives = key.split(" . ", 1)
        version = _VERSIONS.get(family, 0)
        port, vni = (int(part) if part.isdigit() else 0 for part in receives.split(" . "))
        yield Tunnel(name or "", version, port, vni, tuple(sorted(vteps.get((version, receives), ()))))


def _single(network: str) -> str:
    """Format a network as nft lists it: a single address has no length."""
    address, _slash, length = network.partition("/")
    return address if length == ("128" if ":" in address else "32") else network
