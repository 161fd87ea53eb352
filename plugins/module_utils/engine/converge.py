# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a topology document (desired state) to actions, and from actions to the kernel. A run is idempotent: where the
observed state is the desired one there are no actions. The order of work is in docs/architecture.md."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from ansible_collections.virtnet.linux.plugins.module_utils.engine import command_file, filtering, privileges, steps
from ansible_collections.virtnet.linux.plugins.module_utils.engine.registry import KINDS, objects
from ansible_collections.virtnet.linux.plugins.module_utils.engine.revision import revision
from ansible_collections.virtnet.linux.plugins.module_utils.facts import renamed
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.facts.options import Checks
from ansible_collections.virtnet.linux.plugins.module_utils.kinds import (
    nat_port,
    netns,
)
from ansible_collections.virtnet.linux.plugins.module_utils.links import endpoint_checks
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import State
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Interface, Netns, Topology
from ansible_collections.virtnet.linux.plugins.module_utils.nft import firewall
from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import abridge
from ansible_collections.virtnet.linux.plugins.module_utils.system import runtime_state

_FEW = 100  # objects whose state is read faster than nft lists our tables


class Refused(Exception):
    """The document is invalid; ``problems`` has a message for each error. Nothing was changed."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("\n".join(abridge(problems)))


class Stale(Exception):
    """Another run has changed the host since it was read for the plan. Nothing was changed."""


class Result(NamedTuple):
    """The actions done, in order, or (in check mode) predicted; and warnings."""

    actions: list[Action[Any]]
    warnings: list[str]


def converge(
    document: Topology | Callable[[], Topology],
    check: bool = False,
    lock_timeout: float = 60,
    stop_after: int | None = None,
    also: Callable[[Topology, Host], list[Action[Any]]] | None = None,
    spare_listeners: bool = False,
    planned_on: str | None = None,
) -> Result:
    """Bring the host to the desired state of a document; or (``check``) predict the actions that this takes.

    The document's objects are complete: every option of their kind is present, None where it is not declared. A
    callable ``document`` reads a persisted one, under the lock. ``also`` returns the actions on its files.
    ``spare_listeners`` rejects new published ports on which a process of the host listens. ``stop_after`` ends the run
    after that many actions, as a crash would. ``planned_on`` is the revision() of the state for which the document was
    planned. Raises Refused, Stale, runtime_state.Locked, firewall.FirewallError, netlink.NetlinkError and OSError.
    """
    with _uncollected(), contextlib.ExitStack() as stack:
        if not check:
            stack.enter_context(runtime_state.lock(lock_timeout))
        document = document() if callable(document) else document
        host = Host(waits=len(document) < _FEW)
        stack.callback(host.release)
        if not check:
            stack.callback(host.memory.save)  # also where the document is refused: then the lock file is deleted
        _predict(document, host)
        if planned_on not in (None, revision(host)):
            raise Stale
        host.gateway_bridges = _gateway_bridges(document, host)
        warnings = host.memory.lost + _refuse(document, host, check)
        state = filtering.desired_state(document, host)
        warnings += _misrouted_replies(document, host, state)
        try:
            text = firewall.transaction(host.firewall, state)
        except ValueError as impossible:
            raise Refused(str(impossible).splitlines()) from impossible
        run = steps.Run(host, document, state, text)
        written = command_file.deletion(host) if also is None else also(document, host)
        actions = steps.in_order([*written, *steps.plan(run)])
        obstacles = privileges.obstacles(actions, host)
        if spare_listeners:
            obstacles += nat_port.cut_off(actions)
        if obstacles:
            raise Refused(obstacles)
        if not check:
            steps.apply(run, actions, stop_after)
            if host.memory["netns_directory"]:
                netns.tidy(host)
            if host.memory["name_files"]:
                host.name_files.tidy()
        return Result(actions, warnings + host.warnings)


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Disable garbage collection: all objects live as long as the run, and cycle detection takes a twentieth of it."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _predict(document: Topology, host: Host) -> None:
    """Record in ``host`` the objects to be created and deleted, so that objects may refer to each other."""
    renamed.find(document, host)
    for name, kind in KINDS.items():
        for desired in document.of(name):
            if hasattr(kind, "predict"):
                kind.predict(desired, host)
        if name == Netns.KIND:  # before pairs: their ends are searched in the namespaces
            host.open_ahead()
    host.read_ahead()
    if host.namespaces_to_create:
        host.namespaces_to_delete.update(netns.replaced(host))


def _refuse(document: Topology, host: Host, check: bool) -> list[str]:
    """Validate the document; return warnings. Raises Refused with all errors. In check mode a missing reference is a
    warning: an earlier task would have created the object."""
    problems = Checks()
    seen: set[tuple[Any, ...]] = set()
    for module, desired in objects(document):
        module.check(desired, host, problems)
        for key in module.identities(desired):
            if key in seen:
                problems.add(module.KIND, key[-1], key[0], key[-1], "declared twice")
            seen.add(key)
            if key[0] == "link" and desired.is_present:
                about = desired.device if isinstance(desired, Interface) else desired.name
                is_near = key[1:] == (desired.netns, desired.name or about)
                field = "name" if is_near else "peer.name"
                endpoint_checks.check_altname(module.KIND, about, field, key[1:], host, problems)
    if problems.errors or (problems.missing and not check):
        raise Refused([*problems.errors, *problems.missing])
    return [*problems.missing, *problems.warnings]


def _gateway_bridges(document: Topology, host: Host) -> dict[str, str]:
    """Return the gateway bridge, the one with the addresses, of each bridge attached to another network's segment."""
    labels = {link.name: link.labels or {} for link in host.stack(None).links.values() if link.switch}
    labels.update({one.name: one.labels or {} for one in document.bridge})
    bridge_of = {held["network"]: name for name, held in labels.items() if "network" in held}
    return {name: bridge_of[held["joins"]] for name, held in labels.items() if held.get("joins", "") in bridge_of}


def _misrouted_replies(document: Topology, host: Host, desired: State) -> list[str]:
    """Return warnings on ports whose replies are misrouted, where the host has routing rules of its own."""
    if not (desired.nat_ports or desired.allowed_ports) or host.stack(None).is_plainly_routed:
        return []
    from ansible_collections.virtnet.linux.plugins.module_utils.engine import replies, routing  # few hosts need it

    declared = {one.name: one.labels or {} for one in document.bridge}
    names = {bridge: labels["network"] for bridge, labels in declared.items() if "network" in labels}
    return replies.warnings(desired, host, {**routing.names_of(host), **names})
