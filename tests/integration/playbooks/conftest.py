# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Playbooks as users run them, against two test hosts over SSH."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

BIN = Path(sys.executable).parent


class Fleet:
    """The hosts h1 and h2 of a lab, and a directory for a user's files: inventories and playbooks."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.lab = directory / "lab"
        self.inventories = [self.lab / "inventory.json"]

    def write(self, name: str, content: object) -> Path:
        """A file in YAML."""
        path = self.directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
        return path

    def play(self, playbook: object, *arguments: str, fails: bool = False) -> str:
        """What ansible-playbook prints; it ends well, or (fails) does not, and prints no warning."""
        name = str(self.write("play.yml", playbook)) if isinstance(playbook, list) else str(playbook)
        return self.run("ansible-playbook", *self._sources(), name, *arguments, fails=fails)

    def run(self, command: str, *arguments: str, fails: bool = False) -> str:
        """What a command of Ansible prints."""
        environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_HOME": str(self.directory / "ansible")}
        pipes = dict(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        words = [str(BIN / command), *arguments]
        done = subprocess.run(words, text=True, check=False, cwd=self.directory, env=environment, **pipes)
        assert (done.returncode != 0) == fails, done.stdout
        assert "WARNING" not in done.stdout and "DEPRECATION" not in done.stdout, done.stdout
        return done.stdout

    def ssh(self, host: str, command: str) -> str:
        """What a shell command prints on a host."""
        words = ["ssh", "-F", str(self.lab / "ssh_config"), host, command]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def _sources(self) -> list[str]:
        return [word for source in self.inventories for word in ("-i", str(source))]


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two hosts, bare."""
    made = Fleet(tmp_path_factory.mktemp("fleet"))
    options = ["-e", "lab_hosts_name=fleet-%d" % os.getpid(), "-e", "lab_hosts_directory=%s" % made.lab]
    made.run("ansible-playbook", "-i", "localhost,", "virtnet.linux.lab_up", "-e", "lab_hosts_count=2", *options)
    try:
        yield made
    finally:
        made.run("ansible-playbook", "-i", "localhost,", "virtnet.linux.lab_down", *options)
