# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of networks: the names and addresses by which all containers on a network find each other."""

from __future__ import annotations

from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.facts import options
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.rules import names
from ansible_collections.virtnet.linux.plugins.module_utils.system.name_files import hosts_lines

KIND = "network_names"
_ENTRY: dict[str, Any] = dict(
    address=dict(type="str", required=True), names=dict(type="list", elements="str", required=True)
)
OPTIONS: dict[str, Any] = dict(
    network=dict(type="str", required=True),
    entries=dict(type="list", elements="dict", options=_ENTRY),
    state=options.STATE,
)


def check(wanted: dict[str, Any], host: Host, problems: options.Problems) -> None:
    """Validate one network's names, and record them as desired."""
    network = wanted["network"]
    problems.object_name(KIND, network, "network", network)
    for entry in wanted["entries"] or []:
        problems.address(KIND, network, "entries.address", entry["address"])
        for name in entry["names"]:
            if not names.is_host_name(name):
                problems.add(KIND, network, "entries.names", name, "a name is " + names.HOST_RULE)
    host.name_files.want(network, hosts_lines(wanted["entries"] or []) if wanted["state"] == "present" else "")


def identities(wanted: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the keys that must be unique in a document."""
    return [("network", wanted["network"])]


def plan(wanted: dict[str, Any], host: Host) -> list[Action]:
    """Return the actions that bring one network's names to the desired state; none if they are (idempotent)."""
    network = wanted["network"]
    asked = hosts_lines(wanted["entries"] or []) if wanted["state"] == "present" else ""
    before, after = (text.splitlines() for text in (host.name_files.lines(network), asked))
    if before == after:
        return []
    verb = "create" if not before else "delete" if not after else "change"
    return [Action(verb, KIND, network, _shown(before, after), _shown(after, before), wanted)]


def apply(actions: list[Action], host: Host) -> None:
    """Write the names of networks."""
    for action in actions:
        host.name_files.write_network(action.name)


def _shown(lines: list[str], others: list[str]) -> dict[str, list[str]]:
    """Return the lines that are not among the others: a diff without the thousand unchanged ones."""
    known = set(others)
    return {"names": [line.replace("\t", " ") for line in lines if line not in known]}
