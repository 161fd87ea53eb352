# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""List the objects of the roles that exist on a host and that none of its variables declares (orphans)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ansible_collections.virtnet.linux.plugins.plugin_utils.views.text import by_number, table

ROLES = ("bridge_network", "overlay_network")


class Orphan(NamedTuple):
    """An object that a role made and that no list names, present or absent."""

    kind: str
    name: str
    pids: tuple[int, ...] = ()

    def __str__(self) -> str:
        pids = ", ".join(map(str, self.pids))
        return f"{self.kind} {self.name} is live and declared nowhere" + (f" (pid {pids})" if pids else "")


def orphans(live: Mapping[str, Any], variables: Mapping[str, Any]) -> list[str]:
    """Format a message for each network, container and switch that a role made and that no list names.

    :param live: what the module network_info returned
    :param variables: the host's variables
    """
    return [str(orphan) for orphan in find_orphans(live, variables)]


def orphans_of_fleet(reports: Mapping[str, Any], variables: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Format a table of the orphans of several hosts; none where no host declares anything: its variables are then in a
    playbook.

    :param reports: what the module network_info returned, by host
    :param variables: the variables of each host, by host
    """
    if not anything_is_declared(reports, variables):
        return []
    rows = [(host, one) for host in sorted(reports, key=by_number) for one in orphans(reports[host], variables[host])]
    return table([("HOST", "OBJECT"), *rows]) if rows else []


def anything_is_declared(hosts: Iterable[str], variables: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the variables of a host declare a network or a container."""
    lists = [f"{role}_{word}" for role in ROLES for word in ("networks", "containers")]
    return any(variables[host].get(word) for host in hosts for word in lists)


def find_orphans(live: Mapping[str, Any], variables: Mapping[str, Any]) -> Iterator[Orphan]:
    """Yield the orphans of a host."""
    containers = declared_names(variables, "containers")
    for role in ROLES:
        networks = declared_names(variables, "networks", role)
        for network in live.get("networks") or []:
            if (network.get("Labels") or {}).get("role") == role and network["Name"] not in networks:
                yield Orphan("network", network["Name"])
    for bridge in live.get("bridges") or []:
        labels = bridge.get("labels") or {}
        is_switch = labels.get("role") in ROLES and "network" not in labels
        if is_switch and bridge["name"] not in declared_names(variables, "switches", "bridge_network"):
            yield Orphan("switch", bridge["name"])
    for container in live.get("containers") or []:
        if (container.get("labels") or {}).get("role") in ROLES and container["name"] not in containers:
            yield Orphan("container", container["name"], tuple(container.get("pids") or ()))


def declared_names(variables: Mapping[str, Any], word: str, *roles: str, present: bool = False) -> set[str]:
    """The names in the lists of these roles, or of both: present or absent ones, or only ``present`` ones."""
    lists = [variables.get(f"{role}_{word}") for role in roles or ROLES]
    return {
        str(one["name"])
        for objects in lists
        if isinstance(objects, (list, tuple))
        for one in objects
        if isinstance(one, Mapping) and "name" in one and not (present and one.get("state") == "absent")
    }
