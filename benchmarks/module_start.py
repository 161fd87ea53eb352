# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Start-up: what each module takes on a host that has nothing, over a module that does nothing.

Ansible packs a module with all that it imports; `ansible` is asked to keep those packages, and they are run as a host
runs them, without Ansible's own part of a task.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.host import enter_command, run
from benchmarks.table import Spread, table

_BIN = Path(sys.executable).parent
_EMPTY = """#!/usr/bin/python
from ansible.module_utils.basic import AnsibleModule

AnsibleModule(argument_spec={}).exit_json()
"""
MODULES: dict[str, dict[str, Any]] = {
    "netns": {"name": "c1", "state": "absent"},
    "bridge": {"name": "br0", "state": "absent"},
    "veth": {"name": "veth0", "state": "absent"},
    "interface": {"device": "eth9", "state": "absent", "netns": "c1"},
    "vxlan_tunnel": {"name": "vx0", "state": "absent"},
    "bridge_policy": {"bridge": "br0", "state": "absent"},
    "nat_port": {"host_port": "8080", "state": "absent"},
    "topology": {},
    "network_info": {},
}


def measure(rounds: int) -> dict[str, Any]:
    """Milliseconds of processor time of every module and of the empty one, in turns."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        command = enter_command([sys.executable, "-m", __name__, folder, str(rounds)])
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def show(measured: dict[str, Any]) -> str:
    """The table."""
    empty = Spread.of(measured["empty"]).median
    rows: dict[str, list[object | None]] = {}
    for name, values in measured.items():
        spread = Spread.of(values)
        rows[name] = [spread, "" if name == "empty" else "%.0f" % (spread.median - empty)]
    return table(
        "A module that has nothing to do, on a host that has nothing, ms of processor time",
        ["", "over the empty one"],
        rows,
    )


def _package(folder: Path, name: str, arguments: dict[str, Any]) -> Path:
    """The module as Ansible sends it."""
    home = folder / name.rpartition(".")[2]
    home.mkdir()
    (home / "ansible.cfg").touch()
    (home / "empty.py").write_text(_EMPTY)
    places = {
        "HOME": home,
        "REMOTE_TEMP": home / "remote",
        "LOCAL_TEMP": home / "local",
        "CONFIG": home / "ansible.cfg",
    }
    settings = {**places, "KEEP_REMOTE_FILES": 1, "PYTHON_INTERPRETER": sys.executable}
    environment = {
        **os.environ,
        "LC_ALL": "C.UTF-8",
        **{"ANSIBLE_" + key: str(value) for key, value in settings.items()},
    }
    command = [str(_BIN / "ansible"), "localhost", "-i", "localhost,", "-c", "local", "-M", str(home)]
    given = ["-a", json.dumps(arguments)] if arguments else []
    run(*command, "-m", name, *given, env=environment)
    return next((home / "remote").rglob("AnsiballZ_*.py"))


def _processor_time() -> float:
    """Seconds that children have spent on a processor: start-up waits for nothing else, and others do not count."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def _main(folder: Path, rounds: int) -> None:
    packages = {"empty": _package(folder, "empty", {})}
    for name, arguments in MODULES.items():
        packages[name] = _package(folder, "virtnet.linux." + name, arguments)
    times: dict[str, list[float]] = {name: [] for name in packages}
    for _turn in range(rounds):
        for name, package in packages.items():
            began = _processor_time()
            run(sys.executable, str(package))
            times[name].append((_processor_time() - began) * 1000)
    print(json.dumps(times))


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]))
