# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fastest that a shell does: few processes, each with a batch.

One `ip -batch` for the host, `ip -batch` in each namespace by nsenter, as many at a time as there are cores, and one
`nft -f`. Entering by nsenter is quicker than by `ip -n`, which makes a mount namespace and mounts /sys in it.
"""

from __future__ import annotations

import os

from benchmarks.host import run
from benchmarks.peers.peer import BRIDGE, GATEWAY, LENGTH, SUBNET, Endpoint, Peer, command_missing

_TABLE = """
table ip bench {
    map ports { type inet_proto . inet_service : ipv4_addr . inet_service; elements = { %s } }
    chain publish { type nat hook prerouting priority -100;
        fib daddr type local dnat ip to meta l4proto . th dport map @ports
    }
    chain outgoing { type nat hook postrouting priority 100;
        ip saddr %s oifname != "%s" masquerade
    }
}
"""
_CREATE = """set -e
ip -batch host
ls endpoints | xargs -P%d -I{} nsenter --net=/run/netns/{} ip -batch endpoints/{}
nft -f nft
"""
_ADD = """set -e
ip -batch host-new
nsenter --net=/run/netns/%(name)s ip -batch new
nft add element ip bench ports '{ tcp . %(port)d : %(address)s . 80 }'
"""
_REMOVE = """set -e
nft delete element ip bench ports '{ tcp . %(port)d }'
ip netns del %(name)s
"""
_REMOVE_ALL = "set -e\nnft delete table ip bench\nip -batch gone\n"


class Shell(Peer):
    """ip -batch, nsenter and nft -f."""

    name = "shell"
    about = "ip -batch, as many nsenter ip -batch at a time as there are cores, one nft -f"

    @classmethod
    def missing(cls) -> str | None:
        return command_missing("ip", "nft", "nsenter", "xargs")

    def prepare(self, endpoints: list[Endpoint], new: Endpoint) -> None:
        bridge = ["link add %s type bridge" % BRIDGE, "addr add %s/%d dev %s" % (GATEWAY, LENGTH, BRIDGE)]
        bridge.append("link set %s up" % BRIDGE)
        self._write("host", bridge + [line for endpoint in endpoints for line in _outside(endpoint)])
        self._write("host-new", _outside(new))
        self._write("new", _within(new))
        (self.folder / "endpoints").mkdir()
        for endpoint in endpoints:
            self._write("endpoints/" + endpoint.name, _within(endpoint))
        elements = ", ".join("tcp . %d : %s . 80" % (one.port, one.address) for one in endpoints)
        self._write("nft", [_TABLE % (elements, SUBNET, BRIDGE)])
        self._write("gone", ["netns del " + one.name for one in endpoints] + ["link del " + BRIDGE])
        self._new = {"name": new.name, "port": new.port, "address": new.address}

    def create(self) -> None:
        self._sh(_CREATE % (os.cpu_count() or 1))

    def add_alone(self) -> None:
        self._sh(_ADD % self._new)

    def remove(self) -> None:
        self._sh(_REMOVE % self._new)

    def remove_all(self) -> None:
        self._sh(_REMOVE_ALL)

    def _sh(self, script: str) -> None:
        run("sh", "-c", script, cwd=self.folder)

    def _write(self, name: str, lines: list[str]) -> None:
        (self.folder / name).write_text("\n".join(lines) + "\n")


def _outside(endpoint: Endpoint) -> list[str]:
    pair = "link add %s master %s up type veth peer name eth0 netns %s"
    return ["netns add " + endpoint.name, pair % (endpoint.veth, BRIDGE, endpoint.name)]


def _within(endpoint: Endpoint) -> list[str]:
    address = "addr add %s/%d dev eth0" % (endpoint.address, LENGTH)
    return ["link set lo up", "link set eth0 up", address, "route add default via " + GATEWAY]
