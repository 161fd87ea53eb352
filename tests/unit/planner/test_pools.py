# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Subnets of networks that declare none."""

from __future__ import annotations

import ipaddress

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from unit.planner.simulated_host import EMPTY, errors, live_after, plan, present, topology

from kit.checkout import collections_root

DEFAULTS = collections_root() / "ansible_collections/virtnet/linux/roles/bridge_network/defaults/main.yml"
POOLS = yaml.safe_load(DEFAULTS.read_text())["bridge_network_address_pools"]
SMALL = [{"base": "10.9.0.0/29", "size": 31}]


def auto(*names, **more):
    return [{"name": name, **more} for name in names]


def subnets(networks, live=EMPTY, pools=POOLS, **more):
    document = topology(networks, live=live, address_pools=pools, **more)
    return [policy["subnets"][0] for policy in present(document["bridge_policy"])]


def test_the_lowest_free_subnet_of_dockers_pools_in_order():
    found = subnets(auto(*(f"n{number}" for number in range(30))))
    assert found[:3] == ["172.18.0.0/16", "172.19.0.0/16", "172.20.0.0/16"]
    assert found[13:15] == ["172.31.0.0/16", "192.168.0.0/20"]
    assert found[-1] == "192.168.240.0/20"


def test_pools_avoid_host_routes_addresses_and_nameservers():
    routes = [{"to": "172.18.5.0/24", "dev": "eth0"}, {"to": "172.20.0.0/15", "dev": "vpn"}, {"to": "0.0.0.0/0"}]
    live = {**EMPTY, "host": {"routes": [*routes, {"to": "128.0.0.0/1"}], "nameservers": ["172.22.0.53", "127.0.0.53"]}}
    live["host"]["interfaces"] = [{"name": "lo", "ours": False, "addresses": ["127.0.0.1/8", "172.23.0.1/32"]}]
    assert subnets(auto("a", "b", "c"), live) == ["172.19.0.0/16", "172.24.0.0/16", "172.25.0.0/16"]


def test_pools_avoid_routes_of_other_tables_and_blackholes():
    others = [{"to": "172.18.0.0/24", "dev": "tailscale0", "type": "unicast", "table": 52},
              {"to": "172.19.0.0/16", "dev": None, "type": "blackhole", "table": 254},
              {"to": "0.0.0.0/0", "dev": "wg0", "type": "unicast", "table": 51820},
              {"to": "2001:db8::/32", "dev": "lo", "type": "unreachable", "table": 254}]  # fmt: skip
    live = {**EMPTY, "host": {"other_routes": others}}
    assert subnets(auto("a"), live) == ["172.20.0.0/16"]
    (found,) = errors(auto("a"), live=live, address_pools=[{"base": "172.18.0.0/15", "size": 16}])
    assert "the host's route by tailscale0 in table 52 (172.18.0.0/24)" in found
    assert "the host's blackhole route (172.19.0.0/16)" in found


def test_a_declared_subnet_on_such_a_route_warns():
    others = [{"to": "172.18.0.0/15", "dev": "tailscale0", "type": "unicast", "table": 52},
              {"to": "172.30.5.0/24", "dev": None, "type": "unreachable", "table": 254},
              {"to": "172.16.0.0/12", "dev": None, "type": "blackhole", "table": 254},
              {"to": "172.18.0.0/24", "dev": "eth1", "type": "unicast", "table": 1001}]  # fmt: skip
    rules = [{"version": 4, "table": 52}, {"version": 6, "table": 1001}]
    live = {**EMPTY, "host": {"other_routes": others, "rules": rules}}
    planned = plan([{"name": "a", "subnet": "172.18.0.0/16"}, {"name": "b", "subnet": "172.30.0.0/16"}], live=live)
    assert planned["errors"] == []
    assert planned["warnings"] == [
        "network a: subnet '172.18.0.0/16': the host's route by tailscale0 in table 52 to 172.18.0.0/15 is for the "
        "same addresses: this host reaches containers there, and nothing that the route leads to; choose another "
        "subnet",
        "network b: subnet '172.30.0.0/16': the host's unreachable route to 172.30.5.0/24 goes before the network's "
        "own; choose another subnet",
    ]


