# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The steps of a run: the actions of all objects, sorted by phase, and what carries out each phase.

Check mode reports the list that plan() returns; apply() carries out the same list, a batch for each phase.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ansible_collections.virtnet.linux.plugins.module_utils.engine import containers, filtering, flows, gateway
from ansible_collections.virtnet.linux.plugins.module_utils.engine.registry import KINDS, objects
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.kinds import netns, vxlan_tunnel
from ansible_collections.virtnet.linux.plugins.module_utils.links import endpoint_checks, endpoint_neighbours
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import State
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Bridge, Netns, Topology
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.system import files
from ansible_collections.virtnet.linux.plugins.module_utils.system.background import Background

if TYPE_CHECKING:
    from ansible_collections.virtnet.linux.plugins.module_utils.switch.openvswitch import changes

Batch = list[Action[Any]]


class Run:
    """What the phases of one run share: the host, and the desired state of what follows from all objects together."""

    def __init__(self, host: Host, document: Topology, state: State, text: str) -> None:
        """``state`` is the firewall's desired state, ``text`` the transaction that leads to it."""
        self.host, self.document, self.state, self.text = host, document, state, text
        self.neighbours = endpoint_neighbours.desired(document, host, state)
        self.actions: Batch = []  # all of the run, of those that are carried out
        self.published = state  # the state that the first transaction leads to
        self.switches = _changes_of_switches(document, host, state)


def plan(run: Run) -> Batch:
    """Return every action of the run, in the order in which they are carried out; none where the host is in the desired
    state (idempotent). Of one phase, kinds are deleted in the reverse order of their creation."""
    host, document = run.host, run.document
    planned = [action for kind, desired in objects(document) for action in kind.plan(desired, host)]
    planned += _tunnels_on_changed_bridges(document, planned, host)
    deletions = [action for action in planned if action.verb == "delete"]
    found = [action for kind in reversed(list(KINDS)) for action in deletions if action.kind == kind]
    found += [action for action in planned if action.verb != "delete"]
    found += filtering.plan(host.firewall, run.state, planned)
    found += run.switches.actions(planned) if run.switches is not None else []
    found += endpoint_checks.conflicting_links(host)
    found += endpoint_neighbours.plan(document, host, run.neighbours, planned)
    found += _routing_rules(run.state, host)
    found += gateway.plan(run.state, host)
    return in_order(found)


def in_order(actions: Batch) -> Batch:
    """Return actions sorted by phase; those of one phase stay in their order."""
    return sorted(actions, key=lambda action: action.phase)


def apply(run: Run, actions: Batch, stop_after: int | None = None) -> None:
    """Carry out the actions, phase by phase; ``stop_after`` that many of them, as a crash would."""
    run.actions = actions if stop_after is None else actions[:stop_after]
    last = max(Phase) if run.actions == actions else max((action.phase for action in run.actions), default=0)
    batches: dict[Phase, Batch] = {}
    for action in run.actions:
        batches.setdefault(action.phase, []).append(action)
    for phase in Phase:
        if phase > last:
            return
        batch = batches.get(phase, [])
        if phase in _RUNNERS:
            _RUNNERS[phase](run, batch)
        elif batch:
            _apply_kinds(run, batch)


def _apply_kinds(run: Run, batch: Batch) -> None:
    """Hand the actions of each kind to it as one batch: the default for a phase."""
    by_kind: dict[str, Batch] = {}
    for action in batch:
        by_kind.setdefault(action.kind, []).append(action)
    for kind, actions in by_kind.items():
        module: Any = KINDS[kind]
        (module.delete if actions[0].phase.deletes else module.apply)(actions, run.host)


def _write_files(_run: Run, batch: Batch) -> None:
    files.apply(batch)


def _displace(run: Run, batch: Batch) -> None:
    if batch:
        endpoint_checks.displace(batch, run.host)


def _set_gateway(run: Run, batch: Batch) -> None:
    gateway.apply(batch, run.host)


def _set_routing_rules(run: Run, batch: Batch) -> None:
    if batch:
        from ansible_collections.virtnet.linux.plugins.module_utils.engine import routing  # few hosts need it

        routing.apply(batch, run.host)


