# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's own routing rules and routes that affect packets for containers.

A foreign rule that looks up another table before the main one (a VPN's exit node, a table for each uplink) diverts
packets for containers, since the networks' routes are in the main table. So a run adds a rule before it, `to SUBNET
lookup main`. It does so only where there is such a rule: with the first one beyond the kernel's own, every route
look-up walks the rules (fib_has_custom_rules in net/ipv4/fib_rules.c). Once added it stays as long as the network does,
since VPNs come and go.
"""

from __future__ import annotations

import errno
import itertools
from collections.abc import Iterable, Iterator

from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import State
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages, rpdb
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.link import Link
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.rpdb import Rule, TableRoute, Way
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import Request
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import Stack, is_link_local
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip

KIND = "rule"
_REMEDY = "take that route away, or give the network another subnet"


class View:
    """The routing of one IP version without the rules of this collection."""

    def __init__(self, stack: Stack, version: int) -> None:
        self.stack, self.version = stack, version
        self.rules = [rule for rule in stack.rules if rule.version == version and not rule.is_ours]

    def table(self, table: int) -> list[TableRoute]:
        """Return the routes of a table."""
        return [route for route in self.stack.table(table) if route.to.version == self.version]

    def diverting(self, subnet: str) -> Rule | None:
        """Return the first rule that diverts packets for the subnet."""
        return rpdb.diverting(self.rules, ip.network(subnet), self.table)

    def egress_route(self, source: str, iif: str) -> Way | None:
        """Return the egress of packets from an address or subnet to far addresses, with that ingress interface (for the
        host's own packets: lo)."""
        return rpdb.egress_route(self.rules, source, iif, self._defaults)

    def is_marked(self, index: int) -> bool:
        """Return whether a rule for a packet mark looks up a table whose default route is by that link."""
        found = [rule for rule in self.rules if rule.fwmark is not None and rule.action == "lookup"]
        return any(index in (rpdb.default(self._defaults(one.table), one.suppress_prefixlength) or ()) for one in found)

    def default_links(self) -> set[int]:
        """Return the links of the main table's default routes, of any metric."""
        routes = self._defaults(messages.RT_TABLE_MAIN)
        return {index for route in routes if route.to.prefixlen == 0 for index in route.indices}

    def _defaults(self, table: int) -> list[TableRoute]:
        """Return a table's routes; of the main table, which may have a million, only those of length 0 and 1."""
        if table != messages.RT_TABLE_MAIN:
            return self.table(table)
        wide = [one for one in self.stack.routes if one.to.endswith(("/0", "/1"))]
        wide = [one for one in wide if ip.version_of(one.to) == self.version]
        several = itertools.groupby(wide, lambda one: (one.to, one.metric, None if one.shared else id(one)))
        return [
            TableRoute(ip.network(key[0]), "unicast", tuple(one.index for one in ways if one.index is not None))
            for key, ways in several
        ]


def plan(state: State, host: Host) -> list[Action[str]]:
    """Return actions for rules to be added, moved before others added since, or deleted with their networks."""
    stack = host.stack(None)
    ours = [rule for rule in stack.rules if rule.is_ours]
    views = {version: View(stack, version) for version in (4, 6)}
    needed, actions = subnets(state), []
    for subnet in needed:
        first = _first(views[ip.version_of(subnet)], subnet)
        held = [rule for rule in ours if rule.to == subnet]
        kept = next((rule for rule in held if first is None or _precedes(stack, rule, first)), None)
        if kept is None and first is not None:
            kept = held[0] if held else None
            actions.append(_action(subnet, kept, first.preference - 1))
        actions += [_action(subnet, rule, None) for rule in held if rule is not kept]
    return actions + [_action(rule.to, rule, None) for rule in ours if rule.to and rule.to not in needed]


def apply(actions: Iterable[Action[str]], host: Host) -> None:
    """Add, move and delete rules."""
    requests = []
    for action in actions:
        subnet, about = action.desired, f"{KIND} {action.name}"
        if action.after:
            made = messages.add_rule(subnet, action.after["preference"], rpdb.PROTOCOL)
            requests.append(Request(made, about, (errno.EEXIST,)))
        if action.before:
            gone = messages.delete_rule(subnet, action.before["preference"], rpdb.PROTOCOL)
            requests.append(Request(gone, about, (errno.ENOENT,)))
    host.stack(None).send(requests)


def subnets(state: State) -> dict[str, str]:
    """Return the bridge of each subnet that the host routes to: not those of isolated networks."""
    return {
        subnet: policy.bridge
        for policy in state.policies.values()
        for subnet in policy.subnets
        if policy.mode(ip.version_of(subnet)) != "isolated"
    }


def names_of(host: Host) -> dict[str, str]:
    """Return the networks' names, by bridge."""
    named = {link.name: link.labels or {} for link in host.stack(None).links.values() if link.ours}
    return {bridge: labels["network"] for bridge, labels in named.items() if "network" in labels}


def conflicts(host: Host) -> list[str]:
    """Return a message for each route or rule that diverts addresses of a network or duplicates its route."""
    stack, names = host.stack(None), names_of(host)
    existing = {
        ip.network(subnet): stack.links[bridge]
        for subnet, bridge in subnets(host.firewall.state).items()
        if bridge in stack.links
    }
    found = list(_routes_before(stack, existing, names))
    views = {version: View(stack, version) for version in (4, 6)}
    for subnet, link in existing.items():
        about = f"network {names.get(link.name, link.name)}: "
        found += [about + fact for fact in _rules_before(views[subnet.version], subnet)]
    return list(dict.fromkeys(found))


def missing_rules(host: Host) -> list[str]:
    """Return a message for each rule of this collection that is missing, or that a rule added since precedes."""
    stack, names, state = host.stack(None), names_of(host), host.firewall.state
    bridges = subnets(state)
    needed = [action for action in plan(state, host) if action.after]
    views = {version: View(stack, version) for version in (4, 6)} if needed else {}
    found = []
    for action in needed:
        bridge, first = bridges[action.desired], _first(views[ip.version_of(action.desired)], action.desired)
        found.append(
            f"network {names.get(bridge, bridge)}: {first} diverts packets for {action.desired}, and no rule "
            f"`{action.name}` precedes it; run the playbook that made the network, or `virtnet restore`"
        )
    return found


def without_egress(host: Host) -> list[str]:
    """Return a message for each network whose packets cannot leave the host, because its only uplinks are in VRFs:
    packets of a VRF's interfaces are looked up in its own table, which has no route to a network."""
    stack = host.stack(None)
    vrfs = {link.index: link.name for link in stack.of_kind("vrf")}
    held = set()
    for link in stack.links.values() if vrfs else ():
        if link.master in vrfs and not all(map(is_link_local, stack.addresses_of(link.index))):
            held.add(vrfs[link.master])
    own = {link.index for link in stack.links.values() if link.ours or link.name == "lo"}
    if not held or any(route.index not in own for route in stack.routes if route.index is not None):
        return []
    names = names_of(host)
    return [
        f"network {names.get(policy.bridge, policy.bridge)}: the host's only uplinks are in the VRF "
        f"{', '.join(sorted(held))}, where no network's packets get in or out; take them out of it"
        for policy in host.firewall.state.policies.values()
        if not policy.internal and policy.bridge in stack.links
    ]


def _first(view: View, subnet: str) -> Rule | None:
    """Return the rule that one of ours has to precede."""
    found = view.diverting(subnet)
    return found if found is not None and rpdb.can_be_preceded(found, view.rules) else None


def _precedes(stack: Stack, rule: Rule, other: Rule) -> bool:
    return stack.rules.index(rule) < stack.rules.index(other)


def _action(subnet: str, before: Rule | None, after: int | None) -> Action[str]:
    verb = "create" if before is None else "delete" if after is None else "change"
    was = {} if before is None else {"preference": before.preference}
    to_be = {} if after is None else {"preference": after}
    phase = Phase.DELETE_ROUTING_RULES if verb == "delete" else Phase.ROUTING_RULES
    return Action(phase, verb, KIND, f"to {subnet} lookup main", was, to_be, subnet)


def _routes_before(stack: Stack, existing: dict[ip.Network, Link], names: dict[str, str]) -> Iterator[str]:
    """Yield messages on routes of the main table to a part of a network's subnet, or to all of it that precede the
    network's own."""
    lengths = {version: {one.prefixlen for one in existing if one.version == version} for version in (4, 6)}
    connected = set()
    others = [(to, index, kind) for to, index, kind, table in stack.other_routes() if table == messages.RT_TABLE_MAIN]
    for to, index, kind in [(route.to, route.index, "unicast") for route in stack.routes] + others:
        own = int(to.partition("/")[2])
        wider = [ip.network(to).supernet(new_prefix=one) for one in lengths[ip.version_of(to)] if one <= own]
        for subnet in [one for one in wider if one in existing]:
            link = existing[subnet]
            if index == link.index:
                connected.add(to)
            elif to != str(subnet) or to not in connected:
                shown = _route(stack, to, kind, index)
                yield (
                    f"network {names.get(link.name, link.name)}: the host's {shown} goes before the network's own "
                    f"({subnet} by {link.name}), so nothing from this host or from published ports reaches containers "
                    f"there; {_REMEDY}"
                )


def _rules_before(view: View, subnet: ip.Network) -> Iterator[str]:
    first = view.diverting(str(subnet))
    if first is not None and not rpdb.can_be_preceded(first, view.rules):
        yield (
            f"{first} takes what is for {subnet} elsewhere, and no rule can be put before it and behind "
            "`lookup local`; give it a greater preference"
        )
    for rule in rpdb.before_main(view.rules, subnet):
        if rule.action in rpdb.BLOCKING and rule.must_match(subnet):
            yield f"{rule} drops what is for {subnet}; take that rule away, or give the network another subnet"
        for route in view.table(rule.table) if rule.action == "lookup" else []:
            is_asked = route.type != "throw" and route.to.prefixlen > rule.suppress_prefixlength
            if is_asked and rpdb.lies_in(route.to, subnet):
                shown = _route(view.stack, str(route.to), route.type, next(iter(route.indices), None))
                yield (
                    f"the host's {shown} in table {rule.table}, which {rule} looks up, is for addresses of the network "
                    f"({subnet}): this host reaches containers there, and nothing that the route leads to; {_REMEDY}"
                )


def _route(stack: Stack, to: str, kind: str, index: int | None) -> str:
    link = stack.link_at(index)
    if kind == "unicast":
        return f"route to {to} by {'no device' if link is None else link.name}"
    return f"{kind} route to {to}"
