# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The declaration (desired state), parsed into objects; errors within one object are found here.

Option names follow Docker and Compose. The planner finds errors that involve several objects or the host (taken
addresses, overlaps, unknown names).
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from ansible_collections.virtnet.linux.plugins.module_utils.rules import names, values
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.addresses import (
    Address,
    Subnet,
    lies_in,
    outside,
    unique_local_subnet,
)
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.fields import Fields, not_quoted
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.nics import Nic, read_nics
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.policy import (
    BINDINGS,
    POLICY_FIELDS,
    Policy,
    read_allowed_addresses,
    read_policy,
)
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.ports import Port, PortError, parse_port
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.problems import Problems, enumerate_names
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.routes import Route, read_routes

NETWORK_FIELDS = (
    "name", "bridge", "subnet", "gateway", "ip_range", "enable_ipv6", "subnet6", "gateway6", "ip_range6",
    "aux_addresses", "connect", "stp", "routes", "mtu", "internal", "icc", "masquerade", "labels",
    *POLICY_FIELDS, "anti_spoofing", "state",
)  # fmt: skip
OF_THE_SEGMENT = (
    "gateway", "ip_range", "enable_ipv6", "gateway6", "ip_range6", "aux_addresses", "mtu", "internal", "icc",
    "masquerade", *POLICY_FIELDS,
)  # fmt: skip
CONTAINER_FIELDS = (
    "name", "networks", "interfaces", "ports", "network_mode", "forwarding", "sysctls", "unprivileged_ports", "routes",
    "dns", "dns_search", "dns_opt", "pid", "force", "state",
)  # fmt: skip
ATTACHMENT_FIELDS = (
    "name", "ipv4_address", "ipv6_address", "mac_address", "interface_name", "aliases",
    "allowed_addresses", "anti_spoofing",
)  # fmt: skip

# A role's variables without the role's prefix, including the facts that it sets under its prefix.
VARIABLES = {
    "bridge_network": (
        "networks", "containers", "purge", "address_pools", "manage_foreign_firewall", "persist", "unprivileged_ports",
    ),
    "overlay_network": (
        "networks", "containers", "purge", "group", "vtep", "ip_ranges", "manage_foreign_firewall", "persist",
        "unprivileged_ports", "addresses",
    ),
}  # fmt: skip

OVERLAY_ROLE = "overlay_network"
_STATES = ("present", "absent")
_OF_A_NAMESPACE = (
    "networks", "interfaces", "ports", "forwarding", "sysctls", "unprivileged_ports", "routes", "dns", "dns_search",
    "dns_opt", "pid",
)  # fmt: skip
_SYSCTL = re.compile(r"net[./][A-Za-z0-9_./-]+\Z")


@dataclass(frozen=True)
class AddressPool:
    """A block from which networks get subnets; size is the prefix length of each."""

    base: ipaddress.IPv4Network
    size: int


@dataclass
class Network:
    """A bridge network of one host; `declared` in this run, or only observed there from an earlier one.

    `connect` names the networks to whose bridges it has a patch link. One that `joins` another shares its subnets,
    gateway and network policy; `primary` is that other (the primary network of the segment), once it is settled.
    """

    name: str
    bridge: str
    subnets: dict[int, Subnet] = field(default_factory=dict)  # by IP version
    mtu: int | None = None
    internal: bool = False
    icc: bool = True
    masquerade: bool = True
    policy: Policy = field(default_factory=Policy)
    anti_spoofing: bool = True
    routes: list[Route] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    connect: dict[str, int] = field(default_factory=dict)  # each with its index in the list, for messages
    stp: bool | None = None
    automatic: bool = False  # it names no subnet
    said: dict[str, object] = field(default_factory=dict)  # the fields that apply to its whole segment, as declared
    joins: str | None = None
    primary: Network | None = field(default=None, repr=False)
    declared: bool = True
    sound: bool = True  # False: its subnets are invalid, so no further errors about addresses in it are reported

    @property
    def segment(self) -> Network:
        """The network that owns the subnet and the gateway: this one, or the one that it joins."""
        return self.primary or self

    def __str__(self) -> str:
        return f"network {self.name}"


