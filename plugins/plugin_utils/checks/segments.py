# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Segments: networks whose bridges are connected by patch links, and the gateway bridge of each segment.

A network that is connected to others and has no subnet of its own joins theirs: one subnet, one gateway, one network
policy. The host is attached to a segment by one bridge only, the gateway bridge: that of the network with the subnet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.virtnet.linux.plugins.module_utils.rules import names
from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems, enumerate_names
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.spec import Network
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.scope import Scope


@dataclass(frozen=True)
class PatchLink:
    """A patch link (inter-bridge veth) between two networks' bridges; the network `declared` declares it."""

    declared: str
    other: str

    @property
    def pair(self) -> frozenset[str]:
        return frozenset((self.declared, self.other))

    @property
    def label(self) -> str:
        return f"{self.declared}/{self.other}"

    @property
    def devices(self) -> list[str]:
        """The interface names of both ends."""
        return [names.patch_device(self.declared, self.other), names.patch_device(self.other, self.declared)]


def settle_segments(scope: Scope, problems: Problems) -> None:
    """Settle which networks join which; apply the segment's settings to those that join (subnets: share_subnets())."""
    for network in scope.networks.values():
        _check_connect(scope, network, problems)
    undeclared = {network.name: network.joins for network in scope.networks.values() if network.joins is not None}
    for segment in _segments(scope):
        _settle_segment(segment, problems)
        _check_internal(segment, problems)
    for network in scope.networks.values():
        _check_labels(network, problems)
    _check_rings(scope, problems)
    _check_undeclared(scope, undeclared, problems)


def share_subnets(scope: Scope) -> None:
    """Apply the subnets of a segment to the networks that join it, once they are settled."""
    for network in scope.networks.values():
        if network.joins in scope.networks:
            network.primary = scope.networks[network.joins]
            network.subnets, network.is_valid = network.primary.subnets, network.is_valid and network.primary.is_valid


def followers(scope: Scope) -> list[Network]:
    """The undeclared networks whose segment is declared: they get its network policy."""
    return [
        network
        for network in scope.networks.values()
        if not network.declared
        and network.primary is not None
        and network.primary.declared
        and network.bridge in scope.live.stp
    ]


def patch_links(scope: Scope) -> list[PatchLink]:
    """The desired patch links, with the undeclared ones that are kept."""
    found: dict[frozenset[str], PatchLink] = {}
    for network in scope.networks.values():
        for other in network.connect:
            if other in scope.networks:
                patch_link = PatchLink(network.name, other)
                found.setdefault(patch_link.pair, patch_link)
    for patch_link in _live_patch_links(scope):
        owner = scope.networks.get(patch_link.declared)
        # the patch link of an undeclared network is kept
        if owner is not None and not owner.declared and patch_link.other in scope.networks:
            found.setdefault(patch_link.pair, patch_link)
    return list(found.values())


def planned_patch_links(scope: Scope) -> list[tuple[Network, Network, PatchLink]]:
    """The declared patch links: the end nearer to the gateway, the other, and the link.

    The port of a patch link on the bridge of the first end is isolated as a container's port is. With icc: false,
    containers behind the link then reach the gateway, but not the containers on that bridge.
    """
    distance = _distances(scope)
    found = []
    for patch_link in patch_links(scope):
        joined = [scope.networks[name] for name in (patch_link.declared, patch_link.other)]
        ends = sorted(joined, key=lambda one: distance[one.name])
        if scope.networks[patch_link.declared].declared:
            found.append((ends[0], ends[1], patch_link))
    return found


def patch_links_to_delete(scope: Scope) -> list[str]:
    """The name of one end of each observed patch link to delete."""
    staying = {patch_link.pair for patch_link in patch_links(scope)}
    return sorted(min(patch_link.devices) for patch_link in _live_patch_links(scope) if patch_link.pair not in staying)


def _live_patch_links(scope: Scope) -> list[PatchLink]:
    labels = {one.patch_link for one in scope.live.interfaces.values() if one.patch_link and one.role == scope.role}
    return [PatchLink(*label.split("/", 1)) for label in sorted(labels) if "/" in label]


