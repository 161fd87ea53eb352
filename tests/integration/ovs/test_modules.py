# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules bridge and veth with driver openvswitch: created, changed, removed without a trace, repaired."""

from __future__ import annotations

import pytest

from kit import openvswitch, snapshot

GATEWAY = "172.30.0.1"


def endpoint(number, **options):
    mac = "02:42:ac:1e:00:%02x" % (number + 1)
    peer = {"name": "eth0", "netns": "c%d" % number, "addresses": ["172.30.0.%d/16" % (number + 1)], "mac": mac}
    return {"name": "v%d" % number, "bridge": "br-web", "anti_spoofing": True, "peer": peer, **options}


def network(count=2, **options):
    return {
        "netns": [{"name": "c%d" % number} for number in range(1, count + 1)],
        "bridge": [{"name": "br-web", "driver": "openvswitch", "addresses": [GATEWAY + "/16"]}],
        "veth": [endpoint(number, **options) for number in range(1, count + 1)],
    }


def pings(host, netns, address):
    return host.try_sh("ping -c 1 -W 1 " + address, netns).returncode == 0


def test_create_idempotent_absent(host):
    before = host.snapshot()
    done = host.change("topology", **network())
    assert [(one["action"], one["kind"]) for one in done["actions"]][:3] == [("create", "netns")] * 2 + [
        ("create", "bridge")
    ]
    assert host.sh("ovs-vsctl list-ports br-web").split() == ["v1", "v2"]
    assert pings(host, "c1", "172.30.0.3") and pings(host, "c2", GATEWAY) and pings(host, None, "172.30.0.2")
    gone = network()
    for objects in gone.values():
        for one in objects:
            one["state"] = "absent"
    gone["veth"] = [{"name": one["name"], "state": "absent"} for one in gone["veth"]]
    host.change("topology", **gone)
    assert host.sh("ovs-vsctl list-br") == ""
    host.settle()
    snapshot.same(before, without_datapath(host.snapshot()))


def without_datapath(taken):
    """A snapshot without the device that ovs-vswitchd makes with its first switch, and keeps."""
    stack = taken["stacks"][""]
    stack["links"].pop("ovs-netdev", None)
    for topic in ("routes", "neighbours"):
        stack[topic] = [one for one in stack[topic] if one.get("dev") != "ovs-netdev"]
    stack["sysctls"] = {path: value for path, value in stack["sysctls"].items() if "/ovs-netdev/" not in path}
    return taken


def test_anti_spoofing_drops_forged_sources(host):
    host.change("topology", **network())
    host.sh("ip addr add 172.30.0.77/16 dev eth0; ping -c 1 -W 1 -I 172.30.0.77 172.30.0.3 && exit 1; true", "c1")
    host.sh("ip link set eth0 address 02:00:00:00:00:99; ping -c 1 -W 1 172.30.0.3 && exit 1; true", "c1")
    host.sh("ip link set eth0 address 02:42:ac:1e:00:02", "c1")
    assert pings(host, "c1", "172.30.0.3")


@pytest.mark.parametrize("icc", [True, False])
def test_icc_false_isolates_containers(host, icc):
    policy = {"bridge": "br-web", "subnets": ["172.30.0.0/16"], "icc": icc}
    host.change("topology", **network(), bridge_policy=[policy])
    assert pings(host, "c1", "172.30.0.3") is icc
    assert pings(host, "c1", GATEWAY)
    host.change("bridge_policy", **{**policy, "icc": not icc})
    assert pings(host, "c1", "172.30.0.3") is not icc


def test_a_crash_of_ovs_vswitchd_closes_the_ports_and_the_next_run_repairs(host):
    host.change("topology", **network())
    openvswitch.stop_switchd(host)
    openvswitch.start_switchd(host)
    assert not pings(host, "c1", "172.30.0.3")  # without flows nothing passes: no unguarded moment
    done = host.change("topology", **network())
    assert [(one["action"], one["kind"], one["name"]) for one in done["actions"]] == [("change", "switch", "br-web")]
    assert pings(host, "c1", "172.30.0.3") and pings(host, "c1", GATEWAY)


