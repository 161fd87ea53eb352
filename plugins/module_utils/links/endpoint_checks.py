# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Endpoint checks: names, alternative names and routes that a namespace already has where a link is to be created. A
process's namespace (``pid``) may have links and routes of its own, as LXC's do, which must not be replaced."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import NamedTuple

from ansible_collections.virtnet.linux.plugins.module_utils.facts import nics, options
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.links import settings
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Addressed
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages, namespaces
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.link import Link
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import Request

LINK = "link"  # the kind of an action that renames one
_AWAY = "vn and twelve random digits"


class ConflictingLink(NamedTuple):
    """A container's own link, or alternative name, under a name that the document needs in that namespace."""

    netns: str | None
    name: str


def check_name(
    kind: str,
    about: str,
    field: str,
    place: tuple[str | None, str],
    is_it: Callable[[Link], bool],
    host: Host,
    problems: options.Checks,
) -> None:
    """Check that a link's name is free in its namespace, or used by that link. In a namespace that this collection
    created, a link made by the container is renamed; a managed link, or one in a process's namespace, is not."""
    netns, name = place
    there = host.stack_to_be(netns).links.get(name)
    if there is None or is_it(there) or _leaves(netns, name, host):
        return
    if netns is not None and host.is_made_here(netns) and not is_ours(netns, there, host):
        host.conflicting_links[netns, name] = there.kind or "link"
    else:
        choose = "choose another (interface_name)" if _pid(netns, host) else "choose another"
        rule = f"{netns or 'the host'} has another link of this name: {choose}, or delete that one"
        problems.add(kind, about, field, name, rule)


def check_altname(
    kind: str, about: str, field: str, place: tuple[str | None, str], host: Host, problems: options.Checks
) -> None:
    """Check that a link's name is no alternative name of another link: the kernel looks up both in one table. In a
    namespace that this collection created, such an alternative name is deleted, and on the host one that a container
    gave to a NIC which has come back."""
    netns, name = place
    stack = host.stack_to_be(netns)
    owner = None if name in stack.links else stack.altnames.get(name)
    if owner is None:
        return
    if netns is None and _is_given(owner, name, host):  # also where it leaves: bridges are made before NICs return
        host.conflicting_links[netns, name] = "altname"
    elif _leaves(netns, owner.name, host):
        return
    elif netns is not None and host.is_made_here(netns):
        host.conflicting_links[netns, name] = "altname"
    else:
        of, remedy = owner.name, f"ip link property del dev {owner.name} altname {name}"
        if netns is not None:
            of, remedy = f"{of} in {netns}", remedy.replace("ip ", f"ip -n {netns} ", 1)
        problems.add(
            kind, about, field, name, f"is an alternative name of {of}: choose another, or take it away: {remedy}"
        )


def check_altnames_of_nic(
    kind: str, device: str, nic: Link, place: tuple[str, str], host: Host, problems: options.Checks
) -> None:
    """Check that the alternative names of a NIC are free in the namespace that it is to be moved to under the name in
    ``place``. In a namespace that this collection created, the container's own names give way."""
    netns, own = place
    given = nics.altnames_given(device, nic, host)  # these do not move with it
    stack = host.stack_to_be(netns)
    for name in nic.altnames:
        link, owner = stack.links.get(name), stack.altnames.get(name)
        there = link or owner
        if name == own or name in given:
            continue
        if (netns, name) in host.links_to_create | host.interfaces_to_move:
            what = "a link that is declared for"
        elif there is None or _leaves(netns, there.name, host):
            continue
        elif host.is_made_here(netns) and not _is_named_here(netns, link, host):
            if link is None or not _is_renamed_back(netns, link, host):
                host.conflicting_links[netns, name] = "altname" if link is None else link.kind or "link"
            continue
        else:
            what = "a link of"
        problems.add(
            kind, device, "device", device,
            f"its alternative name {name} is the name of {what} {netns}: choose another there, or take it away: "
            f"ip link property del dev {nic.name} altname {name}",
        )  # fmt: skip


