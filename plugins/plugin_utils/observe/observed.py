# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The observed state of a host, as the module network_info returns it, parsed into objects."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.addresses import Address, IPNetwork, Subnet
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.policy import BINDINGS, Policy
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.ports import parse_range
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.spec import Network
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.switches import LINUX, Placement, Switch

Place = tuple[str, int, Address | None, int]  # protocol, IP version, host address (None: every one), host port


@dataclass
class LiveEndpoint:
    """A container's interface on a network: the name of the host end, and the values of the container's end.

    MAC and addresses are those that anti-spoofing allows at the port, else those in the alias of its host end. The
    interface itself is not trusted: a process with CAP_NET_ADMIN in the container can assign any address to it.
    """

    network: str
    veth: str
    interface: str | None = None
    mac: str | None = None
    addresses: dict[int, Address] = field(default_factory=dict)  # by IP version, the first of each
    aliases: list[str] = field(default_factory=list)
    guarded: bool = False


@dataclass
class LiveNic:
    """A NIC of the host in a container's namespace (physical), or a macvlan on one."""

    device: str
    name: str
    type: str


@dataclass
class LiveContainer:
    """A managed namespace; `named` is False where only the host ends of its endpoints are left."""

    name: str
    join: str | None = None
    role: str | None = None
    pids: list[int] = field(default_factory=list)  # processes in it; empty for a shared namespace
    programs: dict[int, str] = field(default_factory=dict)  # their names, by pid
    endpoints: dict[str, LiveEndpoint] = field(default_factory=dict)  # by network
    nics: list[LiveNic] = field(default_factory=list)
    named: bool = True

    def program_of(self, pid: int) -> str:
        """The program of a process for messages: ' (nginx)', or nothing where it is not known."""
        return f" ({self.programs[pid]})" if pid in self.programs else ""


@dataclass(frozen=True)
class LivePort:
    """One published port; host_ip None is every address of to_address's family."""

    protocol: str
    host_ip: Address | None
    host_port: int
    to_address: Address
    to_port: int
    bridge: str | None

    @property
    def place(self) -> Place:
        """The key of a published port, unique on a host."""
        return self.protocol, self.to_address.version, self.host_ip, self.host_port


@dataclass(frozen=True)
class LiveAllowedPort:
    """An allowed port (ingress) of a container in a routed network."""

    protocol: str
    address: Address
    port: int
    bridge: str


@dataclass
class LiveInterface:
    name: str
    kind: str | None
    mtu: int | None
    ours: bool
    addresses: list[Address]
    device: str | None = None  # of a NIC returned by a deleted namespace: its original name
    role: str | None = None
    lifeline: str | None = None  # the reason why the host needs it
    altnames: list[str] = field(default_factory=list)
    patch_link: str | None = None  # of an end of a patch link: the networks that it connects
    vrf: str | None = None


@dataclass
class LiveRoute:
    to: IPNetwork
    dev: str | None
    type: str = "unicast"
    table: int = 254  # the main one

    def __str__(self) -> str:
        leads = f"route by {self.dev or 'no device'}" if self.type == "unicast" else f"{self.type} route"
        return f"the host's {leads}" + ("" if self.table == 254 else f" in table {self.table}")


@dataclass
class Listener:
    """A listening process of the host."""

    protocol: str
    address: Address
    port: int
    pid: int | None
    process: str | None
    v6only: bool | None = None  # IPV6_V6ONLY of a socket on ::; None: not known

    def __str__(self) -> str:
        process = self.process or "a process"
        return f"{process} (pid {self.pid})" if self.pid else process


