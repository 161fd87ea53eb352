# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine loads on every Python that a managed host may have, with the oldest and the newest pyroute2."""

from __future__ import annotations

import subprocess
import sys

import pytest

from kit import pythons
from kit.checkout import HOME

ENGINE = HOME / "plugins" / "module_utils"
# All of it but the one file that knows Ansible, which is not installed here.
MODULES = [
    "ansible_collections.virtnet.linux.plugins.module_utils." + ".".join(path.relative_to(ENGINE).with_suffix("").parts)
    for path in sorted(ENGINE.rglob("*.py"))
    if path.name not in ("__init__.py", "module.py")
]


def test_finds_the_python_that_runs_this():
    assert "%d.%d" % sys.version_info[:2] in pythons.found()


def test_each_is_what_it_is_said_to_be():
    for version, python in pythons.found().items():
        says = subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout
        assert says.startswith("Python %s." % version)


@pytest.mark.slow
@pytest.mark.parametrize("pyroute2", pythons.PYROUTE2)
@pytest.mark.parametrize("version", pythons.found())
def test_engine_loads(version, pyroute2):
    python = pythons.with_pyroute2(version, pyroute2)
    program = "import importlib, sys; [importlib.import_module(name) for name in sys.argv[1:]]"

    loaded = subprocess.run([python, "-c", program, *MODULES], capture_output=True, text=True, check=False)

    assert loaded.returncode == 0, loaded.stderr
