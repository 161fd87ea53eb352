# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths to the host's own services and to containers that neither a port nor a route opens."""

from __future__ import annotations

import json

import pytest
from integration.firewall import frames
from integration.firewall import lab as kit

from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import State

OWN, PUBLISHED = 2223, 8082  # a service of the host's; a port published on 127.0.0.1


@pytest.fixture
def loopback_routed(lab):
    """Two hosts that route 127.0.0.1 to the host, and a host that would accept it."""
    places = {"lan": "192.0.2.1", "a2": "172.20.1.1"}
    lab.host.sysctl("ipv4/conf/up0/route_localnet", 1)
    for who, gateway in places.items():
        lab.agents[who].sysctl("ipv4/conf/eth0/route_localnet", 1)
        source = kit.ADDRESSES[who][0]
        lab.agents[who].ip(
            "addr del 127.0.0.1/8 dev lo", "route add 127.0.0.1/32 via %s src %s dev eth0" % (gateway, source)
        )
    yield list(places)
    for who in places:
        lab.agents[who].ip("route del 127.0.0.1/32", "addr add 127.0.0.1/8 dev lo")


def reached(lab, clients, expected):
    tried = [(protocol, port) for protocol in ("tcp", "udp") for port in (OWN, PUBLISHED)]
    answers = lab.probe(
        [(who, kit.question(protocol, "127.0.0.1", port, expected)) for who in clients for protocol, port in tried]
    )
    return {answer and answer.split(" ")[0] for answer in answers}


def test_loopback_is_reachable_from_the_host_only(lab, loopback_routed):
    lab.load(kit.full_state())

    assert reached(lab, loopback_routed, expected=False) == {None}


def test_without_the_rules_loopback_is_reachable_from_outside(lab, loopback_routed):
    lab.load(kit.full_state())
    lab.host.run("nft", "flush", "chain", "inet", "virtnet", "raw")

    assert reached(lab, loopback_routed, expected=True) == {"host:%d" % OWN, "a1:82"}


@pytest.mark.parametrize("call_iptables", [0, 1])
@pytest.mark.parametrize(
    ("who", "port", "source", "to", "server"),
    [
        ("lan", "up0", "127.0.0.5", "192.0.2.1", ("host", OWN)),  # 127.0.0.1 is recognised by the kernel itself
        ("a2", "bra", "127.0.0.5", "172.20.1.1", ("host", OWN)),
        ("a2", "bra", "fd00:1::3", "::1", ("a1", PUBLISHED)),  # translated inside the bridge, before IPv6 looks at it
        ("a2", "bra", "::1", "fd00:1::1", ("a1", 8080)),
    ],
)
def test_a_forged_loopback_source_is_dropped(lab, who, port, source, to, server, call_iptables):
    lab.call_iptables(call_iptables)
    state = kit.full_state()
    state.guards.clear()
    lab.load(state)
    lab.host.sysctl("ipv4/conf/%s/route_localnet" % port, 1)
    name, number = server
    mac = json.loads(lab.host.run("ip", "-j", "link", "show", port))[0]["address"]
    own_mac = json.loads(lab.agents[who].run("ip", "-j", "link", "show", "eth0"))[0]["address"]
    lab.agents[name].ask("take_seen")

    lab.agents[who].ask("send", device="eth0", frames=[frames.udp(source, to, own_mac, mac, number)])

    assert lab.agents[name].ask("wait_seen", text=" ", seconds=kit.LEAST) == []


@pytest.mark.parametrize("version", [4, 6])
def test_the_host_may_send_from_a_gateways_address(lab, version):
    """To hosts outside the gateway's own network: the replies come by another interface."""
    lab.load(kit.full_state())
    to, source = (kit.ADDRESSES[name][version == 6] for name in ("lan", "gw.a"))

    assert lab.host.ask("flow", to=to, port=7, source_port=40002, source=source) is not None


def test_a_link_local_address_publishes_nothing(lab):
    """The host's own service replies there, where on its other addresses the published port does."""
    lab.load(kit.full_state())

    answers = lab.probe([("a2", kit.question("tcp", to, 9100)) for to in ("fe80::1%eth0", "fd00:1::1")])

    assert [answer.split(" ")[0] for answer in answers] == ["host:9100", "a1:9000"]


