# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks that name their uplinks: bridges and uplinks forward, nothing else does, and the host as a whole does not.

The neighbours are those of test_no_router.py. The kernel here can do that for both IP versions.
"""

from __future__ import annotations

import pytest
from integration.robust import engine
from integration.robust.documents import absent, complete
from integration.robust.test_no_router import LANS, NEIGHBOURS, NETWORKS, routed

from kit import packets, snapshot

PORT = complete({"nat_port": [{"host_port": "8080", "to_address": "172.30.0.2", "to_port": "80"}]})


def by(*uplinks):
    """The networks of test_no_router.py, each with these uplinks."""
    return {**NETWORKS, "bridge_policy": [{**one, "uplinks": list(uplinks)} for one in NETWORKS["bridge_policy"]]}


@pytest.fixture
def between(host):
    host.sh(LANS)
    return host


def forwarding(host):
    """What forwards: the host (all), and which links; IPv4 and IPv6."""
    names = ("all", "default", "to-left", "to-right", "br-two", "br-four")
    return [
        [name for name in names if host.try_sh("grep -q 1 /proc/sys/net/" + path % name).returncode == 0]
        for path in ("ipv4/conf/%s/forwarding", "ipv6/conf/%s/force_forwarding")
    ]


def test_only_uplinks_and_bridges_forward(between):
    before = between.snapshot()
    left, left6 = NEIGHBOURS["left"]
    engine.run(between, by("to-left"))
    engine.run(between, PORT)
    assert engine.run(between, by("to-left"), check=True) == []
    assert forwarding(between) == [["to-left", "br-two", "br-four"], ["to-left", "br-two"]]
    assert between.sysctl("ipv6/conf/all/forwarding") == "0" and between.sysctl("ipv6/conf/to-left/accept_ra") == "1"
    assert packets.seen(between, "c", left, 80, "left") == "198.18.0.2"
    assert packets.arrives(between, "c", left6, 80, "left")
    assert packets.arrives(between, "left", "198.18.0.2", 8080, "c", 80)
    assert packets.is_lost(between, "right", "198.51.100.2", 8080, "c", 80)
    assert packets.is_lost(between, "c", NEIGHBOURS["right"][0], 80, "right"), "no answer comes back in"
    assert routed(between) == set()
    between.sh("nft delete table inet virtnet")
    assert packets.is_lost(between, "right", left, 80, "left") and packets.is_lost(between, "right", left6, 80, "left")
    (warning,) = [
        one for one in between.module("network_info")["host"]["warnings"] if "table inet virtnet is missing" in one
    ]
    assert "net.ipv4.conf.to-left.forwarding, net.ipv6.conf.to-left.force_forwarding = 1" in warning
    engine.run(between, by("to-left"))
    engine.run(between, absent(NETWORKS))
    snapshot.same(before, between.snapshot())


def test_forwarding_changes_from_the_host_to_uplinks_and_back(between):
    before = between.snapshot()
    for document, host_wide in ((NETWORKS, True), (by("to-left"), False), (by("to-right"), False), (NETWORKS, True)):
        engine.run(between, document)
        assert engine.run(between, document, check=True) == []
        assert between.sysctl("ipv4/ip_forward") == between.sysctl("ipv6/conf/all/forwarding") == str(int(host_wide))
        assert routed(between) == set()
        uplink = "right" if "to-right" in str(document["bridge_policy"]) else "left"
        assert packets.arrives(between, "c", NEIGHBOURS[uplink][0], 80, uplink)
        assert packets.arrives(between, "c", NEIGHBOURS[uplink][1], 80, uplink)
    assert forwarding(between)[1] == [], "settings of single interfaces are restored"
    engine.run(between, absent(NETWORKS))
    snapshot.same(before, between.snapshot())


def test_a_network_without_uplinks_forwards_on_the_host(between):
    named = by("to-left")
    engine.run(between, {**named, "bridge_policy": [named["bridge_policy"][0], NETWORKS["bridge_policy"][1]]})
    assert between.sysctl("ipv4/ip_forward") == "1" and between.sysctl("ipv6/conf/all/forwarding") == "0"
    assert forwarding(between)[1] == ["to-left", "br-two"], "no other network has IPv6"


def test_an_internal_network_needs_no_forwarding(between):
    engine.run(between, by("to-left"))
    closed = [{**one, "internal": one["bridge"] == "br-two"} for one in by("to-left")["bridge_policy"]]
    engine.run(between, {"bridge_policy": closed})
    assert forwarding(between) == [["to-left", "br-four"], []]


def test_interfaces_that_forwarded_before_continue_to(between):
    between.sh("echo 1 >/proc/sys/net/ipv4/conf/to-left/forwarding")
    before = between.snapshot()
    engine.run(between, by("to-left", "to-right"))
    assert routed(between) == {4}
    assert packets.is_lost(between, "right", NEIGHBOURS["left"][0], 80, "left"), "this way it did not"
    between.sh("rm -r /run/virtnet")
    assert engine.run(between, by("to-left", "to-right"), check=True) == []
    engine.run(between, absent(NETWORKS))
    snapshot.same(before, between.snapshot())


def test_a_missing_uplink_is_configured_once_it_exists(between):
    engine.run(between, by("to-left", "wg0"))
    between.sh("ip link add wg0 type veth peer name far")
    assert engine.run(between, by("to-left", "wg0")) == [
        "change sysctl net.ipv4.conf.wg0.forwarding: value 0 -> 1",
        "change sysctl net.ipv6.conf.wg0.force_forwarding: value 0 -> 1",
    ]
