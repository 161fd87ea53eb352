# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""netavark, called as Podman calls it: a setup for each endpoint, with the addresses that the caller has chosen."""

from __future__ import annotations

import json

from benchmarks.host import run
from benchmarks.peers.peer import BRIDGE, GATEWAY, SUBNET, Endpoint, Peer, command_missing

_NETAVARK = "/usr/lib/podman/netavark"


class Netavark(Peer):
    """Podman's network program."""

    name = "netavark"
    about = "a setup for each endpoint"
    largest = 100

    @classmethod
    def missing(cls) -> str | None:
        return command_missing(_NETAVARK, "iptables")

    def prepare(self, endpoints: list[Endpoint], new: Endpoint) -> None:
        self._endpoints, self._new = endpoints, new

    def create(self) -> None:
        for endpoint in self._endpoints:
            self._setup(endpoint)

    def add_alone(self) -> None:
        self._setup(self._new)

    def remove(self) -> None:
        self._teardown(self._new)

    def remove_all(self) -> None:
        for endpoint in self._endpoints:
            self._teardown(endpoint)

    def _setup(self, endpoint: Endpoint) -> None:
        run("ip", "netns", "add", endpoint.name)
        self._call("setup", endpoint)

    def _teardown(self, endpoint: Endpoint) -> None:
        self._call("teardown", endpoint)
        run("ip", "netns", "del", endpoint.name)

    def _call(self, verb: str, endpoint: Endpoint) -> None:
        port = {"container_port": 80, "host_ip": "", "host_port": endpoint.port, "protocol": "tcp", "range": 1}
        network = {"name": "bench", "id": "0" * 64, "driver": "bridge", "network_interface": BRIDGE,
                   "subnets": [{"subnet": SUBNET, "gateway": GATEWAY}], "ipv6_enabled": False, "internal": False,
                   "dns_enabled": False, "ipam_options": {"driver": "host-local"}}  # fmt: skip
        options = {
            "container_id": endpoint.name * 8,
            "container_name": endpoint.name,
            "port_mappings": [port],
            "networks": {"bench": {"static_ips": [endpoint.address], "interface_name": "eth0"}},
            "network_info": {"bench": network},
        }
        folder = str(self.folder)
        run(_NETAVARK, "--config", folder, verb, str(self.netns(endpoint)), stdin=json.dumps(options))
