# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Veth pairs: from a bridge to a container, or the patch link between two bridges."""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Iterator
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.facts import options, renamed
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.links import endpoint_checks, settings
from ansible_collections.virtnet.linux.plugins.module_utils.links.announce import announce_endpoints
from ansible_collections.virtnet.linux.plugins.module_utils.links.veth_ports import (
    desired_guard,
    firewall_port,
    has_no_addresses_to_guard,
    shown_guard,
)
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action, difference
from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import State
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Peer, Veth
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages, namespaces
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.link import Link
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import Request
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import Stack
from ansible_collections.virtnet.linux.plugins.module_utils.switch import drivers
from ansible_collections.virtnet.linux.plugins.module_utils.system import sysctls

KIND = "veth"

_MOVES = {"bridge", "peer", "peer.mac", "peer.addresses"}  # changes that make neighbour entries stale: announced after
_GUARD = ("anti_spoofing", "guarded_mac", "guarded_addresses", "allowed_addresses")


def check(desired: Veth, host: Host, problems: options.Checks) -> None:
    """Validate one veth pair; reject changes to links that this collection does not manage, unless ``adopt`` is set."""
    name = desired.name
    problems.interface_name(KIND, name, "name", name)
    if desired.is_present and desired.peer is None:
        problems.add(KIND, name, "peer", "", "is required: name and netns of the other end")
    _check_namespace(name, "netns", desired, host, problems)
    _check_found(desired, host, problems)
    if not desired.is_present or desired.peer is None:
        return
    peer = desired.far
    problems.interface_name(KIND, name, "peer.name", peer.name)
    if desired.anti_spoofing and desired.is_endpoint and peer.mac is None:
        problems.add(KIND, name, "anti_spoofing", True, "requires peer.mac: the only source MAC that the port accepts")
    if desired.anti_spoofing and desired.is_endpoint and has_no_addresses_to_guard(desired, host):
        rule = "addresses configured inside the container are not trusted; set peer.addresses ([] for none)"
        problems.add(KIND, name, "anti_spoofing", True, rule)
    if desired.trunks is not None:
        _check_trunks(desired, host, problems)
    _check_namespace(name, "peer.netns", desired, host, problems)
    if (desired.netns, name) == (peer.netns, peer.name):
        problems.add(KIND, name, "peer.name", peer.name, "both ends are in one namespace and need different names")
    problems.mtu(KIND, name, "mtu", desired.mtu, [*(desired.addresses or ()), *(peer.addresses or ())])
    problems.labels(KIND, name, desired.labels)
    problems.networks(KIND, name, "allowed_addresses", desired.allowed_addresses or [])
    for address in desired.addresses or []:
        problems.interface_address(KIND, name, "addresses", address)
    endpoint_checks.check_addressing(KIND, name, "peer.", peer.netns, peer, host, problems)
    for prefix, end in (("", desired), ("peer.", peer)):
        problems.mac(KIND, name, prefix + "mac", end.mac)
        if end.bridge is None or not host.is_known_namespace(end.netns):
            continue
        if not host.is_known_bridge(end.netns, end.bridge):
            problems.refer(KIND, name, prefix + "bridge", end.bridge, "bridge")
    near = host.stack(desired.netns).links.get(name)
    far = None if near is None else _far_link(desired, host, near)
    for link, end in ((near, desired), (far, peer)):
        if link is not None and not host.is_made_here(end.netns):  # there the link gets the MTU that it needs
            problems.existing_mtu(KIND, name, desired.mtu, link.mtu, end.addresses or ())
    place = (peer.netns, peer.name)
    endpoint_checks.check_name(KIND, name, "peer.name", place, lambda far: _are_pair(near, far), host, problems)


def _check_trunks(desired: Veth, host: Host, problems: options.Checks) -> None:
    name = desired.name
    if desired.trunks and not drivers.of(host, desired.netns, desired.bridge).HAS_VLANS:
        problems.add(KIND, name, "trunks", desired.trunks, "requires a bridge whose driver is openvswitch")
    elif desired.trunks and desired.anti_spoofing:
        rule = "requires anti_spoofing: false: the addresses in tagged frames are not checked"
        problems.add(KIND, name, "trunks", desired.trunks, rule)
    for vlan in desired.trunks or []:
        problems.number(KIND, name, "trunks", vlan, 1, 4094)


