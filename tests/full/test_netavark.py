# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Podman's network, created by netavark itself, is unchanged and works on the same host."""

from __future__ import annotations

import json

from integration.robust import engine, killing
from integration.robust.documents import VTEP, absent

from kit import packets, snapshot

NETWORK = {
    "name": "podman", "id": "0" * 64, "driver": "bridge", "network_interface": "podman0", "internal": False,
    "subnets": [{"subnet": "10.88.0.0/16", "gateway": "10.88.0.1"}], "ipv6_enabled": False, "dns_enabled": False,
    "ipam_options": {"driver": "host-local"},
}  # fmt: skip
CONTAINER = {
    "container_id": "p" * 64, "container_name": "p1",
    "port_mappings": [{"container_port": 80, "host_ip": "", "host_port": 7000, "protocol": "tcp", "range": 1}],
    "networks": {"podman": {"static_ips": ["10.88.0.2"], "interface_name": "eth0"}},
    "network_info": {"podman": NETWORK},
}  # fmt: skip


def theirs(host):
    """All objects of netavark: its links, its container, its rules."""
    taken = host.snapshot()
    links = {name: one for name, one in taken["stacks"][""]["links"].items() if name in ("podman0", "veth0", "eth0")}
    tables = [one for one in taken["nftables"] if "virtnet" not in str(one)]
    return {"links": links, "container": taken["stacks"]["p1"], "tables": tables}


def works(host):
    assert packets.seen(host, "outside", VTEP, 7000, "p1", at=80) == "192.0.2.99"
    assert packets.seen(host, "p1", "192.0.2.99", 7001, "outside") == VTEP


def test_coexists_with_podmans_network(host):
    host.sh("ip netns add outside && ip link set wire netns outside")
    host.sh("ip link set lo up; ip address add 192.0.2.99/24 dev wire; ip link set wire up", "outside")
    host.sh("mkdir /run/podman; ip netns add p1; /usr/lib/podman/netavark --config /run/podman setup /run/netns/p1"
            f" <<'END'\n{json.dumps(CONTAINER)}\nEND")  # fmt: skip
    works(host)
    everything, before = host.snapshot(), theirs(host)
    assert "podman0" in before["links"] and before["tables"]
    small, change = killing.WAYS["change"]
    for document in (small, change):
        engine.run(host, document)
        snapshot.same(before, theirs(host))
        works(host)
    for document in (killing.OTHER, killing.SMALL):
        engine.run(host, absent(document))
    works(host)
    snapshot.same(everything, host.snapshot())
