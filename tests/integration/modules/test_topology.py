# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module topology: all kinds in one run, in a safe order, and repaired after any change."""

from __future__ import annotations

import copy
import os

import pytest

from kit import packets, snapshot, topologies
from kit.host import run_module
from kit.topologies import HOST, OUTSIDE, OUTSIDE6, policy

DAMAGED = ["", "{", "[]", '{"sysctls": 3, "handles": []}']  # as what is remembered
PORT = {"host_port": "8080", "to_address": "10.0.0.2", "to_port": "80", "bridge": "br0"}


def everything():
    document = topologies.site()
    document["netns"] += [{"name": "sidecar", "join": "c1"}, {"name": "agent", "join": "host"}]
    document["bridge_policy"] = [policy("br0"), policy("br1", internal=True, icc=False)]
    document["nat_port"] = [PORT, {**PORT, "protocol": "udp", "to_port": "53"}]
    for veth_pair in document["veth"][1:]:
        veth_pair["anti_spoofing"] = True
    return document


def nothing(document):
    """The same objects, all absent; of ports only what identifies them."""
    gone = copy.deepcopy(document)
    gone["nat_port"] = [{key: one[key] for key in ("host_port", "protocol") if key in one} for one in gone["nat_port"]]
    return {kind: [{**one, "state": "absent"} for one in objects] for kind, objects in gone.items()}


def works(host):
    assert packets.seen(host, "c1", OUTSIDE, 80, "outside") == HOST
    assert packets.seen(host, "outside", HOST, 8080, "c1", 80) == OUTSIDE
    assert packets.arrives(host, "sidecar", "10.0.0.3", 80, "c2")
    assert packets.is_lost(host, "c3", OUTSIDE, 80, "outside")


def test_create_idempotent_absent(host):
    before = host.snapshot()
    done = host.change("topology", **everything())
    assert [action["action"] for action in done["actions"] if action["kind"] != "sysctl"] == ["create"] * 16
    works(host)
    gone = host.change("topology", **nothing(everything()))
    assert {action["action"] for action in gone["actions"] if action["kind"] != "sysctl"} == {"delete"}
    host.unchanged("topology", **nothing(everything()))
    snapshot.same(before, host.snapshot())


def test_an_empty_document_is_no_change(host):
    host.unchanged("topology")
    host.unchanged("topology", netns=[], veth=None)


def test_objects_outside_the_document_are_kept(host):
    host.change("topology", **everything())
    host.change("topology", netns=[{"name": "c2", "state": "absent"}])
    host.change("topology", netns=[{"name": "c9"}])
    works_without_c2 = packets.seen(host, "outside", HOST, 8080, "c1", 80) == OUTSIDE
    assert works_without_c2 and set(host.sh("ls /run/netns").split()) == {
        "c1",
        "c3",
        "c9",
        "outside",
        "sidecar",
        "agent",
    }


def test_a_veth_created_by_its_module_is_idempotent_in_topology(host):
    document = everything()
    second = topologies.veth_pair("c1", "br1", 9)
    second.update(name="v-c1b", peer={**second["peer"], "name": "eth1", "gateway": None, "gateway6": None})
    document["bridge_policy"] = [policy("br0"), policy("br1")]
    host.module("topology", **document)
    host.change("veth", **second)
    assert packets.arrives(host, "c3", HOST, 8080, "c1", 80), "client and server share br1"
    document["veth"].append(second)
    host.unchanged("topology", **document)
    for pair in document["veth"]:
        host.unchanged("veth", **pair)
    host.change("veth", name="v-c1b", state="absent")
    assert packets.arrives(host, "c3", HOST, 8080, "c1", 80)


def test_ipv6_and_its_mtu_are_set_in_one_run(host):
    document = everything()
    host.module("topology", **document)
    document["bridge"][0].update(mtu=1000, addresses=["10.0.0.1/24"])
    for pair in document["veth"][1:3]:
        del pair["peer"]["gateway6"]
        pair.update(mtu=1000, peer={**pair["peer"], "addresses": pair["peer"]["addresses"][:1]})
    document["bridge_policy"][0]["subnets"] = ["10.0.0.0/24"]
    host.change("topology", **document)
    works(host)


def test_a_guard_without_declared_addresses_keeps_its_own(host):
    document = everything()
    host.module("topology", **document)
    pair = copy.deepcopy(document["veth"][1])
    for option in ("addresses", "gateway", "gateway6"):
        del pair["peer"][option]
    host.unchanged("veth", **pair)
    works(host)
    host.change("veth", **{**pair, "anti_spoofing": False})
    host.sh("ip address add 10.0.0.1/24 dev eth0", "c1")
    (problem,) = host.refused("veth", **pair)
    assert "set peer.addresses" in problem, "or it would have the gateway's address by right"
    host.change("topology", **document)
    works(host)


