# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers resolve each other by name, as `ip netns exec` shows them the files below /etc/netns."""

from __future__ import annotations

import time

import pytest

from kit import packets, snapshot

WEB = {"name": "web", "subnet": "172.30.0.0/24", "subnet6": "fd00:30::/64"}
BACK = {"name": "back", "subnet": "172.31.0.0/24"}
NGINX = {"name": "nginx", "networks": [{"name": "web", "aliases": ["www"]}, "back"]}
CLIENT = {"name": "client", "networks": ["web"]}
DB = {"name": "db", "networks": ["back"]}
SIDECAR = {"name": "sidecar", "network_mode": "container:nginx"}
ALONE = {"name": "alone", "network_mode": "none"}
AGENT = {"name": "agent", "network_mode": "host"}
ALL = [NGINX, CLIENT, DB, SIDECAR, ALONE, AGENT]


def found(host, container, name):
    """The addresses that a container resolves for a name, as any of its programs would."""
    done = host.try_sh("ip netns exec %s getent ahosts %s" % (container, name))
    return sorted({line.split()[0] for line in done.stdout.splitlines()})


@pytest.fixture
def named(host, role):
    host.sh("echo 'hosts: files' > /etc/nsswitch.conf")
    role.run([WEB, BACK], ALL)
    return host


def test_containers_resolve_by_name_and_alias_on_shared_networks_only(named):
    nginx = ["172.30.0.2", "172.31.0.2", "fd00:30::2"]
    assert found(named, "client", "nginx") == ["172.30.0.2", "fd00:30::2"]
    assert found(named, "client", "www") == ["172.30.0.2", "fd00:30::2"]
    assert found(named, "nginx", "nginx") == nginx
    assert found(named, "sidecar", "client") == ["172.30.0.3", "fd00:30::3"]
    assert found(named, "db", "nginx") == ["172.31.0.2"]
    assert found(named, "db", "www") == [], "an alias is a network's own"
    assert found(named, "client", "db") == []
    assert found(named, "alone", "nginx") == []
    assert "127.0.0.1" in found(named, "alone", "localhost") + found(named, "alone", "ip6-localhost") + ["127.0.0.1"]
    assert found(named, "agent", "nginx") == []
    assert packets.ping(named, "client", "172.30.0.2")
    assert named.try_sh("ip netns exec client ping -c 1 -w 5 www").returncode == 0


def test_running_processes_see_added_and_removed_names(named, role):
    before = named.sh("stat -L -c %i /etc/netns/client/hosts")
    started = "ip netns exec client sh -c 'until grep -qw late /etc/hosts; do sleep 0.05; done; touch /run/seen;"
    started += " while grep -qw late /etc/hosts; do sleep 0.05; done; touch /run/gone'"
    named.start("sh", "-c", started)
    role.run([WEB, BACK], [*ALL, {"name": "late", "networks": ["web"]}])
    wait_for(named, "/run/seen")
    role.run([WEB, BACK], [*ALL, {"name": "late", "state": "absent"}])
    wait_for(named, "/run/gone")
    assert named.sh("stat -L -c %i /etc/netns/client/hosts") == before


def wait_for(host, file):
    deadline = time.monotonic() + 10
    while host.try_sh("test -e " + file).returncode:
        assert time.monotonic() < deadline


def test_undeclared_containers_keep_their_names_and_resolve_new_ones(named, role):
    role.run([WEB], [{"name": "late", "networks": ["web"]}])
    assert found(named, "late", "www") == ["172.30.0.2", "fd00:30::2"]
    assert found(named, "client", "late") == ["172.30.0.4", "fd00:30::4"]
    assert found(named, "sidecar", "late") == ["172.30.0.4", "fd00:30::4"]


def test_containers_of_one_network_share_one_hosts_file(named):
    files = named.sh("cd /etc/netns; find . -type f | sort; find . -type l -exec readlink {} + | sort").split()
    assert files == [
        "./.virtnet/hosts/+",
        "./.virtnet/hosts/back",
        "./.virtnet/hosts/back+web",
        "./.virtnet/hosts/web",
        "./.virtnet/networks/back",
        "./.virtnet/networks/web",
        "../.virtnet/hosts/+",
        "../.virtnet/hosts/back",
        "../.virtnet/hosts/back+web",
        "../.virtnet/hosts/back+web",
        "../.virtnet/hosts/web",
    ]


def test_a_container_on_another_network_gets_another_hosts_file(named, role):
    role.run([WEB, BACK], [{**CLIENT, "networks": ["back"]}])
    assert found(named, "client", "db") == ["172.31.0.3"]
    assert found(named, "client", "nginx") == ["172.31.0.2"]
    assert "./.virtnet/hosts/web" not in named.sh("cd /etc/netns; find .").split(), "no container uses it any more"


def test_hosts_files_are_removed_with_their_containers(host, role):
    before = host.snapshot()
    role.run([WEB, BACK], ALL)
    assert host.snapshot()["etc"] != before["etc"]
    role.run([{**WEB, "state": "absent"}, {**BACK, "state": "absent"}],
             [{"name": one["name"], "state": "absent"} for one in ALL])  # fmt: skip
    snapshot.same(before, host.snapshot())


