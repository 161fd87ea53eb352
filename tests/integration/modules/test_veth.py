# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module veth: create, change of every option, absent, what it refuses, and what it repairs."""

from __future__ import annotations

import copy

import pytest

from kit import packets, snapshot

MAC = "02:42:0a:00:00:02"
VETH_PAIR = {
    "name": "v1",
    "bridge": "br0",
    "peer": {"name": "eth0", "netns": "c1", "addresses": ["10.0.0.2/24"], "gateway": "10.0.0.1"},
}


@pytest.fixture
def two(host):
    """A host with bridges br0 (10.0.0.1) and br1, and containers c1, c2 and c3 without links."""
    host.module("netns", config=[{"name": "c1"}, {"name": "c2"}, {"name": "c3"}])
    host.module("bridge", config=[{"name": "br0", "addresses": ["10.0.0.1/24", "fd00::1/64"]}, {"name": "br1"}])
    return host


def pair(number=1, peer=(), **options):
    """The veth pair of container c<number>, with other options."""
    made = copy.deepcopy(VETH_PAIR)
    made["name"] = "v%d" % number
    made["peer"].update(netns="c%d" % number, addresses=["10.0.0.%d/24" % (number + 1)])
    made["peer"].update(peer)
    made.update(options)
    return made


def verbs(result):
    return [(action["action"], action["name"]) for action in result["actions"]]


def test_create_idempotent_absent(two):
    before = two.snapshot()
    done = two.change("veth", **VETH_PAIR)
    assert verbs(done) == [("create", "v1")]
    assert done["diff"]["before"] == "" and "veth v1\n  bridge: br0" in done["diff"]["after"]
    two.unchanged("veth", name="v1", peer={"name": "eth0", "netns": "c1"})
    assert packets.ping(two, "c1", "10.0.0.1")
    assert packets.ping(two, None, "10.0.0.2")
    gone = two.change("veth", name="v1", state="absent")
    assert verbs(gone) == [("delete", "v1")]
    two.unchanged("veth", name="v1", state="absent")
    snapshot.same(before, two.snapshot())


def test_containers_of_a_bridge_reach_each_other(two):
    two.change("veth", config=[pair(1), pair(2)])
    assert packets.ping(two, "c1", "10.0.0.3")
    assert packets.arrives(two, "c1", "10.0.0.3", 80, "c2")
    assert packets.arrives(two, "c1", "10.0.0.3", 53, "c2", protocol="udp")


def test_every_option_in_one_run(two):
    routes = [{"to": "10.8.0.0/16", "via": "10.0.0.9"}, {"to": "fd08::/16", "via": "fd00::9", "metric": 77}]
    peer = {"mac": MAC, "addresses": ["10.0.0.2/24", "fd00::2/64"], "gateway6": "fd00::1", "routes": routes}
    two.change("veth", **pair(1, peer, mtu=1400, labels={"container": "c1"}, mac="02:42:0a:00:00:99"))
    near, far = two.links()["v1"], two.links("c1")["eth0"]
    assert (near["mtu"], near["address"], near["ifalias"]) == (1400, "02:42:0a:00:00:99", "virtnet container=c1")
    assert near["linkinfo"]["info_slave_data"]["hairpin"]
    assert (far["mtu"], far["address"], sorted(far["addresses"])) == (1400, MAC, ["10.0.0.2/24", "fd00::2/64"])
    assert [(one["dst"], one["gateway"]) for one in two.routes("c1")] == [
        ("default", "10.0.0.1"),
        ("10.8.0.0/16", "10.0.0.9"),
    ]
    assert [(one["dst"], one["gateway"], one["metric"]) for one in two.routes("c1", 6)] == [
        ("fd08::/16", "fd00::9", 77),
        ("default", "fd00::1", 1024),
    ]
    assert packets.ping(two, "c1", "fd00::1")


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("bridge", ["br1", "br0"]),
        ("mac", [MAC]),
        ("mtu", [1400, 9000]),
        ("addresses", [["10.5.0.1/24"], ["10.5.0.2/24", "fd05::1/64"], []]),
        ("labels", [{"network": "web"}, {"network": "db", "container": "c1"}, {}]),
        ("peer.mac", [MAC, "02:42:0A:00:00:03"]),
        ("peer.addresses", [["10.0.0.5/24"], ["10.0.0.5/24", "fd00::5/64"]]),
        ("peer.gateway", ["10.0.0.9"]),
        (
            "peer.routes",
            [[{"to": "10.8.0.0/16", "via": "10.0.0.9"}], [{"to": "10.8.0.0/16"}, {"to": "10.9.0.0/16"}], []],
        ),
        ("peer.name", ["eth1", "uplink"]),
        ("peer.netns", ["c2", "c1"]),
    ],
)
def test_each_option_is_changed_in_place(two, option, values):
    two.module("veth", **pair())
    index = two.links()["v1"]["ifindex"]
    desired = pair()
    for value in values:
        end, field = (desired["peer"], option[5:]) if option.startswith("peer.") else (desired, option)
        end[field] = value
        done = two.change("veth", **desired)
        assert verbs(done) == [("change", "v1")]
        fields = {"mtu": {"mtu", "peer.mtu"}, "labels": {"labels", "peer.labels"}}
        fields |= {"peer.name": {"peer"}, "peer.netns": {"peer"}}
        assert set(done["actions"][0]["after"]) == fields.get(option, {option})
        if desired["bridge"] == "br0":
            two.sh("ip neigh flush dev %s" % desired["peer"]["name"], desired["peer"]["netns"])
            assert packets.ping(two, desired["peer"]["netns"], "10.0.0.1")
    assert two.links()["v1"]["ifindex"] == index


