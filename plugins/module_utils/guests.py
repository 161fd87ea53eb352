# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a namespace has already where a link is to come to it, and keeps. A process's (``pid``) may have links and
routes of its own, as LXC's do, which are not ours to replace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils import namespaces, options, settings
from ansible_collections.virtnet.linux.plugins.module_utils.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.stack import Link


def check_name(
    kind: str,
    about: str,
    field: str,
    place: tuple[str | None, str],
    is_it: Callable[[Link], bool],
    host: Host,
    problems: options.Problems,
) -> None:
    """A link's name must be free in its namespace, or be its own."""
    netns, name = place
    there = host.stack_to_be(netns).links.get(name)
    if there is not None and not is_it(there) and not _leaves(netns, name, host):
        choose = "choose another (interface_name)" if _pid(netns, host) else "choose another"
        rule = f"{netns or 'the host'} has another link of this name: {choose}, or delete that one"
        problems.add(kind, about, field, name, rule)


def check_addressing(
    kind: str, about: str, prefix: str, netns: str | None, end: dict[str, Any], host: Host, problems: options.Problems
) -> None:
    """A link's addresses, gateways and routes must be right, and not take the place of routes that a process's
    namespace has by links of its own."""
    before = len(problems.found)
    problems.addressing(kind, about, prefix, end)
    if len(problems.found) > before or _pid(netns, host) is None:
        return
    stack = host.stack_to_be(netns)
    theirs = {}
    for route in stack.routes:
        link = stack.link_at(route.index)
        if link is None or not link.ours:
            theirs[route.to, route.metric] = "a link" if link is None else link.name
    for field, to, via, metric in settings.routes_of_end(end):
        if (to, metric) in theirs:
            rule = "{} has a route to {} by {} already, which is not ours to replace: leave this one out"
            if field != "routes":
                rule += " (of a network, with internal: true)"
            problems.add(kind, about, prefix + field, via, rule.format(netns, to, theirs[to, metric]))


def _leaves(netns: str | None, name: str, host: Host) -> bool:
    """Whether the link of that name goes in this run, maybe declared under another name of the same namespace."""
    names = {netns}
    pid = _pid(netns, host)
    if pid is not None:
        inode = namespaces.inode_of_pid(pid)
        names.update(other for other, held in host.handles.items() if held == inode)
    return any((one, name) in host.links_going for one in names)


def _pid(netns: str | None, host: Host) -> int | None:
    """The process that gives the namespace, if one does."""
    declared = host.coming.get(netns or "") or host.memory["handles"].get(netns or "") or {}
    pid: int | None = declared.get("pid")
    return pid
