# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Strategies for any state of a host's firewall, for property tests."""

from __future__ import annotations

import ipaddress

from hypothesis import strategies as st

from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import (
    AllowedPort,
    Guard,
    NatPort,
    Policy,
    Port,
    State,
    Tunnel,
)

# nft's own words are names as good as any
INTERFACES = st.sampled_from(
    ["br-web", "tcp", "ip", "drop", "eth0.5", "_x", "0", "a" * 15, "veth0123456789a", "accept"]
)
PORT_NAMES = st.sampled_from(["veth1", "veth2", "ip6", "set", "1", "add", "p" * 15])
NUMBERS = st.integers(1, 65535)
ADDRESSES4 = (
    st.integers(0x01000000, 0xDFFFFFFF).filter(lambda n: n >> 24 != 127).map(lambda n: str(ipaddress.IPv4Address(n)))
)
ADDRESSES6 = st.one_of(
    st.integers(2, 0xFFFF),  # few digits: nft lists small numbers otherwise than large ones
    st.integers(0xFD << 120, (0xFD << 120) + (1 << 100)),
).map(lambda n: str(ipaddress.IPv6Address(n)))
ADDRESSES = st.one_of(ADDRESSES4, ADDRESSES6)
MACS = st.binary(min_size=6, max_size=6).map(lambda raw: raw.hex(":"))


def _network(address: str, bits: int) -> str:
    return str(ipaddress.ip_network("%s/%d" % (address, bits), strict=False))


NETWORKS = st.one_of(
    st.builds(_network, ADDRESSES4, st.integers(8, 32)),
    st.builds(_network, ADDRESSES6, st.integers(16, 128)),
)


def disjoint(networks: list[str]) -> list[str]:
    """Those that overlap none before them."""
    kept: list[str] = []
    for network in networks:
        parsed = ipaddress.ip_network(network)
        if not any(_overlap(parsed, ipaddress.ip_network(other)) for other in kept):
            kept.append(network)
    return kept


def _overlap(one, other) -> bool:
    return one.version == other.version and one.overlaps(other)


def _tuple(values) -> tuple[str, ...]:
    return tuple(sorted(set(values)))


def others(name: str) -> st.SearchStrategy[str]:
    return INTERFACES.filter(lambda other: other != name)


@st.composite
def policies(draw) -> dict[str, Policy]:
    names = draw(st.lists(INTERFACES, unique=True, max_size=4))
    subnets = disjoint(draw(st.lists(NETWORKS, max_size=6)))
    found = {}
    for number, name in enumerate(names):
        mode = draw(st.sampled_from(["nat", "routed", "isolated"]))
        other = {"nat": "routed", "routed": "nat"}.get(mode)
        found[name] = Policy(
            name,
            _tuple(subnets[number :: len(names)]),
            masquerade=draw(st.booleans()),
            internal=draw(st.booleans()),
            icc=draw(st.booleans()),
            gateway_mode=mode,
            gateway_mode6=draw(st.sampled_from([None, other])),
            snat_address=draw(st.none() | ADDRESSES4),
            snat_address6=draw(st.none() | ADDRESSES6),
            trusted_interfaces=_tuple(draw(st.lists(others(name), max_size=2))),
            uplinks=_tuple(draw(st.lists(others(name), max_size=2))),
        )
    return found


@st.composite
def guards(draw) -> dict[str, Guard]:
    found = {}
    for name in draw(st.lists(PORT_NAMES, unique=True, max_size=3)):
        addresses = _tuple(draw(st.lists(ADDRESSES, max_size=4)))
        lone = (
            [str(ipaddress.ip_network(address)) for address in draw(st.lists(st.sampled_from(addresses)))]
            if addresses
            else []
        )
        allowed = _tuple(disjoint(lone + draw(st.lists(NETWORKS, max_size=3))))
        found[name] = Guard(name, draw(INTERFACES), draw(MACS), addresses, allowed, draw(st.booleans()))
    return found


@st.composite
def ports(draw, known: dict[str, Policy]) -> dict[str, Port]:
    """Ports, some with other networks: only what has an effect is kept, and an address is one port's."""
    with_subnets = {
        version: [name for name, policy in known.items() if version in _versions(policy)] for version in (4, 6)
    }
    addresses = st.one_of(
        *[kind for version, kind in ((4, ADDRESSES4), (6, ADDRESSES6)) if with_subnets[version]] or [st.nothing()]
    )
    taken: set[str] = {
        address for policy in known.values() for subnet in policy.subnets for address in [subnet.split("/")[0]]
    }
    found = {}
    for name in draw(st.lists(PORT_NAMES, unique=True, max_size=3)):
        port = Port(name, draw(INTERFACES), anycast=draw(st.booleans()), reflecting=draw(st.booleans()))
        if any(with_subnets.values()) and draw(st.booleans()):
            address = draw(addresses)
            others = with_subnets[6 if ":" in address else 4]
            if address not in taken and not _inside(address, known):
                taken.add(address)
                also_on = _tuple(draw(st.lists(st.sampled_from(others), min_size=1)))
                port = Port(name, port.bridge, (address,), also_on)
        found[name] = port
    return found


def _versions(policy: Policy) -> set[int]:
    return {6 if ":" in subnet else 4 for subnet in policy.subnets}


def _inside(address: str, known: dict[str, Policy]) -> bool:
    return any(
        ipaddress.ip_address(address) in ipaddress.ip_network(subnet)
        for policy in known.values()
        for subnet in policy.subnets
    )


@st.composite
def nat_ports(draw) -> NatPort:
    to_address = draw(ADDRESSES)
    own = (ADDRESSES6 | st.just("::1")) if ":" in to_address else (ADDRESSES4 | st.just("127.0.0.1"))
    host_ip = draw(st.none() | own)
    protocol = draw(st.sampled_from(["tcp", "udp", "sctp"]))
    return NatPort(protocol, host_ip, draw(NUMBERS), to_address, draw(NUMBERS), draw(st.none() | INTERFACES))


@st.composite
def allowed_ports(draw) -> AllowedPort:
    return AllowedPort(draw(st.sampled_from(["tcp", "udp", "sctp"])), draw(ADDRESSES), draw(NUMBERS), draw(INTERFACES))


@st.composite
def tunnels(draw) -> dict[str, Tunnel]:
    """Each with a VNI of its own."""
    names = draw(st.lists(INTERFACES, unique=True, max_size=3))
    vnis = draw(st.lists(st.integers(1, 0xFFFFFF), unique=True, min_size=len(names), max_size=len(names)))
    found = {}
    for name, vni in zip(names, vnis, strict=True):
        version, addresses = draw(st.sampled_from([(4, ADDRESSES4), (6, ADDRESSES6)]))
        found[name] = Tunnel(name, version, draw(NUMBERS), vni, _tuple(draw(st.lists(addresses, max_size=3))))
    return found


@st.composite
def states(draw) -> State:
    known = draw(policies())
    published = {port.key: port for port in draw(st.lists(nat_ports(), max_size=8))}
    opened = {one.key: one for one in draw(st.lists(allowed_ports(), max_size=4))}
    norouter = frozenset(draw(st.sets(st.sampled_from([4, 6]))))
    routers = frozenset(draw(st.sets(INTERFACES, max_size=2)))
    tunnel_ports = frozenset(draw(st.sets(NUMBERS, max_size=2)))
    held = (known, draw(guards()), draw(ports(known)), published, norouter, opened, routers, tunnel_ports)
    return State(*held, draw(tunnels()))
