# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Interfaces: a NIC of the host moved into a namespace, or a macvlan on a parent interface shared by several."""

from __future__ import annotations

import errno
import os
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.facts import lifelines, nics, options
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.links import endpoint_checks, settings
from ansible_collections.virtnet.linux.plugins.module_utils.links.announce import announce
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Interface
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages, namespaces
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.link import Link
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import Request, number
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import Stack

KIND = "interface"
_MODES = {"private": 1, "vepa": 2, "bridge": 4, "passthru": 8}  # include/uapi/linux/if_link.h

_IFLA_MACVLAN_MODE = 1
_ALONE = "passthru"  # the kernel allows no other macvlan on a parent interface beside this mode


def check(desired: Interface, host: Host, problems: options.Checks) -> None:
    """Validate one interface; reject moving a NIC that the administrator's connection depends on."""
    device, netns = desired.device, desired.netns
    problems.interface_name(KIND, device, "device", device)
    problems.interface_name(KIND, device, "name", desired.name)
    problems.object_name(KIND, device, "netns", netns)
    if desired.type == "macvlan" and netns is None:
        problems.add(KIND, device, "netns", "", "is required: the namespace of the macvlan")
        return
    if not desired.is_present:
        return
    if netns is None:
        problems.add(KIND, device, "netns", "", "is required: the namespace that the NIC is moved to")
        return
    problems.mac(KIND, device, "mac", desired.mac)
    problems.mtu(KIND, device, "mtu", desired.mtu, desired.addresses or ())
    problems.labels(KIND, device, desired.labels)
    if not host.is_known_namespace(netns):
        problems.refer(KIND, device, "netns", netns, "namespace", host.known_namespaces())
    endpoint_checks.check_addressing(KIND, device, "", netns, _end(desired, host), host, problems)
    _check_device(desired, host, problems)
    found = _find(desired, host)
    own = None if found is None or found[0].name != netns else found[1].index
    place = (netns, _name(desired))
    endpoint_checks.check_name(KIND, device, "name", place, lambda link: link.index == own, host, problems)


def plan(desired: Interface, host: Host) -> list[Action[Interface]]:
    """Return the actions that bring one interface to its desired state; none if it already is (idempotent)."""
    about = _about(desired)
    found = _find(desired, host)
    if not desired.is_present:
        if found is None:
            return []
        before = {"netns": found[0].name, "name": found[1].name}
        return [Action(Phase.RETURN_NICS, "delete", KIND, about, before, {}, desired)]
    if found is None and desired.type == "physical" and desired.device in nics.moved_on(host):
        return []
    if found is None or found[0].name != desired.netns or desired.netns in host.namespaces_to_delete:
        return [Action(Phase.NICS, "create", KIND, about, {}, _shown(desired), desired)]
    stack, link = found
    before, after = settings.compare(_settings(desired, link), stack, link, _link_local(desired, link))
    if link.name != _name(desired):
        before["name"], after["name"] = link.name, _name(desired)
    if desired.type == "macvlan" and _mode(link) != desired.mode:
        return [Action(Phase.NICS, "replace", KIND, about, {"mode": _mode(link)}, {"mode": desired.mode}, desired)]
    return [Action(Phase.NICS, "change", KIND, about, before, after, desired)] if after else []


def apply(actions: list[Action[Interface]], host: Host) -> None:
    """Move NICs into namespaces, create macvlans, and configure both."""
    for action in actions:
        if action.verb == "replace":  # delete all of them first: a macvlan in mode passthru would exclude the new ones
            _remove(action.desired, host)
    for action in actions:
        desired = action.desired
        found = _find(desired, host)
        if found is None or found[0].name != desired.netns:
            _bring(desired, host, found)
            found = None
        elif found[1].name != _name(desired):
            down = Request(messages.change_link(found[1].name, [], up=False), _about(desired))
            found[0].send([down, Request(messages.rename_link(found[1].index, _name(desired)), _about(desired))])
            found[0].forget()
            found = _find(desired, host)
        _set(desired, host, None if found is None else found[1])
        announce([(desired.netns or "", _name(desired))], host)


def delete(actions: list[Action[Interface]], host: Host) -> None:
    """Move NICs back to the host and delete macvlans."""
    for action in actions:
        _remove(action.desired, host)


def predict(desired: Interface, host: Host) -> None:
    """Record in ``host`` the links to be deleted and NICs to be moved, whose names become free."""
    if not desired.is_present:
        found = _find(desired, host)
        if found is not None:
            host.links_to_delete.add((found[0].name, found[1].name))
    elif desired.type == "physical":
        host.links_to_delete.add((None, desired.device))
    else:
        host.macvlans_to_create.setdefault(desired.device, {})[desired.netns, _name(desired)] = desired.mode
    if desired.is_present:
        host.interfaces_to_move.add((desired.netns, _name(desired)))


