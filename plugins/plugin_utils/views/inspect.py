# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Format what network_info returned like ``docker network ls``, ``docker network inspect``, ``docker ps`` and
``brctl show``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import enumerate_names
from ansible_collections.virtnet.linux.plugins.plugin_utils.views.reachable import Reachable, reachable
from ansible_collections.virtnet.linux.plugins.plugin_utils.views.text import Rows, by_number, table

_TUNNEL = ("TUNNEL", "VNI", "VTEP", "BRIDGE", "MTU", "ENDPOINTS", "FLOOD")


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
    return table(rows)


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
    return table(rows)


def bridges(live: dict[str, Any]) -> list[str]:
    """Format a line for each port, in the columns of ``brctl show``."""
    rows: Rows = [("bridge name", "bridge id", "STP enabled", "interfaces")]
    for bridge in live["bridges"]:
        name = bridge["name"] if bridge["netns"] is None else "{} in {}".format(bridge["name"], bridge["netns"])
        primary = (name, bridge["id"], "yes" if bridge["stp"] else "no")
        for port in bridge["interfaces"] or [""]:
            rows.append((*primary, port))
            primary = ("", "", "")
    return table(rows)


def tunnels(live: dict[str, Any]) -> list[str]:
    """Format a line for each VXLAN tunnel."""
    return table([_TUNNEL, *(_tunnel(tunnel) for tunnel in live["tunnels"])])


def _tunnel(tunnel: dict[str, Any]) -> tuple[str, ...]:
    name = tunnel["name"] if tunnel["ours"] else tunnel["name"] + " (unmanaged)"
    cells = (name, tunnel["vni"], tunnel["local"], tunnel["bridge"], tunnel["mtu"], tunnel.get("entries"))
    return (*("" if cell is None else str(cell) for cell in cells), _words(tunnel["flood"]))


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


def fleet(reports: Mapping[str, dict[str, Any]], view: str) -> list[str]:
    """Format a view of several hosts, in natural order: a table with the column HOST and a line for each object."""
    hosts = sorted(reports, key=by_number)
    if view == "inspect":
        return [line for host in hosts for line in _headed(host, inspect(reports[host]))][:-1]
    heading, rows = _FLEET[view]
    found = [(host, *row) for host in hosts for row in rows(reports[host])]
    return table([("HOST", *heading), *found]) if found else []


def _headed(host: str, lines: list[str]) -> list[str]:
    return ["Host: " + host, *("    " + line if line else "" for line in lines), ""] if lines else []


def _of_networks(live: dict[str, Any]) -> Rows:
    return [
        (
            network["Name"],
            network["Driver"] + (", internal" if network["Internal"] else ""),
            _words(part["Subnet"] for part in network["IPAM"]["Config"]),
            _words(part["Gateway"] for part in network["IPAM"]["Config"] if "Gateway" in part),
            network["Id"],
            str(len(network["Containers"])),
        )
        for network in sorted(live["networks"], key=lambda network: by_number(network["Name"]))
    ]


def _of_containers(live: dict[str, Any]) -> Rows:
    ports = reachable(live)
    found: Rows = []
    for container in sorted(live["containers"], key=lambda container: by_number(container["name"])):
        places: list[str] = []
        published: dict[str, None] = {}
        for endpoint in container["endpoints"]:
            addresses = [address.split("/")[0] for address in endpoint["addresses"]]
            places.append(" ".join(filter(None, [endpoint["network"], *addresses])))
            published.update(dict.fromkeys(_port(port) for one in addresses for port in ports.get(one, [])))
        for nic in container["interfaces"]:
            places.append(" ".join(["NIC", nic["device"], *(address.split("/")[0] for address in nic["addresses"])]))
        processes = str(len(container["pids"])) if container["pids"] else ""
        found.append((container["name"], container["mode"], _words(places), processes, _words(published)))
    return found


def _of_bridges(live: dict[str, Any]) -> Rows:
    return [
        (
            bridge["name"] if bridge["netns"] is None else "{} in {}".format(bridge["name"], bridge["netns"]),
            bridge["id"],
            "yes" if bridge["stp"] else "no",
            str(len(bridge["interfaces"])),
            enumerate_names(bridge["interfaces"], 2),
        )
        for bridge in sorted(live["bridges"], key=lambda bridge: by_number(bridge["name"]))
    ]


def _of_tunnels(live: dict[str, Any]) -> Rows:
    return sorted((_tunnel(tunnel) for tunnel in live["tunnels"]), key=lambda row: by_number(row[0]))


# of the views of several hosts: the heading besides HOST, and the rows of a host
_FLEET: dict[str, tuple[tuple[str, ...], Callable[[dict[str, Any]], Rows]]] = {
    "networks": (("NETWORK", "DRIVER", "SUBNET", "GATEWAY", "BRIDGE", "CONTAINERS"), _of_networks),
    "containers": (("CONTAINER", "MODE", "ADDRESSES", "PROCESSES", "PORTS"), _of_containers),
    "bridges": (("BRIDGE", "ID", "STP", "PORTS", "INTERFACES"), _of_bridges),
    "tunnels": (_TUNNEL, _of_tunnels),
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