def identities(desired: Veth) -> list[tuple[Any, ...]]:
    """Return the keys that must be unique in a document: the names of both ends."""
    found: list[tuple[Any, ...]] = [("link", desired.netns, desired.name)]
    if desired.peer is not None and desired.is_present:
        found.append(("link", desired.far.netns, desired.far.name))
    return found


def predict(desired: Veth, host: Host) -> None:
    """Record in ``host`` the ends to be created or deleted; the old name of a renamed or moved end becomes free."""
    if not desired.is_present:
        host.links_to_delete.update(_ends_to_delete(desired, host))
        return
    host.links_to_delete.update(_place_left(desired, host))
    host.links_to_create.add((desired.netns, desired.name))
    if desired.peer is not None:
        host.links_to_create.add((desired.far.netns, desired.far.name))


def update_firewall(desired: Veth, state: State, host: Host) -> None:
    """Apply the pair to the desired firewall state: a bridge port, and its anti-spoofing guard."""
    if desired.netns is not None:
        return
    name, present = desired.name, desired.is_present
    if present and desired.bridge is None:  # not enforced: the bridge port and its anti-spoofing stay as they are
        return
    endpoint = present and desired.is_endpoint
    if endpoint:
        own = {host.gateway_bridges.get(desired.on_bridge, desired.on_bridge)}
        is_closed = drivers.of(host, None, desired.on_bridge).CLOSES_PORTS
        also_on = host.bridges_of_containers[desired.far.netns] - own
        state.ports[name] = firewall_port(desired, also_on, is_closed)
    else:
        state.ports.pop(name, None)
    if desired.anti_spoofing is None and endpoint:
        return
    state.guards.pop(name, None)
    guard = desired_guard(desired, host) if endpoint else None
    if guard is not None:
        state.guards[name] = guard


def plan(desired: Veth, host: Host) -> list[Action[Veth]]:
    """Return the actions that bring one veth pair to its desired state; none if it already is (idempotent)."""
    name = desired.name
    link = host.link(desired.netns, name, "veth", desired.is_present)
    if not desired.is_present:
        return (
            []
            if link is None
            else [Action(Phase.DELETE_CONTAINERS, "delete", KIND, name, {"labels": link.labels}, {}, desired)]
        )
    if link is None:
        return [Action(Phase.ENDPOINTS, "create", KIND, name, {}, _shown(desired), desired)]
    far = _far_link(desired, host, link)
    if far is None:
        peer = desired.far
        here = _find_far(host, desired.netns, link)
        if here is not None and here[0] in host.namespaces_to_delete:  # the kernel deletes the pair with it
            here = None
        before = {"peer": None if here is None else {"name": here[1].name, "netns": here[0]}}
        after = {"peer": {"name": peer.name, "netns": peer.netns}}
        verb = "replace" if here is None else "change"
        return [Action(Phase.ENDPOINTS, verb, KIND, name, before, after if here else _shown(desired), desired)]
    before, after = _differences(desired, host, link, far)
    return [Action(Phase.ENDPOINTS, "change", KIND, name, before, after, desired)] if after else []


def apply(actions: list[Action[Veth]], host: Host) -> None:
    """Create, replace and change pairs."""
    renamed.rename(actions, host)
    for action in actions:
        if action.verb == "replace":
            _delete_pair(action.desired, host)
    moving = [action.desired for action in actions if action.verb == "change" and "peer" in action.after]
    for step in (_rename_aside, _move_far):  # two steps: two ends may swap names
        for desired in moving:
            step(desired, host)
    making = [action.desired for action in actions if action.verb in ("create", "replace")]
    at_once = host.open_files.batch  # each has an open file of its namespace until the batch is sent
    for first in range(0, len(making), at_once):
        _make(making[first : first + at_once], host)
    for action in actions:
        if action.verb == "change" and set(action.after) - set(_GUARD):
            _change(action.desired, host)
    _set_ports([action.desired for action in actions], host)
    moved = [action.desired for action in actions if action.verb != "change" or _MOVES & set(action.after)]
    announce_endpoints(moved, host)


def _place_left(desired: Veth, host: Host) -> Iterator[tuple[str | None, str]]:
    """Yield namespace and name that the other end has, if it is to have others."""
    if desired.peer is None or not host.is_known_namespace(desired.netns):
        return
    near = host.stack(desired.netns).links.get(desired.name)
    if near is not None and near.ours and _far_link(desired, host, near) is None:
        found = _find_far(host, desired.netns, near)
        if found is not None:
            yield found[0], found[1].name


