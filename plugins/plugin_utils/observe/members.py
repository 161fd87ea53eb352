# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The members of a fabric: desired state, observed state and VTEP of each host."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.rules import names
from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.addresses import Address, IPNetwork
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.declaration import read_declaration
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.fields import Fields
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.options import OPTIONS
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.spec import Declaration
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.observed import Live, LiveContainer, read_live

ROLE = "overlay_network"
TUNNEL_FIELDS = ("vni", "flood", "dstport")  # fields of an overlay network besides those of a bridge network
_OPTIONS = OPTIONS[ROLE]["networks"]["options"]
DSTPORT: int = _OPTIONS["dstport"]["default"]

Slices = dict[tuple[str, int], IPNetwork]  # by network and IP version


@dataclass
class Overlay:
    """The fields that an overlay network has besides those of a bridge network."""

    vni: int | None
    flood: bool
    dstport: int


@dataclass
class Member:
    """One host of the fabric. `in_run`: this run changes it; else it is only read."""

    name: str
    in_run: bool
    raw: Mapping[str, Any]
    declaration: Declaration
    others: Declaration  # the containers that bridge_network declares
    overlays: dict[str, Overlay]
    live: Live | None  # observed state; None: it could not be read
    unread: str  # the reason
    tunnels: list[Mapping[str, Any]]
    vtep: Address | None = None
    slices: Slices = field(default_factory=dict)
    problems: Problems = field(default_factory=Problems)
    moved_away: set[str] = field(default_factory=set)  # containers that another member gets in this run
    duplicates: list[str] = field(default_factory=list)  # messages on containers that are declared on other hosts only
    moved_here: dict[str, LiveContainer] = field(default_factory=dict)  # as they are on the other member

    def __str__(self) -> str:
        return f"host {self.name}"


def read_members(raw: Mapping[str, Mapping[str, Any]], in_run: Iterable[str]) -> dict[str, Member]:
    """Read the members, by name, in inventory order; errors of a member are in its `problems`.

    The VTEPs are settled apart (vteps.py).

    :param raw: {NAME: {networks, containers, bridge_networks, bridge_containers, vtep, ip_ranges, purge, check_mode,
        variables, live, unread, reached_at}}; live is what network_info returned there, None where it was not read;
        unread is the reason; reached_at are addresses that Ansible knows of the host
    """
    running = set(in_run)
    members = {name: read_member(name, one, name in running) for name, one in raw.items()}
    return members


def read_member(name: str, raw: Mapping[str, Any], in_run: bool) -> Member:
    """Read one host."""
    problems = Problems()
    networks, overlays = _read_overlays(raw.get("networks"), problems)
    containers, is_list = raw.get("containers"), isinstance(raw.get("networks"), (list, tuple))
    declared = {
        "networks": networks if is_list else raw.get("networks"),
        "containers": containers,
        "purge": raw.get("purge"),
        "role": ROLE,
    }
    declared.update(
        {word: raw.get(word) for word in ("purge_force", "variables", "manage_foreign_firewall", "unprivileged_ports")}
    )
    # the IPv6 subnet derived where none is given must be the same on every host: no host name in it
    declaration = read_declaration({**declared, "host": ""}, problems)
    others = read_declaration({"containers": raw.get("bridge_containers"), "role": "bridge_network"}, Problems())
    for twice in sorted(_names(declaration) & _names(others)):
        problems.refuse(
            f"container {twice}", "name", twice,
            f"is declared in {ROLE}_containers and in bridge_network_containers; declare it in one of them",
        )  # fmt: skip
    live = raw.get("live")
    return Member(
        name=name,
        in_run=in_run,
        raw={**raw, "networks": networks, "containers": containers if isinstance(containers, (list, tuple)) else []},
        declaration=declaration,
        others=others,
        overlays=overlays,
        live=None if live is None else read_live(live, problems),
        unread=str(raw.get("unread") or "nothing was read there"),
        tunnels=_read_tunnels(live, problems) if isinstance(live, Mapping) else [],
        slices=_read_slices(raw, declaration, problems),
        problems=problems,
    )


