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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from ansible_collections.virtnet.linux.plugins.module_utils.rules import names, values
from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems, enumerate_names
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare import compose
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.addresses import (
    Address,
    Subnet,
    lies_in,
    outside,
    unique_local_subnet,
)
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.containers import (
    check_container_name,
    read_container,
    read_mode,
    read_network_name,
)
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.fields import Fields
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.options import OPTIONS
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.policy import (
    BINDINGS,
    POLICY_FIELDS,
    Policy,
    read_policy,
)
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.routes import read_routes
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.spec import (
    AddressPool,
    Declaration,
    Network,
)
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.switches import read_placement, read_switch

OF_THE_SEGMENT = (
    "gateway", "ip_range", "enable_ipv4", "enable_ipv6", "gateway6", "ip_range6", "aux_addresses", "mtu", "internal",
    "icc", "masquerade", *POLICY_FIELDS,
)  # fmt: skip

BRIDGE_ROLE, OVERLAY_ROLE = OPTIONS
_FACTS = {OVERLAY_ROLE: ("addresses",)}  # that a role sets under its prefix
_OF_THE_HOST = ("role", "host", "variables")  # parts of a declaration that are no variables of the role


_Object = TypeVar("_Object")


def read_declaration(raw: object, problems: Problems) -> Declaration:
    """Read {networks, containers, switches, purge, purge_force, role, host, address_pools, manage_foreign_firewall,
    unprivileged_ports, variables}; host is the inventory's name of the host, variables are the names of its variables
    that begin with the role's name."""
    if not isinstance(raw, Mapping):
        problems.refuse("declaration", "as a whole", raw, "must be a mapping of networks, containers, purge and role")
        raw = {}
    role = Fields(raw, "declaration", problems).text("role") or BRIDGE_ROLE
    options = OPTIONS.get(role, OPTIONS[BRIDGE_ROLE])
    whole = Fields(raw, f"role {role}", problems, options=options, prefix=f"{role}_")
    for word in raw:
        if word not in options and word not in _OF_THE_HOST:
            problems.refuse("declaration", str(word), raw[word], "is no part of a declaration")
    purge = bool(whole.boolean("purge"))
    _check_variables(whole, role, purge)
    host = whole.text("host") or ""
    networks, absent_networks = _by_name(
        whole, "networks", f"{role}_networks", "network", lambda fields, name: _read_network(fields, name, host, role)
    )
    switches, absent_switches = _by_name(whole, "switches", f"{role}_switches", "switch", read_switch)
    unprivileged = bool(whole.boolean("unprivileged_ports"))
    containers, absent_containers = _by_name(
        whole, "containers", f"{role}_containers", "container",
        lambda fields, name: read_container(fields, name, unprivileged),
    )  # fmt: skip
    return Declaration(
        role=role,
        purge=purge,
        purge_force=bool(whole.boolean("purge_force")),
        manage_foreign_firewall=bool(whole.boolean("manage_foreign_firewall")),
        networks=networks,
        absent_networks=absent_networks,
        containers=containers,
        absent_containers=absent_containers,
        switches=switches,
        absent_switches=absent_switches,
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
    options = {variable: OPTIONS[BRIDGE_ROLE]["containers"]}  # the same in both roles
    whole = Fields({variable: raw}, f"host {host}", problems, options=options)
    present, _absent = _by_name(whole, variable, f"host {host}: {variable}", "container", _read_outline, ": ")
    return [outline for outline in present.values() if outline is not None]


def _read_outline(fields: Fields, name: str) -> Outline | None:
    mode = read_mode(fields, name)
    named = [read_network_name(fields, number, value) for number, value in enumerate(fields.listing("networks"))]
    check_container_name(fields, name)
    if mode is None:
        return None
    networks = list(dict.fromkeys(network for network in named if network is not None))
    return Outline(name, networks, ":".join(filter(None, mode)))


def _check_variables(whole: Fields, role: str, purge: bool) -> None:
    """Report misspelt variables. Ansible ignores them: the list is empty then, and purge would remove every object."""
    known = list(OPTIONS.get(role, ()))
    for name in map(str, whole.listing("variables")):
        word = name.removeprefix(f"{role}_")
        if word in known or word in _FACTS.get(role, ()):
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
            whole.problems.refuse(f"{variable}[{number}]", "as a whole", raw, "must be a mapping of base and size")
            continue
        options = whole.options_of("address_pools")
        fields = Fields(raw, f"{variable}[{number}]", whole.problems, options=options)
        fields.only()
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
            whole.problems.refuse(place, "as a whole", raw, f"must be a mapping that describes a {kind}")
            continue
        fields = Fields(raw, place, whole.problems, options=whole.options_of(key))
        name = fields.text("name")
        if name is None:
            if not fields.given("name"):
                fields.refuse("name", f"a {kind} needs a name{compose.of_entry(raw)}")
            continue
        fields.thing = f"{variable}{named}{kind} {name}" if named else f"{kind} {name}"
        if not names.is_object_name(name):
            fields.refuse("name", values.OBJECT_NAME)
        if name in present or name in absent:
            fields.refuse("name", f"is declared twice; declare it once ({place} is the second)")
            continue
        where = absent if fields.choice("state") == "absent" else present
        where[name] = read(fields, name)
    return present, absent


def _read_network(fields: Fields, name: str, host: str, role: str) -> Network:
    of_bridges = OPTIONS[BRIDGE_ROLE]["networks"]["options"] if role == OVERLAY_ROLE else ()
    fields.only(elsewhere={**dict.fromkeys(of_bridges, f" of an overlay; {BRIDGE_ROLE} has it"), **compose.NETWORK})
    before = fields.problems.refusals
    subnets = _read_subnets(fields, name, host)
    is_valid = fields.problems.refusals == before
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
        internal=bool(fields.boolean("internal")),
        icc=bool(fields.boolean("icc")),
        masquerade=bool(fields.boolean("masquerade")),
        policy=policy,
        anti_spoofing=bool(fields.boolean("anti_spoofing")),
        routes=read_routes(fields),
        labels=_read_labels(fields, name, subnets, policy, role),
        connect=_read_connect(fields, name),
        stp=fields.boolean("stp"),
        placement=read_placement(fields),
        automatic=_needs_subnet(fields),
        segment_options={word: fields.raw[word] for word in OF_THE_SEGMENT if fields.given(word)},
        is_valid=is_valid,
    )


def _needs_subnet(fields: Fields) -> bool:
    """Whether the network gets an IPv4 subnet: where it declares no subnet at all, or asks for IPv4."""
    ipv4 = fields.boolean("enable_ipv4")
    return not fields.given("subnet") and (bool(ipv4) or (ipv4 is None and not fields.given("subnet6")))


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
    ipv6 = fields.boolean("enable_ipv6")
    for version, word in ((4, "subnet"), (6, "subnet6")):
        if fields.boolean(f"enable_ipv{version}") is False and fields.given(word):
            fields.refuse(word, f"the network has enable_ipv{version}: false; leave one of the two out")
    if fields.boolean("enable_ipv4") is False and not ipv6 and not fields.given("subnet6") and fields.to_be_present:
        fields.refuse("enable_ipv4", "leaves the network without addresses; set enable_ipv6: true, or give a subnet6")
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
