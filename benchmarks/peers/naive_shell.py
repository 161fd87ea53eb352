# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What most scripts do: a process for every step."""

from __future__ import annotations

from benchmarks.host import run
from benchmarks.peers.peer import BRIDGE, GATEWAY, LENGTH, SUBNET, Endpoint, Peer, command_missing

_BEGIN = """set -e
ip link add %(bridge)s type bridge
ip addr add %(gateway)s/%(length)d dev %(bridge)s
ip link set %(bridge)s up
nft add table ip bench
nft 'add map ip bench ports { type inet_proto . inet_service : ipv4_addr . inet_service; }'
nft 'add chain ip bench publish { type nat hook prerouting priority -100; }'
nft add rule ip bench publish fib daddr type local dnat ip to meta l4proto . th dport map @ports
nft 'add chain ip bench outgoing { type nat hook postrouting priority 100; }'
nft add rule ip bench outgoing ip saddr %(subnet)s oifname != %(bridge)s masquerade
"""
_ONE = """ip netns add %(name)s
ip link add %(veth)s type veth peer name eth0 netns %(name)s
ip link set %(veth)s master %(bridge)s
ip link set %(veth)s up
ip -n %(name)s link set lo up
ip -n %(name)s link set eth0 up
ip -n %(name)s addr add %(address)s/%(length)d dev eth0
ip -n %(name)s route add default via %(gateway)s
nft add element ip bench ports '{ tcp . %(port)d : %(address)s . 80 }'
"""


class NaiveShell(Peer):
    """A process for every step."""

    name = "naive shell"
    about = "eight times ip and one nft for each endpoint"
    once_from = 500
    largest = 500

    @classmethod
    def missing(cls) -> str | None:
        return command_missing("ip", "nft")

    def prepare(self, endpoints: list[Endpoint], new: Endpoint) -> None:
        self._new = new
        begin = _BEGIN % {"bridge": BRIDGE, "gateway": GATEWAY, "length": LENGTH, "subnet": SUBNET}
        (self.folder / "create").write_text(begin + "".join(_one(endpoint) for endpoint in endpoints))
        (self.folder / "add").write_text("set -e\n" + _one(new))
        gone = ["ip netns del " + endpoint.name for endpoint in endpoints]
        (self.folder / "gone").write_text(
            "\n".join(["set -e", *gone, "ip link del " + BRIDGE, "nft delete table ip bench\n"])
        )

    def create(self) -> None:
        run("sh", str(self.folder / "create"))

    def add_alone(self) -> None:
        run("sh", str(self.folder / "add"))

    def remove(self) -> None:
        run(
            "sh",
            "-c",
            "nft delete element ip bench ports '{ tcp . %d }' && ip netns del %s" % (self._new.port, self._new.name),
        )

    def remove_all(self) -> None:
        run("sh", str(self.folder / "gone"))


def _one(endpoint: Endpoint) -> str:
    values = {"name": endpoint.name, "veth": endpoint.veth, "address": endpoint.address, "port": endpoint.port}
    return _ONE % {**values, "bridge": BRIDGE, "length": LENGTH, "gateway": GATEWAY}