def _filter(run: Run, _batch: Batch) -> None:
    if run.text or run.host.memory["to_forget"]:
        run.published = filtering.apply(run.host, run.state, run.text)


def _unpublish(_run: Run, _batch: Batch) -> None:
    """The transaction of the phase FIREWALL deletes these ports and policies."""


def _delete_containers(run: Run, batch: Batch) -> None:
    if batch:
        containers.delete(batch, run.host)


def _change_switches(run: Run, _batch: Batch) -> None:
    if run.switches is not None:
        run.switches.apply_database()


def _load_flows(run: Run, _batch: Batch) -> None:
    if run.switches is not None:
        run.switches.apply_flows()


def _make_endpoints(run: Run, batch: Batch) -> None:
    _apply_kinds(run, batch)
    run.host.switches.attach()  # those that no pair of this run has attached


def _set_neighbours(run: Run, _batch: Batch) -> None:
    if {*endpoint_neighbours.FOLLOWS, endpoint_neighbours.KIND, filtering.KIND} & {one.kind for one in run.actions}:
        endpoint_neighbours.apply(run.neighbours, run.host)


def _publish_moved(run: Run, _batch: Batch) -> None:
    if run.published != run.state:
        filtering.publish_moved(run.host, run.published, run.state)


def _set_sysctls(run: Run, _batch: Batch) -> None:
    made = [action for action in run.actions if action.kind == Netns.KIND and action.verb != "delete"]
    if made:
        netns.apply_sysctls(made, run.host)


def _write_names(run: Run, batch: Batch) -> None:
    with Background(lambda: flows.forget_networks(run.host)):  # the kernel scans the whole conntrack table meanwhile
        _apply_kinds(run, batch)


# The phases that are not simply the batches of kinds. A phase listed here is carried out without actions too: what it
# does follows from all objects together.
_RUNNERS: dict[Phase, Callable[[Run, Batch], None]] = {
    Phase.FILES: _write_files,
    Phase.CONFLICTING_LINKS: _displace,
    Phase.SWITCHES: _change_switches,
    Phase.ROUTING_RULES: _set_routing_rules,
    Phase.GATEWAY_CLOSE: _set_gateway,
    Phase.UNPUBLISH: _unpublish,
    Phase.FIREWALL: _filter,
    Phase.SWITCH_FLOWS: _load_flows,
    Phase.DELETE_CONTAINERS: _delete_containers,
    Phase.ENDPOINTS: _make_endpoints,
    Phase.NEIGHBOURS: _set_neighbours,
    Phase.PUBLISH_MOVED: _publish_moved,
    Phase.SYSCTLS: _set_sysctls,
    Phase.GATEWAY_OPEN: _set_gateway,
    Phase.DELETE_ROUTING_RULES: _set_routing_rules,
    Phase.NAMES: _write_names,
}


def _changes_of_switches(document: Topology, host: Host, state: State) -> changes.Changes | None:
    """Return the changes of Open vSwitch; None where it does not run."""
    if host.switches.found is None:
        return None
    from ansible_collections.virtnet.linux.plugins.module_utils.switch.openvswitch import changes  # few hosts have it

    return changes.plan(document, host, state)


def _routing_rules(state: State, host: Host) -> Batch:
    """Return actions for routing rules that send packets for containers to them, before other rules of the host."""
    if host.stack(None).is_plainly_routed:
        return []
    from ansible_collections.virtnet.linux.plugins.module_utils.engine import routing  # few hosts need it

    return list(routing.plan(state, host))


def _tunnels_on_changed_bridges(document: Topology, planned: Batch, host: Host) -> Batch:
    """Return actions for tunnels on bridges whose MAC changes: the kernel flushes their neighbour entries."""
    changed = [action for action in planned if action.kind == Bridge.KIND and "mac" in action.after]
    bridges = {(action.desired.netns, action.name) for action in changed}
    if not bridges:
        return []
    have_actions = {(action.desired.netns, action.name) for action in planned if action.kind == vxlan_tunnel.KIND}
    return [
        action
        for desired in document.vxlan_tunnel
        if (desired.netns, desired.name) not in have_actions and (desired.netns, desired.bridge) in bridges
        for action in vxlan_tunnel.renew(desired, host)
    ]