def _ends_to_delete(desired: Veth, host: Host) -> Iterator[tuple[str | None, str]]:
    """Yield namespace and name of both ends of a pair that is declared absent: the names become free."""
    link = host.stack(desired.netns).links.get(desired.name) if host.is_known_namespace(desired.netns) else None
    if link is not None:
        yield desired.netns, link.name
        far = _find_far(host, desired.netns, link)
        if far is not None:
            yield far[0], far[1].name


def _check_namespace(name: str, field: str, desired: Veth, host: Host, problems: options.Checks) -> None:
    netns = desired.netns if field == "netns" else desired.far.netns
    problems.object_name(KIND, name, field, netns)
    if desired.is_present and not host.is_known_namespace(netns):
        problems.refer(KIND, name, field, netns, "namespace", host.known_namespaces())


def _check_found(desired: Veth, host: Host, problems: options.Checks) -> None:
    name = desired.name
    link = host.link(desired.netns, name, "veth", desired.is_present)
    if link is None:
        return
    if link.kind != "veth":
        problems.add(
            KIND,
            name,
            "name",
            name,
            "a link of this name exists and is not a veth but %s" % (link.kind or "a NIC"),
        )
    elif not link.ours and not desired.adopt and not host.is_made_here(desired.netns):
        problems.foreign(KIND, name)


def _far_link(desired: Veth, host: Host, near: Link) -> Link | None:
    """Return the other end if it has its desired namespace and name."""
    peer = desired.far
    if peer.netns in host.namespaces_to_delete:
        return None
    far = host.stack(peer.netns).links.get(peer.name)
    return far if far is not None and _are_pair(near, far) else None


def _find_far(host: Host, place: str | None, near: Link) -> tuple[str | None, Link] | None:
    """Return the other end, in any namespace, of an end in namespace ``place``; the namespace in the ownership label is
    searched first. The kernel must report the peer's namespace for ``near``: matching interface indexes prove nothing,
    because a container may create a pair with any two."""
    likely = (near.labels or {}).get("container")
    for netns in itertools.chain([likely] if likely in host.handles else [], [None], host.handles):
        if not host.is_peer_in(near, place, netns):
            continue
        far = host.stack(netns).link_at(near.peer_index)
        if far is not None and _are_pair(near, far):
            return netns, far
    return None


def _are_pair(one: Link | None, other: Link) -> bool:
    if one is None or not one.kind == other.kind == "veth":
        return False
    return one.peer_index == other.index and other.peer_index == one.index


def _near_settings(desired: Veth, host: Host, link: Link | None) -> settings.Settings:
    asked = _end_settings(desired, desired, link)
    if desired.is_endpoint or desired.is_patch_link:
        driver = drivers.of(host, desired.netns, desired.bridge)
        asked.update(driver.port_settings(desired, desired, link, host))
    return asked


def _far_settings(desired: Veth, host: Host, link: Link | None) -> settings.Settings:
    peer = desired.far
    asked = _end_settings(desired, peer, link)
    near = host.stack(desired.netns).links.get(desired.name)
    if near is not None and _is_too_small(desired, link, host):
        asked["mtu"] = near.mtu
    if desired.is_patch_link:
        driver = drivers.of(host, peer.netns, peer.bridge)
        asked.update(driver.port_settings(desired, peer, link, host))
    if peer.addresses is not None:  # then addresses, gateways and routes are exhaustive
        asked["gateway"] = settings.normal_host(peer.gateway) or ""
        asked["gateway6"] = settings.normal_host(peer.gateway6) or ""
        asked["routes"] = settings.normal_routes(peer.routes or [])
    else:
        asked["gateway"], asked["gateway6"] = map(settings.normal_host, (peer.gateway, peer.gateway6))
        asked["routes"] = settings.normal_routes(peer.routes)
    return asked


def _is_too_small(desired: Veth, far: Link | None, host: Host) -> bool:
    """Whether the container has set its interface below the least MTU of IPv6 (1280, RFC 8200, 5), which it needs."""
    peer = desired.far
    has_ipv6 = any(":" in address for address in peer.addresses or ())
    is_small = far is not None and far.mtu < 1280 and desired.mtu is None
    return has_ipv6 and is_small and host.is_made_here(peer.netns)


