# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From a topology document (desired state) to actions, and from actions to the kernel. A run is idempotent: where the
observed state is the desired one there are no actions. The order of work is in docs/architecture.md."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

from ansible_collections.virtnet.linux.plugins.module_utils.engine import gateway, privileges
from ansible_collections.virtnet.linux.plugins.module_utils.engine.revision import revision
from ansible_collections.virtnet.linux.plugins.module_utils.facts import renamed
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.facts.options import Problems, abridge
from ansible_collections.virtnet.linux.plugins.module_utils.facts.protocols import (
    BRIDGE,
    BRIDGE_POLICY,
    FOREIGN_FIREWALL,
    INTERFACE,
    NAT_PORT,
    NETNS,
    NETWORK_NAMES,
    RESOLVER,
    VETH,
    VXLAN_TUNNEL,
    Filtering,
    Foretelling,
    Kind,
    Leaving,
    Making,
)
from ansible_collections.virtnet.linux.plugins.module_utils.kinds import (
    bridge,
    bridge_policy,
    foreign_firewall,
    interface,
    nat_port,
    netns,
    network_names,
    resolver,
    veth,
    vxlan_tunnel,
)
from ansible_collections.virtnet.linux.plugins.module_utils.links import endpoint_checks, endpoint_neighbours
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import NatPort, Policy, State
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Interface, Topology
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import conntrack
from ansible_collections.virtnet.linux.plugins.module_utils.nft import firewall, ruleset
from ansible_collections.virtnet.linux.plugins.module_utils.nft.elements import bridge_of, elements
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip
from ansible_collections.virtnet.linux.plugins.module_utils.system import files, runtime_state
from ansible_collections.virtnet.linux.plugins.module_utils.system.background import Meanwhile

# Lazy modules: a kind is loaded on first access, so only those that a document has are (kinds/__init__.py).
KINDS: dict[str, Kind] = {
    NETNS: netns,
    BRIDGE: bridge,
    VETH: veth,
    VXLAN_TUNNEL: vxlan_tunnel,
    INTERFACE: interface,
    BRIDGE_POLICY: bridge_policy,
    NAT_PORT: nat_port,
    FOREIGN_FIREWALL: foreign_firewall,
    NETWORK_NAMES: network_names,
    RESOLVER: resolver,
}
FORETELLING: dict[str, Foretelling] = {
    NETNS: netns,
    BRIDGE: bridge,
    VETH: veth,
    VXLAN_TUNNEL: vxlan_tunnel,
    INTERFACE: interface,
}
FILTERING: dict[str, Filtering] = {
    BRIDGE_POLICY: bridge_policy,
    NAT_PORT: nat_port,
    VETH: veth,
    VXLAN_TUNNEL: vxlan_tunnel,
}
MAKING: dict[str, Making] = {
    NETNS: netns,
    BRIDGE: bridge,
    FOREIGN_FIREWALL: foreign_firewall,
    VETH: veth,
    INTERFACE: interface,
    VXLAN_TUNNEL: vxlan_tunnel,
    NETWORK_NAMES: network_names,
    RESOLVER: resolver,
}
LEAVING: dict[str, Leaving] = {VXLAN_TUNNEL: vxlan_tunnel, INTERFACE: interface, RESOLVER: resolver}
RULE = "rule"  # a routing rule, see routing.py
FIREWALL = "firewall"  # the kind of an action that only repairs our tables

_FEW = 100  # objects whose state is read faster than nft lists our tables

