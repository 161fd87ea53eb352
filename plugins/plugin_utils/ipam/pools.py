# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Subnets of networks that declare none: the lowest free one of the address pools (Docker: default-address-pools)."""

from __future__ import annotations

import bisect
import ipaddress
from dataclasses import dataclass

from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems, enumerate_names
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.addresses import IPNetwork, Subnet
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.spec import AddressPool, Network
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.scope import Scope


@dataclass(frozen=True)
class _Taken:
    """Addresses that no automatic subnet may overlap, and their holder."""

    block: IPNetwork
    holder: str

    def __str__(self) -> str:
        return f"{self.holder} ({self.block})"


class _Search:
    """Finds the pools' free subnets, lowest first."""

    def __init__(self, pools: list[AddressPool], taken: list[_Taken]) -> None:
        self._pools = pools
        self._ends: list[tuple[int, int]] = []  # last and first address of each taken block, disjoint
        for one in ipaddress.collapse_addresses(t.block for t in taken if isinstance(t.block, ipaddress.IPv4Network)):
            self._ends.append((int(one.broadcast_address), int(one.network_address)))
        self._next = [int(pool.base.network_address) for pool in pools]

    def give(self) -> ipaddress.IPv4Network | None:
        for number, pool in enumerate(self._pools):
            size = 1 << (32 - pool.size)
            while self._next[number] + size - 1 <= int(pool.base.broadcast_address):
                first = self._next[number]
                # Subnets are never released, so each pool's search continues where the last one ended.
                at = bisect.bisect_left(self._ends, (first, -1))
                if at == len(self._ends) or self._ends[at][1] > first + size - 1:
                    self._next[number] = first + size
                    self._ends.insert(at, (first + size - 1, first))
                    return ipaddress.IPv4Network((first, pool.size))
                # behind the overlapping block, at the next multiple of the size
                self._next[number] = -(-(self._ends[at][0] + 1) // size) * size
        return None


def settle_subnets(scope: Scope, pools: list[AddressPool] | None, problems: Problems) -> None:
    """Settle the subnet of each network that declares none and joins no other: the current, else the lowest free one.

    A subnet is free if no network, no route of the host in any table and no nameserver overlaps it. Without pools a
    subnet is required.
    """
    without = [network for network in scope.networks.values() if network.declared and _needs_one(network)]
    if pools is None:
        for network in without:
            if not network.subnets:
                rule = "a network needs a subnet, like 172.30.0.0/16; or a subnet6"
                problems.refuse(str(network), "subnet", None, rule)
        return
    waiting = []
    for network in without:
        before = scope.live.networks.get(network.name)
        kept = before.subnets.get(4) if before is not None and before.joins is None else None
        if kept is not None and not _overlaps_with_another(scope, network, kept.network):
            network.subnets = {4: Subnet(network=kept.network), **network.subnets}
        else:
            waiting.append(network)
    if not waiting:
        return
    taken = _taken(scope)
    search = _Search(pools, taken)
    left_out = []
    for network in waiting:
        found = search.give()
        if found is None:
            left_out.append(network)
        else:
            network.subnets = {4: Subnet(network=found), **network.subnets}
            taken.append(_Taken(found, str(network)))
    if left_out:
        _refuse_exhausted(scope, pools, left_out, taken, problems)


def _refuse_exhausted(
    scope: Scope, pools: list[AddressPool], left_out: list[Network], taken: list[_Taken], problems: Problems
) -> None:
    pronoun = "it" if len(left_out) == 1 else "each"
    who = "network " if len(left_out) == 1 else "networks "
    held = [str(one) for one in taken if any(pool.base.overlaps(one.block) for pool in pools)]
    rule = f"{scope.role}_address_pools has no pool"
    if pools:
        rule = f"no free one is left in {scope.role}_address_pools, where these are in the way: {enumerate_names(held)}"
    problems.refuse(
        who + enumerate_names([one.name for one in left_out]), "subnet", None,
        f"{rule}; give {pronoun} a subnet, or add a pool",
    )  # fmt: skip


def _needs_one(network: Network) -> bool:
    return network.is_valid and network.automatic and network.joins is None


def _overlaps_with_another(scope: Scope, network: Network, block: IPNetwork) -> bool:
    """Whether another network, perhaps declared later, has the subnet that was assigned to this one."""
    return any(
        block.version in other.subnets and other.subnets[block.version].network.overlaps(block)
        for other in scope.networks.values()
        if other is not network and other.joins is None
    )


def _taken(scope: Scope) -> list[_Taken]:
    networks = {**scope.live.networks, **scope.networks}
    taken = [
        _Taken(subnet.network, str(network))
        for network in networks.values()
        for version, subnet in network.subnets.items()
        if version == 4 and network.joins is None
    ]
    ours = {network.bridge for network in scope.live.networks.values()}
    taken += [
        _Taken(route.to, str(route))
        for route in scope.live.routes + scope.live.other_routes
        if route.to.version == 4 and route.to.prefixlen > 1 and route.dev not in ours
    ]
    taken += [
        _Taken(ipaddress.ip_network(address), f"the host's address on {interface.name}")
        for interface in scope.live.interfaces.values()
        for address in interface.addresses
        if address.version == 4 and not interface.ours
    ]
    taken += [
        _Taken(ipaddress.ip_network(address), "a nameserver of the host")
        for address in scope.live.nameservers
        if address.version == 4 and not address.is_loopback
    ]
    return taken
