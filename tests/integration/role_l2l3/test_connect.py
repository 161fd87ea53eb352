# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Switches joined by patch links: one segment, one subnet, one gateway, one policy."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import time

import pytest

from kit import packets, snapshot
from kit.host import inside

SW1 = {"name": "sw1", "subnet": "172.30.0.0/24", "subnet6": "fd00:30::/64"}
SW2 = {"name": "sw2", "connect": ["sw1"]}
SW3 = {"name": "sw3", "connect": ["sw2"]}
C = [{"name": "c%d" % number, "networks": ["sw%d" % network]} for number, network in ((1, 1), (2, 1), (3, 2), (4, 2))]
C5 = {"name": "c5", "networks": ["sw3"]}
FAR = [("c1", "c3"), ("c3", "c1"), ("c3", "c5"), ("c5", "c1")]


def reach(host, one, other, networks):
    """Whether a container reaches another by both families."""
    found = [packets.arrives(host, one, networks[other][version], 80, other) for version in (4, 6)]
    assert found[0] == found[1]
    return found[0]


def lost(host, one, to):
    return packets.is_lost(host, one, to[4], 80, None) and packets.is_lost(host, one, to[6], 80, None)


def addresses(host):
    """container -> {4: address, 6: address}"""
    return {
        name: {4: one["IPv4Address"].split("/")[0], 6: one["IPv6Address"].split("/")[0]}
        for network in host.module("network_info")["networks"]
        for name, one in network["Containers"].items()
    }


@pytest.mark.parametrize("bridge_nf", [0, 1])
def test_containers_of_connected_switches_are_on_one_segment(host, role, bridge_nf):
    before = host.snapshot()
    host.sh("echo %d | tee /proc/sys/net/bridge/bridge-nf-call-*tables" % bridge_nf)
    role.run([SW1, SW2, SW3], [*C, {**C5, "ports": ["8080:80", "8053:53/udp"]}])
    held = addresses(host)
    assert [held["c%d" % number][4] for number in range(1, 6)] == ["172.30.0.%d" % n for n in range(2, 7)]
    for one, other in FAR:
        assert reach(host, one, other, held)
        assert packets.seen(host, one, held[other][4], 80, other) == held[one][4]
    for number in range(1, 6):
        name = "c%d" % number
        for version, gateway, lan in ((4, "172.30.0.1", "192.0.2.1"), (6, "fd00:30::1", "2001:db8::1")):
            assert packets.ping(host, name, gateway)
            assert packets.ping(host, None, held[name][version])
            assert packets.seen(host, name, lan, 80, "lan") == {4: "192.0.2.2", 6: "2001:db8::2"}[version]
    for port, protocol in ((8080, "tcp"), (8053, "udp")):
        at = {8080: 80, 8053: 53}[port]
        assert packets.seen(host, "lan", "192.0.2.2", port, "c5", at, protocol) == "192.0.2.1"
        assert packets.seen(host, "lan", "2001:db8::2", port, "c5", at, protocol) == "2001:db8::1"
        assert packets.seen(host, "c1", "192.0.2.2", port, "c5", at, protocol) == "172.30.0.1"
        # with br_netfilter the bridge sends back by the patch link what came by it
        assert packets.seen(host, "c3", "192.0.2.2", port, "c5", at, protocol) == "172.30.0.1"
        assert packets.seen(host, "c3", "2001:db8::2", port, "c5", at, protocol) == "fd00:30::1"
        assert packets.arrives(host, "c5", "192.0.2.2", port, "c5", at, protocol), "the one that publishes it"
        assert packets.arrives(host, None, "127.0.0.1", port, "c5", at, protocol)
    gone = [{"name": name, "state": "absent"} for name in held]
    role.run([{**one, "state": "absent"} for one in (SW1, SW2, SW3)], gone)
    host.sh("echo 1 | tee /proc/sys/net/bridge/bridge-nf-call-*tables")
    snapshot.same(before, host.snapshot())


def test_one_bridge_is_the_gateway(host, role):
    role.run([SW1, SW2], C)
    for _again in range(5):
        host.sh("ip neighbour flush dev eth0; ping -n -q -c 1 -w 5 172.30.0.1", "c3")
        assert "02:42:ac:1e:00:01" in host.sh("ip neighbour show 172.30.0.1", "c3")
    assert host.links()["br-sw2"]["addresses"] == []
    assert host.links()["br-sw2"]["address"] != host.links()["br-sw1"]["address"]


