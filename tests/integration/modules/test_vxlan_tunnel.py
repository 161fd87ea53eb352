# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module vxlan_tunnel: create, change, absent; its FDB entries, and the frames that it forwards and drops."""

from __future__ import annotations

import json
import time

import pytest

from kit import packets, snapshot

UNDERLAY = {4: ["192.0.2.1", "192.0.2.2"], 6: ["fd99::1", "fd99::2"]}
MACS = ["02:42:0a:2a:00:02", "02:42:0a:2a:00:03"]
ADDRESSES = [["10.42.0.2", "fd42::2"], ["10.42.0.3", "fd42::3"]]
STRANGER = {"mac": "02:42:0a:2a:00:99", "addresses": ["10.42.0.99"], "vtep": "192.0.2.2"}


def verbs(result):
    return [(action["action"], action["kind"]) for action in result["actions"]]


def endpoints(version=4):
    return [
        {"mac": mac, "addresses": addresses, "vtep": vtep}
        for mac, addresses, vtep in zip(MACS, ADDRESSES, UNDERLAY[version])
    ]


def tunnel(number, version=4, **options):
    """A tunnel of the first or the second of two hosts."""
    defaults = dict(name="vx", netns=f"h{number}", vni=4242, local=UNDERLAY[version][number - 1], bridge="br", flood=[])
    return {**defaults, "endpoints": endpoints(version), **options}


def forwarding(host, netns="h1"):
    """The VXLAN FDB and the bridge FDB entries of the tunnel."""
    found = json.loads(host.sh("bridge -json fdb show dev vx", netns))
    own = {(one["mac"], one["dst"]) for one in found if "dst" in one and one["state"] == "permanent"}
    static = {one["mac"] for one in found if "dst" not in one and one.get("state") == "static"}
    return own, static


def neighbours(host, netns="h1"):
    found = json.loads(host.sh("ip -json neigh show dev br nud permanent", netns))
    return {(one["dst"], one["lladdr"]) for one in found}


@pytest.fixture
def two(host):
    """Two namespaces that act as hosts, on one underlay; a bridge and a container in each."""
    names = ("under", "h1", "h2", "c1", "c2")
    gateway = {"addresses": ["10.42.0.1/16", "fd42::1/64"], "mac": "02:42:0a:2a:00:01"}
    topology = {
        "netns": [{"name": name} for name in names],
        "bridge": [{"name": "u", "netns": "under"}],
        "veth": [],
    }
    for number in (1, 2):
        netns, lan = f"h{number}", [f"{UNDERLAY[4][number - 1]}/24", f"{UNDERLAY[6][number - 1]}/64"]
        topology["bridge"].append({"name": "br", "netns": netns, "mtu": 1430, **gateway})
        topology["veth"] += [
            {"name": f"u{number}", "netns": "under", "bridge": "u",
             "peer": {"name": "eth0", "netns": netns, "addresses": lan}},
            {"name": f"v{number}", "netns": netns, "bridge": "br", "mtu": 1430,
             "peer": {"name": "eth0", "netns": f"c{number}", "mac": MACS[number - 1],
                      "addresses": [f"{ADDRESSES[number - 1][0]}/16", f"{ADDRESSES[number - 1][1]}/64"]}},
        ]  # fmt: skip
    done = host.module("topology", **topology)
    assert not done.get("failed"), done
    return host


class Capture:
    """What passes on the underlay while a with block lasts."""

    def __init__(self, host, expression="udp port 4789"):
        self.host, self.expression, self.lines = host, expression, []

    def __enter__(self):
        script = f"exec tcpdump --immediate-mode -U -eni u -w /run/capture.pcap {self.expression} 2>/run/capture.log"
        self.pid = self.host.start("sh", "-c", script, netns="under")
        self._wait("grep -q 'listening on' /run/capture.log")
        return self

    def __exit__(self, *_exception):
        self.host.sh(f"kill -INT {self.pid}")
        self._wait(f"! kill -0 {self.pid} 2>/dev/null")
        self.lines = self.host.sh("tcpdump -enr /run/capture.pcap 2>/dev/null; rm /run/capture.*").splitlines()

    def _wait(self, condition):
        deadline = time.monotonic() + 10
        while self.host.try_sh(condition).returncode:
            assert time.monotonic() < deadline, condition
            time.sleep(0.02)


