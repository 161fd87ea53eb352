# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of what is live."""

from __future__ import annotations

from unit.views.fleets import one_host, tunnel

from ansible_collections.virtnet.linux.plugins.plugin_utils.views import VIEWS

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


def test_inspect_tells_every_value_of_every_network():
    lines = VIEWS["inspect"](LIVE)
    assert lines[0] == "Name: web"
    assert "        - Subnet 172.30.0.0/16, Gateway 172.30.0.1" in lines
    assert lines[lines.index("") + 1] == "Name: back"
    assert not any(set(line) & set('{}"') for line in lines)


def test_bridges_as_brctl_show():
    bridges = [{"name": "br-web", "netns": None, "id": "8000.0242ac1e0001", "stp": False, "interfaces": ["a", "b"]}]
    assert cells("bridges", {"bridges": bridges})[1:] == [["br-web", "8000.0242ac1e0001", "no", "a"], ["b"]]


def test_tunnels_say_whose_they_are():
    ours = {**tunnel("fabric", 4242, "192.0.2.11"), "mtu": 1450, "entries": 2, "flood": []}
    foreign = {**ours, "name": "vxlan0", "ours": False, "bridge": None, "flood": ["192.0.2.12"]}
    table = cells("tunnels", {"tunnels": [ours, foreign]})
    assert table[1] == ["vx-fabric", "4242", "192.0.2.11", "br-fabric", "1450", "2"]
    assert table[2] == ["vxlan0", "(not", "ours)", "4242", "192.0.2.11", "1450", "2", "192.0.2.12"]
