# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reachability within a network, across networks, from the LAN, in each gateway mode."""

from __future__ import annotations

import pytest
from integration.docker_scenarios.declarations import APP, HOST, HOST6, INSIDE, LAN, LAN6, ROUTED, WEB, lan_knows, on

from kit.packets import arrives, is_lost, ping, ping_is_lost, seen


@pytest.mark.parametrize("network", [WEB, INSIDE], ids=["normal", "internal"])
def test_containers_of_a_network_reach_each_other(host, role, network):
    name = network["name"]
    role.run([network], [on(name, "a"), on(name, "b")])
    assert ping(host, "a", role.address("b", name))
    assert ping(host, "a", role.address("b", name, 6))
    (mac,) = [one["address"] for one in host.links("b").values() if one["ifname"] == "eth0"]
    part = [int(text, 16) for text in mac.split(":")]
    local = "fe80::%x:%xff:fe%02x:%x" % ((part[0] ^ 2) << 8 | part[1], part[2], part[3], part[4] << 8 | part[5])
    assert ping(host, "a", local + "%eth0"), "link-local"
    assert ping(host, "a", "fe80::1%eth0"), "link-local, the gateway's"
    assert arrives(host, "a", role.address("b", name), 80, "b", protocol="udp")


def test_networks_do_not_reach_each_other(host, role):
    role.run([WEB, APP], [on("web", "a"), on("app", "b")])
    for version in (4, 6):
        assert ping_is_lost(host, "a", role.address("b", "app", version))
        assert is_lost(host, "a", role.address("b", "app", version), 80, "b")


def test_an_internal_network_has_no_egress_and_reaches_the_host(host, role):
    role.run([WEB, INSIDE], [on("inside", "i"), on("web", "a", "8080:80")])
    assert "unreachable" in host.try_sh("ping -n -c 1 -W 1 " + LAN, "i").stderr
    assert "unreachable" in host.try_sh("ping -n -c 1 -W 1 " + role.address("a", "web"), "i").stderr
    assert "unreachable" in host.try_sh("ping -n -c 1 -W 1 " + LAN6, "i").stderr
    assert ping(host, "i", "172.29.0.1") and ping(host, "i", "fd00:29::1"), "its gateway"
    assert ping(host, None, role.address("i", "inside"))
    assert arrives(host, None, role.address("i", "inside"), 80, "i")
    assert is_lost(host, "i", "172.29.0.1", 8080, "a", 80), "a published port of others is a way out"
    lan_knows(host, "172.29.0.0/24")
    assert is_lost(host, "lan", role.address("i", "inside"), 80, "i")


def test_from_a_nat_network_to_a_routed_one_and_not_back(host, role):
    role.run([WEB, ROUTED], [on("web", "a"), on("routed", "r", "8080:80")])
    for version in (4, 6):
        address = role.address("r", "routed", version)
        assert ping(host, "a", address)
        assert seen(host, "a", address, 80, "r") == role.address("a", "web", version)
        assert is_lost(host, "a", address, 81, "r"), "not published"
        assert ping_is_lost(host, "r", role.address("a", "web", version))
        assert is_lost(host, "r", role.address("a", "web", version), 80, "a")


def test_with_a_route_the_lan_reaches_a_routed_networks_ports_and_no_others(host, role):
    role.run([ROUTED], [on("routed", "r", "8080:80", "8080:80/udp")])
    lan_knows(host, "172.20.0.0/24", "fd00:20::/64")
    for version in (4, 6):
        address = role.address("r", "routed", version)
        assert ping(host, "lan", address)
        assert seen(host, "lan", address, 80, "r") == (LAN if version == 4 else LAN6)
        assert arrives(host, "lan", address, 80, "r", protocol="udp")
        assert is_lost(host, "lan", address, 81, "r"), "not published"
    assert is_lost(host, "lan", HOST, 8080, "r", 80), "there is no port of the host"
    assert seen(host, "r", LAN, 80, "lan") == role.address("r", "routed"), "nothing is translated on the way out"


