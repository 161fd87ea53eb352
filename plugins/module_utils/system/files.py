# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that a run writes or removes: actions like all others."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
from typing import NamedTuple

from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.system import regular

KIND = "file"
DIRECTORY = "/var/lib/virtnet"  # ours; the others are everybody's

_NEW = ".new"
_MADE = DIRECTORY + "/directories"  # elsewhere, which a run has made for files of ours: a line each, they go with them


class Unreadable(Exception):
    """A file under /var/lib/virtnet is not what this version of the collection writes; the text says which and what
    to do."""


class File(NamedTuple):
    """A file as it should be: its content, or what it links to."""

    content: bytes = b""
    mode: int = 0o600
    target: str | None = None


def apply(actions: list[Action]) -> None:
    """Write and remove the files, each whole or not at all; a folder of ours goes with the last file in it."""
    for action in actions:
        file = action.wanted["file"]
        if file is None:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(action.name)
        else:
            _write(action.name, file)
    _tidy()
    if any(action.name.endswith(".service") for action in actions) and os.path.isdir("/run/systemd/system"):
        # it would learn of the unit at the next boot anyway, which is when it is needed: an error is worth no failure
        subprocess.run(["systemctl", "daemon-reload"], stdin=subprocess.DEVNULL, capture_output=True, check=False)


def difference(path: str, file: File | None) -> list[Action]:
    """What has to be done about one file; None is one that has to go."""
    found = _read(path)
    if found == file:
        return []
    verb = "delete" if file is None else "create" if found is None else "change"
    before = {} if found is None else {"bytes": len(found.content)}
    after = {} if file is None else {"bytes": len(file.content)}
    return [Action(verb, KIND, path, before, after, {"file": file})]


def _tidy() -> None:
    """Remove from the folder what a run has left that was killed, and the folder with the last document."""
    with contextlib.suppress(OSError):  # it is not there, or documents are in it
        entries = os.listdir(DIRECTORY)
        for entry in entries:
            if entry.endswith(_NEW):
                os.unlink(os.path.join(DIRECTORY, entry))
        made = os.path.basename(_MADE)
        if not any(entry != made and not entry.endswith(_NEW) for entry in entries):
            for directory in sorted(_made(), reverse=True):  # those inside of others first
                with contextlib.suppress(OSError):  # others have put something into it
                    os.rmdir(directory)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(_MADE)
        os.rmdir(DIRECTORY)


def _made() -> list[str]:
    found = _read(_MADE)
    return [] if found is None else os.fsdecode(found.content).splitlines()


def _make_directory(directory: str) -> None:
    """The directory and those above it, noted before they are made."""
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
    new = os.path.join(directory, "." + name + _NEW)  # a fixed name: what a killed run left is overwritten by the next
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
