# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module bridge: create, change of every option, absent, what it refuses, and what it repairs."""

from __future__ import annotations

import pytest

from kit import packets, snapshot

MAC = "02:42:ac:1e:00:01"


def verbs(result):
    return [(action["action"], action["name"]) for action in result["actions"]]


def add_link(host, name, netns=None):
    host.sh("ip link add %s type veth peer name %s-far" % (name, name), netns)


def ports(host, bridge="br0", netns=None):
    return sorted(name for name, link in host.links(netns).items() if link.get("master") == bridge)


def test_ipv6_on_a_small_mtu_is_refused(host):
    host.module("bridge", name="br0", mtu=1000)
    (problem,) = host.refused("bridge", name="br0", addresses=["fd00::1/64"])
    assert "bridge br0: mtu: 1000:" in problem and "give mtu" in problem
    host.change("bridge", name="br0", addresses=["fd00::1/64"], mtu=1280)


def test_create_idempotent_absent(host):
    before = host.snapshot()
    done = host.change("bridge", name="br0", addresses=["172.30.0.1/16"], mac=MAC, mtu=1400, stp=True)
    assert verbs(done) == [("create", "br0")]
    link = host.links()["br0"]
    assert link["addresses"] == ["172.30.0.1/16"]
    assert (link["address"], link["mtu"], link["linkinfo"]["info_data"]["stp_state"]) == (MAC, 1400, 1)
    assert "UP" in link["flags"]
    host.unchanged("bridge", name="br0")
    gone = host.change("bridge", name="br0", state="absent")
    assert verbs(gone) == [("delete", "br0")]
    host.unchanged("bridge", name="br0", state="absent")
    snapshot.same(before, host.snapshot())


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("addresses", [["172.30.0.1/16"], ["172.30.0.9/16", "fd00:30::1/64"], ["fd00:30::1/64"], []]),
        ("mac", [MAC, "02:42:AC:1E:00:02"]),
        ("mtu", [1400, 9000]),
        ("stp", [True, False]),
        ("up", [False, True]),
        ("labels", [{"com.example.Tier": "front end, 100% café"}, {"network": "db", "role": "x"}, {}]),
    ],
)
def test_each_option_is_changed_in_place(host, option, values):
    host.change("bridge", name="br0", up=option != "up")
    index = host.links()["br0"]["ifindex"]
    for value in values:
        if option == "up" and value is False:
            continue  # as it was made
        done = host.change("bridge", name="br0", **{option: value})
        assert verbs(done) == [("change", "br0")]
        assert set(done["actions"][0]["after"]) == {option}
        assert done["diff"]["before"] != done["diff"]["after"]
    assert host.links()["br0"]["ifindex"] == index


def test_options_are_set_in_the_kernel(host):
    host.change("bridge", name="br0", addresses=["172.30.0.1/16", "fd00:30::1/64"], labels={"network": "web"})
    link = host.links()["br0"]
    assert sorted(link["addresses"]) == ["172.30.0.1/16", "fd00:30::1/64"]
    assert link["ifalias"] == "virtnet network=web"
    host.change("bridge", name="br0", addresses=["172.30.0.1/16"], mac=MAC.upper(), mtu=1300, stp=True, up=False)
    link = host.links()["br0"]
    assert link["addresses"] == ["172.30.0.1/16"]
    assert (link["address"], link["mtu"], link["linkinfo"]["info_data"]["stp_state"]) == (MAC, 1300, 1)
    assert "UP" not in link["flags"]
    assert link["ifalias"] == "virtnet network=web"


def test_addresses_are_exact_in_any_spelling(host):
    host.change("bridge", name="br0", addresses=["10.0.0.1/24", "10.0.0.2/24", "FD00:0::1/64"])
    host.unchanged("bridge", name="br0", addresses=["fd00::1/64", "10.0.0.2/24", "10.0.0.1/24", "10.0.0.1/24"])
    host.sh("ip address add 10.0.0.3/24 dev br0")
    host.change("bridge", name="br0", addresses=["fd00::1/64", "10.0.0.2/24", "10.0.0.1/24"])
    host.change("bridge", name="br0", addresses=["10.0.0.2/24"])  # the first of a subnet goes, the second stays
    assert host.links()["br0"]["addresses"] == ["10.0.0.2/24"]


def test_an_addresss_prefix_length_is_changed(host):
    host.change("bridge", name="br0", addresses=["10.0.0.1/24", "fd00::1/64"])
    host.change("bridge", name="br0", addresses=["10.0.0.1/16", "fd00::1/48"])
    assert sorted(host.links()["br0"]["addresses"]) == ["10.0.0.1/16", "fd00::1/48"]