@pytest.mark.parametrize(
    "script",
    [
        "nft flush ruleset",
        "ip netns delete c1",
        "ip netns delete c2; ip link delete v-c1",
        "ip link delete br0",
        "ip link delete v-c1; ip link delete outside0",
        "for name in $(ls /run/netns); do ip netns delete $name; done; nft flush ruleset; ip link delete br1",
        "ip -n c1 address flush dev eth0; ip -n c2 route delete default; ip link set br0 down; ip addr flush dev br1",
        "ip netns delete c1; : >/run/netns/c1; : >/run/netns/c2x",
        "ip -n c1 link set eth0 name eth7; ip link set v-c2 nomaster; ip link set v-c3 master br0",
        "echo 0 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv6/conf/all/forwarding",
        "umount -l /run/netns/c1; rm /run/netns/c1",
        "nft 'add table inet virtnet { flags dormant; }'",
        "ip -6 route delete fd00:0::/64 dev br0; ip -n c1 -6 route delete fd00:0::/64 dev eth0",
        "echo 0 >/proc/sys/net/ipv4/conf/br0/forwarding",
        "nft 'add element inet virtnet bridges { \"outside0\" }'",
    ],
)
def test_out_of_band_changes_of_every_kind_are_repaired_by_one_run(host, script):
    host.module("topology", **everything())
    host.sh(script)
    host.settle()
    host.change("topology", **everything())
    works(host)
    assert packets.arrives(host, "c1", OUTSIDE6, 80, "outside")


LOSSES = ["rm -r /run/virtnet", *("echo '%s' >/run/virtnet/memory.json" % text for text in DAMAGED)]


@pytest.mark.parametrize("loss", LOSSES)
def test_missing_runtime_state_is_tolerated(host, loss):
    before = host.snapshot()
    host.module("topology", **everything())
    host.sh(loss)
    assert not host.module("network_info").get("failed")
    adopting = everything()
    for namespace in adopting["netns"]:  # which of them joins whom was in the file
        namespace["adopt"] = True
    host.change("topology", **adopting)
    works(host)
    host.module("topology", **nothing(everything()))
    after = host.snapshot()
    assert after["stacks"][""] == before["stacks"][""] and after["nftables"] == before["nftables"]


def test_errors_of_all_kinds_are_reported_at_once(host):
    problems = host.refused(
        "topology",
        netns=[{"name": "a/b"}, {"forwarding": True}],
        bridge=[{"name": "br0", "mtu": "big"}, {"name": "br1", "colour": "red"}],
        veth=[{"name": "v0"}],
    )
    for expected in ("netns[1]", "name", "bridge[0]", "mtu", "bridge[1]", "colour"):
        assert any(expected in problem for problem in problems), (expected, problems)
    problems = host.refused(
        "topology",
        netns=[{"name": "a/b"}],
        bridge=[{"name": "br0", "mtu": 1}],
        veth=[{"name": "v0"}],
        bridge_policy=[policy("br0", subnets=["10.0.0.1/24"])],
        nat_port=[{**PORT, "host_port": "0"}],
    )
    for kind in ("netns", "bridge", "veth", "bridge_policy", "nat_port"):
        assert any(problem.startswith(kind + " ") for problem in problems), (kind, problems)


def test_a_new_endpoint_takes_the_name_of_a_removed_one(host):
    host.module("topology", **topologies.site())
    new = {**topologies.veth_pair("c1", "br1", 9), "name": "v-new"}
    done = host.change("topology", veth=[{"name": "v-c1", "state": "absent"}, new])
    assert [(action["action"], action["name"]) for action in done["actions"]] == [
        ("delete", "v-c1"),
        ("create", "v-new"),
    ]
    assert packets.ping(host, "c1", "10.1.0.2")


def test_concurrent_runs_wait_for_each_other(host):
    def race():
        children = []
        for number in range(4):
            child = os.fork()
            if child == 0:
                result = run_module("netns", {"config": [{"name": "n%d-%d" % (number, k)} for k in range(10)]})
                os._exit(bool(result.get("failed")))
            children.append(child)
        return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]

    assert host.call(race) == [0, 0, 0, 0]
    assert len(host.sh("ls /run/netns").split()) == 40


def test_a_held_lock_is_reported_with_the_remedy(host):
    host.sh("mkdir -p /run/virtnet")
    pid = host.start("flock", "/run/virtnet/lock", "sleep", "infinity")
    host.sh("while flock -n /run/virtnet/lock true; do :; done")
    result = host.module("topology", netns=[{"name": "c1"}], lock_timeout=0)
    assert result["failed"] and "lock_timeout" in result["msg"]
    assert not host.module("topology", netns=[{"name": "c1"}], check=True).get("failed"), "to look needs no lock"
    host.sh("kill %d" % pid)


def test_missing_nft_is_reported_with_the_package(host):
    host.sh("mount --bind /dev/null $(command -v nft)")
    result = host.module("topology", bridge=[topologies.bridge("br0")], bridge_policy=[policy("br0")])
    assert result["failed"] and "nftables" in result["msg"]
    assert list(host.links()) == ["lo"]


def test_missing_privileges_are_reported(host):
    def unprivileged():
        os.setuid(65534)
        return run_module("topology", {"netns": [{"name": "c1"}]})

    result = host.call(unprivileged)
    assert result["failed"] and "become" in result["msg"]


def test_missing_pyroute2_is_reported_with_the_package(host):
    result = host.sh(
        """cat >/run/module.py <<'END'
import builtins, json, sys
real = builtins.__import__
sys.modules["pyroute2"] = None
from ansible.module_utils import basic
basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": {"name": "c1"}}).encode()
basic._ANSIBLE_PROFILE = "legacy"
from ansible_collections.virtnet.linux.plugins.modules import netns
netns.main()
END
python3 /run/module.py || true"""
    )
    assert "python3-pyroute2" in result