_Key = TypeVar("_Key")


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
    also: Callable[[Topology], list[Action[Any]]] | None = None,
    spare_listeners: bool = False,
    planned_on: str | None = None,
) -> Result:
    """Bring the host to the desired state of a document; or (``check``) predict the actions that this takes.

    The document's objects are complete: every option of their kind is present, None where it is not declared. A
    callable ``document`` reads a persisted one, under the lock. ``also`` returns the actions that write its files.
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
        _foretell(document, host)
        if planned_on not in (None, revision(host)):
            raise Stale
        host.heads = _heads_of_segments(document, host)
        warnings = host.memory.lost + _refuse(document, host, check)
        desired = _firewall_state(document, host)
        warnings += _lost_answers(document, host, desired)
        try:
            text = firewall.transaction(host.firewall, desired)
        except ValueError as impossible:
            raise Refused(str(impossible).splitlines()) from impossible
        actions = also(document) if also is not None else []
        neighbours = endpoint_neighbours.desired(document, host, desired)
        actions += _plan(document, host, desired, neighbours, bool(text))
        obstacles = privileges.obstacles(actions, host)
        if spare_listeners:
            obstacles += nat_port.cut_off(actions)
        if obstacles:
            raise Refused(obstacles)
        if not check:
            _apply(actions[:stop_after], host, desired, neighbours, text)
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


def _objects(document: Topology) -> Iterator[tuple[Kind, Any]]:
    for name, kind in KINDS.items():
        for desired in document.of(name):
            yield kind, desired


def _foretell(document: Topology, host: Host) -> None:
    """Record in ``host`` the objects to be created and deleted, so that objects may refer to each other."""
    renamed.find(document, host)
    for name, kind in FORETELLING.items():
        for desired in document.of(name):
            kind.foretell(desired, host)
        if name == NETNS:  # before pairs: their ends are searched in the namespaces
            host.open_ahead()
    host.read_ahead()
    if host.coming:
        host.namespaces_going.update(netns.replaced(host))


def _refuse(document: Topology, host: Host, check: bool) -> list[str]:
    """Validate the document; return warnings. Raises Refused with all errors. In check mode a missing reference is a
    warning: an earlier task would have created the object."""
    problems = Problems()
    seen: set[tuple[Any, ...]] = set()
    for module, desired in _objects(document):
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
    if problems.found or (problems.missing and not check):
        raise Refused(problems.found + problems.missing)
    return problems.missing + problems.warnings


def _firewall_state(document: Topology, host: Host) -> State:
    """Return the desired firewall state: the current one with the declared objects applied."""
    state: State = host.firewall.state.copy()
    veths = document.veth
    if veths:
        host.bridges_of_containers = veth.bridges_of_containers(veths, host)
    for netns_of, name in host.links_going:
        if netns_of is None:
            state.ports.pop(name, None)
    for name, kind in FILTERING.items():
        for desired in document.of(name):
            kind.lay(desired, state, host)
    if veths:
        veth.lay_cables(veths, state, host)  # after the policies of both ends' bridges
        veth.lay_neighbours(veths, state, host)
    _forget_vanished(state, host)
    state.norouter = gateway.needs_norouter(state, host)
    state.routers = gateway.routers(state, host)
    state.tunnel_ports = frozenset()
    if state.policies or state.tunnels:  # otherwise there are no containers whose packets to VTEPs are to be dropped
        state.tunnel_ports = vxlan_tunnel.udp_ports(document.vxlan_tunnel, host)
    return state


def _forget_vanished(state: State, host: Host) -> None:
    """Remove ports of namespaces deleted out of band or in this run, whose firewall elements nothing else would delete;
    and policies for names that are not bridges."""
    links = set(host.stack(None).links)
    for name in [name for name in state.policies if name in links and not host.is_known_bridge(None, name)]:
        del state.policies[name]
    if host.namespaces_going:
        links.difference_update(netns.host_ends(host, host.namespaces_going))
    held: tuple[dict[str, Any], ...] = (state.ports, state.guards, state.tunnels)
    for ports in held:
        for name in [name for name in ports if name not in links and (None, name) not in host.links_coming]:
            del ports[name]


def _heads_of_segments(document: Topology, host: Host) -> dict[str, str]:
    """Return the gateway bridge, the one with the addresses, of each bridge attached to another network's segment."""
    labels = {link.name: link.labels or {} for link in host.stack(None).links.values() if link.kind == "bridge"}
    labels.update({one.name: one.labels or {} for one in document.bridge})
    bridge_of = {held["network"]: name for name, held in labels.items() if "network" in held}
    return {name: bridge_of[held["joins"]] for name, held in labels.items() if held.get("joins", "") in bridge_of}


