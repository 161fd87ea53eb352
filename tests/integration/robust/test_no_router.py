# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that was no router routes nothing between its other interfaces while it has networks; where it did before, it
still does.

Two neighbours try it, each with a route to the other by the host. tests/full/test_never_a_router.py kills runs at each
step.
"""

from __future__ import annotations

import socket

import pytest
from integration.robust import engine
from integration.robust.documents import absent, complete

from kit import packets, snapshot
from kit.host import inside

PORT = 7777
SILENCE = 0.1  # seconds
NEIGHBOURS = {"left": ("198.18.0.1", "2001:db8:1::1"), "right": ("198.51.100.1", "2001:db8:2::1")}
LANS = """
for name in left right; do
  ip netns add $name
  ip link add to-$name type veth peer name eth0 netns $name
  ip link set to-$name addrgenmode none; ip -n $name link set eth0 addrgenmode none
  ip link set to-$name up; ip -n $name link set eth0 up
done
ip address add 198.18.0.2/24 dev to-left; ip address add 2001:db8:1::2/64 dev to-left nodad
ip address add 198.51.100.2/24 dev to-right; ip address add 2001:db8:2::2/64 dev to-right nodad
ip -n left address add 198.18.0.1/24 dev eth0; ip -n left address add 2001:db8:1::1/64 dev eth0 nodad
ip -n right address add 198.51.100.1/24 dev eth0; ip -n right address add 2001:db8:2::1/64 dev eth0 nodad
ip -n left route add default via 198.18.0.2; ip -n left route add default via 2001:db8:1::2
ip -n right route add default via 198.51.100.2; ip -n right route add default via 2001:db8:2::2
"""
NETWORKS = complete({
    "netns": [{"name": "c"}],
    "bridge": [
        {"name": "br-two", "addresses": ["172.30.0.1/24", "fd00:30::1/64"]},
        {"name": "br-four", "addresses": ["172.31.0.1/24"]},
    ],
    "veth": [
        {
            "name": "vc", "bridge": "br-two",
            "peer": {"name": "eth0", "netns": "c", "mac": "02:42:ac:1e:00:02",
                     "addresses": ["172.30.0.2/24", "fd00:30::2/64"],
                     "gateway": "172.30.0.1", "gateway6": "fd00:30::1"},
        }
    ],
    "bridge_policy": [
        {"bridge": "br-two", "subnets": ["172.30.0.0/24", "fd00:30::/64"]},
        {"bridge": "br-four", "subnets": ["172.31.0.0/24"]},
    ],
})  # fmt: skip


@pytest.fixture
def between(host):
    host.sh(LANS)
    return host


def routed(host):
    """The IP versions that the host routes from one neighbour to the other, in either direction."""
    return host.call(_routed)


def _routed():
    pairs = []
    for sender, receiver in (("left", "right"), ("right", "left")):
        for version, to in zip((4, 6), NEIGHBOURS[receiver], strict=True):
            family = socket.AF_INET if version == 4 else socket.AF_INET6
            with inside(receiver):
                server = socket.socket(family, socket.SOCK_DGRAM)
                server.bind((to, PORT))
            with inside(sender), socket.socket(family, socket.SOCK_DGRAM) as client:
                client.sendto(b"through?", (to, PORT))
            pairs.append((version, server))
    found = set()
    for version, server in pairs:
        server.settimeout(SILENCE if not found else 0.05)
        try:
            server.recv(100)
            found.add(version)
        except TimeoutError:
            pass
        server.close()
    return found


def test_without_the_rules_the_host_routes(between):
    """The control: forwarding is on, and these rules are what keeps the host from routing."""
    engine.run(between, NETWORKS)
    assert between.sysctl("ipv4/ip_forward") == between.sysctl("ipv6/conf/all/forwarding") == "1"
    assert packets.seen(between, "c", NEIGHBOURS["left"][0], 80, "left") == "198.18.0.2"
    between.sh("nft delete table inet virtnet")
    assert routed(between) == {4, 6}
    (warning,) = [
        one for one in between.module("network_info")["host"]["warnings"] if "table inet virtnet is missing" in one
    ]
    assert "this host forwards (net.ipv4.ip_forward, net.ipv6.conf.all.forwarding = 1)" in warning


def test_later_interfaces_are_not_routed(between):
    """It serves published ports and egress as the others do; and nothing is routed between them."""
    engine.run(between, NETWORKS)
    between.sh("ip netns add later; ip link add wg0 type veth peer name eth0 netns later; ip link set wg0 up;"
               "ip address add 203.0.113.2/24 dev wg0; ip -n later address add 203.0.113.1/24 dev eth0;"
               "ip -n later link set eth0 up; ip -n later route add default via 203.0.113.2")  # fmt: skip
    port = complete({"nat_port": [{"host_port": "8080", "to_address": "172.30.0.2", "to_port": "80"}]})
    engine.run(between, port)
    assert packets.arrives(between, "later", "203.0.113.2", 8080, "c", 80)
    assert packets.seen(between, "c", "203.0.113.1", 80, "later") == "203.0.113.2"
    assert packets.is_lost(between, "later", NEIGHBOURS["left"][0], 80, "left")
    between.sh("echo 0 >/proc/sys/net/ipv4/conf/wg0/forwarding")  # why forwarding is not left off on some interfaces
    assert packets.is_lost(between, "later", "203.0.113.2", 8080, "c", 80)
    assert packets.is_lost(between, "c", "203.0.113.1", 80, "later"), "no answer comes back in"


def test_routing_enabled_before_is_kept(between):
    """Enabled for the host, or for one interface only."""
    between.sh("echo 1 >/proc/sys/net/ipv4/conf/to-left/forwarding; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding")
    before = between.snapshot()
    one_way = packets.is_lost(between, "left", NEIGHBOURS["right"][0], 80, "right")
    assert one_way and routed(between) == {4, 6}
    engine.run(between, NETWORKS)
    assert engine.run(between, NETWORKS, check=True) == []
    assert routed(between) == {4, 6}
    assert packets.is_lost(between, "right", NEIGHBOURS["left"][0], 80, "left"), "this way it did not"
    between.sh("rm -r /run/virtnet")
    assert engine.run(between, NETWORKS, check=True) == [], "the rules remember it, too"
    engine.run(between, absent(NETWORKS))
    between.sh("echo 1 >/proc/sys/net/ipv4/conf/to-left/forwarding")
    engine.run(between, NETWORKS)
    engine.run(between, absent(NETWORKS))
    snapshot.same(before, between.snapshot())


def test_accept_redirects_is_restored(between):
    """The kernel changes it with forwarding: a host where it was 0 must have 0 afterwards."""
    between.sh("echo 0 >/proc/sys/net/ipv4/conf/all/accept_redirects")
    between.sh("echo 1 >/proc/sys/net/ipv6/conf/to-left/forwarding")
    before = between.snapshot()
    engine.run(between, NETWORKS)
    engine.run(between, absent(NETWORKS))
    snapshot.same(before, between.snapshot())


def test_router_advertisements_are_still_accepted(between):
    """On existing interfaces, and on later ones."""
    engine.run(between, NETWORKS)
    between.sh("ip link add late type veth peer name later")
    assert between.sysctl("ipv6/conf/to-left/accept_ra") == between.sysctl("ipv6/conf/late/accept_ra") == "2"
    engine.run(between, absent(NETWORKS))
    between.sh("ip link add latest type veth peer name last")
    assert between.sysctl("ipv6/conf/to-left/accept_ra") == between.sysctl("ipv6/conf/latest/accept_ra") == "1"
