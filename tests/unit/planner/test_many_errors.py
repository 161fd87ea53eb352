# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A mistake in a template is in each of a hundred thousand containers: which errors are listed, and how fast."""

from __future__ import annotations

import gc
import time

import pytest
from unit.fabric.simulated_fabric import FABRIC, bare
from unit.planner.simulated_host import WEB, plan

from ansible_collections.virtnet.linux.plugins.filter.overlay_network_plan import overlay_network_plan

WIDE = {"name": "web", "subnet": "10.0.0.0/8"}


def containers(count, **fields):
    return [{"name": f"c{number}", "networks": ["web"], **fields} for number in range(count)]


def joining(count, last):
    return [{"name": f"c{number}", "network_mode": f"container:c{number + 1}"} for number in range(count - 1)] + [
        {"name": f"c{count - 1}", "network_mode": f"container:{last}"}
    ]


MISTAKES = {
    "an unknown field": lambda count: ([WEB], containers(count, image="nginx")),
    "an unknown network": lambda count: ([WEB], containers(count, networks=["db"])),
    "one port": lambda count: ([WIDE], containers(count, ports=["80:80"])),
    "one address": lambda count: ([WIDE], containers(count, networks=[{"name": "web", "ipv4_address": "10.0.0.9"}])),
    "a chain to nowhere": lambda count: ([], joining(count, "gone")),
    "a circle": lambda count: ([], joining(count, "c0")),
    "one range": lambda count: ([WIDE], containers(count, ports=["1024-1500:80"])),
    "many aliases": lambda count: ([WEB], containers(1, networks=[{"name": "web", "aliases": ["a b"] * count}])),
    "one network again and again": lambda count: ([WEB], containers(1, networks=["web"] * count)),
    "one route again and again": lambda count: (
        [{**WEB, "routes": [{"to": "10.0.0.0/8", "via": "172.30.0.9"}] * count}], []
    ),
    "one subnet": lambda count: ([{"name": f"n{number}", "subnet": "10.0.0.0/8"} for number in range(count)], []),
    "segments in a row": lambda count: (
        [WEB, *({"name": f"n{number}", "connect": [f"n{number - 1}" if number else "web"], "mtu": 1400}
                for number in range(count))], [],
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("mistake", MISTAKES)
def test_time_grows_linearly_with_the_errors(mistake):
    def seconds(count):
        typed = MISTAKES[mistake](count)
        gc.collect()  # the garbage of other tests is not this one's time
        start = time.process_time()
        assert plan(*typed)["errors"]
        return time.process_time() - start

    # Other load may slow one attempt down by a half; the square is sixteen times as long in each.
    assert any(seconds(12000) < 10 * seconds(3000) for _attempt in range(6)), "sixteen times as long is the square"


def test_the_first_fifty_errors_are_listed_and_the_others_counted():
    (*named, last) = plan([WEB], containers(1000, image="nginx"))["errors"]
    assert [error.split(":")[0] for error in named] == [f"container c{number}" for number in range(50)]
    assert last == "and 950 more"


def test_fifty_errors_are_all_listed():
    assert len(plan([WEB], containers(50, image="nginx"))["errors"]) == 50
    assert plan([WEB], containers(51, image="nginx"))["errors"][-1] == "and 1 more"


def test_warnings_are_limited_too():
    live = {**bare(1), "host": {"interfaces": [{"name": "eth0", "addresses": ["192.0.2.2/24"], "mtu": 1500}]}}
    ports = [f"198.51.100.9:{port}:80" for port in range(1, 101)]
    (*named, last) = plan([WEB], containers(1, ports=ports), live=live)["warnings"]
    assert (len(named), last) == (50, "and 50 more")


def test_errors_of_a_fabric_are_limited_too():
    declared = {
        name: {"networks": [FABRIC], "containers": containers(100, networks=["fabric"], image=name)}
        for name in ("h1", "h2")
    }
    readings = {name: bare(number + 1) for number, name in enumerate(declared)}
    planned = overlay_network_plan(list(declared), {}, list(declared), readings, declared)
    (*named, last) = planned["errors"]
    assert named[0].startswith("h1: container c0: image 'h1': is no field")
    assert (len(named), last) == (50, "and 150 more")