def identities(desired: Interface) -> list[tuple[Any, ...]]:
    """Return the keys that must be unique in a document: the NIC, and the link's name in its namespace."""
    if not desired.is_present:  # a NIC may be absent in one namespace and present in another
        return []
    nic: list[tuple[Any, ...]] = [("nic", desired.device)] if desired.type == "physical" else []
    return [*nic, ("link", desired.netns, _name(desired))]


def _check_device(desired: Interface, host: Host, problems: options.Checks) -> None:
    device, found = desired.device, _find(desired, host)
    link = host.stack(None).links.get(device)
    if desired.type == "macvlan":
        if link is None and found is None:
            problems.add(KIND, device, "device", device, "this host has no such NIC")
        elif link is not None:
            _check_macvlan(desired, link, None if found is None else found[1], host, problems)
        return
    if found is not None and found[0].name is not None:
        leaves = (found[0].name, found[1].name) in host.links_to_delete or found[0].name in host.namespaces_to_delete
        if found[0].name != desired.netns and not leaves:
            rule = "the namespace %s has it; a NIC is in one namespace only" % found[0].name
            problems.add(KIND, device, "device", device, rule)
        return
    link = link if found is None else found[1]
    if link is None and device in nics.moved_on(host):
        problems.warnings[nics.about_moved_on(device, nics.moved_on(host)[device])] = None
        return
    if link is None:
        problems.add(KIND, device, "device", device, "this host has no such NIC")
        return
    if link.ours and found is None:
        problems.add(
            KIND, device, "device", device, "is managed by virtnet.linux, not a physical NIC; name a NIC of the host"
        )
    loss = lifelines.lifelines(host.stack(None), lifelines.controller_address()).get(link.index)
    if loss is not None:
        problems.add(KIND, device, "device", device, "must stay on the host: " + loss)
    place = (desired.netns or "", _name(desired))
    endpoint_checks.check_altnames_of_nic(KIND, device, link, place, host, problems)


def _check_macvlan(desired: Interface, nic: Link, found: Link | None, host: Host, problems: options.Checks) -> None:
    """Reject what the kernel rejects of a new macvlan (macvlan_common_newlink() in drivers/net/macvlan.c)."""
    device, mode = desired.device, desired.mode
    if desired.mtu is not None and desired.mtu > nic.mtu:
        rule = "the parent interface has %d, which a macvlan cannot exceed: lower this one, or raise that" % nic.mtu
        problems.add(KIND, device, "mtu", desired.mtu, rule)
    if found is not None and _mode(found) == mode:
        return
    master = host.stack(None).link_at(nic.master)
    if master is not None:
        problems.add(KIND, device, "device", device, "is a port of %s; name that bridge" % master.name)
    others = _macvlans_on(nic, host)
    others.pop((desired.netns, _name(desired)), None)
    for (netns, name), other in sorted(others.items(), key=str):
        if _ALONE in (mode, other):
            rule = "%s has %s on this parent interface, in mode %s; in mode %s a macvlan must be the only one on it"
            problems.add(KIND, device, "mode", mode, rule % (netns or "the host", name, other, _ALONE))


def _macvlans_on(nic: Link, host: Host) -> dict[tuple[str | None, str], str | None]:
    """Return the macvlans on a parent interface after this run, by namespace and name, with their modes."""
    if nic.name not in host.macvlans_existing:
        existing = host.macvlans_existing[nic.name] = {}
        for netns in (None, *host.handles):
            remembered = host.memory["handles"].get(netns or "") or {}
            if netns in host.namespaces_to_delete or remembered.get("join") is not None:
                continue
            for link in host.stack(netns).links.values():
                if _is_macvlan_on(nic, netns, link, host) and (netns, link.name) not in host.links_to_delete:
                    existing[netns, link.name] = _mode(link)
    return {**host.macvlans_existing[nic.name], **host.macvlans_to_create.get(nic.name, {})}


def _end(desired: Interface, host: Host) -> Interface:
    """Return the object with the addresses that the link will have. Without declared addresses those of a link already
    in the container are the container's own, and do not make a run fail."""
    if desired.addresses is not None or not any(getattr(desired, key) for key in ("gateway", "gateway6", "routes")):
        return desired
    return desired if _is_given(desired, host) else desired.replace(addresses=[])


def _is_given(desired: Interface, host: Host) -> bool:
    """Return whether the link is in its desired namespace."""
    found = None if desired.netns in host.namespaces_to_delete else _find(desired, host)
    return found is not None and found[0].name == desired.netns


def _about(desired: Interface) -> str:
    return desired.device if desired.type == "physical" else "%s on %s" % (_name(desired), desired.device)


