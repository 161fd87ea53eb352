# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects of a topology document (desired state): what the planner makes and what the engine applies.

A field whose default is None is not enforced where it is not given. Lists are exhaustive: what an object has besides is
removed; an empty list means none. Addresses, networks and MACs are text in any valid notation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import (
    AllowedPort,
    AllowedPortKey,
    NatKey,
    NatPort,
)
from ansible_collections.virtnet.linux.plugins.module_utils.model.record import Record, field
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip
from ansible_collections.virtnet.linux.plugins.module_utils.rules.names import GATEWAY_MODES, PROTOCOLS
from ansible_collections.virtnet.linux.plugins.module_utils.rules.ports import port_range

VXLAN_PORT = 4789  # RFC 7348, section 5
SWITCH_DRIVERS = ("linux", "openvswitch")
HOST = "host"  # join: the host's own namespace
MACVLAN_MODES = {"private": 1, "vepa": 2, "bridge": 4, "passthru": 8}  # include/uapi/linux/if_link.h


class Desired(Record):
    """An object that is to exist (``present``), or not to (``absent``)."""

    KIND: str = ""  # the name of its module, and of its list in a topology document

    state: str = field(default="present", choices=("present", "absent"), persists=False)

    @property
    def is_present(self) -> bool:
        """Whether the object is to exist."""
        return self.state == "present"

    @property
    def label(self) -> str:
        """The object's name in messages."""
        given = (getattr(self, name, None) for name in ("name", "bridge", "device"))
        return next(str(name) for name in given if name is not None)

    @property
    def host_bridge(self) -> str | None:
        """The bridge of the host that the object depends on, and is not a port of."""
        return None

    def namespaces(self) -> list[str]:
        """Return the namespaces that the object depends on."""
        netns = getattr(self, "netns", None)
        return [] if netns is None else [netns]

    def keys(self) -> list[Any]:
        """Return what identifies the object among the persisted ones of its kind: one with the same key is replaced."""
        required = [name for name, one in self.fields.items() if one.is_required]
        return [(getattr(self, "netns", None), *(getattr(self, name) for name in required))]

    def without(self, keys: Iterable[Any]) -> list[Any]:
        """Return the object, or what of one for several ports or containers has none of these keys."""
        return [] if set(self.keys()) & set(keys) else [self]


class Owned(Desired):
    """An object with ownership labels, which may be adopted when it exists and is not managed."""

    labels: dict[str, str] | None = field(default=None)
    adopt: bool = field(default=False, persists=False)


class Route(Record):
    """A route of a link; without ``via`` the destination is on the link."""

    to: str = field()
    via: str | None = field(default=None)
    metric: int | None = field(default=None)


class Addressed(Record):
    """Addresses, gateways and routes of one link."""

    addresses: list[str] | None = field(default=None)
    gateway: str | None = field(default=None)
    gateway6: str | None = field(default=None)
    routes: list[Route] | None = field(default=None)


class Netns(Owned):
    """A network namespace with a handle in /run/netns: its own, that of another container (``join``, or ``host``), or
    that of a process (``pid``)."""

    KIND = "netns"

    name: str = field()
    forwarding: bool | None = field(default=None)
    sysctls: dict[str, Any] | None = field(default=None)
    unprivileged_ports: bool | None = field(default=None)
    join: str | None = field(default=None)
    pid: int | None = field(default=None)
    force: bool = field(default=False, persists=False)

    def namespaces(self) -> list[str]:
        """Return the namespace that it joins."""
        return [] if self.join in (None, HOST) else [self.join or ""]


class Uplink(Record):
    """A NIC of the host as a port of a switch: it carries these VLANs tagged, all where none is named."""

    interface: str = field()
    vlans: list[int] | None = field(default=None)


class Bridge(Owned):
    """A bridge: a Linux bridge or a switch of Open vSwitch, or one VLAN (``vlan``) of a ``switch`` that several
    networks share."""

    KIND = "bridge"

    name: str = field()
    netns: str | None = field(default=None)
    driver: str | None = field(default=None, choices=SWITCH_DRIVERS)
    switch: str | None = field(default=None)
    vlan: int | None = field(default=None)
    uplinks: list[Uplink] | None = field(default=None)
    addresses: list[str] | None = field(default=None)
    mac: str | None = field(default=None)
    mtu: int | None = field(default=None)
    stp: bool | None = field(default=None)
    forward_delay: int | None = field(default=None)
    priority: int | None = field(default=None)
    interfaces: list[str] | None = field(default=None)
    up: bool = field(default=True)


class Peer(Addressed):
    """The other end of a veth pair."""

    name: str = field()
    netns: str | None = field(default=None)
    bridge: str | None = field(default=None)
    mac: str | None = field(default=None)


