# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network namespaces with handles in /run/netns, compatible with iproute2 (ip-netns(8)).

Every function returns in the namespace in which it was called. pyroute2 forks a child for each namespace that it
creates or opens; setns(2) in this process, there and back, takes a hundredth of that time.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator

from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import Request, Socket

DIRECTORY = "/run/netns"

_CLONE_NEWNET = 0x40000000  # include/uapi/linux/sched.h
_MS_BIND, _MS_REC, _MS_SHARED = 0x1000, 0x4000, 0x100000  # include/uapi/linux/mount.h
_MNT_DETACH = 0x2

_libc = ctypes.CDLL(None, use_errno=True)


def path(name: str) -> str:
    """Return the path of the namespace's handle."""
    return f"{DIRECTORY}/{name}"


def file_of(name: str | None) -> str:
    """Return the path of a file that refers to the namespace (None: the one of this process)."""
    return "/proc/self/ns/net" if name is None else path(name)


def path_of_pid(pid: int) -> str:
    """Return the path of a process's namespace."""
    return "/proc/%d/ns/net" % pid


def statuses() -> dict[str, os.stat_result]:
    """Return the stat(2) result of every handle; a file without a namespace mounted on it (left by a crash) is none."""
    device = os.stat("/proc/self/ns/net").st_dev
    found = {}
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(DIRECTORY):
            with contextlib.suppress(FileNotFoundError):
                status = os.stat(path(name))
                if status.st_dev == device:
                    found[name] = status
    return found


def handles() -> dict[str, int]:
    """Return the inode of the namespace of every handle."""
    return {name: status.st_ino for name, status in statuses().items()}


def identity(status: os.stat_result) -> str:
    """Return an identity that is unique among all namespaces of this boot. The kernel reuses the inode number of a
    deleted namespace; with the inode's creation time it is unique, and both are stable as long as a handle is mounted
    (fs/nsfs.c)."""
    return "%d.%d" % (status.st_ino, status.st_ctime_ns)


def since(name: str) -> float | None:
    """Return the time (seconds since 1970) at which a handle's namespace was first accessed: its inode is immutable and
    exists while a handle is mounted. None where there is no handle."""
    with contextlib.suppress(FileNotFoundError):
        return os.stat(path(name)).st_ctime
    return None


def own_inode() -> int:
    """Return the inode of this process's namespace."""
    return os.stat("/proc/self/ns/net").st_ino


def inode_of_pid(pid: int) -> int | None:
    """Return the inode of a process's namespace; None where there is no such process."""
    try:
        return os.stat(path_of_pid(pid)).st_ino
    except FileNotFoundError:
        return None


def processes() -> dict[int, list[int]]:
    """Return the pids of this host's processes by the inode of their namespace."""
    found: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):  # ended meanwhile
                found.setdefault(os.stat(f"/proc/{entry}/ns/net").st_ino, []).append(int(entry))
    return found


@contextlib.contextmanager
def entered(name: str | None) -> Iterator[None]:
    """Enter the namespace for the with block; None is the current one."""
    if name is None:
        yield
    else:
        with _inside(path(name)):
            yield


@contextlib.contextmanager
def _inside(file: str) -> Iterator[None]:
    """Enter the namespace of the file for the with block."""
    with _home():
        _enter(file)
        yield


@contextlib.contextmanager
def _home() -> Iterator[None]:
    """Return to the current namespace after the with block."""
    home = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        yield
    finally:
        try:
            _call("setns", home, _CLONE_NEWNET)
        finally:
            os.close(home)