def test_create_idempotent_absent(two):
    before = two.snapshot()
    done = two.change("vxlan_tunnel", **tunnel(1))
    assert verbs(done) == [("create", "vxlan_tunnel")]
    link = two.links("h1")["vx"]
    data = link["linkinfo"]["info_data"]
    assert (data["id"], data["port"], data["local"], data["learning"]) == (4242, 4789, "192.0.2.1", False)
    assert (link["mtu"], link["master"], two.sysctl("ipv6/conf/vx/disable_ipv6", "h1")) == (1450, "br", "1")
    gone = two.change("vxlan_tunnel", name="vx", netns="h1", state="absent")
    assert verbs(gone) == [("delete", "vxlan_tunnel")]
    two.unchanged("vxlan_tunnel", name="vx", netns="h1", state="absent")
    snapshot.same(before, two.snapshot())
    assert neighbours(two) == set()


def test_endpoint_and_flood_lists_are_exact(two):
    two.change("vxlan_tunnel", **tunnel(1, endpoints=[*endpoints(), STRANGER], flood=["192.0.2.1", "192.0.2.2"]))
    expected = {(MACS[1], "192.0.2.2"), (STRANGER["mac"], "192.0.2.2"), ("00:00:00:00:00:00", "192.0.2.2")}
    assert forwarding(two) == (expected, {MACS[1], STRANGER["mac"]})  # and not this host's own
    assert neighbours(two) == {(address, MACS[1]) for address in ADDRESSES[1]} | {("10.42.0.99", STRANGER["mac"])}
    done = two.change("vxlan_tunnel", **tunnel(1))
    assert done["actions"][0]["after"] == {
        "endpoints": [], "flood": [],
        "port": "learning off unicast_flood off mcast_flood off bcast_flood off neigh_suppress on",
    }  # fmt: skip
    assert forwarding(two) == ({(MACS[1], "192.0.2.2")}, {MACS[1]})
    assert neighbours(two) == {(address, MACS[1]) for address in ADDRESSES[1]}
    two.change("vxlan_tunnel", **tunnel(1, endpoints=[]))
    assert (forwarding(two), neighbours(two)) == ((set(), set()), set())


def test_only_differing_entries_are_reported_and_changed(two):
    two.change("vxlan_tunnel", **tunnel(1))
    moved = {**STRANGER, "vtep": "192.0.2.9"}
    done = two.change("vxlan_tunnel", **tunnel(1, endpoints=[*endpoints(), STRANGER]))
    assert done["actions"][0]["before"] == {"endpoints": []}
    assert done["actions"][0]["after"] == {"endpoints": ["02:42:0a:2a:00:99 10.42.0.99 by 192.0.2.2"]}
    done = two.change("vxlan_tunnel", **tunnel(1, endpoints=[*endpoints(), moved]))
    assert done["actions"][0]["after"] == {"endpoints": ["02:42:0a:2a:00:99 10.42.0.99 by 192.0.2.9"]}
    assert forwarding(two)[0] == {(MACS[1], "192.0.2.2"), (STRANGER["mac"], "192.0.2.9")}


@pytest.mark.parametrize(
    "damage",
    [
        f"bridge fdb del {MACS[1]} dev vx self",
        f"bridge fdb del {MACS[1]} dev vx master",
        "ip neigh del 10.42.0.3 dev br",
        "ip neigh replace 10.42.0.3 lladdr 02:00:00:00:00:09 dev br nud permanent",
        f"bridge fdb replace {MACS[1]} dev vx dst 192.0.2.9",
        "bridge fdb append 00:00:00:00:00:00 dev vx dst 192.0.2.9",
        f"bridge fdb replace {STRANGER['mac']} dev vx dst 192.0.2.9",
        "bridge link set dev vx neigh_suppress off",
        "bridge link set dev vx learning on flood on",
        "ip link set dev vx nomaster",
        "ip link set dev vx down",
        "ip link set dev vx mtu 1400",
    ],
)
def test_out_of_band_changes_are_repaired(two, damage):
    desired = tunnel(1, mtu=1450)
    two.change("vxlan_tunnel", **desired)
    before = (forwarding(two), neighbours(two), two.sh("bridge -d -json link show dev vx", "h1"))
    two.sh(damage, "h1")
    two.change("vxlan_tunnel", **desired)
    assert (forwarding(two), neighbours(two), two.sh("bridge -d -json link show dev vx", "h1")) == before


def test_foreign_neighbour_entries_are_kept(two):
    two.sh("ip neigh add 10.42.7.7 lladdr 02:00:00:00:00:77 dev br nud permanent", "h1")
    two.change("vxlan_tunnel", **tunnel(1))
    two.change("vxlan_tunnel", **tunnel(1, endpoints=[]))
    two.change("vxlan_tunnel", name="vx", netns="h1", state="absent")
    assert neighbours(two) == {("10.42.7.7", "02:00:00:00:00:77")}


