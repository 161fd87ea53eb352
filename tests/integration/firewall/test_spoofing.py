# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A container that forges addresses: frames made by hand, on a guarded port and, as the control, on one without
anti-spoofing.
"""

from __future__ import annotations

import ipaddress
import json
import struct

import pytest
from integration.firewall import lab as kit
from integration.firewall.frames import checksum, ethernet, raw, raw_mac, tagged, udp

NETWORK = kit.NETWORKS["a"]
MINE, VICTIM = kit.mac(NETWORK, "a2"), kit.mac(NETWORK, "a1")
MY_PORT = kit.port_name(NETWORK, "a2")
FORGED_MAC = "02:42:00:00:66:66"
ME, ME6 = kit.ADDRESSES["a2"]
HIM, HIM6 = kit.ADDRESSES["a1"]
GW, GW6 = kit.ADDRESSES["gw.a"]
ALL_NODES, ALL_NODES_MAC = "ff02::1", "33:33:00:00:00:01"


def datagram(source: str, to: str, mac: str = MINE) -> str:
    """To port 81 of the victim."""
    return udp(source, to, mac, VICTIM, 81)


def arp(address: str, mac: str, hardware: int = 1) -> str:
    """A forged ARP reply: the address is at that MAC."""
    body = struct.pack("!HHBBH", hardware, 0x0800, 6, 4, 2) + raw_mac(mac) + raw(address) + raw_mac(VICTIM) + raw(HIM)
    return ethernet(VICTIM, MINE, 0x0806, body)


def icmpv6(source: str, to: str, to_mac: str, body: bytes, behind: bool = False) -> str:
    """``behind``: an empty destination options header in front."""
    pseudo = raw(source) + raw(to) + struct.pack("!IHBB", len(body), 0, 0, 58)
    body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
    if behind:
        body = struct.pack("!BBBBI", 58, 0, 1, 4, 0) + body
    packet = struct.pack("!IHBB", 6 << 28, len(body), 60 if behind else 58, 255) + raw(source) + raw(to)
    return ethernet(to_mac, MINE, 0x86DD, packet + body)


def advertisement(address: str, source: str, behind: bool = False) -> str:
    """Neighbour advertisement (override): the address is at my MAC."""
    body = struct.pack("!BBHI", 136, 0, 0, 0x20000000) + raw(address) + b"\x02\x01" + raw_mac(MINE)
    return icmpv6(source, HIM6, VICTIM, body, behind)


def router_advertisement(source: str, behind: bool = False) -> str:
    advertisement_body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
    return icmpv6(source, ALL_NODES, ALL_NODES_MAC, advertisement_body, behind)


def probe_of(address: str) -> str:
    """Neighbour solicitation from ::, as for duplicate address detection: is the address free?"""
    group = "ff02::1:ff00:2"
    return icmpv6("::", group, "33:33:ff:00:00:02", struct.pack("!BBHI", 135, 0, 0, 0) + raw(address))


def link_local(mac: str) -> str:
    part = mac.split(":")
    return str(ipaddress.ip_address("fe80::%x%s:%sff:fe%s:%s%s" % (int(part[0], 16) ^ 2, *part[1:])))


FORGERIES = {
    "address, IPv4": (datagram(GW, HIM), "seen", GW),
    "address, IPv6": (datagram(GW6, HIM6), "seen", GW6),
    "MAC": (datagram(ME, HIM, FORGED_MAC), "seen", ME),
    "MAC, IPv6": (datagram(ME6, HIM6, FORGED_MAC), "seen", ME6),
    "ARP for the gateway": (arp(GW, MINE), "neighbour", GW),
    "ARP for itself, with another's MAC": (arp(ME, FORGED_MAC), "neighbour", ME),
    "ARP for the gateway, with another's MAC": (arp(GW, FORGED_MAC), "neighbour", GW),
    "ARP as of IEEE 802 for the gateway": (arp(GW, MINE, 6), "neighbour", GW),
    "advertisement for the gateway, own source": (advertisement(GW6, ME6), "neighbour", GW6),
    "advertisement for the gateway, its source": (advertisement(GW6, GW6), "neighbour", GW6),
    "router advertisement": (router_advertisement(link_local(MINE)), "router", link_local(MINE)),
    "address, IPv4, with a priority tag": (tagged(datagram(GW, HIM)), "seen", GW),
    "address, IPv6, with a priority tag": (tagged(datagram(GW6, HIM6)), "seen", GW6),
    "address, IPv4, with two priority tags": (tagged(tagged(datagram(GW, HIM)), 0x88A8), "seen", GW),
    "ARP for the gateway, with a priority tag": (tagged(arp(GW, MINE)), "neighbour", GW),
    "ARP for the gateway, with a provider's priority tag": (tagged(arp(GW, MINE), 0x88A8), "neighbour", GW),
    "router advertisement, with a priority tag": (
        tagged(router_advertisement(link_local(MINE))),
        "router",
        link_local(MINE),
    ),
    "advertisement behind an extension header": (advertisement(GW6, ME6, behind=True), "neighbour", GW6),
    "router advertisement behind an extension header": (
        router_advertisement(link_local(MINE), behind=True),
        "router",
        link_local(MINE),
    ),
}


@pytest.fixture
def victim(lab):
    """a1, which accepts router advertisements and knows where the gateway is."""
    lab.load(kit.full_state())
    agent = lab.agents["a1"]
    agent.sysctl("ipv6/conf/eth0/accept_ra", 1)
    agent.sysctl("ipv4/neigh/eth0/locktime", 0)  # else an answer right after another is not believed
    know_the_neighbours(lab, agent)
    agent.ask("take_seen")
    return agent


def know_the_neighbours(lab, agent) -> None:
    macs = {GW: gateway_mac(lab), GW6: gateway_mac(lab), ME: MINE}
    agent.ip(*("neigh replace %s lladdr %s dev eth0 nud reachable" % pair for pair in macs.items()))


def gateway_mac(lab) -> str:
    return json.loads(lab.host.run("ip", "-j", "link", "show", NETWORK.bridge))[0]["address"]


def believed(lab, victim, kind: str, claim: str) -> bool:
    """Whether the victim accepted the claim; checked after a frame that it surely received, so that it had the time."""
    lab.agents["a2"].ask("send", device="eth0", frames=[datagram(ME, HIM)])
    seen = victim.ask("wait_seen", text="a1:81 %s" % ME, seconds=kit.MOST)
    assert seen
    if kind == "seen":
        return seen.count("a1:81 " + claim) > (claim == ME)
    if kind == "neighbour":
        entry = json.loads(victim.run("ip", "-j", "neigh", "show", claim, "dev", "eth0"))[0]
        return entry["lladdr"] != (MINE if claim == ME else gateway_mac(lab))
    return claim in victim.run("ip", "-6", "route", "show", "default")


@pytest.mark.parametrize("call_iptables", [0, 1])
@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_guarded_port_sends_from_its_own_addresses_only(lab, victim, forgery, call_iptables):
    lab.call_iptables(call_iptables)
    frame, kind, claim = FORGERIES[forgery]

    for _again in range(3):
        lab.agents["a2"].ask("send", device="eth0", frames=[frame])
        assert not believed(lab, victim, kind, claim)


@pytest.mark.parametrize("forgery", FORGERIES)
def test_without_anti_spoofing_forged_frames_arrive(lab, victim, forgery):
    state = kit.full_state()
    del state.guards[MY_PORT]
    lab.load(state)
    know_the_neighbours(lab, victim)
    frame, kind, claim = FORGERIES[forgery]

    assert believed_in_time(lab, victim, frame, kind, claim)


def believed_in_time(lab, victim, frame: str, kind: str, claim: str) -> bool:
    """The kernel ignores an ARP reply within the same clock tick as the last update: so sent once more."""
    for _again in range(50):
        lab.agents["a2"].ask("send", device="eth0", frames=[frame])
        if believed(lab, victim, kind, claim):
            return True
    return False


def guarded(lab, **changes) -> None:
    state = kit.full_state()
    state.guards[MY_PORT] = state.guards[MY_PORT]._replace(**changes)
    lab.load(state)
    know_the_neighbours(lab, lab.agents["a1"])


@pytest.mark.parametrize(
    ("allowed", "sources"),
    [
        (("10.9.0.0/24", "fd09::/64"), ("10.9.0.77", "fd09::77")),
        (("10.9.0.77/32", "fd09::77/128"), ("10.9.0.77", "fd09::77")),
    ],
)
def test_allowed_addresses_may_be_sent_as_well(lab, victim, allowed, sources):
    guarded(lab, allowed_addresses=allowed)
    frames = [datagram(sources[0], HIM), datagram(sources[1], HIM6)]

    lab.agents["a2"].ask("send", device="eth0", frames=frames)

    seen = victim.ask("wait_seen", text="a1:81 " + sources[1], seconds=kit.MOST)
    assert seen == ["a1:81 " + source for source in sources]


@pytest.mark.parametrize(("addresses", "heard"), [((ME, ME6), True), ((ME,), False)])
def test_ipv6_allows_the_link_local_address(lab, victim, addresses, heard):
    guarded(lab, addresses=addresses)

    lab.agents["a2"].ask("send", device="eth0", frames=[datagram(link_local(MINE), HIM6), datagram(ME, HIM)])

    seen = victim.ask("wait_seen", text="a1:81 " + ME, seconds=kit.MOST)
    assert any(link_local(MINE) in line for line in seen) == heard


@pytest.mark.parametrize("allowed", ["fd00:1::1/128", "fd00:1::/112"])
def test_an_allowed_address_may_be_advertised(lab, victim, allowed):
    guarded(lab, allowed_addresses=(allowed,))

    assert believed_in_time(lab, victim, advertisement(GW6, ME6), "neighbour", GW6)


def test_a_port_that_forwards_is_checked_for_its_mac_only(lab, victim):
    guarded(lab, addresses_checked=False)

    lab.agents["a2"].ask("send", device="eth0", frames=[datagram(GW, HIM, FORGED_MAC), datagram(GW6, HIM6)])

    seen = victim.ask("wait_seen", text="a1:81 " + GW6, seconds=kit.MOST)
    assert seen == ["a1:81 " + GW6]


def test_duplicate_address_detection_of_its_own_address_passes(lab):
    """Duplicate address detection works on a guarded port, for the probes it sends and for the reply it gets."""
    lab.load(kit.full_state())
    a2 = lab.agents["a2"]
    a2.sysctl("ipv6/conf/eth0/accept_dad", 1)
    taken = kit.ADDRESSES["a1"][1]
    state = kit.full_state()
    state.guards[MY_PORT] = state.guards[MY_PORT]._replace(allowed_addresses=(taken + "/128",))
    lab.load(state)

    a2.ip("addr add %s/64 dev eth0" % taken)

    try:
        assert a2.ask(
            "wait_output", argv=["ip", "-6", "addr", "show", "dev", "eth0"], text="dadfailed", seconds=kit.MOST
        )
    finally:
        a2.ip("addr del %s/64 dev eth0" % taken)
        a2.sysctl("ipv6/conf/eth0/accept_dad", 0)


def test_arp_probes_for_its_own_address_pass(lab):
    """From 0.0.0.0, as `arping -D` does (RFC 5227)."""
    lab.load(kit.full_state())
    a2 = lab.agents["a2"]
    a2.ask("watch", device="eth0")
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + raw_mac(MINE) + raw("0.0.0.0") + bytes(6) + raw(HIM)

    a2.ask("send", device="eth0", frames=[ethernet("ff:ff:ff:ff:ff:ff", MINE, 0x0806, body)])

    assert a2.ask("wait_seen", text="frame %s 0806" % VICTIM, seconds=kit.MOST)


@pytest.mark.parametrize("address", [HIM6, ME6])
def test_duplicate_address_detection_of_other_addresses_is_dropped(lab, victim, address):
    """From ::, as for duplicate address detection: it would keep another from taking the address."""
    victim.ask("watch", device="eth0")

    lab.agents["a2"].ask("send", device="eth0", frames=[probe_of(address), datagram(ME, HIM)])

    heard = victim.ask("wait_seen", text="frame %s 0800" % MINE, seconds=kit.MOST)
    assert ("frame %s 86dd" % MINE in heard) == (address == ME6)
