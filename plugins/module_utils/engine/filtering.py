# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's firewall in a run: its desired state, from the document's objects, and the transactions that apply it."""

from __future__ import annotations

from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.engine import flows, gateway
from ansible_collections.virtnet.linux.plugins.module_utils.engine.registry import KINDS, objects
from ansible_collections.virtnet.linux.plugins.module_utils.facts import ownership
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.kinds import (
    vxlan_tunnel,
)
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import State
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Topology
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.nft import firewall, ruleset
from ansible_collections.virtnet.linux.plugins.module_utils.nft.elements import elements

KIND = "firewall"  # of an action that reports a difference of the tables which no declared object's action covers


def desired_state(document: Topology, host: Host) -> State:
    """Return the desired firewall state: the current one with the declared objects applied."""
    state: State = host.firewall.state.copy()
    veths = document.veth
    if veths:
        from ansible_collections.virtnet.linux.plugins.module_utils.links import veth_ports  # runs with endpoints only

        host.bridges_of_containers = veth_ports.bridges_of_containers(veths, host)
    for netns_of, name in host.links_to_delete:
        if netns_of is None:
            state.ports.pop(name, None)
    for kind, desired in objects(document):
        if hasattr(kind, "update_firewall"):
            kind.update_firewall(desired, state, host)
    if veths:
        veth_ports.update_patch_links(veths, state, host)  # after the policies of both ends' bridges
        veth_ports.update_undeclared(veths, state, host)
    _forget_missing(state, host)
    state.norouter = gateway.needs_norouter(state, host)
    state.routers = gateway.routers(state, host)
    state.tunnel_ports = frozenset()
    if state.policies or state.tunnels:  # otherwise there are no containers whose packets to VTEPs are to be dropped
        state.tunnel_ports = vxlan_tunnel.udp_ports(document.vxlan_tunnel, host)
    return state


def _forget_missing(state: State, host: Host) -> None:
    """Remove ports of namespaces deleted out of band or in this run, whose firewall elements nothing else would delete;
    and policies for names that are not bridges."""
    links = set(host.stack(None).links)
    for name in [name for name in state.policies if name in links and not host.is_known_bridge(None, name)]:
        del state.policies[name]
    if host.namespaces_to_delete:
        links.difference_update(ownership.host_ends(host, host.namespaces_to_delete))
    held: tuple[dict[str, Any], ...] = (state.ports, state.guards, state.tunnels)
    for ports in held:
        for name in [name for name in ports if name not in links and (None, name) not in host.links_to_create]:
            del ports[name]


def plan(live: firewall.Live, desired: State, actions: list[Action[Any]]) -> list[Action[Any]]:
    """Return an action that reports the differences of the tables, where no other action of the run covers them: rules
    or elements that were changed out of band."""
    if any(hasattr(KINDS.get(action.kind), "update_firewall") for action in actions):
        return []
    found = firewall.differences(live, desired)
    if not found:
        return []
    before: dict[str, Any] = {"differences": found}
    return [Action(Phase.FIREWALL, "change", KIND, "tables virtnet", before, {"differences": []}, None)]


def apply(host: Host, desired: State, text: str) -> State:
    """Apply the transaction; return the state that it leads to: the desired one, without new ports to an address that
    another endpoint still has. publish_moved() adds those when the links are moved."""
    before = host.firewall.state
    first = _without_moved_addresses(before, desired)
    _transact(host, before, first, text if first == desired else firewall.transaction(host.firewall, first))
    return first


def publish_moved(host: Host, first: State, desired: State) -> None:
    """Apply what apply() left out."""
    there = firewall.Live(elements(first), ruleset.FAMILIES)
    _transact(host, first, desired, firewall.transaction(there, desired))


def _transact(host: Host, before: State, after: State, text: str) -> None:
    changed = flows.remember(host, before, after)
    firewall.apply(text)
    flows.forget_ports(host, changed)


def _without_moved_addresses(before: State, desired: State) -> State:
    """Return the desired state without new ports to an address that another endpoint still has, until the links are
    moved: that endpoint would answer them."""
    holders = {address: name for name, guard in desired.guards.items() for address in guard.addresses}
    moving = {
        address for name, guard in before.guards.items() for address in guard.addresses if holders.get(address) != name
    }
    first = desired.copy()
    for key, port in desired.nat_ports.items():
        if port.to_address in moving and before.nat_ports.get(key) != port:
            del first.nat_ports[key]
    for key, opening in desired.allowed_ports.items():
        if opening.address in moving and before.allowed_ports.get(key) != opening:
            del first.allowed_ports[key]
    return first
