# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""List the objects of the roles that exist on a host and that none of its variables declares (orphans)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.virtnet.linux.plugins.plugin_utils.views.text import by_number, table

ROLES = ("bridge_network", "overlay_network")


def orphans(live: Mapping[str, Any], variables: Mapping[str, Any]) -> list[str]:
    """Format a message for each network, container and switch that a role made and that no list names.

    :param live: what the module network_info returned
    :param variables: the host's variables
    """
    return list(_orphans(live, variables))


def orphans_of_fleet(reports: Mapping[str, Any], variables: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Format a table of the orphans of several hosts; none where no host declares anything: its variables are then in a
    playbook.

    :param reports: what the module network_info returned, by host
    :param variables: the variables of each host, by host
    """
    lists = [f"{role}_{word}" for role in ROLES for word in ("networks", "containers")]
    if not any(variables[host].get(word) for host in reports for word in lists):
        return []
    rows = [(host, one) for host in sorted(reports, key=by_number) for one in orphans(reports[host], variables[host])]
    return table([("HOST", "OBJECT"), *rows]) if rows else []


def _orphans(live: Mapping[str, Any], variables: Mapping[str, Any]) -> Iterator[str]:
    containers = _declared(variables, "containers")
    for role in ROLES:
        networks = _declared(variables, "networks", role)
        for network in live.get("networks") or []:
            if (network.get("Labels") or {}).get("role") == role and network["Name"] not in networks:
                yield f"network {network['Name']} is live and declared nowhere"
    for bridge in live.get("bridges") or []:
        labels = bridge.get("labels") or {}
        is_switch = labels.get("role") in ROLES and "network" not in labels
        if is_switch and bridge["name"] not in _declared(variables, "switches", "bridge_network"):
            yield f"switch {bridge['name']} is live and declared nowhere"
    for container in live.get("containers") or []:
        if (container.get("labels") or {}).get("role") in ROLES and container["name"] not in containers:
            pids = ", ".join(str(pid) for pid in container.get("pids") or [])
            yield f"container {container['name']} is live and declared nowhere" + (f" (pid {pids})" if pids else "")


def _declared(variables: Mapping[str, Any], word: str, *roles: str) -> set[str]:
    """The names in the lists of these roles, or of both: present or absent."""
    lists = [variables.get(f"{role}_{word}") for role in roles or ROLES]
    return {
        str(one["name"])
        for objects in lists
        if isinstance(objects, (list, tuple))
        for one in objects
        if isinstance(one, Mapping) and "name" in one
    }