def check_addressing(
    kind: str, about: str, prefix: str, netns: str | None, end: Addressed, host: Host, problems: options.Checks
) -> None:
    """Check a link's addresses, gateways and routes: well-formed, and no replacement of routes that a process's
    namespace has through links of its own."""
    before = problems.refusals
    problems.addressing(kind, about, prefix, end)
    if problems.refusals > before or _pid(netns, host) is None:
        return
    stack = host.stack_to_be(netns)
    theirs = {}
    for route in stack.routes:
        link = stack.link_at(route.index)
        if link is None or not is_ours(netns, link, host):
            theirs[route.to, route.metric] = "a link" if link is None else link.name
    for field, to, via, metric in settings.routes_of_end(end):
        if (to, metric) in theirs:
            rule = "{} has a route to {} by {} already, which is not managed by virtnet.linux; leave this one out"
            if field != "routes":
                rule += " (of a network, with internal: true)"
            problems.add(kind, about, prefix + field, via, rule.format(netns, to, theirs[to, metric]))


def is_ours(netns: str | None, link: Link, host: Host) -> bool:
    """Whether a link in a namespace is managed by this collection: a veth whose peer is a managed link on the host or
    is in a namespace with a handle, a macvlan with a parent interface on the host, or a NIC that was moved into the
    namespace. Only the host's root can create these; the link's alias is not trusted, for the container can set it."""
    if netns is None:
        return link.ours
    if netns not in host.handles:
        return False
    if link.kind == "veth":
        near = host.stack(None).link_at(link.peer_index)
        if near is not None and near.ours and near.peer_index == link.index and host.is_peer_in(link, netns, None):
            return True
        return any(host.is_peer_in(link, netns, other) for other in host.handles if other != netns)
    if link.kind == "macvlan":
        return host.is_peer_in(link, netns, None)
    return link.name in {given.name for given in nics.given_to(netns, host).values()}


def conflicting_links(host: Host) -> list[Action[ConflictingLink]]:
    """Return one action for each link that a container made under a name that the document needs: rename it."""
    found = []
    for (netns, name), kind in sorted(host.conflicting_links.items(), key=str):
        after = {"name": None if kind == "altname" else _AWAY}
        link, about = ConflictingLink(netns, name), f"{name} in {netns or 'the host'}"
        found.append(Action(Phase.CONFLICTING_LINKS, "change", LINK, about, {"name": name}, after, link))
    return found


def displace(actions: list[Action[ConflictingLink]], host: Host) -> None:
    """Carry out the actions of conflicting_links(): rename the container's link, or delete its alternative name; never
    delete the link."""
    for action in actions:
        stack = host.stack(action.desired.netns)
        name = action.desired.name
        link, owner = stack.links.get(name), stack.altnames.get(name)
        if link is not None:
            away = rename_away(link)
            stack.send([Request(messages.set_down(link.index), action.name), Request(away, action.name)])
        elif owner is not None:
            stack.send([Request(messages.delete_altname(owner.index, name), action.name)])
        stack.forget()


def rename_away(link: Link) -> bytes:
    """Return a request that gives a link, which has to be down, a random, unpredictable name."""
    return messages.rename_link(link.index, "vn" + secrets.token_hex(6))


def _is_given(owner: Link, altname: str, host: Host) -> bool:
    """Whether a container gave the alternative name to a NIC, which the kernel has moved back to the host since."""
    device = nics.strays(host).get(owner.name)
    return device is not None and altname in nics.altnames_given(device, owner, host)


def _is_named_here(netns: str, link: Link | None, host: Host) -> bool:
    """Whether an endpoint has the name that this collection gave it, which is in the host end's alias."""
    near = _near(netns, link, host)
    return link is not None and near is not None and (near.labels or {}).get("interface") == link.name


def _is_renamed_back(netns: str, link: Link, host: Host) -> bool:
    """Whether the document declares the endpoint: then it has its declared name before NICs are moved."""
    near = _near(netns, link, host)
    return near is not None and (None, near.name) in host.links_to_create


def _near(netns: str, link: Link | None, host: Host) -> Link | None:
    """Return the host end of a managed endpoint."""
    if link is None or link.kind != "veth" or not is_ours(netns, link, host):
        return None
    return host.stack(None).link_at(link.peer_index)


def _leaves(netns: str | None, name: str, host: Host) -> bool:
    """Whether this run deletes the link of that name, perhaps declared under another name of the same namespace."""
    names = {netns}
    pid = _pid(netns, host)
    if pid is not None:
        inode = namespaces.inode_of_pid(pid)
        names.update(other for other, held in host.handles.items() if held == inode)
    return any((one, name) in host.links_to_delete for one in names)


def _pid(netns: str | None, host: Host) -> int | None:
    """Return the process (pid) whose namespace it is; None for any other namespace."""
    declared = host.namespaces_to_create.get(netns or "")
    if declared is not None:
        return declared.pid
    pid: int | None = (host.memory["handles"].get(netns or "") or {}).get("pid")
    return pid