def in_vrf(*more):
    """A host whose eth0 is in a VRF."""
    inside = {"name": "eth0", "ours": False, "addresses": ["192.0.2.2/24"], "vrf": "red"}
    lo = {"name": "lo", "ours": False, "addresses": ["127.0.0.1/8"]}
    return {**EMPTY, "host": {"interfaces": [lo, inside], "routes": list(more)}}


def test_with_all_uplinks_in_a_vrf_only_internal_networks_are_accepted():
    web, inner = {"name": "web", "subnet": "172.30.0.0/16"}, {"name": "i", "subnet": "172.31.0.0/16", "internal": True}
    assert errors([web, inner], live=in_vrf()) == [
        "network web: internal False: the host's only uplinks are in the VRF red, where no network's packets get in or "
        "out; take them out of the VRF, or set internal: true"
    ]
    other = {"to": "198.51.100.0/24", "dev": "eth1"}
    assert errors([web], live=in_vrf(other)) == []
    later = live_after(topology([web]), in_vrf())
    planned = plan([web], live={**later, "host": in_vrf()["host"]})
    assert planned["errors"] == [] and "only uplinks are in the VRF red" in planned["warnings"][0]


def test_publishing_on_an_address_in_a_vrf_is_refused():
    live = in_vrf({"to": "198.51.100.0/24", "dev": "eth1"})
    web, c = {"name": "web", "subnet": "172.30.0.0/16", "uplinks": ["eth0"]}, {"name": "c", "networks": ["web"]}
    (found,) = errors([web], [{**c, "ports": ["192.0.2.2:8080:80"]}], live=live)
    assert "ports[0] '192.0.2.2:8080:80': 192.0.2.2 is on eth0, which is in the VRF red, and nothing is pub" in found
    (warning,) = plan([web], [c], live=live)["warnings"]
    assert "uplinks 'eth0': is in the VRF red, by which no network is reached" in warning


def test_pools_avoid_declared_subnets():
    networks = [*auto("a"), {"name": "b", "subnet": "172.18.0.0/16"}, *auto("c")]
    assert subnets(networks) == ["172.19.0.0/16", "172.18.0.0/16", "172.20.0.0/16"]


def test_existing_networks_keep_their_subnets():
    live = live_after(topology(auto("a", "b", "c"), address_pools=POOLS))
    assert subnets(auto("c", "new", "b"), live) == ["172.20.0.0/16", "172.21.0.0/16", "172.19.0.0/16"]
    assert subnets(auto("c", "b"), live, purge=True) == ["172.20.0.0/16", "172.19.0.0/16"]
    later = live_after(topology(auto("b", "c"), live=live, purge=True, address_pools=POOLS), live)
    assert subnets(auto("new", "b"), later) == ["172.18.0.0/16", "172.19.0.0/16"], "what is free again is given again"
    taken = [*auto("a"), {"name": "x", "subnet": "172.18.0.0/24"}]
    assert subnets(taken, live)[0] == "172.21.0.0/16", "another container declares it"


def test_with_ipv6_a_subnet_of_each_family():
    (policy,) = topology(auto("a", enable_ipv6=True), address_pools=POOLS)["bridge_policy"]
    assert policy["subnets"][0] == "172.18.0.0/16"
    assert policy["subnets"][1].startswith("fd")
    (policy,) = topology([{"name": "six", "subnet6": "fd00:6::/64"}], address_pools=POOLS)["bridge_policy"]
    assert policy["subnets"] == ["fd00:6::/64"]


