# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Processes of a user other than root bind low ports and ping in containers, as under Docker."""

from __future__ import annotations

import shlex
import subprocess
import sys

from kit.checkout import collections_root

DUAL = {"name": "dual", "subnet": "172.29.0.0/24", "subnet6": "fd00:29::/64"}
C = {"name": "c", "networks": ["dual"]}
PORTS, GROUPS = "ipv4/ip_unprivileged_port_start", "ipv4/ping_group_range"

BIND = "import socket; socket.create_server(('', 80))"
# An echo request by a datagram socket, which the kernel gives to members of the groups in the range.
PING = """
import socket
with socket.socket(socket.AF_INET{six}, socket.SOCK_DGRAM, {protocol}) as one:
    one.settimeout(20)
    one.sendto(bytes([{echo}, 0, 0, 0, 0, 0, 0, 1]), ("{to}", 0))
    one.recv(64)
"""
PING4 = PING.format(six="", protocol="socket.IPPROTO_ICMP", echo=8, to="172.29.0.1")
PING6 = PING.format(six="6", protocol="socket.IPPROTO_ICMPV6", echo=128, to="fd00:29::1")
# What a container in a user namespace of few groups may have, as LXC's: the kernel refuses the range there.
FEW_GROUPS = """
from ansible_collections.virtnet.linux.plugins.module_utils.system import sysctls
from ansible_collections.virtnet.linux.plugins.module_utils.kinds import netns
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Netns
netns._set_unprivileged_ports(Netns(name="c", unprivileged_ports=True))
print(sysctls.read("net.ipv4.ip_unprivileged_port_start"))
"""


def may(host, script, netns):
    """Whether a process of another user may do it in the container."""
    user = "setpriv --reuid 4321 --regid 4321 --clear-groups --no-new-privs"
    done = host.try_sh("%s %s -c %s" % (user, sys.executable, shlex.quote(script)), netns=netns)
    assert done.returncode == 0 or "PermissionError" in done.stderr, done.stderr
    return done.returncode == 0


def test_any_user_binds_port_80_and_pings_over_ipv4_and_ipv6(host, role):
    role.change([DUAL], [C, {"name": "none", "network_mode": "none"}])
    assert may(host, BIND, "c") and may(host, BIND, "none")
    assert may(host, PING4, "c")
    assert may(host, PING6, "c")


def test_unprivileged_ports_false_for_one_or_all_containers(host, role):
    role.change([DUAL], [{**C, "unprivileged_ports": False}, {"name": "d", "networks": ["dual"]}])
    assert not may(host, BIND, "c") and not may(host, PING4, "c") and not may(host, PING6, "c")
    assert may(host, BIND, "d")
    role.change([DUAL], [C, {"name": "d", "networks": ["dual"]}], unprivileged_ports=False)
    assert not may(host, BIND, "d") and not may(host, PING4, "d")


def test_a_changed_variable_applies_to_existing_containers(host, role):
    role.change([DUAL], [C])
    role.change([DUAL], [C], unprivileged_ports=False)
    assert not may(host, BIND, "c") and not may(host, PING4, "c")
    role.change([DUAL], [C])
    assert may(host, BIND, "c") and may(host, PING6, "c")


def test_declared_sysctls_take_precedence(host, role):
    own = {**C, "sysctls": {"net.ipv4.ip_unprivileged_port_start": 443, "net/ipv4/ping_group_range": "0 7"}}
    role.change([DUAL], [own])
    assert (host.sysctl(PORTS, "c"), host.sysctl(GROUPS, "c").split()) == ("443", ["0", "7"])
    assert not may(host, BIND, "c")
    role.change([DUAL], [own], unprivileged_ports=False)
    assert host.sysctl(PORTS, "c") == "443"


def test_out_of_band_changes_are_kept(host, role):
    role.change([DUAL], [C])
    host.sh("sysctl -qw net/%s=1024" % PORTS, netns="c")
    role.unchanged([DUAL], [C])


def test_host_and_process_namespaces_are_left_untouched(host, role):
    pid = host.start("unshare", "--net", "sleep", "infinity")
    host.sh("until [ $(stat -Lc %%i /proc/%d/ns/net) != $(stat -Lc %%i /proc/self/ns/net) ]; do :; done" % pid)
    role.change([DUAL], [{"name": "agent", "network_mode": "host"}, {**C, "pid": pid}])
    assert host.sysctl(PORTS) == host.sysctl(PORTS, "c") == "1024"
    assert host.sysctl(GROUPS).split() == host.sysctl(GROUPS, "c").split() == ["1", "0"]
    for shared in ({"join": "host"}, {"pid": pid}):
        problem, *_others = host.refused("netns", name="x", unprivileged_ports=True, **shared)
        assert problem.startswith("netns x: unprivileged_ports: True: is set in a namespace of its own only")


def test_a_kernel_with_only_one_of_the_sysctls_is_no_error():
    done = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--net", sys.executable, "-c", FEW_GROUPS],
        env={"PYTHONPATH": str(collections_root())}, stdout=subprocess.PIPE, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "0\n"
