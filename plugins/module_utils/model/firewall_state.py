# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the firewall of a host has to hold, in words: policies, guards, ports and published ports. Plain data.

Addresses and names are text. Tuples are sorted and addresses written as `ipaddress` writes them, so that what is
declared equals what is read back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

NatKey = tuple[str, str, int]  # protocol, host address ("0.0.0.0" or "::" for all), host port
OpeningKey = tuple[str, str, int]  # protocol, address and port of a container


class Policy(NamedTuple):
    """What may cross the border of a bridge."""

    bridge: str
    subnets: tuple[str, ...] = ()
    masquerade: bool = True  # with the host's address, or snat_address where there is one; in gateway mode nat only
    internal: bool = False
    icc: bool = True
    gateway_mode: str = "nat"  # or routed, isolated
    gateway_mode6: str | None = None  # nat or routed, where IPv6 has the other one of them
    snat_address: str | None = None
    snat_address6: str | None = None
    trusted_interfaces: tuple[str, ...] = ()
    uplinks: tuple[str, ...] = ()  # what forwards for it besides the bridge; none: every interface of the host

    def mode(self, version: int) -> str:
        """The gateway mode of an IP version."""
        return (self.gateway_mode6 if version == 6 else None) or self.gateway_mode


class Guard(NamedTuple):
    """What a bridge's port may send: its MAC, its endpoint's addresses, and those of networks that it is allowed.

    ``addresses_checked`` is False for a port whose container routes for others: any address, but with its own MAC.
    """

    port: str
    bridge: str
    mac: str
    addresses: tuple[str, ...] = ()
    allowed_addresses: tuple[str, ...] = ()
    addresses_checked: bool = True


class Port(NamedTuple):
    """A port of a bridge: the host end of an endpoint's veth, or a tunnel to other hosts.

    ``also_on`` names the other bridges on which the same container has an endpoint, ``addresses`` is what it has on
    this one: a client of those bridges, translated to these addresses, shares a network with the server, which would
    answer it past us. Neither is kept without the other, and only bridges with a policy count.

    ``anycast``: a tunnel to hosts whose bridges have the same gateway, address and MAC; what this host itself says on
    the bridge stays on this side, and what comes out of the tunnel is for containers alone.

    ``turns``: the end of a cable beyond which client and server may both be, so that what was translated for them goes
    back by it.
    """

    name: str
    bridge: str
    addresses: tuple[str, ...] = ()
    also_on: tuple[str, ...] = ()
    anycast: bool = False
    turns: bool = False


class NatPort(NamedTuple):
    """One published port. ``host_ip`` None stands for all of the host's addresses of ``to_address``'s family."""

    protocol: str  # tcp, udp or sctp
    host_ip: str | None
    host_port: int
    to_address: str
    to_port: int
    bridge: str | None = None

    @property
    def key(self) -> NatKey:
        """What can be published once only."""
        return self.protocol, self.host_ip or ("::" if ":" in self.to_address else "0.0.0.0"), self.host_port


class Opening(NamedTuple):
    """A container's own port, without any of the host's, to which a network of gateway mode routed lets others in."""

    protocol: str
    address: str
    port: int
    bridge: str

    @property
    def key(self) -> OpeningKey:
        """What can be opened once only."""
        return self.protocol, self.address, self.port


class Tunnel(NamedTuple):
    """A VXLAN tunnel of this host's whose VTEPs are known: frames for its VNI are taken from these and no others.

    There is none for a tunnel that learns from whoever sends, or whose FDB is not this collection's (BGP's).
    """

    name: str
    version: int  # of the underlay: 4 or 6
    port: int
    vni: int
    vteps: tuple[str, ...] = ()


@dataclass
class State:
    """All that the firewall of a host has to hold; policies by bridge, guards and ports by the port's name.

    ``norouter``: the IP versions (4, 6) for which the host does not forward between interfaces that are not ours,
    because it was no router before it had networks of ours. ``routers``: interfaces by which it did route IPv4 all the
    same, each told so by itself.

    ``tunnel_ports``: the UDP ports of tunnels to other hosts, this one's and, by default, those of others. What a
    container sends there would come out of a tunnel as if another host had sent it.
    """

    policies: dict[str, Policy] = field(default_factory=dict)
    guards: dict[str, Guard] = field(default_factory=dict)
    ports: dict[str, Port] = field(default_factory=dict)
    nat_ports: dict[NatKey, NatPort] = field(default_factory=dict)
    norouter: frozenset[int] = frozenset()
    openings: dict[OpeningKey, Opening] = field(default_factory=dict)
    routers: frozenset[str] = frozenset()
    tunnel_ports: frozenset[int] = frozenset()
    tunnels: dict[str, Tunnel] = field(default_factory=dict)

    def copy(self) -> State:
        """One that can be changed without changing this."""
        return State(
            dict(self.policies),
            dict(self.guards),
            dict(self.ports),
            dict(self.nat_ports),
            self.norouter,
            dict(self.openings),
            self.routers,
            self.tunnel_ports,
            dict(self.tunnels),
        )