def test_entries_survive_a_new_bridge_mac(two):
    two.change("vxlan_tunnel", **tunnel(1))
    before = neighbours(two)
    bridge = {"name": "br", "netns": "h1", "mac": "02:42:0a:2a:00:fe"}
    two.change("topology", bridge=[bridge], vxlan_tunnel=[tunnel(1)])
    assert neighbours(two) == before != set()


def test_mutable_attributes_are_changed_in_place(two):
    two.module("bridge", name="other", netns="h1")
    two.change("vxlan_tunnel", **tunnel(1, endpoints=[]))
    index = two.links("h1")["vx"]["ifindex"]
    for options in ({"mtu": 1400}, {"learning": True}, {"bridge": "other"}, {"labels": {"network": "f"}}):
        assert verbs(two.change("vxlan_tunnel", **tunnel(1, endpoints=[], **options)))[0][0] == "change"
        assert two.links("h1")["vx"]["ifindex"] == index
    two.sh("ip address add 192.0.2.11/24 dev eth0", "h1")
    two.change("vxlan_tunnel", **tunnel(1, endpoints=[], local="192.0.2.11"))
    assert two.links("h1")["vx"]["linkinfo"]["info_data"]["local"] == "192.0.2.11"
    assert two.links("h1")["vx"]["ifindex"] == index


def test_entries_move_with_the_bridge(two):
    two.module("bridge", name="other", netns="h1")
    two.change("vxlan_tunnel", **tunnel(1))
    two.change("vxlan_tunnel", **tunnel(1, bridge="other"))
    assert neighbours(two) == set()
    assert len(json.loads(two.sh("ip -json neigh show dev other nud permanent", "h1"))) == 2


@pytest.mark.parametrize("options", [{"vni": 7}, {"dstport": 8472}, {"local": "fd99::1", "endpoints": endpoints(6)}])
def test_immutable_attributes_replace_the_tunnel(two, options):
    two.change("vxlan_tunnel", **tunnel(1))
    done = two.change("vxlan_tunnel", **tunnel(1, **options))
    assert verbs(done) == [("replace", "vxlan_tunnel")]
    two.unchanged("vxlan_tunnel", **tunnel(1, **options))


@pytest.mark.parametrize("version", [4, 6])
def test_containers_reach_each_other_without_bum_traffic(two, version):
    with Capture(two) as capture:
        for number in (1, 2):
            two.change("vxlan_tunnel", **tunnel(number, version))
        for there, back in (("c1", "c2"), ("c2", "c1")):
            for address in ADDRESSES[int(back[1]) - 1]:
                assert packets.ping(two, there, address)
                assert packets.seen(two, there, address, 8000, back) in ADDRESSES[int(there[1]) - 1]
        for unknown in ("10.42.0.77", "fd42::77"):
            assert packets.ping_is_lost(two, "c1", unknown)
        two.try_sh("ping -c1 -W0.2 -b 10.42.255.255; ping -c1 -W0.2 ff02::1%eth0", "c1")
    text = "\n".join(capture.lines)
    outer = [line for line in capture.lines if "VXLAN" in line]
    inner = [line for line in capture.lines if "VXLAN" not in line]
    assert outer and all("vni 4242" in line for line in outer)
    assert all(set(MACS) == {line.split()[0], line.split()[2].rstrip(",")} for line in inner), inner
    for word in ("ARP", "neighbor", "router", "multicast", "broadcast", "10.42.0.77", "fd42::77", "ff02:"):
        assert word not in text


def test_the_detected_mtu_fits(two):
    for version, most in ((4, 1450), (6, 1430)):
        two.change("vxlan_tunnel", **tunnel(1, version))
        assert two.links("h1")["vx"]["mtu"] == most


def test_flooding_replicates_broadcasts_and_learns_macs(two):
    for number in (1, 2):
        options = dict(endpoints=[], learning=True, flood=list(UNDERLAY[4]))
        two.change("vxlan_tunnel", **tunnel(number, **options))
    with Capture(two) as capture:
        assert packets.ping(two, "c1", "10.42.0.3")
        assert packets.ping(two, "c1", "fd42::3")
    assert any("ARP" in line for line in capture.lines)
    for number in (1, 2):
        two.unchanged("vxlan_tunnel", **tunnel(number, endpoints=[], learning=True, flood=list(UNDERLAY[4])))


def test_two_vnis_are_isolated(two):
    two.change("vxlan_tunnel", **tunnel(1))
    two.change("vxlan_tunnel", **tunnel(2, vni=7))
    assert packets.ping_is_lost(two, "c1", "10.42.0.3")


