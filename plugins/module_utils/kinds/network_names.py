# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of networks: the names and addresses by which all containers on a network find each other."""

from __future__ import annotations

from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.facts import options
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import NetworkNames
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.rules import names, values
from ansible_collections.virtnet.linux.plugins.module_utils.system.name_files import hosts_lines

KIND = "network_names"


def check(desired: NetworkNames, host: Host, problems: options.Checks) -> None:
    """Validate one network's names, and record them as desired."""
    network = desired.network
    problems.object_name(KIND, network, "network", network)
    for entry in desired.entries or []:
        problems.address(KIND, network, "entries.address", entry.address)
        for name in entry.names:
            if not names.is_host_name(name):
                problems.add(KIND, network, "entries.names", name, values.HOST_NAME)
    host.name_files.set_lines(network, hosts_lines(desired.entries or []) if desired.is_present else "")


def identities(desired: NetworkNames) -> list[tuple[Any, ...]]:
    """Return the keys that must be unique in a document."""
    return [("network", desired.network)]


def plan(desired: NetworkNames, host: Host) -> list[Action[NetworkNames]]:
    """Return the actions that bring one network's names to the desired state; none if they are (idempotent)."""
    network = desired.network
    asked = hosts_lines(desired.entries or []) if desired.is_present else ""
    before, after = (text.splitlines() for text in (host.name_files.lines(network), asked))
    if before == after:
        return []
    verb = "create" if not before else "delete" if not after else "change"
    return [Action(Phase.NAMES, verb, KIND, network, _shown(before, after), _shown(after, before), desired)]


def apply(actions: list[Action[NetworkNames]], host: Host) -> None:
    """Write the names of networks."""
    for action in actions:
        host.name_files.write_network(action.name)


def _shown(lines: list[str], others: list[str]) -> dict[str, list[str]]:
    """Return the lines that are not among the others: a diff without the thousand unchanged ones."""
    known = set(others)
    return {"names": [line.replace("\t", " ") for line in lines if line not in known]}
