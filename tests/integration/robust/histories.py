# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Random histories of a host: networks are declared, changed and removed, runs are killed, objects are changed out of
band.

In the end everything is removed, and the host is as it was.
"""

from __future__ import annotations

import contextlib
import os
import socket

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from integration.robust import engine
from integration.robust.documents import VTEP, absent, changed, containers, overlay, together

from kit import snapshot
from kit.host import Host, inside

# each may find nothing to break
DAMAGE = [
    "nft flush ruleset",
    "nft delete table inet virtnet",
    "nft flush chain inet virtnet $(nft list table inet virtnet | grep -om1 'chain [a-z0-9_]*' | cut -c7-)",
    "ip link del br-web",
    "ip link del vx-fabric",
    "ip link set br-web down",
    "ip address flush dev br-web",
    "ip -n c1 link del eth0",
    "ip -n c2 address flush dev eth0",
    "ip -n c2 link set eth0 name eth7",
    "ip link set $(ip -o link show master br-web | head -1 | cut -d: -f2 | cut -d@ -f1) nomaster",
    "ip netns del c1",
    "ip netns del side",
    "ip netns del agent",
    "umount /run/netns/c2",
    "ip -all netns del",
    "sysctl -qw net.ipv4.ip_forward=0",
    "ip route del local ::1 dev br-web table local",
]

webs = st.none() | st.builds(
    containers,
    st.lists(st.integers(1, 4), min_size=1, max_size=3, unique=True),
    mtu=st.sampled_from([1500, 1400]),
    first_port=st.sampled_from([8000, 8100]),
    icc=st.booleans(),
)
fabrics = st.none() | st.builds(
    overlay,
    st.lists(st.integers(1, 2), min_size=1, max_size=2, unique=True),
    st.builds(range, st.integers(0, 4)),
    vni=st.sampled_from([4242, 4343]),
)


# all that may have been declared, each object once
EVERYTHING = together(
    containers(range(1, 5)),
    {"nat_port": containers(range(1, 5), first_port=8100)["nat_port"]},
    overlay([1, 2], range(1)),
)


def _talk():
    """Each container sends a datagram to a published port, and one to the external host."""
    for name in os.listdir("/run/netns") if os.path.isdir("/run/netns") else []:
        with contextlib.suppress(OSError), inside(name), socket.socket(type=socket.SOCK_DGRAM) as sender:
            for address in ((VTEP, 8001), ("192.0.2.99", 9)):
                with contextlib.suppress(OSError):
                    sender.sendto(b"hello", address)


class History(RuleBasedStateMachine):
    """One host, and its declaration."""

    ended = 0  # how many came to their end, without an error

    def __init__(self):
        super().__init__()
        self.host = Host()
        self.host.sh("ip link add eth0 type veth peer name wire")
        self.host.sh("ip address add %s/24 dev eth0 && ip link set eth0 up" % VTEP)
        self.before = self.host.snapshot()
        self.declared = {}
        self.broken = False  # by hand, since the last run

    def lead_to(self, desired):
        """The declaration that leads to the desired state."""
        return changed(self.declared, desired)

    @initialize(web=webs)
    def begin(self, web):
        self.declare(web, None)

    @rule(web=webs, fabric=fabrics)
    def declare(self, web, fabric):
        desired = together(*filter(None, (web, fabric)))
        document = self.lead_to(desired)
        engine.run(self.host, document)
        assert engine.run(self.host, document, check=True) == []
        self.declared, self.broken = desired, False

    @rule()
    def declare_the_same(self):
        engine.run(self.host, self.declared)
        assert engine.run(self.host, self.declared, check=True) == []
        self.broken = False

    @rule()
    def talk(self):
        self.host.call(_talk)

    @rule(web=webs, fabric=fabrics, step=st.integers(0, 150))
    def kill(self, web, fabric, step):
        desired = together(*filter(None, (web, fabric)))
        document = self.lead_to(desired)
        engine.killed(self.host, document, step)
        engine.run(self.host, document)
        assert engine.run(self.host, document, check=True) == []
        self.declared, self.broken = desired, False

    @rule(script=st.sampled_from(DAMAGE))
    def break_something(self, script):
        self.host.try_sh(script)
        self.broken = True

    def teardown(self):
        try:
            gone = absent(EVERYTHING)
            engine.run(self.host, gone)
            assert engine.run(self.host, gone, check=True) == []
            snapshot.same(self.before, self.host.snapshot())
            # entries of addresses deleted out of band are not known to be ours; the kernel expires them
            assert self.broken or engine.remembered(self.host, "172.30.", "10.42.", "fd00:0030:") == []
            History.ended += 1
        finally:
            self.host.__exit__()
