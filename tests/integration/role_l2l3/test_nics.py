# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NICs of the host moved into containers. A veth with its other end elsewhere acts as a NIC."""

from __future__ import annotations

import json
import sys

import pytest

from kit import packets, snapshot

NIC = {
    "device": "enp3s0",
    "name": "wan",
    "addresses": ["203.0.113.7/24", "2001:db8:3::7/64"],
    "gateway": "203.0.113.1",
    "gateway6": "2001:db8:3::1",
}
SETTLED = "until ip -6 address show dev enp3s0 -tentative | grep -q fe80; do sleep 0.05; done"
UP = "ip link set {0} addrgenmode none; ip link set {0} up; ".format
ON_A_BRIDGE = "ip link add hb type bridge; ip link set enp3s0 master hb; " + UP("hb")
ON_A_MACVLAN = "ip link add mv0 link enp3s0 type macvlan; ip address add 203.0.113.2/24 dev mv0; " + UP("mv0")
WEB = {"name": "web", "subnet": "172.30.0.0/24", "subnet6": "fd00:30::/64"}


@pytest.fixture
def nic(host):
    """The host has a NIC, and a neighbour, isp, at the other end of its wire."""
    host.sh(
        """
        ip netns add isp
        ip link add enp3s0 type veth peer name eth0 netns isp
        ip link set enp3s0 up
        ip -n isp link set eth0 addrgenmode none
        ip -n isp link set eth0 up
        ip -n isp link set lo up
        ip -n isp address add 203.0.113.1/24 dev eth0
        ip -n isp address add 2001:db8:3::1/64 dev eth0 nodad
        ip -n isp address add 198.51.100.1/32 dev lo
        ip -n isp address add 2001:db8:4::1/128 dev lo
        """
    )
    return host


def test_a_nic_is_moved_into_a_container_and_returns(nic, role):
    nic.sh(SETTLED)
    before = nic.snapshot()
    changed = {**NIC, "mac": "02:00:00:00:00:07", "mtu": 1400}
    container = {"name": "c", "networks": ["web"], "interfaces": [changed]}
    role.run([WEB], [container])
    assert packets.seen(nic, "c", "198.51.100.1", 80, "isp") == "203.0.113.7", "the default route is the NIC's"
    assert packets.seen(nic, "c", "2001:db8:4::1", 80, "isp") == "2001:db8:3::7"
    assert packets.arrives(nic, "isp", "203.0.113.7", 80, "c")
    assert packets.ping(nic, "c", "172.30.0.1")
    assert "enp3s0" not in nic.links()

    (reported,) = nic.module("network_info")["containers"]
    assert [(one["device"], one["name"], one["type"]) for one in reported["interfaces"]] == [
        ("enp3s0", "wan", "physical")
    ]
    role.run([WEB], [{**container, "interfaces": []}])
    assert "ifalias" not in nic.links()["enp3s0"]
    assert packets.ping(nic, "c", "172.30.0.1")
    role.run([{**WEB, "state": "absent"}], [{"name": "c", "state": "absent"}])
    nic.sh(SETTLED)
    snapshot.same(before, nic.snapshot())


def test_a_nic_returns_with_its_attributes_after_two_containers(nic, role):
    """The second one, and root in it, change it again."""
    before = nic.links()["enp3s0"]
    role.run([], [{"name": "c", "interfaces": [{**NIC, "mtu": 1400}]}])
    role.run([], [{"name": "c", "network_mode": "none"}, {"name": "d", "interfaces": [{**NIC, "mtu": 1300}]}])
    nic.sh("ip link set wan address 02:00:00:00:00:08", "d")
    role.run([], [], purge=True)
    after = nic.links()["enp3s0"]
    assert [(one["mtu"], one["address"]) for one in (after, before)] == [(1500, before["address"])] * 2
    assert "ifalias" not in after


def test_the_nic_of_a_removed_container_returns_first(nic, role):
    role.run([], [{"name": "c", "interfaces": [NIC]}])
    done = role.run([], [], purge=True)
    assert done.index("delete interface enp3s0") < done.index("delete netns c")
    assert nic.links()["enp3s0"]["operstate"] == "UP"


def test_a_nic_moves_between_containers(nic, role):
    role.run([], [{"name": "c", "interfaces": [NIC]}, {"name": "d", "network_mode": "none"}])
    role.run([], [{"name": "c", "network_mode": "none"}, {"name": "d", "interfaces": [NIC]}])
    assert packets.arrives(nic, "isp", "203.0.113.7", 80, "d")


