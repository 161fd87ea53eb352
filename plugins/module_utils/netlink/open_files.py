# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many files this process may have open (RLIMIT_NOFILE), and what a run makes of that.

A run has a netlink socket open in each namespace that it looks at, and a file for each that it makes links for. With
the usual limit there is room for thousands of both; below it the sockets that have been open longest are closed, to be
opened again where they are asked for, and links are made in smaller batches.
"""

from __future__ import annotations

import contextlib
import os
import resource
from typing import Protocol

_AT_ONCE = 200  # files of namespaces for one batch of links
_ASIDE = 24  # for nft's pipes, and for what is opened and closed again at once
_LEAST = 8  # sockets and files, with which a run gets on


class Opened(Protocol):
    """What has a file open, and can do without."""

    def release(self) -> None:
        """Close it."""


class OpenFiles:
    """The sockets that are open in namespaces, as many as there is room for, and how large batches may be."""

    def __init__(self) -> None:
        room = _room()
        self.batch = max(1, min(_AT_ONCE, room // 2))
        self.sockets = max(1, room - self.batch)
        self._opened: dict[Opened, None] = {}

    def add(self, one: Opened) -> None:
        """Take note of one that is open now; those that have been longest make room."""
        self._opened.pop(one, None)
        self.make_room(1)
        self._opened[one] = None

    def remove(self, one: Opened) -> None:
        """Take note of one that is closed."""
        self._opened.pop(one, None)

    def make_room(self, count: int) -> None:
        """Close so many that ``count`` more may be opened."""
        while self._opened and len(self._opened) + count > self.sockets:
            next(iter(self._opened)).release()


def allow_many() -> None:
    """Raise the limit, usually 1024, as far as it goes."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def lacking() -> str | None:
    """Why a run would end for want of open files, and what to do; None where there is room."""
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
