# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The topology graph and the tables of a real host with networks of every mode, joined switches, NICs and ports."""

from __future__ import annotations

import re
import xml.etree.ElementTree
from subprocess import run

import pytest

from ansible_collections.virtnet.linux.plugins.plugin_utils.views.graph import graph
from ansible_collections.virtnet.linux.plugins.plugin_utils.views.inspect import VIEWS

NETWORKS = [
    {"name": "isolated", "subnet": "172.26.0.0/24", "internal": True, "gateway_mode": "isolated"},
    {"name": "mixed", "subnet": "172.28.0.0/24", "subnet6": "fd28::/64", "gateway_mode6": "routed"},
    {"name": "plain", "subnet": "172.27.0.0/24", "masquerade": False},
    {"name": "routed", "subnet": "172.29.0.0/24", "gateway_mode": "routed"},
    {"name": "sw1", "subnet": "172.30.0.0/16", "subnet6": "fd30::/64"},
    {"name": "sw2", "connect": ["sw1"]},
]
CONTAINERS = [
    {"name": "api", "networks": ["routed"], "ports": ["80:80", "81:81", "8443:443"]},
    {"name": "batch", "network_mode": "none"},
    {"name": "far", "networks": ["sw2"], "ports": ["[::]:8081:80", "[2001:db8::2]:7070:80"]},
    {"name": "gate", "networks": ["routed"], "forwarding": True,
     "interfaces": [{"device": "enp3s0", "name": "wan", "addresses": ["203.0.113.7/24"]}]},
    {"name": "probe", "interfaces": [{"device": "enp4s0", "name": "eth0", "addresses": ["203.0.113.8/24"]}]},
    {"name": "mail", "networks": ["mixed"], "ports": ["25:25"]},
    {"name": "near", "networks": ["sw1"], "ports": ["9000-9003:9000-9003"]},
]  # fmt: skip


@pytest.fixture
def report(host, role):
    """The report of network_info."""
    for device in ("enp3s0", "enp4s0"):
        host.sh("ip link add %s type veth peer name far-%s; ip link set %s up" % (device, device, device))
    role.run(NETWORKS, CONTAINERS)
    return host.module("network_info")


def test_the_drawing_shows_the_observed_state(report):
    svg = run(["dot", "-Tsvg"], input=graph({"h1": report}), capture_output=True, text=True, check=True).stdout
    text = " ".join(" ".join(xml.etree.ElementTree.fromstring(svg).itertext()).split())
    for shown in (
        "bridge br-isolated, isolated 172.26.0.0/24",
        "bridge br-mixed, IPv4 SNAT, IPv6 routed 172.28.0.0/24",
        "bridge br-plain, no SNAT",
        "bridge br-routed, routed",
        "bridge br-sw1, SNAT 172.30.0.0/16 gateway 172.30.0.1 fd30::/64 gateway fd30::1",
        "switch br-sw2, joined to sw1 172.30.0.0/16 fd30::/64",
        "api eth0 172.29.0.2 open 80-81/tcp open 443/tcp",
        "batch no network",
        "far eth0 172.30.0.2, fd30::2 [::]:8081 → 80/tcp [2001:db8::2]:7070 → 80/tcp",
        "gate router eth0 172.29.0.3 wan 203.0.113.7 NIC enp3s0",
        "probe eth0 203.0.113.8 NIC enp4s0",
        "mail eth0 172.28.0.2, fd28::2 0.0.0.0:25 → 25/tcp open [fd28::2]:25/tcp",
        "near eth0 172.30.0.3, fd30::3 host:9000-9003 → 9000-9003/tcp",
    ):
        assert shown in text, shown + "\n" + text


def test_only_networks_with_egress_have_an_edge_to_the_nic(report):
    out = re.findall('^  "h1/bridge/br-(.*)" -> .*style=dashed', graph({"h1": report}), re.MULTILINE)
    assert out == ["mixed", "plain", "routed", "sw1"]


def test_the_table_of_containers_has_nics_and_every_port(report):
    rows = [" ".join(line.split()) for line in VIEWS["containers"](report)]
    for shown in (
        "api bridge routed eth0 172.29.0.2/24 02:42:ac:1d:00:02 80-81/tcp, 443/tcp",
        "batch none",
        "probe bridge NIC enp4s0 eth0 203.0.113.8/24",
        "NIC enp3s0 wan 203.0.113.7/24",
        "[::]:8081->80/tcp, [2001:db8::2]:7070->80/tcp",
        "0.0.0.0:9000-9003->9000-9003/tcp, [::]:9000-9003->9000-9003/tcp",
    ):
        assert any(shown in row for row in rows), shown + "\n" + "\n".join(rows)
