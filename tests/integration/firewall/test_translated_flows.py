# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Flows in connection tracking, and forged packets that seem to belong to them."""

from __future__ import annotations

import ipaddress
import json
import time

import pytest
from integration.firewall import frames
from integration.firewall import lab as kit

VERSIONS = pytest.mark.parametrize("version", [4, 6])
CALLS = pytest.mark.parametrize("call_iptables", [0, 1])
DESTINATION_UNREACHABLE = {4: (3, 3), 6: (1, 4)}  # ICMP type and code: no such port
TOO_BIG = {4: (3, 4), 6: (2, 0)}
ICMP = {4: 1, 6: 58}


def address(name: str, version: int) -> str:
    return kit.ADDRESSES[name][version == 6]


def mac_of(agent: kit.Agent, device: str) -> str:
    return json.loads(agent.run("ip", "-j", "link", "show", device))[0]["address"]


# ---- segments that connection tracking calls invalid ----

CONNECTIONS = {  # who calls whom on which port, and which of the two sends the forgery
    "SNAT": ("a1", "lan", 7, "lan"),
    "snat_address": ("b1", "lan", 7, "lan"),
    "published port": ("lan", "host", 8080, "lan"),
    "published port, same network": ("a2", "host", 8080, "a2"),
    "published port, other network": ("b1", "host", 8080, "b1"),
    "this host's own service": ("lan", "host", 2222, "lan"),
}


def out_of_window(frames_of_sender: list[str], sender: str) -> str:
    """A segment that the sender of the connection's last segments would never send: far out of its peer's window, with
    a current acknowledgement.
    """
    heard = [one for one in map(frames.segment, frames_of_sender) if one is not None and one.to == sender]
    last = max(heard, key=lambda one: one.sequence + one.length)
    return frames.tcp(
        last._replace(
            to_mac=last.source_mac,
            source_mac=last.to_mac,
            source=last.to,
            to=last.source,
            source_port=last.port,
            port=last.source_port,
            sequence=last.acknowledged + 2**30,
            acknowledged=last.sequence + last.length,
            flags=frames.ACK,
        )
    )


@CALLS
@VERSIONS
@pytest.mark.parametrize("which", CONNECTIONS)
def test_a_connection_survives_a_forged_segment(lab, which, version, call_iptables):
    """The host would answer it by a reset with the acknowledgement's number, which the peer accepts."""
    lab.call_iptables(call_iptables)
    lab.load(kit.full_state())
    client, to, port, sender = CONNECTIONS[which]
    far = lab.agents[sender]
    far.ask("record", device="eth0")
    lab.agents[client].ask("connect", to=address(to, version), port=port)
    assert lab.agents[client].ask("say", text="first") == "first"
    forgery = out_of_window(far.ask("recorded"), address(sender, version))

    far.ask("send", device="eth0", frames=[forgery])

    assert lab.agents[client].ask("say", text="still there?") == "still there?"
    segments = [one for one in map(frames.segment, far.ask("recorded")) if one is not None]
    assert segments and not any(one.flags & frames.RST for one in segments)


@VERSIONS
def test_the_host_still_resets_refused_connections(lab, version):
    """A reset for a port without a process, and for an unknown connection."""
    lab.load(kit.full_state())
    lan, to = lab.agents["lan"], address("host", version)
    lan.ask("record", device="eth0")
    unknown = frames.Segment(
        mac_of(lab.host, "up0"), mac_of(lan, "eth0"), address("lan", version), to, 50001, 2222, 7, 7, frames.ACK
    )

    lan.ask("send", device="eth0", frames=[frames.tcp(unknown)])
    answer = lab.probe([("lan", kit.question("tcp", to, 1))])

    assert answer == ["!ECONNREFUSED"]
    ports = {one.source_port for one in map(frames.segment, lan.ask("recorded")) if one and one.flags & frames.RST}
    assert ports == {1, 2222}


# ---- a bridge that is missing ----