@dataclass
class Live:
    revision: str | None = None  # of the observed state
    networks: dict[str, Network] = field(default_factory=dict)
    roles: dict[str, str | None] = field(default_factory=dict)  # by network: the role that made it
    overlays: set[str] = field(default_factory=set)  # networks that span hosts
    containers: dict[str, LiveContainer] = field(default_factory=dict)
    ports: list[LivePort] = field(default_factory=list)
    interfaces: dict[str, LiveInterface] = field(default_factory=dict)
    routes: list[LiveRoute] = field(default_factory=list)
    other_routes: list[LiveRoute] = field(default_factory=list)  # of other tables, and blackholes
    looked_up: set[tuple[int, int]] = field(default_factory=set)  # (IP version, table) of routing rules
    listeners: list[Listener] = field(default_factory=list)
    namespaces: list[str] = field(default_factory=list)
    moved_nics: list[str] = field(default_factory=list)  # by a process in the container's namespace
    allowed_ports: list[LiveAllowedPort] = field(default_factory=list)
    missing_bridges: list[str] = field(default_factory=list)  # deleted out of band; the firewall has policies for them
    bridge_nf_call: dict[str, bool] = field(default_factory=dict)  # iptables, ip6tables
    foreign_drops: list[dict[str, Any]] = field(default_factory=list)
    foreign_accepts: list[str] = field(default_factory=list)  # bridges
    warnings: list[str] = field(default_factory=list)
    limits: dict[str, int | None] | None = None  # of the kernel, by sysctl; None: not reported
    nameservers: list[Address] = field(default_factory=list)
    stp: dict[str, bool] = field(default_factory=dict)  # by bridge of the host
    switches: dict[str, Switch] = field(default_factory=dict)  # those that networks share

    @functools.cached_property
    def addresses(self) -> set[Address]:
        """The addresses of all interfaces of the host."""
        return {address for interface in self.interfaces.values() for address in interface.addresses}


def read_live(raw: object, problems: Problems) -> Live:
    """Read network_info's return value."""
    if not isinstance(raw, Mapping):
        problems.refuse("live", "as a whole", raw, "must be what the module virtnet.linux.network_info returns")
        return Live()
    try:
        return _read(raw)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        problems.refuse("live", "as a whole", raw, f"is not what virtnet.linux.network_info returns ({error!r})")
        return Live()


def _read(raw: Mapping[str, Any]) -> Live:
    host = raw.get("host") or {}
    live = Live(
        revision=_word_or_none(raw.get("revision")),
        ports=[port for entry in raw.get("nat_ports") or [] for port in _ports(entry)],
        routes=[
            LiveRoute(to=ipaddress.ip_network(route["to"], strict=False), dev=_word_or_none(route.get("dev")))
            for route in host.get("routes") or []
        ],
        other_routes=[_other_route(entry) for entry in host.get("other_routes") or []],
        looked_up={(int(rule["version"]), int(rule["table"])) for rule in host.get("rules") or []},
        listeners=[_listener(entry) for entry in host.get("listeners") or []],
        namespaces=[str(name) for name in host.get("namespaces") or []],
        moved_nics=[str(name) for name in host.get("moved_nics") or []],
        allowed_ports=[_allowed_port(entry) for entry in raw.get("allowed_ports") or []],
        missing_bridges=[str(name) for name in host.get("missing_bridges") or []],
        bridge_nf_call=dict(host.get("bridge_nf_call") or {}),
        foreign_drops=list(host.get("foreign_drops") or []),
        foreign_accepts=[str(name) for name in host.get("foreign_accepts") or []],
        warnings=[str(text) for text in host.get("warnings") or []],
        limits=_limits(host.get("limits")),
        nameservers=[_address(text) for text in host.get("nameservers") or []],
        stp={_word(one["name"]): bool(one.get("stp")) for one in raw.get("bridges") or [] if not one.get("netns")},
    )
    for entry in host.get("interfaces") or []:
        live.interfaces[_word(entry["name"])] = LiveInterface(
            name=_word(entry["name"]),
            kind=entry.get("kind"),
            mtu=entry.get("mtu"),
            ours=bool(entry.get("ours")),
            addresses=[_address(text) for text in entry.get("addresses") or []],
            altnames=[_word(name) for name in entry.get("altnames") or []],
            device=_word_or_none(entry.get("device")),
            role=_word_or_none((entry.get("labels") or {}).get("role")),
            lifeline=_word_or_none(entry.get("lifeline")),
            patch_link=_word_or_none((entry.get("labels") or {}).get("patch")),
            vrf=_word_or_none(entry.get("vrf")),
        )
    for entry in raw.get("containers") or []:
        live.containers[_word(entry["name"])] = _container(entry)
    for entry in raw.get("networks") or []:
        _add_network(live, entry)
    for entry in raw.get("bridges") or []:
        role = (entry.get("labels") or {}).get("role")
        if role is not None and "network" not in entry["labels"]:
            live.switches[_word(entry["name"])] = Switch(_word(entry["name"]), _word(entry["driver"]), role=_word(role))
    _add_remembered(live, raw.get("remembered") or {})
    return live


