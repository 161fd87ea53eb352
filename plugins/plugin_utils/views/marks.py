# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs on the hosts of a fleet, object by object, for the topology graph: objects that are declared and missing
or live and declared nowhere, and parts of an overlay without the others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ansible_collections.virtnet.linux.plugins.plugin_utils.views.orphans import (
    anything_is_declared,
    declared_names,
    find_orphans,
)

HOST = ("host", "")
OVERLAY_ROLE = "overlay_network"

Marks = dict[tuple[str, str], list[str]]  # by kind and name of the object; of the host itself: HOST


def find_marks(
    reports: Mapping[str, Mapping[str, Any]], variables: Mapping[str, Mapping[str, Any]] | None
) -> dict[str, Marks]:
    """Find what differs, by host.

    :param reports: what the module network_info returned, by host
    :param variables: the variables of each host, by host; None: what is declared is unknown
    """
    is_known = variables is not None and anything_is_declared(reports, variables)
    found: dict[str, Marks] = {}
    for host, report in reports.items():
        of_host: Marks = {}
        differences = [*_of_removals(report)]
        if variables is not None and is_known:
            differences += [*_of_lists(report, variables[host])]
        for thing, text in differences:
            of_host.setdefault(thing, []).append(text)
        found[host] = of_host
    return found


def _of_removals(report: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield networks without their tunnel, tunnels and endpoints without their network: a removal that was not
    completed, or links deleted out of band."""
    networks = {network["Id"]: network for network in report.get("networks") or []}
    tunnels = [one for one in report.get("tunnels") or [] if one.get("ours")]
    with_tunnel = {one.get("bridge") for one in tunnels}
    for bridge, network in networks.items():
        if (network.get("Labels") or {}).get("role") == OVERLAY_ROLE and bridge not in with_tunnel:
            yield ("network", network["Name"]), "no VXLAN tunnel"
    for container in report.get("containers") or []:
        for endpoint in container.get("endpoints") or []:
            if endpoint.get("network") and endpoint.get("bridge") not in networks:
                yield ("container", container["name"]), f"{endpoint['interface']} on no network"
    for tunnel in tunnels:
        if (tunnel.get("labels") or {}).get("role") == OVERLAY_ROLE and tunnel.get("bridge") not in networks:
            yield ("tunnel", tunnel["name"]), "on no network"


def _of_lists(report: Mapping[str, Any], variables: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield what the lists declare and is missing, and what is live and in none of them."""
    for orphan in find_orphans(report, variables):
        if orphan.kind == "switch":
            yield HOST, f"switch {orphan.name} declared nowhere"
        else:
            yield (orphan.kind, orphan.name), "declared nowhere"
    live = {
        "network": {network["Name"] for network in report.get("networks") or []},
        "container": {container["name"] for container in report.get("containers") or []},
    }
    for kind, names in live.items():
        for name in sorted(declared_names(variables, kind + "s", present=True) - names):
            yield HOST, f"{kind} {name} missing"
