# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Format what network_info returned like ``docker network ls``, ``docker network inspect``, ``docker ps`` and
``brctl show``."""

from __future__ import annotations

from typing import Any

from ansible_collections.virtnet.linux.plugins.plugin_utils.views.reachable import Reachable, reachable

Rows = list[tuple[str, ...]]


def networks(live: dict[str, Any]) -> list[str]:
    """Format a line for each network, like ``docker network ls``."""
    rows: Rows = [("NETWORK", "DRIVER", "SCOPE", "SUBNET", "GATEWAY", "BRIDGE", "CONTAINERS")]
    for network in live["networks"]:
        config = network["IPAM"]["Config"]
        rows.append(
            (
                network["Name"] + (" (internal)" if network["Internal"] else ""),
                network["Driver"],
                network["Scope"],
                _words(part["Subnet"] for part in config),
                _words(part["Gateway"] for part in config if "Gateway" in part),
                network["Id"],
                str(len(network["Containers"])),
            )
        )
    return _table(rows)


def containers(live: dict[str, Any]) -> list[str]:
    """Format a line for each endpoint and NIC, and for each container without any."""
    ports = reachable(live)
    rows: Rows = [("CONTAINER", "MODE", "NETWORK", "INTERFACE", "ADDRESSES", "MAC", "PORTS")]
    for container in live["containers"]:
        found: Rows = []
        for endpoint in container["endpoints"]:
            addresses = [address.split("/")[0] for address in endpoint["addresses"]]
            published = _words(dict.fromkeys(_port(port) for one in addresses for port in ports.get(one, [])))
            where = endpoint["network"] or "", endpoint["interface"], _words(endpoint["addresses"]), endpoint["mac"]
            found.append((*where, published))
        for nic in container["interfaces"]:
            found.append(("NIC " + nic["device"], nic["name"], _words(nic["addresses"]), nic["mac"], ""))
        primary = (container["name"], container["mode"])
        for row in found or [("",) * 5]:
            rows.append((*primary, *row))
            primary = ("", "")
    return _table(rows)


def bridges(live: dict[str, Any]) -> list[str]:
    """Format a line for each port, in the columns of ``brctl show``."""
    rows: Rows = [("bridge name", "bridge id", "STP enabled", "interfaces")]
    for bridge in live["bridges"]:
        name = bridge["name"] if bridge["netns"] is None else "{} in {}".format(bridge["name"], bridge["netns"])
        primary = (name, bridge["id"], "yes" if bridge["stp"] else "no")
        for port in bridge["interfaces"] or [""]:
            rows.append((*primary, port))
            primary = ("", "", "")
    return _table(rows)


def tunnels(live: dict[str, Any]) -> list[str]:
    """Format a line for each VXLAN tunnel."""
    rows: Rows = [("TUNNEL", "VNI", "VTEP", "BRIDGE", "MTU", "ENDPOINTS", "FLOOD")]
    for tunnel in live["tunnels"]:
        name = tunnel["name"] if tunnel["ours"] else tunnel["name"] + " (unmanaged)"
        cells = (name, tunnel["vni"], tunnel["local"], tunnel["bridge"], tunnel["mtu"], tunnel.get("entries"))
        rows.append((*("" if cell is None else str(cell) for cell in cells), _words(tunnel["flood"])))
    return _table(rows)


def inspect(live: dict[str, Any]) -> list[str]:
    """Format each network like ``docker network inspect``, without JSON's brackets and quotes."""
    return [line for network in live["networks"] for line in [*_outline(network), ""]][:-1]


VIEWS = {
    "networks": networks,
    "inspect": inspect,
    "containers": containers,
    "bridges": bridges,
    "tunnels": tunnels,
}


def _outline(value: dict[str, Any], indent: str = "") -> list[str]:
    """Format a line for each value; nested values are indented."""
    lines = []
    for key, part in value.items():
        if isinstance(part, dict) and part:
            lines += ["%s%s:" % (indent, key), *_outline(part, indent + "    ")]
        elif isinstance(part, list) and part and isinstance(part[0], dict):
            lines.append("%s%s:" % (indent, key))
            lines += [indent + "    - " + _words("%s %s" % (k, _word(v)) for k, v in one.items() if v) for one in part]
        else:
            lines.append(("%s%s: %s" % (indent, key, _word(part))).rstrip())
    return lines


def _word(value: Any) -> str:
    if value is None or value in ({}, []):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return _words(f"{key} {_word(part)}" for key, part in value.items())
    return _words(map(_word, value)) if isinstance(value, list) else str(value)


def _port(port: Reachable) -> str:
    """Format a port like ``docker ps``."""
    container = "{}/{}".format(port.to, port.protocol)
    return "{}:{}->{}".format(port.at, port.host, container) if port.host else container


def _words(parts: Any) -> str:
    return ", ".join(parts)


def _table(rows: Rows) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["   ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
