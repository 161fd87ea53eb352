# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files by which containers find each other: /etc/netns/NAME/hosts and resolv.conf, as ip-netns(8) binds them over
those in /etc.

    /etc/netns/.virtnet/networks/web     what network web says of its containers, lines of hosts(5)
    /etc/netns/.virtnet/hosts/back+web   the whole file for everybody who is on just these networks
    /etc/netns/.virtnet/found            the directories that were there before, which stay: "." is /etc/netns
    /etc/netns/.virtnet/new/             what is being made or removed, for the length of a run
    /etc/netns/nginx/hosts               a symbolic link to it
    /etc/netns/nginx/resolv.conf         a file of its own, where one is needed

So a container more is a line more in one file, however many find it there. A file that exists is rewritten in place:
whoever has it bound over /etc/hosts sees the change. A new file, and a container's directory with all that is in it,
is made below new/ and renamed when it is whole; a directory that goes is renamed to there first. So a run that is
killed leaves nothing half made outside of new/, which the next run removes, and a directory that is there without a
file of ours in it was made by others. What else is in /etc/netns is other people's and stays.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os

from ansible_collections.virtnet.linux.plugins.module_utils.rules import names
from ansible_collections.virtnet.linux.plugins.module_utils.system import regular, resolvers
from ansible_collections.virtnet.linux.plugins.module_utils.system.runtime_state import Memory

DIRECTORY = "/etc/netns"
_OURS = DIRECTORY + "/.virtnet"
_NETWORKS, _HOSTS = _OURS + "/networks", _OURS + "/hosts"
_NEW, _FOUND = _OURS + "/new", _OURS + "/found"
_ITSELF = "."  # /etc/netns among the directories that were found
_LINK = "../.virtnet/hosts/"  # from /etc/netns/NAME
_FILES = ("hosts", "resolv.conf")

_MARK = "# Made by virtnet.linux: what is changed here is lost."
_OF = "# Networks:"
_LONGEST = 200  # bytes of a file's name, which may have 255


