# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of the observed state."""

from __future__ import annotations

from unit.views.fleets import all_modes, one_host, overlay, port, tunnel

from ansible_collections.virtnet.linux.plugins.filter.network_orphans import network_orphans
from ansible_collections.virtnet.linux.plugins.plugin_utils.views.inspect import VIEWS, fleet

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


def twenty():
    """Twenty hosts on one overlay, a container each."""
    reports = overlay(20, 1)
    for number in range(1, 21):
        live = reports["host%d" % number]
        live["tunnels"] = [{**one, "mtu": 1450, "entries": 19, "flood": []} for one in live["tunnels"]]
        live["bridges"] = [
            {"name": "br-fabric", "netns": None, "id": "8000.1", "stp": False, "interfaces": ["a", "b", "c", "d"]}
        ]
    return reports


def test_twenty_hosts_are_a_screenful():
    for view in ("networks", "containers", "bridges", "tunnels"):
        table = fleet(twenty(), view)
        assert table[0].startswith("HOST ") and len(table) <= 23, view
        assert max(map(len, table)) <= 120, view


def test_hosts_and_objects_are_in_natural_order():
    hosts = [line.split()[0] for line in fleet(twenty(), "tunnels")[1:]]
    assert hosts == ["host%d" % number for number in range(1, 21)]
    names = [line.split()[:2] for line in fleet({"h2": LIVE, "h10": LIVE}, "containers")[1:7]]
    assert names == [["h2", name] for name in ("agent", "batch", "db", "gate", "nginx", "sidecar")]


def test_a_line_has_everything_of_an_object():
    rows = [" ".join(line.split()) for line in fleet(one_host(), "containers")]
    assert "web1 gate bridge web 172.30.0.3, back 172.31.0.2" in rows
    assert "web1 nginx bridge web 172.30.0.2 0.0.0.0:8080->80/tcp, 192.0.2.11:8443->443/tcp" in rows
    assert "web1 sidecar container:nginx" in rows
    rows = [" ".join(line.split()) for line in fleet(all_modes(), "containers")]
    assert "h1 probe none NIC enp4s0 203.0.113.8 2001:db8::8" in rows
    rows = [" ".join(line.split()) for line in fleet(one_host(), "networks")]
    assert "web1 back bridge, internal 172.31.0.0/24 172.31.0.1 br-back 0" in rows
    (_heading, first, *_rest) = [" ".join(line.split()) for line in fleet(twenty(), "bridges")]
    assert first == "host1 br-fabric 8000.1 no 4 a, b and 2 more"


def test_processes_are_counted():
    live = {"networks": [], "containers": [{**LIVE["containers"][0], "pids": [7, 8]}], "nat_ports": []}
    assert fleet({"h": live}, "containers")[1].split() == ["h", "nginx", "bridge", "web", "172.30.0.2", "2"]


def test_hosts_without_objects_have_no_table():
    nothing = {"networks": [], "containers": [], "bridges": [], "tunnels": []}
    assert [fleet({"h": nothing}, view) for view in VIEWS] == [[]] * 5


def test_all_of_each_network_host_by_host():
    lines = fleet({"h2": LIVE, "h10": LIVE}, "inspect")
    assert lines[:2] == ["Host: h2", "    Name: back"] or lines[:2] == ["Host: h2", "    Name: web"]
    assert lines.count("Host: h10") == 1 and lines[-1] != ""


def test_orphans_of_several_hosts_are_a_table():
    made = {**LIVE, "containers": [{**LIVE["containers"][0], "labels": {"role": "bridge_network"}, "pids": [7]}]}
    declared = {"bridge_network_networks": [{"name": "web"}]}
    assert network_orphans({"h2": made, "h10": made}, {"h2": declared, "h10": {}}, hosts=True) == [
        "HOST   OBJECT",
        "h2     network back is live and declared nowhere",
        "h2     container nginx is live and declared nowhere (pid 7)",
        "h10    network web is live and declared nowhere",
        "h10    network back is live and declared nowhere",
        "h10    container nginx is live and declared nowhere (pid 7)",
    ]
    assert network_orphans({"h2": made}, {"h2": {}}, hosts=True) == [], "variables are in a playbook"
    everything = {"bridge_network_networks": [{"name": "web"}, {"name": "back"}]}
    assert network_orphans({"h2": LIVE}, {"h2": everything}, hosts=True) == []
