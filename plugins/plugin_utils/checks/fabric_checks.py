# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Checks of a fabric, before any host is changed: networks, VTEPs, VNIs, slices, UDP ports."""

from __future__ import annotations

from ansible_collections.virtnet.linux.plugins.module_utils.rules import names
from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems, enumerate_names
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.addresses import overlaps
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.members import ROLE, Member


def check_fabric(members: list[Member], problems: Problems) -> None:
    """Refuse declarations that differ between hosts, and conflicts with an existing object of one host."""
    _check_same_networks(members, problems)
    _check_vteps(members, problems)
    _check_vnis(members, problems)
    _check_slices(members, problems)
    for member in members:
        _check_underlay(member)
        if member.in_run:
            _check_tunnels(member)
            _check_listeners(member)


def _check_same_networks(members: list[Member], problems: Problems) -> None:
    """Refuse networks that hosts declare differently; a host may only declare absent what others have."""
    for name in dict.fromkeys(name for member in members for name in member.declaration.networks):
        having = [member for member in members if name not in member.declaration.absent_networks]
        first = next(member for member in having if name in member.declaration.networks)
        expected = _definition(first, name)
        differing = [member.name for member in having if _definition(member, name) != expected]
        if differing:
            problems.refuse(
                f"network {name}", "hosts", enumerate_names(differing),
                f"do not declare it as {first.name} does; it is the same on all hosts: declare it in group_vars",
            )  # fmt: skip


def _definition(member: Member, name: str) -> object:
    raw = [one for one in member.raw["networks"] if isinstance(one, dict) and one.get("name") == name]
    return raw, member.overlays.get(name)


def _check_vteps(members: list[Member], problems: Problems) -> None:
    holders: dict[object, Member] = {}
    for member in members:
        if member.vtep is not None:
            other = holders.setdefault(member.vtep, member)
            if other is not member:
                rule = f"is host {other.name}'s as well; each host has its own"
                problems.refuse(str(member), f"{ROLE}_vtep", str(member.vtep), rule)
    by_version = {
        version: [one.name for one in members if one.vtep is not None and one.vtep.version == version]
        for version in (4, 6)
    }
    if by_version[4] and by_version[6]:
        shown = "; ".join(f"IPv{version} on {enumerate_names(hosts)}" for version, hosts in by_version.items())
        problems.refuse("fabric", f"{ROLE}_vtep", shown, "VTEPs are all of one family; give all hosts one of the same")


def _check_vnis(members: list[Member], problems: Problems) -> None:
    holders: dict[tuple[int, int], str] = {}
    overlays = {name: overlay for member in reversed(members) for name, overlay in member.overlays.items()}
    for name, overlay in overlays.items():
        if overlay.vni is not None:
            other = holders.setdefault((overlay.vni, overlay.dstport), name)
            if other != name:
                problems.refuse(f"network {name}", "vni", overlay.vni, f"is network {other}'s; choose another")


def _check_slices(members: list[Member], problems: Problems) -> None:
    by_network: dict[tuple[str, int], list[tuple[object, Member]]] = {}
    for member in members:
        for key, block in member.slices.items():
            by_network.setdefault(key, []).append((block, member))
    for (name, version), parts in by_network.items():
        field = f"{ROLE}_ip_ranges.{name}"
        named = [(block, member.name) for block, member in parts]
        for (wide, holder), (narrow, host) in overlaps(named):  # type: ignore[arg-type]
            rule = f"overlaps with {wide} of host {holder}; slices are apart from each other"
            problems.refuse(f"host {host}", field, str(narrow), rule)
        having = {member.name for _block, member in parts}
        without = [member.name for member in members if member.name not in having]
        if without:
            rule = f"have no IPv{version} slice, but {enumerate_names(sorted(having))}; give every host one, or none"
            problems.refuse(f"network {name}", field, enumerate_names(without), rule)


def _check_underlay(member: Member) -> None:
    for network in member.declaration.networks.values():
        for subnet in network.subnets.values():
            if network.is_valid and member.vtep is not None and member.vtep in subnet.network:
                field = "subnet6" if subnet.version == 6 else "subnet"
                rule = f"contains the underlay address {member.vtep} of host {member.name}; choose another"
                member.problems.refuse(str(network), field, str(subnet.network), rule)


def _check_tunnels(member: Member) -> None:
    """Refuse conflicts with existing tunnels. Tunnels on one UDP port share a socket, so their VNIs must differ and
    their extensions must be the same."""
    version = member.vtep.version if member.vtep is not None else 4
    for name, overlay in member.overlays.items():
        own = names.tunnel_device(name) if names.is_object_name(name) else name
        for tunnel in member.tunnels:
            local = tunnel.get("local")
            same_socket = tunnel.get("dstport") == overlay.dstport and (":" in str(local)) == (version == 6)
            if not same_socket or tunnel["name"] == own:
                continue
            if tunnel.get("extensions"):
                flags = ", ".join(tunnel["extensions"])
                member.problems.refuse(
                    f"network {name}", "dstport", overlay.dstport,
                    f"{tunnel['name']} on {member.name} receives on this UDP port with {flags}; choose another",
                )  # fmt: skip
            elif tunnel.get("vni") == overlay.vni and not _is_to_be_removed(member, tunnel):
                rule = f"the tunnel {tunnel['name']} on {member.name} has it on the same UDP port; choose another"
                member.problems.refuse(f"network {name}", "vni", overlay.vni, rule)


def _is_to_be_removed(member: Member, tunnel: object) -> bool:
    labels = tunnel.get("labels") or {} if isinstance(tunnel, dict) else {}
    return labels.get("role") == ROLE and labels.get("network") in member.declaration.absent_networks


def _check_listeners(member: Member) -> None:
    """Refuse a UDP port on which a process listens (the kernel's VXLAN sockets belong to no process)."""
    for name, overlay in member.overlays.items():
        for listener in member.live.listeners if member.live is not None else []:
            if listener.protocol == "udp" and listener.port == overlay.dstport and listener.pid is not None:
                rule = f"{listener} on {member.name} receives on this UDP port; stop it, or choose another"
                member.problems.refuse(f"network {name}", "dstport", overlay.dstport, rule)
