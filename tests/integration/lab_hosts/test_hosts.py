# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The hosts of a lab: reached over SSH, isolated from each other, and harmless to the machine."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest


def test_ansible_reaches_every_host_over_ssh(three):
    answer = three.ansible("all", "-m", "ansible.builtin.ping", "--one-line").stdout
    assert sorted(line.split()[0] for line in answer.splitlines() if "pong" in line) == ["h1", "h2", "h3", "outside"]


def test_the_group_lab_excludes_the_external_host(three):
    assert three.ansible("lab", "--list-hosts").stdout.split()[2:] == ["h1", "h2", "h3"]


def test_inventory_addresses_are_the_hosts(three):
    shown = json.loads(three.ssh("h2", "ip -json address show dev eth0").stdout)[0]
    variables = json.loads(three.inventory.read_text())["lab"]["hosts"]["h2"]
    has = {address["local"] for address in shown["addr_info"]}
    assert {variables["lab_address"], variables["lab_address6"]} <= has
    assert (variables["lab_address"], variables["lab_address6"]) == ("10.99.0.2", "fd99::2")


def test_ssh_refuses_an_unknown_host_key(three, tmp_path):
    """The known hosts are real: with h1's key in h2's place SSH does not go on."""
    known = (three.directory / "known_hosts").read_text().splitlines()
    key = {line.split(",")[0]: line.split()[2] for line in known}
    forged = tmp_path / "known_hosts"
    forged.write_text("\n".join(known).replace(key["h2"], key["h1"]) + "\n")
    config = ["-F", str(three.directory / "ssh_config"), "-o", "UserKnownHostsFile=%s" % forged]
    answer = subprocess.run(["ssh", *config, "h2", "true"], capture_output=True, text=True, check=False)
    assert answer.returncode == 255 and "Host key verification failed" in answer.stderr
    assert subprocess.run(["ssh", *config, "h1", "true"], check=False).returncode == 0


@pytest.mark.parametrize("target", ["10.99.0.2", "fd99::2", "10.99.255.254", "fd99::ffff"])
def test_hosts_and_the_external_host_reach_each_other_on_the_underlay(three, target):
    three.ssh("h1", "ping -c 1 -W 2 %s" % target)


def test_a_host_serves_ssh_on_the_underlay_too(three):
    """The banner comes from the host's own sshd, over the wire."""
    banner = three.ssh("h1", "exec 3<> /dev/tcp/10.99.0.3/22; head -1 <&3").stdout
    assert banner.startswith("SSH-2.0-OpenSSH")


def test_the_external_host_is_the_default_gateway(three):
    for route in ("ip -json route get 203.0.113.9", "ip -json route get 2001:db8::9"):
        assert json.loads(three.ssh("h1", route).stdout)[0]["gateway"] in ("10.99.255.254", "fd99::ffff")


