# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Deletion of containers: pairs, bridges, namespaces and their name files, in one batch."""

from __future__ import annotations

from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.kinds import netns, resolver
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Bridge, Netns, Resolver, Veth
from ansible_collections.virtnet.linux.plugins.module_utils.system.background import Background


def delete(actions: list[Action[Any]], host: Host) -> None:
    """Delete pairs (by their first end), bridges, namespaces and their name files; other ports of a bridge stay.

    The kernel deletes links for most of that time, so the rest is done in parallel. Only handles of namespaces that
    stay, because a process or another handle holds them, are deleted afterwards: if the run were killed, the next one
    could not find the links in there without them.
    """
    leaving = [action for action in actions if action.kind == Netns.KIND]
    netns.return_nics(leaving, host)
    held = netns.held(leaving, host)
    links = [(action.desired.netns, action.name) for action in actions if action.kind in (Veth.KIND, Bridge.KIND)]
    links += netns.links(leaving, held, host)
    waiting = {action.name for action in held} | host.memory["handles"].keys()
    files = [action for action in actions if action.kind == Resolver.KIND]
    with Background(lambda: delete_links(links, host)):
        if files:
            resolver.delete(files, host)
        netns.delete([action for action in leaving if action.name not in waiting], host)
    netns.delete([action for action in leaving if action.name in waiting], host)


def delete_links(links: list[tuple[str | None, str]], host: Host) -> None:
    """Delete links, given by namespace and name, in a message for each namespace."""
    by_netns: dict[str | None, dict[str, None]] = {}
    for netns_name, name in links:
        by_netns.setdefault(netns_name, {})[name] = None
    for netns_name, names in by_netns.items():
        host.stack(netns_name).delete_links(names)
