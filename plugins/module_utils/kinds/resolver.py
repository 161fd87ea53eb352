# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Resolvers: the networks whose names containers resolve, and their nameservers.

One object for all containers with the same settings.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.facts import options
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Resolver
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.rules import values
from ansible_collections.virtnet.linux.plugins.module_utils.system.name_files import NameFiles, desired_resolv_conf

KIND = "resolver"


def check(desired: Resolver, _host: Host, problems: options.Checks) -> None:
    """Validate one object."""
    about = desired.label
    for container in desired.containers:
        problems.object_name(KIND, about, "containers", container)
    for network in desired.networks or []:
        problems.object_name(KIND, about, "networks", network)
    for address in desired.nameservers or []:
        problems.address(KIND, about, "nameservers", address)
    for field in ("search", "options"):
        for word in getattr(desired, field) or []:
            if len(word.split()) != 1:
                problems.add(KIND, about, field, word, values.ONE_WORD)


def identities(desired: Resolver) -> list[tuple[Any, ...]]:
    """Return the keys that must be unique in a document."""
    return [("container", name) for name in desired.containers]


def plan(desired: Resolver, host: Host) -> list[Action[Resolver]]:
    """Return the actions for the containers of one object; none if their files are as desired (idempotent)."""
    files, about = host.name_files, desired.label
    if not desired.is_present:
        had = [name for name in desired.containers if files.has_ours(name)]
        return [Action(Phase.DELETE_CONTAINERS, "delete", KIND, about, {"containers": had}, {}, desired)] if had else []
    asked = _asked(desired)
    wrong = [name for name in desired.containers if not _is_right(name, host, *asked)]
    if not wrong:
        return []
    content = {
        key: getattr(desired, key) for key in ("networks", "nameservers", "search", "options") if getattr(desired, key)
    }
    before, after = {"containers": _that_have_files(wrong, files)}, {"containers": wrong, **content}
    return [Action(Phase.NAMES, "change" if before["containers"] else "create", KIND, about, before, after, desired)]


def apply(actions: list[Action[Resolver]], host: Host) -> None:
    """Write the containers' hosts and resolv.conf files."""
    for action in actions:
        networks, resolv_conf = _asked(action.desired)
        for name in action.after["containers"]:
            host.name_files.give(name, networks, resolv_conf)


def delete(actions: list[Action[Resolver]], host: Host) -> None:
    """Delete the containers' hosts and resolv.conf files."""
    for action in actions:
        for name in action.desired.containers:
            host.name_files.remove(name)


def _that_have_files(containers: list[str], files: NameFiles) -> list[str]:
    return [name for name in containers if files.networks_of(name) is not None or files.resolv_conf(name) is not None]


def _asked(desired: Resolver) -> tuple[frozenset[str], str | None]:
    resolv_conf = desired_resolv_conf(desired.nameservers, desired.search, desired.options)
    return frozenset(desired.networks or []), resolv_conf


def _is_right(name: str, host: Host, networks: frozenset[str], resolv_conf: str | None) -> bool:
    files = host.name_files
    hosts = files.networks_of(name) == networks or files.is_others(name, "hosts")
    return hosts and (files.resolv_conf(name) == resolv_conf or files.is_others(name, "resolv.conf"))
