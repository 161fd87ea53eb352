# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether the host can enforce the network policies: addresses, interfaces, foreign firewalls."""

from __future__ import annotations

from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.policy import BINDINGS
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.scope import Scope


def warn_of_dropping_firewalls(scope: Scope, manage_foreign: bool, problems: Problems) -> None:
    """Warn of addresses and interfaces that the host lacks, and of foreign firewalls that drop forwarded packets."""
    for network in scope.networks.values():
        if not network.declared or network.joins is not None:
            continue
        for version, address in network.policy.snat.items():
            word = "snat_address" if version == 4 else "snat_address6"
            if not scope.has_address(address):
                problems.warn(str(network), word, str(address), "no interface of the host has this address now")
        for version, address in network.policy.bindings.items():
            if not (address.is_unspecified or address.is_loopback or scope.has_address(address)):
                problems.warn(
                    str(network), BINDINGS[version], str(address), "no interface of the host has this address now"
                )
        named = {"trusted_interfaces": network.policy.trusted, "uplinks": network.policy.uplinks}
        for word, interfaces in named.items():
            for interface in interfaces:
                there = scope.live.interfaces.get(interface)
                if not scope.has_interface(interface):
                    problems.warn(str(network), word, interface, "the host has no such interface now")
                elif there is not None and there.vrf is not None:
                    remark = f"is in the VRF {there.vrf}, by which no network is reached; take it out of the VRF"
                    problems.warn(str(network), word, interface, remark)
    problems.warnings.update(dict.fromkeys(scope.live.warnings))
    if not manage_foreign:
        _warn_of_foreign_drops(scope, problems)


def foreign_firewall_rules(scope: Scope, manage_foreign: bool) -> tuple[list[str], list[str]]:
    """The bridges for which foreign firewalls get accept rules, and those whose accept rules are removed."""
    to_add, to_remove = [], []
    for network in scope.networks.values():
        if network.declared and manage_foreign and _drops(scope, network.name):
            to_add.append(network.bridge)
    staying = {network.bridge for network in scope.networks.values()}
    own = {network.bridge for name, network in scope.live.networks.items() if scope.live.roles.get(name) == scope.role}
    others = {network.bridge for network in scope.live.networks.values()} - own
    for bridge in scope.live.foreign_accepts:
        if bridge not in staying | others or (bridge in own and not manage_foreign):
            to_remove.append(bridge)
    return to_add, to_remove


def _drops(scope: Scope, name: str) -> list[dict[str, Any]]:
    """The foreign chains that drop what a network's bridge forwards."""
    network = scope.networks[name]
    # bridged packets traverse these chains only with br_netfilter
    if network.internal and not any(scope.live.bridge_nf_call.values()):
        return []
    there = network.bridge in scope.live.interfaces
    return [
        drop
        for drop in scope.live.foreign_drops
        if (network.bridge in drop["bridges"] if there else drop["new_bridges"])
        and set(drop["versions"]) & set(network.subnets)
    ]


def _warn_of_foreign_drops(scope: Scope, problems: Problems) -> None:
    for network in scope.networks.values():
        for drop in _drops(scope, network.name) if network.declared else []:
            remedy = str(drop["remedy"]).replace("BRIDGE", network.bridge)
            problems.warn(
                str(network), "bridge", network.bridge,
                f"the nftables table {drop['table']}, chain {drop['chain']} ({drop['rule']}) drops what it forwards, "
                "so published ports and egress fail; "
                f"set {scope.role}_manage_foreign_firewall: true, or run: {remedy}",
            )  # fmt: skip
