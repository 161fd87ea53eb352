# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each scenario below extensions/molecule passes `molecule test`, on a machine that has nothing of ours yet.

That machine is a network and a mount namespace with an empty /run, so the scenario finds no link, namespace or memory
of the real one and leaves none there.
"""

from __future__ import annotations

import os
import subprocess

import pytest

from kit import machine
from kit.checkout import HOME

SCENARIOS = sorted(path.parent.name for path in HOME.glob("extensions/molecule/*/molecule.yml"))
MACHINE = machine.OWN + "exec molecule test --scenario-name {scenario}"


@pytest.mark.slow
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(scenario, tmp_path):
    settings = {
        "ANSIBLE_HOME": str(tmp_path / "ansible"),
        "MOLECULE_EPHEMERAL_DIRECTORY": str(tmp_path / "molecule"),
        "NO_COLOR": "1",
    }

    run = subprocess.run(
        ["unshare", "--net", "--mount", "sh", "-c", MACHINE.format(scenario=scenario)],
        cwd=HOME,
        env={**os.environ, **settings},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    assert run.returncode == 0, run.stdout
