# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command virtnet where a container's root has changed what it can, and with unexpected arguments and signals."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Iterator

import pytest
from integration.robust import engine

from ansible_collections.virtnet.linux.plugins.module_utils.command import capture
from kit.host import Host
from kit.role import Role

NETWORKS = [
    {"name": "web", "subnet": "172.30.0.0/24", "subnet6": "fd00:30::/64"},
    {"name": "db", "subnet": "172.31.0.0/24"},
]
CONTAINERS = [
    {"name": "nginx", "networks": ["web"], "ports": ["8080:80"]},
    {"name": "client", "networks": ["web", "db"]},
    {"name": "postgres", "networks": ["db"]},
    {"name": "idle", "network_mode": "none"},
]


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """A host with two networks and the command."""
    with Host() as made:
        engine.own_disks(made)
        Role(made).change(NETWORKS, CONTAINERS)
        made.module("host_command")
        yield made


def run(host, words):
    """The exit status of the command, and what it prints."""
    done = host.try_sh("timeout 15 /usr/local/sbin/virtnet " + words)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


def test_a_container_cannot_claim_the_ports_of_another(host):
    host.sh("ip addr add 172.30.0.2/24 dev eth0", "client")
    try:
        assert run(host, "port client") == (0, "", "")
        assert run(host, "port nginx")[1] == "80/tcp -> 0.0.0.0:8080\n80/tcp -> [::]:8080\n"
        lines = {line.split()[0]: line for line in run(host, "ps")[1].splitlines()}
        assert "8080" in lines["nginx"] and "8080" not in lines["client"]
    finally:
        host.sh("ip addr del 172.30.0.2/24 dev eth0", "client")


def test_a_capture_has_no_packets_of_other_links(host):
    """A packet socket with a protocol receives from every link until it is bound to one."""
    host.sh("ip link set lo up")
    host.start("ping", "-q", "-f", "127.0.0.1")
    link = host.sh("ls /sys/class/net | grep -m1 ^veth").strip()
    host.sh("ip link set %s down" % link)
    try:
        assert host.call(_received, link) == 0
    finally:
        host.sh("ip link set %s up; kill $(pidof ping)" % link)


def _received(link):
    """How many of many sockets have a packet, on a link that is down."""
    found = 0
    for _attempt in range(300):
        with capture.open_socket(link) as opened:
            opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)  # ENETDOWN: the link is down
            with contextlib.suppress(BlockingIOError):
                found += bool(opened.recv(64, socket.MSG_DONTWAIT))
    return found


def test_capture_refuses_a_container_without_an_endpoint(host):
    status, _out, error = run(host, "capture idle --seconds 1 >/dev/null")
    assert status == 2 and "idle" in error and "no endpoint" in error


@pytest.mark.parametrize(
    "words", ["capture web --seconds nan", "capture web --seconds -1", "capture web --count -1", "restore --wait inf"]
)
def test_numbers_that_are_none_are_refused(host, words):
    status, _out, error = run(host, words + " >/dev/null")
    assert status == 2 and "must be" in error


def test_exec_names_a_program_that_is_not_there(host):
    assert run(host, "exec nginx -- nosuch") == (127, "", "virtnet: nosuch: No such file or directory\n")
    assert run(host, "exec nginx -- /etc") == (126, "", "virtnet: /etc: Permission denied\n")


def test_exec_has_the_containers_sysfs(host):
    assert "br-web" not in run(host, "exec nginx -- ls /sys/class/net")[1]
    assert "br-web" in host.sh("ls /sys/class/net")


def test_trace_sends_from_the_address_of_the_route(host):
    found = json.loads(run(host, "trace client 172.31.0.2 81 --json")[1])
    assert "tcp from client (172.31." in found["sentence"]
    assert found["outcome"] == "refused"


def test_a_neighbour_advertisement_is_no_answer_to_an_echo_request(host):
    address = json.loads(run(host, "inspect web")[1])[0]["Containers"]
    six = next(one["IPv6Address"] for one in address.values() if one["Name"] == "nginx").split("/")[0]
    assert json.loads(run(host, "trace client %s --json" % six)[1])["outcome"] == "answered"
    host.sh(
        "nft 'table ip6 t { chain c { type filter hook input priority 0; icmpv6 type echo-request drop; }; }'", "nginx"
    )
    host.sh("ip -6 neigh flush dev eth0", "client")
    try:
        assert json.loads(run(host, "trace client %s --json" % six)[1])["outcome"] == "no answer"
    finally:
        host.sh("nft delete table ip6 t", "nginx")


@pytest.mark.parametrize("signal", ["TERM", "HUP", "INT"])
def test_a_trace_that_is_ended_leaves_no_table(host, signal):
    host.sh(
        "nft 'table ip t { chain c { type filter hook input priority 0; tcp dport 81 drop; }; }'", "nginx"
    )  # so that the trace waits for an answer
    try:
        pid = host.start("/usr/local/sbin/virtnet", "trace", "client", "172.30.0.2", "81")
        host.sh("for _ in $(seq 100); do nft list tables | grep -q virtnet_trace && exit; sleep 0.05; done; exit 1")
        host.sh("kill -%s %d" % (signal, pid))
        host.sh("for _ in $(seq 100); do kill -0 %d 2>/dev/null || exit 0; sleep 0.05; done" % pid)
        assert "virtnet_trace" not in host.sh("nft list tables")
    finally:
        host.sh("nft delete table ip t", "nginx")


def test_a_trace_removes_the_tables_of_one_that_was_killed(host):
    host.sh("nft add table inet virtnet_trace_4194304; nft add table bridge virtnet_trace_4194304")
    run(host, "trace client 172.30.0.2 81")
    assert "virtnet_trace" not in host.sh("nft list tables")


def test_prometheus_has_each_series_once(host):
    lines = [line.split()[0] for line in run(host, "stats --prometheus")[1].splitlines() if not line.startswith("#")]
    assert lines and len(lines) == len(set(lines)) and all('veth="veth' in line for line in lines)
