# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands of the Makefile, without running them."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from kit.checkout import HOME


def would_run(target, home, *arguments):
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    return subprocess.run(
        ["make", "--dry-run", target, *arguments], cwd=home, env=plain, capture_output=True, text=True, check=True
    ).stdout


def test_the_quickstart_builds_nothing_but_the_collection():
    """A directory among its sources that is also the name of a target, as docs, would be built each time."""
    would = would_run("quickstart", HOME)
    assert "ansible-playbook virtnet.linux.quickstart" in would
    assert "sphinx" not in would and "pytest" not in would


@pytest.mark.parametrize("target", ["quickstart", "quickstart-down", "overlay", "overlay-down"])
def test_every_playbook_of_a_target_gets_its_arguments(target):
    """A playbook that does not get --check would apply what it should predict."""
    playbooks = [line for line in would_run(target, HOME, "ARGS=--check").splitlines() if "ansible-playbook" in line]
    assert playbooks and all(line.endswith(" --check") for line in playbooks), playbooks


@pytest.mark.parametrize("target", ["unit", "test", "test-full", "lint"])
def test_a_clone_that_has_nothing_gets_what_the_tests_need(target, tmp_path):
    """Each target by itself: a .venv of another one would hide what is missing."""
    for name in ("Makefile", "requirements.txt", "tests/requirements.txt", "docs/site/requirements.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(HOME / name, tmp_path / name)
    assert "-r tests/requirements.txt" in would_run(target, tmp_path)