def _name(desired: Interface) -> str:
    return str(desired.name or desired.device)


def _is_macvlan_on(nic: Link, netns: str | None, link: Link, host: Host) -> bool:
    """Return whether a link of the namespace is a macvlan on that NIC of the host, as the kernel reports it."""
    return link.kind == "macvlan" and link.peer_index == nic.index and host.is_peer_in(link, netns, None)


def _find(desired: Interface, host: Host) -> tuple[Stack, Link] | None:
    """Return the stack and link where a moved NIC, or the macvlan, is."""
    if desired.type == "physical":
        return nics.find(desired.device, host)
    netns, nic = desired.netns, host.stack(None).links.get(desired.device)
    link = host.stack(netns).links.get(_name(desired)) if netns in host.handles else None
    if link is None or link.kind != "macvlan":
        return None
    # the kernel deletes a NIC's macvlans with the NIC; a macvlan on a NIC that was renamed is deleted by its own name
    is_it = _is_macvlan_on(nic, netns, link, host) if nic is not None else not desired.is_present
    return (host.stack(netns), link) if is_it else None


def _settings(desired: Interface, link: Link | None) -> settings.Settings:
    asked: settings.Settings = {"mtu": desired.mtu, "up": True, "silent": True}
    asked["mac"] = None if desired.mac is None else desired.mac.lower()
    asked["labels"] = desired.labels
    asked["gateway"], asked["gateway6"] = map(settings.normal_host, (desired.gateway, desired.gateway6))
    asked["routes"] = settings.normal_routes(desired.routes)
    if desired.addresses is not None:  # then addresses, gateways and routes are exhaustive
        asked["addresses"] = sorted({settings.normal_address(address) for address in desired.addresses})
        asked["gateway"], asked["gateway6"] = asked["gateway"] or "", asked["gateway6"] or ""
        asked["routes"] = settings.normal_routes(desired.routes or [])
    return asked


def _link_local(desired: Interface, link: Link) -> str | None:
    mac = desired.mac or link.mac
    return settings.link_local_of(mac) if mac else None


def _mode(link: Link) -> str | None:
    mode = number(link.data[_IFLA_MACVLAN_MODE]) if _IFLA_MACVLAN_MODE in link.data else None
    return next((name for name, value in _MODES.items() if value == mode), None)


def _shown(desired: Interface) -> dict[str, Any]:
    keys = ("netns", "name", "type", "mac", "mtu", "addresses", "gateway", "gateway6", "routes", "labels")
    return desired.given(*keys)


def _bring(desired: Interface, host: Host, found: tuple[Stack, Link] | None) -> None:
    """Create the macvlan in its namespace, or move the NIC there, recorded in the runtime state first."""
    home, there = host.stack(None), host.stack(desired.netns)
    about = "%s %s" % (KIND, _about(desired))
    file = os.open(namespaces.path(desired.netns or ""), os.O_RDONLY | os.O_CLOEXEC)
    try:
        if desired.type == "macvlan":
            parent = home.links[desired.device].index
            attrs: messages.Attributes = [("IFLA_LINK", parent), ("IFLA_NET_NS_FD", file)]
            mode: messages.Attributes = [("IFLA_MACVLAN_MODE", _MODES[desired.mode])]
            home.send([Request(messages.create_link(_name(desired), "macvlan", mode, attrs), about)])
        else:
            link = home.links[desired.device] if found is None else found[1]
            nics.note(desired.device, link, desired.netns or "", desired.labels, found is not None, host)
            requests = nics.without_altnames(desired.device, link, _name(desired), host)
            requests.append(Request(messages.set_down(link.index), about))
            home.send([*requests, Request(messages.move_link(link.index, _name(desired), file), about)])
    finally:
        os.close(file)
    home.forget()
    there.forget()


def _set(desired: Interface, host: Host, known: Link | None) -> None:
    """Configure the link in the namespace; ``known`` is None for a link just moved or created, without addresses."""
    stack, name = host.stack(desired.netns), _name(desired)
    about = "%s %s" % (KIND, _about(desired))
    link = stack.fresh(name)
    asked = _settings(desired, link)
    with host.tolerated(desired.netns):
        stack.send(settings.setup(name, about, asked, None))
        stack.send(settings.addressing(stack, known, link.index, about, asked, _link_local(desired, link)))
    stack.forget()


def _remove(desired: Interface, host: Host) -> None:
    found = _find(desired, host)
    if found is None:
        return
    stack, link = found
    if desired.type == "physical":
        nics.return_to_host(desired.device, host)
        return
    about = "%s %s" % (KIND, _about(desired))
    stack.send([Request(messages.delete_link(link.name), about, ignore=(errno.ENODEV,))])
    stack.forget()
