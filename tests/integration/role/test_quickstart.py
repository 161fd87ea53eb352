# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks quickstart and quickstart_down, repeatedly."""

from __future__ import annotations

import re

import pytest

from kit import checkout, packets, snapshot
from kit.role import play

OTHER_PORT = ("-e", "quickstart_port=8081")


@pytest.mark.long
def test_quickstart_and_quickstart_down_are_idempotent(host, tmp_path):
    stranger = packets.listen(host, 8080)
    before = host.snapshot()
    predicted = play(host, "virtnet.linux.quickstart", tmp_path, "--check", "--diff", *OTHER_PORT)
    assert (predicted.code, predicted.changed) == (0, 2), predicted.output
    snapshot.same(before, host.snapshot())
    for name in ("nginx", "outside"):  # of servers that ended with a crash: their pid is another's now
        host.sh(f"echo {stranger} >/run/virtnet-quickstart-{name}.pid")
    up = play(host, "virtnet.linux.quickstart", tmp_path, *OTHER_PORT)
    assert up.code == 0, up.output
    for expected in ("172.30.0.0/16", "nginx", "172.30.0.2", "02:42:ac:1e:00:02", "8081", "Hello from nginx", "br-web"):
        assert expected in up.output, up.output
    assert host.links("nginx")["eth0"]["address"] == "02:42:ac:1e:00:02"
    again = play(host, "virtnet.linux.quickstart", tmp_path, *OTHER_PORT)
    assert (again.code, again.changed) == (0, 0), again.output
    refused = play(host, "virtnet.linux.quickstart", tmp_path)
    assert refused.code != 0 and f"python3 (pid {stranger}) listens on 0.0.0.0 port 8080/tcp" in refused.output
    created = host.snapshot()
    predicted = play(host, "virtnet.linux.quickstart_down", tmp_path, "--check", "--diff")
    snapshot.same(created, host.snapshot())
    down = play(host, "virtnet.linux.quickstart_down", tmp_path)
    assert (predicted.code, predicted.changed) == (0, down.changed) == (0, 3), predicted.output
    assert down.code == 0, down.output
    snapshot.same(before, host.snapshot())
    again = play(host, "virtnet.linux.quickstart_down", tmp_path)
    assert (again.code, again.changed) == (0, 0), again.output


@pytest.mark.long
def test_quickstart_down_predicts_that_a_foreign_process_keeps_its_container(host, tmp_path):
    up = play(host, "virtnet.linux.quickstart", tmp_path)
    assert up.code == 0, up.output
    stranger = host.start("sleep", "60", netns="nginx")
    for arguments in (["--check"], []):
        refused = play(host, "virtnet.linux.quickstart_down", tmp_path, *arguments)
        expected = rf"container nginx: .*processes run in its namespace: pid [\d, ]*\b{stranger};"
        assert refused.code != 0 and re.search(expected, refused.output), refused.output


def test_the_readme_lists_what_the_quickstart_uses(host, tmp_path):
    """The README's table against a run: links, subnets, port, namespaces, sysctl and nftables table."""
    table = checkout.HOME.joinpath("README.md").read_text().partition("the quickstart uses on the machine")[2]
    table = table.partition("## Install")[0]
    before = set(host.sh("nft list tables").splitlines()), set(host.links())
    assert host.sh("sysctl -n net.ipv4.ip_forward").strip() == "0"
    up = play(host, "virtnet.linux.quickstart", tmp_path)
    assert up.code == 0, up.output
    assert host.sh("sysctl -n net.ipv4.ip_forward").strip() == "1"
    tables = set(host.sh("nft list tables").splitlines()) - before[0]
    links = {name for name in set(host.links()) - before[1] if not name.startswith("veth")}
    names = {line.split()[0] for line in host.sh("ip netns").splitlines()}
    used = [*(one.removeprefix("table ") for one in tables), *links, *names, "172.30.0.0/16", "198.51.100.0/24"]
    for one in [*used, "8080", "ip_forward"]:
        assert one in table, one
    assert play(host, "virtnet.linux.quickstart_down", tmp_path).code == 0
    assert host.sh("sysctl -n net.ipv4.ip_forward").strip() == "0"
