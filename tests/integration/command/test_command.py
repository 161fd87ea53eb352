# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command virtnet, as it is installed on a managed host: what each subcommand prints, and its exit status."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from collections.abc import Iterator

import pytest
from integration.robust import engine

from kit import packets
from kit.host import Host
from kit.role import Role

WEB = {"name": "web", "subnet": "172.30.0.0/24"}
DB = {"name": "db", "subnet": "172.31.0.0/24", "icc": False}
CONTAINERS = [
    {"name": "nginx", "networks": ["web"], "ports": ["8080:80"]},
    {"name": "client", "networks": ["web"]},
    {"name": "db1", "networks": ["db"]},
    {"name": "db2", "networks": ["db"]},
]
PING = "ip netns exec client ping -c 3 -i 0.2 172.30.0.2 >/dev/null"


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """A host with two networks and the command."""
    with Host() as made:
        engine.own_disks(made)
        Role(made).change([WEB, DB], CONTAINERS)
        done = made.module("host_command")
        assert done["changed"] and [one["name"] for one in done["actions"]] == [
            "/var/lib/virtnet/command", "/usr/local/sbin/virtnet"
        ]  # fmt: skip
        assert not made.module("host_command")["changed"]
        yield made


def virtnet(host, words, status=0):
    """What the command prints."""
    done = host.try_sh("/usr/local/sbin/virtnet " + words)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done.stdout if status != 2 else done.stderr


def test_ls(host):
    lines = virtnet(host, "ls").splitlines()
    assert lines[0].split() == ["NETWORK", "DRIVER", "SCOPE", "SUBNETS", "GATEWAYS", "BRIDGE", "CONTAINERS"]
    assert lines[2].split() == ["web", "bridge", "local", "172.30.0.0/24", "172.30.0.1", "br-web", "2"]
    assert [one["Name"] for one in json.loads(virtnet(host, "ls --json"))] == ["db", "web"]


def test_ls_is_the_report_of_network_info(host):
    """It reads less, and finds the same."""
    found = host.module("network_info", docker_format=True)
    assert json.loads(virtnet(host, "ls --json")) == found["docker"]["network_ls"]
    rows = [line.split() for line in virtnet(host, "ls").splitlines()[1:]]
    assert [(row[0], int(row[-1])) for row in rows] == [
        (one["Name"], len(one["Containers"])) for one in found["networks"]
    ]


def test_inspect(host):
    (found,) = json.loads(virtnet(host, "inspect web"))
    assert found["IPAM"]["Config"] == [{"Subnet": "172.30.0.0/24", "Gateway": "172.30.0.1"}]
    assert "no network wep on this host; did you mean web?" in virtnet(host, "inspect wep", status=2)


def test_ps(host):
    pid = host.start("sleep", "infinity", netns="nginx")
    lines = {line.split()[0]: line for line in virtnet(host, "ps").splitlines()}
    assert "172.30.0.2" in lines["nginx"] and "0.0.0.0:8080->80/tcp" in lines["nginx"]
    assert "(sleep)" in lines["nginx"] and "(sleep)" not in lines["client"]
    assert {one["Names"] for one in json.loads(virtnet(host, "ps --json"))} == {"nginx", "client", "db1", "db2"}
    assert pid


def test_port(host):
    assert virtnet(host, "port nginx") == "80/tcp -> 0.0.0.0:8080\n"
    assert virtnet(host, "port client") == ""
    assert json.loads(virtnet(host, "port nginx --json"))[0]["to_address"] == "172.30.0.2"
    assert "did you mean nginx?" in virtnet(host, "port ngnix", status=2)


def test_bridges(host):
    lines = virtnet(host, "bridges").splitlines()
    assert lines[0].split() == ["BRIDGE", "ID", "STP", "DRIVER", "INTERFACES"]
    assert [line.split()[0] for line in lines[1:] if line.startswith("br-")] == ["br-db", "br-web"]


