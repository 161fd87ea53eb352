# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""This collection as people use it: the role bridge_network in a playbook."""

from __future__ import annotations

import json
from typing import Any

from benchmarks.peers.ansible import playbook, playbook_missing
from benchmarks.peers.peer import BRIDGE, GATEWAY, SUBNET, Endpoint, Peer


class Role(Peer):
    """One run of the role, and one more with nothing to do."""

    name = "role"
    about = "ansible-playbook with virtnet.linux.bridge_network"
    once_from = 500

    @classmethod
    def missing(cls) -> str | None:
        return playbook_missing()

    def prepare(self, endpoints: list[Endpoint], new: Endpoint) -> None:
        self._write("create", declaration(endpoints))
        self._write("add", declaration([*endpoints, new]))
        self._write("remove", absent([new]))
        self._write("gone", absent(endpoints, network=True))

    def create(self) -> None:
        playbook(self.folder, "create.yml")

    def again(self) -> None:
        playbook(self.folder, "create.yml")

    def add(self) -> None:
        playbook(self.folder, "add.yml")

    def remove(self) -> None:
        playbook(self.folder, "remove.yml")

    def remove_all(self) -> None:
        playbook(self.folder, "gone.yml")

    def _write(self, name: str, declared: dict[str, Any]) -> None:
        variables = {"bridge_network_" + key: value for key, value in declared.items()}
        roles = [{"role": "virtnet.linux.bridge_network"}]
        play = {"hosts": "localhost", "gather_facts": False, "vars": variables, "roles": roles}
        (self.folder / (name + ".yml")).write_text(json.dumps([play]))  # which is YAML too


def declaration(endpoints: list[Endpoint]) -> dict[str, Any]:
    """The role's variables for these endpoints, without the role's name in front."""
    return {
        "networks": [{"name": "bench", "bridge": BRIDGE, "subnet": SUBNET, "gateway": GATEWAY}],
        "containers": [
            {
                "name": one.name,
                "networks": [{"name": "bench", "ipv4_address": one.address}],
                "ports": ["%d:80" % one.port],
            }
            for one in endpoints
        ],
    }


def absent(endpoints: list[Endpoint], network: bool = False) -> dict[str, Any]:
    """The variables that take these endpoints away, and the network too."""
    declared: dict[str, Any] = {"containers": [{"name": one.name, "state": "absent"} for one in endpoints]}
    if network:
        declared["networks"] = [{"name": "bench", "state": "absent"}]
    return declared