@pytest.mark.parametrize(("mode4", "mode6"), [("nat", "routed"), ("routed", "nat")])
def test_each_family_has_its_own_gateway_mode(host, role, mode4, mode6):
    """One family is translated and has a host port, the other is called at the container's own address."""
    mixed = {**WEB, "gateway_mode": mode4, "gateway_mode6": mode6}
    role.run([mixed], [on("web", "a", "8080:80")])
    lan_knows(host, "172.30.0.0/24", "fd00:30::/64")
    ports = host.module("network_info")["networks"][0]["Ports"]
    for version, mode, at, lan in ((4, mode4, HOST, LAN), (6, mode6, HOST6, LAN6)):
        address = role.address("a", "web", version)
        (reported,) = [port for port in ports if port["Address"] == address]
        assert reported["HostPort"] == (8080 if mode == "nat" else None)
        assert is_lost(host, "lan", address, 81, "a"), "not published"
        if mode == "nat":
            assert seen(host, "lan", at, 8080, "a", 80) == lan
            assert is_lost(host, "lan", address, 80, "a") and ping_is_lost(host, "lan", address)
            assert seen(host, "a", lan, 80, "lan") == at
        else:
            assert is_lost(host, "lan", at, 8080, "a", 80)
            assert seen(host, "lan", address, 80, "a") == lan and ping(host, "lan", address)
            assert seen(host, "a", lan, 80, "lan") == address


def test_with_a_route_the_lan_reaches_nothing_of_a_nat_network(host, role):
    role.run([WEB], [on("web", "a", "8080:80", "127.0.0.1:8081:81")])
    lan_knows(host, "172.30.0.0/24", "fd00:30::/64")
    for version in (4, 6):
        address = role.address("a", "web", version)
        assert ping_is_lost(host, "lan", address)
        assert is_lost(host, "lan", address, 80, "a"), "the container's side of a published port"
        assert is_lost(host, "lan", address, 82, "a"), "not published"
    assert is_lost(host, "lan", role.address("a", "web"), 81, "a")
    assert arrives(host, "lan", HOST, 8080, "a", 80)


def test_a_trusted_interface_is_accepted(host, role):
    role.run([{**WEB, "trusted_interfaces": ["up0"]}], [on("web", "a", "8080:80")])
    lan_knows(host, "172.30.0.0/24", "fd00:30::/64")
    assert arrives(host, "lan", role.address("a", "web"), 80, "a")
    assert arrives(host, "lan", role.address("a", "web", 6), 81, "a")


def test_an_isolated_network_has_no_address_on_the_host(host, role):
    alone = {"name": "alone", "subnet": "172.21.0.0/24", "internal": True, "gateway_mode": "isolated"}
    role.run([alone], [on("alone", "a"), on("alone", "b")])
    assert host.links()["br-alone"]["addresses"] == []
    assert ping(host, "a", role.address("b", "alone"))
    assert role.address("a", "alone") == "172.21.0.1", "nothing is reserved for a gateway"
    assert "unreachable" in host.try_sh("ping -n -c 1 -W 1 " + HOST, "a").stderr
    host.sh("ip address add 172.21.0.200/24 dev br-alone")  # even with an address set out of band
    assert is_lost(host, "a", "172.21.0.200", 80, None)


def test_two_containers_fit_on_a_point_to_point_network(host, role):
    point = {"name": "point", "subnet": "172.22.0.0/31", "internal": True, "gateway_mode": "isolated"}
    role.run([point], [on("point", "a"), on("point", "b")])
    assert ping(host, "a", role.address("b", "point"))
    (error,) = role.refused([point], [on("point", name) for name in "abc"])
    assert "is full" in error


def test_a_container_on_a_nat_and_a_routed_network_has_both_ingress_paths(host, role):
    role.run([WEB, ROUTED], [on(["web", "routed"], "c", "8080:80")])
    lan_knows(host, "172.30.0.0/24", "172.20.0.0/24")
    host.sh("ip route add 192.0.2.0/24 via 172.20.0.1", "c")  # the answer goes the way that the call came
    assert arrives(host, "lan", role.address("c", "routed"), 80, "c")
    assert is_lost(host, "lan", role.address("c", "web"), 80, "c")
    host.sh("ip route del 192.0.2.0/24", "c")
    assert arrives(host, "lan", HOST, 8080, "c", 80)


def test_snat_address_is_the_egress_source(host, role):
    host.sh("ip address add 192.0.2.77/24 dev up0")
    role.run([{**WEB, "snat_address": "192.0.2.77"}, APP], [on("web", "a"), on("app", "b")])
    assert seen(host, "a", LAN, 80, "lan") == "192.0.2.77"
    assert seen(host, "b", LAN, 80, "lan") == HOST
