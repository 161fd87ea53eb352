# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CNI's plugins, called as a runtime calls them for each endpoint: bridge (with host-local), then portmap."""

from __future__ import annotations

import json
import os
from typing import Any

from benchmarks.host import run
from benchmarks.peers.peer import BRIDGE, GATEWAY, SUBNET, Endpoint, Peer, command_missing

_PLUGINS = "/usr/lib/cni"


class Cni(Peer):
    """The bridge and portmap plugins."""

    name = "CNI"
    about = "bridge, host-local and portmap, two calls for each endpoint"
    largest = 100

    @classmethod
    def missing(cls) -> str | None:
        return command_missing(_PLUGINS + "/bridge", _PLUGINS + "/portmap", "iptables")

    def prepare(self, endpoints: list[Endpoint], new: Endpoint) -> None:
        self._endpoints, self._new = endpoints, new
        self._results: dict[Endpoint, Any] = {}

    def create(self) -> None:
        for endpoint in self._endpoints:
            self._add(endpoint)

    def add_alone(self) -> None:
        self._add(self._new)

    def remove(self) -> None:
        self._delete(self._new)

    def remove_all(self) -> None:
        for endpoint in self._endpoints:
            self._delete(endpoint)
        run("ip", "link", "del", BRIDGE)

    def address(self, endpoint: Endpoint) -> str:
        return str(self._results[endpoint]["ips"][0]["address"].split("/")[0])

    def _add(self, endpoint: Endpoint) -> None:
        run("ip", "netns", "add", endpoint.name)
        self._results[endpoint] = json.loads(self._call("bridge", "ADD", endpoint, self._bridge()))
        self._call("portmap", "ADD", endpoint, self._portmap(endpoint))

    def _delete(self, endpoint: Endpoint) -> None:
        self._call("portmap", "DEL", endpoint, self._portmap(endpoint))
        self._call("bridge", "DEL", endpoint, self._bridge())
        run("ip", "netns", "del", endpoint.name)

    def _bridge(self) -> dict[str, Any]:
        ipam = {"type": "host-local", "ranges": [[{"subnet": SUBNET, "gateway": GATEWAY}]], "dataDir": str(self.folder)}
        ipam["routes"] = [{"dst": "0.0.0.0/0"}]
        network = {"cniVersion": "0.4.0", "name": "bench", "type": "bridge", "bridge": BRIDGE}
        return {**network, "isGateway": True, "ipMasq": False, "ipam": ipam}

    def _portmap(self, endpoint: Endpoint) -> dict[str, Any]:
        mapping = {"hostPort": endpoint.port, "containerPort": 80, "protocol": "tcp"}
        network = {"cniVersion": "0.4.0", "name": "bench", "type": "portmap", "capabilities": {"portMappings": True}}
        return {**network, "runtimeConfig": {"portMappings": [mapping]}, "prevResult": self._results[endpoint]}

    def _call(self, plugin: str, verb: str, endpoint: Endpoint, configuration: dict[str, Any]) -> str:
        words = {"COMMAND": verb, "CONTAINERID": endpoint.name, "NETNS": str(self.netns(endpoint)), "IFNAME": "eth0"}
        environment = {**os.environ, "CNI_PATH": _PLUGINS, **{"CNI_" + key: value for key, value in words.items()}}
        return run("%s/%s" % (_PLUGINS, plugin), stdin=json.dumps(configuration), env=environment)