@pytest.mark.parametrize("call_iptables", [0, 1])
@pytest.mark.parametrize(("who", "hears"), [("lan", False), ("b1", False), ("a1", True)])
def test_a_subnets_broadcast_address_is_reachable_within_it_only(lab, who, hears, call_iptables):
    lab.call_iptables(call_iptables)
    lab.load(kit.full_state())

    assert (broadcast(lab, who, heard=hears) != []) == hears


def test_without_the_rules_the_broadcast_address_is_reachable_from_outside(lab):
    lab.load(State())

    assert broadcast(lab, "lan", heard=True) != []


def broadcast(lab, who, heard):
    """The sources seen on the host's UDP port after one datagram to the broadcast address of network a."""
    lab.host.ask("take_seen")
    lab.agents[who].ask("flow", to="172.20.1.255", port=OWN, source_port=40001)
    return lab.host.ask("wait_seen", text="host:%d " % OWN, seconds=kit.MOST if heard else kit.LEAST)


def test_a_container_does_not_receive_its_own_broadcasts(lab):
    """The port is in hairpin mode, so that a container reaches its own published port."""
    lab.load(kit.full_state())
    lab.agents["a1"].ask("watch", device="eth0")

    assert own_frames(lab) == 0

    name = kit.port_name(kit.NETWORKS["a"], "a1")
    lab.host.run("nft", "delete", "element", "bridge", "virtnet", "self", '{ "%s" . "%s" }' % (name, name))
    assert own_frames(lab) > 0


def own_frames(lab):
    """How many frames of its own come back to a1 while it asks for a2 by broadcast, and is answered."""
    a1 = lab.agents["a1"]
    a1.run("ip", "neigh", "flush", "all")
    a1.ask("take_seen")
    assert lab.probe([("a1", kit.question("udp", kit.ADDRESSES["a2"][0], 81))])[0] == "a2:81 172.20.1.2"
    mine = "frame " + kit.mac(kit.NETWORKS["a"], "a1")
    return sum(line.startswith(mine) for line in a1.ask("take_seen"))


def test_no_packet_leaves_without_snat(lab):
    """Not even one without a connection, which is not translated for that reason."""
    lab.load(kit.full_state())
    network = kit.NETWORKS["a"]
    gateway = json.loads(lab.host.run("ip", "-j", "link", "show", network.bridge))[0]["address"]
    lan, (source, to) = lab.agents["lan"], (kit.ADDRESSES[name][0] for name in ("a1", "lan"))
    lan.ask("watch", device="eth0")
    stray = frames.tcp_without_flags(source, to, kit.mac(network, "a1"), gateway, 7)

    lab.agents["a1"].ask("send", device="eth0", frames=[stray])
    assert lab.probe([("a1", kit.question("udp", to, 7))])[0] == "lan:7 192.0.2.1"

    assert [line for line in lan.ask("take_seen") if line.endswith(" " + source)] == []


@pytest.fixture
def tunnel(lab):
    """Between this host and others, for network a."""
    lab.host.ip("link add vx9 type vxlan id 9 dstport 4789 local 192.0.2.1 nolearning", "link set vx9 master bra up")
    yield
    lab.host.ip("link del vx9")


@pytest.mark.parametrize("call_iptables", [0, 1])
@pytest.mark.parametrize("ports", [{4789}, set()])
def test_a_container_cannot_send_vxlan(lab, tunnel, ports, call_iptables):
    """Neither to this host's VTEP, into a network that it is not on, nor to another host's; by these rules alone."""
    lab.call_iptables(call_iptables)
    state = kit.full_state()
    state.tunnel_ports = frozenset(ports)
    lab.load(state)
    network = kit.NETWORKS["b"]
    gateway = json.loads(lab.host.run("ip", "-j", "link", "show", network.bridge))[0]["address"]
    b1, a1 = kit.ADDRESSES["b1"][0], kit.ADDRESSES["a1"][0]
    inner = frames.udp("172.20.1.77", a1, "02:42:ac:14:01:4d", kit.mac(kit.NETWORKS["a"], "a1"), 81)
    sent = [
        frames.udp(b1, to, kit.mac(network, "b1"), gateway, 4789, frames.vxlan(9, inner))
        for to in ("192.0.2.1", kit.ADDRESSES["lan"][0])
    ]
    for who in ("a1", "lan"):
        lab.agents[who].ask("take_seen")

    lab.agents["b1"].ask("send", device="eth0", frames=sent)

    seconds = kit.LEAST if ports else kit.MOST
    assert (lab.agents["a1"].ask("wait_seen", text="a1:81 172.20.1.77", seconds=seconds) == []) == bool(ports)
    assert (lab.agents["lan"].ask("wait_seen", text="lan:4789 ", seconds=seconds) == []) == bool(ports)


