# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Merge the objects of a run into the persisted desired state, and divide that by network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import (
    OBJECTS,
    Bridge,
    Desired,
    Netns,
    Resolver,
    Topology,
    Veth,
)
from ansible_collections.virtnet.linux.plugins.module_utils.rules import names


def merged(old: Topology, new: Topology) -> Topology:
    """Return the document to be persisted: the new objects, and the old ones that the new ones do not replace."""
    found = Topology()
    for kind in OBJECTS:
        given = new.of(kind)
        keys = {key for one in given for key in one.keys()}
        kept = [rest for one in old.of(kind) for rest in one.without(keys)]
        lasting = [one for one in given if one.is_present and not (isinstance(one, Netns) and one.pid)]
        found.of(kind).extend(sorted(kept + lasting, key=lambda one: str(one.keys())))
    found.resolver = _grouped(found.resolver)
    gone = {one.name for one in new.netns if not one.is_present}
    found.veth = [one for one in found.veth if not gone & set(one.namespaces())]
    found.interface = [one for one in found.interface if not gone & set(one.namespaces())]
    # the endpoints of these ports are deleted
    lost = _addresses(old) - _addresses(found)
    found.nat_port = [one for one in found.nat_port if one.to_address not in lost]
    return found


def once(document: Topology) -> Topology:
    """Return each object once: a namespace is in several files."""
    found = Topology()
    for kind in OBJECTS:
        seen: set[Any] = set()
        for one in document.of(kind):
            keys = set(one.keys())
            if not keys & seen:
                found.of(kind).append(one)
            seen |= keys
    return found


def by_network(document: Topology) -> dict[str, Topology]:
    """Return the part of each network; that of the empty name has the objects of no network."""
    networks = {one.name: network_of_bridge(one) for one in document.bridge}
    of_container: dict[str, set[str]] = {}
    for one in document.veth:
        for name in one.namespaces():
            of_container.setdefault(name, set()).add(_network(one, networks))
    found: dict[str, Topology] = {}
    for each in document:
        where = {_network(each, networks)}
        if isinstance(each, Netns):
            where = of_container.get(each.name) or {""}
        elif isinstance(each, Bridge):
            where = {networks[each.name]}
        for network in where:
            found.setdefault(network, Topology()).of(each.KIND).append(each)
    return found


def without_missing(document: Topology, exists: Callable[[str], bool]) -> tuple[Topology, list[str]]:
    """Return the document without objects that depend on a missing namespace or bridge, and a message for each object
    left out."""
    namespaces = {one.name for one in document.netns}
    bridges = {one.name for one in document.bridge}
    kept, left_out = Topology(), []
    for one in document:
        missing = [name for name in one.namespaces() if name not in namespaces and not exists(name)]
        if one.host_bridge is not None and one.host_bridge not in bridges:
            missing.append(one.host_bridge)
        if missing:
            left_out.append("%s %s: %s is not there" % (one.KIND, one.label, missing[0]))
        else:
            kept.of(one.KIND).append(one)
    return kept, left_out


def network_of_bridge(one: Bridge) -> str:
    """Return the network whose bridge it is; without a label, the bridge's own name."""
    return _labelled(one) or one.name


def _grouped(resolvers: list[Resolver]) -> list[Resolver]:
    """Return one object for all containers with the same settings, from all runs."""
    found: dict[str, Resolver] = {}
    for one in resolvers:
        settings = str(one.replace(containers=[]))
        before = found.get(settings, one)
        found[settings] = one.replace(containers=sorted({*before.containers, *one.containers}))
    return list(found.values())


def _addresses(document: Topology) -> set[str]:
    ends = [one.peer for one in document.veth if one.peer is not None]
    return {address.split("/")[0] for end in ends for address in end.addresses or []}


def _network(one: Desired, networks: dict[str, str]) -> str:
    bridge = getattr(one, "bridge", None)
    if bridge is None and isinstance(one, Veth) and one.peer is not None:
        bridge = one.peer.bridge
    if bridge is None and "network" in one.fields:
        return str(getattr(one, "network", ""))
    return networks.get(bridge or "") or _labelled(one)


def _labelled(one: Desired) -> str:
    """Return the network in the object's labels; empty if there is none, or it cannot be a file name."""
    label = str((getattr(one, "labels", None) or {}).get("network", ""))
    return label if names.is_object_name(label) else ""