def test_one_nic_serves_two_containers_as_macvlans(nic, role):
    def attachment(number):
        addresses = ["203.0.113.%d/24" % number, "2001:db8:3::%d/64" % number]
        return [{"device": "enp3s0", "type": "macvlan", "name": "lan", "addresses": addresses}]

    role.run([], [{"name": "c", "interfaces": attachment(7)}, {"name": "d", "interfaces": attachment(8)}])
    assert packets.seen(nic, "c", "203.0.113.8", 80, "d") == "203.0.113.7"
    assert packets.seen(nic, "isp", "203.0.113.8", 80, "d") == "203.0.113.1"
    assert packets.seen(nic, "c", "2001:db8:3::1", 80, "isp") == "2001:db8:3::7"
    done = role.run([], [{"name": "c", "interfaces": attachment(7)}, {"name": "d", "state": "absent"}])
    assert "delete interface lan on enp3s0" in done
    assert packets.arrives(nic, "isp", "203.0.113.7", 80, "c")


def refused(host, role, *containers):
    """The reasons for which the engine refuses NICs that the planner accepted."""
    host.sh(SETTLED)
    planned = role.plan([], containers)
    assert planned["errors"] == []
    return host.refused("topology", **planned["topology"])


def test_a_gateway_outside_the_nics_subnets_is_refused(nic, role):
    attachment = {"device": "enp3s0", "gateway": "203.0.113.1"}
    (found,) = refused(nic, role, {"name": "c", "interfaces": [attachment]})
    assert found.startswith("interface enp3s0: gateway: '203.0.113.1': is in none of the subnets of this interface")
    role.run([], [{"name": "c", "interfaces": [{"device": "enp3s0"}]}])
    nic.sh("ip address add 203.0.113.7/24 dev enp3s0", "c")  # as DHCP does
    role.run([], [{"name": "c", "interfaces": [attachment]}])
    assert packets.seen(nic, "c", "198.51.100.1", 80, "isp") == "203.0.113.7"


def test_a_passthru_macvlan_is_exclusive(nic, role):
    def container(name, mode):
        return {"name": name, "interfaces": [{"device": "enp3s0", "type": "macvlan", "name": "lan", "mode": mode}]}

    rule = "c has lan on this parent interface, in mode %s; in mode passthru a macvlan must be the only one on it"
    first, second = refused(nic, role, container("c", "passthru"), container("d", "bridge"))
    assert second == "interface enp3s0: mode: 'bridge': " + rule % "passthru"
    assert "mode: 'passthru': d has lan on this parent interface" in first
    role.run([], [container("c", "passthru")])
    (found,) = refused(nic, role, container("d", "bridge"))
    assert rule % "passthru" in found
    role.run([], [container("d", "private"), container("c", "bridge")])
    (found,) = refused(nic, role, container("d", "passthru"))
    assert rule % "bridge" in found
    role.run([], [{"name": "c", "state": "absent"}, container("d", "passthru")])


def test_unsupported_parent_interfaces_of_a_macvlan_are_refused(nic, role):
    attachment = {"device": "enp3s0", "type": "macvlan", "name": "lan"}
    (found,) = refused(nic, role, {"name": "c", "interfaces": [{**attachment, "mtu": 1600}]})
    assert "mtu: 1600: the parent interface has 1500" in found
    nic.sh(ON_A_BRIDGE)
    (found,) = refused(nic, role, {"name": "c", "interfaces": [attachment]})
    assert "device: 'enp3s0': is a port of hb; name that bridge" in found
    role.run([], [{"name": "c", "interfaces": [{**attachment, "device": "hb"}]}])


def test_invalid_nics_are_refused_before_any_change(nic, role):
    found = role.refused(
        [],
        [
            {"name": "a", "interfaces": [{"device": "up0"}]},
            {"name": "b", "interfaces": [NIC]},
            {"name": "c", "interfaces": [NIC, {"device": "enp9s0"}]},
        ],
    )
    lost = "must stay on the host: the host's default route goes through it"
    assert "container a: interfaces: device 'up0': " + lost in found[1]
    assert "container c: interfaces: device 'enp3s0': container b has it" in found[0]
    assert "container c: interfaces: device 'enp9s0': the host has no such NIC; it has enp3s0, up0" in found[2]


def test_a_tunnels_nic_is_refused(nic, role):
    nic.sh("ip address add 203.0.113.2/24 dev enp3s0; ip link add vx0 type vxlan id 7 local 203.0.113.2 dstport 4789")
    (found,) = role.refused([], [{"name": "c", "interfaces": [NIC]}])
    assert "must stay on the host: the underlay address of the tunnel vx0 is on it" in found


OTHER_DEFAULTS = "ip route del default; ip -6 route del default; ip address add 203.0.113.2/24 dev enp3s0; "


