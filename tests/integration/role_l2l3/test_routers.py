# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A container on two networks as the router between them."""

from __future__ import annotations

import pytest

from kit import packets

LEFT = {"name": "left", "subnet": "172.30.0.0/24", "subnet6": "fd00:30::/64", "internal": True}
RIGHT = {"name": "right", "subnet": "172.31.0.0/24", "subnet6": "fd00:31::/64", "internal": True}
C1 = {"name": "c1", "networks": ["left"]}
C3 = {"name": "c3", "networks": ["right"]}
ROUTER = {
    "name": "router",
    "networks": [
        {"name": "left", "ipv4_address": "172.30.0.9", "ipv6_address": "fd00:30::9"},
        {"name": "right", "ipv4_address": "172.31.0.9", "ipv6_address": "fd00:31::9"},
    ],
    "forwarding": True,
}
TO_RIGHT = [{"to": "172.31.0.0/24", "via": "172.30.0.9"}, {"to": "fd00:31::/64", "via": "fd00:30::9"}]
TO_LEFT = [{"to": "172.30.0.0/24", "via": "172.31.0.9"}, {"to": "fd00:30::/64", "via": "fd00:31::9"}]


def seen(host):
    """The sources that c3 sees when c1 calls it, by both families."""
    return [packets.seen(host, "c1", to, 80, "c3") for to in ("172.31.0.2", "fd00:31::2")]


def is_isolated(host):
    return all(packets.is_lost(host, "c1", to, 80, "c3") for to in ("172.31.0.2", "fd00:31::2"))


@pytest.mark.parametrize("internal", [True, False])
def test_a_forwarding_container_routes_between_two_subnets(host, role, internal):
    left, right = ({**one, "internal": internal} for one in (LEFT, RIGHT))
    role.run([left, right], [C1, C3])
    assert is_isolated(host)
    routes = {**left, "routes": TO_RIGHT}, {**right, "routes": TO_LEFT}
    role.run(routes, [C1, C3, ROUTER])
    assert seen(host) == ["172.30.0.2", "fd00:30::2"], "the server sees the client's own address"
    role.run(routes, [C1, C3, {**ROUTER, "forwarding": False}])
    assert is_isolated(host)
    role.run(routes, [C1, C3, ROUTER])
    assert seen(host) == ["172.30.0.2", "fd00:30::2"]
    role.run(routes, [C1, C3, {"name": "router", "state": "absent"}])
    assert is_isolated(host)


def test_container_routes_apply_to_that_container_only(host, role):
    c2 = {"name": "c2", "networks": ["left"]}
    role.run([LEFT, {**RIGHT, "routes": TO_LEFT}], [{**C1, "routes": TO_RIGHT}, c2, C3, ROUTER])
    assert seen(host) == ["172.30.0.2", "fd00:30::2"]
    assert packets.is_lost(host, "c2", "172.31.0.2", 80, "c3")
    assert [route["dst"] for route in host.routes("c1")] == ["172.31.0.0/24"]
    role.run([LEFT, {**RIGHT, "routes": TO_LEFT}], [C1, c2, C3, ROUTER])
    assert host.routes("c1") == [] == [one for one in host.routes("c1", 6) if one["dst"].startswith("fd00:31")]
    assert is_isolated(host)


@pytest.mark.parametrize(
    "script",
    ["ip route del 172.30.0.0/24 dev eth0",
     "ip route replace 172.30.0.0/24 via 172.30.0.9 dev eth0 proto static",
     "ip route del default; ip route replace 172.30.0.0/24 via 172.30.0.9 dev eth0 proto static"],
    ids=["deleted", "replaced", "replaced, and the default route gone"],
)  # fmt: skip
def test_the_connected_route_is_repaired(host, role, script):
    declared = [{**LEFT, "internal": False}, RIGHT], [{**C1, "networks": ["left", "right"]}, ROUTER]
    role.run(*declared)
    before = host.sh("ip route | sort; ip -6 route | sort; ip address show scope global | grep inet", "c1")
    host.sh(script, "c1")
    planned = role.plan(*declared)["topology"]
    predicted = host.module("topology", check=True, **planned)["actions"]
    assert host.module("topology", **planned)["actions"] == predicted != []
    role.run(*declared)
    assert host.sh("ip route | sort; ip -6 route | sort; ip address show scope global | grep inet", "c1") == before
    assert packets.arrives(host, "c1", "172.30.0.9", 80, "router")


def test_of_two_networks_routes_the_first_is_used(host, role):
    networks = [
        {**one, "routes": [{"to": "10.0.0.0/8", "via": via}]}
        for one, via in ((LEFT, "172.30.0.9"), (RIGHT, "172.31.0.9"))
    ]
    role.run(networks, [{"name": "c1", "networks": ["left", "right"]}])
    assert [route["gateway"] for route in host.routes("c1") if route["dst"] == "10.0.0.0/8"] == ["172.30.0.9"]
    role.run(networks, [{"name": "c1", "networks": ["right", "left"]}])
    assert [route["gateway"] for route in host.routes("c1") if route["dst"] == "10.0.0.0/8"] == ["172.31.0.9"]


def test_the_host_does_not_become_a_router(host, role):
    role.run([LEFT, RIGHT], [C1, C3, ROUTER])
    assert host.sysctl("ipv4/ip_forward", "router") == "1"
    assert host.sysctl("ipv6/conf/all/forwarding", "router") == "1"
    assert host.sysctl("ipv4/ip_forward") == "0"