def _end_settings(desired: Veth, end: Veth | Peer, link: Link | None) -> settings.Settings:
    asked: settings.Settings = {"mtu": desired.mtu, "bridge": end.bridge, "up": True, "silent": True}
    asked["mac"] = None if end.mac is None else end.mac.lower()
    asked["labels"] = desired.labels
    if asked["labels"] is None and (link is None or not link.ours):
        asked["labels"] = {}
    if end.addresses is not None:
        asked["addresses"] = sorted({settings.normal_address(address) for address in end.addresses})
    return asked


def _differences(desired: Veth, host: Host, near: Link, far: Link) -> tuple[dict[str, Any], dict[str, Any]]:
    near_desired, far_desired = _near_settings(desired, host, near), _far_settings(desired, host, far)
    before, after = settings.compare(near_desired, host.stack(desired.netns), near, _link_local(near_desired, near))
    renamed.note(desired.name, near, before, after)
    far_stack = host.stack(desired.far.netns)
    far_before, far_after = settings.compare(far_desired, far_stack, far, _link_local(far_desired, far))
    before.update({"peer." + key: value for key, value in far_before.items()})
    after.update({"peer." + key: value for key, value in far_after.items()})
    if desired.is_endpoint or desired.is_patch_link:
        driver = drivers.of(host, desired.netns, desired.bridge)
        port_before, port_after = driver.port_differences(desired, near, host)
        before.update(port_before)
        after.update(port_after)
    if desired.anti_spoofing is not None and desired.is_endpoint:
        found, asked = host.firewall.state.guards.get(desired.name), desired_guard(desired, host)
        if found != asked:
            more_before, more_after = difference(shown_guard(asked), shown_guard(found))
            before.update(more_before)
            after.update(more_after)
    return before, after


def _link_local(asked: settings.Settings, link: Link) -> str | None:
    mac = (asked.get("mac") or link.mac) if settings.has_ipv6(asked) else None
    return settings.link_local_of(mac) if mac else None


def _shown(desired: Veth) -> dict[str, Any]:
    keys = ("netns", "bridge", "mac", "mtu", "addresses", "anti_spoofing", "allowed_addresses", "labels")
    fields = desired.given(*keys)
    fields["peer"] = desired.far.plain()
    return fields


def _make(desired: list[Veth], host: Host) -> None:
    """Create all pairs of a batch, one message each, then configure each end."""
    files: dict[str | None, int] = {}
    near: dict[str | None, list[Request]] = {}
    try:
        for one in desired:
            stack, peer = host.stack(one.netns), one.far
            if peer.netns not in files:
                files[peer.netns] = os.open(namespaces.file_of(peer.netns), os.O_RDONLY | os.O_CLOEXEC)
            about = "{} {}".format(KIND, one.name)
            stack.still_free(one.name, about)
            data = messages.veth_peer(peer.name, files[peer.netns], peer.mac, one.mtu)
            bridge = drivers.of(host, one.netns, one.bridge).master(one.bridge, stack)
            requests = near.setdefault(one.netns, [])
            requests.append(
                Request(messages.create_link(one.name, "veth", data, _creation_attributes(one, bridge)), about)
            )
            rest = {
                key: value
                for key, value in _near_settings(one, host, None).items()
                if key in ("up", "silent", "labels", "hairpin", "bpdu_guard")
            }
            requests += settings.setup(one.name, about, rest, None)
        for netns, requests in near.items():
            host.stack(netns).make([one.name for one in desired if one.netns == netns], requests)
    finally:
        for file in files.values():
            os.close(file)
    for one in desired:
        _set_far(one, host, new=True)
        if one.addresses:
            _address(
                host.stack(one.netns),
                one.name,
                _near_settings(one, host, None),
                None,
                "{} {}".format(KIND, one.name),
            )
    for netns in near:
        host.stack(netns).forget()


def _creation_attributes(desired: Veth, bridge: int | None) -> messages.Attributes:
    attrs: messages.Attributes = []
    if bridge is not None:
        attrs.append(("IFLA_MASTER", bridge))
    if desired.mac is not None:
        attrs.append(("IFLA_ADDRESS", desired.mac))
    if desired.mtu is not None:
        attrs.append(("IFLA_MTU", desired.mtu))
    return attrs


