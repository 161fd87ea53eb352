# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connections to each published port, of those that the kernel tracks (conntrack). Their packets and bytes are counted
where net.netfilter.nf_conntrack_acct is 1."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.command import lists
from ansible_collections.virtnet.linux.plugins.module_utils.command.containers import Report
from ansible_collections.virtnet.linux.plugins.module_utils.command.output import Row, metric, size, table
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import conntrack
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.conntrack import Flow
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip
from ansible_collections.virtnet.linux.plugins.module_utils.rules.ports import port_range

_PROTOCOLS = {"tcp": 6, "udp": 17, "sctp": 132}


def read(found: Report) -> list[dict[str, Any]]:
    """Return a row for each published port: its connections, and their packets and bytes, None where they are not
    counted. Raises NetlinkError."""
    flows: dict[tuple[int, str], list[Flow]] = {}
    for flow in conntrack.translated():
        flows.setdefault((flow.protocol, flow.to_address), []).append(flow)
    return [
        _row(container, port, flows.get((_PROTOCOLS[port["protocol"]], ip.normal(port["to_address"])), []))
        for container, ports in sorted(lists.by_container(found).items())
        for port in ports
    ]


def screens(report: Callable[[], Report]) -> Iterator[list[str]]:
    """Yield the lines of the current connections, each time anew. Raises NetlinkError."""
    while True:
        yield lines(read(report()))


def prometheus(rows: list[dict[str, Any]]) -> list[str]:
    """Format the connections for Prometheus. Packets and bytes are those of current connections, so no counters."""
    samples = [({"container": row["container"], "port": row["port"]}, row["connections"]) for row in rows]
    return metric("virtnet_port_connections", "gauge", "Tracked connections to the published port.", samples)


def lines(rows: list[dict[str, Any]]) -> list[str]:
    """Format a line for each published port."""
    shown: list[Row] = [("CONTAINER", "PORT", "CONNECTIONS", "PACKETS", "BYTES")]
    for row in rows:
        counted = (str(row["packets"]), size(row["bytes"])) if row["packets"] is not None else ("-", "-")
        shown.append((row["container"], row["port"], str(row["connections"]), *counted))
    return table(shown)


def _row(container: str, port: dict[str, Any], flows: list[Flow]) -> dict[str, Any]:
    own = [flow for flow in flows if _is_to(flow, port)]
    counted = [flow for flow in own if flow.packets is not None]
    return {
        "container": container,
        "port": lists.mapping(port),
        "connections": len(own),
        "packets": sum(flow.packets or 0 for flow in counted) if counted else None,
        "bytes": sum(flow.size or 0 for flow in counted) if counted else None,
    }


def _is_to(flow: Flow, port: dict[str, Any]) -> bool:
    is_address = port["host_ip"] is None or ip.normal(port["host_ip"]) == flow.address
    return is_address and flow.port in (port_range(str(port["host_port"])) or ())
