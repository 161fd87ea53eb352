# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""This collection without Ansible: converge(), all modules' work in one process.

What is converged is what the role would hand over: the planner makes it of the same declaration, before the clock
starts. The clock of converge() is inside the process; a second one is around it, with Python's start and all imports.
"""

from __future__ import annotations

import json
from typing import Any

from benchmarks.host import run
from benchmarks.peers.peer import Endpoint, Peer
from benchmarks.peers.role import absent, declaration


class Engine(Peer):
    """converge() in a new process each time; its own time counts."""

    name = "engine"
    about = "converge() of this collection, in a process that has imported it"

    def prepare(self, endpoints: list[Endpoint], new: Endpoint) -> None:
        self._endpoints, self._new = endpoints, new

    def before(self, verb: str) -> None:
        if verb == "create":
            self._plan("create", declaration(self._endpoints))
        elif verb == "add":
            self._plan("add", declaration([*self._endpoints, self._new]))
            document = json.loads((self.folder / "add.json").read_text())
            (self.folder / "add_alone.json").write_text(json.dumps(_only(document, self._new)))
        elif verb == "remove":
            self._plan("remove", absent([self._new]))
        elif verb == "remove_all":
            self._plan("remove_all", absent(self._endpoints, network=True))

    def create(self) -> float | None:
        return self._converge("create")

    def again(self) -> float | None:
        return self._converge("create")

    def add(self) -> float | None:
        return self._converge("add")

    def add_alone(self) -> float | None:
        return self._converge("add_alone")

    def remove(self) -> float | None:
        return self._converge("remove")

    def remove_all(self) -> float | None:
        return self._converge("remove_all")

    def _plan(self, name: str, declared: dict[str, Any]) -> None:
        """In a process of its own, with what the host looks like by now."""
        planned = run(self.python, "-m", "benchmarks.planned", stdin=json.dumps(declared))
        (self.folder / (name + ".json")).write_text(planned)

    def _converge(self, name: str) -> float | None:
        return float(self._run(name))

    def _run(self, name: str) -> str:
        return run(self.python, "-m", "benchmarks.converge", str(self.folder / (name + ".json")))


class EngineProcess(Engine):
    """The same with the clock around the process."""

    name = "engine, process"
    about = "the same, with the start of Python and all imports"

    def _converge(self, name: str) -> None:
        self._run(name)


def _only(document: dict[str, Any], endpoint: Endpoint) -> dict[str, Any]:
    """The objects of one endpoint."""
    return {
        "netns": [one for one in document["netns"] if one["name"] == endpoint.name],
        "veth": [one for one in document["veth"] if one["peer"]["netns"] == endpoint.name],
        "nat_port": [one for one in document["nat_port"] if one["host_port"] == str(endpoint.port)],
    }
