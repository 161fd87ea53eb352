# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Warnings on a host's networks: drift, conflicts and exceeded limits, a message each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.engine import limits_in_use, replies, routing
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.kinds import foreign_firewall
from ansible_collections.virtnet.linux.plugins.module_utils.nft import foreign, ruleset
from ansible_collections.virtnet.linux.plugins.module_utils.rules.names import sysctl
from ansible_collections.virtnet.linux.plugins.module_utils.system import listeners, sysctls


def warnings(host: Host, waiting: list[dict[str, Any]]) -> list[str]:
    """Return warnings: lost runtime state, tables missing or changed out of band, routes and rules that divert
    networks' addresses, listeners shadowed by published ports, foreign tables that use our packet mark bits, limits."""
    return [*host.memory.lost, *_tables(host), *_shadowed(host, waiting), *changed_around(host)]


def changed_around(host: Host) -> list[str]:
    """Return warnings on what others have changed around the networks since, and a run does not change back: routes and
    rules that divert their addresses, foreign tables that use our packet mark bits, limits that are exceeded."""
    return [*routing.conflicts(host), *_marks(host), *limits_in_use.warnings(host)]


def routing_warnings(host: Host) -> list[str]:
    """Return warnings on the host's own routing rules and VRFs: missing rules of this collection, published ports whose
    replies leave by another link than the request's, networks without egress. Not among warnings(): a role's run adds
    the rules, and reports the rest of the ports that it declares."""
    stack = host.stack(None)
    if stack.is_plainly_routed:
        return []
    found = [*routing.missing_rules(host), *routing.without_egress(host)]
    return [*found, *replies.warnings(host.firewall.state, host, routing.names_of(host))]


def foreign_drops(host: Host) -> list[dict[str, Any]]:
    """Return the foreign chains that drop forwarded packets: of which of our bridges, and whether of new ones too."""
    bridges = sorted(_bridges(host))
    found: dict[foreign.Drop, list[str]] = {}
    for bridge in bridges:
        for drop in foreign.drops(host.foreign_tables, bridge):
            found.setdefault(drop, []).append(bridge)
    new = foreign.drops(host.foreign_tables)
    for drop in new:
        found.setdefault(drop, [])
    return [
        {
            "table": f"{drop.family} {drop.table}",
            "chain": drop.chain,
            "rule": drop.rule,
            "versions": list(drop.versions),
            "bridges": dropped,
            "new_bridges": drop in new,
            "remedy": foreign_firewall.remedy(drop, "BRIDGE"),
        }
        for drop, dropped in found.items()
    ]


def bridge_nf_call() -> dict[str, bool]:
    """Return whether bridged packets pass the chains of inet and ip tables; False where br_netfilter is not loaded."""
    return {name: sysctls.read(key.replace(".", "/")) == "1" for name, key in foreign.NF_CALL.items()}


def _bridges(host: Host) -> dict[str, str | None]:
    """Return the managed bridges with their networks' names; one without a name need not have rules."""
    return {
        link.name: (link.labels or {}).get("network")
        for link in host.stack(None).links.values()
        if link.switch and link.ours
    }


def _tables(host: Host) -> Iterator[str]:
    bridges = _bridges(host)
    if not bridges:
        return
    networks = ", ".join(sorted(name or bridge for bridge, name in bridges.items()))
    by_us = [key for key in host.memory["sysctls"] if key.endswith("forwarding")]
    on = [sysctl(key) for key in dict.fromkeys([*sysctls.FORWARDING.values(), *by_us]) if sysctls.read(key) == "1"]
    had_rules = any(bridges.values()) or by_us
    for family in ruleset.FAMILIES:
        if had_rules and family not in host.firewall.families and (on or family == "bridge"):
            yield (
                f"the nftables table {family} {ruleset.TABLE} is missing"
                + (f" and this host forwards ({', '.join(on)} = 1)" if family == "inet" else "")
                + f": nothing protects the networks {networks}; bring them back with the playbook that made them"
            )
    for line in host.firewall.drift:
        remedy = f"run the playbook that created the networks {networks}"
        yield f"the firewall of virtnet.linux was changed by another program, {line}; {remedy}"


def _shadowed(host: Host, waiting: list[dict[str, Any]]) -> Iterator[str]:
    ports = [port for _key, port in sorted(host.firewall.state.nat_ports.items())]
    for listener, port in listeners.shadowed(ports, waiting):
        leads = f"the port is published and translated to {port.to_address} port {port.to_port}"
        yield f"{listeners.describe(listener)} and gets nothing: {leads}"


def _marks(host: Host) -> Iterator[str]:
    bits = ", ".join("0x%08x" % mark for mark in ruleset.MARKS)
    harm = {
        "sets": "packets so marked may pass icc: false, or be routed by this host between unmanaged interfaces",
        "tests": "our rules set them, on packets that it is not about",
    }
    for table, chain, word in foreign.marking(host.foreign_tables) if _bridges(host) else ():
        yield (
            f"chain {chain.name} of the nftables table {table} {word} bits of the packet mark that table "
            f"{ruleset.TABLE} uses ({bits}): {harm[word]}; use other bits there"
        )
