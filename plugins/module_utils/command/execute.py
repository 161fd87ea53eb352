# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Run a program in a container's network namespace, with its files in /etc/netns bound over those in /etc: what
ip-netns(8) does, in a mount namespace of its own, with a sysfs of the network namespace."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys

from ansible_collections.virtnet.linux.plugins.module_utils.netlink import namespaces

_CLONE_NEWNS, _CLONE_NEWNET = 0x20000, 0x40000000  # include/uapi/linux/sched.h
_MS_BIND, _MS_REC, _MS_SLAVE = 0x1000, 0x4000, 0x80000  # include/uapi/linux/mount.h
_FILES = "/etc/netns"
NOT_FOUND, NOT_EXECUTABLE = 127, 126  # exit status, as of env(1) and the shells


def run(container: str, program: list[str]) -> int:
    """Replace this process by the program, in the container's namespace. If that is impossible, report
    why and return the exit status. Raises OSError where the namespace cannot be entered."""
    libc = ctypes.CDLL(None, use_errno=True)
    file = os.open(namespaces.path(container), os.O_RDONLY | os.O_CLOEXEC)
    _call(libc.setns(file, _CLONE_NEWNET), "setns")
    _call(libc.unshare(_CLONE_NEWNS), "unshare")
    _call(libc.mount(None, b"/", None, _MS_SLAVE | _MS_REC, None), "mount /")
    with contextlib.suppress(PermissionError):  # in an unprivileged container the host's stays
        _call(libc.mount(b"sysfs", b"/sys", b"sysfs", 0, None), "mount /sys")
    folder = os.path.join(_FILES, container)
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        target = os.path.join("/etc", name)
        if os.path.isfile(os.path.join(folder, name)) and os.path.exists(target):
            source = os.path.join(folder, name).encode()
            _call(libc.mount(source, target.encode(), None, _MS_BIND, None), "mount " + target)
    try:
        os.execvp(program[0], program)
    except OSError as error:
        sys.stderr.write("virtnet: %s: %s\n" % (program[0], error.strerror))
        return NOT_FOUND if isinstance(error, FileNotFoundError) else NOT_EXECUTABLE


def _call(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, "%s: %s" % (what, os.strerror(number)))
