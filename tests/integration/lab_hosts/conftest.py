# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lab for a test: created and changed by the module in a process of its own, and removed after the test."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kit import checkout


class Lab:
    """A lab in a directory of its own. Its methods fail the test when what they run fails."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.inventory = directory / "inventory.json"
        self.wrapper: list[str] = []  # a command that the module is run by

    def make(self, check: bool = False, **options: Any) -> dict[str, Any]:
        """Runs the module lab_hosts; returns what it returns."""
        return self.try_to_make(check=check, fails=False, **options)

    def try_to_make(self, check: bool = False, fails: bool = True, **options: Any) -> dict[str, Any]:
        """The same, where it is expected to fail."""
        arguments = dict(options, name=self.directory.name, directory=str(self.directory), _ansible_check_mode=check)
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(dict(ANSIBLE_MODULE_ARGS=arguments), file)
            file.flush()
            module = checkout.HOME / "plugins" / "modules" / "lab_hosts.py"
            answer = run([*self.wrapper, sys.executable, str(module), file.name], check=False)
        result = json.loads(answer.stdout)
        assert result.get("failed", False) == fails, result
        return result

    def ansible(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs `ansible`, with the lab's inventory where there is one."""
        inventory = ["-i", str(self.inventory)] if self.inventory.exists() else []
        return run([str(Path(sys.executable).parent / "ansible"), *inventory, *arguments], check=check)

    def ssh(self, host: str, command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs a shell command in a host over SSH."""
        return run(["ssh", "-F", str(self.directory / "ssh_config"), host, command], check=check)

    def enter(self, host: str, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs a command in a host by its namespaces."""
        return run([str(self.directory / "enter"), host, *command], check=check)

    def identity(self, host: str) -> str:
        """The PID and the start time of a host's first process."""
        return (self.directory / "hosts" / host / "pid").read_text()

    def pid(self, host: str) -> int:
        return int(self.identity(host).split()[0])


def run(command: list[str], check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
    pipes = dict(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    answer = subprocess.run(command, text=True, check=False, **pipes, **options)
    assert not check or answer.returncode == 0, (command, answer.stdout, answer.stderr)
    return answer


@contextlib.contextmanager
def not_made_yet(directory: Path) -> Iterator[Lab]:
    """A lab that is removed in the end, however far the test came."""
    lab = Lab(directory)
    try:
        yield lab
    finally:
        lab.make(state="absent")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A lab, not made yet."""
    with not_made_yet(tmp_path / "lab") as made:
        yield made


@pytest.fixture
def other_lab(tmp_path: Path) -> Iterator[Lab]:
    """Another one."""
    with not_made_yet(tmp_path / "other") as made:
        yield made


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Three hosts, for tests that leave them as they are."""
    with not_made_yet(tmp_path_factory.mktemp("labs") / "three") as made:
        made.make(count=3)
        yield made
