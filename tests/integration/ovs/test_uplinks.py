# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VLANs of one switch over two hosts: a NIC of each is an uplink of its switch, and carries the VLANs tagged."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from kit import openvswitch
from kit.host import Host
from kit.role import Role

CABLE = "nsenter -t {one} -n ip link add up0 type veth peer name up0 netns {other}"


@pytest.fixture
def hosts() -> Iterator[tuple[Host, Host]]:
    """Two hosts whose NICs up0 are connected."""
    with Host() as one, Host() as other:
        subprocess.run(CABLE.format(one=one.pid, other=other.pid).split(), check=True)
        for host in (one, other):
            openvswitch.start(host)
            host.sh("ip link set up0 up")
        yield one, other


def declaration(number, vlans):
    """Networks red (VLAN 10) and blue (20) with a container each, of one subnet on both hosts."""
    networks = [
        {"name": name, "switch": "sw0", "vlan": vlan, "subnet": "172.30.%d.0/24" % vlan,
         "gateway": "172.30.%d.%d" % (vlan, 250 + number)}
        for name, vlan in (("red", 10), ("blue", 20))
    ]  # fmt: skip
    containers = [
        {"name": "%s%d" % (name, number), "networks": [{"name": name, "ipv4_address": "172.30.%d.%d" % (vlan, number)}]}
        for name, vlan in (("red", 10), ("blue", 20))
    ]
    return networks, containers, {"switches": [{"name": "sw0", "uplinks": [{"interface": "up0", "vlans": vlans}]}]}


def pings(host, netns, address):
    return host.try_sh("ping -c 1 -W 1 " + address, netns).returncode == 0


def test_vlans_reach_the_other_host_by_the_uplink_and_stay_apart(hosts):
    for number, host in enumerate(hosts, 1):
        networks, containers, options = declaration(number, [10, 20])
        Role(host).change(networks, containers, **options)
    one, other = hosts
    assert pings(one, "red1", "172.30.10.2") and pings(one, "blue1", "172.30.20.2")
    assert not pings(one, "red1", "172.30.20.2")
    networks, containers, options = declaration(2, [20])
    Role(other).change(networks, containers, **options)
    assert not pings(one, "red1", "172.30.10.2") and pings(one, "blue1", "172.30.20.2")
    Role(other).change(purge=True)
    assert "up0" in other.links() and "master" not in other.links()["up0"]
    assert other.sh("ovs-vsctl list-br") == ""


def test_an_uplink_that_is_not_declared_any_more_leaves_the_switch(hosts):
    one, _other = hosts
    networks, containers, options = declaration(1, [])
    Role(one).change(networks, containers, **options)
    assert "up0" in one.sh("ovs-vsctl list-ports sw0").split()
    Role(one).change(networks, containers, switches=[{"name": "sw0"}])
    assert "up0" not in one.sh("ovs-vsctl list-ports sw0").split()


def test_a_nic_that_the_host_needs_is_refused(hosts):
    one, _other = hosts
    one.sh("ip addr add 192.0.2.1/24 dev up0; ip route add default via 192.0.2.254")
    networks, containers, options = declaration(1, [10])
    (problem,) = Role(one).refused(networks, containers, **options)
    assert "switch sw0: uplinks 'up0': stays with the host: the host's default route goes through it" in problem
    one.sh("ip route del default")
    topology = Role(one).plan(networks, containers, **options)["topology"]
    problems = one.refused("topology", **topology)
    assert any("uplinks: 'up0': has 192.0.2.1/24: the host would lose it" in problem for problem in problems)


def test_an_uplink_that_is_missing_is_refused(hosts):
    one, _other = hosts
    networks, containers, options = declaration(1, [10])
    options["switches"][0]["uplinks"][0]["interface"] = "up1"
    problems = Role(one).refused(networks, containers, **options)
    assert any("no NIC has this name; there are lo" in problem for problem in problems), problems