def test_exec_has_the_containers_names_and_passes_the_exit_status_on(host):
    assert "172.30.0.3" in virtnet(host, "exec nginx -- getent hosts client")
    assert virtnet(host, "exec nginx -- sh -c 'exit 7'", status=7) == ""
    assert "did you mean nginx?" in virtnet(host, "exec nginy -- true", status=2)


def test_stats(host):
    def sent():
        rows = json.loads(virtnet(host, "stats --json"))
        return next(row["sent_packets"] for row in rows if row["container"] == "client")

    before = sent()
    host.sh(PING)
    assert sent() >= before + 3
    assert "client" in virtnet(host, "stats --once")
    assert 'virtnet_endpoint_sent_packets_total{container="client",network="web",veth="' in virtnet(
        host, "stats --prometheus"
    )


def test_stats_of_published_ports(host):
    def row():
        (found,) = json.loads(virtnet(host, "stats --ports --json"))
        assert (found["container"], found["port"]) == ("nginx", "0.0.0.0:8080->80/tcp")
        return found

    before = row()["connections"]
    assert packets.arrives(host, None, "172.30.0.1", 8080, "nginx", at=80)
    assert row()["connections"] == before + 1
    assert virtnet(host, "stats --ports --once").splitlines()[1].split()[:3] == [
        "nginx", "0.0.0.0:8080->80/tcp", str(before + 1)
    ]  # fmt: skip
    line = 'virtnet_port_connections{container="nginx",port="0.0.0.0:8080->80/tcp"} %d'
    assert line % (before + 1) in virtnet(host, "stats --ports --prometheus")


def test_stats_of_published_ports_have_bytes_where_the_kernel_counts_them(host):
    host.sh("sysctl -qw net.netfilter.nf_conntrack_acct=1")
    try:
        assert packets.arrives(host, None, "172.30.0.1", 8080, "nginx", at=80)
        (row,) = json.loads(virtnet(host, "stats --ports --json"))
        assert row["packets"] >= 6 and row["bytes"] > row["packets"] * 40
    finally:
        host.sh("sysctl -qw net.netfilter.nf_conntrack_acct=0")


def on_terminal(host, words, seconds=None):
    """What the command prints on a terminal, ended by SIGINT after some seconds."""
    wrapped = "env -u LINES timeout -s INT %s /usr/local/sbin/virtnet %s" % (seconds or 30, words)
    return host.try_sh("script -qec 'stty rows 3; %s' /dev/null </dev/null" % wrapped).stdout


def test_colours_are_for_terminals_only(host):
    assert on_terminal(host, "ls").startswith("\x1b[1mNETWORK")
    assert "\x1b" not in on_terminal(host, "ls --json")
    assert on_terminal(host, "trace client 172.31.0.2 80").startswith("\x1b[31mtcp from client")
    assert "\x1b" not in virtnet(host, "ls")
    assert "\x1b" not in host.sh("NO_COLOR=1 script -qec '/usr/local/sbin/virtnet ls' /dev/null </dev/null")


def test_stats_are_refreshed_on_a_terminal_and_fit_it(host):
    shown = on_terminal(host, "stats", seconds=3).split("\x1b[2J\x1b[H")[1:]
    assert len(shown) >= 2, shown
    assert all(screen.count("\n") <= 3 for screen in shown), shown
    assert "/s)" in shown[1]


@pytest.mark.parametrize("name", ["client", "web"])
def test_capture_is_a_pcap_file_with_the_packets(host, name):
    host.sh(
        "/usr/local/sbin/virtnet capture %s --seconds 20 --count 4 >/run/web.pcap & "
        "until [ -s /run/web.pcap ]; do sleep 0.05; done; %s; wait $!" % (name, PING)
    )
    data = host.call(_read, "/run/web.pcap")
    host.sh("rm /run/web.pcap")
    assert struct.unpack_from("=IHH", data) == (0xA1B2C3D4, 2, 4)
    assert bytes([172, 30, 0, 3, 172, 30, 0, 2]) in data
    if shutil.which("tcpdump"):
        shown = subprocess.run(["tcpdump", "-nr", "-"], input=data, capture_output=True, check=True).stdout.decode()
        assert "172.30.0.3 > 172.30.0.2: ICMP echo request" in shown


