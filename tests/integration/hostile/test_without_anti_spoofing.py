# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A container without anti-spoofing sets forged addresses: no other container loses its own, and no run is refused."""

from __future__ import annotations

import pytest

from kit import packets

WEB = {"name": "web", "subnet": "172.30.0.0/24", "subnet6": "fd00:30::/64", "anti_spoofing": False}
EVIL = {"name": "evil", "networks": ["web"]}
VICTIM = {"name": "victim", "networks": ["web"], "ports": ["8081:80"]}


@pytest.mark.parametrize("address", [
    "172.30.0.3/24", "172.30.0.1/24", "172.30.0.255/24", "172.30.0.0/24", "10.0.0.1/8", "127.0.0.9/8", "fd00:30::1/64",
    "fd00:30::3/64", "2001:db8::1/128",
])  # fmt: skip
def test_a_forged_address_takes_nothing_from_its_owner(host, role, address):
    role.change([WEB], [EVIL, VICTIM])
    before = host.module("network_info")
    host.sh("echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad; ip address flush dev eth0", "evil")
    host.sh("ip address add %s dev eth0" % address, "evil")
    role.change([WEB], [EVIL, VICTIM, {"name": "third", "networks": ["web"]}])
    after = host.module("network_info")
    assert [one for one in after["containers"] if one["name"] != "third"] == before["containers"]
    assert packets.ping(host, "victim", "172.30.0.1")
    role.change([WEB], [VICTIM, {"name": "evil", "state": "absent"}])


@pytest.mark.parametrize("forwarding", [True, False])
def test_a_forged_mac_takes_nothing_from_its_owner(host, role, forwarding):
    evil = {**EVIL, "forwarding": True} if forwarding else EVIL
    web = {**WEB, "anti_spoofing": forwarding}
    role.change([web], [evil, VICTIM])
    before = host.module("network_info")
    host.sh("ip link set eth0 address %s; ip address flush dev eth0" % host.links("victim")["eth0"]["address"], "evil")
    role.change([web], [evil, VICTIM])
    assert host.module("network_info")["containers"] == before["containers"]