@dataclass
class Attachment:
    """A container's desired attachment to a network."""

    network: str
    number: int = 0  # its index in the list, for messages
    addresses: dict[int, Address] = field(default_factory=dict)  # by IP version: static ones
    mac: str | None = None
    interface: str | None = None
    aliases: list[str] = field(default_factory=list)
    allowed_addresses: list[str] = field(default_factory=list)  # anti-spoofing: allowed besides its own addresses
    anti_spoofing: bool | None = None  # None: inherit the network's setting


@dataclass
class Dns:
    """Resolver settings of a container for names outside its networks; empty fields inherit those of the host."""

    servers: list[Address] = field(default_factory=list)
    search: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)


@dataclass
class Container:
    """A container: its mode (bridge, none, host or container, which has a target) and its settings."""

    name: str
    mode: str = "bridge"
    target: str | None = None
    attachments: list[Attachment] = field(default_factory=list)
    whole: bool = (
        True  # False: some of its networks are left out, each with an error of its own: none that follow are reported
    )
    nics: list[Nic] = field(default_factory=list)
    ports: list[Port] = field(default_factory=list)
    forwarding: bool | None = None
    sysctls: dict[str, object] = field(default_factory=dict)
    unprivileged_ports: bool | None = None  # None: it shares a namespace, whose owner sets it
    routes: list[Route] = field(default_factory=list)
    dns: Dns = field(default_factory=Dns)
    pid: int | None = None
    force: bool = False

    @property
    def network_mode(self) -> str:
        """The mode as it is declared: 'bridge' or 'container:nginx'."""
        return f"{self.mode}:{self.target}" if self.target else self.mode

    @property
    def owns_namespace(self) -> bool:
        return self.mode in ("bridge", "none")

    def __str__(self) -> str:
        return f"container {self.name}"


@dataclass
class Declaration:
    """The desired state of one host; present and absent objects apart, each by name in declared order."""

    role: str
    purge: bool
    manage_foreign_firewall: bool
    networks: dict[str, Network]
    absent_networks: dict[str, Network]
    containers: dict[str, Container]
    absent_containers: dict[str, Container]
    address_pools: list[AddressPool] | None = None  # None: every network has to name its subnet
    # not planned, because they have an error or warning already; their observed state is kept, and not undeclared
    omitted_containers: set[str] = field(default_factory=set)


_Object = TypeVar("_Object")


def read_declaration(raw: object, problems: Problems) -> Declaration:
    """Read {networks, containers, purge, role, host, address_pools, manage_foreign_firewall, unprivileged_ports,
    variables}; host is the inventory's name of the host, variables are the names of its variables that begin with the
    role's name."""
    whole = Fields(raw if isinstance(raw, Mapping) else {}, "declaration", problems)
    if not isinstance(raw, Mapping):
        problems.refuse(
            "declaration", "as a whole", raw, "must be a dictionary of networks, containers, purge and role"
        )
    whole.only(
        "networks", "containers", "purge", "role", "host", "address_pools", "manage_foreign_firewall",
        "unprivileged_ports", "variables",
    )  # fmt: skip
    role = whole.text("role") or "bridge_network"
    purge = bool(whole.boolean("purge", False))
    _check_variables(whole, role, purge)
    host = whole.text("host") or ""
    networks, absent_networks = _by_name(
        whole, "networks", f"{role}_networks", "network", lambda fields, name: _read_network(fields, name, host, role)
    )
    unprivileged = bool(whole.boolean("unprivileged_ports", True))
    containers, absent_containers = _by_name(
        whole, "containers", f"{role}_containers", "container",
        lambda fields, name: _read_container(fields, name, unprivileged),
    )  # fmt: skip
    return Declaration(
        role=role,
        purge=purge,
        manage_foreign_firewall=bool(whole.boolean("manage_foreign_firewall", False)),
        networks=networks,
        absent_networks=absent_networks,
        containers=containers,
        absent_containers=absent_containers,
        address_pools=_read_pools(whole, f"{role}_address_pools") if whole.given("address_pools") else None,
    )


