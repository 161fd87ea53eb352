# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Subnets, and the allocation of their addresses."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.addresses import (
    Pool,
    Subnet,
    overlaps,
    unique_local_subnet,
)


def subnet(block, ip_range=None):
    return Subnet(ipaddress.ip_network(block), ipaddress.ip_network(ip_range) if ip_range else None)


def everything(pool):
    found = []
    while (address := pool.give("an endpoint")) is not None:
        found.append(str(address))
    return found


@pytest.mark.parametrize(
    "block, ip_range, expected",
    [
        ("192.0.2.0/29", None, [f"192.0.2.{number}" for number in range(1, 7)]),
        ("192.0.2.0/30", None, ["192.0.2.1", "192.0.2.2"]),
        ("192.0.2.0/31", None, ["192.0.2.0", "192.0.2.1"]),
        ("192.0.2.7/32", None, ["192.0.2.7"]),
        ("192.0.2.0/24", "192.0.2.8/31", ["192.0.2.8", "192.0.2.9"]),
        ("192.0.2.0/24", "192.0.2.252/30", ["192.0.2.252", "192.0.2.253", "192.0.2.254"]),
        ("fd00::/126", None, ["fd00::1", "fd00::2", "fd00::3"]),
        ("fd00::/127", None, ["fd00::", "fd00::1"]),
        ("fd00::9/128", None, ["fd00::9"]),
    ],
)
def test_a_pool_allocates_every_usable_address(block, ip_range, expected):
    assert everything(Pool(subnet(block, ip_range))) == expected


@given(st.sets(st.integers(1, 30)))
def test_a_pool_allocates_the_lowest_free_address(held):
    pool = Pool(subnet("192.0.2.0/27"))
    for number in held:
        pool.hold(ipaddress.ip_address(f"192.0.2.{number}"), "another endpoint")
    assert everything(pool) == [f"192.0.2.{number}" for number in range(1, 31) if number not in held]


def test_the_first_endpoint_with_an_address_keeps_it():
    pool, address = Pool(subnet("192.0.2.0/24")), ipaddress.ip_address("192.0.2.9")
    pool.hold(address, "one")
    pool.hold(address, "other")
    assert pool.holder(address) == "one"


@given(st.lists(st.tuples(st.integers(0, 255), st.integers(24, 32)), max_size=12))
def test_overlapping_subnets_are_found(blocks):
    named = [
        (ipaddress.ip_network((f"192.0.2.{start}", length), strict=False), str(number))
        for number, (start, length) in enumerate(blocks)
    ]
    found = list(overlaps(named))
    there_are = any(one[0].overlaps(other[0]) for one in named for other in named if one[1] < other[1])
    assert bool(found) == there_are
    assert all(one[0].overlaps(other[0]) for one, other in found)


def test_a_derived_ipv6_subnet_is_stable_and_unique():
    assert unique_local_subnet("h1", "web") == unique_local_subnet("h1", "web")
    assert unique_local_subnet("h1", "web") != unique_local_subnet("h1", "db")
    assert unique_local_subnet("h1", "web") != unique_local_subnet("h2", "web")
    assert unique_local_subnet("h1", "web").subnet_of(ipaddress.ip_network("fd00::/8"))
    assert unique_local_subnet("h1", "web").prefixlen == 64
