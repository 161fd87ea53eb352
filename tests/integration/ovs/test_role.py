# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role bridge_network with driver openvswitch: networks of their own switch, and VLANs of a shared one."""

from __future__ import annotations

import json

import pytest
from integration.robust import engine

from kit.role import Role

SWITCHES = [{"name": "sw0"}]
RED = {"name": "red", "switch": "sw0", "vlan": 10, "subnet": "172.30.10.0/24"}
BLUE = {"name": "blue", "switch": "sw0", "vlan": 20, "subnet": "172.30.20.0/24"}
PLAIN = {"name": "plain", "driver": "openvswitch", "subnet": "172.31.0.0/24"}
CONTAINERS = [
    {"name": "r1", "networks": ["red"]},
    {"name": "r2", "networks": ["red"]},
    {"name": "b1", "networks": ["blue"]},
    {"name": "p1", "networks": ["plain"]},
]


LIST_PORTS = "ovs-vsctl -f csv --no-headings --columns=name,tag,trunks,vlan_mode list port"


@pytest.fixture
def role(host):
    return Role(host)


def pings(host, netns, address):
    return host.try_sh("ping -c 1 -W 1 " + address, netns).returncode == 0


def test_networks_of_a_shared_switch_are_created_changed_and_removed(host, role):
    role.change([RED, BLUE, PLAIN], CONTAINERS, switches=SWITCHES)
    assert pings(host, "r1", "172.30.10.3") and pings(host, "b1", "172.30.20.1") and pings(host, "p1", "172.31.0.1")
    assert not pings(host, "r1", "172.30.20.2") and not pings(host, "r1", "172.31.0.2")
    networks = {one["Name"]: one for one in host.module("network_info")["networks"]}
    assert sorted(networks) == ["blue", "plain", "red"]
    assert {"driver": "openvswitch", "switch": "sw0", "vlan": 10}.items() <= networks["red"]["Options"].items()
    role.change([{**RED, "vlan": 11}, BLUE, PLAIN], CONTAINERS, switches=SWITCHES)
    assert pings(host, "r1", "172.30.10.3") and pings(host, "r1", "172.30.10.1")
    role.change(purge=True)
    assert host.sh("ovs-vsctl list-br") == "" and host.sh("ip netns list") == ""


def test_undeclared_networks_of_a_shared_switch_are_kept(host, role):
    role.change([RED, BLUE], CONTAINERS[:3], switches=SWITCHES)
    role.change([BLUE], [{"name": "b2", "networks": ["blue"]}])
    assert pings(host, "b2", "172.30.20.2") and pings(host, "r1", "172.30.10.3")


def test_a_trunk_carries_other_vlans_tagged(host, role):
    trunked = {"name": "t1", "networks": [{"name": "red", "trunks": [10, 20], "anti_spoofing": False}]}
    role.change([RED, BLUE], [*CONTAINERS[:3], trunked], switches=SWITCHES)
    assert pings(host, "t1", "172.30.10.1")
    (port,) = [one for one in host.sh(LIST_PORTS).splitlines() if '"[10, 20]"' in one]
    assert ",10," in port and "native-untagged" in port


@pytest.mark.parametrize(
    ("networks", "containers", "options", "part"),
    [
        ([RED], [], {}, "network red: switch 'sw0': is unknown: no switch in bridge_network_switches"),
        ([{**RED, "vlan": None}], [], {"switches": SWITCHES}, "network red: vlan"),
        ([{**PLAIN, "vlan": 7}], [], {}, "network plain: vlan 7: requires switch"),
        ([RED, {**BLUE, "vlan": 10}], [], {"switches": SWITCHES}, "network blue: vlan 10: is the VLAN of network red"),
        ([{**RED, "driver": "linux"}], [], {"switches": SWITCHES}, "network red: driver 'linux': is openvswitch"),
        ([{**PLAIN, "stp": True}], [], {}, "network plain: stp True: driver openvswitch has no spanning tree"),
        ([{**PLAIN, "connect": ["x"]}], [], {}, "network plain: connect"),
        ([], [], {"switches": [{"name": "sw0", "driver": "linux"}]}, "switch sw0: driver 'linux': has no VLANs"),
        ([PLAIN], [{"name": "c", "networks": [{"name": "plain", "trunks": [3]}]}], {}, "network plain has no VLAN"),
        (
            [RED],
            [{"name": "c", "networks": [{"name": "red", "trunks": [3]}]}],
            {"switches": SWITCHES},
            "requires anti_spoofing: false",
        ),
    ],
)
def test_invalid_declarations_are_refused(role, networks, containers, options, part):
    problems = role.refused(networks, containers, **options)
    assert any(part in problem for problem in problems), problems


def test_another_driver_for_an_existing_network_is_refused(role):
    role.change([{"name": "web", "subnet": "172.30.0.0/16"}], [])
    (problem,) = role.refused([{"name": "web", "subnet": "172.30.0.0/16", "driver": "openvswitch"}], [])
    assert "the network exists with driver linux; declare it absent first" in problem


def test_a_switch_is_removed_after_its_networks(role):
    role.change([RED], CONTAINERS[:2], switches=SWITCHES)
    problems = role.refused([RED], CONTAINERS[:2], switches=[{"name": "sw0", "state": "absent"}])
    assert any("networks are on it: red" in problem for problem in problems), problems


def test_the_command_reads_networks_of_open_vswitch(host, role):
    engine.own_disks(host)
    role.change([RED, BLUE, PLAIN], CONTAINERS, switches=SWITCHES)
    host.module("host_command")
    found = host.module("network_info", docker_format=True)
    assert json.loads(host.sh("/usr/local/sbin/virtnet ls --json")) == found["docker"]["network_ls"]
    rows = [line.split() for line in host.sh("/usr/local/sbin/virtnet ls").splitlines()[1:]]
    assert [(row[0], row[1], row[-1]) for row in rows] == [
        ("blue", "openvswitch", "1"), ("plain", "openvswitch", "1"), ("red", "openvswitch", "2")
    ]  # fmt: skip
    assert "172.30.10.2" in host.sh("/usr/local/sbin/virtnet ps")
    dropped = json.loads(host.try_sh("/usr/local/sbin/virtnet trace r1 172.31.0.2 80 --json").stdout)
    assert dropped["is_dropped"] and dropped["table"] == "inet virtnet", dropped