class NameFiles:
    """The files as they are, each read once, and as a run wants the networks' to be."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._networks: dict[str, str] = {}
        self._wanted: dict[str, str] = {}
        self._sound: dict[str, frozenset[str] | None] = {}
        self._written: set[frozenset[str]] = set()
        self._found: set[str] | None = None  # once this run has begun to write

    # ---- what networks say ----

    def lines(self, network: str) -> str:
        """What a network says now; nothing where it has no file."""
        if network not in self._networks:
            self._networks[network] = _read(_join(_NETWORKS, network)) or ""
        return self._networks[network]

    def want(self, network: str, lines: str) -> None:
        """Take note of what a network is to say."""
        self._wanted[network] = lines

    def write_network(self, network: str) -> None:
        """Let everybody on the network know what it says; its own file is written last, so that a run that is killed
        in between is made good by the next."""
        self._begin()
        for path, networks in _composed():
            if network in networks:
                _write(path, self._compose(networks))
        os.makedirs(_NETWORKS, exist_ok=True)
        if self._wanted[network]:
            _write(_join(_NETWORKS, network), self._wanted[network])
        else:
            _unlink(_join(_NETWORKS, network))

    # ---- what containers have ----

    def networks_of(self, container: str) -> frozenset[str] | None:
        """The networks whose names the container finds now; None where it has no such file of ours, or one that is
        not as the networks have it."""
        file = _link_of(container)
        return None if file is None else self._networks_at(file)

    def has_ours(self, container: str) -> bool:
        """Whether the container has a file of ours."""
        return any(
            os.path.lexists(_join(DIRECTORY, container, file)) and not self.is_others(container, file)
            for file in _FILES
        )

    def is_others(self, container: str, file: str) -> bool:
        """Whether somebody else put a file of that name there."""
        path = _join(DIRECTORY, container, file)
        if os.path.islink(path):
            return not os.readlink(path).startswith(_LINK)
        if not os.path.exists(path):
            return False
        text = _read(path)
        return not (text is not None and (text.startswith(_MARK) or _is_unwritten(container, text)))

    def resolv_conf(self, container: str) -> str | None:
        """The container's resolv.conf without our mark; None where it has none of ours."""
        text = _read(_join(DIRECTORY, container, "resolv.conf"))
        if text is not None and _is_unwritten(container, text):
            return ""
        return text[len(_MARK) + 1 :] if text is not None and text.startswith(_MARK) else None

    def give(self, container: str, networks: frozenset[str], resolv_conf: str | None) -> None:
        """Let the container find the names of these networks, and give it a resolv.conf or take ours away; files of
        others stay."""
        self._begin()
        if networks not in self._written:
            os.makedirs(_HOSTS, exist_ok=True)
            _write(_join(_HOSTS, _file_name(networks)), self._compose(networks))
            self._written.add(networks)
        directory, link = _join(DIRECTORY, container), _LINK + _file_name(networks)
        text = None if resolv_conf is None else _MARK + "\n" + resolv_conf
        if not os.path.lexists(directory):
            _make_directory(directory, link, text)
            return
        if not self.has_ours(container):
            self._note_found(container)
        if not self.is_others(container, "resolv.conf"):
            path = _join(directory, "resolv.conf")
            if text is None:
                _unlink(path)
            else:
                _write(path, text)
        # last: beside it an empty resolv.conf is taken for ours
        if not self.is_others(container, "hosts") and _link_of(container) != _file_name(networks):
            _replace_by_link(_join(directory, "hosts"), link)

    def take_away(self, container: str) -> None:
        """Remove what the container has of ours."""
        found = self._begin()
        directory = _join(DIRECTORY, container)
        ours = [file for file in _FILES if not self.is_others(container, file)]
        if container in found or os.path.islink(directory) or not set(_list(directory)) <= set(ours):
            for file in reversed(ours):
                _unlink(_join(directory, file))
        else:
            _remove(directory, aside=_join(_NEW, container))

    def tidy(self) -> None:
        """Remove the files that nobody has any more, and then the empty directories; also after a run that was killed
        before it came to that."""
        found = self._begin()
        used = {_link_of(container) for container in _list(DIRECTORY)}
        for path, _networks in _composed():
            if os.path.basename(path) not in used:
                _unlink(path)
        kept = {name for name in found if name == _ITSELF or self.has_ours(name)}
        if kept != found:
            self._write_found(kept)
        for leftover in _list(_NEW):
            _remove(_join(_NEW, leftover))
        for directory in (_HOSTS, _NETWORKS, _NEW):
            _rmdir(directory)
        if set(_list(_OURS)) <= {os.path.basename(_FOUND)} and not kept - {_ITSELF}:
            _unlink(_FOUND)
            for directory in (_OURS,) if _ITSELF in kept else (_OURS, DIRECTORY):
                _rmdir(directory)
        self._memory["name_files"].clear()
        self._found = None

    def _begin(self) -> set[str]:
        """Have a place for what is being made, and a note that the next run has to tidy up, should this one be killed;
        the directories that were found."""
        if self._found is None:
            self._found = set((_read(_FOUND) or "").split())
            noted = self._memory["name_files"]
            if "found" not in noted:  # else a run that was killed has looked, before it made anything
                noted["found"] = _ITSELF in self._found or (os.path.lexists(DIRECTORY) and not os.path.lexists(_OURS))
                self._memory.save()
            os.makedirs(_NEW, exist_ok=True)
            if noted["found"]:
                self._note_found(_ITSELF)
        return self._found

    def _note_found(self, directory: str) -> None:
        found = self._found or set()
        if directory not in found:
            self._write_found(found | {directory})

    def _write_found(self, found: set[str]) -> None:
        self._found = found
        _write_aside(_FOUND, "".join(name + "\n" for name in sorted(found)).encode())

    def _compose(self, networks: frozenset[str]) -> str:
        said = [self._wanted.get(network, self.lines(network)) for network in sorted(networks)]
        return "\n".join([_MARK, " ".join([_OF, *sorted(networks)]), names.HOSTS_HEAD]) + "".join(said)

    def _networks_at(self, file: str) -> frozenset[str] | None:
        """The networks of a file for a set of them; None where it does not say what they say. Where one is to say
        something else, that is what changes."""
        if file not in self._sound:
            text = _read(_join(_HOSTS, file))
            networks = _networks_in(text or "")
            changing = any(self._wanted.get(one, self.lines(one)) != self.lines(one) for one in networks or ())
            is_sound = networks is not None and (changing or text == self._compose(networks))
            self._sound[file] = networks if is_sound else None
        return self._sound[file]


def hosts_lines(entries: list[dict[str, list[str]]]) -> str:
    """Entries ({address, names}) as lines of hosts(5)."""
    return "".join("%s\t%s\n" % (entry["address"], " ".join(entry["names"])) for entry in entries)


