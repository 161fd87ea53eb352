# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers that move between the members of a fabric: one leaves a host's list and appears in another's.

It keeps its addresses and MACs, and is removed from the first host in the same run. Where processes run in its
namespace there, these keep running without a network.
"""

from __future__ import annotations

import dataclasses

from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import enumerate_names
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.spec import Container
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.members import ROLE, Member

_FIELD = f"{ROLE}_containers"


def settle_moves(members: list[Member]) -> None:
    """Settle which containers move, and warn of those that cannot, or that are on several hosts undeclared."""
    targets: dict[str, list[Member]] = {}
    for member in members:
        for name, container in member.declaration.containers.items():
            if container.attachments and member.live is not None and name not in member.live.containers:
                targets.setdefault(name, []).append(member)
    for name in sorted(_live_names(members)):
        left_on = [member for member in members if _is_left_on(member, name)]
        new_on = targets.get(name, [])
        if len(left_on) == len(new_on) == 1:
            _move(name, left_on[0], new_on[0])
        else:
            _warn_of_duplicate(name, members, left_on)


def _live_names(members: list[Member]) -> set[str]:
    return {name for member in members if member.live is not None for name in member.live.containers}


def _is_left_on(member: Member, name: str) -> bool:
    """Whether the role made the container on the host, and the host's lists do not declare it present any more."""
    live = member.live.containers.get(name) if member.live is not None else None
    is_declared = name in member.declaration.containers or name in member.others.containers
    return live is not None and live.role == ROLE and not is_declared


def _move(name: str, source: Member, target: Member) -> None:
    live = source.live.containers[name] if source.live is not None else None
    if live is None or not (source.in_run or target.in_run):
        return
    if not target.in_run:
        rule = f"is declared on {target.name}, which is not in this run: it stays here until a run of both hosts"
        source.problems.warn(f"container {name}", _FIELD, source.name, rule)
        return
    if not source.in_run:
        rule = (
            f"is live on {source.name}, which is not in this run, and stays there with its address; "
            f"to move it with its address, run both: --limit {source.name},{target.name}"
        )
        target.problems.warn(f"container {name}", _FIELD, target.name, rule)
        return
    source.moved_away.add(name)
    target.moved_here[name] = live
    declared = source.declaration
    if not live.pids:
        absent = {**declared.absent_containers, name: Container(name=name)}
        source.declaration = dataclasses.replace(declared, absent_containers=absent)
        return
    pids = enumerate_names([str(pid) for pid in live.pids])
    rule = f"moves to {target.name}; processes in its namespace here keep running without a network: pid {pids}"
    source.problems.warn(f"container {name}", _FIELD, source.name, rule)
    remaining = {key: one for key, one in declared.absent_containers.items() if key != name}
    detached = {**declared.containers, name: Container(name=name, mode="none")}
    source.declaration = dataclasses.replace(declared, absent_containers=remaining, containers=detached)


def _warn_of_duplicate(name: str, members: list[Member], left_on: list[Member]) -> None:
    """Warn of a container that is live on several hosts and declared on some of them."""
    declared_on = [
        member.name
        for member in members
        if name in member.declaration.containers and member.live is not None and name in member.live.containers
    ]
    for member in left_on if declared_on else []:
        if name not in member.declaration.absent_containers:
            rule = (
                f"is live here as well and declared on {enumerate_names(declared_on)} only; "
                "declare it absent here, or declare it here too"
            )
            member.problems.warn(f"container {name}", _FIELD, member.name, rule)
            member.duplicates.append(
                f"container {name} is live here, and declared on {enumerate_names(declared_on)} only"
            )