def test_interfaces_become_ports_and_others_stay(host):
    for name in ("p1", "p2", "other"):
        add_link(host, name)
    host.change("bridge", name="br0", interfaces=["p1"])
    host.sh("ip link set other master br0")
    host.unchanged("bridge", name="br0", interfaces=["p1"])
    done = host.change("bridge", name="br0", interfaces=["p1", "p2"])
    assert done["diff"]["after"] == "bridge br0\n  interfaces: p1, p2\n"
    assert ports(host) == ["other", "p1", "p2"]
    host.unchanged("bridge", name="br0", interfaces=["p2"])
    host.unchanged("bridge", name="br0", interfaces=[])


def test_a_port_removed_out_of_band_is_added_again(host):
    add_link(host, "p1")
    host.change("bridge", name="br0", interfaces=["p1"])
    host.sh("ip link set p1 nomaster")
    host.change("bridge", name="br0", interfaces=["p1"])
    assert ports(host) == ["p1"]


def test_taking_a_port_of_another_bridge_requires_adopt(host):
    add_link(host, "p1")
    host.change("bridge", name="br1", interfaces=["p1"])
    (problem,) = host.refused("bridge", name="br0", interfaces=["p1"])
    assert "port of br1" in problem
    host.change("bridge", name="br0", interfaces=["p1"], adopt=True)
    assert ports(host) == ["p1"]


def test_ports_survive_the_removal_of_their_bridge(host):
    add_link(host, "p1")
    host.change("bridge", name="br0", interfaces=["p1"])
    host.change("bridge", name="br0", state="absent")
    assert "p1" in host.links()


def test_the_mac_does_not_follow_the_ports(host):
    host.change("bridge", name="br0")
    before = host.links()["br0"]["address"]
    for number in range(3):
        add_link(host, "p%d" % number)
        host.sh(
            "ip link set p%d address 00:00:00:00:00:0%d && ip link set p%d master br0" % (number, number + 1, number)
        )
        assert host.links()["br0"]["address"] == before
    host.sh("for a in p0 p1 p2; do ip link del $a; done")
    assert host.links()["br0"]["address"] == before
    assert int(before[:2], 16) & 3 == 2, "unicast and locally administered"


def test_two_bridges_have_two_macs(host):
    host.change("bridge", config=[{"name": "br0"}, {"name": "br1"}])
    assert host.links()["br0"]["address"] != host.links()["br1"]["address"]


def test_in_a_namespace(host):
    host.change("netns", name="lab")
    host.change("bridge", name="br0", netns="lab", addresses=["10.0.0.1/24"])
    assert "br0" in host.links("lab") and "br0" not in host.links()
    assert packets.ping(host, "lab", "10.0.0.1")
    host.change("bridge", name="br0")
    assert "br0" in host.links(), "the same name in another namespace is another bridge"
    host.change("bridge", name="br0", netns="lab", state="absent")
    assert "br0" not in host.links("lab") and "br0" in host.links()
    host.unchanged("bridge", name="br0", netns="nowhere", state="absent")


def test_a_bridge_forwards_frames(host):
    host.module("netns", config=[{"name": "a"}, {"name": "b"}])
    host.module("bridge", name="br0")
    for number, name in enumerate("ab", 1):
        host.sh("ip link add v%s type veth peer name eth0 netns %s && ip link set v%s up" % (name, name, name))
        host.sh("ip link set eth0 up; ip address add 10.0.0.%d/24 dev eth0" % number, netns=name)
    assert packets.ping_is_lost(host, "a", "10.0.0.2")
    host.change("bridge", name="br0", interfaces=["va", "vb"])
    assert packets.ping(host, "a", "10.0.0.2")
    host.change("bridge", name="br0", up=False)
    assert packets.ping_is_lost(host, "a", "10.0.0.2")


def test_a_bridge_originates_no_frames(host):
    host.sh("echo 2 >/proc/sys/net/ipv6/conf/default/accept_ra")
    add_link(host, "p1")
    host.sh("ip link set p1 up; ip link set p1-far up")
    host.change("bridge", name="br0", addresses=["10.0.0.1/24"], interfaces=["p1"])
    assert host.sysctl("ipv6/conf/br0/accept_ra") == "0"
    host.sh("ip link set br0 down; ip link set br0 up")
    assert "fe80" not in host.sh("ip -6 address show dev br0")
    data = host.links()["br0"]["linkinfo"]["info_data"]
    assert data["mcast_snooping"] == 0
    host.change("bridge", name="br0", addresses=["10.0.0.1/24", "fd00::1/64"])
    assert "inet6 fe80::1/64 scope link nodad" in host.sh("ip -6 address show dev br0").replace("\n", " ")


def test_accept_ra_set_out_of_band_is_repaired(host):
    host.change("bridge", name="br0")
    host.sh("echo 1 >/proc/sys/net/ipv6/conf/br0/accept_ra")
    host.change("bridge", name="br0")
    assert host.sysctl("ipv6/conf/br0/accept_ra") == "0"


