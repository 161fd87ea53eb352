# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Into namespaces and out of them."""

from __future__ import annotations

import contextlib
import ctypes
import os
from collections.abc import Iterator

CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x20000000, 0x40000000  # include/uapi/linux/sched.h
_libc = ctypes.CDLL(None, use_errno=True)


def libc(function: str, *arguments: int) -> None:
    """A function of the C library; OSError with its error."""
    if getattr(_libc, function)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), function)


@contextlib.contextmanager
def inside(netns: str | None) -> Iterator[None]:
    """For functions that run in a host: be in one of its namespaces for the length of a with block."""
    if netns is None:
        yield
        return
    with open("/proc/self/ns/net") as home, open("/run/netns/" + netns) as there:
        libc("setns", there.fileno(), CLONE_NEWNET)
        try:
            yield
        finally:
            libc("setns", home.fileno(), CLONE_NEWNET)