def _enter(file: str) -> None:
    there = os.open(file, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _call("setns", there, _CLONE_NEWNET)
    finally:
        os.close(there)


def open_socket(name: str | None) -> Socket:
    """Open a netlink socket in the namespace."""
    with entered(name):
        return Socket()


def open_sockets(names: Iterable[str]) -> dict[str, Socket]:
    """Open a netlink socket in each of the namespaces; return them by name. It returns to the current namespace only
    after the last one: doing so after each takes half as long again."""
    found: dict[str, Socket] = {}
    with _home(), contextlib.ExitStack() as opened:
        for name in names:
            _enter(path(name))
            found[name] = Socket()
            opened.callback(found[name].close)
        opened.pop_all()
    return found


def open_socket_of_pid(pid: int) -> Socket:
    """Open a netlink socket in a process's namespace."""
    with _inside(path_of_pid(pid)):
        return Socket()


def share_directory() -> bool:
    """Make the mount /run/netns shared (mount propagation); return False where it is no mount point."""
    try:
        _mount_directory(b"", _MS_SHARED)
        return True
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOENT):
            raise
        return False


def _mount_directory(source: bytes, flag: int) -> None:
    try:
        _call("mount", source, DIRECTORY.encode(), b"none", flag | _MS_REC, None)
    except OSError as error:
        raise OSError(error.errno, error.strerror, "mount of " + DIRECTORY) from error


def prepare_directory() -> None:
    """Make /run/netns a shared mount, so that handles propagate to other mount namespaces.

    ip-netns(8) does the same at its first use.
    """
    os.makedirs(DIRECTORY, mode=0o755, exist_ok=True)
    _mount_directory(DIRECTORY.encode(), _MS_BIND)
    share_directory()


def remove_directory() -> bool:
    """Undo prepare_directory(), also for a killed run; return False while any handle is left, managed or not."""
    try:
        if os.listdir(DIRECTORY):
            return False
    except FileNotFoundError:
        return True
    with contextlib.suppress(OSError):  # no mount any more
        _call("umount2", DIRECTORY.encode(), _MNT_DETACH)
    try:
        os.rmdir(DIRECTORY)
    except OSError as error:  # ENOTEMPTY: another program has files under the mount, keep the directory; else try again
        return error.errno == errno.ENOTEMPTY
    return True


@contextlib.contextmanager
def scratch(about: str) -> Iterator[None]:
    """Enter a new namespace for the with block; it is deleted afterwards, unless it was given a handle. An OSError
    names its purpose (``about``)."""
    with _home():
        try:
            _call("unshare", _CLONE_NEWNET)
        except OSError as error:
            raise OSError(error.errno, error.strerror, "a new namespace for " + about) from error
        yield


def create(name: str, requests: list[Request], prepare: Callable[[], None]) -> Socket:
    """Create a namespace with a handle of that name; return a socket in it.

    The requests are sent, and prepare() is called, inside it before it has a handle: a run that is killed in between
    leaves no half prepared namespace.
    """
    with scratch("netns " + name):
        inside = Socket()
        inside.send(requests)
        prepare()
        _bind("/proc/self/ns/net", name)
        return inside


def give_name(name: str, source: str) -> None:
    """Create a further handle of an existing namespace: source is a file that refers to it, as /proc/PID/ns/net."""
    _bind(source, name)


def delete(name: str) -> None:
    """Delete a handle; the kernel deletes the namespace with its last handle, process and socket."""
    handle = path(name)
    try:
        _call("umount2", handle.encode(), _MNT_DETACH)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOENT):  # not mounted: a file left by a crash
            raise
    with contextlib.suppress(FileNotFoundError):
        os.unlink(handle)


def is_leftover(name: str) -> bool:
    """Whether the handle is an empty regular file, as a crash before the bind mount leaves it."""
    try:
        status = os.lstat(path(name))
    except FileNotFoundError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size == 0 and name not in handles()


def _bind(source: str, name: str) -> None:
    # O_EXCL: never bind over a handle that another program has created meanwhile
    os.close(os.open(path(name), os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444))
    try:
        _call("mount", source.encode(), path(name).encode(), b"none", _MS_BIND, None)
    except OSError as error:
        os.unlink(path(name))
        raise OSError(error.errno, error.strerror, "%s as %s" % (source, path(name))) from error


def _call(function: str, *arguments: object) -> None:
    ctypes.set_errno(0)
    if getattr(_libc, function)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), function)