def _lost_answers(document: Topology, host: Host, desired: State) -> list[str]:
    """Return warnings on ports whose replies are misrouted, where the host has routing rules of its own."""
    if not (desired.nat_ports or desired.openings) or host.stack(None).is_plainly_routed:
        return []
    from ansible_collections.virtnet.linux.plugins.module_utils.engine import answers, routing  # few hosts need it

    declared = {one.name: one.labels or {} for one in document.bridge}
    names = {bridge: labels["network"] for bridge, labels in declared.items() if "network" in labels}
    return answers.warnings(desired, host, {**routing.names_of(host), **names})


def _plan(
    document: Topology, host: Host, desired: State, neighbours: endpoint_neighbours.Entries, to_filter: bool
) -> list[Action[Any]]:
    """Return all actions, in the order in which they are carried out."""
    by_kind: dict[str, list[Action[Any]]] = {kind: [] for kind in KINDS}
    for module, item in _objects(document):
        by_kind[module.KIND] += module.plan(item, host)
    by_kind[VXLAN_TUNNEL] += _tunnels_on_changed_bridges(document, by_kind, host)
    stay, go = _split(by_kind)
    filters = go[NAT_PORT] + go[BRIDGE_POLICY] + stay[BRIDGE_POLICY] + stay[NAT_PORT]
    if to_filter and not filters and not any(side[kind] for side in (stay, go) for kind in (VETH, VXLAN_TUNNEL)):
        filters = [
            Action("change", FIREWALL, "tables virtnet", {"rules": "not as they should be"}, {"rules": "restored"}, {})
        ]
    filters += go[FOREIGN_FIREWALL] + stay[FOREIGN_FIREWALL]
    rules = _rules(desired, host)
    first = endpoint_checks.squatters(host) + stay[NETNS] + stay[BRIDGE]
    first += [action for action in rules if action.verb != "delete"]
    leaving = (VXLAN_TUNNEL, INTERFACE, VETH, BRIDGE, RESOLVER, NETNS)
    last = [action for kind in leaving for action in go[kind]]
    last += stay[VETH] + endpoint_neighbours.plan(document, host, neighbours, stay[BRIDGE])
    last += stay[INTERFACE] + stay[VXLAN_TUNNEL]
    told = [*(action for action in rules if action.verb == "delete"), *by_kind[NETWORK_NAMES], *stay[RESOLVER]]
    return first + gateway.closing(desired, host) + filters + last + gateway.opening(desired, host) + told


def _rules(desired: State, host: Host) -> list[Action[Any]]:
    """Return actions for routing rules that send packets for containers to them, before other rules of the host."""
    if host.stack(None).is_plainly_routed:
        return []
    from ansible_collections.virtnet.linux.plugins.module_utils.engine import routing  # few hosts need it

    return routing.plan(desired, host)


def _apply_rules(actions: dict[str, list[Action[Any]]], host: Host) -> None:
    if actions.get(RULE):
        from ansible_collections.virtnet.linux.plugins.module_utils.engine import routing

        routing.apply(actions[RULE], host)


def _tunnels_on_changed_bridges(
    document: Topology, by_kind: dict[str, list[Action[Any]]], host: Host
) -> list[Action[Any]]:
    """Return actions for tunnels on bridges whose MAC changes: the kernel flushes their neighbour entries."""
    bridges = {(action.desired.netns, action.name) for action in by_kind[BRIDGE] if "mac" in action.after}
    have_actions = {(action.desired.netns, action.name) for action in by_kind[VXLAN_TUNNEL]}
    return [
        action
        for desired in document.vxlan_tunnel
        if (desired.netns, desired.name) not in have_actions and (desired.netns, desired.bridge) in bridges
        for action in vxlan_tunnel.renew(desired, host)
    ]


def _split(by_kind: dict[str, list[Action[Any]]]) -> tuple[dict[str, list[Action[Any]]], dict[str, list[Action[Any]]]]:
    stay = {kind: [action for action in actions if action.verb != "delete"] for kind, actions in by_kind.items()}
    go = {kind: [action for action in actions if action.verb == "delete"] for kind, actions in by_kind.items()}
    return stay, go