@pytest.mark.parametrize(
    ("script", "loss"),
    [
        (OTHER_DEFAULTS + "ip route add default via 203.0.113.1", "the host's default route goes through it"),
        (
            OTHER_DEFAULTS + "ip route add default nexthop via 192.0.2.1 nexthop via 203.0.113.1",
            "the host's default route goes through it",
        ),
        (
            OTHER_DEFAULTS + "ip route add 0.0.0.0/1 via 203.0.113.1; ip route add 128.0.0.0/1 via 203.0.113.1",
            "the host's default route goes through it",
        ),
        (
            ON_A_BRIDGE + "ip address add 203.0.113.2/24 dev hb; ip route replace default via 203.0.113.1",
            "the host's default route goes through hb, which rests on it",
        ),
        (
            ON_A_MACVLAN + "ip route replace default via 203.0.113.1",
            "the host's default route goes through mv0, which rests on it",
        ),
        (
            ON_A_BRIDGE + "ip link add v5 link hb type macvlan; " + UP("v5") +
            "ip address add 203.0.113.2/24 dev v5; ip route replace default via 203.0.113.1",
            "the host's default route goes through v5, which rests on it",
        ),
        (
            ON_A_BRIDGE + "ip address add 203.0.113.2/24 dev hb; "
            "ip link add vx0 type vxlan id 7 local 203.0.113.2 dstport 4789",
            "the underlay address of the tunnel vx0 is on hb, which rests on it",
        ),
    ],
    ids=["default", "multipath", "halves", "bridge", "macvlan", "macvlan on a bridge", "tunnel over a bridge"],
)  # fmt: skip
def test_a_nic_of_the_hosts_default_route_is_refused(nic, role, script, loss):
    """In the plan and in the engine, with any link between the NIC and what the host would lose."""
    nic.sh(SETTLED)
    nic.sh(script)
    (found,) = role.refused([], [{"name": "c", "interfaces": [{"device": "enp3s0"}]}])
    assert found.startswith("container c: interfaces: device 'enp3s0': must stay on the host: " + loss)
    nic.module("netns", name="c")
    (found,) = nic.refused("interface", device="enp3s0", netns="c")
    assert found == "interface enp3s0: device: 'enp3s0': must stay on the host: " + loss


def test_a_nic_of_an_unused_bridge_may_be_moved(nic, role):
    nic.sh(ON_A_BRIDGE)
    role.run([], [{"name": "c", "interfaces": [NIC]}])


def test_the_nic_of_the_route_to_the_controller_is_refused(nic, role):
    """sshd sets SSH_CONNECTION, from which network_info and the engine know the controller's address."""
    nic.sh("ip address add 203.0.113.2/24 dev enp3s0")
    words = "the connection to the controller (203.0.113.1) goes through "
    default = "the host's default route goes through it"
    assert lifelines(nic) == {"enp3s0": words + "it", "lo": None, "up0": default}
    nic.sh("ip address del 203.0.113.2/24 dev enp3s0;" + ON_A_BRIDGE + "ip address add 203.0.113.2/24 dev hb")
    assert lifelines(nic) == {
        "enp3s0": words + "hb, which rests on it",
        "hb": words + "it",
        "lo": None,
        "up0": default,
    }


def lifelines(host):
    """What the host would lose with each of its links, as reported over SSH."""
    program = "import json; from ansible_collections.virtnet.linux.plugins.module_utils.inspect.report import report;"
    program += "print(json.dumps({one['name']: one['lifeline'] for one in report()['host']['interfaces']}))"
    over_ssh = "SSH_CONNECTION='203.0.113.1 50000 203.0.113.2 22' %s -c \"%s\"" % (sys.executable, program)
    return json.loads(host.sh(over_ssh))


@pytest.mark.parametrize("way", ["a NIC", "another router"])
def test_published_ports_with_replies_by_a_nic_warn(nic, role, way):
    network, container = dict(WEB), {"name": "c", "networks": ["web"], "ports": ["8080:80", "127.0.0.1:8081:80"]}
    if way == "a NIC":
        container["interfaces"] = [NIC]
        by = ["its interface wan"] * 2
    else:
        network["aux_addresses"] = {"DefaultGatewayIPv4": "172.30.0.9", "DefaultGatewayIPv6": "fd00:30::9"}
        by = ["DefaultGatewayIPv4 172.30.0.9", "DefaultGatewayIPv6 fd00:30::9"]
    warnings = [one for one in role.plan([network], [container])["warnings"] if "get answers" in one]
    assert warnings == [
        "container c: ports ['8080:80']: only neighbours on network web and who calls a loopback address of the host "
        f"get answers: the container's default route goes by {where}, past the host; give it routes to the callers via "
        + gateway
        for where, gateway in zip(by, ("172.30.0.1", "fd00:30::1"))
    ]
    role.run([network], [container])
    assert packets.is_lost(nic, "lan", "192.0.2.2", 8080, "c", 80)
    assert packets.arrives(nic, None, "127.0.0.1", 8080, "c", 80)
    assert packets.arrives(nic, None, "127.0.0.1", 8081, "c", 80)
    container["routes"] = [
        {"to": "192.0.2.0/24", "via": "172.30.0.1"}, {"to": "2001:db8::/64", "via": "fd00:30::1"}
    ]  # fmt: skip
    assert not [one for one in role.plan([network], [container])["warnings"] if "get answers" in one]
    role.run([network], [container])
    assert packets.arrives(nic, "lan", "192.0.2.2", 8080, "c", 80)
    assert packets.arrives(nic, "lan", "2001:db8::2", 8080, "c", 80)
