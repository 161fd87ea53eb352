# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Established connections survive all runs; conntrack entries of removed objects are deleted."""

from __future__ import annotations

import sys
import time

import pytest
from integration.robust import engine
from integration.robust.documents import VTEP, absent, changed, containers, overlay, together

from kit import snapshot

OUTSIDE = "192.0.2.99"
WEB = containers(range(1, 5))
ECHO = """
import socket, sys
server = socket.create_server(("", int(sys.argv[1])))
connection, _ = server.accept()
while data := connection.recv(1000):
    connection.sendall(data)
"""
TALK = """
import socket, sys, time
connection = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=60)
for number in range(1 << 30):
    connection.sendall(b"%d" % number)
    connection.recv(1000)
    open(sys.argv[3], "w").write(str(number))
    time.sleep(0.02)
"""


class Flow:
    """A TCP connection between two namespaces with continuous traffic."""

    def __init__(self, host, client, to, port, server, at):
        self.host, self.log = host, "/run/%s-to-%s" % (client, server)
        host.start(sys.executable, "-c", ECHO, str(at), netns=server)
        host.sh("until ss -Hltn sport = %d | grep -q .; do sleep 0.02; done" % at, server)
        host.start(sys.executable, "-c", TALK, to, str(port), self.log, netns=client)
        self.goes_on()

    def count(self):
        return int(self.host.sh(f"cat {self.log} 2>/dev/null || echo -1").strip() or -1)

    def has_ended(self):
        """No more data is sent and acknowledged."""
        time.sleep(0.2)  # what was under way
        before = self.count()
        time.sleep(0.5)
        return self.count() == before

    def goes_on(self):
        """More data is sent, and acknowledged, than at the time of the call."""
        before, deadline = self.count(), time.monotonic() + 20
        while self.count() <= before + 1:
            assert time.monotonic() < deadline, "%s: nothing after %d" % (self.log, before)
            time.sleep(0.02)


@pytest.fixture
def outside(host):
    """A neighbour on the host's wire."""
    host.sh("ip netns add outside && ip link set wire netns outside")
    host.sh(f"ip link set lo up; ip address add {OUTSIDE}/24 dev wire; ip link set wire up", "outside")
    return host


@pytest.fixture
def talking(outside):
    """Network web, with a connection to a published port and one from a container to the outside."""
    engine.run(outside, WEB)
    into = Flow(outside, "outside", VTEP, 8001, "c1", 80)
    return outside, [into, Flow(outside, "c2", OUTSIDE, 7000, "outside", 7000)]


RUNS = {
    "the same again": WEB,
    "another network comes": overlay([1], range(3)),
    "a neighbour and its ports go": changed(WEB, containers([1, 2, 4])),
    "a neighbour comes": containers(range(1, 8)),
    "the network itself changes": containers(range(1, 5), icc=False),
    "their own ports go": changed(WEB, {kind: objects for kind, objects in WEB.items() if kind != "nat_port"}),
}


@pytest.mark.parametrize("run", RUNS)
def test_connections_survive_changes(talking, run):
    host, flows = talking
    engine.run(host, RUNS[run])
    for flow in flows:
        flow.goes_on()


def test_connections_end_when_a_network_becomes_internal(talking):
    """Though its containers are not declared, and another network has egress."""
    host, flows = talking
    engine.run(host, overlay([1], range(3)))
    (policy,) = WEB["bridge_policy"]
    engine.run(host, {"bridge_policy": [{**policy, "internal": True}]})
    assert [flow.has_ended() for flow in flows] == [True, True]


# What an older version of the collection may have left.
OLDER = {
    "other rules": "nft delete chain inet virtnet about; nft insert rule inet virtnet raw counter comment old",
    "one table less": "nft delete table bridge virtnet",
}


@pytest.mark.parametrize("older", OLDER)
def test_connections_survive_recreated_tables(talking, older):
    host, flows = talking
    host.sh(OLDER[older])
    assert engine.run(host, WEB) != []
    assert engine.run(host, WEB) == []
    for flow in flows:
        flow.goes_on()


def end(host, netns):
    """End all processes in a namespace."""
    host.sh(f"ip netns pids {netns} | xargs -r kill -9")
    host.sh(f'while [ "$(ip netns pids {netns})" ]; do sleep 0.02; done')


def test_removing_a_network_deletes_its_conntrack_entries(outside):
    before = outside.snapshot()
    document = together(WEB, overlay([1], range(3)))
    engine.run(outside, document)
    Flow(outside, "outside", VTEP, 8001, "c1", 80)
    Flow(outside, "c2", OUTSIDE, 7000, "outside", 7000)
    Flow(outside, "outside", VTEP, 9000, "f1", 80)
    assert len(engine.remembered(outside, "172.30.", "10.42.")) >= 3
    for netns in ("outside", "c1", "c2", "f1"):
        end(outside, netns)
    outside.sh("rm /run/*-to-*")
    engine.run(outside, absent(document))
    assert engine.remembered(outside, "172.30.", "10.42.", "fd00:0030:") == []
    snapshot.same(before, outside.snapshot())


@pytest.mark.parametrize("killed", [False, True], ids=["", "killed before it came to that"])
def test_removing_a_container_deletes_only_its_conntrack_entries(talking, killed):
    host, (into_c1, _from_c2) = talking
    end(host, "c2")
    assert engine.remembered(host, "172.30.0.3 ")
    document = changed(WEB, containers([1, 3, 4]))
    if killed:
        step = 0
        while "172.30.0.3" in host.sh("nft list table bridge virtnet"):
            assert engine.killed(host, document, step) is not None
            step += 1
        assert engine.remembered(host, "172.30.0.3 ")
    engine.run(host, document)
    assert engine.remembered(host, "172.30.0.3 ") == []
    assert engine.remembered(host, "172.30.0.2 ")
    into_c1.goes_on()
    assert "forget" not in host.sh("cat /run/virtnet/memory.json")