def test_gateways_and_routes_are_added_and_removed(two):
    two.change("veth", **pair(peer={"addresses": ["10.0.0.2/24", "fd00::2/64"], "gateway6": "fd00::1"}))
    two.change("veth", **pair(peer={"addresses": ["10.0.0.2/24", "fd00::2/64"], "gateway": None}))
    assert two.routes("c1") == two.routes("c1", 6) == []
    two.sh("ip route add 10.77.0.0/16 via 10.0.0.7 proto static", "c1")
    two.change("veth", **pair(peer={"addresses": ["10.0.0.2/24", "fd00::2/64"]}))
    assert [(one["dst"], one.get("gateway")) for one in two.routes("c1")] == [("default", "10.0.0.1")]


def test_absent_options_are_not_enforced(two):
    two.module("veth", **pair(1, {"mac": MAC}, mtu=1400, labels={"network": "web"}))
    two.unchanged("veth", name="v1", peer={"name": "eth0", "netns": "c1"})
    assert packets.ping(two, "c1", "10.0.0.1")


def test_a_new_address_keeps_the_gateway(two):
    two.module("veth", **pair())
    two.change("veth", **pair(peer={"addresses": ["10.0.0.7/24"]}))
    assert two.routes("c1")[0]["gateway"] == "10.0.0.1"
    assert packets.seen(two, "c1", "10.0.0.1", 80, None) == "10.0.0.7"


def test_anti_spoofing_drops_forged_sources(two):
    guarded = pair(1, {"mac": MAC}, anti_spoofing=True)
    two.change("veth", config=[guarded, pair(2)])
    assert packets.ping(two, "c1", "10.0.0.3")
    two.sh("ip address add 10.0.0.66/24 dev eth0; ip route replace 10.0.0.3/32 dev eth0 src 10.0.0.66", "c1")
    assert packets.ping_is_lost(two, "c1", "10.0.0.3")
    two.change(
        "veth", **{**guarded, "peer": {**guarded["peer"], "addresses": None}, "allowed_addresses": ["10.0.0.64/28"]}
    )
    assert packets.ping(two, "c1", "10.0.0.3")
    two.sh("ip link set eth0 address 02:00:00:00:00:66", "c1")
    assert packets.ping_is_lost(two, "c1", "10.0.0.3")
    open_again = {**guarded, "peer": {**guarded["peer"], "addresses": None, "mac": None}, "anti_spoofing": False}
    two.change("veth", **open_again)
    assert packets.ping(two, "c1", "10.0.0.3")


def test_an_ipv6_address_with_an_embedded_ipv4_address_is_idempotent(two):
    """It has two spellings, ::ffff:a00:2 and this one, which is the kernel's and nft's."""
    addresses = {"addresses": ["::ffff:10.0.0.2/120"], "mac": MAC, "gateway": None}
    two.change("veth", **pair(anti_spoofing=True, peer=addresses))


def test_guards_are_reported_with_the_options_names(two):
    two.module("veth", **pair(1, {"mac": MAC}))
    done = two.change("veth", **pair(1, {"mac": MAC}, anti_spoofing=True))
    off, before = {"anti_spoofing": False, "bpdu_guard": False}, done["actions"][0]["before"]
    assert before == off | dict.fromkeys(set(before) - set(off))
    assert done["actions"][0]["after"]["anti_spoofing"] is True
    two.unchanged("veth", **pair(1, {"mac": MAC}))