class Veth(Owned):
    """A veth pair: from a bridge to a container, or the patch link between two bridges."""

    KIND = "veth"

    name: str = field()
    netns: str | None = field(default=None)
    bridge: str | None = field(default=None)
    mac: str | None = field(default=None)
    mtu: int | None = field(default=None)
    addresses: list[str] | None = field(default=None)
    trunks: list[int] | None = field(default=None)
    anti_spoofing: bool | None = field(default=None)
    allowed_addresses: list[str] | None = field(default=None)
    peer: Peer | None = field(default=None)

    def namespaces(self) -> list[str]:
        """Return the namespaces of both ends."""
        return [netns for netns in (self.netns, self.peer.netns if self.peer else None) if netns is not None]

    @property
    def is_endpoint(self) -> bool:
        """Whether the pair connects a container to a bridge of the host; a patch link does not."""
        peer = self.peer
        return self.bridge is not None and self.netns is None and peer is not None and peer.bridge is None

    @property
    def is_patch_link(self) -> bool:
        """Whether the pair connects two bridges of the host."""
        ends = (self, self.peer)
        return all(end is not None and end.bridge is not None and end.netns is None for end in ends)

    @property
    def on_bridge(self) -> str:
        """The bridge of an endpoint's or patch link's first end."""
        if self.bridge is None:
            raise AssertionError("veth %s: no bridge" % self.name)
        return self.bridge

    @property
    def far(self) -> Peer:
        """The other end, which every pair that is to exist has."""
        if self.peer is None:
            raise AssertionError("veth %s: no peer" % self.name)
        return self.peer


class TunnelEndpoint(Record):
    """An endpoint on another host: the VTEP that its MAC, and so its addresses, are behind."""

    mac: str = field()
    addresses: list[str] = field(default=[])
    vtep: str = field()


class VxlanTunnel(Owned):
    """A VXLAN tunnel, the bridge port to the containers of other hosts."""

    KIND = "vxlan_tunnel"

    name: str = field()
    vni: int | None = field(default=None)
    local: str | None = field(default=None)
    dstport: int = field(default=VXLAN_PORT)
    device: str | None = field(default=None)
    mtu: int | None = field(default=None)
    bridge: str | None = field(default=None)
    netns: str | None = field(default=None)
    learning: bool | None = field(default=None)
    flood: list[str] | None = field(default=None)
    endpoints: list[TunnelEndpoint] | None = field(default=None)
    anycast_gateway: bool | None = field(default=None)


class Interface(Owned, Addressed):
    """A NIC of the host in a container, or a macvlan on one."""

    KIND = "interface"

    device: str = field()
    netns: str | None = field(default=None)
    name: str | None = field(default=None)
    type: str = field(default="physical", choices=("physical", "macvlan"))
    mode: str = field(default="bridge", choices=tuple(MACVLAN_MODES))
    mac: str | None = field(default=None)
    mtu: int | None = field(default=None)

    def keys(self) -> list[Any]:
        """Return the NIC, which is in one namespace only, or the macvlan's parent and namespace."""
        return [(self.device, self.netns if self.type == "macvlan" else None)]


class BridgePolicy(Desired):
    """Network policy of a bridge: its ingress and egress traffic."""

    KIND = "bridge_policy"

    bridge: str = field()
    subnets: list[str] | None = field(default=None)
    masquerade: bool = field(default=True)
    internal: bool = field(default=False)
    icc: bool = field(default=True)
    gateway_mode: str = field(default="nat", choices=GATEWAY_MODES)
    gateway_mode6: str | None = field(default=None, choices=("nat", "routed"))
    snat_address: str | None = field(default=None)
    snat_address6: str | None = field(default=None)
    trusted_interfaces: list[str] | None = field(default=None)
    uplinks: list[str] | None = field(default=None)

    @property
    def host_bridge(self) -> str | None:
        """The bridge that it is about."""
        return self.bridge


class PublishedPort(Desired):
    """A published port, or a range FIRST-LAST; without ``host_port`` an allowed port of a container (routed mode)."""

    KIND = "nat_port"

    protocol: str = field(default="tcp", choices=PROTOCOLS)
    host_ip: str | None = field(default=None)
    host_port: str | None = field(default=None)
    to_address: str | None = field(default=None)
    to_port: str | None = field(default=None)
    bridge: str | None = field(default=None)

    @property
    def host_bridge(self) -> str | None:
        """The bridge that it is about."""
        return self.bridge

    @property
    def label(self) -> str:
        """The port as users declare it: 192.0.2.1:8080/tcp."""
        if self.host_port is None:
            return "%s%s/%s" % (bracketed(self.to_address), self.to_port, self.protocol)
        return "%s%s/%s" % (bracketed(self.host_ip), self.host_port, self.protocol)

    def nat_keys(self) -> list[NatKey]:
        """Return the keys of the ports; of both families where a port to be deleted names no address."""
        if self.host_ip is not None:
            hosts = [ip.normal(self.host_ip)]
        elif self.to_address is not None:
            hosts = ["0.0.0.0" if ip.address(self.to_address).version == 4 else "::"]
        else:
            hosts = ["0.0.0.0", "::"]
        ports = port_range(self.host_port or "") or range(0)
        return [(self.protocol, host_ip, port) for host_ip in hosts for port in ports]

    def nat_ports(self) -> dict[NatKey, NatPort]:
        """Return each single port of the port or range, by its key."""
        targets = port_range(self.to_port or self.host_port or "") or range(0)
        address = ip.normal(self.to_address or "")
        found = {}
        for key, target in zip(self.nat_keys(), targets):
            protocol, host_ip, host_port = key
            given = None if self.host_ip is None or host_ip in ("0.0.0.0", "::") else host_ip
            found[key] = NatPort(protocol, given, host_port, address, target, self.bridge)
        return found

    def allowed_keys(self) -> list[AllowedPortKey]:
        """Return the keys of the allowed ports (without a host port)."""
        address = ip.normal(self.to_address or "")
        return [(self.protocol, address, port) for port in port_range(self.to_port or "") or range(0)]

    def allowed_ports(self) -> dict[AllowedPortKey, AllowedPort]:
        """Return the allowed ports (without a host port), by their keys."""
        return {key: AllowedPort(*key, self.bridge or "") for key in self.allowed_keys()}

    def keys(self) -> list[Any]:
        """Return the keys of the published ports, or of the allowed port or range."""
        if self.host_port is not None:
            return list(self.nat_keys())
        return [(self.protocol, self.to_address, self.to_port)]

    def without(self, keys: Iterable[Any]) -> list[Any]:
        """Return the object, or its remaining ports."""
        others = set(keys)
        if self.host_port is None or not others & set(self.keys()):
            return super().without(keys)
        rest = [port for key, port in self.nat_ports().items() if key not in others]
        return [self.replace(host_port=str(port.host_port), to_port=str(port.to_port)) for port in rest]


