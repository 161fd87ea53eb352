# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The VTEP of each member of a fabric: as declared, as its uplink says, or, of a member that cannot be reached, as the
tunnels of the others and the addresses that Ansible knows of it say."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping

from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import enumerate_names
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.addresses import Address
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.fields import Fields
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.members import ROLE, Member
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.observed import Live, LiveInterface


def settle_vteps(members: Iterable[Member]) -> None:
    """Settle the VTEP of each member. One that cannot be reached stays without, with a warning, where nothing says it:
    no other host has entries for its containers, and none is made."""
    everyone = list(members)
    family = _family(everyone)
    for member in everyone:
        _settle_vtep(member, family)
    unread = [member for member in everyone if member.live is None and member.vtep is None and not _declares(member)]
    _settle_unread(everyone, unread)
    unassigned = _remote_vteps(everyone) - {member.vtep for member in everyone}
    for member in unread:
        if member.vtep is None and unassigned:  # without it the others would lose their entries for its containers
            rule = f"cannot be determined, because the host could not be read ({member.unread}); declare it"
            member.problems.refuse(str(member), f"{ROLE}_vtep", None, rule)
        elif member.vtep is None:
            rule = (
                f"cannot be determined, because the host could not be read ({member.unread}) and no other host has a "
                f"tunnel to it: its containers are not reached until a run reaches it; or set {ROLE}_vtep"
            )
            member.problems.warn(str(member), f"{ROLE}_vtep", None, rule)


def underlay_mtu(member: Member) -> int | None:
    """The MTU of the device that has the VTEP address; None where it is unknown.

    In a routed underlay the address may be on the loopback device or a dummy; then the uplinks' MTU is used.
    """
    if member.live is None or member.vtep is None:
        return None
    devices = [one for one in member.live.interfaces.values() if member.vtep in one.addresses]
    if devices and all(_sends_nothing(one) for one in devices):
        devices = _uplinks(member.live)
    return min((one.mtu for one in devices if isinstance(one.mtu, int)), default=None)


def _family(members: Iterable[Member]) -> int | None:
    """The IP version of the declared VTEPs; None where none is declared, or both versions are."""
    versions = set()
    for member in members:
        try:
            versions.add(ipaddress.ip_address(str(member.raw.get("vtep"))).version)
        except ValueError:
            continue
    return versions.pop() if len(versions) == 1 else None


def _settle_vtep(member: Member, family: int | None) -> None:
    """Settle the VTEP: as declared, or the only address of the uplink."""
    refuse = member.problems.refuse
    declared = member.raw.get("vtep")
    if declared not in (None, ""):
        member.vtep = Fields({"vtep": declared}, str(member), member.problems).address("vtep")
        if member.vtep is None or member.live is None:
            return
        if not any(member.vtep in one.addresses for one in member.live.interfaces.values()):
            own = enumerate_names(sorted(str(one) for one in _candidates(member.live, None)))
            refuse(str(member), f"{ROLE}_vtep", declared, f"no interface of the host has this address; it has {own}")
        return
    if member.live is None:
        return
    candidates = _candidates(member.live, family)
    if len(candidates) == 1:
        member.vtep = candidates[0]
    elif member.overlays:  # a member without networks needs none
        found = enumerate_names([str(one) for one in candidates]) or "none"
        refuse(
            str(member), f"{ROLE}_vtep", None,
            f"cannot determine the VTEP address; candidates: {found}; set overlay_network_vtep",
        )  # fmt: skip


def _candidates(live: Live, family: int | None) -> list[Address]:
    """Candidates for the VTEP address: those of the uplinks."""
    addresses = [address for one in _uplinks(live) for address in one.addresses if not address.is_loopback]
    if family is None and any(address.version == 4 for address in addresses):
        family = 4
    return [address for address in addresses if family in (None, address.version)]


def _uplinks(live: Live) -> list[LiveInterface]:
    """The uplinks: devices with a default route, bridges included; else all devices that may lead to other hosts."""
    devices = {route.dev for route in live.routes if route.to.prefixlen == 0}
    outside = [one for one in live.interfaces.values() if not one.ours]
    nics = [one for one in outside if one.kind not in ("bridge", "vxlan") and not _sends_nothing(one)]
    return [one for one in outside if one.name in devices] or nics


def _sends_nothing(interface: LiveInterface) -> bool:
    return interface.name == "lo" or interface.kind == "dummy"


def _declares(member: Member) -> bool:
    return member.raw.get("vtep") not in (None, "")


def _settle_unread(members: list[Member], unread: list[Member]) -> None:
    """Settle the VTEPs of unreachable members: those that tunnels of the others lead to and no reachable member has,
    distinguished by the addresses at which Ansible reaches the hosts."""
    known = {member.vtep for member in members if member.vtep is not None}
    remote = _remote_vteps(members) - known
    is_usual = _is_reached_by_vtep(members)
    for member in unread:
        hints = _reached_at(member)
        found = [address for address in hints if address in remote]
        if len(found) != 1 and is_usual and len(hints) == 1 and hints[0] not in known:
            found = hints
        if len(found) == 1:
            member.vtep = found[0]
            remote.discard(found[0])
    left = [member for member in unread if member.vtep is None]
    if len(left) == len(remote) == 1:
        left[0].vtep = remote.pop()


def _remote_vteps(members: list[Member]) -> set[Address]:
    """The VTEPs to which the tunnels of this role lead."""
    tunnels = [tunnel for member in members for tunnel in member.tunnels if tunnel["labels"].get("role") == ROLE]
    texts = {str(vtep) for tunnel in tunnels for vtep in tunnel.get("flood") or []}
    texts |= {str(entry["vtep"]) for tunnel in tunnels for entry in _entries(tunnel)}
    return {address for address in map(_address, texts) if address is not None}


def _entries(tunnel: Mapping[str, object]) -> list[Mapping[str, object]]:
    found = tunnel.get("endpoints")
    return [one for one in found if isinstance(one, Mapping) and "vtep" in one] if isinstance(found, list) else []


def _is_reached_by_vtep(members: list[Member]) -> bool:
    """Whether Ansible reaches each member that it can read at its VTEP."""
    reached = [(member.vtep, _reached_at(member)) for member in members if member.live is not None]
    return bool(reached) and all(vtep in addresses for vtep, addresses in reached)


def _reached_at(member: Member) -> list[Address]:
    """The addresses that Ansible knows of the host: its ansible_host, and its facts."""
    given = member.raw.get("reached_at")
    found = [_address(text) for text in given] if isinstance(given, (list, tuple)) else []
    return list(dict.fromkeys(address for address in found if address is not None))


def _address(text: object) -> Address | None:
    try:
        return ipaddress.ip_address(str(text))
    except ValueError:
        return None