ELSEWHERE = {"a container's": ("a2", None), "a container's, by whom it is had": ("a2", "up0")}


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("call_iptables", [0, 1])
@pytest.mark.parametrize("whose", ELSEWHERE)
def test_a_containers_source_address_from_another_interface_is_dropped(lab, whose, call_iptables, version):
    """Neither to the host's own service nor to a published port; unless the host's route to the address uses that
    interface, as for a VPN's client.
    """
    lab.call_iptables(call_iptables)
    lab.load(kit.full_state())
    name, device = ELSEWHERE[whose]
    source, to = (kit.ADDRESSES[one][version == 6] for one in (name, "host"))
    prefix = source + ("/128" if version == 6 else "/32")
    if device:
        lab.host.ip("route add %s dev %s" % (prefix, device))
    host_mac = json.loads(lab.host.run("ip", "-j", "link", "show", "up0"))[0]["address"]
    own_mac = json.loads(lab.agents["lan"].run("ip", "-j", "link", "show", "eth0"))[0]["address"]
    for who in ("host", "a1"):
        lab.agents[who].ask("take_seen")

    lab.agents["lan"].ask(
        "send", device="eth0", frames=[frames.udp(source, to, own_mac, host_mac, port) for port in (OWN, 8080)]
    )

    seconds = kit.MOST if device else kit.LEAST
    heard = [lab.agents[who].ask("wait_seen", text=text, seconds=seconds) != []
             for who, text in (("host", "host:%d " % OWN), ("a1", "a1:80 "))]  # fmt: skip
    if device:
        lab.host.ip("route del %s dev %s" % (prefix, device))
    assert heard == [bool(device)] * 2


@pytest.mark.parametrize("call_iptables", [0, 1])
def test_fragments_are_filtered_as_whole_packets(lab, call_iptables):
    lab.call_iptables(call_iptables)
    lab.load(kit.full_state())
    host_mac = json.loads(lab.host.run("ip", "-j", "link", "show", "up0"))[0]["address"]
    own_mac = json.loads(lab.agents["lan"].run("ip", "-j", "link", "show", "eth0"))[0]["address"]
    lan, host, a1 = (kit.ADDRESSES[name][0] for name in ("lan", "host", "a1"))
    a1_agent = lab.agents["a1"]
    for backwards in (False, True):
        a1_agent.ask("take_seen")
        for to, port in ((a1, 81), (host, 8080)):  # not published, and published
            pieces = frames.udp_in_pieces(lan, to, own_mac, host_mac, port)
            lab.agents["lan"].ask("send", device="eth0", frames=pieces[::-1] if backwards else pieces)
        heard = a1_agent.ask("wait_seen", text="a1:", seconds=kit.MOST)
        assert [line for line in heard if line.startswith("a1:")] == ["a1:80 " + lan]


def test_an_isolated_networks_broadcasts_do_not_reach_the_host(lab):
    lab.load(kit.full_state())
    source, source6 = kit.ADDRESSES["s1"]
    mac = kit.mac(kit.NETWORKS["s"], "s1")
    senders = [
        (source, "255.255.255.255", "ff:ff:ff:ff:ff:ff"),
        (source, "224.0.0.1", "01:00:5e:00:00:01"),
        (source6, "ff02::1", "33:33:00:00:00:01"),
    ]
    lab.host.ask("take_seen")
    for expected in (False, True):
        if expected:  # the control
            lab.load(kit.State())
        lab.agents["s1"].ask(
            "send", device="eth0", frames=[frames.udp(one, to, mac, to_mac, OWN) for one, to, to_mac in senders]
        )
        heard = lab.host.ask("wait_seen", text="host:%d " % OWN, seconds=kit.MOST if expected else kit.LEAST)
        assert (heard != []) == expected