@dataclass(frozen=True)
class Outline:
    """The part of a container that the inventory plugin needs."""

    name: str
    networks: list[str]
    network_mode: str


def read_outlines(host: str, variable: str, raw: object, problems: Problems) -> list[Outline]:
    """Read the present containers of a host's variable; messages name host and variable. The role validates the other
    fields."""
    whole = Fields({variable: raw}, f"host {host}", problems)
    present, _absent = _by_name(whole, variable, f"host {host}: {variable}", "container", _read_outline, ": ")
    return [outline for outline in present.values() if outline is not None]


def _read_outline(fields: Fields, name: str) -> Outline | None:
    mode = _read_mode(fields, name)
    named = [_read_network_name(fields, number, value) for number, value in enumerate(fields.listing("networks"))]
    _check_container_name(fields, name)
    if mode is None:
        return None
    networks = list(dict.fromkeys(network for network in named if network is not None))
    return Outline(name, networks, ":".join(filter(None, mode)))


def _check_variables(whole: Fields, role: str, purge: bool) -> None:
    """Report misspelt variables. Ansible ignores them: the list is empty then, and purge would remove every object."""
    known = VARIABLES.get(role, ())
    for name in map(str, whole.listing("variables")):
        word = name.removeprefix(f"{role}_")
        if word in known:
            continue
        near = difflib.get_close_matches(word, known, 1) or known
        rule = f"is none of the role's; write {enumerate_names([f'{role}_{one}' for one in near])}"
        rule += f", or choose a name that does not begin with {role}_"
        if purge:
            cost = f"with {role}_purge: true it would remove what it may be meant to declare"
            whole.problems.refuse(f"role {role}", "variable", name, f"{rule}; {cost}")
        else:
            whole.problems.warn(f"role {role}", "variable", name, rule)


def _read_pools(whole: Fields, variable: str) -> list[AddressPool]:
    pools = []
    for number, raw in enumerate(whole.listing("address_pools")):
        if not isinstance(raw, Mapping):
            whole.problems.refuse(f"{variable}[{number}]", "as a whole", raw, "must be a dictionary of base and size")
            continue
        fields = Fields(raw, f"{variable}[{number}]", whole.problems)
        fields.only("base", "size")
        base = fields.subnet("base", 4)
        size = fields.integer("size", base.prefixlen if base else 1, 30)
        needed = {
            "base": "is required: a subnet, as 172.18.0.0/16",
            "size": "is required: the prefix length of each subnet",
        }
        for word, rule in needed.items():
            if not fields.given(word):
                fields.refuse(word, rule)
        if isinstance(base, ipaddress.IPv4Network) and size is not None:
            pools.append(AddressPool(base, size))
    return pools


def _by_name(
    whole: Fields, key: str, variable: str, kind: str, read: Callable[[Fields, str], _Object], named: str = ""
) -> tuple[dict[str, _Object], dict[str, _Object]]:
    """Read the objects of a list, by name: (present, absent).

    :param named: separator of variable and object in messages; without it a message names the object alone
    """
    present: dict[str, _Object] = {}
    absent: dict[str, _Object] = {}
    for number, raw in enumerate(whole.listing(key)):
        place = f"{variable}[{number}]"
        if not isinstance(raw, Mapping):
            whole.problems.refuse(place, "as a whole", raw, f"must be a dictionary that describes a {kind}")
            continue
        fields = Fields(raw, place, whole.problems)
        name = fields.text("name")
        if name is None:
            if not fields.given("name"):
                fields.refuse("name", f"a {kind} needs a name")
            continue
        fields.thing = f"{variable}{named}{kind} {name}" if named else f"{kind} {name}"
        if not names.is_object_name(name):
            fields.refuse("name", values.OBJECT_NAME)
        if name in present or name in absent:
            fields.refuse("name", f"is declared twice; declare it once ({place} is the second)")
            continue
        where = absent if fields.choice("state", "present", _STATES) == "absent" else present
        where[name] = read(fields, name)
    return present, absent


