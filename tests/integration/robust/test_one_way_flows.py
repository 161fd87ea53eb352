# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""UDP without replies, such as syslog: it survives changes, and ends with a policy that forbids it."""

from __future__ import annotations

import sys
import time

import pytest

from kit import topologies
from kit.topologies import HOST, HOST6, OUTSIDE, OUTSIDE6, policy

SEND = """
import socket, sys, time
sender = socket.socket(socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM)
sender.bind(("", 40200))
for number in range(1 << 30):
    try:
        sender.sendto(b"%d" % number, (sys.argv[1], int(sys.argv[2])))
    except OSError:
        pass
    time.sleep(0.02)
"""
HEAR = """
import os, socket, sys
receiver = socket.socket(socket.AF_INET6 if sys.argv[2] == "6" else socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("", int(sys.argv[1])))
while True:
    last = receiver.recv(100).decode()
    open(sys.argv[3] + ".new", "w").write(last)
    os.replace(sys.argv[3] + ".new", sys.argv[3])
"""


class OneWay:
    """Datagrams from one namespace to another, which never replies."""

    def __init__(self, host, file, sender, to, port, receiver, at):
        self.file = file
        host.start(sys.executable, "-c", HEAR, str(at), "6" if ":" in to else "4", str(file), netns=receiver)
        host.start(sys.executable, "-c", SEND, to, str(port), netns=sender)

    def last(self):
        return int(self.file.read_text()) if self.file.exists() else -1

    def goes_on(self):
        before, deadline = self.last(), time.monotonic() + 10
        while self.last() <= before + 1:
            assert time.monotonic() < deadline, "nothing heard after %d" % before
            time.sleep(0.02)

    def ends(self):
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            before = self.last()
            time.sleep(1)  # fifty datagrams
            if self.last() == before:
                return True
        return False


@pytest.fixture
def site(host):
    host.module("topology", **topologies.site())
    for version, subnet, via in ((4, "10.0.0.0/24", HOST), (6, "fd00:0::/64", HOST6)):
        host.sh(f"ip -{version} route add {subnet} via {via}", "outside")
        host.sh(f"ip -{version} route add {'10.0.0.3/32' if version == 4 else 'fd00::3/128'} via "
                f"{'10.0.0.1' if version == 4 else 'fd00::1'}", "c1")  # fmt: skip
    return host


ROUTED = {"gateway_mode": "routed", "masquerade": False}
PORT = {"protocol": "udp", "to_port": "81", "bridge": "br0"}
# what is declared, from whom to whom by which address and port, what ends it
ENDS = {
    "internal": ({}, None, ("c1", "outside", 514, "outside"), ("bridge_policy", policy("br0", internal=True))),
    "isolated": (
        {}, None, ("c1", "outside", 514, "outside"),
        ("bridge_policy", policy("br0", gateway_mode="isolated")),
    ),
    "no longer a trusted interface": (
        {"trusted_interfaces": ["outside0"]}, None, ("outside", "c1", 81, "c1"),
        ("bridge_policy", policy("br0", trusted_interfaces=[])),
    ),
    "no longer routed": (
        ROUTED, {"to_address": "c1"}, ("outside", "c1", 81, "c1"),
        ("bridge_policy", policy("br0", gateway_mode="nat")),
    ),
    "port no longer open": (
        ROUTED, {"to_address": "c1"}, ("outside", "c1", 81, "c1"), ("nat_port", {"to_address": "c1"}),
    ),
    "port no longer published": (
        {}, {"to_address": "c1", "host_port": "8081"}, ("outside", "host", 8081, "c1"),
        ("nat_port", {"to_address": "c1", "host_port": "8081"}),
    ),
    "published port of a routed network no longer called directly": (
        ROUTED, {"to_address": "c1", "host_port": "8081"}, ("outside", "c1", 81, "c1"),
        ("nat_port", {"to_address": "c1", "host_port": "8081"}),
    ),
    "icc, by the gateway": ({}, None, ("c1", "c2", 81, "c2"), ("bridge_policy", policy("br0", icc=False))),
    "the port of a tunnel": ({}, None, ("c1", "outside", 8472, "outside"), ("vxlan_tunnel", {
        "name": "vx", "vni": 7, "local": HOST, "dstport": 8472, "bridge": "br1", "flood": [], "endpoints": []})),
}  # fmt: skip
NAMES = {"outside": (OUTSIDE, OUTSIDE6), "host": (HOST, HOST6), "c1": ("10.0.0.2", "fd00::2"),
         "c2": ("10.0.0.3", "fd00::3")}  # fmt: skip


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("what", ENDS)
def test_a_policy_change_ends_unreplied_flows(site, tmp_path, what, version):
    options, port, (sender, to, number, receiver), (module, change) = ENDS[what]

    def meant(given):
        addresses = {key: NAMES[value][version == 6] for key, value in given.items() if key == "to_address"}
        return {**PORT, **given, **addresses}

    site.module("bridge_policy", **policy("br0", **options))
    if port is not None:
        done = site.module("nat_port", **meant(port))
        assert not done.get("failed"), done
    heard, at = tmp_path / "heard", 81 if receiver == "c1" else number
    flow = OneWay(site, heard, sender, NAMES[to][version == 6], number, receiver, at)
    flow.goes_on()
    unrelated = {"name": "lone", "addresses": ["10.9.0.1/24"]}
    site.module("topology", bridge=[unrelated], bridge_policy=[{"bridge": "lone", "subnets": ["10.9.0.0/24"]}])
    flow.goes_on()

    site.change(module, **({**meant(change), "state": "absent"} if module == "nat_port" else change))

    assert flow.ends()
