# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Published ports that change while flows use them."""

from __future__ import annotations

import json

import pytest
from integration.firewall import frames
from integration.firewall import lab as kit

from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import State
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import conntrack

HOST_PORT, SOURCE_PORT = 9999, 40000
VERSIONS = pytest.mark.parametrize("version", [4, 6])


def leads_to(server: str | None) -> State:
    """The lab's state with one more port."""
    state = kit.full_state()
    if server is not None:
        for protocol in ("tcp", "udp", "sctp"):
            kit.publish(state, protocol, None, HOST_PORT, server, 80)
    return state


def datagram(lab: kit.Lab, version: int) -> str | None:
    """One more datagram of the neighbour's flow to the port, and its answer: who answered, or an error."""
    to = kit.ADDRESSES["host"][version == 6]
    answer = lab.agents["lan"].ask("flow", to=to, port=HOST_PORT, source_port=SOURCE_PORT)
    return answer and answer.split(" ")[0]


def forget(lab: kit.Lab, *ports: tuple[str, int]) -> int:
    with lab.host.inside():
        return conntrack.forget(ports)


@pytest.fixture(autouse=True)
def fresh(lab):
    lab.load(leads_to(None))
    forget(lab, ("udp", HOST_PORT))


@VERSIONS
def test_a_running_udp_flow_follows_the_port(lab, version):
    lab.load(leads_to("a1"))
    assert datagram(lab, version) == "a1:80"

    lab.load(leads_to("b1"))
    assert datagram(lab, version) == "a1:80"  # as long as the kernel remembers
    assert forget(lab, ("udp", HOST_PORT)) == 1

    assert datagram(lab, version) == "b1:80"


@VERSIONS
def test_a_udp_flow_ends_with_its_port(lab, version):
    lab.load(leads_to("a1"))
    assert datagram(lab, version) == "a1:80"

    lab.load(leads_to(None))
    forget(lab, ("udp", HOST_PORT))

    assert datagram(lab, version) == "ECONNREFUSED"


@VERSIONS
def test_a_udp_flow_older_than_the_port_reaches_it(lab, version):
    assert datagram(lab, version) == "ECONNREFUSED"

    lab.load(leads_to("a1"))
    forget(lab, ("udp", HOST_PORT))

    assert datagram(lab, version) == "a1:80"


def test_an_sctp_association_follows_the_port(lab):
    """As far as it can be shown on a kernel that may have no SCTP itself: the INIT arrives."""
    host_mac = json.loads(lab.host.run("ip", "-j", "link", "show", "up0"))[0]["address"]
    own_mac = json.loads(lab.agents["lan"].run("ip", "-j", "link", "show", "eth0"))[0]["address"]
    source, to = kit.ADDRESSES["lan"][0], kit.ADDRESSES["host"][0]
    for server in ("a1", "b1"):
        agent = lab.agents[server]
        lab.load(leads_to(server))
        forget(lab, ("sctp", HOST_PORT))
        agent.ask("watch", device="eth0")
        agent.ask("take_seen")

        lab.agents["lan"].ask(
            "send", device="eth0", frames=[frames.sctp_init(source, to, own_mac, host_mac, HOST_PORT)]
        )

        assert agent.ask("wait_seen", text=" 0800 " + source, seconds=kit.MOST), server


def test_only_conntrack_entries_of_the_port_are_deleted(lab):
    lab.load(leads_to("a1"))
    assert datagram(lab, 4) == "a1:80"

    assert forget(lab, ("udp", HOST_PORT + 1), ("tcp", HOST_PORT)) == 0
    assert forget(lab) == 0
    lab.load(leads_to("b1"))

    assert datagram(lab, 4) == "a1:80"


def test_many_conntrack_entries_are_deleted(lab):
    lab.load(leads_to("a1"))
    to = kit.ADDRESSES["host"][0]
    lab.agents["lan"].ask("burst", to=to, port=HOST_PORT, first=20000, count=2000)

    assert forget(lab, ("udp", HOST_PORT)) == 2000
    assert forget(lab, ("udp", HOST_PORT)) == 0


@VERSIONS
def test_a_tcp_connection_survives_a_moved_port_and_recreated_tables(lab, version):
    lab.load(leads_to("a1"))
    to = kit.ADDRESSES["host"][version == 6]
    lan = lab.agents["lan"]
    assert lan.ask("connect", to=to, port=HOST_PORT).startswith("a1:80 ")

    lab.host.run("nft", "delete", "chain", "inet", "virtnet", "about")
    assert "delete table inet virtnet" in lab.load(leads_to("b1"))
    forget(lab, ("tcp", HOST_PORT), ("udp", HOST_PORT))

    assert lan.ask("say", text="still there?") == "still there?"
    assert lab.probe([("lan", kit.question("tcp", to, HOST_PORT))])[0].startswith("b1:80 ")
