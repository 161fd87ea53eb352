# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the firewall's state to elements of the sets and maps of ruleset.py, and back. Pure.

The elements are all that is remembered: `parse(elements(state)) == state`. What does not follow from an element's key
and value stands in its comment, where a person finds it as well:

    bridges     "br-web" comment "nat icc masquerade"     the policy; its subnets are in own4 and own6
    pub4        tcp . 8080 comment "br-web" : ...         the container's bridge
    open4       ... comment "br-web"                      opened by itself, not by way of a published port
    self        "veth1" . "veth1" comment "br-web"        the port's bridge
    guarded     "veth1" comment "br-web"
    ip4s, ip6s  ... comment "allowed"                     not the endpoint's own; "link-local" comes with IPv6
    near4       ... comment "veth1 br-app"                a container's address on one network, clients of another
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import Any, Optional, TypeVar, Union

from ansible_collections.virtnet.linux.plugins.module_utils import ip, ruleset
from ansible_collections.virtnet.linux.plugins.module_utils.firewall_state import (
    Guard,
    NatPort,
    Opening,
    Policy,
    Port,
    State,
)
from ansible_collections.virtnet.linux.plugins.module_utils.names import INTERFACE_RULE, is_interface_name

Set = tuple[str, str]  # family and name
Values = dict[str, tuple[Optional[str], Optional[str]]]  # key: (value, None in a set; comment)
Elements = dict[Set, Values]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

_Key = TypeVar("_Key")
_Item = TypeVar("_Item")

PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}
_PROTOCOL_NAMES = {str(number): name for name, number in PROTOCOLS.items()}  # how nft lists them without /etc/protocols
GATEWAY_MODES = ("nat", "routed", "isolated")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}\Z")
_VERSIONS = {"ipv4": 4, "ipv6": 6}
_ALLOWED, _OWN_AND_ALLOWED, _LINK_LOCAL = "allowed", "own, allowed", "link-local"


def no_elements() -> Elements:
    """Every set and map of ours, empty."""
    return {(family, name): {} for family in ruleset.FAMILIES for name in ruleset.fields(family)}


def elements(state: State, sound: State | None = None) -> Elements:
    """The elements that hold the state. Raises ValueError with all that is wrong with it, a line each.

    What is in a state that is known to be ``sound``, as parse() gives it, is not looked at again.
    """
    problems = list(_problems(state, sound or State()))
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
    for _key, opening in sorted(state.openings.items()):
        key = "%s . %s . %d" % (opening.address, opening.protocol, opening.port)
        found["inet", "open%d" % _version(opening.address)][key] = (None, opening.bridge)
    for name, version in _VERSIONS.items():
        if version in state.norouter:
            found["inet", "norouter"][name] = (None, None)
    for name in sorted(state.routers):
        found["inet", "routers"][_quoted(name)] = (None, None)
    for number in sorted(state.tunnel_ports):
        found["inet", "tunnel_ports"][str(number)] = (None, None)
    return found


def parse(found: Elements) -> State:
    """The state that the elements hold; what makes no sense, and so was put there by somebody else, is passed over."""
    get = functools.partial(_get, found)
    versions = frozenset(_VERSIONS[name] for name in get("inet", "norouter") if name in _VERSIONS)
    policies = {policy.bridge: policy for policy in _policies(get) if not any(_policy_problems(policy))}
    guards = {guard.port: guard for guard in _guards(get) if _is_guard(guard) or not any(_guard_problems(guard))}
    ports = {port.name: port for port in _ports(get) if _is_endpoint(port) or not any(_port_problems(port))}
    nat_ports = {port.key: port for port in _nat_ports(get) if _is_port(port)}
    openings = {opening.key: opening for opening in _openings(get) if not any(_opening_problems(opening))}
    routers = frozenset(name for name in (key.strip('"') for key in get("inet", "routers")) if is_interface_name(name))
    tunnel_ports = frozenset(int(key) for key in get("inet", "tunnel_ports") if key.isdigit())
    return State(policies, guards, ports, nat_ports, versions, openings, routers, tunnel_ports)


def bridge_of(port: NatPort, policies: dict[str, Policy]) -> str | None:
    """The bridge that a published port leads to: the one it names, or the one whose subnet its address is in."""
    if port.bridge is not None:
        return port.bridge
    address = ip.address(port.to_address)
    for policy in policies.values():
        if any(address in _network(subnet) for subnet in policy.subnets):
            return policy.bridge
    return None