def test_a_capture_on_the_external_host_has_all_underlay_traffic_and_no_ssh(three):
    """Pings from h1 to h2, started over SSH, pass the underlay's bridge; SSH itself does not."""
    command = [str(three.directory / "enter"), "outside", "tcpdump", "-lni", "underlay", "-c", "4", "icmp or tcp"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as capture:
        assert "listening on underlay" in "".join(capture.stderr.readline() for _number in range(2))
        three.ssh("h1", "ping -c 2 -i 0.2 10.99.0.2")
        seen = capture.communicate(timeout=10)[0].splitlines()
    assert len(seen) == 4
    assert all("ICMP echo" in line for line in seen)


def test_every_host_has_its_own_name_and_files(three):
    assert three.ssh("h1", "hostname; cat /etc/hostname").stdout.split() == ["h1", "h1"]
    assert len({three.ssh(host, "cat /etc/machine-id").stdout for host in ("h1", "h2", "h3")}) == 3
    three.ssh("h1", "for d in etc var root tmp run usr; do echo h1 > /$d/only-h1; done")
    for place in ("etc", "var", "root", "tmp", "run", "usr"):
        assert not Path("/%s/only-h1" % place).exists()
        assert three.ssh("h2", "test -e /%s/only-h1" % place, check=False).returncode == 1


def test_namespaces_with_one_name_on_two_hosts_are_distinct(three):
    for host in ("h1", "h2"):
        three.ssh(host, "ip netns add same && ip netns exec same ip link set dev lo up")
        assert three.ssh(host, "ip netns list").stdout.split()[0] == "same"
    assert not Path("/run/netns/same").exists()
    for host in ("h1", "h2"):
        three.ssh(host, "ip netns delete same")


def test_a_host_sees_its_own_processes_only(three):
    shown = three.ssh("h1", "ps -A -o pid=,comm=").stdout.split("\n")
    assert shown[0].split() == ["1", "sshd"]
    assert len(shown) < 12


def test_machine_sysctls_are_read_only_in_a_host(three):
    before = Path("/proc/sys/kernel/panic").read_text()
    for sysctl in ("kernel/panic", "vm/swappiness", "fs/file-max"):
        assert three.ssh("h1", "cat /proc/sys/%s" % sysctl).stdout
        answer = three.ssh("h1", "echo 0 > /proc/sys/%s" % sysctl, check=False)
        assert answer.returncode and "Read-only file system" in answer.stderr
    assert Path("/proc/sys/kernel/panic").read_text() == before


def test_network_sysctls_are_per_host(three):
    before = Path("/proc/sys/net/ipv4/ip_default_ttl").read_text()
    three.ssh("h1", "echo 77 > /proc/sys/net/ipv4/ip_default_ttl")
    assert three.ssh("h1", "cat /proc/sys/net/ipv4/ip_default_ttl").stdout == "77\n"
    assert three.ssh("h2", "cat /proc/sys/net/ipv4/ip_default_ttl").stdout == before
    assert Path("/proc/sys/net/ipv4/ip_default_ttl").read_text() == before


def test_firewalls_are_per_host(three):
    three.ssh("h1", "nft add table inet only_h1")
    assert "only_h1" in three.ssh("h1", "nft list tables").stdout
    assert "only_h1" not in three.ssh("h2", "nft list tables").stdout
    three.ssh("h1", "nft delete table inet only_h1")


def test_a_host_without_underlay_is_still_reachable_by_ssh(three):
    three.enter("outside", "ip", "link", "set", "dev", "h3", "down")
    assert three.ssh("h3", "ping -c 1 -W 1 10.99.0.1", check=False).returncode == 1
    three.ssh("h1", "ping -c 1 -W 2 10.99.0.2")
    three.enter("outside", "ip", "link", "set", "dev", "h3", "up")
    three.ssh("h3", "ping -c 1 -i 0.2 -w 10 10.99.0.1")  # the first may still be unreachable


def test_the_machines_links_routes_and_mounts_are_unchanged(lab):
    def machine():
        shown = [["ip", "-json", "link"], ["ip", "route", "show", "table", "all"], ["ip", "-6", "route"]]
        mounts = [line.split()[2:5] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        return [subprocess.run(command, capture_output=True, check=True).stdout for command in shown], mounts

    before = machine()
    lab.make(count=1)
    assert machine() == before


def test_commands_in_a_host_ignore_no_signal(three):
    """What keeps nsenter alive while SSH hangs up is not handed on to the host's programs."""
    grep = ["grep", "SigIgn", "/proc/self/status"]
    # What started this test may ignore signals itself, and whoever is started inherits that.
    inherited = subprocess.run(grep, capture_output=True, text=True, check=True)
    for shown in (three.ssh("h1", " ".join(grep)), three.enter("h1", *grep)):
        assert signals(shown.stdout) & ~signals(inherited.stdout) == 0


def signals(line):
    """The bits of a line of /proc/PID/status such as "SigIgn: 0000000000001000"."""
    return int(line.split()[1], 16)


def test_enter_reports_a_missing_host(three):
    answer = three.enter("h9", "true", check=False)
    assert answer.returncode == 255
    assert answer.stderr == "enter: no host 'h9' is running in %s\n" % os.path.realpath(three.directory)
