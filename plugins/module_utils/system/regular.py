# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Safe access to files at paths where other programs may have made anything: only regular files are opened.

open(2) of a FIFO blocks until it has a writer, and that of a device may have side effects. With O_NONBLOCK it returns,
and fstat(2) of the descriptor cannot be raced.
"""

from __future__ import annotations

import os
import stat

_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_KINDS = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
    stat.S_IFLNK: "a symbolic link",
}


class Irregular(OSError):
    """The path is not a regular file; the text names its type and the remedy."""


def read(path: str, follow: bool = True, size: int = -1) -> bytes:
    """Read a regular file, or its first bytes. Raises Irregular, FileNotFoundError and any other OSError."""
    descriptor = _open(path, os.O_RDONLY | (0 if follow else os.O_NOFOLLOW))
    with os.fdopen(descriptor, "rb") as file:
        return file.read(size)


def open_for_writing(path: str) -> int:
    """Open an existing regular file for reading and writing; return its descriptor."""
    return _open(path, os.O_RDWR)


def _open(path: str, flags: int) -> int:
    try:
        descriptor = os.open(path, flags | _FLAGS)
    except OSError as error:
        kind = _kind(path)
        if kind is None or isinstance(error, (FileNotFoundError, PermissionError)):
            raise
        raise _irregular(path, kind) from error  # EISDIR, ELOOP, and ENXIO of a socket or of a device without driver
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        raise _irregular(path, _KINDS.get(stat.S_IFMT(mode), "something else"))
    return descriptor


def _kind(path: str) -> str | None:
    """Return the type of a path that open(2) has failed on; None for a regular file, or a missing one."""
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return None
    return None if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "something else")


def _irregular(path: str, kind: str) -> Irregular:
    return Irregular("%s is %s, and a regular file belongs there: remove it" % (path, kind))
