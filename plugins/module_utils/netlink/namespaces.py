# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network namespaces as files in /run/netns, the way iproute2 keeps them (ip-netns(8)).

The process is always back in the namespace it started in when a function here returns. pyroute2 forks a child for each
namespace that it makes or opens; entering one in this process and leaving it again costs a hundredth of that.
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
    """Where the namespace's handle is."""
    return f"{DIRECTORY}/{name}"


def file_of(name: str | None) -> str:
    """A file that holds the namespace (None: the one that this process is in)."""
    return "/proc/self/ns/net" if name is None else path(name)


def path_of_pid(pid: int) -> str:
    """Where the kernel shows a process's namespace."""
    return "/proc/%d/ns/net" % pid


def statuses() -> dict[str, os.stat_result]:
    """What stat(2) says of every handle; a file that holds no namespace (left by a crash) is not one."""
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
    """Every handle and the inode of the namespace it holds."""
    return {name: status.st_ino for name, status in statuses().items()}


def identity(status: os.stat_result) -> str:
    """What distinguishes a namespace from all others of this boot. The kernel gives an inode's number to the next
    namespace when the old one is gone; with the time at which the inode was made it is unique, and both stay as long as
    a handle is mounted (fs/nsfs.c)."""
    return "%d.%d" % (status.st_ino, status.st_ctime_ns)


def since(name: str) -> float | None:
    """The second since 1970 in which a handle's namespace was first looked at: while a handle is mounted its inode
    stays, which is immutable. None where there is no handle."""
    with contextlib.suppress(FileNotFoundError):
        return os.stat(path(name)).st_ctime
    return None


def own_inode() -> int:
    """The inode of the namespace that this process is in."""
    return os.stat("/proc/self/ns/net").st_ino


def inode_of_pid(pid: int) -> int | None:
    """The inode of a process's namespace; None where there is no such process."""
    try:
        return os.stat(path_of_pid(pid)).st_ino
    except FileNotFoundError:
        return None


def processes() -> dict[int, list[int]]:
    """The processes of this host by the inode of their namespace."""
    found: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):  # ended meanwhile
                found.setdefault(os.stat(f"/proc/{entry}/ns/net").st_ino, []).append(int(entry))
    return found


@contextlib.contextmanager
def entered(name: str | None) -> Iterator[None]:
    """Be in the namespace for the length of a with block; None is the one we are in."""
    if name is None:
        yield
    else:
        with _inside(path(name)):
            yield


@contextlib.contextmanager
def _inside(file: str) -> Iterator[None]:
    """Be in the namespace that the file holds."""
    with _home():
        _enter(file)
        yield


@contextlib.contextmanager
def _home() -> Iterator[None]:
    """Be in the same namespace after a with block as before it."""
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
    """A netlink socket in the namespace."""
    with entered(name):
        return Socket()


def open_sockets(names: Iterable[str]) -> dict[str, Socket]:
    """A netlink socket in each of the namespaces, by name. It is home only after the last of them: to look for home and
    to go there takes half as long as the rest."""
    found: dict[str, Socket] = {}
    with _home(), contextlib.ExitStack() as opened:
        for name in names:
            _enter(path(name))
            found[name] = Socket()
            opened.callback(found[name].close)
        opened.pop_all()
    return found


def open_socket_of_pid(pid: int) -> Socket:
    """A netlink socket in a process's namespace."""
    with _inside(path_of_pid(pid)):
        return Socket()


def share_directory() -> bool:
    """See to it that /run/netns, where it is a mount point, is a shared one; False where it is none."""
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
    """Make /run/netns a shared mount, so that handles are seen by processes with mount namespaces of their own.

    As ip-netns does at its first use.
    """
    os.makedirs(DIRECTORY, mode=0o755, exist_ok=True)
    _mount_directory(DIRECTORY.encode(), _MS_BIND)
    share_directory()


def remove_directory() -> bool:
    """Undo prepare_directory(), and what a killed run has left to undo; False while a handle is left, anybody's."""
    try:
        if os.listdir(DIRECTORY):
            return False
    except FileNotFoundError:
        return True
    with contextlib.suppress(OSError):  # no mount any more
        _call("umount2", DIRECTORY.encode(), _MNT_DETACH)
    try:
        os.rmdir(DIRECTORY)
    except OSError as error:  # a handle that somebody made under the mount, and the folder is his; else once more
        return error.errno == errno.ENOTEMPTY
    return True


@contextlib.contextmanager
def scratch(about: str) -> Iterator[None]:
    """Be in a new namespace for the length of a with block; it goes then, unless it was given a handle. An OSError says
    what it was to be for."""
    with _home():
        try:
            _call("unshare", _CLONE_NEWNET)
        except OSError as error:
            raise OSError(error.errno, error.strerror, "a new namespace for " + about) from error
        yield


def create(name: str, requests: list[Request], prepare: Callable[[], None]) -> Socket:
    """Make a new namespace with a handle of that name; return a socket in it.

    The requests are carried out in it, and prepare() is called inside, before it has a handle: a run that is killed in
    between leaves none that is half prepared.
    """
    with scratch("netns " + name):
        inside = Socket()
        inside.send(requests)
        prepare()
        _bind("/proc/self/ns/net", name)
        return inside


def give_name(name: str, source: str) -> None:
    """A further handle for a namespace that exists: source is a file that holds it, as /proc/PID/ns/net."""
    _bind(source, name)


def delete(name: str) -> None:
    """Take a handle away; the namespace goes with the last handle, process and socket that hold it."""
    handle = path(name)
    try:
        _call("umount2", handle.encode(), _MNT_DETACH)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOENT):  # no mount: a file that a crash left
            raise
    with contextlib.suppress(FileNotFoundError):
        os.unlink(handle)


def is_leftover(name: str) -> bool:
    """Whether a plain empty file stands where the handle would be: what a crash between two steps leaves."""
    try:
        status = os.lstat(path(name))
    except FileNotFoundError:
        return False
    return stat.S_ISREG(status.st_mode) and status.st_size == 0 and name not in handles()


def _bind(source: str, name: str) -> None:
    # O_EXCL: what somebody else has made under this name a moment ago is his
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
