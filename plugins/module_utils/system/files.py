# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that a run writes or deletes, as actions."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
from typing import NamedTuple

from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.system import regular

KIND = "file"
DIRECTORY = "/var/lib/virtnet"  # this collection's own; other directories are shared

_NEW = ".new"
_MADE = DIRECTORY + "/directories"  # lists the other directories created for managed files, a line each


class Unreadable(Exception):
    """A file under /var/lib/virtnet is not in the format of this version of the collection; the text names it and the
    remedy."""


class File(NamedTuple):
    """A file: its content and mode, or its target as a symbolic link."""

    content: bytes = b""
    mode: int = 0o600
    target: str | None = None


def apply(actions: list[Action[File | None]]) -> None:
    """Write and delete the files, each atomically; delete a directory of this collection with its last file."""
    for action in actions:
        file = action.desired
        if file is None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(action.name)
        else:
            _write(action.name, file)
    _tidy()
    if any(action.name.endswith(".service") for action in actions) and os.path.isdir("/run/systemd/system"):
        # an error is ignored: systemd reads the unit at the next boot anyway, which is when it is needed
        subprocess.run(["systemctl", "daemon-reload"], stdin=subprocess.DEVNULL, capture_output=True, check=False)


def difference(path: str, file: File | None) -> list[Action[File | None]]:
    """Compare one desired file (None: absent) with the observed one; return the actions (none: idempotent)."""
    found = _read(path)
    if found == file:
        return []
    verb = "delete" if file is None else "create" if found is None else "change"
    before = {} if found is None else {"bytes": len(found.content)}
    after = {} if file is None else {"bytes": len(file.content)}
    return [Action(Phase.FILES, verb, KIND, path, before, after, file)]


def _tidy() -> None:
    """Delete the leftovers of a killed run in the directory, and the directory with its last document."""
    with contextlib.suppress(OSError):  # it does not exist, or has documents in it
        entries = os.listdir(DIRECTORY)
        for entry in entries:
            if entry.endswith(_NEW):
                os.unlink(os.path.join(DIRECTORY, entry))
        made = os.path.basename(_MADE)
        if not any(entry != made and not entry.endswith(_NEW) for entry in entries):
            for directory in sorted(_made(), reverse=True):  # subdirectories first
                with contextlib.suppress(OSError):  # ENOTEMPTY: it has files of other programs
                    os.rmdir(directory)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(_MADE)
        os.rmdir(DIRECTORY)


def _made() -> list[str]:
    found = _read(_MADE)
    return [] if found is None else os.fsdecode(found.content).splitlines()


def _make_directory(directory: str) -> None:
    """Create the directory and its parents, recorded before they are created."""
    missing = []
    while not os.path.lexists(directory):
        missing.append(directory)
        directory = os.path.dirname(directory)
    if missing and missing[0] != DIRECTORY:
        _write(_MADE, File(os.fsencode("".join(one + "\n" for one in sorted({*_made(), *missing})))))
    for one in reversed(missing):
        os.mkdir(one, 0o700 if one == DIRECTORY else 0o755)


def _read(path: str) -> File | None:
    try:
        if os.path.islink(path):
            return File(mode=0, target=os.readlink(path))
        return File(regular.read(path), stat.S_IMODE(os.stat(path).st_mode))
    except FileNotFoundError:
        return None


def _write(path: str, file: File) -> None:
    directory, name = os.path.split(path)
    _make_directory(directory)
    new = os.path.join(directory, "." + name + _NEW)  # a fixed name: the next run overwrites a leftover
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new)
    if file.target is not None:
        os.symlink(file.target, new)
    else:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as written:
                written.write(file.content)
                os.fchmod(written.fileno(), file.mode)
                written.flush()
                os.fsync(written.fileno())  # a power cut must not leave an empty file under the name
        except OSError as error:
            raise OSError(error.errno, error.strerror, new) from error
    os.replace(new, path)
