# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Alternative names (`ip link property add dev X altname Y`): no other link of the namespace can be called so."""

from __future__ import annotations

import pytest

TUNNEL = {"name": "taken", "vni": 42, "local": "192.0.2.11"}
PAIR = {"name": "v1", "bridge": "br0", "peer": {"name": "eth0", "netns": "c1"}}


@pytest.fixture
def named(host):
    """A host whose NIC is also called `taken`, and a container whose own link is also called `eth1`."""
    host.sh("ip link add nic0 type veth peer name nic0-far; ip link property add dev nic0 altname other altname taken")
    host.sh("ip address add 192.0.2.11/24 dev nic0; ip link set nic0 up; ip link add nic1 type veth peer name nic1-far")
    host.sh("ip netns add c1")
    host.module("bridge", name="br0")
    host.sh("ip link add own type bridge; ip link property add dev own altname eth1", "c1")
    return host


@pytest.mark.parametrize(
    ("module", "wanted", "said"),
    [
        ("bridge", {"name": "taken"}, "bridge taken: name: 'taken'"),
        ("veth", {**PAIR, "name": "taken"}, "veth taken: name: 'taken'"),
        ("veth", {**PAIR, "peer": {"name": "taken"}}, "veth v1: peer.name: 'taken'"),
        ("vxlan_tunnel", TUNNEL, "vxlan_tunnel taken: name: 'taken'"),
    ],
)
def test_of_a_nic(named, module, wanted, said):
    (problem,) = named.refused(module, **wanted)
    assert problem.startswith(said) and "ip link property del dev nic0 altname taken" in problem
    named.sh("ip link property del dev nic0 altname taken")
    named.change(module, **wanted)


@pytest.mark.parametrize(
    ("module", "wanted", "said"),
    [
        ("veth", {**PAIR, "peer": {"name": "eth1", "netns": "c1"}}, "veth v1: peer.name: 'eth1'"),
        ("interface", {"device": "nic1", "netns": "c1", "name": "eth1"}, "interface nic1: name: 'eth1'"),
        ("interface", {"device": "nic1", "netns": "c1", "name": "eth1", "type": "macvlan"}, "interface nic1: name"),
        ("bridge", {"name": "eth1", "netns": "c1"}, "bridge eth1: name: 'eth1'"),
    ],
)
def test_in_a_namespace_of_others(named, module, wanted, said):
    """In one that was made here the name goes: tests/integration/hostile."""
    (problem,) = named.refused(module, **wanted)
    assert problem.startswith(said) and "ip -n c1 link property del dev own altname eth1" in problem


def test_in_a_processs_namespace(named):
    pid = named.start("unshare", "--net", "sleep", "1000")
    named.sh("until [ $(readlink /proc/%d/ns/net) != $(readlink /proc/self/ns/net) ]; do :; done" % pid)
    named.sh("nsenter -t %d -n sh -ec 'ip link add own type bridge; ip link property add dev own altname eth0'" % pid)
    document = {"netns": [{"name": "app", "pid": pid}], "veth": [{**PAIR, "peer": {"name": "eth0", "netns": "app"}}]}
    (problem,) = named.refused("topology", **document)
    assert "veth v1: peer.name: 'eth0'" in problem and "own" in problem


def test_a_link_that_has_one_besides_is_no_obstacle_to_itself(named):
    named.module("veth", **PAIR)
    named.sh("ip link property add dev v1 altname web-uplink")
    named.unchanged("veth", **PAIR)
    named.change("veth", **{**PAIR, "mtu": 1400})


def test_network_info_reports_them(named):
    links = {one["name"]: one for one in named.module("network_info")["host"]["interfaces"]}
    assert links["nic0"]["altnames"] == ["other", "taken"] and links["br0"]["altnames"] == []