# ---- state to elements ----


def _add_policy(policy: Policy, found: Elements) -> None:
    bridge = _quoted(policy.bridge)
    found["inet", "bridges"][bridge] = (None, _policy_words(policy))
    closed = policy.internal or policy.gateway_mode == "isolated"
    for subnet in policy.subnets:
        version, text = _version(subnet), _single(subnet)
        found["inet", "subnets%d" % version][text] = (None, None)
        found["inet", "own%d" % version]["%s . %s" % (bridge, text)] = (None, None)
        for other in policy.subnets:
            if _version(other) == version:
                found["inet", "near%d" % version]["%s . %s" % (text, _single(other))] = (None, None)
        if policy.masquerade and policy.mode(version) == "nat" and not closed:
            snat = policy.snat_address if version == 4 else policy.snat_address6
            name = "snat%d" if snat else "masq%d"
            found["inet", name % version][text] = (snat, None)
    # without subnets there is no gateway to go round by
    near = "accept" if policy.icc or not policy.subnets else "goto in_nat"
    found["inet", "pairs"]["%s . %s" % (bridge, bridge)] = (near, None)
    for interface in policy.trusted_interfaces:
        found["inet", "pairs"]["%s . %s" % (_quoted(interface), bridge)] = ("accept", None)
    for interface in policy.uplinks:
        found["inet", "uplinks"]["%s . %s" % (bridge, _quoted(interface))] = (None, None)
    if closed:
        found["inet", "from"][bridge] = ("drop", None)
    for name, version in _VERSIONS.items():
        verdict = "drop" if closed else "goto in_" + policy.mode(version)
        found["inet", "to"]["%s . %s" % (bridge, name)] = (verdict, None)
    if policy.gateway_mode == "isolated":
        found["inet", "isolated"][bridge] = (None, None)


def _policy_words(policy: Policy) -> str:
    words = [policy.gateway_mode] + ([policy.gateway_mode6 + "6"] if policy.gateway_mode6 else [])
    words += [word for word in ("icc", "internal", "masquerade") if getattr(policy, word)]
    return " ".join(words + ["snat " + address for address in (policy.snat_address, policy.snat_address6) if address])


def _add_guard(guard: Guard, found: Elements) -> None:
    port = _quoted(guard.port)
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
    """One address, or network, that a port may send."""
    version, many = _version(address), "/" in address
    senders = found["bridge", ("net%ds" if many else "ip%ds") % version]
    key = "%s . %s" % (port, address)
    if comment != _LINK_LOCAL or key not in senders:
        senders[key] = (None, comment)
    if version == 6:
        target = "%s . %s" % (port, "-".join("0x" + end.hex() for end in _ends(address)))
        found["bridge", "nanets" if many else "na"].setdefault(target, (None, None))


def _ends(address: str) -> tuple[bytes, ...]:
    """The address, or a network's first and last."""
    if "/" not in address:
        return (ip.packed(address),)
    network = _network(address)
    return (network[0].packed, network[-1].packed)


def _add_port(port: Port, policies: dict[str, Policy], found: Elements) -> None:
    name = _quoted(port.name)
    found["bridge", "self"]["%s . %s" % (name, name)] = (None, port.bridge)
    if port.bridge in policies and not policies[port.bridge].icc:
        found["bridge", "nopeer"][name] = (None, None)
    if port.anycast:
        found["bridge", "anycast"][name] = (None, None)
    if port.turns:
        found["bridge", "turns"][name] = (None, None)
    for bridge in port.also_on:
        for address in port.addresses:
            version = _version(address)
            for subnet in policies[bridge].subnets if bridge in policies else ():
                if _version(subnet) == version:
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
        if text in get("inet", "subnets%d" % _version(text)):  # a set in which nothing can overlap
            subnets.setdefault(bridge, []).append(str(_network(text)))
    for source, bridge in (key.split(" . ") for key in get("inet", "pairs")):
        if source != bridge:
            trusted.setdefault(bridge, []).append(source.strip('"'))
    for bridge, interface in (key.split(" . ") for key in get("inet", "uplinks")):
        uplinks.setdefault(bridge, []).append(interface.strip('"'))
    for bridge, (_value, comment) in get("inet", "bridges").items():
        words = (comment or "").split(" ")
        addresses = {_version(word): word for word in words if ":" in word or "." in word}
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
                allowed.setdefault(port, []).append(str(_network(address)))
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
        quoted = key.split(" . ")[0]
        port = quoted.strip('"')
        near = tuple(sorted(addresses.get(port, ()))), tuple(sorted(bridges.get(port, ())))
        anycast, turns = (quoted in get("bridge", name) for name in ("anycast", "turns"))
        yield Port(port, bridge or "", *near, anycast=anycast, turns=turns)