def _read_network(fields: Fields, name: str, host: str, role: str) -> Network:
    fields.only(*NETWORK_FIELDS)
    found_before = len(fields.problems.errors)
    subnets = _read_subnets(fields, name, host)
    sound = len(fields.problems.errors) == found_before
    bridge = fields.text("bridge")
    policy = read_policy(fields)
    if bridge is not None and not names.is_interface_name(bridge):
        fields.refuse("bridge", values.INTERFACE_NAME)
    return Network(
        name=name,
        bridge=bridge if bridge is not None else names.bridge_device(name) if names.is_object_name(name) else name,
        subnets=subnets,
        # the minimum MTUs of IPv4 (RFC 791) and IPv6 (RFC 8200)
        mtu=fields.integer("mtu", 1280 if 6 in subnets else 68, 65535),
        internal=bool(fields.boolean("internal", False)),
        icc=bool(fields.boolean("icc", True)),
        masquerade=bool(fields.boolean("masquerade", True)),
        policy=policy,
        anti_spoofing=bool(fields.boolean("anti_spoofing", True)),
        routes=read_routes(fields),
        labels=_read_labels(fields, name, subnets, policy, role),
        connect=_read_connect(fields, name),
        stp=fields.boolean("stp", None),
        automatic=not fields.given("subnet") and not fields.given("subnet6"),
        said={word: fields.raw[word] for word in OF_THE_SEGMENT if fields.given(word)},
        sound=sound,
    )


