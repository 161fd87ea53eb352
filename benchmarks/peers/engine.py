# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""This collection without Ansible: converge(), all modules' work in one process.

What is converged is what the role would hand over: the planner makes it of the same declaration, before the clock
starts. The clock of converge() is inside the process; a second one is around it, with Python's start and all imports.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
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
        self._run("plan", name, stdin=json.dumps(declared))

    def _converge(self, name: str) -> float | None:
        return float(self._run("converge", name))

    def _run(self, verb: str, name: str, stdin: str = "") -> str:
        return run(self.python, "-m", __name__, verb, str(self.folder / (name + ".json")), stdin=stdin)


class EngineProcess(Engine):
    """The same with the clock around the process."""

    name = "engine, process"
    about = "the same, with the start of Python and all imports"

    def _converge(self, name: str) -> None:
        self._run("converge", name)


def _only(document: dict[str, Any], endpoint: Endpoint) -> dict[str, Any]:
    """The objects of one endpoint."""
    return {
        "netns": [one for one in document["netns"] if one["name"] == endpoint.name],
        "veth": [one for one in document["veth"] if one["peer"]["netns"] == endpoint.name],
        "nat_port": [one for one in document["nat_port"] if one["host_port"] == str(endpoint.port)],
    }


def _main(verb: str, file: Path) -> None:
    if verb == "plan":
        file.write_text(json.dumps(_planned(json.load(sys.stdin))))
        return
    from ansible_collections.virtnet.linux.plugins.module_utils.converge import KINDS, converge

    for kind in KINDS.values():  # which else are read when they are first used
        assert kind.KIND
    document = json.loads(file.read_text())
    began = time.perf_counter()
    converge(document)
    print((time.perf_counter() - began) * 1000)


def _planned(declared: dict[str, Any]) -> dict[str, Any]:
    """The topology that the role would hand over, complete as the module makes it."""
    from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

    from ansible_collections.virtnet.linux.plugins.module_utils.converge import KINDS
    from ansible_collections.virtnet.linux.plugins.module_utils.report import report
    from ansible_collections.virtnet.linux.plugins.plugin_utils.plan import plan

    whole = {
        "role": "bridge_network",
        "networks": [],
        "containers": [],
        "purge": False,
        "host": "localhost",
        **declared,
    }
    planned = plan(whole, report())
    if planned["errors"]:
        raise SystemExit("\n".join(planned["errors"]))
    validators = {kind: ArgumentSpecValidator(module.OPTIONS) for kind, module in KINDS.items()}
    objects = {kind: planned["topology"].get(kind) or [] for kind in KINDS}
    return {
        kind: [validators[kind].validate(item).validated_parameters for item in items]
        for kind, items in objects.items()
    }


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]))