@pytest.fixture
def own_lab():
    """A lab for a test that breaks it. Its host has a default route, by lan2, and was a router before."""
    with kit.made() as lab:
        lab.host.ip("route add default via 198.51.100.2", "route add default via 2001:db8:2::2")
        state = kit.full_state()
        state.norouter = frozenset()
        lab.load(state)
        yield lab


def test_packets_to_a_missing_bridge_do_not_leave_by_an_uplink(own_lab):
    """Neither packets that a published port translates, nor those of established flows."""
    lab, host_mac = own_lab, mac_of(own_lab.host, "up0")
    lan = lab.agents["lan"]
    callers = ("lan", "host", "b1")
    for version in (4, 6):
        for who in callers:
            lab.agents[who].ask("connect", to=address("host", version), port=8080)
            assert lab.agents[who].ask("flow", to=address("host", version), port=8080, source_port=40100)
        assert lab.agents["a1"].ask("flow", to=address("lan", version), port=7, source_port=40101)
    for name in ("lan", "lan2"):
        lab.agents[name].ask("record", device="eth0")

    lab.host.ip("link del bra")

    for version in (4, 6):
        to = address("host", version)
        for who in callers:
            for source_port in (40100, 40102):  # under way, and new
                answer = lab.agents[who].ask("flow", to=to, port=8080, source_port=source_port)
                assert answer in (None, "EPERM")
        assert lab.agents["b1"].ask("flow", to=address("a1", version), port=81, source_port=40107) is None
        answer = frames.udp(address("lan", version), to, mac_of(lan, "eth0"), host_mac, 40101, source_port=7)
        lan.ask("send", device="eth0", frames=[answer])
        assert lab.probe([(who, kit.question("tcp", to, 8080, expected=False)) for who in callers]) == [None] * 3
    for who in callers:
        lab.agents[who].send("say", text="more")  # over the last connection
    assert [lab.agents[who].hear() for who in callers] == [None] * 3
    leaked = [frames.packet(frame) for name in ("lan", "lan2") for frame in lab.agents[name].ask("recorded")]
    networks = [ipaddress.ip_network(subnet) for subnet in kit.NETWORKS["a"].subnets]
    assert [one for one in leaked if one and any(ipaddress.ip_address(one[1]) in net for net in networks)] == []


def test_a_client_in_a_subnet_routed_elsewhere_gets_replies(lab):
    """As a VPN's client may be: the host's own service, and a published port, reply by the interface of that route."""
    lab.load(kit.full_state())
    for version in (4, 6):
        client, via = address("a1", version)[:-1] + "77", address("lan", version)
        bits = 128 if version == 6 else 32
        lab.host.ip("route add %s/%d via %s" % (client, bits, via))
        lab.agents["lan"].ip("addr add %s/%d dev lo nodad" % (client, bits))
        for port, server in ((2222, "host:2222"), (8085, "n1:80")):
            what = dict(to=address("host", version), port=port, source_port=40103, source=client)
            answers = (lab.agents["lan"].ask("flow", **what) for _again in range(10))  # neighbours are asked for first
            assert "%s %s" % (server, client) in answers
        lab.host.ip("route del %s/%d" % (client, bits))
        lab.agents["lan"].ip("addr del %s/%d dev lo" % (client, bits))


# ---- ICMP errors ----


def errors_at(agent: kit.Agent, version: int, kinds=(DESTINATION_UNREACHABLE, TOO_BIG)) -> list[str]:
    """The senders of the ICMP errors that passed since the last time."""
    found = [one for one in map(frames.packet, agent.ask("recorded")) if one and one[2] == ICMP[version]]
    return [one[0] for one in found if tuple(one[3][:2]) in [kind[version] for kind in kinds]]


