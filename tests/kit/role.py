# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role bridge_network on a throwaway host: its steps in this process, which takes a tenth of a second, or for real.

The steps are those of roles/bridge_network/tasks/main.yml: read back, plan, refuse or converge.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from ansible_collections.virtnet.linux.plugins.filter.bridge_network_plan import FilterModule
from kit import snapshot
from kit.host import Host

_SECONDS = 300


class Role:
    """The role, with the networks and containers that a call is given."""

    def __init__(self, host: Host) -> None:
        self.host = host

    def plan(self, networks: Any = (), containers: Any = (), purge: bool = False, **more: Any) -> dict[str, Any]:
        """Errors, warnings and topology; with more of the role's variables, without its name in front."""
        declared = {
            "networks": list(networks),
            "containers": list(containers),
            "purge": purge,
            "role": "bridge_network",
            "host": "h1",
            **more,
        }
        return FilterModule().filters()["bridge_network_plan"](declared, self.host.module("network_info"))

    def change(self, *lists: Any, **options: Any) -> list[dict[str, Any]]:
        """The actions of a run that has something to do; with what Host.change() asserts, of the whole role."""
        topology = self._topology(*lists, **options)
        actions = self.host.change("topology", **topology)["actions"]
        self.host.finds_nothing_to_do("topology", **self._topology(*lists, **options))
        return actions

    def unchanged(self, *lists: Any, **options: Any) -> None:
        """A run that has nothing to do."""
        self.host.unchanged("topology", **self._topology(*lists, **options))

    def refused(self, *lists: Any, **options: Any) -> list[str]:
        """The errors of a run that the role refuses before any change."""
        before = self.host.snapshot()
        planned = self.plan(*lists, **options)
        assert planned["errors"] and not any(planned["topology"].values()), planned
        snapshot.same(before, self.host.snapshot())
        return planned["errors"]

    def live(self) -> dict[str, dict[str, list[str]]]:
        """Container -> network -> addresses without lengths, as network_info reports."""
        return {
            container["name"]: {
                endpoint["network"]: [address.split("/")[0] for address in endpoint["addresses"]]
                for endpoint in container["endpoints"]
            }
            for container in self.host.module("network_info")["containers"]
        }

    def _topology(self, *lists: Any, **options: Any) -> dict[str, Any]:
        planned = self.plan(*lists, **options)
        assert planned["errors"] == [], planned["errors"]
        return {kind: objects for kind, objects in planned["topology"].items() if objects}


class Played(NamedTuple):
    """What a run of ansible-playbook printed, and what it counted."""

    code: int
    output: str

    @property
    def changed(self) -> int:
        return int(re.findall(r" changed=(\d+)", self.output)[-1])

    @property
    def tasks(self) -> int:
        return len(re.findall(r"^TASK \[", self.output, re.MULTILINE))


def play(host: Host, playbook: str, home: Path, *options: str) -> Played:
    """Run a playbook (a path, or a collection's by name) against localhost, which is the throwaway host."""
    command = ["ansible-playbook", "-i", "localhost,", playbook, *options]
    environment = {**os.environ, "ANSIBLE_HOME": str(home), "ANSIBLE_FORCE_COLOR": "0", "ANSIBLE_NOCOLOR": "1"}
    return Played(*host.call(_run, command, environment, str(home)))


def playbook_of(home: Path, **variables: Any) -> str:
    """A playbook that is the role with these variables; its path."""
    path = home / "play.yml"
    settings = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    settings.update({"bridge_network_" + name: value for name, value in variables.items()})
    whole = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": settings}
    path.write_text(yaml.safe_dump([{**whole, "roles": ["virtnet.linux.bridge_network"]}]))
    return str(path)


def _run(command: list[str], environment: dict[str, str], directory: str) -> tuple[int, str]:
    done = subprocess.run(
        command, env=environment, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False, timeout=_SECONDS,
    )  # fmt: skip
    return done.returncode, done.stdout
