# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Attributes of the links of a network namespace in sysfs.

A sysfs instance shows the links of the namespace in which it was created, so each read creates one, with the mount API
of Linux 5.2 (fsopen(2), fsmount(2)): it is attached nowhere and is released with its file descriptor. Neither a mount
namespace nor a child process is needed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os

from ansible_collections.virtnet.linux.plugins.module_utils.netlink import namespaces

_FSOPEN, _FSCONFIG, _FSMOUNT = 430, 431, 432  # include/uapi/asm-generic/unistd.h; alike on every architecture but alpha
_CLOEXEC, _CMD_CREATE = 1, 6  # include/uapi/linux/mount.h

_libc = ctypes.CDLL(None, use_errno=True)


def device_ids(netns: str | None) -> dict[str, int]:
    """Return the sysfs inode of each link of the namespace, by the link's name.

    It is the inode of the link's directory: the kernel keeps it when the link is renamed or moved to another namespace,
    does not reuse it until the next boot (kernfs_new_node(), idr_alloc_cyclic()), and no process can set it.
    Raises OSError.
    """
    with namespaces.entered(netns):
        root = _mount()
    try:
        folder = os.open("class/net", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=root)
        try:
            found = {}
            for name in os.listdir(folder):
                with contextlib.suppress(FileNotFoundError):  # just deleted
                    found[name] = os.stat(name, dir_fd=folder).st_ino
            return found
        finally:
            os.close(folder)
    finally:
        os.close(root)


def _mount() -> int:
    context = _call(_FSOPEN, b"sysfs", _CLOEXEC)
    try:
        _call(_FSCONFIG, context, _CMD_CREATE, None, None, 0)
        return _call(_FSMOUNT, context, _CLOEXEC, 0)
    finally:
        os.close(context)


def _call(number: int, *arguments: object) -> int:
    ctypes.set_errno(0)
    result = int(_libc.syscall(ctypes.c_long(number), *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), "a look at sysfs")
    return result