class ForeignFirewall(Desired):
    """Rules in other programs' firewalls that accept a bridge's packets."""

    KIND = "foreign_firewall"

    bridge: str = field()

    @property
    def host_bridge(self) -> str | None:
        """The bridge that it is about."""
        return self.bridge


class NetworkName(Record):
    """An address of a network, and the names that resolve to it."""

    address: str = field()
    names: list[str] = field()


class NetworkNames(Desired):
    """The names by which the containers of a network resolve each other."""

    KIND = "network_names"

    network: str = field()
    entries: list[NetworkName] | None = field(default=None)

    @property
    def label(self) -> str:
        """The network."""
        return self.network


class Resolver(Desired):
    """The hosts and resolv.conf files of containers with the same settings."""

    KIND = "resolver"

    containers: list[str] = field()
    networks: list[str] | None = field(default=None)
    nameservers: list[str] | None = field(default=None)
    search: list[str] | None = field(default=None)
    options: list[str] | None = field(default=None)

    @property
    def label(self) -> str:
        """The containers' names, abbreviated after the third."""
        shown = ", ".join(self.containers[:3])
        more = len(self.containers) - 3
        return shown if more <= 0 else "%s and %d more" % (shown, more)

    def keys(self) -> list[Any]:
        """Return the containers."""
        return [("container", name) for name in self.containers]

    def without(self, keys: Iterable[Any]) -> list[Any]:
        """Return the object for the remaining containers."""
        others = set(keys)
        rest = [name for name in self.containers if ("container", name) not in others]
        return [self.replace(containers=rest)] if rest else []


def bracketed(address: str | None) -> str:
    """Return an address as it precedes a port: 192.0.2.1: or [2001:db8::1]:, nothing for None."""
    if address is None:
        return ""
    return ("[%s]:" if ":" in address else "%s:") % address


OBJECTS: dict[str, type[Desired]] = {
    one.KIND: one
    for one in (
        Netns,
        Bridge,
        Veth,
        VxlanTunnel,
        Interface,
        BridgePolicy,
        PublishedPort,
        ForeignFirewall,
        NetworkNames,
        Resolver,
    )
}


class Topology:
    """A topology document: the desired objects of a host, a list for each kind."""

    netns: list[Netns]
    bridge: list[Bridge]
    veth: list[Veth]
    vxlan_tunnel: list[VxlanTunnel]
    interface: list[Interface]
    bridge_policy: list[BridgePolicy]
    nat_port: list[PublishedPort]
    foreign_firewall: list[ForeignFirewall]
    network_names: list[NetworkNames]
    resolver: list[Resolver]

    def __init__(self) -> None:
        """Create an empty document."""
        for kind in OBJECTS:
            setattr(self, kind, [])

    @classmethod
    def read(cls, plain: Mapping[str, list[dict[str, Any]]]) -> Topology:
        """Return the document of plain data of valid types: objects of each kind with any of their fields."""
        found = cls()
        for kind, objects in plain.items():
            found.of(kind).extend(map(OBJECTS[kind].read, objects))
        return found

    def of(self, kind: str) -> list[Any]:
        """Return the list of a kind."""
        found: list[Any] = getattr(self, kind)
        return found

    def __iter__(self) -> Iterator[Desired]:
        """Yield every object, kind by kind in the order of OBJECTS."""
        for kind in OBJECTS:
            yield from self.of(kind)

    def __len__(self) -> int:
        return sum(len(self.of(kind)) for kind in OBJECTS)

    def plain(self) -> dict[str, list[dict[str, Any]]]:
        """Return the document as plain data: each kind's objects, with the fields that they give."""
        return {kind: [one.plain() for one in self.of(kind)] for kind in OBJECTS}