def _check_connect(scope: Scope, network: Network, problems: Problems) -> None:
    for other, number in network.connect.items():
        owner = scope.live.roles.get(other)
        if other in scope.networks_to_delete:
            rule = "is removed in the same run; keep it, or leave it out here"
        elif other not in scope.networks:
            rule = f"is unknown: no network in {scope.role}_networks and none that exists"
            rule += problems.near(other, scope.networks)
        elif owner not in (None, scope.role):
            rule = f"the role {owner} made it; networks of one role are connected with each other"
        else:
            continue
        problems.refuse(str(network), f"connect[{number}]", other, rule)


def _segments(scope: Scope) -> list[list[Network]]:
    """The connected networks, by segment in declared order, without networks that have no patch link."""
    near = _neighbours(patch_link.pair for patch_link in patch_links(scope))
    seen: set[str] = set()
    found = []
    for name in scope.networks:
        if name in seen or name not in near:
            continue
        members = _reached(near, name)
        seen |= members
        found.append([network for network in scope.networks.values() if network.name in members])
    return found


def _settle_segment(segment: list[Network], problems: Problems) -> None:
    joining = [network for network in segment if (network.connect and network.automatic) or not network.declared]
    joining = [network for network in joining if network.declared or network.joins is not None]
    others = {network.name for network in joining}
    primaries = [network for network in segment if network.name not in others]
    if not primaries:
        primaries = [joining.pop(0)]  # no member has a subnet: the first declared one gets it
        primaries[0].joins = None
    for network in joining:
        if len(primaries) > 1 and network.declared:
            owners = enumerate_names([one.name for one in primaries])
            rule = f"its segment has several subnets, those of {owners}; give it one of its own"
            problems.refuse(str(network), "subnet", None, rule)
            network.is_valid = False
            continue
        primary = next((one for one in primaries if one.name == network.joins), primaries[0])
        network.joins = primary.name
        if network.declared or primary.declared:
            _take_over(network, primary, problems)


def _take_over(network: Network, primary: Network, problems: Problems) -> None:
    """Apply the settings of the segment's primary network; refuse fields of the segment in another network."""
    for word in network.segment_options:
        rule = f"applies to the whole segment and belongs to network {primary.name}, which has its subnet; set it there"
        problems.refuse(str(network), word, network.segment_options[word], rule)
    network.subnets = {}
    network.mtu, network.internal, network.icc, network.masquerade = (
        primary.mtu,
        primary.internal,
        primary.icc,
        primary.masquerade,
    )
    network.policy = primary.policy


def _check_internal(segment: list[Network], problems: Problems) -> None:
    """Refuse a segment of internal and other networks: its containers can use every gateway on it for egress."""
    primaries = [network for network in segment if network.joins is None]
    closed = [network for network in primaries if network.internal]
    opened = [network for network in primaries if not network.internal]
    if not closed or not opened:
        return
    outside, inside = (enumerate_names([network.name for network in some]) for some in (opened, closed))
    for network in closed:
        if network.declared:
            rule = f"a patch link connects it with {outside}, by whose gateway its containers would have egress"
            remedy = "set internal: true there too, or remove the patch link"
            problems.refuse(str(network), "internal", True, f"{rule}; {remedy}")
    for network in opened:
        if network.declared and not any(one.declared for one in closed):
            rule = f"a patch link connects it with {inside}, which is internal; its containers would have egress by it"
            problems.refuse(str(network), "internal", False, f"{rule}; set true, or remove the patch link")


def _check_labels(network: Network, problems: Problems) -> None:
    """Refuse labels that leave no room for the label `joins` in the alias of the bridge."""
    if network.declared and network.joins is not None and names.labels_fit(network.labels):
        wrong = names.labels_problem(network.labels, {"joins": network.joins})
        if wrong is not None:
            problems.refuse(str(network), "labels", network.labels, wrong)


