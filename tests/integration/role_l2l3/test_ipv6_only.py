# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""enable_ipv4: false makes a network with IPv6 alone; it can be changed in both directions."""

from __future__ import annotations

import json

import pytest

from kit import packets

POOLS = [{"base": "172.18.0.0/16", "size": 24}]
SIX = {"name": "six", "enable_ipv4": False, "enable_ipv6": True}
A = {"name": "a", "networks": ["six"], "ports": ["8080:80"]}
B = {"name": "b", "networks": ["six"]}
HOST6, LAN6 = "2001:db8::2", "2001:db8::1"


def families(host, link, netns=None):
    """The address families of a link's addresses, link-local ones apart."""
    found = json.loads(host.sh("ip -json address show dev %s" % link, netns))[0]["addr_info"]
    return {one["family"] for one in found if one["scope"] == "global"}


@pytest.mark.parametrize("network", [SIX, {"name": "six", "enable_ipv4": False, "subnet6": "fd00:66::/64"}])
def test_a_network_with_ipv6_alone(host, role, network):
    role.run([network], [A, B], address_pools=POOLS)
    assert families(host, "br-six") == families(host, "eth0", "a") == {"inet6"}
    a, b = (role.address(name, "six", 6) for name in "ab")
    assert packets.arrives(host, "b", a, 80, "a"), "within the network"
    assert packets.seen(host, "a", LAN6, 80, "lan") == HOST6, "out, with the host's address"
    assert packets.arrives(host, "lan", HOST6, 8080, "a", 80), "in, by the published port"
    assert packets.arrives(host, "a", b, 53, "b", protocol="udp")
    assert packets.is_lost(host, "lan", "192.0.2.2", 8080, "a", 80), "nothing is published for IPv4"
    assert host.module("network_info")["networks"][0]["EnableIPv4"] is False


def test_ipv4_is_added_and_removed(host, role):
    role.run([SIX], [A, B], address_pools=POOLS)
    before = role.address("a", "six", 6)
    role.run([{**SIX, "enable_ipv4": True}], [A, B], address_pools=POOLS)
    assert families(host, "eth0", "a") == families(host, "br-six") == {"inet", "inet6"}
    assert packets.arrives(host, "lan", "192.0.2.2", 8080, "a", 80)
    role.run([SIX], [A, B], address_pools=POOLS)
    assert families(host, "eth0", "a") == families(host, "br-six") == {"inet6"}
    assert role.address("a", "six", 6) == before
    assert packets.arrives(host, "lan", HOST6, 8080, "a", 80)
    assert packets.is_lost(host, "lan", "192.0.2.2", 8080, "a", 80)


def test_enable_ipv4_adds_a_subnet_beside_a_subnet6(host, role):
    role.run([{"name": "dual", "enable_ipv4": True, "subnet6": "fd00:77::/64"}], [], address_pools=POOLS)
    assert families(host, "br-dual") == {"inet", "inet6"}


@pytest.mark.parametrize(
    ("network", "error"),
    [
        (
            {"name": "n", "enable_ipv4": False},
            "network n: enable_ipv4 False: leaves the network without addresses; set enable_ipv6: true, or give a "
            "subnet6",
        ),
        (
            {**SIX, "name": "n", "subnet": "10.0.0.0/24"},
            "network n: subnet '10.0.0.0/24': the network has enable_ipv4: false; leave one of the two out",
        ),
    ],
)
def test_a_network_without_addresses_or_with_contradicting_fields_is_refused(role, network, error):
    assert role.refused([network], [], address_pools=POOLS) == [error]
