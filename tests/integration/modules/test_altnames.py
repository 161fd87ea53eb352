# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Alternative names (`ip link property add dev X altname Y`): no other link of the namespace can have the name."""

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
    ("module", "desired", "expected"),
    [
        ("bridge", {"name": "taken"}, "bridge taken: name: 'taken'"),
        ("veth", {**PAIR, "name": "taken"}, "veth taken: name: 'taken'"),
        ("veth", {**PAIR, "peer": {"name": "taken"}}, "veth v1: peer.name: 'taken'"),
        ("vxlan_tunnel", TUNNEL, "vxlan_tunnel taken: name: 'taken'"),
    ],
)
def test_an_altname_of_a_nic_is_refused_as_a_link_name(named, module, desired, expected):
    (problem,) = named.refused(module, **desired)
    assert problem.startswith(expected) and "ip link property del dev nic0 altname taken" in problem
    named.sh("ip link property del dev nic0 altname taken")
    named.change(module, **desired)


@pytest.mark.parametrize(
    ("module", "desired", "expected"),
    [
        ("veth", {**PAIR, "peer": {"name": "eth1", "netns": "c1"}}, "veth v1: peer.name: 'eth1'"),
        ("interface", {"device": "nic1", "netns": "c1", "name": "eth1"}, "interface nic1: name: 'eth1'"),
        ("interface", {"device": "nic1", "netns": "c1", "name": "eth1", "type": "macvlan"}, "interface nic1: name"),
        ("bridge", {"name": "eth1", "netns": "c1"}, "bridge eth1: name: 'eth1'"),
    ],
)
def test_an_altname_in_a_foreign_namespace_is_refused(named, module, desired, expected):
    """In a namespace that the collection created the altname is removed: tests/integration/hostile."""
    (problem,) = named.refused(module, **desired)
    assert problem.startswith(expected) and "ip -n c1 link property del dev own altname eth1" in problem


def test_an_altname_in_a_process_namespace_is_refused(named):
    pid = named.start("unshare", "--net", "sleep", "1000")
    named.sh("until [ $(readlink /proc/%d/ns/net) != $(readlink /proc/self/ns/net) ]; do :; done" % pid)
    named.sh("nsenter -t %d -n sh -ec 'ip link add own type bridge; ip link property add dev own altname eth0'" % pid)
    document = {"netns": [{"name": "app", "pid": pid}], "veth": [{**PAIR, "peer": {"name": "eth0", "netns": "app"}}]}
    (problem,) = named.refused("topology", **document)
    assert "veth v1: peer.name: 'eth0'" in problem and "own" in problem


def test_a_managed_link_may_have_an_altname(named):
    named.module("veth", **PAIR)
    named.sh("ip link property add dev v1 altname web-uplink")
    named.unchanged("veth", **PAIR)
    named.change("veth", **{**PAIR, "mtu": 1400})


def given(device="nic0", **more):
    return {"device": device, "netns": "box", **more}


@pytest.mark.parametrize("other", ["declared", "existing", "a NIC", "an altname"])
def test_a_nic_moves_with_its_alternative_names_or_is_refused(named, other):
    """The kernel moves no link one of whose alternative names is in use there."""
    named.module("netns", name="box")
    pair = {**PAIR, "peer": {"name": "taken", "netns": "box"}, "labels": {"container": "box", "interface": "taken"}}
    document = {"interface": [given()]}
    if other == "declared":
        document["veth"] = [pair]
    elif other == "existing":
        named.module("veth", **pair)
    elif other == "a NIC":
        document["interface"].append(given("nic1", name="taken"))
    else:
        named.sh("ip netns add theirs; ip -n theirs link add own type bridge")
        named.sh("ip link property add dev own altname taken", "theirs")
        document["interface"] = [{**given(), "netns": "theirs"}]
    (problem,) = named.refused("topology", **document)
    assert problem.startswith("interface nic0: device: 'nic0': its alternative name taken is the name of a link ")
    assert problem.endswith(": ip link property del dev nic0 altname taken")
    named.sh("ip link property del dev nic0 altname taken")
    named.change("topology", **document)


def test_a_nic_returns_with_its_alternative_names(named):
    named.module("netns", name="box")
    named.change("interface", **given())
    names = " ".join("altname " + name for name in ("br0", "nic0-old", "br-later", "lo~", "caf\xe9"))
    named.sh("ip link property del dev nic0 altname other; ip link property add dev nic0 " + names, "box")
    named.change("interface", **given(state="absent"))
    assert set(named.links()["nic0"]["altnames"]) == {"other", "taken"}


def test_a_nic_returns_without_an_altname_in_use(named):
    named.module("netns", name="box")
    named.change("interface", **given())
    named.change("bridge", name="taken")
    named.change("interface", **given(state="absent"))
    assert named.links()["nic0"]["altnames"] == ["other"]


def test_a_nic_may_be_declared_by_an_altname(named):
    named.module("netns", name="box")
    named.change("interface", **given(name="taken"))
    named.change("interface", **given(name="taken", state="absent"))
    assert set(named.links()["nic0"]["altnames"]) == {"other", "taken"}


def test_network_info_reports_them(named):
    links = {one["name"]: one for one in named.module("network_info")["host"]["interfaces"]}
    assert links["nic0"]["altnames"] == ["other", "taken"] and links["br0"]["altnames"] == []