def test_a_switch_and_a_port_deleted_out_of_band_are_recreated(host):
    host.change("topology", **network())
    host.sh("ovs-vsctl del-port v1")
    host.change("topology", **network())
    assert pings(host, "c1", "172.30.0.3")
    host.sh("ovs-vsctl del-br br-web")
    host.change("topology", **network())
    assert pings(host, "c1", "172.30.0.3") and pings(host, "c2", GATEWAY)


def test_foreign_switches_are_left_untouched(host):
    host.sh("ovs-vsctl add-br theirs -- set bridge theirs datapath_type=netdev -- add-port theirs gw "
            "-- set interface gw type=internal; ovs-ofctl add-flow theirs priority=7,actions=NORMAL")  # fmt: skip
    before = host.snapshot()["switches"]
    host.change("topology", **network())
    during = host.snapshot()["switches"]
    assert during["flows of theirs"] == before["flows of theirs"]
    assert set(before["bridge"]) < set(during["bridge"]) and set(before["port"]) < set(during["port"])
    (problem,) = host.refused("bridge", name="theirs", driver="openvswitch", addresses=["172.31.0.1/16"])
    assert "already exists and is not managed" in problem


def test_networks_of_one_switch_are_isolated_by_vlans(host):
    """Two networks with the same addresses on one switch: they are apart, and a trunk reaches both."""
    bridges = [
        {"name": "sw0", "driver": "openvswitch"},
        {"name": "br-red", "driver": "openvswitch", "switch": "sw0", "vlan": 10, "addresses": ["172.30.0.1/16"]},
        {"name": "br-blue", "driver": "openvswitch", "switch": "sw0", "vlan": 20, "addresses": ["172.31.0.1/16"]},
    ]
    red, blue, trunk = endpoint(1, bridge="br-red"), endpoint(2, bridge="br-blue"), endpoint(3, bridge="br-red")
    blue["peer"]["addresses"] = ["172.31.0.3/16"]
    trunk.update(trunks=[20], anti_spoofing=False)
    host.change("topology", netns=[{"name": "c%d" % n} for n in (1, 2, 3)], bridge=bridges, veth=[red, blue, trunk])
    assert pings(host, "c1", "172.30.0.1") and pings(host, "c2", "172.31.0.1") and pings(host, "c1", "172.30.0.4")
    host.sh("ip addr add 172.30.0.9/16 dev eth0", "c2")
    assert not pings(host, "c1", "172.30.0.9")
    host.start("sh", "-c", "timeout 5 tcpdump -c 1 -l -nn -e -i eth0 vlan 20 >/run/seen 2>/dev/null", netns="c3")
    host.sh(UNTIL_SEEN, "c2")


UNTIL_SEEN = """
for n in $(seq 20); do
    ping -c 1 -W 0.1 172.31.0.99 || true
    grep -q 'vlan 20' /run/seen && exit 0
    sleep 0.1
done
exit 1
"""


def test_a_document_is_refused_without_open_vswitch(host):
    host.sh("kill $(cat /run/openvswitch/*.pid); while [ -e /run/openvswitch/db.sock ]; do sleep 0.02; done")
    (problem,) = host.refused("bridge", name="br-web", driver="openvswitch")
    assert "Open vSwitch does not run on this host" in problem


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"stp": True}, "stp: True: driver openvswitch does not run the spanning tree"),
        ({"vlan": 10}, "switch: '': is required"),
        ({"vlan": 5000, "switch": "sw0"}, "vlan: 5000:"),
    ],
)
def test_options_that_the_driver_lacks_are_refused(host, options, part):
    host.module("bridge", name="sw0", driver="openvswitch")
    problems = host.refused("bridge", name="br-web", driver="openvswitch", **options)
    assert any(part in problem for problem in problems), problems
