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
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip
from ansible_collections.virtnet.linux.plugins.module_utils.rules.names import GATEWAY_MODES

KIND = "bridge_policy"
OPTIONS: dict[str, Any] = dict(
    bridge=dict(type="str", required=True),
    subnets=dict(type="list", elements="str"),
    masquerade=dict(type="bool", default=True),
    internal=dict(type="bool", default=False),
    icc=dict(type="bool", default=True),
    gateway_mode=dict(type="str", choices=list(GATEWAY_MODES), default="nat"),
    gateway_mode6=dict(type="str", choices=["nat", "routed"]),
    snat_address=dict(type="str"),
    snat_address6=dict(type="str"),
    trusted_interfaces=dict(type="list", elements="str"),
    uplinks=dict(type="list", elements="str"),
    state=options.STATE,
)


def check(wanted: dict[str, Any], host: Host, problems: options.Problems) -> None:
    """Validate one policy."""
    bridge = wanted["bridge"]
    problems.interface_name(KIND, bridge, "bridge", bridge)
    if wanted["state"] == "absent":
        return
    if not host.is_known_bridge(None, bridge):
        problems.refer(KIND, bridge, "bridge", bridge, "bridge")
    if wanted["subnets"] is None:
        problems.add(KIND, bridge, "subnets", "", "say which subnets are behind the bridge, as [172.30.0.0/16]")
    for subnet in wanted["subnets"] or []:
        problems.network(KIND, bridge, "subnets", subnet)
    if wanted["gateway_mode6"] is not None and wanted["gateway_mode"] == "isolated":
        rule = "gateway_mode isolated is for both families: leave this out"
        problems.add(KIND, bridge, "gateway_mode6", wanted["gateway_mode6"], rule)
    for field in ("trusted_interfaces", "uplinks"):
        for interface in wanted[field] or []:
            problems.interface_name(KIND, bridge, field, interface)
    problems.address(KIND, bridge, "snat_address", wanted["snat_address"], 4)
    problems.address(KIND, bridge, "snat_address6", wanted["snat_address6"], 6)


def identities(wanted: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the keys that must be unique in a document."""
    return [("policy", wanted["bridge"])]


def lay(wanted: dict[str, Any], state: State, _host: Host) -> None:
    """Apply the policy to the desired firewall state."""
    state.policies.pop(wanted["bridge"], None)
    if wanted["state"] == "present":
        state.policies[wanted["bridge"]] = _policy(wanted)


def plan(wanted: dict[str, Any], host: Host) -> list[Action]:
    """Return the actions that bring one policy to its desired state; none if it already is (idempotent)."""
    bridge = wanted["bridge"]
    found = host.firewall.state.policies.get(bridge)
    if wanted["state"] == "absent":
        return [] if found is None else [Action("delete", KIND, bridge, _told(found), {}, wanted)]
    asked = _policy(wanted)
    if found is None:
        return [Action("create", KIND, bridge, {}, _told(asked), wanted)]
    before, after = difference(_told(asked), _told(found))
    return [Action("change", KIND, bridge, before, after, wanted)] if after else []


def _policy(wanted: dict[str, Any]) -> Policy:
    """Return the declared policy in the firewall's form."""
    return Policy(
        bridge=wanted["bridge"],
        subnets=tuple(sorted(str(ip.network(subnet)) for subnet in wanted["subnets"])),
        masquerade=wanted["masquerade"],
        internal=wanted["internal"],
        icc=wanted["icc"],
        gateway_mode=wanted["gateway_mode"],
        gateway_mode6=None if wanted["gateway_mode6"] == wanted["gateway_mode"] else wanted["gateway_mode6"],
        snat_address=wanted["snat_address"],
        snat_address6=wanted["snat_address6"],
        trusted_interfaces=tuple(sorted(wanted["trusted_interfaces"] or [])),
        uplinks=tuple(sorted(wanted["uplinks"] or [])),
    )


def _told(found: Policy) -> dict[str, Any]:
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
