# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Segments: networks whose bridges are joined by cables, and which of them has the subnet and the gateway.

A network that is connected to others and has no subnet of its own joins theirs: one subnet, one gateway, one policy.
The host speaks on one bridge of a segment only, the one of the network that has the subnet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.virtnet.linux.plugins.module_utils.rules import names
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.declaration import Network
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.problems import Problems, enumerate_names
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.scope import Scope


@dataclass(frozen=True)
class Cable:
    """A cable between two networks' bridges; `declared` by the one, who plugs it into the other."""

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
        """The names of both its ends."""
        return [names.cable_device(self.declared, self.other), names.cable_device(self.other, self.declared)]


def settle_segments(scope: Scope, problems: Problems) -> None:
    """Find out which networks join which, and give those that join the others' settings; their subnets come later."""
    for network in scope.networks.values():
        _check_connect(scope, network, problems)
    standing = {network.name: network.joins for network in scope.networks.values() if network.joins is not None}
    for segment in _segments(scope):
        _settle_segment(segment, problems)
        _check_internal(segment, problems)
    for network in scope.networks.values():
        _check_labels(network, problems)
    _check_rings(scope, problems)
    _check_standing(scope, standing, problems)


def share_subnets(scope: Scope) -> None:
    """Give the networks that join another its subnets, once these are settled."""
    for network in scope.networks.values():
        if network.joins in scope.networks:
            network.head = scope.networks[network.joins]
            network.subnets, network.sound = network.head.subnets, network.sound and network.head.sound


def followers(scope: Scope) -> list[Network]:
    """The networks that no list names and whose segment's policy a list says: they follow it."""
    return [
        network
        for network in scope.networks.values()
        if not network.declared
        and network.head is not None
        and network.head.declared
        and network.bridge in scope.live.stp
    ]


def cables(scope: Scope) -> list[Cable]:
    """The cables that are there after the run."""
    found: dict[frozenset[str], Cable] = {}
    for network in scope.networks.values():
        for other in network.connect:
            if other in scope.networks:
                cable = Cable(network.name, other)
                found.setdefault(cable.pair, cable)
    for cable in _live_cables(scope):
        owner = scope.networks.get(cable.declared)
        # one that a network plugged in which no list names stays as it is
        if owner is not None and not owner.declared and cable.other in scope.networks:
            found.setdefault(cable.pair, cable)
    return list(found.values())


def planned_cables(scope: Scope) -> list[tuple[Network, Network, Cable]]:
    """The cables that this run's lists plug in: the end nearer to the gateway, the other, and the cable.

    What comes by a cable to the bridge of the first end is treated as a container's there, which is what icc: false
    needs: containers beyond the cable do not reach those on the bridge, and still the gateway.
    """
    distance = _distances(scope)
    found = []
    for cable in cables(scope):
        joined = [scope.networks[name] for name in (cable.declared, cable.other)]
        ends = sorted(joined, key=lambda one: distance[one.name])
        if scope.networks[cable.declared].declared:
            found.append((ends[0], ends[1], cable))
    return found


def cables_that_go(scope: Scope) -> list[str]:
    """One end's name for each live cable that is not there any more after the run."""
    staying = {cable.pair for cable in cables(scope)}
    return sorted(min(cable.devices) for cable in _live_cables(scope) if cable.pair not in staying)


def _live_cables(scope: Scope) -> list[Cable]:
    labels = {one.cable for one in scope.live.interfaces.values() if one.cable and one.role == scope.role}
    return [Cable(*label.split("/", 1)) for label in sorted(labels) if "/" in label]


def _check_connect(scope: Scope, network: Network, problems: Problems) -> None:
    for other, number in network.connect.items():
        owner = scope.live.roles.get(other)
        if other in scope.leaving_networks:
            rule = "is removed in the same run; keep it, or leave it out here"
        elif other not in scope.networks:
            rule = f"is unknown: no network in {scope.role}_networks and none that is live"
        elif owner not in (None, scope.role):
            rule = f"the role {owner} made it; networks of one role are connected with each other"
        else:
            continue
        problems.refuse(str(network), f"connect[{number}]", other, rule)


def _segments(scope: Scope) -> list[list[Network]]:
    """Networks that are connected, each segment in declared order, without those that are on their own."""
    near = _neighbours(cable.pair for cable in cables(scope))
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
    heads = [network for network in segment if network.name not in others]
    if not heads:
        heads = [joining.pop(0)]  # all are connected to each other: the first that is declared gets the subnet
        heads[0].joins = None
    for network in joining:
        if len(heads) > 1 and network.declared:
            owners = enumerate_names([one.name for one in heads])
            rule = f"its segment has several subnets, those of {owners}; give it one of its own"
            problems.refuse(str(network), "subnet", None, rule)
            network.sound = False
            continue
        head = next((one for one in heads if one.name == network.joins), heads[0])
        network.joins = head.name
        if network.declared or head.declared:
            _take_over(network, head, problems)