def _read_connect(fields: Fields, name: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for number, other in fields.texts("connect"):
        if other == name:
            rule = "a network cannot be connected to itself; name another one"
        elif other in found:
            rule = "is named twice; one patch link is enough"
        elif not names.is_object_name(other):
            rule = "must be another network's name"
        else:
            found[other] = number
            continue
        fields.problems.refuse(fields.thing, f"connect[{number}]", other, rule)
    return found


def _read_labels(fields: Fields, name: str, subnets: dict[int, Subnet], policy: Policy, role: str) -> dict[str, str]:
    """The bridge's labels: the declared ones, and those that later runs need if they do not declare the network."""
    words = Fields(fields.mapping("labels"), f"{fields.thing}: labels", fields.problems)
    found = {key: words.text(key) for key in words.keys()}
    labels = {key: text or "" for key, text in found.items() if text is not None or not words.given(key)}
    own = {"role": role, "network": name}
    if role == OVERLAY_ROLE and "vni" in labels:  # set by the overlay planner, which refuses a declared one
        own["vni"] = labels.pop("vni")
    for word in sorted(names.OWN_LABELS.intersection(labels)):
        words.refuse(word, "is set by the role itself; choose another word")
    if not names.is_object_name(name):
        return labels
    for version, subnet in subnets.items():
        if subnet.ip_range is not None:
            own["ip_range" + ("6" if version == 6 else "")] = str(subnet.ip_range)
    own.update({BINDINGS[version]: str(address) for version, address in policy.bindings.items()})
    wrong = names.labels_problem(labels, own)
    if wrong is not None:
        fields.refuse("labels", wrong)
    labels.update(own)
    reserved = {key: str(address) for subnet in subnets.values() for key, address in subnet.auxiliary.items()}
    if reserved:
        kept = {**labels, "aux_addresses": names.addresses_mark(reserved)}
        if names.labels_fit(kept):
            return kept
        rule = "are more than the bridge's alias has room for: only runs that declare the network will know of them"
        fields.problems.warn(fields.thing, "aux_addresses", dict(reserved), rule)
    return labels


def _read_subnets(fields: Fields, name: str, host: str) -> dict[int, Subnet]:
    """The network's subnets by IP version, with the declared gateways."""
    ipv6 = fields.boolean("enable_ipv6", None)
    if ipv6 is False and fields.given("subnet6"):
        fields.refuse("subnet6", "the network has enable_ipv6: false; leave one of the two out")
    blocks = {4: fields.subnet("subnet", 4), 6: fields.subnet("subnet6", 6)}
    if ipv6 and not fields.given("subnet6") and names.is_object_name(name):
        blocks[6] = unique_local_subnet(host, name)
    auxiliary: dict[int, dict[str, Address]] = {4: {}, 6: {}}
    aux = Fields(fields.mapping("aux_addresses"), f"{fields.thing}: aux_addresses", fields.problems)
    for key in aux.keys():
        if not names.is_object_name(key):
            aux.refuse(key, f"the name must be {names.OBJECT_RULE}")
            continue
        address = aux.address(key)
        if address is not None:
            auxiliary[address.version][key] = address
    subnets = {}
    for version, block in blocks.items():
        suffix = "6" if version == 6 else ""
        if block is None:
            _refuse_without_subnet(fields, suffix, auxiliary[version], aux)
            continue
        subnet = Subnet(
            network=block,
            ip_range=fields.subnet("ip_range" + suffix, version),
            gateway=fields.address("gateway" + suffix, version),
            auxiliary=auxiliary[version],
        )
        _check_subnet(fields, suffix, subnet, aux)
        subnets[version] = subnet
    return subnets


def _refuse_without_subnet(fields: Fields, suffix: str, auxiliary: dict[str, Address], aux: Fields) -> None:
    """Refuse fields that need a subnet of this family, where there is none."""
    if fields.given("subnet" + suffix):
        return  # declared, and refused already
    for word in ("gateway" + suffix, "ip_range" + suffix):
        if fields.given(word):
            fields.refuse(word, f"the network has no subnet{suffix} for it; give one")
    for key in auxiliary:
        aux.refuse(key, f"the network has no subnet{suffix} for it; give one")


def _check_subnet(fields: Fields, suffix: str, subnet: Subnet, aux: Fields) -> None:
    block = subnet.network
    if (
        block.prefixlen == 0 or block.is_multicast or block.is_loopback or block.is_link_local
        or block.is_reserved or block.network_address.is_unspecified
    ):  # fmt: skip
        fields.refuse("subnet" + suffix, "must be of unicast addresses that are neither loopback nor link-local")
    if subnet.ip_range is not None and not lies_in(subnet.ip_range, block):
        fields.refuse("ip_range" + suffix, f"must lie inside subnet{suffix} {block}")
    elif subnet.ip_range is not None and not subnet.has(subnet.first()):
        fields.refuse("ip_range" + suffix, f"has no address that is neither the network's nor the broadcast of {block}")
    if subnet.gateway is not None and not subnet.has(subnet.gateway):
        fields.refuse("gateway" + suffix, outside(subnet, subnet.gateway))
    for key, address in subnet.auxiliary.items():
        if not subnet.has(address):
            aux.refuse(key, outside(subnet, address))


def _read_container(fields: Fields, name: str, unprivileged: bool) -> Container:
    fields.only(*CONTAINER_FIELDS)
    _check_container_name(fields, name)
    mode = _read_mode(fields, name)
    container = Container(
        name=name,
        mode=mode[0] if mode else "none",
        target=mode[1] if mode else None,
        attachments=_read_attachments(fields, name),
        nics=read_nics(fields),
        ports=_read_ports(fields),
        forwarding=fields.boolean("forwarding", None),
        sysctls=_read_sysctls(fields),
        routes=read_routes(fields),
        dns=_read_dns(fields),
        pid=fields.integer("pid", 1, 2**22),  # PID_MAX_LIMIT, include/linux/threads.h
        force=bool(fields.boolean("force", False)),
    )
    if container.owns_namespace and container.pid is None:
        container.unprivileged_ports = fields.boolean("unprivileged_ports", unprivileged)
    elif container.pid is not None and fields.given("unprivileged_ports"):
        fields.refuse("unprivileged_ports", "cannot be combined with pid, whose namespace exists already; set sysctls")
    if mode:
        _check_mode(fields, container)
    for key, value in container.sysctls.items():
        if names.sysctl(key) in names.FORWARDING and container.forwarding not in (None, str(value) != "0"):
            rule = f"contradicts forwarding: {str(container.forwarding).lower()}; leave one of the two out"
            fields.problems.refuse(fields.thing, f"sysctls.{key}", value, rule)
    return container


def _check_container_name(fields: Fields, name: str) -> None:
    if name == "host":
        fields.refuse("name", "means the host's own namespace here; choose another name")
    if fields.to_be_present and name in names.HOSTS_NAMES:
        fields.refuse("name", "is in each container's file hosts already; choose another name")


def _read_mode(fields: Fields, name: str) -> tuple[str, str | None] | None:
    """The mode and the container to join; None where the field is invalid."""
    mode = fields.text("network_mode")
    if not fields.given("network_mode"):
        return "bridge", None
    if mode is None:
        return None
    if mode in ("bridge", "none", "host"):
        return mode, None
    word, _colon, target = mode.partition(":")
    if word != "container":
        fields.refuse("network_mode", "must be bridge, none, host or container:NAME")
    elif not names.is_object_name(target):
        fields.refuse("network_mode", "a container's name follows after 'container:', as in container:nginx")
    elif target == name:
        fields.refuse("network_mode", "a container cannot join its own namespace; name another one")
    else:
        return "container", target
    return None


def _read_attachments(fields: Fields, container: str) -> list[Attachment]:
    found: dict[str, Attachment] = {}
    for number, value in enumerate(fields.listing("networks")):
        network = _read_network_name(fields, number, value)
        if isinstance(value, Mapping):
            record = Fields(value, f"{fields.thing}: networks[{number}]", fields.problems, number)
            attachment = _read_attachment(record, network or "", container)
        else:
            attachment = Attachment(network or "", number)
        if network is None:
            continue
        if network in found:
            rule = "is named twice; name a network once"
            fields.problems.refuse(fields.thing, f"networks[{number}]", network, rule)
            continue
        found[network] = attachment
    return list(found.values())


def _read_network_name(fields: Fields, number: int, value: object) -> str | None:
    """The network name of an entry of a container's `networks`: the entry itself, or its field `name`."""
    place = f"networks[{number}]"
    if isinstance(value, Mapping):
        record, word = Fields(value, f"{fields.thing}: {place}", fields.problems, number), "name"
    else:
        record, word = Fields({place: value}, fields.thing, fields.problems), place
    network = record.raw.get(word)
    if not isinstance(network, str):
        record.refuse(word, not_quoted(network) or "must be a network's name, or a dictionary with its name")
        return None
    if not names.is_object_name(network):
        record.refuse(word, f"a network's name is {names.OBJECT_RULE}")
        return None
    return network


def _read_attachment(fields: Fields, network: str, container: str) -> Attachment:
    fields.only(*ATTACHMENT_FIELDS)
    interface = fields.text("interface_name")
    if interface is not None and (interface == "lo" or not names.is_interface_name(interface)):
        fields.refuse("interface_name", f"must be {names.INTERFACE_RULE}; and not lo, which is there already")
    addresses = {4: fields.address("ipv4_address", 4), 6: fields.address("ipv6_address", 6)}
    aliases = _read_aliases(fields)
    own = {"network": network, "container": container, "interface": "x" * 15}
    wrong = names.labels_problem({"aliases": "+".join(aliases)}, own) if aliases else None
    if wrong is not None and names.labels_fit(own):
        fields.refuse("aliases", "are too many: " + wrong)
    return Attachment(
        network=network,
        number=fields.number,
        addresses={version: address for version, address in addresses.items() if address is not None},
        mac=fields.mac("mac_address"),
        interface=interface,
        aliases=aliases,
        allowed_addresses=read_allowed_addresses(fields),
        anti_spoofing=fields.boolean("anti_spoofing", None),
    )


def _read_aliases(fields: Fields) -> list[str]:
    """Read the aliases; return the valid ones."""
    found = []
    for number, alias in fields.texts("aliases"):
        if not names.is_object_name(alias):
            rule = values.OBJECT_NAME
        elif alias in names.HOSTS_NAMES:
            rule = "is in each container's file hosts already; choose another alias"
        else:
            found.append(alias)
            continue
        fields.problems.refuse(fields.thing, f"aliases[{number}]", alias, rule)
    return found


def _read_dns(fields: Fields) -> Dns:
    dns = Dns()
    for number, value in enumerate(fields.listing("dns")):
        one = Fields({f"dns[{number}]": value}, fields.thing, fields.problems)
        address = one.address(f"dns[{number}]")
        if address is not None:
            dns.servers.append(address)
    for word, words in (("dns_search", dns.search), ("dns_opt", dns.options)):
        for number, value in fields.texts(word):
            if len(value.split()) == 1:
                words.append(value)
            else:
                fields.problems.refuse(fields.thing, f"{word}[{number}]", value, values.ONE_WORD)
    return dns


def _read_ports(fields: Fields) -> list[Port]:
    found = []
    for number, value in enumerate(fields.listing("ports")):
        try:
            found.append(parse_port(value, number))
        except PortError as error:
            fields.problems.refuse(fields.thing, f"ports[{number}]", value, str(error))
    return found


def _read_sysctls(fields: Fields) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in fields.mapping("sysctls").items():
        if not isinstance(key, str) or not _SYSCTL.match(key) or ".." in key:
            fields.problems.refuse(fields.thing, f"sysctls.{key}", value, "only net.* belongs to a network namespace")
        elif isinstance(value, bool):
            found[key] = int(value)
        elif isinstance(value, (int, str)):
            found[key] = value
        else:
            rule = not_quoted(value) or "must be a number or text"
            fields.problems.refuse(fields.thing, f"sysctls.{key}", value, rule)
    return found


def _check_mode(fields: Fields, container: Container) -> None:
    """Refuse fields that conflict with the container's mode."""
    mode = container.network_mode
    if container.mode == "bridge":
        connected = fields.raw.get("networks") or fields.raw.get("interfaces") or fields.given("pid")
        if fields.to_be_present and not connected:
            fields.refuse("networks", "network_mode bridge requires at least one; or set network_mode: none")
        _check_interface_names(fields, container)
        return
    if container.mode == "none":
        no_interface = "it has no interface but lo"
        unfit = {"networks": no_interface, "interfaces": no_interface, "ports": "it has no address to translate to"}
    elif container.mode == "host":
        unfit = dict.fromkeys(_OF_A_NAMESPACE, "it uses the host's own namespace, as it is")
    else:
        unfit = dict.fromkeys(_OF_A_NAMESPACE, f"it uses the namespace of {container.target}; set it there")
    for word, reason in unfit.items():
        if fields.raw.get(word) not in (None, [], {}):
            fields.refuse(word, f"cannot be combined with network_mode {mode}: {reason}")


def _check_interface_names(fields: Fields, container: Container) -> None:
    taken = {nic.name for nic in container.nics}
    for attachment in container.attachments:
        if attachment.interface in taken:
            rule = f"is a name in its interfaces already; choose another on {attachment.network}"
            fields.problems.refuse(fields.thing, "interface_name", attachment.interface, rule)
