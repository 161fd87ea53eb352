# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Overlay: forwarding and neighbour entries a second into a tunnel's tables, against `bridge -batch` and `ip -batch`.

Two entries for each endpoint that is on another host: which host its MAC is behind, and which MAC its address has.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

from benchmarks.host import ADDRESS, Client, enter_command, run
from benchmarks.table import Spread, table

SIZES = (100, 1000, 5000)
WAYS = ("ours, tunnel made", "ours, nothing to do", "ours, one more", "bridge -batch and ip -batch")


def measure(sizes: list[int], rounds: int) -> dict[str, Any]:
    """Milliseconds by number of endpoints and by way."""
    found: dict[str, dict[str, list[float]]] = {}
    for _turn in range(rounds):
        for size in sizes:
            command = enter_command([sys.executable, "-m", __name__, str(size)])
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise RuntimeError(done.stderr[-2000:])
            for way, value in json.loads(done.stdout.splitlines()[-1]).items():
                found.setdefault(str(size), {}).setdefault(way, []).append(value)
    return found


def show(measured: dict[str, Any]) -> str:
    """The tables."""
    columns = ["%s endpoints" % size for size in measured]
    times = {way: [Spread.of(by_way[way]) for by_way in measured.values()] for way in WAYS}
    rates = {
        way: ["%.0f" % (2000 * int(size) / Spread.of(by_way[way]).median) for size, by_way in measured.items()]
        for way in (WAYS[0], WAYS[3])
    }
    first = table("Overlay, two entries for each endpoint elsewhere, ms", columns, times)
    return first + "\n" + table("Overlay, entries a second", columns, rates)


def _endpoint(number: int) -> dict[str, Any]:
    high, low = divmod(number + 256, 256)
    address = {"mac": "02:42:0a:3c:%02x:%02x" % (high, low), "addresses": ["10.60.%d.%d" % (high, low)]}
    return {**address, "vtep": "192.0.2.%d" % (10 + number % 100)}


def _document(size: int) -> Any:
    from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Topology

    objects = {
        "bridge": {"name": "br-bench", "addresses": ["10.60.0.1/16"]},
        "vxlan_tunnel": {"name": "vx-bench", "vni": 42, "local": ADDRESS, "bridge": "br-bench", "learning": False,
                         "endpoints": [_endpoint(number) for number in range(size)]},
    }  # fmt: skip
    return Topology.read({kind: [one] for kind, one in objects.items()})


def _timed_converge(size: int) -> float:
    from ansible_collections.virtnet.linux.plugins.module_utils.engine.converge import converge

    document = _document(size)
    began = time.perf_counter()
    converge(document)
    return (time.perf_counter() - began) * 1000


def _timed_batch(size: int) -> float:
    """The same entries by the commands, into an existing tunnel without entries."""
    for line in ("link add br-batch type bridge", "link set br-batch up",
                 "link add vx-batch type vxlan id 43 local %s dstport 4790 nolearning" % ADDRESS,
                 "link set vx-batch master br-batch up"):  # fmt: skip
        run("ip", *line.split())
    endpoints = [_endpoint(number) for number in range(size)]
    behind = "fdb add %(mac)s dev vx-batch dst %(vtep)s self static\nfdb add %(mac)s dev vx-batch master static\n"
    known = "neigh add %s lladdr %s dev br-batch nud permanent\n"
    fdb = "".join(behind % one for one in endpoints)
    neighbours = "".join(known % (one["addresses"][0], one["mac"]) for one in endpoints)
    began = time.perf_counter()
    run("bridge", "-batch", "-", stdin=fdb)
    run("ip", "-batch", "-", stdin=neighbours)
    return (time.perf_counter() - began) * 1000


def _main(size: int) -> None:
    client = Client()
    made, again, more = _timed_converge(size), _timed_converge(size), _timed_converge(size + 1)
    held = run("bridge", "fdb", "show", "dev", "vx-bench").count(" dst ")
    assert held == size + 1, "the tunnel has %d entries, not %d" % (held, size + 1)
    print(json.dumps(dict(zip(WAYS, (made, again, more, _timed_batch(size))))))
    client.close()


if __name__ == "__main__":
    _main(int(sys.argv[1]))
