# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Allocated subnets and addresses, and the smallest subnets; MTUs."""

from __future__ import annotations

import pytest
from integration.role_l2l3.conftest import Role

from ansible_collections.virtnet.linux.plugins.plugin_utils.views.drift_messages import drift_messages
from kit import packets

POOLS = [{"base": "10.9.0.0/22", "size": 24}, {"base": "192.168.0.0/16", "size": 20}]


def subnets(role: Role) -> dict[str, list[str]]:
    networks = role.host.module("network_info")["networks"]
    return {one["Name"]: [config["Subnet"] for config in one["IPAM"]["Config"]] for one in networks}


def test_pools_avoid_host_routes_and_nameservers_and_subnets_are_kept(host, role):
    host.sh("ip route add 10.9.0.128/25 via 192.0.2.1; ip address add 10.9.2.1/24 dev up0")
    host.sh("echo nameserver 10.9.3.3 > /etc/resolv.conf")
    run = dict(address_pools=POOLS)
    c = [{"name": "c1", "networks": ["one"]}, {"name": "c2", "networks": ["two"]}]
    role.run([{"name": "one"}, {"name": "two"}], c, **run)
    assert subnets(role) == {"one": ["10.9.1.0/24"], "two": ["192.168.0.0/20"]}
    assert packets.seen(host, "c1", "192.0.2.1", 80, "lan") == "192.0.2.2"
    host.sh("ip route del 10.9.0.128/25 via 192.0.2.1")
    role.run([{"name": "two"}, {"name": "new"}, {"name": "one"}], c, **run)
    assert subnets(role) == {"one": ["10.9.1.0/24"], "two": ["192.168.0.0/20"], "new": ["10.9.0.0/24"]}
    (found,) = role.refused([{"name": "four"}], address_pools=[{"base": "10.9.0.0/23", "size": 24}])
    assert "network four: subnet (not given): no free one is left" in found
    assert "where these are in the way: network new (10.9.0.0/24), network one (10.9.1.0/24)" in found


@pytest.mark.parametrize("what", ["blackhole %s", "unreachable %s", "prohibit %s", "%s via 192.0.2.1 table 52"])
def test_pools_avoid_blackholes_and_routes_of_other_tables(host, role, what):
    host.sh("ip route add " + what % "10.9.0.0/24")
    host.sh("ip -6 route add unreachable 2001:db8:9::/48; ip route add 10.8.0.0/16 via 192.0.2.1")
    role.run([{"name": "one"}], address_pools=POOLS)
    assert subnets(role) == {"one": ["10.9.1.0/24"]}
    found = host.module("network_info")["host"]["other_routes"]
    assert [(one["to"], one["type"]) for one in found] == [
        ("10.9.0.0/24", "unicast" if "table" in what else what.split()[0]),
        ("2001:db8:9::/48", "unreachable"),
    ]


def test_enable_ipv6_alone_derives_a_unique_local_subnet(host, role):
    two = [{"name": name, "networks": ["web"]} for name in ("a", "b")]
    role.run([{"name": "web", "enable_ipv6": True}], two, address_pools=POOLS)
    four, six = subnets(role)["web"]
    assert four == "10.9.0.0/24" and six.startswith("fd") and six.endswith("/64")
    assert packets.seen(host, "a", role.address("b", "web", 6), 80, "b") == role.address("a", "web", 6)
    assert packets.seen(host, "a", "2001:db8::1", 80, "lan") == "2001:db8::2"


def test_a_slash_31_has_a_gateway_and_one_container(host, role):
    pair = {"name": "pair", "subnet": "172.30.0.0/31", "subnet6": "fd00:30::/127"}
    role.run([pair], [{"name": "c", "networks": ["pair"], "ports": ["8080:80"]}])
    assert (role.address("c", "pair"), role.address("c", "pair", 6)) == ("172.30.0.1", "fd00:30::1")
    assert packets.ping(host, "c", "172.30.0.0") and packets.ping(host, "c", "fd00:30::")
    assert packets.seen(host, "c", "192.0.2.1", 80, "lan") == "192.0.2.2"
    assert packets.seen(host, "c", "2001:db8::1", 80, "lan") == "2001:db8::2"
    assert packets.arrives(host, "lan", "192.0.2.2", 8080, "c", 80)
    found = role.refused([pair], [{"name": name, "networks": ["pair"]} for name in ("c", "d", "e")])
    assert "is full: its 2 addresses are held by the gateway, container c; none is left for d, e" in found[0]


def test_an_isolated_slash_31_has_two_containers(host, role):
    pair = {"name": "pair", "subnet": "172.30.0.0/31", "internal": True, "gateway_mode": "isolated"}
    role.run([pair], [{"name": name, "networks": ["pair"]} for name in ("c", "d")])
    assert packets.seen(host, "c", "172.30.0.1", 80, "d") == "172.30.0.0"


def test_a_slash_32_has_the_gateway_only(host, role):
    role.run([{"name": "lone", "subnet": "172.30.0.7/32"}])
    assert packets.ping(host, "lan", "192.0.2.2") and host.links()["br-lone"]["addresses"] == ["172.30.0.7/32"]
    (found,) = role.refused([{"name": "lone", "subnet": "172.30.0.7/32"}], [{"name": "c", "networks": ["lone"]}])
    assert "is full: its 1 addresses are held by the gateway; none is left for c" in found