def _set_far(desired: Veth, host: Host, new: bool) -> None:
    peer = desired.far
    stack = host.stack(peer.netns)
    link = None if new else stack.links.get(peer.name)
    about = "{} {}: {}".format(KIND, desired.name, peer.name)
    asked = _far_settings(desired, host, link)
    if new:
        asked["mac"] = asked["mtu"] = None  # set when the pair was created
    requests = [] if link is None else settings.reopening(stack, link, about)
    with host.tolerated(peer.netns):
        driver = drivers.of(host, peer.netns, peer.bridge)
        setup = settings.setup(peer.name, about, driver.by_port(asked), driver.master(peer.bridge, stack))
        stack.send(requests + setup)
        _address(stack, peer.name, asked, link, about)
    stack.forget()
    if peer.netns is not None:
        stack.release()


def _set_ports(desired: list[Veth], host: Host) -> None:
    """Have the driver of each bridge set what netlink does not of its ports."""
    by_driver: dict[str, list[Veth]] = {}
    for one in desired:
        if one.is_endpoint or one.is_patch_link:
            by_driver.setdefault(host.driver_of(one.netns, one.on_bridge) or "", []).append(one)
    for name, some in by_driver.items():
        drivers.named(name or None).set_ports(some, host)


def _address(stack: Stack, name: str, asked: settings.Settings, link: Link | None, about: str) -> None:
    if not any(asked.get(key) is not None for key in ("addresses", "gateway", "gateway6", "routes")):
        return
    now = stack.lookup(name)
    if now is not None:
        if settings.has_ipv6(asked):
            with namespaces.entered(stack.name):
                _allow_ipv6(name)
        stack.send(settings.addressing(stack, link, now.index, about, asked, _link_local(asked, now)))


def _allow_ipv6(name: str) -> None:
    """Enable IPv6 on a link that needs it, where the namespace disables it by default."""
    path = "net/ipv6/conf/%s/disable_ipv6" % name
    if sysctls.read(path) == "1":
        sysctls.write(path, "0")


def _change(desired: Veth, host: Host) -> None:
    stack = host.stack(desired.netns)
    link = stack.links.get(desired.name) or stack.fresh(desired.name)
    about = "{} {}".format(KIND, desired.name)
    asked = _near_settings(desired, host, link)
    requests = settings.reopening(stack, link, about)
    driver = drivers.of(host, desired.netns, desired.bridge)
    requests += settings.setup(desired.name, about, driver.by_port(asked), driver.master(desired.bridge, stack))
    stack.send(requests)
    _address(stack, desired.name, asked, link, about)
    stack.forget()
    _set_far(desired, host, new=False)


def _rename_aside(desired: Veth, host: Host) -> None:
    """Rename the other end away, so that its name is free for another pair of this run."""
    found = _locate_far(desired, host)
    if found is None:
        return
    netns, far = found
    about = "{} {}: {}".format(KIND, desired.name, far.name)
    down, aside = messages.set_down(far.index), endpoint_checks.rename_away(far)
    host.stack(netns).send([Request(down, about), Request(aside, about)])
    host.stack(netns).forget()


def _locate_far(desired: Veth, host: Host) -> tuple[str | None, Link] | None:
    stack = host.stack(desired.netns)
    return _find_far(host, desired.netns, stack.links.get(desired.name) or stack.fresh(desired.name))


def _move_far(desired: Veth, host: Host) -> None:
    """Move the other end to its desired namespace and name; its addresses, dropped by the kernel, are set again."""
    found = _locate_far(desired, host)
    if found is None:
        return
    netns, far = found
    peer = desired.far
    file = os.open(namespaces.file_of(peer.netns), os.O_RDONLY | os.O_CLOEXEC)
    try:
        down = messages.change_link(far.name, [], up=False)
        move = messages.move_link(far.index, peer.name, file)
        about = "{} {}: {}".format(KIND, desired.name, far.name)
        host.stack(netns).send([Request(down, about), Request(move, about)])
    finally:
        os.close(file)
    host.stack(netns).forget()
    host.stack(peer.netns).forget()


def _delete_pair(desired: Veth, host: Host) -> None:
    stack = host.stack(desired.netns)
    about = "{} {}".format(KIND, desired.name)
    stack.send([Request(messages.delete_link(desired.name), about, ignore=(errno.ENODEV,))])
    stack.forget()