def _read(path):
    with open(path, "rb") as file:
        return file.read()


def test_trace_says_which_rule_drops_a_packet(host):
    said = virtnet(host, "trace client 172.31.0.2 80", status=1)
    assert "tcp from client (172.30.0.3) to 172.31.0.2 port 80: dropped in table inet virtnet, chain in_nat" in said
    assert "came straight to the container" in said
    said = json.loads(virtnet(host, "trace db1 172.31.0.3 --json", status=1))
    assert (said["table"], said["chain"], said["rule"]) == ("bridge virtnet", "forward", "icc: false")
    host.sh("ip addr flush dev eth0 scope global; ip addr add 172.30.0.77/24 dev eth0", "client")
    try:
        said = virtnet(host, "trace client 172.30.0.2 80", status=1)
        assert "table bridge virtnet, chain" in said and "not the port's" in said
    finally:
        Role(host).change([WEB, DB], CONTAINERS)


def test_trace_says_that_no_rule_drops_it(host):
    assert "refuses it: nothing listens there" in virtnet(host, "trace client 172.30.0.2 81")
    packets.listen(host, 80, netns="nginx")
    assert "it is answered" in virtnet(host, "trace client 172.30.0.2 80")
    assert "it is answered" in virtnet(host, "trace client 172.30.0.1")
    assert "virtnet_trace" not in host.sh("nft list tables")
    assert "must be an IP address" in virtnet(host, "trace client nginx", status=2)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(host, shell):
    script = virtnet(host, "completion " + shell)
    assert "capture" in script and "prometheus" in script
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_bash_completes_subcommands(host):
    script = virtnet(host, "completion bash") + 'COMP_WORDS=(virtnet in) COMP_CWORD=1; _virtnet; echo "${COMPREPLY[@]}"'
    assert subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True).stdout == "inspect\n"


def test_completion_knows_the_names_of_networks_and_containers(host):
    for words, name in (
        ("port cli", "client"),
        ("inspect we", "web"),
        ("capture we", "web"),
        ("completion fi", "fish"),
    ):
        line = 'COMP_WORDS=(virtnet %s) COMP_CWORD=2; _virtnet; echo "${COMPREPLY[@]}"' % words
        script = virtnet(host, "completion bash") + line
        assert host.sh("PATH=/usr/local/sbin:$PATH bash -c '%s'" % script.replace("'", "'\\''")) == name + "\n"


def test_only_root_reads_networks(host):
    done = host.try_sh("setpriv --reuid=65534 --clear-groups /usr/local/sbin/virtnet ls")
    assert (done.returncode, done.stderr) == (2, "virtnet: networks are read as root: sudo virtnet ls\n")


@pytest.mark.skipif(not shutil.which("groff"), reason="groff is not installed")
def test_the_manual_is_valid(host):
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww"], input=virtnet(host, "man"), capture_output=True,
                          text=True, check=True)  # fmt: skip
    assert done.stderr == ""


def test_the_manual_names_each_subcommand(host):
    page = virtnet(host, "man")
    for word in ("ls", "inspect", "ps", "port", "bridges", "exec", "stats", "capture", "trace", "check", "restore"):
        assert "\n.B" in page and word in page, word


def test_the_command_is_removed_without_a_trace():
    with Host() as made:
        engine.own_disks(made)
        before = made.snapshot()
        made.module("host_command")
        assert made.module("host_command", state="absent", check=True)["changed"]
        made.module("host_command", state="absent")
        assert made.snapshot() == before