@CALLS
@VERSIONS
@pytest.mark.parametrize("outwards", [True, False])
def test_no_icmp_error_enters_or_leaves_an_internal_network(lab, outwards, version, call_iptables):
    """About a flow of its destination with this host, which makes it related to an accepted flow."""
    lab.call_iptables(call_iptables)
    lab.load(kit.full_state())
    sender, other = ("i1", "lan") if outwards else ("lan", "i1")
    to, service = address(other, version), address("host" if outwards else "gw.i", version)
    assert lab.agents[other].ask("flow", to=service, port=2222, source_port=40000)
    inner = frames.udp(to, service, kit.mac(kit.NETWORKS["i"], "i1"), "02:00:00:00:00:01", 2222)
    device = "bri" if outwards else "up0"
    macs = mac_of(lab.agents[sender], "eth0"), mac_of(lab.host, device)
    kind, code = DESTINATION_UNREACHABLE[version]
    lab.agents[other].ask("record", device="eth0")

    error = frames.icmp_error(address(sender, version), to, *macs, kind, code, inner)
    lab.agents[sender].ask("send", device="eth0", frames=[error])
    assert lab.agents[other].ask("flow", to=service, port=2222, source_port=40000)

    assert errors_at(lab.agents[other], version) == []


@VERSIONS
def test_port_unreachable_passes_between_networks(lab, version):
    """From the network to the client of a published port, and into it."""
    state = kit.full_state()
    kit.publish(state, "udp", None, 8099, "a1", 99)
    lab.load(state)

    answers = [
        lab.agents[who].ask("flow", to=address(to, version), port=port, source_port=40104)
        for who, to, port in (("lan", "host", 8099), ("b1", "host", 8099), ("a1", "lan", 99))
    ]

    assert answers == ["ECONNREFUSED"] * 3


@VERSIONS
def test_fragmentation_needed_reaches_containers(lab, version):
    lab.load(kit.full_state())
    a1, lan = lab.agents["a1"], lab.agents["lan"]
    assert a1.ask("flow", to=address("lan", version), port=7, source_port=40105)
    sent = frames.udp(
        address("host", version), address("lan", version), "02:00:00:00:00:01", "02:00:00:00:00:02", 7,
        source_port=40105)  # fmt: skip
    error = frames.icmp_error(
        address("lan", version), address("host", version), mac_of(lan, "eth0"), mac_of(lab.host, "up0"),
        *TOO_BIG[version], sent, word=1300)  # fmt: skip

    a1.ask("record", device="eth0")

    lan.ask("send", device="eth0", frames=[error])
    assert a1.ask("flow", to=address("lan", version), port=7, source_port=40105)

    assert errors_at(a1, version) == [address("lan", version)]


# ---- flows without an answer ----

ONE_WAY = {"SNAT": ("a1", "lan", 99, "bra"), "published port": ("lan", "host", 8099, "up0")}
COUNT = """
add counter inet virtnet judged
insert rule inet virtnet forward index 2 udp sport 40106 counter name judged
"""


@VERSIONS
@pytest.mark.parametrize("which", ONE_WAY)
def test_an_unreplied_flow_is_filtered_at_its_first_packet_only(lab, which, version):
    lab.call_iptables(0)
    state = kit.full_state()
    kit.publish(state, "udp", None, 8099, "a1", 99)  # without a process
    lab.load(state)
    lab.host.run("nft", "-f", "-", text=COUNT)
    client, to, port, device = ONE_WAY[which]
    macs = mac_of(lab.agents[client], "eth0"), mac_of(lab.host, device)
    frame = frames.udp(address(client, version), address(to, version), *macs, port, source_port=40106)
    server = lab.agents["lan" if which == "SNAT" else "a1"]
    server.ask("record", device="eth0")

    lab.agents[client].ask("send", device="eth0", frames=[frame] * 5)

    heard = 0
    until = time.monotonic() + kit.MOST
    while heard < 5 and time.monotonic() < until:
        packets = [frames.packet(one) for one in server.ask("recorded")]
        heard += len([one for one in packets if one and one[2] == 17 and one[3][2:4] == (99).to_bytes(2, "big")])
    counted = lab.host.run("nft", "list", "counter", "inet", "virtnet", "judged")
    assert (heard, "packets 1 " in counted) == (5, True), counted