def test_thousands_of_endpoints(two):
    many = [
        {"mac": f"02:42:0a:2b:{number >> 8:02x}:{number & 255:02x}", "vtep": "192.0.2.2",
         "addresses": [f"10.42.{number // 250 + 10}.{number % 250}", f"fd42::1:{number:x}"]}
        for number in range(3000)
    ]  # fmt: skip
    done = two.module("vxlan_tunnel", **tunnel(1, endpoints=[*endpoints(), *many]))
    assert not done.get("failed"), done["msg"]
    assert len(neighbours(two)) == 6002
    two.unchanged("vxlan_tunnel", **tunnel(1, endpoints=[*endpoints(), *many]))
    done = two.module("vxlan_tunnel", **tunnel(1, endpoints=[*endpoints(), *many[1:]]))
    assert len(done["actions"][0]["before"]["endpoints"]) == 1
    assert len(neighbours(two)) == 6000


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"vni": 0}, "vni: 0: must be a number from 1 to 16777215"),
        ({"vni": 1 << 24}, "vni: 16777216: must be a number from 1 to 16777215"),
        ({"dstport": 0}, "dstport: 0: must be a number from 1 to 65535"),
        ({"local": "192.0.2.77"}, "local: '192.0.2.77': no interface of h1 has this address"),
        ({"local": "h1"}, "local: 'h1': must be an IP address"),
        ({"local": None}, "local: '': is required to create a tunnel"),
        ({"vni": None}, "vni: '': is required to create a tunnel"),
        ({"bridge": "missing"}, "bridge: 'missing': no bridge of this name exists or is declared"),
        ({"flood": ["fd99::2"]}, "flood: 'fd99::2': local is 192.0.2.1: all VTEPs are of one family"),
        ({"endpoints": endpoints(6)}, "endpoints.vtep: 'fd99::1': local is 192.0.2.1"),
        ({"endpoints": [{**STRANGER, "mac": "zero"}]}, "endpoints.mac: 'zero': must be a MAC address"),
        ({"endpoints": [{**STRANGER, "addresses": ["10.42.0.9/16"]}]}, "endpoints.addresses: '10.42.0.9/16'"),
        ({"endpoints": [STRANGER, STRANGER]}, "endpoints.mac: '02:42:0a:2a:00:99': already used by another endpoint"),
        ({"name": "a-name-that-is-too-long"}, "name: 'a-name-that-is-too-long': must be an interface name"),
    ],
)
def test_invalid_options_are_refused(two, options, expected):
    problems = two.module("vxlan_tunnel", **tunnel(1, **options))["problems"]
    assert any(expected in problem for problem in problems), problems


def test_all_errors_are_reported_at_once(two):
    problems = two.refused("vxlan_tunnel", **tunnel(1, vni=0, dstport=0, local="somewhere"))
    assert len(problems) == 3


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        ("id 4242 dstport 4789 local 192.0.2.1", "vni: 4242: the tunnel foreign has it on the same UDP port"),
        ("external dstport 4789", "dstport: 4789: foreign receives on this UDP port with metadata collection"),
        ("id 9 dstport 4789 local 192.0.2.1 gbp", "dstport: 4789: foreign receives on this UDP port with GBP"),
    ],
)
def test_conflicting_foreign_tunnels_are_refused(two, there, expected):
    two.sh("ip link add foreign type vxlan " + there, "h1")
    problems = two.refused("vxlan_tunnel", **tunnel(1))
    assert any(expected in problem for problem in problems), problems
    two.change("vxlan_tunnel", **tunnel(1, dstport=8472))


def test_a_foreign_tunnel_is_taken_over_only_with_adopt(two):
    two.sh("ip address add 192.0.2.9/32 dev lo; ip link add name br mtu 1430 type bridge")
    two.sh("ip link add vx type vxlan id 4242 dstport 4789 local 192.0.2.9")
    own = tunnel(1, netns=None, local="192.0.2.9", endpoints=[])
    assert "adopt: true" in two.refused("vxlan_tunnel", **own)[0]
    two.change("vxlan_tunnel", **own, adopt=True)
    two.unchanged("vxlan_tunnel", **own)


