# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restore the names of the host's links that were renamed out of band (`ip link set X name Y`).

A declared link whose name is missing is searched among the managed, undeclared links by its identifying labels, which
only the host's root can write. Links inside a container are not considered.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Bridge, Topology, Veth, VxlanTunnel
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.link import Link
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import Request

_KINDS = {Bridge.KIND: "bridge", Veth.KIND: "veth", VxlanTunnel.KIND: "vxlan"}  # IFLA_INFO_KIND
_WORDS = ("network", "container", "patch")  # identifying labels; the others may change with the declaration

_Identity = tuple[str, tuple[Any, ...]]


def find(document: Topology, host: Host) -> None:
    """Make the host's stack list renamed links under their declared names. The actions of their kinds report the
    rename, and rename() applies it."""
    declared = [(kind, one) for kind in _KINDS for one in document.of(kind) if one.netns is None]
    links = host.stack(None).links if declared else {}
    lacking = [(kind, one) for kind, one in declared if one.is_present and one.name not in links]
    if not lacking or not links:
        return
    taken = set(_names(declared))
    spare: dict[_Identity, list[Link]] = {}
    for link in links.values():
        if link.name not in taken and link.labels and link.kind is not None:
            spare.setdefault(_identity(link.kind, link.labels), []).append(link)
    for kind, one in lacking:
        found = spare.get(_identity(_KINDS[kind], one.labels or {}), [])
        if len(found) > 1:  # both ends of a patch link have the same labels
            found = [link for link in found if _name_of_master(link, links) == getattr(one, "bridge", None)]
        if len(found) == 1 and any(_identity(_KINDS[kind], one.labels or {})[1]):
            host.renamed[one.name] = links[one.name] = links.pop(found[0].name)


def note(name: str, link: Link, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Add the name to the difference, where the link has another one."""
    if link.name != name:
        before["name"], after["name"] = link.name, name


def rename(actions: list[Action[Any]], host: Host) -> None:
    """Restore the names of these actions' links; each is set down for it, and up by its action."""
    stack = host.stack(None)
    for action in actions:
        link = host.renamed.pop(action.name, None) if action.desired.netns is None else None
        if link is not None:
            about, gone = f"{action.kind} {action.name}", (errno.ENODEV,)  # deleted with a namespace in this run
            down, back = messages.change_link(link.name, [], up=False), messages.rename_link(link.index, action.name)
            stack.send([Request(down, about, gone), Request(back, about, gone)])
            stack.forget()


def _names(declared: list[tuple[str, Any]]) -> Iterator[str]:
    for _kind, one in declared:
        yield one.name
        peer = getattr(one, "peer", None)
        if peer is not None and peer.netns is None:
            yield peer.name


def _identity(kind: str, labels: dict[str, str]) -> _Identity:
    return kind, tuple(labels.get(word) for word in _WORDS)


def _name_of_master(link: Link, links: dict[str, Link]) -> str | None:
    return next((one.name for one in links.values() if one.index == link.master), None)