def test_ipv6_is_enabled_where_the_default_disables_it(host):
    nowhere = "echo 1 | tee /proc/sys/net/ipv6/conf/default/disable_ipv6 >/proc/sys/net/ipv6/conf/all/disable_ipv6"
    host.sh(nowhere)
    host.change("bridge", name="br0", addresses=["10.0.0.1/24"])
    assert host.sysctl("ipv6/conf/br0/disable_ipv6") == "1"
    host.change("bridge", name="br0", addresses=["10.0.0.1/24", "fd00::1/64"])
    host.sh("echo 1 >/proc/sys/net/ipv6/conf/br0/disable_ipv6")
    host.change("bridge", name="br0", addresses=["10.0.0.1/24", "fd00::1/64"])
    host.change("netns", name="c1")
    host.sh(nowhere, "c1")
    peer = {"name": "eth0", "netns": "c1", "mac": "02:42:0a:00:00:02", "addresses": ["10.0.0.2/24", "fd00::2/64"]}
    host.change("veth", name="v1", bridge="br0", peer=peer)
    assert packets.ping(host, "c1", "fd00::1")


def test_a_bridge_deleted_out_of_band_is_recreated(host):
    add_link(host, "p1")
    desired = {"name": "br0", "addresses": ["10.0.0.1/24"], "interfaces": ["p1"]}
    host.change("bridge", **desired)
    host.sh("ip link delete br0")
    assert verbs(host.change("bridge", **desired)) == [("create", "br0")]
    assert ports(host) == ["p1"]


def test_a_foreign_bridge_is_refused_unless_adopted(host):
    host.sh("ip link add br0 type bridge && ip address add 10.0.0.1/24 dev br0")
    for state in ("present", "absent"):
        (problem,) = host.refused("bridge", name="br0", state=state)
        assert "bridge br0" in problem and "adopt: true" in problem
    host.change("bridge", name="br0", adopt=True)
    host.unchanged("bridge", name="br0")
    assert host.links()["br0"]["addresses"] == ["10.0.0.1/24"]
    host.change("bridge", name="br0", state="absent")


def test_removing_a_foreign_bridge_requires_adopt(host):
    host.sh("ip link add br0 type bridge")
    host.change("bridge", name="br0", state="absent", adopt=True)
    assert list(host.links()) == ["lo"]


def test_a_link_of_another_kind_is_never_adopted(host):
    add_link(host, "br0")
    for state in ("present", "absent"):
        (problem,) = host.refused("bridge", name="br0", state=state, adopt=True)
        assert "veth" in problem
    (problem,) = host.refused("bridge", name="lo")
    assert "lo" in problem


def test_all_errors_are_reported_at_once(host):
    problems = host.refused("bridge", config=[
        {"name": "sixteen-bytes-xx"},
        {"name": "with space"},
        {"name": "a/b"},
        {"name": "all"},
        {"name": "br1", "mac": "01:00:00:00:00:01"},
        {"name": "br2", "mac": "00:00:00:00:00:00"},
        {"name": "br3", "mac": "02:42"},
        {"name": "br4", "mtu": 67},
        {"name": "br5", "mtu": 65536},
        {"name": "br6", "addresses": ["10.0.0.1", "10.0.0.1/33", "fine", "224.0.0.1/4", "::/64"]},
        {"name": "br7", "labels": {"a b": "c"}},
        {"name": "br8"},
        {"name": "br8", "stp": True},
    ])  # fmt: skip
    for expected in (
        "sixteen-bytes-xx",
        "with space",
        "a/b",
        "'all'",
        "br1",
        "br2",
        "br3",
        "br4",
        "br5",
        "10.0.0.1/33",
        "br7",
        "br8",
    ):
        assert any(expected in problem for problem in problems), expected
    assert len(problems) == 16


def test_missing_objects_are_refused_and_a_warning_in_check_mode(host):
    desired = {"name": "br0", "interfaces": ["eth7"]}
    result = host.module("bridge", **desired)
    assert result["failed"] and "no link of this name exists" in result["msg"]
    assert "eth7" in host.module("bridge", check=True, **desired)["warnings"][0]
    result = host.module("bridge", name="br0", netns="nowhere")
    assert result["failed"] and "no namespace of this name exists" in result["msg"]
    assert host.module("bridge", check=True, name="br0", netns="nowhere")["changed"]
    assert list(host.links()) == ["lo"]


def test_options_and_config_are_mutually_exclusive(host):
    assert "never both" in host.refused("bridge", mtu=1400, config=[{"name": "br0"}])[0]
    assert "never both" in host.refused("bridge", up=False, config=[{"name": "br0"}])[0]
    assert "name is required" in host.refused("bridge")[0]