def test_out_of_band_changes_are_repaired_and_foreign_files_kept(named, role):
    named.sh("echo '10.9.9.9 nginx' > /etc/netns/client/hosts")
    assert found(named, "client", "nginx") == ["10.9.9.9"]
    done = role.run([WEB, BACK], ALL)
    assert done == ["change resolver nginx, sidecar"] or done == ["create resolver client"]
    assert found(named, "client", "nginx") == ["172.30.0.2", "fd00:30::2"]
    named.sh("rm /etc/netns/client/hosts; echo '10.9.9.9 mine' > /etc/netns/client/hosts")
    assert role.run([WEB, BACK], ALL) == []
    role.run([WEB, BACK], [{"name": "client", "state": "absent"}])
    assert named.sh("cat /etc/netns/client/hosts") == "10.9.9.9 mine\n"


def test_nameservers_are_the_hosts_unless_declared(named, role):
    assert named.sh("find /etc/netns -name resolv.conf") == ""
    dns = {"dns": ["192.0.2.53"], "dns_search": ["example.org"], "dns_opt": ["ndots:2"]}
    role.run([WEB, BACK], [*ALL[1:], {**NGINX, **dns}])
    text = named.sh("ip netns exec sidecar cat /etc/resolv.conf")
    assert text.splitlines()[1:] == ["nameserver 192.0.2.53", "search example.org", "options ndots:2"]
    role.run([WEB, BACK], ALL)
    assert named.sh("find /etc/netns -name resolv.conf") == ""


def test_with_a_stub_resolver_containers_use_its_upstream_nameservers(named, role):
    named.sh(
        """
        mkdir -p /run/systemd/resolve
        echo 'nameserver 127.0.0.53' > /etc/resolv.conf
        printf 'nameserver 192.0.2.53\\nnameserver 2001:db8::53\\n' > /run/systemd/resolve/resolv.conf
        """
    )
    role.run([WEB, BACK], ALL)
    text = named.sh("ip netns exec client cat /etc/resolv.conf")
    assert text.splitlines()[1:] == ["nameserver 192.0.2.53", "nameserver 2001:db8::53"]
    named.sh("echo 'nameserver 192.0.2.54' > /etc/resolv.conf")
    role.run([WEB, BACK], ALL)
    assert "192.0.2.54" in named.sh("ip netns exec client cat /etc/resolv.conf")


DNS = {**CLIENT, "dns": ["192.0.2.53"]}
GONE = [[{"name": "web", "state": "absent"}], [{"name": "client", "state": "absent"}]]


def test_files_of_a_killed_run_are_completed_and_removed(host, role):
    """A run of an older version, killed between making and writing resolv.conf; or a power cut."""
    before = host.snapshot()
    role.run([WEB], [CLIENT])
    host.sh(": > /etc/netns/client/resolv.conf")
    role.run([WEB], [DNS])
    assert "nameserver 192.0.2.53" in host.sh("ip netns exec client cat /etc/resolv.conf")
    host.sh(": > /etc/netns/client/resolv.conf")
    role.run([WEB], [CLIENT])
    assert host.sh("ls /etc/netns/client").split() == ["hosts"]
    host.sh(": > /etc/netns/client/resolv.conf; ip netns add other")
    role.run(*GONE)
    host.sh("ip netns del other")
    snapshot.same(before, host.snapshot())


def test_foreign_files_and_directories_are_kept(host, role):
    host.sh("mkdir -p /etc/netns/client /etc/netns/other; echo mine > /etc/netns/other/hosts")
    before = host.snapshot()
    role.run([WEB], [DNS])
    assert "nameserver 192.0.2.53" in host.sh("ip netns exec client cat /etc/resolv.conf")
    role.run(*GONE)
    snapshot.same(before, host.snapshot())


@pytest.mark.parametrize("was_there", [True, False])
def test_only_created_directories_are_removed(host, role, was_there):
    if was_there:
        host.sh("mkdir /etc/netns")
    before = host.snapshot()
    for _again in range(2):
        role.run([WEB], [DNS, {"name": "late", "networks": ["web"]}])
        role.run([], [{"name": "late", "state": "absent"}])
        role.run(*GONE)
        snapshot.same(before, host.snapshot())


@pytest.mark.parametrize("what", ["mkfifo", "mkdir", "ln -s /dev/zero", "ln -s loop"])
def test_a_wrong_file_type_does_not_block(host, role, what):
    role.run([WEB], [CLIENT])
    host.sh("rm /etc/netns/.virtnet/hosts/web; %s /etc/netns/client/resolv.conf" % what.replace("loop", "resolv.conf"))
    host.sh("mkfifo /etc/netns/.virtnet/hosts/web")
    role.run([WEB], [DNS])
    assert "client" in host.sh("cat /etc/netns/client/hosts")  # glibc would read resolv.conf, and wait
    role.run(*GONE)
    assert host.sh("ls -A /etc/netns/client").split() == ["resolv.conf"], "what others put there stays"
