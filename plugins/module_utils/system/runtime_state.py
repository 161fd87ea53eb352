# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runtime state that the kernel cannot hold: handles given to foreign namespaces, the previous values of sysctls, NICs
moved into namespaces, and the conntrack entries that a killed run has not deleted yet.

One JSON file under /run/virtnet, lost at a reboot like the objects that it describes; and the lock that serializes
runs. Invalid entries are dropped, and reported, before any code uses them.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip, names
from ansible_collections.virtnet.linux.plugins.module_utils.system import regular

DIRECTORY = "/run/virtnet"
_FILE = DIRECTORY + "/memory.json"
_NEW = _FILE + ".new"  # a fixed name: the next run deletes the leftover of a killed one
_LOCK = DIRECTORY + "/lock"
_NUMBER = re.compile(r"-?[0-9]{1,9}\Z")  # the value of a managed sysctl
_IDENTITY = re.compile(r"[0-9]{1,20}\.[0-9]{1,20}\Z")  # namespaces.identity()
_DEEP = 3  # maximum nesting of lists and dicts in a value of an unknown topic


class Locked(Exception):
    """Another run holds the lock."""


@contextlib.contextmanager
def lock(timeout: float) -> Iterator[None]:
    """Hold this host's lock during the with block; wait for it up to ``timeout`` seconds, then raise Locked."""
    deadline = time.monotonic() + timeout
    while True:
        os.makedirs(DIRECTORY, mode=0o700, exist_ok=True)
        try:
            held = os.open(_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
        except FileNotFoundError:  # the previous run has just deleted the directory
            continue
        try:
            _wait(held, deadline, timeout)
            if _still_there(held):
                try:
                    yield
                finally:
                    _leave_nothing()
                return
        finally:
            os.close(held)


def _wait(held: int, deadline: float, timeout: float) -> None:
    while True:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise Locked(
                    "another run has been changing this host's networks for %g s (lock %s): wait for it, or raise "
                    "lock_timeout" % (timeout, _LOCK)
                ) from None
            time.sleep(0.02)


def _still_there(held: int) -> bool:
    """Whether the locked file is still the lock: the previous run may have deleted it at its end."""
    with contextlib.suppress(FileNotFoundError):
        return os.stat(_LOCK).st_ino == os.fstat(held).st_ino
    return False


def _leave_nothing() -> None:
    """Delete the lock and its directory where there is no runtime state. Call it while holding the lock."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(_NEW)
    if os.listdir(DIRECTORY) == [os.path.basename(_LOCK)]:
        os.unlink(_LOCK)
        with contextlib.suppress(OSError):  # ENOTEMPTY: another run has created the lock again
            os.rmdir(DIRECTORY)


def _read() -> tuple[dict[str, dict[str, Any]], str, list[str]]:
    """Read the file; return the valid entries by topic, the file's text, and a warning for each invalid entry, or one
    for the whole file."""
    try:
        text = regular.read(_FILE, follow=False).decode("utf-8", "replace")
    except FileNotFoundError:
        return {}, "", []
    try:
        held = json.loads(text)
        if not isinstance(held, dict):
            raise ValueError("no dictionary")
    except (ValueError, RecursionError) as error:
        about = "%s cannot be read (%.100s): old values of sysctls, and which namespaces have names, are forgotten"
        return {}, text, [about % (_FILE, error)]
    topics: dict[str, dict[str, Any]] = {}
    lost = []
    for topic, things in held.items():
        is_right = _TOPICS.get(topic, _is_something)
        for name, value in things.items() if isinstance(things, dict) else [("", things)]:
            if isinstance(things, dict) and is_right(name, value):
                topics.setdefault(topic, {})[name] = value
            else:
                lost.append(
                    "%s: %.40r: %.60r: is nothing that a run remembers, and is forgotten" % (_FILE, topic, name)
                )
    return topics, text, lost


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_handle(name: str, value: Any) -> bool:
    if not (names.is_object_name(name) and _is_plain(value) and isinstance(value, dict)):
        return False
    join, pid = value.get("join"), value.get("pid")
    return (
        (join is None or names.is_object_name(join))
        and (pid is None or (_is_whole(pid) and 0 < pid < 1 << 31))
        and names.labels_fit(value.get("labels"))
    )


def _is_namespace(name: str, value: Any) -> bool:
    if not (names.is_object_name(name) and isinstance(value, dict)):
        return False
    identity = value.get("id")
    is_known = identity is None or (isinstance(identity, str) and bool(_IDENTITY.match(identity)))
    return is_known and names.labels_fit(value.get("labels"))


def _is_nic(device: str, value: Any) -> bool:
    if not (names.is_interface_name(device) and isinstance(value, dict)):
        return False
    kind, mac = value.get("kind"), value.get("mac")
    return (
        names.is_object_name(value.get("netns"))
        and all(_is_whole(value.get(word)) and value[word] > 0 for word in ("id", "mtu"))
        and value["mtu"] < 1 << 31
        and isinstance(value.get("up"), bool)
        and (kind is None or isinstance(kind, str))
        and (mac is None or (isinstance(mac, str) and bool(names.MAC.match(mac))))
        and _are_altnames(value.get("altnames", []))
        and names.labels_fit(value.get("labels"))
    )


def _are_altnames(value: object) -> bool:
    """Whether it is a list of alternative names of a link: the kernel takes any text (ALTIFNAMSIZ)."""
    return isinstance(value, list) and all(isinstance(name, str) and 0 < len(name) < 128 for name in value)


def _is_sysctl(key: str, value: Any) -> bool:
    if not (_is_key(key) and isinstance(value, dict)):
        return False
    beside, own = value.get("beside", {}), value.get("own", [])
    return (
        all(_is_number(value.get(word)) for word in ("was", "set"))
        and isinstance(beside, dict)
        and all(_is_key(other) and _is_number(number) for other, number in beside.items())
        and isinstance(own, list)
        and all(map(_is_key, own))
    )


def _is_key(key: object) -> bool:
    """Whether it is a sysctl below net, with dots or slashes, that is no path to another directory."""
    if not isinstance(key, str) or not key.isprintable():
        return False
    parts = key.split("/" if "/" in key else ".")
    return parts[0] == "net" and len(parts) > 2 and not {"", ".", ".."}.intersection(parts)


def _is_number(value: object) -> bool:
    return isinstance(value, str) and bool(_NUMBER.match(value))


def _is_port(_name: str, value: Any) -> bool:
    if not (isinstance(value, list) and len(value) == 2):
        return False
    protocol, port = value
    return protocol in names.PROTOCOLS and _is_whole(port) and 0 < port < 1 << 16


def _is_network(text: str, _value: Any) -> bool:
    try:
        ip.network(text)
    except ValueError:
        return False
    return True


def _is_flag(_name: str, value: Any) -> bool:
    return isinstance(value, bool)


def _is_something(_name: str, value: Any) -> bool:
    return _is_plain(value)


def _is_plain(value: Any, deep: int = _DEEP) -> bool:
    """Whether it is a string, an integer, a bool or None, or lists and dicts of these up to ``deep`` levels."""
    if isinstance(value, (list, dict)):
        inner = value.values() if isinstance(value, dict) else value
        return deep > 0 and all(_is_plain(one, deep - 1) for one in inner)
    return value is None or isinstance(value, (str, int))


_TOPICS: dict[str, Callable[[str, Any], bool]] = {
    "handles": _is_handle,
    "namespaces": _is_namespace,
    "nics": _is_nic,
    "sysctls": _is_sysctl,
    "to_forget": _is_port,
    "networks_to_forget": _is_network,
    "networks_to_part": _is_network,
    "netns_directory": _is_flag,
    "name_files": _is_flag,
}


class Memory:
    """The runtime state, by topic: ``memory["handles"]["agent"] = {"join": "host"}``. Saved by save(), under the lock.
    ``lost`` has a warning for each entry of the file that is invalid."""

    def __init__(self) -> None:
        self._topics, self._saved, self.lost = _read()

    def __getitem__(self, topic: str) -> dict[str, Any]:
        return self._topics.setdefault(topic, {})

    def save(self) -> None:
        """Write the file atomically; delete it when there is no state."""
        self._topics = {topic: things for topic, things in self._topics.items() if things}
        if not self._topics:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(_FILE)
            self._saved = ""
            return
        content = json.dumps(self._topics, sort_keys=True)
        if content == self._saved:
            return
        with contextlib.suppress(FileNotFoundError):
            os.unlink(_NEW)
        descriptor = os.open(_NEW, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(content)
        except OSError as error:  # ENOSPC: the error of a write does not name the file
            raise OSError(error.errno, error.strerror, _NEW) from error
        os.replace(_NEW, _FILE)
        self._saved = content
