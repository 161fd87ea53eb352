# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Permanent neighbour entries of a bridge for the host's own endpoints: created, changed and removed with them."""

from __future__ import annotations

import copy
import json
import os

import pytest

from ansible_collections.virtnet.linux.plugins.module_utils.engine import converge
from ansible_collections.virtnet.linux.plugins.module_utils.links import endpoint_neighbours
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Topology
from kit import packets, snapshot, topologies

ASKED = "nft add table netdev asked; nft 'add chain netdev asked out { type filter hook egress device %s priority 0; }'"
COUNT = "nft 'add rule netdev asked out %s counter'"


def site(**options):
    """The site with guarded endpoints."""
    document = topologies.site()
    document["bridge_policy"] = [topologies.policy("br0"), topologies.policy("br1")]
    for pair in document["veth"][1:]:
        pair.update(anti_spoofing=True, **options)
    return document


def absent(document):
    return {kind: [{**one, "state": "absent"} for one in objects] for kind, objects in document.items()}


def entries(host, bridge="br0"):
    """Address and MAC of a bridge's permanent entries."""
    found = json.loads(host.sh("ip -json neigh show dev %s nud permanent" % bridge))
    return {one["dst"]: one["lladdr"] for one in found}


def of(number, bridge=0):
    mac = "02:42:0a:%02x:00:%02x" % (bridge, number)
    return {"10.%d.0.%d" % (bridge, number): mac, "fd00%s::%d" % (":%x" % bridge if bridge else "", number): mac}


def asked(host, bridge="br0"):
    """How many ARP requests and neighbour solicitations have left by a bridge."""
    listed = json.loads(host.sh("nft -j list table netdev asked"))["nftables"]
    parts = [part for one in listed for part in one.get("rule", {}).get("expr", ())]
    return sum(part["counter"]["packets"] for part in parts if "counter" in part)


@pytest.fixture
def counted(host):
    """The site, with a count of the host's requests on br0."""
    host.change("topology", **site())
    host.sh(ASKED % "br0")
    host.sh(COUNT % "arp operation request")
    host.sh(COUNT % "icmpv6 type nd-neighbor-solicit")
    return host


def test_entries_are_created_and_removed_with_endpoints(host):
    before = host.snapshot()
    host.change("topology", **site())
    assert entries(host) == {**of(2), **of(3)}
    assert entries(host, "br1") == of(2, 1)
    host.change("topology", veth=[{"name": "v-c1", "state": "absent"}])
    assert entries(host) == of(3)
    host.change("topology", netns=[{"name": "c2", "state": "absent"}])
    assert entries(host) == {}
    host.change("topology", **absent(site()))
    snapshot.same(before, host.snapshot())


@pytest.mark.parametrize("address", ["10.0.0.2", "fd00::2"])
def test_the_host_sends_no_arp_request_for_an_endpoint(counted, address):
    assert packets.ping(counted, None, address)
    assert asked(counted) == 0


def test_forged_arp_replies_change_no_entry(host):
    document = site()
    document["veth"][2]["anti_spoofing"] = False  # c2 may send as it likes
    host.module("topology", **document)
    host.sh("ip address add 10.0.0.2/24 dev eth0; ping -c 1 -W 1 -I 10.0.0.2 10.0.0.1 || true", "c2")
    assert packets.arrives(host, None, "10.0.0.2", 80, "c1")


def test_entries_follow_addresses_and_macs(host):
    document = site()
    host.module("topology", **document)
    changed = copy.deepcopy(document)
    changed["veth"][1]["peer"].update(mac="02:42:0a:00:00:99", addresses=["10.0.0.7/24"], gateway6=None)
    host.change("topology", **changed)
    assert entries(host) == {"10.0.0.7": "02:42:0a:00:00:99", **of(3)}
    changed["veth"][1]["peer"].update(document["veth"][2]["peer"], name="eth0", netns="c1")
    changed["veth"][2]["peer"].update(document["veth"][1]["peer"], name="eth0", netns="c2")
    host.change("topology", **changed)  # they change places
    assert packets.arrives(host, None, "10.0.0.3", 80, "c1") and packets.arrives(host, None, "10.0.0.2", 80, "c2")
    host.change("topology", veth=[{**changed["veth"][1], "bridge": "br1"}])
    assert entries(host) == of(2) and entries(host, "br1") == {**of(2, 1), **of(3)}


