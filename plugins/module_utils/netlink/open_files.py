# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limit of open files of this process (RLIMIT_NOFILE), and how a run stays within it.

A run keeps a netlink socket open in each namespace that it reads, and a file of each that it creates links in. The
usual limit allows thousands of both; with a lower one the least recently opened sockets are closed, to be opened again
when needed, and links are created in smaller batches.
"""

from __future__ import annotations

import contextlib
import os
import resource
from typing import Protocol

_AT_ONCE = 200  # files of namespaces for one batch of links
_ASIDE = 24  # reserved for nft's pipes and for files that are open for a short time
_LEAST = 8  # sockets and files: the minimum for a run


class Opened(Protocol):
    """An object with an open file that it can close and open again."""

    def release(self) -> None:
        """Close it."""


class OpenFiles:
    """The open sockets in namespaces, within the limit, and the size of batches of links."""

    def __init__(self) -> None:
        room = _room()
        self.batch = max(1, min(_AT_ONCE, room // 2))
        self.sockets = max(1, room - self.batch)
        self._opened: dict[Opened, None] = {}

    def add(self, one: Opened) -> None:
        """Record an object that opens its file; close the least recently opened ones as needed."""
        self._opened.pop(one, None)
        self.make_room(1)
        self._opened[one] = None

    def remove(self, one: Opened) -> None:
        """Record an object that has closed its file."""
        self._opened.pop(one, None)

    def make_room(self, count: int) -> None:
        """Close as many sockets as needed to open ``count`` more."""
        while self._opened and len(self._opened) + count > self.sockets:
            next(iter(self._opened)).release()


def allow_many() -> None:
    """Raise the soft limit, usually 1024, to the hard limit."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def lacking() -> str | None:
    """Return an error with its remedy where the limit of open files is too low for a run, else None."""
    allow_many()
    room = _room()
    if room >= _LEAST:
        return None
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    needed = limit + _LEAST - room
    return (
        f"this process may have {limit} files open (ulimit -n, RLIMIT_NOFILE), and a run needs {needed}: "
        "raise its hard limit (ulimit -Hn, nofile in limits.conf(5), LimitNOFILE= of a unit of systemd)"
    )


def _room() -> int:
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if limit == resource.RLIM_INFINITY:
        return 1 << 20
    return limit - len(os.listdir("/proc/self/fd")) - _ASIDE
