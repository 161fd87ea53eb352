# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""State of a host's firewall, desired or observed: network policies, guards (anti-spoofing), bridge ports, published
ports, VTEPs. Plain data.

Addresses and names are text. Tuples are sorted and addresses are in the notation of `ipaddress`, so that desired and
observed state compare equal.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

NatKey = tuple[str, str, int]  # protocol, host address ("0.0.0.0" or "::" for all), host port
AllowedPortKey = tuple[str, str, int]  # protocol, address and port of a container


class Policy(NamedTuple):
    """Network policy of a bridge: its ingress and egress traffic."""

    bridge: str
    subnets: tuple[str, ...] = ()
    masquerade: bool = True  # with the host's address, or snat_address where there is one; in gateway mode nat only
    internal: bool = False
    icc: bool = True
    gateway_mode: str = "nat"  # or routed, isolated
    gateway_mode6: str | None = None  # nat or routed, where the mode of IPv6 differs
    snat_address: str | None = None
    snat_address6: str | None = None
    trusted_interfaces: tuple[str, ...] = ()
    uplinks: tuple[str, ...] = ()  # interfaces that it may be forwarded by; empty: every interface of the host

    def mode(self, version: int) -> str:
        """Return the gateway mode of an IP version."""
        return (self.gateway_mode6 if version == 6 else None) or self.gateway_mode


class Guard(NamedTuple):
    """Anti-spoofing (port security) of a bridge port: the source MAC, the endpoint's addresses and the additionally
    allowed addresses that it may send.

    ``addresses_checked`` is False for a port whose container is a router: any source address, but its own MAC.
    """

    port: str
    bridge: str
    mac: str
    addresses: tuple[str, ...] = ()
    allowed_addresses: tuple[str, ...] = ()
    addresses_checked: bool = True


class Port(NamedTuple):
    """A port of a bridge: the host end of an endpoint's veth, or a VXLAN tunnel to other hosts.

    ``also_on`` names the other bridges on which the same container has an endpoint, ``addresses`` are its addresses on
    this one: a client on those bridges whose packet is translated (DNAT) to these addresses shares a network with the
    server, whose reply would bypass the host. Neither is kept without the other, and only bridges with a policy count.

    ``anycast``: a tunnel to hosts whose bridges have the same gateway address and MAC (anycast gateway). Frames of this
    host itself do not egress by the tunnel, and frames from the tunnel ingress to containers only.

    ``reflecting``: the end of a patch link beyond which client and server may both be, so that translated packets leave
    by the port that they came in by (hairpin, reflective relay).

    ``is_closed``: a port of Open vSwitch. What it receives is for the switch, and not for the host's own stack.
    """

    name: str
    bridge: str
    addresses: tuple[str, ...] = ()
    also_on: tuple[str, ...] = ()
    anycast: bool = False
    reflecting: bool = False
    is_closed: bool = False


class NatPort(NamedTuple):
    """One published port. ``host_ip`` None means all of the host's addresses of ``to_address``'s family."""

    protocol: str  # tcp, udp or sctp
    host_ip: str | None
    host_port: int
    to_address: str
    to_port: int
    bridge: str | None = None

    @property
    def key(self) -> NatKey:
        """The key that is unique among published ports."""
        return self.protocol, self.host_ip or ("::" if ":" in self.to_address else "0.0.0.0"), self.host_port


class AllowedPort(NamedTuple):
    """An allowed port (routed mode): a container's port, without a host port, that any source may reach."""

    protocol: str
    address: str
    port: int
    bridge: str

    @property
    def key(self) -> AllowedPortKey:
        """The key that is unique among allowed ports."""
        return self.protocol, self.address, self.port


class Tunnel(NamedTuple):
    """A VXLAN tunnel of this host with known VTEPs: frames for its VNI are accepted from these only.

    There is none for a tunnel that learns VTEPs from any source, or whose FDB another program manages (BGP EVPN).
    """

    name: str
    version: int  # of the underlay: 4 or 6
    port: int
    vni: int
    vteps: tuple[str, ...] = ()


@dataclass
class State:
    """The whole firewall state of a host; policies by bridge, guards and ports by the port's name.

    ``norouter``: the IP versions (4, 6) for which the host does not forward between unmanaged interfaces, because it
    was no router before it had networks of this collection. ``routers``: interfaces for which IPv4 forwarding was on
    nevertheless, set for each interface.

    ``tunnel_ports``: the UDP ports of VXLAN tunnels, this host's and, by default, those of others. A datagram that a
    container sends there would be decapsulated as if another host (VTEP) had sent it.
    """

    policies: dict[str, Policy] = field(default_factory=dict)
    guards: dict[str, Guard] = field(default_factory=dict)
    ports: dict[str, Port] = field(default_factory=dict)
    nat_ports: dict[NatKey, NatPort] = field(default_factory=dict)
    norouter: frozenset[int] = frozenset()
    allowed_ports: dict[AllowedPortKey, AllowedPort] = field(default_factory=dict)
    routers: frozenset[str] = frozenset()
    tunnel_ports: frozenset[int] = frozenset()
    tunnels: dict[str, Tunnel] = field(default_factory=dict)

    def copy(self) -> State:
        """Return a copy that can be changed independently."""
        return State(
            dict(self.policies),
            dict(self.guards),
            dict(self.ports),
            dict(self.nat_ports),
            self.norouter,
            dict(self.allowed_ports),
            self.routers,
            self.tunnel_ports,
            dict(self.tunnels),
        )
