# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All options for layers 2 and 3 in one play, by Ansible itself."""

from __future__ import annotations

import pytest

from kit import packets
from kit.role import play, playbook_of

NETWORKS = [
    {"name": "sw1", "enable_ipv6": True, "stp": True},
    {"name": "sw2", "connect": ["sw1"], "stp": True},
    {"name": "far", "subnet": "172.31.0.0/24", "aux_addresses": {"printer": "172.31.0.2"}},
]
NIC = {"device": "enp3s0", "name": "wan", "addresses": ["203.0.113.7/24"], "gateway": "203.0.113.1",
       "routes": [{"to": "198.51.100.0/24", "via": "203.0.113.1"}]}  # fmt: skip
CONTAINERS = [
    {"name": "c1", "networks": ["sw1"]},
    {"name": "c3", "networks": [{"name": "sw2", "aliases": ["third"]}], "dns": ["192.0.2.53"], "dns_opt": ["ndots:1"]},
    {"name": "router", "networks": ["far"], "interfaces": [NIC], "forwarding": True},
    {"name": "shared", "interfaces": [{"device": "up0", "type": "macvlan", "addresses": ["192.0.2.77/24"]}]},
]


@pytest.mark.long
def test_the_role_is_idempotent(host, tmp_path):
    host.sh("ip netns add isp; ip link add enp3s0 type veth peer name eth0 netns isp")
    playbook = playbook_of(tmp_path, networks=NETWORKS, containers=CONTAINERS)
    predicted = play(host, playbook, tmp_path, "--check")
    assert (predicted.code, predicted.changed) == (0, 1), predicted.output
    made = play(host, playbook, tmp_path)
    assert (made.code, made.changed) == (0, 1), made.output
    again = play(host, playbook, tmp_path)
    assert (again.code, again.changed) == (0, 0), again.output
    assert packets.arrives(host, "c1", "172.18.0.3", 80, "c3")
    assert packets.arrives(host, "lan", "192.0.2.77", 80, "shared")
    assert host.try_sh("ip netns exec c1 getent hosts third").stdout.split()[-2:] == ["c3", "third"]
    assert host.links("router")["wan"]["addresses"] == ["203.0.113.7/24"]
    names = [one["name"] for one in CONTAINERS]
    gone = playbook_of(
        tmp_path,
        networks=[{"name": one["name"], "state": "absent"} for one in NETWORKS],
        containers=[{"name": name, "state": "absent"} for name in names],
    )
    left = play(host, gone, tmp_path)
    assert (left.code, left.changed) == (0, 1), left.output
    assert "enp3s0" in host.links() and host.try_sh("test -e /etc/netns").returncode


def test_a_multipath_default_route_counts_with_each_uplink(host, role):
    """Equal-cost multipath: the kernel reports one route with several next hops."""
    host.sh(
        """
        ip link add up1 mtu 1400 type veth peer name up1x
        ip link set up1 up; ip link set up1x up
        ip address add 198.51.100.2/24 dev up1; ip address add 2001:db8:1::2/64 dev up1 nodad
        ip route replace default nexthop via 192.0.2.1 nexthop via 198.51.100.1
        ip -6 route del default
        ip -6 route add default nexthop via 2001:db8::1 nexthop via 2001:db8:1::1
        ip route add 10.99.0.0/16 nexthop via 198.51.100.1 nexthop via 198.51.100.3
        """
    )
    found = host.module("network_info")["host"]["routes"]
    ways = [(one["to"], one["via"], one["dev"]) for one in found if one["to"] in ("0.0.0.0/0", "::/0")]
    assert sorted(ways) == [
        ("0.0.0.0/0", "192.0.2.1", "up0"),
        ("0.0.0.0/0", "198.51.100.1", "up1"),
        ("::/0", "2001:db8:1::1", "up1"),
        ("::/0", "2001:db8::1", "up0"),
    ]
    role.run([{"name": "web", "subnet": "172.30.0.0/24"}])
    assert host.links()["br-web"]["mtu"] == 1400, "the smallest"
    (problem,) = role.refused([{"name": "far", "subnet": "10.99.0.0/24"}])
    assert "overlaps with the host's route to 10.99.0.0/16 by up1" in problem


def test_an_mtu_below_1280_works_for_ipv4(host, role):
    """Below 1280 the kernel disables IPv6 on a link, and its setting that keeps it silent."""
    small, large = {"name": "web", "subnet": "172.30.0.0/24", "mtu": 1000}, {"name": "web", "subnet": "172.30.0.0/24"}
    containers = [{"name": "a", "networks": ["web"]}, {"name": "b", "networks": ["web"]}]
    role.run([small], containers)
    assert packets.arrives(host, "a", role.address("b", "web"), 80, "b")
    role.run([large], containers)
    role.run([{**large, "enable_ipv6": True}], containers)
    assert packets.ping(host, "a", role.address("b", "web", 6))
    host.sh("ip link set br-web mtu 600")
    role.run([{**large, "enable_ipv6": True}], containers)
    assert packets.ping(host, "a", role.address("b", "web", 6))


def test_an_mtu_below_1280_with_ipv6_is_refused(host):
    host.sh("ip netns add c; ip link add enp3s0 type veth peer name enp3s1")
    six, rule = ["fd00::2/64"], "must be a number from 1280 to 65535, for it has an IPv6 address"
    found = host.refused(
        "topology",
        bridge=[{"name": "br0", "addresses": six, "mtu": 1000}],
        veth=[{"name": "v0", "mtu": 1000, "peer": {"name": "eth0", "netns": "c", "addresses": six}}],
        interface=[{"device": "enp3s0", "netns": "c", "addresses": six, "mtu": 1000}],
    )
    assert [one for one in found if rule in one] == found and len(found) == 3


@pytest.mark.parametrize(("netns", "link"), [(None, "br-web"), ("a", "eth0")])
def test_a_connected_route_deleted_out_of_band_is_repaired(host, role, netns, link):
    lists = [{"name": "web", "subnet": "172.30.0.0/24"}], [{"name": "a", "networks": ["web"]}]
    role.run(*lists)
    before = host.sh("ip route", netns)
    host.sh("ip route delete 172.30.0.0/24 dev " + link, netns)
    role.run(*lists)
    assert host.sh("ip route", netns) == before
    assert packets.arrives(host, None, "172.30.0.2", 80, "a")
