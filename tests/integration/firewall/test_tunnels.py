# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Frames from a VXLAN tunnel, made by hand and sent by the underlay's other host.

The tunnel is a port of bridge bra; lan, 192.0.2.2, is the host on its other side.
"""

from __future__ import annotations

import json

import pytest
from integration.firewall import frames
from integration.firewall import lab as kit

from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import Port, State, Tunnel

VNI, TUNNEL, SERVICE = 9, "vx9", 2223
STRANGER_MAC = "02:42:ac:14:01:4d"
CALLS = pytest.mark.parametrize("call_iptables", [0, 1])
VERSIONS = pytest.mark.parametrize("version", [4, 6])
BROADCAST = "ff:ff:ff:ff:ff:ff"


def mac_of(agent: kit.Agent, device: str) -> str:
    return json.loads(agent.run("ip", "-j", "link", "show", device))[0]["address"]


def address(name: str, version: int) -> str:
    return kit.ADDRESSES[name][version == 6]


@pytest.fixture
def tunnel(lab):
    lab.host.ip(
        f"link add {TUNNEL} type vxlan id {VNI} dstport 4789 local 192.0.2.1 nolearning",
        f"link set {TUNNEL} master bra up",
    )
    yield
    lab.host.ip(f"link del {TUNNEL}")


def with_tunnel(anycast: bool) -> State:
    state = kit.full_state()
    state.tunnel_ports = frozenset({4789})
    state.ports[TUNNEL] = Port(TUNNEL, "bra", anycast=anycast)
    return state


def out_of_the_tunnel(lab: kit.Lab, inner: list[str], sender="192.0.2.2", to="192.0.2.1", vni=VNI) -> None:
    """Send frames to the host's end of the tunnel, as lan."""
    macs = mac_of(lab.agents["lan"], "eth0"), mac_of(lab.host, "up0")
    packets = [frames.udp(sender, to, *macs, 4789, frames.vxlan(vni, frame)) for frame in inner]
    lab.agents["lan"].ask("send", device="eth0", frames=packets)


def reached(lab: kit.Lab, version: int, to_mac: str, expected: bool) -> set[str]:
    """The receivers of datagrams to the host's services, to a published port and through the host to lan2."""
    source = "172.20.1.77" if version == 4 else "fd00:1::77"
    calls = {"host": ("gw.a", SERVICE), "host again": ("host", SERVICE), "b1": ("host", 8090), "a1": ("host", 8080),
             "lan2": ("lan2", 7)}  # fmt: skip
    found = set()
    for who, (to, port) in calls.items():
        agent = lab.agents[who.split(" ", maxsplit=1)[0]]
        agent.ask("take_seen")
        out_of_the_tunnel(lab, [frames.udp(source, address(to, version), STRANGER_MAC, to_mac, port)])
        if agent.ask("wait_seen", text=agent.name + ":", seconds=kit.MOST if expected else kit.LEAST / 2):
            found.add(who)
    return found


@CALLS
@VERSIONS
@pytest.mark.parametrize("by", ["broadcast", "the bridge's MAC", "the tunnel's MAC"])
def test_frames_of_an_anycast_tunnel_do_not_reach_the_host(lab, tunnel, by, version, call_iptables):
    lab.call_iptables(call_iptables)
    state = with_tunnel(anycast=True)
    kit.publish(state, "udp", None, 8090, "b1", 81)
    lab.load(state)
    macs = {
        "broadcast": BROADCAST,
        "the bridge's MAC": mac_of(lab.host, "bra"),
        "the tunnel's MAC": mac_of(lab.host, TUNNEL),
    }

    assert reached(lab, version, macs[by], expected=False) == set()

    a1 = lab.agents["a1"]
    out_of_the_tunnel(lab, [frames.udp(address("a2", version), address("a1", version), STRANGER_MAC,
                                       kit.mac(kit.NETWORKS["a"], "a1"), 81)])  # fmt: skip
    assert a1.ask("wait_seen", text="a1:81", seconds=kit.MOST), "containers are reached"