def test_entries_require_a_gateway_address_and_anti_spoofing(host):
    document = site()
    document["bridge"][0]["addresses"] = []
    document["bridge"][1]["addresses"] = ["10.1.0.1/24"]
    host.module("topology", **document)
    assert entries(host) == {} and entries(host, "br1") == {"10.1.0.2": "02:42:0a:01:00:02"}
    document["bridge"][0]["addresses"] = ["10.0.0.1/24"]
    host.change("topology", **document)
    assert entries(host) == {"10.0.0.%d" % number: "02:42:0a:00:00:%02x" % number for number in (2, 3)}
    for pair in document["veth"][1:]:
        pair["anti_spoofing"] = False
    host.change("topology", **document)
    assert entries(host) == entries(host, "br1") == {}


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("ip neigh del 10.0.0.2 dev br0", (set(), {"10.0.0.2"})),
        ("ip neigh replace 10.0.0.2 dev br0 lladdr 02:42:0a:00:00:66 nud permanent", ({"10.0.0.2"}, {"10.0.0.2"})),
        (
            "ip neigh replace 10.0.0.9 dev br0 lladdr 02:42:0a:00:00:09 nud permanent protocol 118",
            ({"10.0.0.9"}, set()),
        ),
        ("ip neigh replace 10.0.0.2 dev br0 lladdr 02:42:0a:00:00:02 nud reachable", (set(), {"10.0.0.2"})),
    ],
)
def test_out_of_band_changes_are_repaired(host, script, expected):
    host.module("topology", **site())
    host.sh(script)
    (action,) = host.change("topology", **site())["actions"]
    assert (action["action"], action["kind"], action["name"]) == ("change", "neighbour", "br0")
    assert tuple({entry.split()[0] for entry in action[side]["neighbours"]} for side in ("before", "after")) == expected
    assert entries(host) == {**of(2), **of(3)}


@pytest.mark.parametrize(
    "script",
    [
        "ip link set br0 down",
        "ip link set br0 down; ip link set br0 up",
        "ip link set br0 address 02:00:00:00:00:77",
        "ip link delete br0",
        "ip netns delete c1",
        "ip neigh flush all nud permanent",
    ],
)
def test_entries_flushed_by_the_kernel_are_recreated(host, script):
    document = site()
    document["bridge"][0]["mac"] = "02:42:0a:00:00:01"
    host.module("topology", **document)
    host.sh(script)
    host.settle()
    host.change("topology", **document)
    assert entries(host) == {**of(2), **of(3)}
    assert entries(host, "br1") == of(2, 1)


def test_a_new_bridge_mac_keeps_entries_of_undeclared_endpoints(host):
    host.module("topology", **site())
    host.change("bridge", name="br0", mac="02:42:0a:00:00:44")
    assert entries(host) == {**of(2), **of(3)}


def test_foreign_entries_are_kept(host):
    host.module("topology", **site())
    host.sh("ip neigh add 10.0.0.200 dev br0 lladdr 02:42:0a:00:00:c8 nud permanent")
    host.unchanged("topology", **site())
    host.change("topology", veth=[{"name": "v-c1", "state": "absent"}])
    assert entries(host) == {**of(3), "10.0.0.200": "02:42:0a:00:00:c8"}


def test_entries_left_by_a_killed_run_are_removed_by_the_next(host):
    gone = {"veth": [{"name": "v-c1", "state": "absent"}], "netns": [{"name": "c1", "state": "absent"}]}

    def killed():
        endpoint_neighbours.apply = lambda *_arguments: os._exit(0)
        converge.converge(Topology.read(gone))

    host.module("topology", **site())
    host.call(lambda: os.waitpid(os.fork() or killed(), 0))
    assert entries(host) == {**of(2), **of(3)} and "v-c1" not in host.links()
    host.change("topology", **gone)
    assert entries(host) == of(3)
