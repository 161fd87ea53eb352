# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers that exist already: a process in a network namespace of its own, as `docker run --network none` makes."""

from __future__ import annotations

import time

import pytest

from kit import packets, snapshot

WEB = {"name": "web", "subnet": "172.30.0.0/24", "subnet6": "fd00:30::/64"}
CLIENT = {"name": "client", "networks": ["web"]}


@pytest.fixture
def pid(host):
    """A process in a namespace of its own that nobody has given a name."""
    found = host.start("unshare", "--net", "sleep", "1000")
    own = host.sh("readlink /proc/self/ns/net")
    deadline = time.monotonic() + 5
    while host.sh("readlink /proc/%d/ns/net" % found) == own:
        assert time.monotonic() < deadline
    host.sh("nsenter -t %d -n ip link set lo up" % found)
    return found


def test_endpoints_ports_and_names_and_left_standing_when_removed(host, role, pid):
    before = host.snapshot()
    container = {"name": "app", "pid": pid, "networks": ["web"], "ports": ["8080:80"]}
    role.run([WEB], [container, CLIENT])
    assert packets.seen(host, "client", "172.30.0.2", 80, "app") == "172.30.0.3"
    assert packets.seen(host, "client", "fd00:30::2", 80, "app") == "fd00:30::3"
    assert packets.seen(host, "lan", "192.0.2.2", 8080, "app", 80) == "192.0.2.1"
    assert packets.seen(host, "app", "2001:db8::1", 80, "lan") == "2001:db8::2"
    assert "eth0" in host.sh("nsenter -t %d -n ip -brief link" % pid)
    assert "172.30.0.2\tapp" in host.sh("cat /etc/netns/client/hosts")
    assert host.is_alive(pid)

    role.run([{**WEB, "state": "absent"}], [{"name": "app", "state": "absent"}, {"name": "client", "state": "absent"}])
    assert host.is_alive(pid)
    assert host.sh("nsenter -t %d -n ip -brief link" % pid).split()[0] == "lo"
    assert "eth0" not in host.sh("nsenter -t %d -n ip -brief link" % pid)
    snapshot.same(before, host.snapshot())


def test_a_card_comes_home_from_it(host, role, pid):
    host.sh("ip netns add isp; ip link add enp3s0 type veth peer name eth0 netns isp; ip link set enp3s0 up")
    card = {"device": "enp3s0", "name": "wan", "addresses": ["203.0.113.7/24"]}
    role.run([], [{"name": "app", "pid": pid, "interfaces": [card]}])
    assert "wan" in host.sh("nsenter -t %d -n ip -brief link" % pid)
    role.run([], [{"name": "app", "state": "absent"}])
    assert "enp3s0" in host.links()
    assert host.is_alive(pid)


def test_another_process_gets_the_name_and_the_address(host, role, pid):
    role.run([WEB], [{"name": "app", "pid": pid, "networks": ["web"]}, CLIENT])
    again = host.start("unshare", "--net", "sleep", "1000")
    own = host.sh("readlink /proc/self/ns/net")
    deadline = time.monotonic() + 5
    while host.sh("readlink /proc/%d/ns/net" % again) == own:
        assert time.monotonic() < deadline
    role.run([WEB], [{"name": "app", "pid": again, "networks": ["web"]}, CLIENT])
    assert "172.30.0.2" in host.sh("nsenter -t %d -n ip -brief address" % again)
    assert packets.arrives(host, "client", "172.30.0.2", 80, "app")