def test_an_end_on_each_of_two_bridges(two):
    two.module("veth", config=[pair(1), pair(2, bridge="br1")])
    assert packets.ping_is_lost(two, "c1", "10.0.0.3")
    patch = {"name": "br0-br1", "bridge": "br0", "peer": {"name": "br1-br0", "bridge": "br1"}}
    two.change("veth", **patch)
    assert packets.ping(two, "c1", "10.0.0.3")
    assert two.links()["br1-br0"]["master"] == "br1"
    two.sh("ip link set br1-br0 nomaster")
    two.change("veth", **patch)
    assert two.links()["br1-br0"]["master"] == "br1"
    two.change("veth", name="br0-br1", state="absent")
    assert "br1-br0" not in two.links()


def test_both_ends_in_namespaces(two):
    two.module("bridge", name="sw", netns="c2")
    desired = {
        "name": "a0", "netns": "c1", "addresses": ["10.7.0.1/24"],
        "peer": {"name": "b0", "netns": "c2", "bridge": "sw", "addresses": []},
    }  # fmt: skip
    two.change("veth", **desired)
    assert two.links("c1")["a0"]["addresses"] == ["10.7.0.1/24"]
    assert two.links("c2")["b0"]["master"] == "sw"
    assert "a0" not in two.links()
    two.change("veth", name="a0", netns="c1", state="absent")
    assert "b0" not in two.links("c2")
    two.unchanged("veth", name="a0", netns="nowhere", state="absent")


def test_a_veth_deleted_out_of_band_is_recreated(two):
    two.module("veth", **VETH_PAIR)
    two.sh("ip link delete v1")
    assert verbs(two.change("veth", **VETH_PAIR)) == [("create", "v1")]
    assert packets.ping(two, "c1", "10.0.0.1")
    two.sh("ip link delete eth0", "c1")
    assert verbs(two.change("veth", **VETH_PAIR)) == [("create", "v1")]
    assert packets.ping(two, "c1", "10.0.0.1")


@pytest.mark.parametrize(
    ("script", "netns"),
    [
        ("ip link set v1 nomaster", None),
        ("ip link set v1 down", None),
        ("ip link set eth0 down", "c1"),
        ("ip address flush dev eth0", "c1"),
        ("ip route delete default", "c1"),
        ("ip link set eth0 down; ip link set eth0 name eth5", "c1"),
        ("ip link set eth0 netns c2", "c1"),
        ("ip link set v1 alias ''", None),
        ("bridge link set dev v1 hairpin off", None),
    ],
)
def test_out_of_band_changes_are_repaired(two, script, netns):
    two.module("veth", **VETH_PAIR)
    two.sh(script, netns)
    two.change("veth", **{**VETH_PAIR, "adopt": "alias" in script})
    assert packets.ping(two, "c1", "10.0.0.1")
    assert packets.ping(two, None, "10.0.0.2")
    assert two.routes("c1")[0]["gateway"] == "10.0.0.1"


def test_a_veth_with_an_unreachable_peer_is_replaced(two):
    two.module("veth", **VETH_PAIR)
    pid = two.start("unshare", "--net", "sleep", "infinity")
    two.sh("until [ $(readlink /proc/%d/ns/net) != $(readlink /proc/self/ns/net) ]; do :; done" % pid)
    two.sh("ip link set eth0 netns %d" % pid, "c1")
    done = two.change("veth", **VETH_PAIR)
    assert verbs(done) == [("replace", "v1")]
    assert packets.ping(two, "c1", "10.0.0.1")


def test_a_foreign_veth_is_refused_unless_adopted(two):
    two.sh("ip link add v1 type veth peer name eth0 netns c1")
    for state in ("present", "absent"):
        (problem,) = two.refused("veth", **{**VETH_PAIR, "state": state})
        assert "veth v1" in problem and "adopt: true" in problem
    two.change("veth", **VETH_PAIR, adopt=True)
    two.unchanged("veth", **VETH_PAIR)
    assert packets.ping(two, "c1", "10.0.0.1")
    two.sh("ip link add v2 type veth peer name eth0 netns c2")
    two.change("veth", name="v2", state="absent", adopt=True)


