# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of the observed state."""

from __future__ import annotations

from unit.views.fleets import all_modes, one_host, port, tunnel

from ansible_collections.virtnet.linux.plugins.plugin_utils.views.inspect import VIEWS

LIVE = one_host()["web1"]


def cells(view, live):
    return [line.split() for line in VIEWS[view](live)]


def test_networks_as_docker_network_ls():
    table = cells("networks", LIVE)
    assert table[0] == ["NETWORK", "DRIVER", "SCOPE", "SUBNET", "GATEWAY", "BRIDGE", "CONTAINERS"]
    assert table[1][:6] == ["web", "bridge", "local", "172.30.0.0/16", "172.30.0.1", "br-web"]
    assert table[2][:2] == ["back", "(internal)"]


def test_containers_as_docker_ps():
    table = cells("containers", LIVE)
    assert ["nginx", "bridge", "web", "eth0", "172.30.0.2/16"] == table[1][:5]
    assert "0.0.0.0:8080->80/tcp," in table[1]
    assert table[3][:3] == ["back", "eth1", "172.31.0.2/24"], "an endpoint more has no name in front"
    assert ["batch", "none"] in table


def test_containers_with_nics_and_allowed_ports():
    table = cells("containers", all_modes()["h1"])
    rows = [" ".join(row) for row in table]
    assert ["NIC", "enp3s0", "wan", "203.0.113.7/24", "52:54:00:00:00:01"] in table
    assert "probe none NIC enp4s0 eth0 203.0.113.8/24, 2001:db8::8/64 52:54:00:00:00:01" in rows
    (api, mail, near) = (next(row for row in table if row[0] == name) for name in ("api", "mail", "near"))
    assert api[-2:] == ["80-81/tcp,", "443/tcp"]
    assert mail[-3:] == ["0.0.0.0:25->25/tcp,", "25/tcp,", "[::1]:2525->25/udp"]
    assert near[-1] == "0.0.0.0:9000-9003->9000-9003/tcp"


def test_ipv6_host_addresses_are_in_brackets():
    published = {**LIVE, "nat_ports": [port(7070, "172.30.0.2", 80, "fd99::1")]}
    assert cells("containers", published)[1][-1] == "[fd99::1]:7070->80/tcp"


def test_inspect_shows_every_value_of_every_network():
    lines = VIEWS["inspect"](LIVE)
    assert lines[0] == "Name: web"
    assert "        - Subnet 172.30.0.0/16, Gateway 172.30.0.1" in lines
    assert lines[lines.index("") + 1] == "Name: back"
    assert not any(set(line) & set('{}"') for line in lines)


def test_bridges_as_brctl_show():
    bridges = [{"name": "br-web", "netns": None, "id": "8000.0242ac1e0001", "stp": False, "interfaces": ["a", "b"]}]
    assert cells("bridges", {"bridges": bridges})[1:] == [["br-web", "8000.0242ac1e0001", "no", "a"], ["b"]]


def test_tunnels_show_their_owner():
    ours = {**tunnel("fabric", 4242, "192.0.2.11"), "mtu": 1450, "entries": 2, "flood": []}
    foreign = {**ours, "name": "vxlan0", "ours": False, "bridge": None, "flood": ["192.0.2.12"]}
    table = cells("tunnels", {"tunnels": [ours, foreign]})
    assert table[1] == ["vx-fabric", "4242", "192.0.2.11", "br-fabric", "1450", "2"]
    assert table[2] == ["vxlan0", "(unmanaged)", "4242", "192.0.2.11", "1450", "2", "192.0.2.12"]
