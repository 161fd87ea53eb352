# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What it costs to plan a fabric of 10, 100 and 1000 hosts with 50 containers each.

`python -m benchmarks.overlay_plan` prints a table.

The plan has every container once, so it grows with the hosts. What is made of it for one host tells it of every
container on another, so the entries on all hosts grow with the square. A run on one host plans the same addresses.
"""

from __future__ import annotations

import resource
import sys
import time
from typing import Any

from ansible_collections.virtnet.linux.plugins.plugin_utils.plan.fabric import plan_fabric, topology_of

SIZES = (10, 100, 1000)
CONTAINERS = 50
NETWORK = {"name": "fabric", "vni": 4242, "subnet": "10.0.0.0/10"}
_ROW = "{:>6} {:>10} {:>12} {:>14} {:>14} {:>14} {:>16} {:>12}"


def main() -> None:
    """Print a table, a row for each size."""
    print("Plan of a fabric, %d containers on each host" % CONTAINERS)
    heads = ("hosts", "entries", "first run, s", "ms a host", "no change, s", "one host, s", "topology, ms", "MiB")
    print(_ROW.format(*heads))
    for size in [int(word) for word in sys.argv[1:]] or SIZES:
        print(_ROW.format(*_row(size)), flush=True)


def _row(size: int) -> tuple[object, ...]:
    members = {f"h{number}": _member(number) for number in range(size)}
    first, planned = _timed(members, list(members))
    start = time.process_time()
    document = topology_of(planned, "h0")
    topology = time.process_time() - start
    entries = size * len(document["vxlan_tunnel"][0]["endpoints"])
    for name, own in planned["hosts"].items():
        _carry_out(members[name]["live"], own)
    again, _planned = _timed(members, list(members))
    one, _planned = _timed(members, ["h0"])
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    times = [f"{value:.2f}" for value in (first, first / size * 1000, again, one, topology * 1000)]
    return (size, entries, *times, f"{memory:.0f}")


def _timed(members: dict[str, Any], hosts: list[str]) -> tuple[float, dict[str, Any]]:
    start = time.process_time()
    planned = plan_fabric(members, hosts)
    if planned["errors"]:
        raise RuntimeError(planned["errors"][:3])
    return time.process_time() - start, planned


def _member(number: int) -> dict[str, Any]:
    address = f"172.16.{number >> 8}.{number & 255}"
    nic = {"name": "eth0", "kind": None, "mtu": 1500, "up": True, "ours": False, "addresses": [f"{address}/16"]}
    host = {"interfaces": [nic], "routes": [], "listeners": [], "namespaces": []}
    return {
        "networks": [NETWORK],
        "containers": [{"name": f"c{container}", "networks": ["fabric"]} for container in range(CONTAINERS)],
        "vtep": address,
        "live": {"networks": [], "bridges": [], "containers": [], "nat_ports": [], "tunnels": [], "host": host},
    }


def _carry_out(live: dict[str, Any], topology: dict[str, Any]) -> None:
    """What network_info would report of a host that has the topology."""
    inside = {}
    for veth in topology["veth"]:
        peer, name = veth["peer"], veth["labels"]["container"]
        endpoint = {
            "network": "fabric", "bridge": veth["bridge"], "veth": veth["name"], "interface": peer["name"],
            "mac": peer["mac"], "addresses": peer["addresses"],
        }  # fmt: skip
        labels = {"role": "overlay_network", "mode": "bridge"}
        live["containers"].append({"name": name, "join": None, "labels": labels, "pids": [], "endpoints": [endpoint]})
        inside[name] = {
            "EndpointID": veth["name"], "InterfaceName": peer["name"], "MacAddress": peer["mac"],
            "IPv4Address": peer["addresses"][0], "IPv6Address": "",
        }  # fmt: skip
    bridge = topology["bridge"][0]
    config = [{"Subnet": NETWORK["subnet"], "Gateway": bridge["addresses"][0].split("/")[0]}]
    live["networks"].append({
        "Name": "fabric", "Id": bridge["name"], "IPAM": {"Config": config}, "Internal": False, "Containers": inside,
        "Options": {"bridge": bridge["name"], "mtu": bridge["mtu"]},
        "Labels": {"role": "overlay_network", "vni": str(NETWORK["vni"])},
    })  # fmt: skip
    live["host"]["namespaces"] = list(inside)


if __name__ == "__main__":
    main()