def test_anti_spoofing_applies_to_endpoints_not_patch_links(host, role):
    role.run([SW1, SW2], C)
    host.sh("ip address add 172.30.0.99/24 dev eth0", "c3")
    assert packets.ping_is_lost(host, "c3", "-I 172.30.0.99 172.30.0.2")
    assert packets.ping(host, "c3", "172.30.0.2")


@pytest.mark.parametrize("bridge_nf", [0, 1])
def test_icc_false_isolates_across_patch_links(host, role, bridge_nf):
    host.sh("echo %d | tee /proc/sys/net/bridge/bridge-nf-call-*tables" % bridge_nf)
    role.run([{**SW1, "icc": False}, SW2, SW3], [*C, {**C5, "ports": ["8080:80"]}])
    held = addresses(host)
    for one, other in [*FAR, ("c1", "c2"), ("c3", "c4")]:
        assert lost(host, one, held[other])
        host.sh("ip route add %s via 172.30.0.1" % held[other][4], one)
        assert packets.is_lost(host, one, held[other][4], 80, other), "nor by a detour"
        host.sh("ip route del %s" % held[other][4], one)
    for name in held:
        assert packets.ping(host, name, "172.30.0.1")
        assert packets.seen(host, name, "192.0.2.1", 80, "lan") == "192.0.2.2"
        assert packets.arrives(host, name, "192.0.2.2", 8080, "c5", 80)


@pytest.mark.parametrize("bridge_nf", [0, 1])
def test_undeclared_switches_follow_their_segments_policy(host, role, bridge_nf):
    host.sh("echo %d | tee /proc/sys/net/bridge/bridge-nf-call-*tables" % bridge_nf)
    role.run([SW1, SW2, SW3], [*C, {**C5, "ports": ["8080:80"]}])
    held = addresses(host)
    for icc in (False, True):
        done = role.run([{**SW1, "icc": icc}])
        assert [one for one in done if "bridge_policy" in one] == [
            "change bridge_policy br-sw%d" % number for number in (1, 2, 3)
        ]
        for one, other in [*FAR, ("c1", "c2"), ("c3", "c4")]:
            assert reach(host, one, other, held) if icc else lost(host, one, held[other])
        assert packets.arrives(host, "c4", "192.0.2.2", 8080, "c5", 80)
        assert packets.seen(host, "c4", "192.0.2.1", 80, "lan") == "192.0.2.2"


def test_a_switch_in_use_is_neither_removed_nor_readdressed(host, role):
    role.run([SW1, SW2, SW3], [*C, C5])
    held = addresses(host)
    without = [{"name": name, "state": "absent"} for name in ("c1", "c2", "c3", "c4")]
    assert "sw2, sw3 have their subnet from it" in role.refused([{"name": "sw1", "state": "absent"}], without)[0]
    assert "by way of it" in role.refused([{"name": "sw2", "state": "absent"}], without)[0]
    assert "and no list declares it" in role.refused([{**SW1, "subnet": "172.29.0.0/24"}], C[:2])[0]
    assert reach(host, "c5", "c1", held)


def test_a_published_port_of_a_container_on_a_segment_and_another_network(host, role):
    other = {"name": "other", "subnet": "172.31.0.0/24"}
    both = {"name": "both", "networks": ["other", "sw2"], "ports": ["8080:80"]}
    role.run([SW1, SW2, other], [*C, both])
    for client in ("c1", "c3"):
        assert packets.arrives(host, client, "192.0.2.2", 8080, "both", 80), "the answer must not go past the host"


def test_internal_applies_to_the_whole_segment(host, role):
    role.run([{**SW1, "internal": True}, SW2], C)
    held = addresses(host)
    assert reach(host, "c3", "c1", held)
    assert packets.is_lost(host, "c3", "192.0.2.1", 80, "lan")
    assert host.routes("c3") == []


def test_patch_links_and_switches_are_created_and_removed(host, role):
    role.run([SW1], C[:2])
    cabled = role.run([SW1, SW2], C)
    assert [one for one in cabled if "veth patch" in one and one.startswith("create")]
    held = addresses(host)
    assert reach(host, "c1", "c3", held)
    own = {"name": "sw2", "subnet": "172.31.0.0/24", "subnet6": "fd00:31::/64"}
    role.run([SW1, own], C)
    assert not [name for name in host.links() if name.startswith("patch")]
    assert host.links()["br-sw2"]["addresses"] == ["172.31.0.1/24", "fd00:31::1/64"]
    assert packets.is_lost(host, "c1", "172.31.0.2", 80, "c3")
    role.run([SW1, SW2], C)
    assert reach(host, "c1", "c3", addresses(host))
    role.run([], [{"name": "late", "networks": ["sw2"]}])
    assert packets.arrives(host, "late", held["c1"][4], 80, "c1"), "a switch that only stands is on its segment"