@pytest.fixture
def three(two):
    """The throwaway host itself is a third one, 192.0.2.3, where the firewall is; c1 is behind its bridge, as
    10.42.0.4, and h2's tunnel has its entries.
    """
    lan = {"name": "u3", "netns": "under", "bridge": "u",
           "peer": {"name": "lan0", "netns": None, "addresses": ["192.0.2.3/24"]}}  # fmt: skip
    port = {"name": "v3", "bridge": "br", "peer": {"name": "eth1", "netns": "c1", "addresses": ["10.42.0.4/16"],
                                                   "mac": "02:42:0a:2a:00:04"}}  # fmt: skip
    bridge = {"name": "br", "addresses": ["10.42.0.1/16"], "mac": "02:42:0a:2a:00:01"}
    two.module("topology", bridge=[bridge], veth=[lan, port])
    two.sh("ip link set dev eth0 down", "c1")
    here = {"mac": "02:42:0a:2a:00:04", "addresses": ["10.42.0.4"], "vtep": "192.0.2.3"}
    two.change("vxlan_tunnel", **tunnel(2, endpoints=[here]))
    return two


OWN = dict(name="vx", vni=4242, local="192.0.2.3", bridge="br", flood=[], endpoints=endpoints()[1:])


def test_frames_of_the_host_on_an_anycast_bridge_stay_local(three):
    two, own = three, OWN
    two.change("vxlan_tunnel", **own)
    assert packets.ping(two, "c1", "10.42.0.3")
    with Capture(two) as leaked:
        two.try_sh("ping -c1 -W0.3 10.42.0.3")
    assert leaked.lines
    two.change("vxlan_tunnel", **own, anycast_gateway=True)
    assert packets.ping(two, "c1", "10.42.0.3")
    with Capture(two) as capture:
        assert packets.ping_is_lost(two, None, "10.42.0.3")
        assert packets.ping(two, None, "10.42.0.4")
    assert capture.lines == []
    two.change("vxlan_tunnel", name="vx", state="absent")
    assert "vx" not in two.sh("nft list ruleset")


def vteps(host):
    """VNIs with declared VTEPs, and these."""
    found = []
    for name in ("vnis", "vteps4", "vteps6"):
        listing = json.loads(host.sh(f"nft -j list set inet virtnet {name}"))["nftables"]
        elements = next(one["set"] for one in listing if "set" in one).get("elem", [])
        found.append([one["elem"]["val"]["concat"] if "elem" in one else one["concat"] for one in elements])
    return found


def echoes(host):
    """How many echo requests c1 received."""
    head, numbers = (line.split() for line in host.sh("grep ^Icmp: /proc/net/snmp", "c1").splitlines())
    return int(numbers[head.index("InEchos")])


def test_frames_are_accepted_from_known_vteps_only(three):
    two = three
    two.change("vxlan_tunnel", **OWN)
    assert vteps(two) == [[["ipv4", 4789, 4242]], [["192.0.2.2", 4789, 4242]], []]
    assert packets.ping(two, "c2", "10.42.0.4")
    two.change("vxlan_tunnel", **{**OWN, "endpoints": []})
    before = echoes(two)
    assert packets.ping_is_lost(two, "c2", "10.42.0.4")
    assert echoes(two) == before
    two.change("vxlan_tunnel", **{**OWN, "endpoints": [], "flood": ["192.0.2.2"]})
    assert packets.ping(two, "c2", "10.42.0.4")


def test_vteps_are_accepted_until_they_or_the_tunnel_are_removed(three):
    two, known = three, [[["ipv4", 4789, 4242]], [["192.0.2.2", 4789, 4242]], []]
    two.change("vxlan_tunnel", **OWN)
    two.change("bridge", name="another")
    two.change("vxlan_tunnel", name="vx", mtu=1400)
    assert vteps(two) == known
    two.change("vxlan_tunnel", name="vx", flood=["192.0.2.9"])
    assert [one[0] for one in sorted(vteps(two)[1])] == ["192.0.2.2", "192.0.2.9"]
    two.change("vxlan_tunnel", name="vx", flood=[])
    two.sh("nft delete element inet virtnet vteps4 '{ 192.0.2.2 . 4789 . 4242 }'")
    two.change("vxlan_tunnel", **OWN)
    assert vteps(two) == known
    two.sh("ip link del vx")
    two.change("vxlan_tunnel", **{**OWN, "name": "vy"})
    assert vteps(two) == known
    two.change("vxlan_tunnel", name="vy", state="absent")
    assert "4789" not in two.sh("nft list ruleset")


@pytest.mark.parametrize(
    "options", [{"endpoints": None}, {"endpoints": None, "flood": ["192.0.2.2"]}, {"learning": True, "endpoints": []}]
)
def test_without_declared_vteps_frames_are_accepted_from_any_source(three, options):
    """A fabric whose FDB another program fills, or that learns from any sender."""
    two = three
    two.change("vxlan_tunnel", **{**OWN, **options})
    assert vteps(two) == [[], [], []]
    before = echoes(two)
    two.try_sh("ping -c1 -W0.3 10.42.0.4", "c2")
    assert echoes(two) == before + 1
