# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""CONTRIBUTING's two walks, followed: a new kind of object, and a new option of a bridge.

A walk is a patch below walks/. It changes the files that its section of CONTRIBUTING names and no others. A copy of the
repository with it passes the tests that compare the lists of kinds, options and documentation, and the new object is
created, changed, persisted and removed. Without one of the files it does not.

Where a patch no longer applies: `git apply --3way` it, repair it, and write `git diff` over it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from kit.checkout import HOME, OUR_OWN

WALKS = Path(__file__).parent / "walks"
TOGETHER = (
    "tests/unit/test_kinds.py",
    "tests/unit/test_imports.py",
    "tests/unit/test_sizes.py",
    "tests/integration/docs/test_documents.py",
    "tests/integration/docs/test_examples.py",
)


class Walk(NamedTuple):
    """A section of CONTRIBUTING, the patch that follows it, and the tests of what is new."""

    section: str
    patch: str
    tests: tuple[str, ...]

    def named(self) -> list[str]:
        """Return the files of the section's table, with NAME where the name of what is new would be."""
        text = (HOME / "CONTRIBUTING.md").read_text().partition("\n## %s\n" % self.section)[2].partition("\n## ")[0]
        cells = re.findall(r"^\|([^|]*)\|", text, re.MULTILINE)
        return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]

    def changed(self) -> list[str]:
        """Return the files that the patch changes."""
        return re.findall(r"^\+\+\+ b/(.+)$", (WALKS / self.patch).read_text(), re.MULTILINE)


KIND = Walk("Adding a module", "new_kind.patch", ("tests/integration/modules/test_altname.py",))
OPTION = Walk(
    "Adding an option to a module",
    "new_option.patch",
    ("tests/integration/modules/test_bridge.py::test_each_option_is_changed_in_place",),
)
EACH = pytest.mark.parametrize("walk", [KIND, OPTION], ids=lambda walk: walk.patch)


def copy(directory: Path) -> Path:
    """Copy the repository, with uncommitted files."""
    tree = directory / "ansible_collections" / "virtnet" / "linux"
    tree.mkdir(parents=True)
    listed = ["git", "-C", str(HOME), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, check=True, capture_output=True).stdout
    packed = ["tar", "-C", str(HOME), "-c", "--null", "--ignore-failed-read", "-T", "-"]
    archive = subprocess.run(packed, input=names, check=True, capture_output=True).stdout
    subprocess.run(["tar", "-x", "-C", str(tree)], input=archive, check=True)
    return tree


def follow(walk: Walk, tree: Path, *left_out: str) -> None:
    """Apply the patch to a copy; one line of context is enough for it."""
    options = ["-C1", *("--exclude=" + name for name in left_out)]
    subprocess.run(["git", "apply", *options, str(WALKS / walk.patch)], cwd=tree, check=True)


def run(tree: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    """Run tests of the copy."""
    foreign = {key: value for key, value in os.environ.items() if key not in OUR_OWN and not key.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    return subprocess.run(command, cwd=tree, env=foreign, text=True, capture_output=True, check=False)


@EACH
def test_a_walk_changes_the_files_that_contributing_names(walk):
    names = [name.replace("altname", "NAME").replace("ageing-time", "NAME") for name in walk.changed()]
    assert sorted(names) == sorted(walk.named())


@EACH
def test_the_files_suffice(walk, tmp_path):
    tree = copy(tmp_path)
    follow(walk, tree)
    done = run(tree, *TOGETHER, *walk.tests)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
@pytest.mark.parametrize(
    ("walk", "file"),
    [
        pytest.param(walk, file, id=file)
        for walk in (KIND, OPTION)
        for file in sorted(walk.changed())
        if not file.startswith(("tests/integration/modules/", "changelogs/", "meta/"))
    ],
)
def test_each_file_is_needed(walk, file, tmp_path):
    tree = copy(tmp_path)
    follow(walk, tree, file)
    assert run(tree, *TOGETHER, *walk.tests).returncode != 0