def test_declared_gateway_and_reserved_addresses(host, role):
    web = {"name": "web", "subnet": "172.30.0.0/29", "gateway": "172.30.0.3", "subnet6": "fd00:30::/64",
           "gateway6": "fd00:30::ff", "aux_addresses": {"printer": "172.30.0.1", "six": "fd00:30::1"}}  # fmt: skip
    fixed = {"name": "away", "networks": [{"name": "web", "ipv4_address": "172.30.0.2"}], "state": "absent"}
    role.run([web], [fixed, {"name": "a", "networks": ["web"]}, {"name": "b", "networks": ["web"]}])
    assert [role.address(name, "web") for name in "ab"] == ["172.30.0.4", "172.30.0.5"]
    assert [role.address(name, "web", 6) for name in "ab"] == ["fd00:30::2", "fd00:30::3"]
    assert packets.seen(host, "a", "192.0.2.1", 80, "lan") == "192.0.2.2"
    assert packets.seen(host, "a", "2001:db8::1", 80, "lan") == "2001:db8::2"
    role.run([web], [{**fixed, "state": "present"}, {"name": "a", "networks": ["web"]}])
    assert role.address("away", "web") == "172.30.0.2"


def fits(host, size, to, version=4):
    """Whether a packet of so many bytes in all arrives unfragmented."""
    payload = size - {4: 28, 6: 48}[version]
    return host.try_sh("ping -n -q -c 1 -w 2 -M do -s %d %s" % (payload, to), "c").returncode == 0


def test_the_mtu_is_the_smallest_uplinks_and_exact(host, role):
    host.sh("ip link set up0 mtu 1420; ip -n lan link set eth0 mtu 1420")
    web = {"name": "web", "subnet": "172.30.0.0/24", "subnet6": "fd00:30::/64"}
    containers = [{"name": name, "networks": ["web"]} for name in ("c", "d")]
    role.run([web], containers)
    for version, to in ((4, "192.0.2.1"), (6, "2001:db8::1"), (4, "172.30.0.3"), (6, "fd00:30::3")):
        assert fits(host, 1420, to, version)
        assert not fits(host, 1421, to, version)
    host.sh("ip netns add isp; ip link add up1 mtu 1400 type veth peer name eth0 mtu 1400 netns isp")
    host.sh("ip address add 198.51.100.2/24 dev up1; ip link set up1 up; ip route add default dev up1 metric 9")
    role.run([web], containers)
    assert host.links("c")["eth0"]["mtu"] == host.links()["br-web"]["mtu"] == 1400
    role.run([{**web, "mtu": 1300}], containers)
    assert fits(host, 1300, "172.30.0.3") and not fits(host, 1301, "172.30.0.3")


@pytest.mark.parametrize(
    "script",
    ["ip address flush dev eth0; ip address add 172.30.0.2/24 dev eth0; ip address add fd00:30::2/64 dev eth0 nodad",
     "ip address flush dev eth0; ip address add 172.30.0.1/24 dev eth0",
     "ip address flush dev eth0; for last in 2 3; do ip address add 172.30.0.$last/24 dev eth0; done",
     "ip link set eth0 address 02:42:ac:1e:00:02", "ip link set eth0 address 02:42:ac:1e:00:77"],
    ids=["an address", "the gateway's", "an address besides", "a MAC", "a free MAC"],
)  # fmt: skip
def test_a_forged_address_is_not_trusted_by_the_next_run(host, role, script):
    web = {"name": "web", "subnet": "172.30.0.0/24", "subnet6": "fd00:30::/64"}
    victim = {"name": "victim", "networks": ["web"], "ports": ["80:80"]}
    thief = {"name": "thief", "networks": ["web"]}
    role.run([web], [victim, thief])
    before = host.module("network_info")["containers"]
    host.sh(script, "thief")
    reported = {one["name"]: one["endpoints"][0] for one in host.module("network_info")["containers"]}
    assert reported["thief"]["guard"] == {"mac": "02:42:ac:1e:00:03", "addresses": ["172.30.0.3", "fd00:30::3"]}
    taken = {word: reported["thief"][word] for word in ("mac", "addresses")}
    assert taken != {"mac": "02:42:ac:1e:00:03", "addresses": ["172.30.0.3/24", "fd00:30::3/64"]}
    planned = role.plan([web], [thief, victim])["topology"]
    actions = host.module("topology", check=True, **planned)["actions"]
    reported = drift_messages(actions, planned, host.module("network_info"))
    assert reported and all(one.startswith("container thief on network web: ") for one in reported), reported
    role.run([web], [thief, victim])
    after = host.module("network_info")["containers"]
    for container in [*before, *after]:
        container["endpoints"][0]["addresses"].sort()
    assert after == before
    assert packets.arrives(host, "lan", "192.0.2.2", 80, "victim")
    assert packets.seen(host, "thief", "172.30.0.2", 80, "victim") == "172.30.0.3"
    assert packets.seen(host, "victim", "192.0.2.1", 80, "lan") == "192.0.2.2"
