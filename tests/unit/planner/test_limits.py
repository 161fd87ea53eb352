# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits of the kernel that endpoints exceed: by name, with the numbers and what to set."""

from __future__ import annotations

import pytest
from unit.planner.simulated_host import EMPTY, live_after, plan, topology

V4, V6, BACKLOG = (
    "net.ipv4.neigh.default.gc_thresh3",
    "net.ipv6.neigh.default.gc_thresh3",
    "net.core.netdev_max_backlog",
)
USUAL = {V4: 1024, V6: 1024, BACKLOG: 1000}
UNSEEN = dict.fromkeys(USUAL)
WEB = {"name": "web", "subnet": "172.30.0.0/16"}
DUAL = {**WEB, "subnet6": "fd00:30::/64"}


def warnings(network, count, limits, live=EMPTY):
    live = {**live, "host": {**live["host"], "limits": limits}}
    planned = plan([network], [{"name": "c%d" % number, "networks": ["web"]} for number in range(count)], live=live)
    assert planned["errors"] == []
    return planned["warnings"]


def test_few_containers_exceed_no_limit():
    assert warnings(WEB, 512, USUAL) == warnings(WEB, 512, UNSEEN) == []


@pytest.mark.parametrize("limits", [USUAL, {**USUAL, V4: 2000, V6: 700}])
def test_neighbour_entries_above_gc_thresh3_warn(limits):
    found = warnings(DUAL, 600, limits)
    keys = [key for key in (V4, V6) if limits[key] < 1200]
    assert len(found) == len(keys)
    for key, warning in zip(keys, found):
        assert "600 IPv%s endpoints need 1200" % key[7] in warning and "%s is %d," % (key, limits[key]) in warning
        assert "prepare_host_neighbour_entries: 4096" in warning


def test_unreadable_limits_are_assumed_to_be_the_kernels_defaults():
    (warning,) = warnings(WEB, 600, UNSEEN)
    assert "cannot be seen in this network namespace, is 1024 unless it was raised" in warning


def test_undeclared_containers_count():
    others = [{"name": "d%d" % number, "networks": ["web"]} for number in range(300)]
    before = live_after(topology([WEB], others))
    (warning,) = warnings(WEB, 300, USUAL, before)
    assert "600 IPv4 endpoints" in warning


def test_a_backlog_below_a_bridges_ports_warns():
    (warning,) = warnings(WEB, 1010, {**USUAL, V4: 1 << 15})
    assert warning.startswith("bridge br-web has 1010 endpoints") and "prepare_host_receive_backlog: 2048" in warning
    assert warnings(WEB, 1010, {V4: 1 << 15, V6: 1 << 15, BACKLOG: 4096}) == []


def test_a_report_without_limits_gives_no_warning():
    assert warnings(WEB, 600, None) == []