def _container(entry: Mapping[str, Any]) -> LiveContainer:
    labels = entry.get("labels") or {}
    container = LiveContainer(
        name=_word(entry["name"]),
        join=_word_or_none(entry.get("join")),
        role=_word_or_none(labels.get("role")),
        pids=[int(pid) for pid in entry.get("pids") or []],
        programs={int(pid): str(name) for pid, name in (entry.get("programs") or {}).items()},
    )
    for nic in entry.get("interfaces") or []:
        container.nics.append(LiveNic(_word(nic["device"]), _word(nic["name"]), _word(nic["type"])))
    for endpoint in entry.get("endpoints") or []:
        network = _word_or_none(endpoint.get("network"))
        if network is None:
            continue  # a patch link or a NIC: it is on no network
        guard = endpoint.get("guard") or {}
        given = endpoint.get("assigned") or endpoint
        container.endpoints[network] = LiveEndpoint(
            network=network,
            veth=_word(endpoint["veth"]),
            interface=_word_or_none(endpoint.get("interface")),
            mac=_word_or_none(guard.get("mac") or given.get("mac")),
            addresses=_first_of_each(guard.get("addresses") or given.get("addresses") or []),
            guarded=bool(guard.get("addresses")),
            aliases=[_word(alias) for alias in endpoint.get("aliases") or []],
        )
    return container


def _add_network(live: Live, entry: Mapping[str, Any]) -> None:
    options = entry.get("Options") or {}
    mode = str(options.get("gateway_mode") or "nat")
    network = Network(
        name=_word(entry["Name"]),
        bridge=_word(options.get("bridge") or entry["Id"]),
        mtu=options.get("mtu"),
        internal=bool(entry.get("Internal")),
        icc=bool(options.get("icc", True)),
        masquerade=bool(options.get("masquerade", True)),
        policy=Policy(
            mode,
            str(options.get("gateway_mode6") or mode),
            bindings={version: _address(options[word]) for version, word in BINDINGS.items() if options.get(word)},
        ),
        joins=_word_or_none((entry.get("Labels") or {}).get("joins")),
        placement=Placement(str(options.get("driver") or LINUX), options.get("switch"), options.get("vlan")),
        declared=False,
    )
    for config in (entry.get("IPAM") or {}).get("Config") or []:
        subnet = _subnet(config)
        network.subnets.setdefault(subnet.version, subnet)
    live.networks[network.name] = network
    if "vni" in (entry.get("Labels") or {}):
        live.overlays.add(network.name)
    live.roles[network.name] = _word_or_none((entry.get("Labels") or {}).get("role"))
    # An endpoint whose namespace handle was deleted still has its host end, and so its address.
    for name, endpoint in (entry.get("Containers") or {}).items():
        container = live.containers.setdefault(_word(name), LiveContainer(name=name, named=False))
        texts = [endpoint.get("IPv4Address"), endpoint.get("IPv6Address")]
        container.endpoints.setdefault(
            network.name,
            LiveEndpoint(
                network=network.name,
                veth=_word(endpoint["EndpointID"]),
                interface=_word_or_none(endpoint.get("InterfaceName")),
                mac=_word_or_none(endpoint.get("MacAddress")),
                addresses=_first_of_each([text for text in texts if text]),
            ),
        )


