# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The FDB and neighbour entries of a VXLAN tunnel, by the MACs of the endpoints on other hosts."""

from __future__ import annotations

from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import VxlanTunnel
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.neighbours import ALL_ZERO_MAC, Tables
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip

ByMac = dict[str, tuple[frozenset[str], frozenset[str], bool]]  # MAC: VTEPs, addresses, whether the bridge FDB has it


def desired_by_mac(desired: VxlanTunnel, local: str | None = None) -> ByMac:
    """Return the declared endpoints; those at this host's own VTEP get no entries."""
    local = ip.normal(local or desired.local) if local or desired.local else None
    found: ByMac = {}
    for endpoint in desired.endpoints or []:
        vtep = ip.normal(endpoint.vtep)
        if vtep != local:
            addresses = frozenset(ip.normal(address) for address in endpoint.addresses)
            found[endpoint.mac.lower()] = (frozenset([vtep]), addresses, True)
    return found


def observed_by_mac(tables: Tables) -> ByMac:
    vteps: dict[str, set[str]] = {}
    addresses: dict[str, set[str]] = {}
    for mac, vtep in tables.forwarding:
        vteps.setdefault(mac, set()).add(vtep)
    for address, mac in tables.neighbours:
        addresses.setdefault(mac, set()).add(address)
    macs = (set(vteps) | set(addresses) | tables.static) - {ALL_ZERO_MAC}
    return {
        mac: (frozenset(vteps.get(mac, ())), frozenset(addresses.get(mac, ())), mac in tables.static) for mac in macs
    }


def desired_tables(desired: VxlanTunnel, local: str | None, found: Tables) -> Tables:
    """Return the desired VXLAN FDB, bridge FDB and neighbour entries; what is not declared stays as observed."""
    flood = {(mac, vtep) for mac, vtep in found.forwarding if mac == ALL_ZERO_MAC}
    if desired.flood is not None:
        own = ip.normal(local) if local else None
        flood = {(ALL_ZERO_MAC, ip.normal(vtep)) for vtep in desired.flood} - {(ALL_ZERO_MAC, own or "")}
    if desired.endpoints is None:
        return Tables(
            {one for one in found.forwarding if one[0] != ALL_ZERO_MAC} | flood, found.static, found.neighbours
        )
    endpoints = desired_by_mac(desired, local)
    forwarding = {(mac, vtep) for mac, (vteps, _addresses, _known) in endpoints.items() for vtep in vteps}
    answers = {(address, mac) for mac, (_vteps, addresses, _known) in endpoints.items() for address in addresses}
    return Tables(forwarding | flood, set(endpoints), answers)


def format_endpoints(endpoints: ByMac) -> list[str]:
    words = []
    for mac, (vteps, addresses, known) in sorted(endpoints.items()):
        parts = [mac, *sorted(addresses), "by " + " ".join(sorted(vteps) or ["none"])]
        words.append(" ".join(parts) + ("" if known else " (flooded)"))
    return words


def flooded_vteps(tables: Tables) -> list[str]:
    return sorted(vtep for mac, vtep in tables.forwarding if mac == ALL_ZERO_MAC)
