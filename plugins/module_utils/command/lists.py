# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of virtnet ls, ps, port and bridges."""

from __future__ import annotations

from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.command.containers import Report, find
from ansible_collections.virtnet.linux.plugins.module_utils.command.output import Row, table


def networks(found: Report) -> list[str]:
    """Format a line for each network."""
    rows: list[Row] = [("NETWORK", "DRIVER", "SCOPE", "SUBNETS", "GATEWAYS", "BRIDGE", "CONTAINERS")]
    for one in found["networks"]:
        config = one["IPAM"]["Config"]
        gateways = [part["Gateway"] for part in config if "Gateway" in part]
        driver = one["Options"].get("driver", one["Driver"])
        subnets = _listing([part["Subnet"] for part in config])
        rows.append(
            (one["Name"], driver, one["Scope"], subnets, _listing(gateways), one["Id"], str(len(one["Containers"])))
        )
    return table(rows)


def containers(found: Report) -> list[str]:
    """Format a line for each container: its networks, addresses, published ports and processes."""
    rows: list[Row] = [("CONTAINER", "MODE", "NETWORKS", "ADDRESSES", "PORTS", "PROCESSES")]
    published = by_container(found)
    for one in found["containers"]:
        addresses = [address.split("/")[0] for end in one["endpoints"] for address in end["addresses"]]
        ports = [mapping(port) for port in published.get(one["name"], [])]
        processes = ["%d (%s)" % (pid, one["programs"].get(str(pid), "?")) for pid in one["pids"][:3]]
        if len(one["pids"]) > len(processes):
            processes.append("%d more" % (len(one["pids"]) - len(processes)))
        own = [end["network"] or "" for end in one["endpoints"]]
        rows.append(
            (one["name"], one["mode"], _listing(own), _listing(addresses), _listing(ports), _listing(processes))
        )
    return table(rows)


def ports(found: Report, name: str) -> list[dict[str, Any]]:
    """Return the published ports of a container, as entries of nat_ports. Raises Unknown."""
    return by_container(found).get(find(found, name)["name"], [])


def port_lines(found: list[dict[str, Any]]) -> list[str]:
    """Format ports as docker port does: 80/tcp -> 0.0.0.0:8080."""
    return ["%s/%s -> %s" % (one["to_port"], one["protocol"], _host_side(one)) for one in found]


def bridges(found: Report) -> list[str]:
    """Format a line for each port of each bridge, in the columns of brctl show."""
    rows: list[Row] = [("BRIDGE", "ID", "STP", "DRIVER", "INTERFACES")]
    for one in found["bridges"]:
        name = one["name"] if one["netns"] is None else "%s in %s" % (one["name"], one["netns"])
        first: Row = (name, one["id"], "yes" if one["stp"] else "no", one["driver"])
        for port in one["interfaces"] or [""]:
            rows.append((*first, port))
            first = ("", "", "", "")
    return table(rows)


def by_container(found: Report) -> dict[str, list[dict[str, Any]]]:
    """Return the entries of nat_ports by the container that they lead to: the one to which anti-spoofing allows the
    address, not one that has configured it."""
    holders = {port["Address"]: port["Container"] for network in found["networks"] for port in network["Ports"]}
    by_container: dict[str, list[dict[str, Any]]] = {}
    for one in found["nat_ports"]:
        if one["to_address"] in holders:
            by_container.setdefault(holders[one["to_address"]], []).append(one)
    return by_container


def mapping(port: dict[str, Any]) -> str:
    """Format a port as docker ps does: 0.0.0.0:8080->80/tcp."""
    return "%s->%s/%s" % (_host_side(port), port["to_port"], port["protocol"])


def _host_side(port: dict[str, Any]) -> str:
    host_ip = port["host_ip"] or ("[::]" if ":" in port["to_address"] else "0.0.0.0")
    if ":" in host_ip and not host_ip.startswith("["):
        host_ip = "[%s]" % host_ip
    return "%s:%s" % (host_ip, port["host_port"])


def _listing(words: list[str]) -> str:
    return ", ".join(words)
