# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""ifstate, a declarative tool of another kind: it publishes no ports, and is verified by ping alone."""

from __future__ import annotations

import json
import os

from benchmarks.host import run
from benchmarks.peers.peer import BRIDGE, GATEWAY, LENGTH, Endpoint, Peer, command_missing

_IFSTATE = os.environ.get("IFSTATECLI", "ifstatecli")


class Ifstate(Peer):
    """One `ifstatecli apply`."""

    name = "ifstate"
    about = "one ifstatecli apply; publishes no ports"
    largest = 100
    ports = False

    @classmethod
    def missing(cls) -> str | None:
        return command_missing(_IFSTATE)

    def prepare(self, endpoints: list[Endpoint], new: Endpoint) -> None:
        self._write("create", endpoints)
        self._write("add", [*endpoints, new])
        self._write("gone", [])

    def create(self) -> None:
        self._apply("create")

    def again(self) -> None:
        self._apply("create")

    def add(self) -> None:
        self._apply("add")

    def remove_all(self) -> None:
        self._apply("gone")

    def _apply(self, name: str) -> None:
        run(_IFSTATE, "--quiet", "--config", str(self.folder / name), "apply")

    def _write(self, name: str, endpoints: list[Endpoint]) -> None:
        interfaces: dict[str, object] = {}
        if endpoints:
            interfaces[BRIDGE] = {
                "addresses": ["%s/%d" % (GATEWAY, LENGTH)],
                "link": {"kind": "bridge", "state": "up"},
            }
        for one in endpoints:
            link = {"kind": "veth", "peer": "eth0", "peer_netns": one.name, "state": "up", "master": BRIDGE}
            interfaces[one.veth] = {"link": link}
        declared = {
            "parameters": {"ignore": {"ifname": ["^lo$", "^uplink$"]}},
            "interfaces": interfaces,
            "namespaces": {one.name: _within(one) for one in endpoints},
        }
        (self.folder / name).write_text(json.dumps(declared))  # which is YAML too


def _within(endpoint: Endpoint) -> dict[str, object]:
    link = {"kind": "veth", "state": "up", "peer": endpoint.veth, "peer_netns": None}
    nic = {"addresses": ["%s/%d" % (endpoint.address, LENGTH)], "link": link}
    return {"interfaces": {"eth0": nic}, "routing": {"routes": [{"to": "0.0.0.0/0", "via": GATEWAY}]}}