def test_a_ring_requires_stp(host, role):
    ring = [SW1, SW2, {"name": "sw3", "connect": ["sw2", "sw1"]}]
    found = role.refused(ring, [*C, C5])
    assert len(found) == 3
    assert all("stp" in one and "a broadcast would circle for ever" in one for one in found)
    role.run([{**one, "stp": True} for one in ring], [*C, C5])
    deadline = time.monotonic() + 60
    held = addresses(host)
    while not packets.ping(host, "c1", held["c3"][4]):
        assert time.monotonic() < deadline
    for one, other in FAR:
        assert reach(host, one, other, held)
    assert [bridge["stp"] for bridge in host.module("network_info")["bridges"]] == [True, True, True]
    host.sh("ip link set %s down" % next(name for name in host.links() if name.startswith("patch")))
    deadline = time.monotonic() + 60
    while not all(packets.ping(host, *pair) for pair in (("c1", held["c3"][4]), ("c5", held["c1"][4]))):
        assert time.monotonic() < deadline


def test_a_broadcast_arrives_once_in_a_ring(host, role):
    """Although the gateway's end of a patch link sends back what was translated (hairpin)."""
    role.run([SW1, SW2, SW3], [*C, C5])
    assert packets.arrives(host, "c3", "172.30.0.1", 80, None), "the bridges have learned all MACs"
    for name in ("c1", "c4", "c5"):
        assert host.call(_heard, "c3", name) == 1
    assert host.call(_heard, "c3", "c3") == 0


def _heard(sender, listener):
    """How many of a broadcast's frames arrive at the listener's NIC."""
    with inside(listener):
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    wire.settimeout(0.3)
    with inside(sender), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        client.sendto(b"remote_endpoints", ("172.30.0.255", 9))
    count = 0
    with wire, contextlib.suppress(TimeoutError):
        while True:
            frame, (_nic, _protocol, kind, *_rest) = wire.recvfrom(2048)
            count += frame.endswith(b"remote_endpoints") and kind != socket.PACKET_OUTGOING
    return count


@pytest.mark.parametrize("anti_spoofing", [True, False])
def test_the_bpdu_guard_disables_a_containers_port(host, role, anti_spoofing):
    """Unless anti-spoofing is off, which is the control."""
    role.run([{**SW1, "stp": True, "anti_spoofing": anti_spoofing}], C[:2])
    root = host.sh("cat /sys/class/net/br-sw1/bridge/root_id")
    _wait_until_ports_forward(host)
    assert packets.ping(host, "c1", "172.30.0.3"), "its frames do arrive"

    host.call(_claim_the_root, "c1")

    assert packets.ping(host, "c2", "172.30.0.1")
    assert (host.sh("cat /sys/class/net/br-sw1/bridge/root_id") == root) == anti_spoofing


def test_a_port_disabled_by_the_bpdu_guard_is_enabled_by_the_next_run(host, role):
    declared = [{**SW1, "stp": True}], C[:2]
    role.run(*declared)
    _wait_until_ports_forward(host)
    host.call(_claim_the_root, "c1")
    assert not packets.ping(host, "c1", "172.30.0.3")

    [done] = role.run(*declared)

    assert done.startswith("change veth ")
    _wait_until_ports_forward(host)
    assert packets.ping(host, "c1", "172.30.0.3")


def _wait_until_ports_forward(host):
    deadline = time.monotonic() + 10
    while re.search("state (disabled|listening|learning)", host.sh("bridge link show")):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _claim_the_root(netns):
    """A configuration BPDU of IEEE 802.1D, of a bridge with a better priority than all others."""
    with inside(netns), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind(("eth0", 0))
        mac = wire.getsockname()[4]
        ids = struct.pack("!H6sIH6sH", 0, bytes(5) + b"\1", 0, 0, mac, 0x8001)
        message = b"\x42\x42\x03" + bytes(5) + ids + struct.pack("!HHHH", 0, 6 * 256, 256, 2 * 256)
        wire.send(bytes.fromhex("0180c2000000") + mac + struct.pack("!H", len(message)) + message)
