# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Many containers, and many runs: time and memory are printed (pytest -rP) and recorded in benchmarks/README.md."""

from __future__ import annotations

import gc
import os
import re
import resource
import time

import pytest
from integration.robust.documents import absent, complete

from ansible_collections.virtnet.linux.plugins.module_utils.engine.converge import converge
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Topology
from ansible_collections.virtnet.linux.plugins.module_utils.rules import names
from kit import snapshot


def many(networks, containers, ports=1):
    """So many networks of so many containers each, each container with so many published ports."""
    places = [(network, one) for network in range(networks) for one in range(containers)]

    def address(network, one):
        return "10.%d.%d.%d" % (network, (one + 2) // 256, (one + 2) % 256)

    def veth(network, one):
        return {
            "name": "v%d-%d" % (network, one),
            "bridge": "br-%d" % network,
            "anti_spoofing": True,
            "peer": {
                "name": "eth0",
                "netns": "c%d-%d" % (network, one),
                "addresses": [address(network, one) + "/16"],
                "mac": names.mac_of_ipv4(address(network, one)),
                "gateway": "10.%d.0.1" % network,
            },
        }

    def port(number, place):
        first = 2000 + number * ports
        what = "%d-%d" % (first, first + ports - 1)
        return {"host_port": what, "to_address": address(*place), "bridge": "br-%d" % place[0]}

    bridges = range(networks)
    return complete({
        "netns": [{"name": "c%d-%d" % place} for place in places],
        "bridge": [{"name": "br-%d" % one, "addresses": ["10.%d.0.1/16" % one], "mac": "02:42:0a:%02x:00:01" % one}
                   for one in bridges],
        "veth": [veth(*place) for place in places],
        "bridge_policy": [{"bridge": "br-%d" % one, "subnets": ["10.%d.0.0/16" % one]} for one in bridges],
        "nat_port": [port(*item) for item in enumerate(places)],
    })  # fmt: skip


def _measured(document):
    """How many actions a run takes, its seconds, those of the processors (nft's too), and by how many MiB the process
    grows on the way."""
    start, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    actions = len(converge(Topology.read(document)).actions)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return actions, time.monotonic() - start, sum(os.times()[:4]), grown / 1024


def _available():
    """MiB of memory that the machine has left; containers' namespaces and links are the kernel's."""
    with open("/proc/meminfo") as file:
        return int(re.search(r"MemAvailable: +(\d+)", file.read()).group(1)) / 1024


@pytest.mark.parametrize("networks, containers, ports", [(1, 1000, 1), (10, 100, 1), (1, 100, 200)])
def test_large_topologies(host, networks, containers, ports):
    before, free = host.snapshot(), _available()
    document = many(networks, containers, ports)
    print("\n%d networks of %d containers, %d ports each" % (networks, containers, ports))
    for what, one in (("create", document), ("again", document), ("remove", absent(document))):
        actions, seconds, computed, grown = host.call(_measured, one)
        print("%s: %.1f s, of the processors %.1f s, process %d MiB, machine %d MiB" % (
            what, seconds, computed, grown, free - _available()))  # fmt: skip
        assert (what == "again") == (actions == 0)
        assert grown < 200, "MiB"
    snapshot.same(before, host.snapshot())


def _cycles(document, gone, times):
    """Make and remove in one process; open files, memory (KiB) and threads after the tenth time, and after the last."""
    seen = []
    for number in range(times):
        converge(Topology.read(document))
        converge(Topology.read(gone))
        if number in (9, times - 1):
            gc.collect()
            seen.append((len(os.listdir("/proc/self/fd")), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
    return seen


def test_repeated_runs_leave_nothing(host):
    before = host.snapshot()
    document = many(1, 3, 2)
    (files, memory), (files_then, memory_then) = host.call(_cycles, document, absent(document), 500)
    snapshot.same(before, host.snapshot())
    assert files_then == files
    assert memory_then - memory < 4096, "KiB"