@VERSIONS
def test_without_anycast_gateway_the_host_is_on_the_network(lab, tunnel, version):
    """A host that is the gateway of members elsewhere; and the control."""
    lab.call_iptables(0)
    state = with_tunnel(anycast=False)
    kit.publish(state, "udp", None, 8090, "b1", 81)
    lab.load(state)

    assert reached(lab, version, mac_of(lab.host, "bra"), expected=True) == {"host", "host again", "b1", "a1", "lan2"}


UNDERLAYS = {4: ("192.0.2.1", "192.0.2.2", "192.0.2.66"), 6: ("2001:db8:1::1", "2001:db8:1::2", "2001:db8:1::66")}


@pytest.fixture(params=UNDERLAYS)
def two_tunnels(request, lab):
    """A managed tunnel, and one of another program that shares its UDP port, with a VNI of its own."""
    host = UNDERLAYS[request.param][0]
    for name, vni in ((TUNNEL, VNI), ("other", 10)):
        lab.host.ip(
            f"link add {name} type vxlan id {vni} dstport 4789 local {host} nolearning",
            f"link set {name} master bra up",
        )
    yield request.param
    lab.host.ip(f"link del {TUNNEL}", "link del other")


def heard_by_a1(lab: kit.Lab, sender: str, to: str, vni: int, expected: bool) -> bool:
    a1 = lab.agents["a1"]
    a1.ask("take_seen")
    inner = frames.udp("172.20.1.77", kit.ADDRESSES["a1"][0], STRANGER_MAC, kit.mac(kit.NETWORKS["a"], "a1"), 81)
    out_of_the_tunnel(lab, [inner], sender, to, vni)
    return a1.ask("wait_seen", text="a1:81 172.20.1.77", seconds=kit.MOST if expected else kit.LEAST) != []


def test_frames_are_accepted_from_known_vteps_only(lab, two_tunnels):
    """And VNIs of foreign tunnels are not restricted."""
    version = two_tunnels
    host, member, stranger = UNDERLAYS[version]
    state = with_tunnel(anycast=True)
    state.tunnels[TUNNEL] = Tunnel(TUNNEL, version, 4789, VNI, (member,))
    lab.load(state)

    assert heard_by_a1(lab, member, host, VNI, expected=True)
    assert not heard_by_a1(lab, stranger, host, VNI, expected=False)
    assert heard_by_a1(lab, stranger, host, 10, expected=True)

    state.tunnels[TUNNEL] = Tunnel(TUNNEL, version, 4789, VNI)
    lab.load(state)
    assert not heard_by_a1(lab, member, host, VNI, expected=False), "also what was heard before"

    del state.tunnels[TUNNEL]
    lab.load(state)
    assert heard_by_a1(lab, stranger, host, VNI, expected=True), "the control"


@pytest.mark.parametrize("version", [4, 6])
def test_a_container_is_not_accepted_as_a_vtep(lab, tunnel, version):
    """Although its port may send for others, and so with a VTEP's address."""
    state = with_tunnel(anycast=True)
    state.tunnels[TUNNEL] = Tunnel(TUNNEL, version, 4789, VNI, (UNDERLAYS[version][1],))
    port = kit.port_name(kit.NETWORKS["b"], "b1")
    state.guards[port] = state.guards[port]._replace(addresses_checked=False)
    lab.load(state)
    host, member, _stranger = UNDERLAYS[version]
    inner = frames.udp("172.20.1.77", kit.ADDRESSES["a1"][0], STRANGER_MAC, kit.mac(kit.NETWORKS["a"], "a1"), 81)
    macs = kit.mac(kit.NETWORKS["b"], "b1"), mac_of(lab.host, "brb")
    lab.agents["a1"].ask("take_seen")

    packet = frames.udp(member, host, *macs, 4789, frames.vxlan(VNI, inner))
    lab.agents["b1"].ask("send", device="eth0", frames=[packet])

    assert lab.agents["a1"].ask("wait_seen", text="a1:81 172.20.1.77", seconds=kit.LEAST) == []
