# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scenarios below extensions/molecule, each run on a machine without managed objects.

That machine is a network and a mount namespace with an empty /run, so the scenario finds no link, namespace or runtime
state of the real one and leaves none there.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from kit import machine
from kit.checkout import HOME

SCENARIOS = sorted({path.parent.name for path in HOME.glob("extensions/molecule/*/molecule.yml")})

_MACHINE = machine.OWN + "exec molecule test --scenario-name {scenario}"


def run(scenario: str, tmp_path: Path) -> None:
    """`molecule test`, whose output has the reason of a failure."""
    settings = {
        "ANSIBLE_HOME": str(tmp_path / "ansible"),
        "MOLECULE_EPHEMERAL_DIRECTORY": str(tmp_path / "molecule"),
        "NO_COLOR": "1",
    }

    done = subprocess.run(
        ["unshare", "--net", "--mount", "sh", "-c", _MACHINE.format(scenario=scenario)],
        cwd=HOME,
        env={**os.environ, **settings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
