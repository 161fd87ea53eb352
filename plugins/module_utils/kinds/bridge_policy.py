# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network policies: ingress and egress of a bridge."""

from __future__ import annotations

from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.facts import options
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action, difference
from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import Policy, State
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import BridgePolicy
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip

KIND = "bridge_policy"


def check(desired: BridgePolicy, host: Host, problems: options.Checks) -> None:
    """Validate one policy."""
    bridge = desired.bridge
    problems.interface_name(KIND, bridge, "bridge", bridge)
    if not desired.is_present:
        return
    if not host.is_known_bridge(None, bridge):
        problems.refer(KIND, bridge, "bridge", bridge, "bridge")
    if desired.subnets is None:
        problems.add(KIND, bridge, "subnets", "", "is required: the subnets of the bridge, as [172.30.0.0/16]")
    for subnet in desired.subnets or []:
        problems.network(KIND, bridge, "subnets", subnet)
    if desired.gateway_mode6 is not None and desired.gateway_mode == "isolated":
        rule = "gateway_mode isolated is for both families: leave this out"
        problems.add(KIND, bridge, "gateway_mode6", desired.gateway_mode6, rule)
    for field in ("trusted_interfaces", "uplinks"):
        for interface in getattr(desired, field) or []:
            problems.interface_name(KIND, bridge, field, interface)
    problems.address(KIND, bridge, "snat_address", desired.snat_address, 4)
    problems.address(KIND, bridge, "snat_address6", desired.snat_address6, 6)


def identities(desired: BridgePolicy) -> list[tuple[Any, ...]]:
    """Return the keys that must be unique in a document."""
    return [("policy", desired.bridge)]


def update_firewall(desired: BridgePolicy, state: State, _host: Host) -> None:
    """Apply the policy to the desired firewall state."""
    state.policies.pop(desired.bridge, None)
    if desired.is_present:
        state.policies[desired.bridge] = _policy(desired)


def plan(desired: BridgePolicy, host: Host) -> list[Action[BridgePolicy]]:
    """Return the actions that bring one policy to its desired state; none if it already is (idempotent)."""
    bridge = desired.bridge
    found = host.firewall.state.policies.get(bridge)
    if not desired.is_present:
        return [] if found is None else [Action(Phase.UNPUBLISH, "delete", KIND, bridge, _shown(found), {}, desired)]
    asked = _policy(desired)
    if found is None:
        return [Action(Phase.FIREWALL, "create", KIND, bridge, {}, _shown(asked), desired)]
    before, after = difference(_shown(asked), _shown(found))
    return [Action(Phase.FIREWALL, "change", KIND, bridge, before, after, desired)] if after else []


def _policy(desired: BridgePolicy) -> Policy:
    """Return the declared policy in the firewall's form."""
    return Policy(
        bridge=desired.bridge,
        subnets=tuple(sorted(str(ip.network(subnet)) for subnet in desired.subnets or [])),
        masquerade=desired.masquerade,
        internal=desired.internal,
        icc=desired.icc,
        gateway_mode=desired.gateway_mode,
        gateway_mode6=None if desired.gateway_mode6 == desired.gateway_mode else desired.gateway_mode6,
        snat_address=desired.snat_address,
        snat_address6=desired.snat_address6,
        trusted_interfaces=tuple(sorted(desired.trusted_interfaces or [])),
        uplinks=tuple(sorted(desired.uplinks or [])),
    )


def _shown(found: Policy) -> dict[str, Any]:
    return {
        "subnets": sorted(found.subnets),
        "masquerade": found.masquerade,
        "internal": found.internal,
        "icc": found.icc,
        "gateway_mode": found.gateway_mode,
        "gateway_mode6": found.mode(6),
        "snat_address": found.snat_address or "",
        "snat_address6": found.snat_address6 or "",
        "trusted_interfaces": sorted(found.trusted_interfaces),
        "uplinks": sorted(found.uplinks),
    }