def _read_tunnels(live: Mapping[str, Any], problems: Problems) -> list[Mapping[str, Any]]:
    raw = live.get("tunnels") or []
    try:
        return [{**one, "name": one["name"], "labels": dict(one.get("labels") or {})} for one in raw]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        problems.refuse("live", "tunnels", raw, f"is not what virtnet.linux.network_info returns ({error!r})")
        return []


def _names(declaration: Declaration) -> set[str]:
    return {*declaration.containers, *declaration.absent_containers}


def _read_overlays(raw: object, problems: Problems) -> tuple[list[Any], dict[str, Overlay]]:
    """Split the networks: without the overlay fields, for bridge_network's planner; and the overlay fields, by name."""
    networks: list[Any] = []
    overlays: dict[str, Overlay] = {}
    for number, one in enumerate(raw if isinstance(raw, (list, tuple)) else ()):
        if not isinstance(one, Mapping):
            networks.append(one)  # refused by read_declaration()
            continue
        fields = Fields(one, f"network {one.get('name') or number}", problems, options=_OPTIONS)
        vni = fields.integer("vni", 1, names.VNI_LAST)
        if not fields.given("vni") and fields.to_be_present:
            fields.refuse("vni", f"an overlay needs one, from 1 to {names.VNI_LAST}, that no other network has")
        flood = bool(fields.boolean("flood"))
        dstport = fields.integer("dstport", 1, 65535) or DSTPORT
        if isinstance(one.get("name"), str) and fields.to_be_present:
            overlays[one["name"]] = Overlay(vni, flood, dstport)
        if not any(fields.given(word) for word in ("subnet", "subnet6", "enable_ipv6")) and fields.to_be_present:
            fields.refuse("subnet", "an overlay needs a subnet, the same on all hosts, like 10.42.0.0/16; or a subnet6")
        elif fields.boolean("enable_ipv4") and not fields.given("subnet") and fields.to_be_present:
            fields.refuse("subnet", "an overlay with enable_ipv4 needs one, the same on all hosts, like 10.42.0.0/16")
        labels = one.get("labels")
        if isinstance(labels, Mapping) and "vni" in labels:
            problems.refuse(fields.thing, "labels.vni", labels["vni"], "is set by the role itself; choose another word")
        rest = {key: value for key, value in one.items() if key not in TUNNEL_FIELDS or value is None}
        if vni is not None and (labels is None or isinstance(labels, Mapping)):
            rest["labels"] = {**(labels or {}), "vni": str(vni)}
        networks.append(rest)
    return networks, overlays


def _read_slices(raw: Mapping[str, Any], declaration: Declaration, problems: Problems) -> Slices:
    found: Slices = {}
    ranges = raw.get("ip_ranges")
    if ranges is not None and not isinstance(ranges, Mapping):
        problems.refuse(f"role {ROLE}", f"{ROLE}_ip_ranges", ranges, "must be a mapping: a range for each network")
        return found
    for name, value in (ranges or {}).items():
        network = declaration.networks.get(name)
        if network is None:
            if name not in declaration.absent_networks:
                rule = f"{ROLE}_networks has no network of this name{problems.near(name, declaration.networks)}"
                problems.refuse(f"{ROLE}_ip_ranges", str(name), value, rule)
            continue
        texts = value if isinstance(value, (list, tuple)) else [value]
        for text in texts:
            block = Fields({name: text}, f"{ROLE}_ip_ranges", problems).subnet(name)
            if block is None or not network.is_valid:
                continue
            subnet = network.subnets.get(block.version)
            if subnet is None or not block.subnet_of(subnet.network):  # type: ignore[arg-type]
                rule = f"must lie inside the subnet of {network}"
                problems.refuse(f"{ROLE}_ip_ranges", name, text, rule)
            else:
                found[name, block.version] = block
    return found
