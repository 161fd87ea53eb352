# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Permanent neighbour (ARP/ND) entries of the host's bridges: the address and MAC of each endpoint whose port has
anti-spoofing (port security).

The addresses that a port may send from (its guard) are those that the host may send to, so the entry follows the guard
whenever an endpoint is created, changed or deleted. The host sends no ARP request or neighbour solicitation for such an
address, no reply on the wire changes the entry, and permanent entries do not count against the kernel's gc_thresh3,
which all namespaces of a machine share (neigh_alloc() in net/core/neighbour.c). An endpoint without anti-spoofing may
move its addresses to another MAC, as VRRP does: the host resolves it like any other neighbour.

A bridge loses its entries when its MAC changes or it goes down; the change of the bridge adds them again.
"""

from __future__ import annotations

from collections.abc import Mapping

from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import Guard, State
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Bridge, Netns, Topology, Veth
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import neighbours
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.neighbours import Neighbour
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import is_link_local

KIND = "neighbour"
FOLLOWS = (Netns.KIND, Bridge.KIND, Veth.KIND)  # the kinds that create, change and delete endpoints and gateways

Versions = set[bool]  # IP versions: True for IPv6, False for IPv4
Entries = dict[str, set[Neighbour]]


def desired(document: Topology, host: Host, state: State) -> Entries:
    """Return the desired neighbour entries after the run, by bridge."""
    return _entries(state.guards, host, _gateways_to_be(document, host))


def plan(document: Topology, host: Host, after: Entries, actions: list[Action[Bridge]]) -> list[Action[None]]:
    """Return one action for each bridge whose neighbour entries differ from the desired ones for a reason that no other
    action covers: deleted or changed out of band, or left by a run that was killed."""
    if not any(map(document.of, FOLLOWS)):
        return []
    stack = host.stack(None)
    before = _entries(host.firewall.state.guards, host, _Gateways(host, {}))
    renewed = {action.name for action in actions if action.kind == Bridge.KIND and action.desired.netns is None}
    links = [stack.link_at(index) for index in neighbours.links_with_permanent(stack)]
    names = dict.fromkeys([*sorted(before), *sorted(link.name for link in links if link is not None)])
    found = []
    for name in names:
        link = stack.links.get(name)
        if link is None or name in renewed:
            continue
        were, should, was = neighbours.permanent(stack, link.index), after.get(name, set()), before.get(name, set())
        lacking = (should & was) - were.endpoints - were.others
        stale = were.endpoints - should - was
        if lacking or stale:
            change = {"neighbours": _words(stale)}, {"neighbours": _words(lacking)}
            found.append(Action(Phase.NEIGHBOURS, "change", KIND, name, *change, None))
    return found


def apply(after: Entries, host: Host) -> None:
    """Bring the neighbour entries of all bridges to the desired state."""
    stack = host.stack(None)
    stack.raw_neighbours = None
    indices = {link.index: name for name in after for link in [stack.lookup(name)] if link is not None}
    requests = []
    for index in dict.fromkeys([*indices, *neighbours.links_with_permanent(stack)]):
        name = indices.get(index)
        entries = set() if name is None else after[name]
        about = f"neighbour entries of {name or f'link {index}'}"
        requests += neighbours.endpoint_requests(neighbours.permanent(stack, index), entries, index, about)
    stack.send(requests)
    stack.raw_neighbours = None


class _Gateways:
    """The IP versions of the host's addresses on its bridges: observed, except for the declared bridges."""

    def __init__(self, host: Host, declared: dict[str, Versions]) -> None:
        self._host, self._known = host, dict(declared)

    def versions(self, bridge: str) -> Versions:
        """Return the IP versions of one bridge."""
        if bridge not in self._known:
            stack = self._host.stack(None)
            link = stack.links.get(bridge)
            held = stack.addresses_of(link.index) if link is not None and link.up else []
            self._known[bridge] = {":" in address for address in held if not is_link_local(address)}
        return self._known[bridge]


def _gateways_to_be(document: Topology, host: Host) -> _Gateways:
    declared: dict[str, Versions] = {}
    for one in document.bridge:
        if one.netns is None and not one.is_present:
            declared[one.name] = set()
        elif one.netns is None and one.addresses is not None:
            declared[one.name] = {":" in address for address in one.addresses} if one.up else set()
    return _Gateways(host, declared)


def _entries(guards: Mapping[str, Guard], host: Host, gateways: _Gateways) -> Entries:
    """Return, by bridge, the neighbour entries of the guards' addresses, where the host has an address of the same IP
    version on the bridge. Of bridges connected by patch links the gateway bridge gets the entries of all."""
    by_bridge: dict[str, dict[str, str]] = {}
    for _port, guard in sorted(guards.items()):
        bridge = host.gateway_bridges.get(guard.bridge, guard.bridge)
        versions = gateways.versions(bridge)
        if versions:
            of_bridge = by_bridge.setdefault(bridge, {})
            of_bridge.update((address, guard.mac) for address in guard.addresses if (":" in address) in versions)
    return {bridge: set(found.items()) for bridge, found in by_bridge.items()}


def _words(entries: set[Neighbour]) -> list[str]:
    return [f"{address} lladdr {mac}" for address, mac in sorted(entries)]
