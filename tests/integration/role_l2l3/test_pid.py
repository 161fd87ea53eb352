# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers that exist already: a process in a network namespace of its own, as `docker run --network none` creates
one.
"""

from __future__ import annotations

import time

import pytest

from kit import packets, snapshot

WEB = {"name": "web", "subnet": "172.30.0.0/24", "subnet6": "fd00:30::/64"}
CLIENT = {"name": "client", "networks": ["web"]}


def start(host):
    """A process in an unnamed network namespace of its own."""
    found = host.start("unshare", "--net", "sleep", "1000")
    own = host.sh("readlink /proc/self/ns/net")
    deadline = time.monotonic() + 5
    while host.sh("readlink /proc/%d/ns/net" % found) == own:
        assert time.monotonic() < deadline
    host.sh("nsenter -t %d -n ip link set lo up" % found)
    return found


@pytest.fixture
def pid(host):
    return start(host)


@pytest.fixture
def inhabited(host, pid):
    """A process whose namespace has an interface and a default route of its own, as LXC's have."""
    host.sh("ip link add lxc0 type veth peer name eth0 netns %d; ip link set lxc0 up" % pid)
    host.sh("ip address add 192.168.77.1/24 dev lxc0")
    inside(host, pid, "address add 192.168.77.2/24 dev eth0")
    inside(host, pid, "link set eth0 up")
    inside(host, pid, "route add default via 192.168.77.1")
    return pid


def inside(host, pid, command):
    """The output of iproute2 in a process's namespace."""
    return host.sh("nsenter -t %d -n ip %s" % (pid, command))


def problems(host, role, *lists):
    """The reasons for which the engine refuses a declaration that the planner, which cannot look into a process,
    accepted.
    """
    planned = role.plan(*lists)
    assert planned["errors"] == []
    return host.refused("topology", **planned["topology"])


def test_a_process_namespace_gets_endpoints_ports_and_names_and_is_kept(host, role, pid):
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


def test_a_nic_returns_from_a_process_namespace(host, role, pid):
    host.sh("ip netns add isp; ip link add enp3s0 type veth peer name eth0 netns isp; ip link set enp3s0 up")
    nic = {"device": "enp3s0", "name": "wan", "addresses": ["203.0.113.7/24"]}
    role.run([], [{"name": "app", "pid": pid, "interfaces": [nic]}])
    assert "wan" in host.sh("nsenter -t %d -n ip -brief link" % pid)
    role.run([], [{"name": "app", "state": "absent"}])
    assert "enp3s0" in host.links()
    assert host.is_alive(pid)


def test_another_pid_takes_over_name_and_address(host, role, pid):
    role.run([WEB], [{"name": "app", "pid": pid, "networks": ["web"]}, CLIENT])
    again = start(host)
    role.run([WEB], [{"name": "app", "pid": again, "networks": ["web"]}, CLIENT])
    assert "172.30.0.2" in host.sh("nsenter -t %d -n ip -brief address" % again)
    assert packets.arrives(host, "client", "172.30.0.2", 80, "app")


def test_a_namespace_has_one_name_and_others_share_it(host, role, pid):
    app, again = {"name": "app", "pid": pid, "networks": ["web"]}, {"name": "again", "pid": pid, "networks": ["web"]}
    expected = "netns again: pid: %d: its namespace is app's already: join that (network_mode: container:app, " % pid
    (problem,) = problems(host, role, [WEB], [app, again])
    assert problem.startswith(expected)
    role.run([WEB], [app, {"name": "again", "network_mode": "container:app"}])
    assert problems(host, role, [WEB], [again])[0].startswith(expected)
    role.run([WEB], [{**app, "state": "absent"}, again])
    assert packets.ping(host, "again", "172.30.0.1")


def test_the_pid_of_a_managed_containers_process_is_shared(host, role):
    role.run([WEB], [CLIENT])
    pid = host.start("sleep", "1000", netns="client")
    found = problems(host, role, [WEB], [CLIENT, {"name": "app", "pid": pid, "networks": ["web"]}])
    assert "its namespace is client's already" in found[0]


def test_foreign_links_and_routes_of_the_namespace_are_kept(host, role, inhabited):
    """A name in use, and a default route that would be replaced, are refused; others are kept."""
    before = inside(host, inhabited, "-brief address"), inside(host, inhabited, "route")
    app = {"name": "app", "pid": inhabited, "networks": ["web"]}
    beside = {**app, "networks": [{"name": "web", "interface_name": "net7"}]}
    route, name = problems(host, role, [WEB], [app])
    assert "peer.name: 'eth0': app has another link of this name: choose another (interface_name)" in name
    assert "peer.gateway: '172.30.0.1': app has a route to 0.0.0.0/0 by eth0 already" in route
    (route,) = problems(host, role, [WEB], [beside])
    assert "internal: true" in route
    role.run([{**WEB, "internal": True}], [beside, CLIENT])
    assert packets.arrives(host, "client", "172.30.0.2", 80, "app")
    assert "default via 192.168.77.1 dev eth0" in inside(host, inhabited, "route")
    role.run([], [], purge=True)
    assert (inside(host, inhabited, "-brief address"), inside(host, inhabited, "route")) == before


def test_a_foreign_default_route_of_higher_metric_is_kept(host, role, inhabited):
    inside(host, inhabited, "route del default")
    inside(host, inhabited, "route add default via 192.168.77.1 metric 100")
    role.run([WEB], [{"name": "app", "pid": inhabited, "networks": [{"name": "web", "interface_name": "net7"}]}])
    assert packets.seen(host, "app", "192.0.2.1", 80, "lan") == "192.0.2.2"
    role.run([], [], purge=True)
    assert inside(host, inhabited, "route show default") == "default via 192.168.77.1 dev eth0 metric 100 \n"


def test_a_conflicting_foreign_link_is_refused(host, role, inhabited):
    first = start(host)
    role.run([WEB], [{"name": "app", "pid": first, "networks": ["web"]}])
    found = problems(host, role, [WEB], [{"name": "app", "pid": inhabited, "networks": ["web"]}])
    assert "app has another link of this name" in found[1]


def test_a_nic_conflicting_with_a_foreign_link_is_refused(host, role, inhabited):
    host.sh("ip link add enp3s0 type veth peer name enp3s1")
    nic = {"device": "enp3s0", "name": "eth0", "addresses": ["203.0.113.7/24"], "gateway": "203.0.113.1"}
    route, name = problems(host, role, [], [{"name": "app", "pid": inhabited, "interfaces": [nic]}])
    assert "name: 'eth0': app has another link of this name" in name
    assert "gateway: '203.0.113.1': app has a route to 0.0.0.0/0 by eth0 already" in route