def _take_over(network: Network, head: Network, problems: Problems) -> None:
    """One segment, one policy."""
    for word in network.said:
        rule = f"is said for the whole segment, by network {head.name}, whose subnet this one joins; say it there"
        problems.refuse(str(network), word, network.said[word], rule)
    network.subnets = {}
    network.mtu, network.internal, network.icc, network.masquerade = head.mtu, head.internal, head.icc, head.masquerade
    network.crossing = head.crossing


def _check_internal(segment: list[Network], problems: Problems) -> None:
    """Whoever is on a segment can use every gateway on it: all of its containers have a way out, or none has."""
    heads = [network for network in segment if network.joins is None]
    closed = [network for network in heads if network.internal]
    opened = [network for network in heads if not network.internal]
    if not closed or not opened:
        return
    outside, inside = (enumerate_names([network.name for network in some]) for some in (opened, closed))
    for network in closed:
        if network.declared:
            rule = f"a cable joins it with {outside}, by whose gateway its containers would get out"
            deed = "say internal: true there too, or leave the cable out"
            problems.refuse(str(network), "internal", True, f"{rule}; {deed}")
    for network in opened:
        if network.declared and not any(one.declared for one in closed):
            rule = f"a cable joins it with {inside}, which is internal and whose containers would get out by it"
            problems.refuse(str(network), "internal", False, f"{rule}; say true, or leave the cable out")


def _check_labels(network: Network, problems: Problems) -> None:
    """The bridge of one that joins another says so by a label of its own."""
    if network.declared and network.joins is not None and names.labels_fit(network.labels):
        wrong = names.labels_problem(network.labels, {"joins": network.joins})
        if wrong is not None:
            problems.refuse(str(network), "labels", network.labels, wrong)


def _check_rings(scope: Scope, problems: Problems) -> None:
    """A broadcast circles for ever in a ring of bridges that do not speak the spanning tree protocol."""
    ring = _on_a_ring([cable.pair for cable in cables(scope)])
    who = enumerate_names(sorted(ring))
    for name in ring:
        network = scope.networks[name]
        stp = network.stp if network.declared else scope.live.stp.get(network.bridge)
        if network.declared and not stp:
            rule = f"is on a ring of switches ({who}), in which a broadcast would circle for ever; say true on each"
            problems.refuse(str(network), "stp", network.stp, rule)
        if network.declared and not network.icc and network.joins is None:
            rule = f"a ring of switches ({who}) cannot keep its containers apart; leave a cable out, or say true"
            problems.refuse(str(network), "icc", False, rule)


def _check_standing(scope: Scope, before: dict[str, str], problems: Problems) -> None:
    """A network that no list names keeps the one that has its subnet, and the way there."""
    there = {network.name: n for n, segment in enumerate(_segments(scope)) for network in segment}
    left: dict[tuple[str, str], list[str]] = {}  # by what is in the way, a network and its field
    for name, head in before.items():
        if head in scope.leaving_networks:
            left.setdefault((head, "state"), []).append(name)
        elif head not in scope.networks:
            continue  # somebody has deleted it by hand
        elif scope.networks[head].joins is not None:
            left.setdefault((head, "connect"), []).append(name)
        elif name not in there or there[name] != there.get(head):
            for blamed in sorted(_who_cuts(scope, name, head)):
                left.setdefault(blamed, []).append(name)
    for (culprit, field), names_left in left.items():
        who = enumerate_names(names_left) + (" has its subnet" if len(names_left) == 1 else " have their subnet")
        way = "it" if culprit in before.values() else f"{before[names_left[0]]} by way of it"
        given: object = "absent" if field == "state" else list(scope.networks[culprit].connect) or None
        deed = "remove it too, or give it a subnet" if field == "state" else "declare it too, or leave this as it was"
        problems.refuse(f"network {culprit}", field, given, f"{who} from {way}; {deed}")


def _who_cuts(scope: Scope, name: str, head: str) -> set[tuple[str, str]]:
    """The networks, with the field, whose cables go with this run and were the way; none where others had cut it."""
    live, staying = _live_cables(scope), {cable.pair for cable in cables(scope)}
    segment = _reached(_neighbours(cable.pair for cable in live), name)
    if head not in segment:
        return set()
    found = set()
    for cable in live:
        if cable.declared in segment and cable.pair not in staying:
            leaving = [end for end in (cable.declared, cable.other) if end in scope.leaving_networks]
            found |= {(end, "state") for end in leaving} or {(cable.declared, "connect")}
    return {(name, field) for name, field in found if field == "state" or name in scope.networks}


def _on_a_ring(pairs: list[frozenset[str]]) -> list[str]:
    """The nodes that are left when all that hang on one cable only are taken away, again and again."""
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
    """All that hangs together with one, itself included."""
    found = {name}
    queue = deque([name])
    while queue:
        for other in near.get(queue.popleft(), set()) - found:
            found.add(other)
            queue.append(other)
    return found


def _distances(scope: Scope) -> dict[str, int]:
    """How many cables each network is away from the one that has its gateway."""
    near = _neighbours(cable.pair for cable in cables(scope))
    found = {name: 0 for name, network in scope.networks.items() if network.joins is None}
    queue = deque(found)
    while queue:
        name = queue.popleft()
        for other in sorted(near.get(name, set())):
            if other not in found:
                found[other] = found[name] + 1
                queue.append(other)
    return found
