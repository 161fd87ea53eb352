# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Undeclared containers and networks that are attached to networks which this run changes.

A run does not change undeclared objects, so they would lose connectivity, without a message, when a network gets
another subnet, gateway or bridge. Such changes are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems, enumerate_names
from ansible_collections.virtnet.linux.plugins.plugin_utils.checks.networks import settled_mtu
from ansible_collections.virtnet.linux.plugins.plugin_utils.checks.segments import patch_links
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.spec import Network
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.observed import LiveContainer, LiveEndpoint
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.scope import Scope


@dataclass
class _Undeclared:
    """The endpoint of an undeclared container on a declared network, or on one that joins a declared network."""

    container: LiveContainer
    endpoint: LiveEndpoint
    own: Network
    network: Network  # the declared one: its own, or the one that it joins

    def refuse(self, scope: Scope, field: str, value: object, fact: str, effect: str, problems: Problems) -> None:
        """Refuse a field; `deed` is the effect that declaring the container has."""
        who, role = f"container {self.container.name}", scope.foreign_role(self.container)
        if role is not None:
            rule = f"{who} {fact} and the role {role} made it; take it off {self.own} there first"
        else:
            rule = f"{who} {fact} and no list declares it; declare it, so that {effect}, or remove it"
        problems.refuse(str(self.network), field, value, rule)


def check_undeclared(scope: Scope, problems: Problems) -> None:
    """Refuse changes that cut off an undeclared container; warn of different MTUs."""
    others = list(_undeclared(scope))
    for one in others:
        _check_subnets(scope, one, problems)
        _check_gateways(scope, one, problems)
        _check_bridge(scope, one, problems)
    _check_patch_links(scope, problems)
    _warn_of_mtus(scope, others, problems)


def _undeclared(scope: Scope) -> Iterator[_Undeclared]:
    for name, container in scope.undeclared.items():
        for endpoint in container.endpoints.values() if name not in scope.omitted else []:
            own = scope.networks.get(endpoint.network)
            network = own if own is None or own.declared else own.segment
            if own is not None and network is not None and network.is_valid and network.declared:
                yield _Undeclared(container, endpoint, own, network)


def _check_subnets(scope: Scope, one: _Undeclared, problems: Problems) -> None:
    where = "" if one.own is one.network else f" on {one.own}, which shares its subnet,"
    for version, address in one.endpoint.addresses.items():
        subnet = one.network.subnets.get(version)
        if subnet is None or not subnet.has(address):
            field, given = "subnet6" if version == 6 else "subnet", subnet and str(subnet.network)
            effect = "it gets an address in the new subnet" if subnet is not None else "it loses this address"
            one.refuse(scope, field, given, f"exists{where} with {address}", effect, problems)


def _check_gateways(scope: Scope, one: _Undeclared, problems: Problems) -> None:
    """Refuse another gateway; not for internal networks, nor where aux_addresses names the default router."""
    before = scope.live.networks.get(one.own.name)
    if before is None or before.internal or one.network.internal:
        return
    for version, address in one.endpoint.addresses.items():
        had, subnet = before.subnets.get(version), one.network.subnets.get(version)
        if had is None or subnet is None or not subnet.has(address):
            continue  # outside of the subnet: refused by _check_subnets()
        if had.gateway is not None and had.gateway == had.default_route and had.gateway != subnet.gateway:
            field, given = "gateway6" if version == 6 else "gateway", subnet.gateway and str(subnet.gateway)
            fact = f"exists with {had.gateway} for its gateway"
            one.refuse(scope, field, given, fact, "it gets the new one", problems)


def _check_bridge(scope: Scope, one: _Undeclared, problems: Problems) -> None:
    old = _old_bridge(scope, one.own)
    if old is not None and one.own is one.network:
        effect = "it is attached to the new one"
        one.refuse(scope, "bridge", one.own.bridge, f"is attached to {old}", effect, problems)


def _check_patch_links(scope: Scope, problems: Problems) -> None:
    """Refuse another bridge where an undeclared network has a patch link to the current one."""
    for patch_link in patch_links(scope):
        near, far = scope.networks[patch_link.declared], scope.networks[patch_link.other]
        old = _old_bridge(scope, far)
        if not near.declared and old is not None:
            rule = f"{near} is attached to {old} by a patch link and no list declares it"
            effect = "declare it too, so that it is attached to the new one"
            problems.refuse(str(far), "bridge", far.bridge, f"{rule}; {effect}, or remove it")


def _old_bridge(scope: Scope, network: Network) -> str | None:
    """The current bridge of a declared network whose desired bridge is another; else None."""
    before = scope.live.networks.get(network.name)
    return before.bridge if network.declared and before is not None and before.bridge != network.bridge else None


def _warn_of_mtus(scope: Scope, others: list[_Undeclared], problems: Problems) -> None:
    """Warn of undeclared containers that keep the old MTU; those of another role get the new one by its next run."""
    keeping: dict[tuple[str, int], list[str]] = {}  # by network and its old MTU
    for one in others:
        before = scope.live.networks.get(one.own.name)
        if before is not None and before.mtu is not None and scope.foreign_role(one.container) is None:
            keeping.setdefault((one.network.name, before.mtu), []).append(one.container.name)
    for (name, old), who in keeping.items():
        network = scope.networks[name]
        new = settled_mtu(scope, network)
        if new is not None and new != old:
            problems.warn(
                str(network), "mtu", new,
                f"containers that no list declares keep {old}: {enumerate_names(sorted(who))}; larger packets than one "
                "of the two takes get lost between them and others; declare them too",
            )  # fmt: skip