def _check_rings(scope: Scope, problems: Problems) -> None:
    """Refuse a ring of bridges without the spanning tree protocol, in which broadcasts loop forever."""
    ring = _on_a_ring([patch_link.pair for patch_link in patch_links(scope)])
    who = enumerate_names(sorted(ring))
    for name in ring:
        network = scope.networks[name]
        stp = network.stp if network.declared else scope.live.stp.get(network.bridge)
        if network.declared and not stp:
            rule = f"is on a ring of switches ({who}), in which a broadcast would circle for ever; set true on each"
            problems.refuse(str(network), "stp", network.stp, rule)
        if network.declared and not network.icc and network.joins is None:
            rule = f"a ring of switches ({who}) cannot keep its containers apart; remove a patch link, or set true"
            problems.refuse(str(network), "icc", False, rule)


def _check_undeclared(scope: Scope, before: dict[str, str], problems: Problems) -> None:
    """Refuse changes that disconnect an undeclared network from the network that has its subnet."""
    there = {network.name: n for n, segment in enumerate(_segments(scope)) for network in segment}
    left: dict[tuple[str, str], list[str]] = {}  # by conflicting network and field
    for name, primary in before.items():
        if primary in scope.networks_to_delete:
            left.setdefault((primary, "state"), []).append(name)
        elif primary not in scope.networks:
            continue  # deleted out of band
        elif scope.networks[primary].joins is not None:
            left.setdefault((primary, "connect"), []).append(name)
        elif name not in there or there[name] != there.get(primary):
            for blamed in sorted(_who_cuts(scope, name, primary)):
                left.setdefault(blamed, []).append(name)
    for (culprit, field), names_left in left.items():
        who = enumerate_names(names_left) + (" has its subnet" if len(names_left) == 1 else " have their subnet")
        way = "it" if culprit in before.values() else f"{before[names_left[0]]} by way of it"
        given: object = "absent" if field == "state" else list(scope.networks[culprit].connect) or None
        remedy = "remove it too, or give it a subnet" if field == "state" else "declare it too, or leave this as it was"
        problems.refuse(f"network {culprit}", field, given, f"{who} from {way}; {remedy}")


def _who_cuts(scope: Scope, name: str, primary: str) -> set[tuple[str, str]]:
    """The networks, with the field, whose deleted patch links connected the two; empty if they were not connected."""
    live, staying = _live_patch_links(scope), {patch_link.pair for patch_link in patch_links(scope)}
    segment = _reached(_neighbours(patch_link.pair for patch_link in live), name)
    if primary not in segment:
        return set()
    found = set()
    for patch_link in live:
        if patch_link.declared in segment and patch_link.pair not in staying:
            containers_to_delete = [
                end for end in (patch_link.declared, patch_link.other) if end in scope.networks_to_delete
            ]
            found |= {(end, "state") for end in containers_to_delete} or {(patch_link.declared, "connect")}
    return {(name, field) for name, field in found if field == "state" or name in scope.networks}


def _on_a_ring(pairs: list[frozenset[str]]) -> list[str]:
    """The nodes that remain when nodes with a single link are removed repeatedly (the 2-core of the graph)."""
    near = _neighbours(pairs)
    ends = deque(name for name, others in near.items() if len(others) == 1)
    while ends:
        name = ends.popleft()
        for other in near.pop(name, set()):
            near[other].discard(name)
            if len(near[other]) == 1:
                ends.append(other)
    return sorted(name for name, others in near.items() if others)


def _neighbours(pairs: Iterable[frozenset[str]]) -> dict[str, set[str]]:
    near: dict[str, set[str]] = {}
    for pair in pairs:
        for name in pair:
            near.setdefault(name, set()).update(pair - {name})
    return near


def _reached(near: dict[str, set[str]], name: str) -> set[str]:
    """The nodes connected with a node, itself included."""
    found = {name}
    queue = deque([name])
    while queue:
        for other in near.get(queue.popleft(), set()) - found:
            found.add(other)
            queue.append(other)
    return found


def _distances(scope: Scope) -> dict[str, int]:
    """The number of patch links from each network to the gateway bridge of its segment."""
    near = _neighbours(patch_link.pair for patch_link in patch_links(scope))
    found = {name: 0 for name, network in scope.networks.items() if network.joins is None}
    queue = deque(found)
    while queue:
        name = queue.popleft()
        for other in sorted(near.get(name, set())):
            if other not in found:
                found[other] = found[name] + 1
                queue.append(other)
    return found