def _subnet(config: Mapping[str, Any]) -> Subnet:
    gateway, ip_range = config.get("Gateway"), config.get("IPRange")
    return Subnet(
        network=ipaddress.ip_network(config["Subnet"]),
        ip_range=ipaddress.ip_network(ip_range) if ip_range else None,
        gateway=_address(gateway) if gateway else None,
        auxiliary={_word(name): _address(text) for name, text in (config.get("AuxiliaryAddresses") or {}).items()},
    )


def _add_remembered(live: Live, remembered: Mapping[str, Any]) -> None:
    """Add persisted objects that were deleted out of band: their subnets and addresses stay reserved."""
    for entry in remembered.get("networks") or []:
        name = _word(entry["name"])
        if name in live.networks:
            continue
        network = live.networks[name] = Network(name=name, bridge=_word(entry["bridge"]), declared=False)
        network.joins = _word_or_none(entry.get("joins"))
        live.roles[name] = _word_or_none(entry.get("role"))
        held = [_address(text) for text in entry["addresses"]]
        for block in map(ipaddress.ip_network, entry["subnets"]):
            gateway = next((address for address in held if address in block), None)
            network.subnets.setdefault(block.version, Subnet(network=block, gateway=gateway))
    for entry in remembered.get("containers") or []:
        was = _container({**entry, "labels": {"role": entry.get("role")}})
        now = live.containers.setdefault(was.name, was)
        for endpoint in was.endpoints.values():
            now.endpoints.setdefault(endpoint.network, endpoint)


def _ports(entry: Mapping[str, Any]) -> list[LivePort]:
    """Read an entry, which may be a range, port by port."""
    host_ip = entry.get("host_ip")
    places = parse_range(str(entry["host_port"]))
    ports = parse_range(str(entry["to_port"]))
    return [
        LivePort(
            protocol=_word(entry["protocol"]),
            host_ip=_address(host_ip) if host_ip else None,
            host_port=place,
            to_address=_address(entry["to_address"]),
            to_port=port,
            bridge=_word_or_none(entry.get("bridge")),
        )
        for place, port in zip(places, ports)
    ]


def _allowed_port(entry: Mapping[str, Any]) -> LiveAllowedPort:
    address = _address(entry["address"])
    return LiveAllowedPort(_word(entry["protocol"]), address, int(entry["port"]), _word(entry["bridge"]))


def _other_route(entry: Mapping[str, Any]) -> LiveRoute:
    return LiveRoute(
        to=ipaddress.ip_network(entry["to"], strict=False),
        dev=_word_or_none(entry.get("dev")),
        type=_word(entry["type"]),
        table=int(entry["table"]),
    )


def _listener(entry: Mapping[str, Any]) -> Listener:
    return Listener(
        protocol=_word(entry["protocol"]),
        address=_address(entry["address"]),
        port=int(entry["port"]),
        pid=entry.get("pid"),
        process=entry.get("process"),
        v6only=entry.get("v6only"),
    )


def _limits(entry: Mapping[str, Any] | None) -> dict[str, int | None] | None:
    return None if entry is None else {key: None if value is None else int(value) for key, value in entry.items()}


def _first_of_each(texts: list[str]) -> dict[int, Address]:
    found: dict[int, Address] = {}
    for text in texts:
        address = _address(text)
        if not address.is_link_local:
            found.setdefault(address.version, address)
    return found


def _address(text: str) -> Address:
    """Parse the address of '172.30.0.2/16', 'fe80::1%eth0' or '::ffff:127.0.0.1'; '*' is the unspecified one."""
    address = ipaddress.ip_address(text.split("/")[0].split("%")[0].replace("*", "::"))
    return getattr(address, "ipv4_mapped", None) or address


def _word(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no name")
    return value


def _word_or_none(value: object) -> str | None:
    return None if value is None else _word(value)
