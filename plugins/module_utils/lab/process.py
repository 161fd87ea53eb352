# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The processes of a lab: found by the file in which each records its PID and start time, ended by pidfd."""

from __future__ import annotations

import os
import select
import signal
import time
from pathlib import Path

_PATIENCE = 30  # seconds for a killed process to end; it takes milliseconds


class LabError(Exception):
    """An error with a message for the user."""


def find(file: Path) -> int | None:
    """Return the PID of the process that wrote the file, None if there is none or it has ended."""
    try:
        pid, started = file.read_text().split()
        return int(pid) if _fields(int(pid))[19] == started else None
    except (OSError, ValueError, IndexError):
        return None


def end(file: Path) -> None:
    """Kill the process that wrote the file, and with it everything in its PID namespace, and wait until it has ended.

    Its parent is the unshare that created it, which ends with its child: it is waited for too.
    """
    pid = find(file)
    if pid is not None:
        parent = int(_fields(pid)[1])
        handles = [os.pidfd_open(pid)] + ([os.pidfd_open(parent)] if _command(parent) == "unshare" else [])
        try:
            if find(file) == pid:
                signal.pidfd_send_signal(handles[0], signal.SIGKILL)
            for handle in handles:
                if not select.select([handle], [], [], _PATIENCE)[0]:
                    raise LabError("process %d of %s does not end" % (pid, file.parent))
        finally:
            for handle in handles:
                os.close(handle)
    file.unlink(missing_ok=True)


def wait(file: Path, sign: str, log: Path, seconds: float) -> int:
    """Wait until the process writes the file, and the file named ``sign`` is in its root. Return its PID.

    Raise LabError, with the end of its log, after ``seconds``.
    """
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        written = file.exists() and file.read_text().endswith("\n")  # tested first: it may be written in between
        pid = find(file)
        if pid is not None and os.path.exists("/proc/%d/root%s" % (pid, sign)):
            return pid
        if written and pid is None:  # it has ended since
            break
        time.sleep(0.005)
    tail = log.read_text().strip().splitlines()[-5:] if log.exists() else []
    raise LabError("%s did not start: %s" % (file.parent, " / ".join(tail) or "it wrote nothing in its log"))


def _fields(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat after the command's name, which may have spaces and brackets: state, parent,
    ..., start time."""
    return Path("/proc/%d/stat" % pid).read_text().rpartition(")")[2].split()


def _command(pid: int) -> str:
    return Path("/proc/%d/comm" % pid).read_text().strip()