def _nat_ports(get: Any) -> Iterator[NatPort]:
    for name in ("pub4", "pub6", "puba4", "puba6"):
        for key, (value, bridge) in get("inet", name).items():
            *host_ip, protocol, host_port = key.split(" . ")
            to_address, to_port = value.split(" . ")
            yield NatPort(protocol, host_ip[0] if host_ip else None, int(host_port), to_address, int(to_port), bridge)


def _openings(get: Any) -> Iterator[Opening]:
    for name in ("open4", "open6"):
        for key, (_value, bridge) in get("inet", name).items():
            if bridge is not None:
                address, protocol, port = key.split(" . ")
                yield Opening(protocol, address, int(port), bridge)


# ---- nft's JSON to elements ----


def decode(family: str, listing: list[dict[str, Any]]) -> Elements:
    """The elements in what `nft -j list table` says of one of our tables. Sets that are not ours are passed over."""
    found: Elements = {}
    known = ruleset.fields(family)
    for item in listing:
        held = item.get("set") or item.get("map")
        if held and held["name"] in known:
            texts = [_text_of(field) for field in known[held["name"]]]
            found[family, held["name"]] = dict(
                [_element(texts, element, "map" in item) for element in held.get("elem", ())]
            )
    return found


_Text = Callable[[Any], str]


def _element(texts: list[_Text], element: Any, in_map: bool) -> tuple[str, tuple[str | None, str | None]]:
    key, value = element if in_map else (element, None)
    comment = None
    if isinstance(key, dict) and "elem" in key:
        comment = key["elem"].get("comment")
        key = key["elem"]["val"]
    parts = key["concat"] if isinstance(key, dict) and "concat" in key else [key]
    # no call more than needed: there are four elements and more for each endpoint
    said = [_interval(text, part) if isinstance(part, dict) else text(part) for text, part in zip(texts, parts)]
    return " . ".join(said), (None if value is None else _value(value), comment)


def _text_of(field: str) -> _Text:
    """How nft takes a part of an element's key that it lists so."""
    if field in ("ifname", "iifname"):
        return _quoted
    if field.startswith("@th"):
        return _payload
    return _protocol if field == "inet_proto" else str


def _interval(text: _Text, part: dict[str, Any]) -> str:
    if "prefix" in part:
        return "%s/%d" % (part["prefix"]["addr"], part["prefix"]["len"])
    return "-".join(map(text, part["range"]))


def _payload(part: Any) -> str:
    """Text where it has more than 64 bits, else a number, taken for one with a sign."""
    return "0x%032x" % (int(part, 16) if isinstance(part, str) else part % (1 << 64))


def _protocol(part: Any) -> str:
    return _PROTOCOL_NAMES.get(str(part), str(part))


