# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a page on a throwaway machine: writes its files, plays its plays and types its commands.

The host that a page's inventory names is that machine; hosts of one that names more are a lab's on it. Connection
variables, which a page leaves to its reader, are added to the inventory.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from integration.docs.pages import Block, Command, hosts_in, role_of

from kit.checkout import HOME, collections_root
from kit.host import Host

LAB = "/run/virtnet-lab/lab/"
_SECONDS = 300
_QUICK = {"ANSIBLE_PIPELINING": "1", "ANSIBLE_GATHERING": "explicit"}
_PATIENCE = 30.0  # seconds in which a server that was started has to answer, and a capture has to be complete
_SETS = re.compile(r"cd |\w+=\S+$")
_HERE = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
_INVENTORY = {"web_hosts": {"hosts": {"web1": _HERE}}}  # of plays and roles' variables, which do not say theirs


class Capture(NamedTuple):
    """A tcpdump that listens: its shell's PID in the machine, and where its lines go."""

    pid: int
    lines: Path


# Warnings of a plan depend on the machine (br_netfilter, limits); others say that an example is wrong.
_UNEXPECTED = re.compile(r"\[WARNING\]: (?!container |network |host |switch |bridge )")


class Session:
    """One page's reader, in a directory of the reader's own."""

    def __init__(self, host: Host, directory: Path) -> None:
        self.host, self.directory = host, directory
        self._inventory = self._write(".default/hosts.yml", yaml.safe_dump(_INVENTORY))
        self.environment = {
            **os.environ,
            **_QUICK,
            "PWD": str(directory),
            "ANSIBLE_HOME": str(directory / ".ansible"),
            "ANSIBLE_NOCOLOR": "1",
            # what the page installs comes before the checkout, and never into it
            "ANSIBLE_COLLECTIONS_PATH": "%s:%s" % (directory / ".collections", collections_root()),
        }
        self.environment.pop("PYTHONPATH")  # by which tests find the checkout
        self._setting = ""  # where the reader's shell is, and the variables that it has

    def read(self, page: Iterable[Block]) -> Iterator[tuple[list[Command], list[list[str]]]]:
        """Do what a page says, section by section; the commands of its console blocks, and what each printed."""
        for _section, blocks in itertools.groupby(page, key=lambda block: block.section):
            printed = self._section([block for block in blocks if not block.why_not_run])
            if printed:
                yield list(printed), list(printed.values())

    def _section(self, blocks: list[Block]) -> dict[Command, list[str]]:
        """What a section says. Its captures begin before anything else that it types."""
        typed = [command for block in blocks if block.language == "console" for command in block.commands()]
        captures = {command: self._listen(command) for command in typed if "tcpdump" in command.text}
        printed: dict[Command, list[str]] = {command: [] for command in typed}
        has_started_something = False
        for block in blocks:
            if block.file:
                self._save(block)
            elif block.language == "yaml":
                self._play(block)
            for command in block.commands():
                if command not in captures:
                    lines = self._type(command, is_asked_again=has_started_something)
                    has_started_something |= command.is_started
                    if command in printed:
                        printed[command] = lines
        for command, capture in captures.items():
            self._wait(lambda pid=capture.pid: not self.host.is_alive(pid), command)
            printed[command] = capture.lines.read_text().splitlines()
        return printed

    def _type(self, command: Command, is_asked_again: bool) -> list[str]:
        """The lines that a command prints; it has to succeed, where it is asked again within some seconds."""
        deadline = time.monotonic() + (_PATIENCE if is_asked_again else 0)
        while True:
            code, printed = self._try(_words(command, self._setting))
            if code == 0:
                self._setting += command.text + "\n" if _SETS.match(command.text) else ""
                return printed.splitlines()
            assert time.monotonic() < deadline, "%s\n%s" % (command.text, printed)
            time.sleep(0.1)

    def _listen(self, command: Command) -> Capture:
        captured, stderr = (self.directory / ("line-%d.%s" % (command.line, what)) for what in ("captured", "stderr"))
        pid = self.host.start("sh", "-c", 'exec "$@" >%s 2>%s' % (captured, stderr), "-", *_words(command))
        self._wait(lambda: stderr.exists() and "listening on" in stderr.read_text(), command)
        return Capture(pid, captured)

    def _play(self, block: Block) -> None:
        role, text = role_of(block), block.text
        if role:
            roles = [{"role": "virtnet.linux." + role, "vars": yaml.safe_load(text)}]
            text = yaml.safe_dump([{"hosts": "web1", "gather_facts": False, "roles": roles}])
        self.run("ansible-playbook", "-i", self._inventory, self._write("line-%d.yml" % block.line, text))

    def _save(self, block: Block) -> None:
        text = block.text
        content = yaml.safe_load(text) if block.language == "yaml" else None
        hosts = hosts_in(content)
        for variables, way in zip(hosts.values(), self._ways(len(hosts))):
            variables.update(way)
            text = yaml.safe_dump(content)
        path = self._write(str(block.file), text)
        if path.endswith(".service") and shutil.which("systemd-analyze"):  # a machine without systemd has no units
            assert self.run("systemd-analyze", "verify", "--man=no", path) == ""

    def _ways(self, count: int) -> list[dict[str, Any]]:
        """The variables by which so many hosts are reached."""
        if count < 2:
            return [_HERE] * count
        made = self.host.module("lab_hosts", count=count, python_interpreter=sys.executable)
        assert not made.get("failed"), made
        lab = json.loads(self.host.sh("cat %sinventory.json" % LAB))["lab"]["hosts"]
        return [{key: value for key, value in lab[host].items() if key.startswith("ansible_")} for host in sorted(lab)]

    def _write(self, name: str, text: str) -> str:
        path = self.directory / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    def run(self, *words: str) -> str:
        """What a command prints, which has to succeed."""
        code, printed = self._try(list(words))
        assert code == 0, "%s\n%s" % (" ".join(words), printed)
        return printed

    def _try(self, words: list[str]) -> tuple[int, str]:
        code, printed = self.host.call(_run, words, self.environment, str(self.directory))
        assert not _UNEXPECTED.search(printed), printed
        return code, printed

    def _wait(self, condition: Callable[[], bool], command: Command) -> None:
        deadline = time.monotonic() + _PATIENCE
        while not condition():
            assert time.monotonic() < deadline, command.text
            time.sleep(0.02)


def _words(command: Command, setting: str = "") -> list[str]:
    words = ["bash", "-c", setting + command.text]
    if command.text.startswith("make "):  # changes the checkout, so that it is only asked what it would do
        return ["make", "--dry-run", "-C", str(HOME), *shlex.split(command.text, comments=True)[1:]]
    return [LAB + "enter", command.host, *words] if command.host else words


def _run(words: list[str], environment: dict[str, str], directory: str) -> tuple[int, str]:
    """For Host.call(): a command's output, by a file, so that processes that it started do not block."""
    with tempfile.TemporaryFile("w+") as printed:
        pipes = {"stdin": subprocess.DEVNULL, "stdout": printed, "stderr": subprocess.STDOUT}
        done = subprocess.run(words, env=environment, cwd=directory, check=False, timeout=_SECONDS, **pipes)
        printed.seek(0)
        return done.returncode, printed.read()
