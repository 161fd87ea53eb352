# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Neighbours learn at once when an address has moved to another MAC (gratuitous ARP, unsolicited advertisements)."""

from __future__ import annotations

import json
import time

import pytest

from kit import packets

WEB = {"name": "web", "subnet": "172.30.0.0/24", "subnet6": "fd00:30::/64"}
CLIENT = {"name": "client", "networks": [{"name": "web", "ipv4_address": "172.30.0.9", "ipv6_address": "fd00:30::9"}]}
FOUR, SIX = "172.30.0.5", "fd00:30::5"
FIRST, SECOND = "02:00:00:00:00:01", "02:00:00:00:00:02"


def holder(name, mac):
    return {"name": name, "networks": [{"name": "web", "ipv4_address": FOUR, "ipv6_address": SIX, "mac_address": mac}]}


def known(host, netns):
    """address -> MAC, as in a neighbour's cache."""
    entries = json.loads(host.sh("ip -json neighbour", netns))
    return {one["dst"]: one["lladdr"] for one in entries if "lladdr" in one and one["dst"] in (FOUR, SIX)}


def learns(host, netns, mac):
    """No request is sent: the entries are fresh, and stay for half a minute before one would be."""
    deadline = time.monotonic() + 3
    while known(host, netns) != {FOUR: mac, SIX: mac}:
        assert time.monotonic() < deadline, known(host, netns)


@pytest.mark.parametrize(
    "after",
    [
        [holder("second", SECOND), {"name": "first", "state": "absent"}],
        [holder("first", SECOND)],
    ],
    ids=["another container", "another MAC"],
)
def test_a_new_mac_of_an_address_is_announced(host, role, after):
    role.run([WEB], [CLIENT, holder("first", FIRST)])
    for netns in ("client", None):
        assert packets.ping(host, netns, FOUR) and packets.ping(host, netns, SIX)
        assert known(host, netns) == {FOUR: FIRST, SIX: FIRST}
    role.run([WEB], [CLIENT, *after])
    learns(host, "client", SECOND)
    learns(host, None, SECOND)
    assert packets.arrives(host, "client", FOUR, 80, after[0]["name"])


def test_an_address_moved_between_containers_is_announced(host, role):
    others = {"ipv4_address": "172.30.0.6", "ipv6_address": "fd00:30::6", "mac_address": SECOND}
    second = {"name": "second", "networks": [{"name": "web", **others}]}
    role.run([WEB], [CLIENT, holder("first", FIRST), second])
    assert packets.ping(host, "client", FOUR) and packets.ping(host, "client", SIX)
    role.run([WEB], [CLIENT, {"name": "first", "network_mode": "none"}, holder("second", SECOND)])
    learns(host, "client", SECOND)


def test_an_address_moved_across_a_patch_link_is_announced(host, role):
    far = {"name": "sw2", "connect": ["web"]}
    role.run([WEB, far], [CLIENT, holder("first", FIRST)])
    assert packets.ping(host, "client", FOUR) and packets.ping(host, "client", SIX)
    there = holder("second", SECOND)
    there["networks"][0]["name"] = "sw2"
    role.run([WEB, far], [CLIENT, {"name": "first", "state": "absent"}, there])
    learns(host, "client", SECOND)
    assert packets.arrives(host, "client", FOUR, 80, "second")


def test_a_macvlan_is_announced_to_the_hosts_neighbours(host, role):
    host.sh("ip -n lan address add 172.30.0.1/24 dev eth0; ip -n lan address add fd00:30::1/64 dev eth0 nodad")
    addresses = ["%s/24" % FOUR, "%s/64" % SIX]
    nic = {"device": "up0", "type": "macvlan", "name": "lan0", "addresses": addresses}
    role.run([], [{"name": "first", "interfaces": [{**nic, "mac": FIRST}]}])
    assert packets.ping(host, "lan", FOUR) and packets.ping(host, "lan", SIX)
    assert known(host, "lan") == {FOUR: FIRST, SIX: FIRST}
    role.run([], [{"name": "first", "state": "absent"}, {"name": "second", "interfaces": [{**nic, "mac": SECOND}]}])
    learns(host, "lan", SECOND)