def _value(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    if "concat" in value:
        return " . ".join(map(str, value["concat"]))
    verdict, where = next(iter(value.items()))
    return "%s %s" % (verdict, where["target"]) if where else str(verdict)


# ---- what is wrong with a state ----


def _problems(state: State, sound: State) -> Iterator[str]:
    for policy in _others(state.policies, sound.policies):
        yield from _policy_problems(policy)
    yield from _overlaps(state)
    for guard in _others(state.guards, sound.guards):
        yield from _guard_problems(guard)
    for port in _others(state.ports, sound.ports):
        yield from _port_problems(port)
    for nat_port in _others(state.nat_ports, sound.nat_ports):
        if not _is_port(nat_port):
            yield from _nat_port_problems(nat_port)
    for opening in _others(state.openings, sound.openings):
        yield from _opening_problems(opening)
    yield from _misplaced(state)
    for version in sorted(state.norouter - {4, 6}):
        yield "norouter: %r: the IP versions are 4 and 6" % (version,)
    for name in sorted(state.routers):
        yield from _name_problems("routers", "interface", name)
    for number in sorted(state.tunnel_ports):
        if not _is_whole(number) or not 1 <= number <= 65535:
            yield "tunnel_ports: %r is no port: they are numbers from 1 to 65535" % (number,)


def _others(items: dict[_Key, _Item], sound: dict[_Key, _Item]) -> list[_Item]:
    return [item for key, item in sorted(items.items()) if sound.get(key) != item]


def _misplaced(state: State) -> Iterator[str]:
    """The keys of the state's dictionaries are what their values say."""
    by_field: tuple[tuple[str, str, dict[Any, Any]], ...] = (
        ("policy", "bridge", state.policies),
        ("guard", "port", state.guards),
        ("port", "name", state.ports),
        ("published port", "key", state.nat_ports),
        ("opened port", "key", state.openings),
    )
    for kind, field, held in by_field:
        for key, item in held.items():
            if getattr(item, field) != key:
                yield "%s %r: stands under %r" % (kind, getattr(item, field), key)


def _policy_problems(policy: Policy) -> Iterator[str]:
    about = "policy of bridge %r" % policy.bridge
    yield from _name_problems(about, "bridge", policy.bridge)
    for subnet in policy.subnets:
        if not _is_network(subnet):
            yield "%s: subnets: %r is no network as 172.30.0.0/16 or fd00:1::/64" % (about, subnet)
    if policy.gateway_mode not in GATEWAY_MODES:
        yield "%s: gateway_mode: %r is none of %s" % (about, policy.gateway_mode, ", ".join(GATEWAY_MODES))
    other = {"nat": "routed", "routed": "nat"}.get(policy.gateway_mode)
    if policy.gateway_mode6 not in (None, other):
        yield "%s: gateway_mode6: %r is no other mode beside %r: the two that differ are nat and routed" % (
            about, policy.gateway_mode6, policy.gateway_mode)  # fmt: skip
    for version, field in ((4, "snat_address"), (6, "snat_address6")):
        address = getattr(policy, field)
        if address is not None and not (_is_address(address) and _version(address) == version):
            yield "%s: %s: %r is no IPv%d address" % (about, field, address, version)
    for field in ("trusted_interfaces", "uplinks"):
        for interface in getattr(policy, field):
            yield from _name_problems(about, field, interface)
            if interface == policy.bridge:
                yield "%s: %s: %r is the bridge itself" % (about, field, interface)


def _overlaps(state: State) -> Iterator[str]:
    subnets: dict[int, list[tuple[Any, str]]] = {4: [], 6: []}
    for name, policy in state.policies.items():
        for subnet in filter(_is_network, policy.subnets):
            subnets[_version(subnet)].append((_network(subnet), name))
    for one_version in subnets.values():
        one_version.sort(key=lambda pair: pair[0])
        for (before, owner), (after, name) in zip(one_version, one_version[1:]):
            if before.overlaps(after):
                yield "policy of bridge %r: subnets: %s overlaps %s of bridge %r" % (name, after, before, owner)


def _guard_problems(guard: Guard) -> Iterator[str]:
    about = "guard of port %r" % guard.port
    yield from _name_problems(about, "port", guard.port)
    yield from _name_problems(about, "bridge", guard.bridge)
    if not (isinstance(guard.mac, str) and _MAC.match(guard.mac)):
        yield "%s: mac: %r is no MAC as 02:42:ac:1e:00:02" % (about, guard.mac)
    for address in guard.addresses:
        if not _is_address(address):
            yield "%s: addresses: %r is no IP address" % (about, address)
    networks = []
    for address in guard.allowed_addresses:
        if _is_network(address):
            networks.append(_network(address))
        else:
            yield "%s: allowed_addresses: %r is no network as 10.9.0.0/24 or 10.9.0.7/32" % (about, address)
    for number, network in enumerate(networks):
        for other in networks[:number]:
            if network.version == other.version and network.overlaps(other):
                yield "%s: allowed_addresses: %s overlaps %s: leave the smaller one out" % (about, network, other)


def _is_guard(guard: Guard) -> bool:
    """Whether all is well with a guard: a short way for the thousands that are."""
    return (
        is_interface_name(guard.port)
        and is_interface_name(guard.bridge)
        and _MAC.match(guard.mac) is not None
        and not guard.allowed_addresses
        and all(map(_is_address, guard.addresses))
    )


def _is_endpoint(port: Port) -> bool:
    """Whether all is well with a port of a single bridge: a short way, too."""
    return is_interface_name(port.name) and is_interface_name(port.bridge) and not port.also_on and not port.addresses


def _port_problems(port: Port) -> Iterator[str]:
    about = "port %r" % port.name
    yield from _name_problems(about, "name", port.name)
    for bridge in (port.bridge, *port.also_on):
        yield from _name_problems(about, "bridge", bridge)
    for address in port.addresses:
        if not _is_address(address):
            yield "%s: addresses: %r is no IP address" % (about, address)


def _is_port(port: NatPort) -> bool:
    """Whether all is well with a published port: a short way for the thousands that are."""
    return (
        port.protocol in PROTOCOLS
        and _is_whole(port.host_port)
        and _is_whole(port.to_port)
        and 1 <= port.host_port <= 65535
        and 1 <= port.to_port <= 65535
        and _is_address(port.to_address)
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
            yield "%s: %s: %r is no port: they are numbers from 1 to 65535" % (about, field, number)
    if not _is_address(port.to_address):
        yield "%s: to_address: %r is no IP address" % (about, port.to_address)
    elif port.host_ip is not None and not _is_host_address(port.host_ip, port.to_address):
        yield ("%s: host_ip: %r: one address of this host, of the family of to_address %s; none of them stands for all"
               % (about, port.host_ip, port.to_address))  # fmt: skip
    if port.bridge is not None:
        yield from _name_problems(about, "bridge", port.bridge)


def _opening_problems(opening: Opening) -> Iterator[str]:
    about = "opened port %s" % (opening.port,)
    if opening.protocol not in PROTOCOLS:
        yield "%s: protocol: %r is none of %s" % (about, opening.protocol, ", ".join(PROTOCOLS))
    if not _is_whole(opening.port) or not 1 <= opening.port <= 65535:
        yield "%s: port: %r is no port: they are numbers from 1 to 65535" % (about, opening.port)
    if not _is_address(opening.address):
        yield "%s: address: %r is no IP address" % (about, opening.address)
    yield from _name_problems(about, "bridge", opening.bridge)


def _is_host_address(address: object, to_address: str) -> bool:
    if not _is_address(address) or _version(str(address)) != _version(to_address):
        return False
    parsed = ip.address(str(address))
    return not (parsed.is_unspecified or parsed.is_multicast or (parsed.version == 6 and parsed.is_link_local))


def _name_problems(about: str, field: str, name: object) -> Iterator[str]:
    if not is_interface_name(name):
        yield "%s: %s: %r is no interface name: %s" % (about, field, name, INTERFACE_RULE)


# ---- addresses as text; each distinct one is read once ----


@functools.lru_cache(maxsize=1 << 16)
def _is_whole(number: object) -> bool:
    """Whether it is a whole number; True and False are not meant."""
    return isinstance(number, int) and not isinstance(number, bool)


@functools.lru_cache(maxsize=1 << 16)
def _is_address(text: object) -> bool:
    """Whether it is an address without scope, as the kernel's tools write it: nft lists it as it was given."""
    try:
        return isinstance(text, str) and "%" not in text and ip.normal(text) == text
    except ValueError:
        return False


@functools.lru_cache(maxsize=1 << 16)
def _is_network(text: object) -> bool:
    try:
        return isinstance(text, str) and "/" in text and str(ipaddress.ip_network(text)) == text
    except ValueError:
        return False


@functools.lru_cache(maxsize=1 << 16)
def _network(text: str) -> Network:
    return ipaddress.ip_network(text)


def _version(text: str) -> int:
    return 6 if ":" in text else 4


def _single(network: str) -> str:
    """A network as nft lists it: one of a single address has no length."""
    address, _slash, length = network.partition("/")
    return address if length == ("128" if ":" in address else "32") else network


def _quoted(name: str) -> str:
    """Interface names are quoted: `ip` and `tcp` are fine names, and nft's words."""
    return '"%s"' % name