def test_a_foreign_link_with_the_peers_name_is_never_deleted(two):
    """In a foreign namespace it is refused; in one that the collection created it is renamed."""
    two.sh("ip netns add theirs; ip -n theirs link add eth0 type bridge")
    (problem,) = two.refused("veth", **{**VETH_PAIR, "peer": {**VETH_PAIR["peer"], "netns": "theirs"}})
    assert "peer.name" in problem and "'eth0'" in problem
    two.sh("ip link add eth0 type bridge", "c1")
    done = two.change("veth", **VETH_PAIR)
    assert [(one["kind"], one["name"]) for one in done["actions"]] == [("link", "eth0 in c1"), ("veth", "v1")]
    assert sorted(link.get("linkinfo", {}).get("info_kind", "") for link in two.links("c1").values()) == [
        "", "bridge", "veth"
    ]  # fmt: skip
    two.sh("ip link add v2 type bridge")
    assert any("v2" in problem for problem in two.refused("veth", **pair(2), adopt=True))


def test_all_errors_are_reported_at_once(two):
    problems = two.refused("veth", config=[
        pair(1, name="sixteen-bytes-xx"),
        pair(2, name="v2"),
        pair(2, name="v2"),
        {"name": "v3"},
        pair(3, {"name": "with space"}, name="v4"),
        pair(3, {"name": "e5", "mac": "03:00:00:00:00:01"}, name="v5"),
        pair(3, {"name": "e6", "addresses": ["10.0.0.1"]}, name="v6"),
        pair(3, {"name": "e7", "gateway": "10.0.0.1/24"}, name="v7"),
        pair(3, {"name": "e8", "gateway6": "10.0.0.1"}, name="v8"),
        pair(3, {"name": "e9", "routes": [{"to": "10.1.2.3/8"}, {"to": "10.0.0.0/8", "via": "fd00::1"}]}, name="v9"),
        pair(3, {"name": "e10"}, name="v10", mtu=1),
        pair(3, {"name": "e11"}, name="v11", mac="nonsense", labels={"a b": "c"}),
        pair(3, {"name": "e12"}, name="v12", allowed_addresses=["10.0.0.1/8"]),
    ])  # fmt: skip
    for expected in (
        "sixteen-bytes-xx",
        "v2",
        "v3",
        "with space",
        "v5",
        "v6",
        "v7",
        "v8",
        "v9",
        "v10",
        "v11",
        "v12",
    ):
        assert any("veth " + expected in problem or expected in problem for problem in problems), expected
    assert any("10.0.0.0/8" in problem for problem in problems), "the message has the intended value"
    assert len(problems) == 15


SWAPS = {
    "names in one container": [(1, "c1", "eth1"), (2, "c1", "eth0")],
    "containers": [(1, "c2", "eth0"), (2, "c1", "eth1")],
    "a name for one that comes": [(1, "c1", "wan"), (3, "c1", "eth0")],
    "all at once": [(1, "c2", "eth1"), (2, "c2", "eth0"), (3, "c1", "eth0")],
}


@pytest.mark.parametrize("places", SWAPS.values(), ids=SWAPS)
def test_two_endpoints_are_swapped_in_one_run(two, places):
    def pairs(where):
        ends = [(number, {"netns": netns, "name": name, "gateway": None}) for number, netns, name in where]
        return [pair(number, end, mtu=1400) for number, end in ends]

    two.change("veth", config=pairs([(1, "c1", "eth0"), (2, "c1", "eth1")]))
    two.change("veth", config=pairs(places))
    for number, netns, name in places:
        addresses = [one["local"] for one in two.links(netns)[name]["addr_info"] if one["family"] == "inet"]
        assert addresses == ["10.0.0.%d" % (number + 1)]
        assert packets.ping(two, None, "10.0.0.%d" % (number + 1))


def test_ipv6_on_a_small_mtu_is_refused(two):
    """Refused for the host's end; the container's gets the MTU of the host's end, whatever the container has set."""
    veth = pair(1, {"addresses": ["10.0.0.2/24", "fd00::2/64"]})
    two.change("veth", **veth)
    two.sh("ip link set eth0 mtu 1200", "c1")
    two.change("veth", **veth)
    assert two.links("c1")["eth0"]["mtu"] == 1500
    assert packets.ping(two, "c1", "fd00::1")
    two.sh("ip link set v1 mtu 1200")
    (problem,) = two.refused("veth", **{**veth, "addresses": ["fd00:9::1/64"]})
    assert "veth v1: mtu: 1200:" in problem
    two.change("veth", **veth, mtu=1500)