def test_a_segment_without_any_subnet_gets_one():
    found = topology([{"name": "b", "connect": ["a"]}, {"name": "a"}], address_pools=POOLS)["bridge"]
    assert [bridge["addresses"] for bridge in found] == [[], ["172.18.0.1/16"]]
    ring = [{"name": "a", "connect": ["b"]}, {"name": "b", "connect": ["a"]}]
    found = topology(ring, address_pools=POOLS)["bridge"]
    assert [bridge["addresses"] for bridge in found] == [["172.18.0.1/16"], []]


def test_exhausted_pools_say_once_whose_their_subnets_are():
    pools = [{"base": "10.9.0.0/24", "size": 26}]
    live = {**EMPTY, "host": {"routes": [{"to": "10.9.0.64/26", "dev": "vpn0"}]}}
    networks = [*auto("a", "b", "c", "d"), {"name": "x", "subnet": "10.9.0.128/25"}]
    assert errors(networks, live=live, address_pools=pools) == [
        "networks b, c, d: subnet (not given): no free one is left in bridge_network_address_pools, where these are in "
        "the way: network x (10.9.0.128/25), the host's route by vpn0 (10.9.0.64/26), network a (10.9.0.0/26); give "
        "each a subnet, or add a pool"
    ]
    assert errors(auto("a"), address_pools=[]) == [
        "network a: subnet (not given): bridge_network_address_pools has no pool; give it a subnet, or add a pool"
    ]


def test_without_pools_a_subnet_is_required():
    (found,) = errors(auto("a"))
    assert found == "network a: subnet (not given): a network needs a subnet, like 172.30.0.0/16; or a subnet6"


@pytest.mark.parametrize(
    "pools, words",
    [
        (["10.0.0.0/8"], "bridge_network_address_pools[0]: as a whole '10.0.0.0/8': must be a mapping"),
        ([{"base": "10.0.0.0/8"}], "size (not given): is required"),
        ([{"size": 24}], "base (not given): is required"),
        ([{"base": "10.0.0.0/24", "size": 16}], "size 16: must be a number from 24 to 30"),
        ([{"base": "10.0.0.1/24", "size": 28}], "base '10.0.0.1/24': has host bits set"),
        (SMALL, "size 31: must be a number from 29 to 30"),
        ([{"base": "10.0.0.0/24", "size": 28, "colour": 1}], "colour 1: is no field"),
    ],
)
def test_invalid_pools_are_refused(pools, words):
    assert any(words in one for one in plan([], address_pools=pools)["errors"])


@given(
    st.lists(st.tuples(st.integers(0, 1023), st.integers(22, 28)), max_size=12),
    st.lists(st.integers(20, 26), min_size=1, max_size=3),
    st.integers(1, 20),
)
def test_allocated_subnets_overlap_nothing_and_are_the_lowest(routes, sizes, count):
    """Each is the first candidate of the pools, in order, that overlaps neither with a route nor with one before."""
    taken = [
        ipaddress.ip_network((f"10.{number >> 8}.{number & 255}.0", length), strict=False) for number, length in routes
    ]
    pools = [{"base": f"10.{number}.0.0/18", "size": size} for number, size in enumerate(sizes)]
    live = {**EMPTY, "host": {"routes": [{"to": str(one), "dev": "x"} for one in taken]}}
    networks = auto(*(f"n{number}" for number in range(count)))
    planned = plan(networks, live=live, address_pools=pools)
    expected = []
    for pool in pools:
        for block in ipaddress.ip_network(pool["base"]).subnets(new_prefix=pool["size"]):
            if len(expected) < count and not any(block.overlaps(one) for one in taken):
                expected.append(str(block))
    if len(expected) < count:
        (found,) = planned["errors"]
        left_out = [f"n{number}" for number in range(len(expected), count)]
        assert found.split(" ", 1)[1].startswith(", ".join(left_out[:10]))
    else:
        assert [policy["subnets"][0] for policy in planned["topology"]["bridge_policy"]] == expected