def _apply(
    actions: list[Action[Any]], host: Host, desired: State, neighbours: endpoint_neighbours.Entries, text: str
) -> None:
    by_kind: dict[str, list[Action[Any]]] = {}
    for action in actions:
        by_kind.setdefault(action.kind, []).append(action)
    stay, go = _split(by_kind)
    files.apply(by_kind.get(files.KIND, []))
    endpoint_checks.displace(by_kind.get(endpoint_checks.LINK, []), host)
    _make(NETNS, stay, host)
    _make(BRIDGE, stay, host)
    _apply_rules(stay, host)
    first = desired
    sysctls = by_kind.get(gateway.SYSCTL, [])
    gateway.apply([action for action in sysctls if gateway.closes(action)], host)
    if host.memory["to_forget"] or any(
        action.kind in (BRIDGE_POLICY, NAT_PORT, VETH, VXLAN_TUNNEL, FIREWALL) for action in actions
    ):
        before = host.firewall.state
        first = _before_addresses_move(before, desired)
        _apply_firewall(host, before, first, text if first == desired else firewall.transaction(host.firewall, first))
    _make(FOREIGN_FIREWALL, by_kind, host)
    _take_away(VXLAN_TUNNEL, go, host)
    _take_away(INTERFACE, go, host)
    _take_containers_away(go, host)
    _make(VETH, stay, host)
    if by_kind.keys() & {*endpoint_neighbours.FOLLOWS, endpoint_neighbours.KIND, FIREWALL}:
        endpoint_neighbours.apply(neighbours, host)
    if first != desired:
        there = firewall.Live(elements(first), ruleset.FAMILIES)
        _apply_firewall(host, first, desired, firewall.transaction(there, desired))
    _make(INTERFACE, stay, host)
    _make(VXLAN_TUNNEL, stay, host)
    if some := stay.get(NETNS):
        netns.apply_sysctls(some, host)
    opening = [action for action in sysctls if not gateway.closes(action)]
    gateway.apply(opening + by_kind.get(gateway.ROUTE, []), host)
    _apply_rules(go, host)
    with Meanwhile(lambda: _forget_flows(host)):  # in parallel: the kernel scans the whole conntrack table
        _make(NETWORK_NAMES, by_kind, host)
        _make(RESOLVER, stay, host)


def _make(kind: str, actions: dict[str, list[Action[Any]]], host: Host) -> None:
    if actions.get(kind):
        MAKING[kind].apply(actions[kind], host)


def _take_away(kind: str, actions: dict[str, list[Action[Any]]], host: Host) -> None:
    if actions.get(kind):
        LEAVING[kind].delete(actions[kind], host)


def _take_containers_away(go: dict[str, list[Action[Any]]], host: Host) -> None:
    """Delete pairs (by their first end), bridges, namespaces and their name files; other ports of a bridge stay.

    The kernel deletes links for most of that time, so the rest is done in parallel. Only handles of namespaces that
    stay, because a process or another handle holds them, are deleted afterwards: if the run were killed, the next one
    could not find the links in there without them.
    """
    leaving = go.get(NETNS, [])
    netns.send_nics_home(leaving, host)
    held = netns.held(leaving, host)
    links = [(action.desired.netns, action.name) for action in go.get(VETH, []) + go.get(BRIDGE, [])]
    links += netns.links(leaving, held, host)
    waiting = {action.name for action in held} | host.memory["handles"].keys()
    with Meanwhile(lambda: _delete_links(links, host)):
        _take_away(RESOLVER, go, host)
        netns.delete([action for action in leaving if action.name not in waiting], host)
    netns.delete([action for action in leaving if action.name in waiting], host)


def _delete_links(links: list[tuple[str | None, str]], host: Host) -> None:
    by_netns: dict[str | None, dict[str, None]] = {}
    for netns_name, name in links:
        by_netns.setdefault(netns_name, {})[name] = None
    for netns_name, names in by_netns.items():
        host.stack(netns_name).delete_links(names)