def wanted_resolv_conf(
    nameservers: list[str] | None, search: list[str] | None, options: list[str] | None
) -> str | None:
    """The text for a container. None where the host's own does: nothing is asked for, and the host's nameservers are
    not a stub of its own that no container reaches."""
    if not (nameservers or search or options) and not resolvers.has_stub():
        return None
    lines = ["nameserver " + address for address in nameservers or resolvers.nameservers()]
    lines += ["search " + " ".join(search)] if search else []
    lines += ["options " + " ".join(options)] if options else []
    return "".join(line + "\n" for line in lines)


def _composed() -> list[tuple[str, frozenset[str]]]:
    """The files for sets of networks, with the sets."""
    found = []
    for name in _list(_HOSTS):
        networks = _networks_in(_read(_join(_HOSTS, name)) or "")
        found.append((_join(_HOSTS, name), frozenset() if networks is None else networks))
    return found


def _networks_in(text: str) -> frozenset[str] | None:
    lines = text.split("\n", 2)
    if len(lines) < 2 or not lines[1].startswith(_OF):
        return None
    return frozenset(lines[1][len(_OF) :].split())


def _file_name(networks: frozenset[str]) -> str:
    name = "+".join(sorted(networks)) or "+"
    return name if len(name) <= _LONGEST else "+" + hashlib.sha256(name.encode()).hexdigest()


def _link_of(container: str) -> str | None:
    """The name of the file that a container's hosts is a link to; None where it is no link of ours."""
    try:
        target = os.readlink(_join(DIRECTORY, container, "hosts"))
    except OSError:
        return None
    return target[len(_LINK) :] if target.startswith(_LINK) else None


def _is_unwritten(container: str, resolv_conf: str) -> bool:
    """Whether it is the empty file that a run left which was killed, or a power cut, before it was written."""
    return not resolv_conf and _link_of(container) is not None


def _join(*parts: str) -> str:
    return "/".join(parts)


def _list(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _read(path: str) -> str | None:
    if not os.path.lexists(path):  # as most containers' resolv.conf; open() takes four times as long to say so
        return None
    try:
        return regular.read(path).decode("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError, regular.Irregular):
        return None


def _make_directory(directory: str, link: str, resolv_conf: str | None) -> None:
    """A container's directory: there with all that is in it, or not at all."""
    new = _join(_NEW, os.path.basename(directory))
    _remove(new)
    os.mkdir(new)
    os.symlink(link, _join(new, "hosts"))
    if resolv_conf is not None:
        _write_aside(_join(new, "resolv.conf"), resolv_conf.encode())
    os.rename(new, directory)


def _remove(directory: str, aside: str | None = None) -> None:
    """A directory and the files in it, or a file; moved aside first, so that it is there whole or not at all."""
    if aside is not None:
        _remove(aside)
        with contextlib.suppress(OSError):  # EXDEV: a directory of an overlay's lower layer may not be moved
            os.rename(directory, aside)
            directory = aside
    for file in _list(directory):
        os.unlink(_join(directory, file))
    with contextlib.suppress(FileNotFoundError):
        try:
            os.rmdir(directory)
        except NotADirectoryError:
            os.unlink(directory)


def _rmdir(directory: str) -> None:
    """Where nothing is in it."""
    try:
        os.rmdir(directory)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST):
            raise


def _replace_by_link(path: str, target: str) -> None:
    new = _join(_NEW, ".link")
    _unlink(new)
    os.symlink(target, new)
    os.replace(new, path)


def _write(path: str, text: str) -> None:
    """In place where the file exists, and without a moment in which it is empty; aside where it is new."""
    data = text.encode()
    try:
        descriptor = regular.open_for_writing(path)
    except (FileNotFoundError, regular.Irregular):
        _write_aside(path, data)
        return
    try:
        if os.pread(descriptor, len(data) + 1, 0) != data:
            os.pwrite(descriptor, data, 0)
            os.ftruncate(descriptor, len(data))
    except OSError as error:  # no space left: the error of a write does not say where
        raise OSError(error.errno, error.strerror, path) from error
    finally:
        os.close(descriptor)


def _write_aside(path: str, data: bytes) -> None:
    """Whole or not at all."""
    new = _join(_NEW, ".file")  # names of containers begin otherwise
    _unlink(new)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        if os.write(descriptor, data) != len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        raise OSError(error.errno, error.strerror, new) from error
    finally:
        os.close(descriptor)
    os.replace(new, path)


def _unlink(path: str) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(path)
