# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel cannot hold: which handles we gave to namespaces of others, the old values of sysctls, and the flows
that a killed run has left to forget.

One JSON file under /run/virtnet, gone with a reboot as the things it speaks of are; and the lock that keeps two runs
apart.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator
from typing import Any

DIRECTORY = "/run/virtnet"
_FILE = DIRECTORY + "/memory.json"
_NEW = _FILE + ".new"  # a fixed name: what a killed run left is overwritten by the next, or goes with the lock
_LOCK = DIRECTORY + "/lock"


class Locked(Exception):
    """Another run holds the lock."""


@contextlib.contextmanager
def lock(timeout: float) -> Iterator[None]:
    """Keep other runs off this host for the length of a with block; wait for them up to ``timeout`` seconds, else
    Locked."""
    deadline = time.monotonic() + timeout
    while True:
        os.makedirs(DIRECTORY, mode=0o700, exist_ok=True)
        try:
            held = os.open(_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:  # the run before us has just removed the folder
            continue
        try:
            _wait(held, deadline, timeout)
            if _still_there(held):
                try:
                    yield
                finally:
                    _leave_nothing()
                return
        finally:
            os.close(held)


def _wait(held: int, deadline: float, timeout: float) -> None:
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise Locked(
                    "another run has been changing this host's networks for %g s (lock %s): wait for it, or raise "
                    "lock_timeout" % (timeout, _LOCK)
                ) from None
            time.sleep(0.02)


def _still_there(held: int) -> bool:
    """The run before us may have removed the file that we waited on, as the last thing it did."""
    with contextlib.suppress(FileNotFoundError):
        return os.stat(_LOCK).st_ino == os.fstat(held).st_ino
    return False


def _leave_nothing() -> None:
    """Remove the lock and its folder where nothing is remembered; while the lock is held, nobody else has it."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_NEW)
    if os.listdir(DIRECTORY) == [os.path.basename(_LOCK)]:
        os.unlink(_LOCK)
        with contextlib.suppress(OSError):  # somebody has made a lock anew
            os.rmdir(DIRECTORY)


def _read() -> dict[str, dict[str, Any]]:
    """What is written down; what somebody has made unreadable is lost, as the file may be."""
    held = None
    with contextlib.suppress(FileNotFoundError, ValueError):
        with open(_FILE, encoding="utf-8") as file:
            held = json.load(file)
    topics = held if isinstance(held, dict) else {}
    return {topic: things for topic, things in topics.items() if isinstance(things, dict)}


class Memory:
    """The remembered things, by topic: ``memory["handles"]["agent"] = {"join": "host"}``. Saved by save(), under the
    lock."""

    def __init__(self) -> None:
        self._topics = _read()
        self._saved = json.dumps(self._topics, sort_keys=True)

    def __getitem__(self, topic: str) -> dict[str, Any]:
        return self._topics.setdefault(topic, {})

    def save(self) -> None:
        """Write the file, whole or not at all; remove it when nothing is left to remember."""
        self._topics = {topic: things for topic, things in self._topics.items() if things}
        if not self._topics:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(_FILE)
            self._saved = ""
            return
        content = json.dumps(self._topics, sort_keys=True)
        if content == self._saved:
            return
        descriptor = os.open(_NEW, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(content)
        except OSError as error:  # no space left: the error of a write does not say where
            raise OSError(error.errno, error.strerror, _NEW) from error
        os.replace(_NEW, _FILE)
        self._saved = content