def _before_addresses_move(before: State, desired: State) -> State:
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
    for key, opening in desired.openings.items():
        if opening.address in moving and before.openings.get(key) != opening:
            del first.openings[key]
    return first


def _apply_firewall(host: Host, before: State, desired: State, text: str) -> None:
    changed = _ports_to_forget(before, desired)
    changed.update((protocol, port) for protocol, port in host.memory["to_forget"].values())
    host.memory["to_forget"].update({"%s %d" % port: port for port in changed if port[0] != "tcp"})
    host.memory["networks_to_forget"].update(dict.fromkeys(_networks_going(before, desired), True))
    host.memory["networks_to_part"].update(dict.fromkeys(_networks_parted(before, desired), True))
    host.memory.save()  # if the run is killed after the transaction, the next one deletes the flows
    firewall.apply(text)
    # after the transaction: a packet in between would recreate the old conntrack entry
    conntrack.forget(changed)
    host.memory["to_forget"].clear()


def _differing(before: dict[_Key, Any], after: dict[_Key, Any]) -> list[_Key]:
    return [key for key in set(before) | set(after) if before.get(key) != after.get(key)]


def _ports_to_forget(before: State, desired: State) -> set[tuple[str, int]]:
    """Return protocol and destination port of flows whose translation or ingress changes."""
    found = {(protocol, port) for protocol, _address, port in _differing(before.nat_ports, desired.nat_ports)}
    found.update((protocol, port) for protocol, _address, port in _differing(before.openings, desired.openings))
    for key, port in before.nat_ports.items():
        if desired.nat_ports.get(key) != port and _is_open(port, before):
            found.add((port.protocol, port.to_port))  # reached directly, without DNAT
    found.update(("udp", port) for port in desired.tunnel_ports - before.tunnel_ports)
    return found


def _is_open(port: NatPort, state: State) -> bool:
    """Return whether the container's own port is an allowed port as well (gateway mode routed)."""
    policy = state.policies.get(bridge_of(port, state.policies) or "")
    return policy is not None and policy.mode(ip.version_of(port.to_address)) == "routed"


def _networks_going(before: State, desired: State) -> set[str]:
    """Return the subnets of networks that are deleted or closed to established flows, and the addresses that endpoints
    no longer have."""
    kept = {ip.network(subnet) for policy in desired.policies.values() for subnet in policy.subnets}
    subnets = {subnet for policy in before.policies.values() for subnet in policy.subnets}
    going = {subnet for subnet in subnets if not any(ip.network(subnet).overlaps(one) for one in kept)}
    for bridge_name, policy in before.policies.items():
        if bridge_name in desired.policies and _closes(policy, desired.policies[bridge_name]):
            going.update(policy.subnets)
    for name, guard in before.guards.items():
        now = desired.guards.get(name)
        if name not in desired.ports or (now is not None and now.addresses_checked):
            going.update(guard.addresses)
    return going.difference(*(guard.addresses for guard in desired.guards.values()))


def _closes(before: Policy, after: Policy) -> bool:
    """Return whether ingress or egress of the network is reduced; established flows have to be deleted then, because
    the firewall accepts them."""
    modes = any(before.mode(version) != after.mode(version) for version in (4, 6))
    fewer = not set(before.trusted_interfaces) <= set(after.trusted_interfaces)
    return modes or fewer or (after.internal and not before.internal)


def _networks_parted(before: State, desired: State) -> set[str]:
    """Return the subnets of networks whose icc becomes false: containers may no longer reach each other."""
    parted = [name for name, policy in desired.policies.items() if not policy.icc]
    return {subnet for name in parted if name in before.policies and before.policies[name].icc
            for subnet in desired.policies[name].subnets}  # fmt: skip


def _forget_flows(host: Host) -> None:
    gone, parted = host.memory["networks_to_forget"], host.memory["networks_to_part"]
    if gone or parted:
        conntrack.forget_networks(gone, parted)
        gone.clear()
        parted.clear()