def test_a_guard_without_a_mac_is_refused(two):
    (problem,) = two.refused("veth", **pair(1, {"addresses": ["10.0.0.2/24"]}), anti_spoofing=True)
    assert "veth v1: anti_spoofing: True: requires peer.mac" in problem


def test_allowed_addresses_that_are_part_of_others_are_refused(two):
    allowed = ["10.1.0.0/16", "10.0.0.0/8", "10.0.0.0/8", "fd00::1"]
    problems = two.refused("veth", **{**pair(1, {}), "allowed_addresses": allowed})
    assert [one.split("allowed_addresses: ")[1] for one in problems] == [
        "'10.1.0.0/16': is part of 10.0.0.0/8, which is listed too; leave it out",
        "'10.0.0.0/8': is part of 10.0.0.0/8, which is listed too; leave it out",
    ]


def test_unreachable_gateways_and_routes_are_refused_before_any_change(two):
    peer = {
        "addresses": ["10.0.0.2/24", "fd00::2/64"], "gateway": "10.1.0.1", "gateway6": "fd09::1",
        "routes": [{"to": "10.8.0.0/16", "via": "10.2.0.1"}, {"to": "10.9.0.0/16", "via": "10.0.0.3"},
                   {"to": "10.9.0.0/16", "via": "10.0.0.4"}],
    }  # fmt: skip
    (twice,) = two.refused("veth", **pair(1, peer))
    assert "peer.routes.to: '10.9.0.0/16': duplicate route" in twice
    del peer["routes"][1]
    (near,) = two.refused("veth", **pair(1, {"addresses": peer["addresses"], "routes": [
        {"to": "10.0.0.0/24", "via": "10.0.0.3"}]}))  # fmt: skip
    assert "peer.routes.to: '10.0.0.0/24': conflicts with the connected route" in near
    problems = two.refused("veth", **pair(1, peer))
    assert [problem.split(": is in none of the subnets")[0] for problem in problems] == [
        "veth v1: peer.gateway: '10.1.0.1'",
        "veth v1: peer.gateway6: 'fd09::1'",
        "veth v1: peer.routes.via: '10.2.0.1'",
    ]
    near = [{"to": "10.1.0.0/16"}, {"to": "10.2.0.1/32"}]
    two.change("veth", **pair(1, {**peer, "gateway6": "fe80::1", "routes": [*near, peer["routes"][0]]}))


def test_two_veths_with_one_peer_are_refused(two):
    (problem,) = two.refused("veth", config=[pair(1), pair(1, name="v2")])
    assert "eth0" in problem


def test_missing_objects_are_refused_and_a_warning_in_check_mode(two):
    for desired in (pair(9), pair(1, bridge="br9"), pair(1, {"bridge": "br9", "netns": None})):
        result = two.module("veth", **desired)
        assert result["failed"] and "9" in result["msg"]
        predicted = two.module("veth", check=True, **desired)
        assert predicted["changed"] and "9" in predicted["warnings"][0]


def test_options_and_config_are_mutually_exclusive(two):
    assert "never both" in two.refused("veth", mtu=1400, config=[pair()])[0]
    assert "never both" in two.refused("veth", peer=VETH_PAIR["peer"], config=[pair()])[0]
    assert "name is required" in two.refused("veth")[0]


def test_a_hundred_in_one_run(two):
    many = range(100)
    two.module("netns", config=[{"name": "m%d" % n} for n in many])
    desired = [
        {
            "name": "m%d" % n,
            "bridge": "br0",
            "peer": {"name": "eth0", "netns": "m%d" % n, "addresses": ["10.0.0.%d/24" % (n + 100)]},
        }
        for n in many
    ]  # fmt: skip
    two.module("veth", config=desired)
    assert not two.module("veth", config=desired)["changed"]
    assert packets.ping(two, "m0", "10.0.0.199")
    two.module("netns", config=[{"name": "m%d" % n, "state": "absent"} for n in many])
    assert not [name for name in two.links() if name.startswith("m")]


@pytest.mark.parametrize("peer", [5, 1.5, True, [5]])
@pytest.mark.parametrize("form", ["one", "config", "topology"])
def test_a_peer_that_is_no_mapping_is_refused(host, peer, form):
    one = {"name": "v0", "peer": peer}
    given = {"one": one, "config": {"config": [one]}, "topology": {"veth": [one]}}[form]
    (problem,) = host.refused("topology" if form == "topology" else "veth", **given)
    assert "must be a mapping with: name, netns" in problem
