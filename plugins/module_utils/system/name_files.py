# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Name resolution of containers: /etc/netns/NAME/hosts and resolv.conf, which ip-netns(8) bind mounts over those in
/etc.

    /etc/netns/.virtnet/networks/web     the names of network web's containers, lines of hosts(5)
    /etc/netns/.virtnet/hosts/back+web   the whole file for each container on exactly these networks
    /etc/netns/.virtnet/found            the directories that existed before, and are kept: "." is /etc/netns
    /etc/netns/.virtnet/new/             files being created or deleted during a run
    /etc/netns/nginx/hosts               a symbolic link to the file below hosts/
    /etc/netns/nginx/resolv.conf         a regular file, where one is needed

So a new container adds a line to each of its networks' files, not to one file for each container. An existing file is
rewritten in place: processes that have it bind mounted over /etc/hosts see the change. A new file, and a container's
directory with its files, is created below new/ and renamed when complete; a directory to delete is renamed to there
first. So a run that is killed leaves no incomplete file outside of new/, which the next run deletes, and an existing
directory without a managed file is foreign. All other files in /etc/netns are foreign and are left untouched.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os

from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import NetworkName
from ansible_collections.virtnet.linux.plugins.module_utils.rules import names
from ansible_collections.virtnet.linux.plugins.module_utils.system import regular, resolvers
from ansible_collections.virtnet.linux.plugins.module_utils.system.runtime_state import Memory

DIRECTORY = "/etc/netns"
_OURS = DIRECTORY + "/.virtnet"
_NETWORKS, _HOSTS = _OURS + "/networks", _OURS + "/hosts"
_NEW, _FOUND = _OURS + "/new", _OURS + "/found"
_ITSELF = "."  # /etc/netns in the list of directories that existed before
_LINK = "../.virtnet/hosts/"  # from /etc/netns/NAME
_FILES = ("hosts", "resolv.conf")

_MARK = "# Made by virtnet.linux: what is changed here is lost."
_OF = "# Networks:"
_LONGEST = 200  # bytes of a file's name, of at most 255


class NameFiles:
    """The observed files, each read once, and the desired ones of the networks."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._networks: dict[str, str] = {}
        self._desired: dict[str, str] = {}
        self._valid: dict[str, frozenset[str] | None] = {}
        self._written: set[frozenset[str]] = set()
        self._found: set[str] | None = None  # set when this run begins to write

    # ---- files of networks ----

    def lines(self, network: str) -> str:
        """Return the observed lines of a network; empty where it has no file."""
        if network not in self._networks:
            self._networks[network] = _read(_join(_NETWORKS, network)) or ""
        return self._networks[network]

    def set_lines(self, network: str, lines: str) -> None:
        """Set the desired lines of a network."""
        self._desired[network] = lines

    def write_network(self, network: str) -> None:
        """Write the desired lines of a network to the files of all its containers; the network's own file is written
        last, so that after a killed run the next one does it again."""
        self._begin()
        for path, networks in _composed():
            if network in networks:
                _write(path, self._compose(networks))
        os.makedirs(_NETWORKS, exist_ok=True)
        if self._desired[network]:
            _write(_join(_NETWORKS, network), self._desired[network])
        else:
            _unlink(_join(_NETWORKS, network))

    # ---- files of containers ----

    def networks_of(self, container: str) -> frozenset[str] | None:
        """Return the networks whose names the container resolves now; None where it has no managed hosts file, or one
        that differs from the networks' files."""
        file = _link_of(container)
        return None if file is None else self._networks_at(file)

    def has_ours(self, container: str) -> bool:
        """Whether the container has a managed file."""
        return any(
            os.path.lexists(_join(DIRECTORY, container, file)) and not self.is_others(container, file)
            for file in _FILES
        )

    def is_others(self, container: str, file: str) -> bool:
        """Whether the file exists and is foreign: made by the administrator or another program."""
        path = _join(DIRECTORY, container, file)
        if os.path.islink(path):
            return not os.readlink(path).startswith(_LINK)
        if not os.path.exists(path):
            return False
        text = _read(path)
        return not (text is not None and (text.startswith(_MARK) or _is_unwritten(container, text)))

    def resolv_conf(self, container: str) -> str | None:
        """Return the container's resolv.conf without its first line, the ownership comment; None where it has no
        managed one."""
        text = _read(_join(DIRECTORY, container, "resolv.conf"))
        if text is not None and _is_unwritten(container, text):
            return ""
        return text[len(_MARK) + 1 :] if text is not None and text.startswith(_MARK) else None

    def give(self, container: str, networks: frozenset[str], resolv_conf: str | None) -> None:
        """Write the container's hosts file, for these networks, and write or delete its resolv.conf; foreign files are
        left untouched."""
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
        # last: with it an empty resolv.conf counts as managed
        if not self.is_others(container, "hosts") and _link_of(container) != _file_name(networks):
            _replace_by_link(_join(directory, "hosts"), link)

    def remove(self, container: str) -> None:
        """Delete the container's managed files."""
        found = self._begin()
        directory = _join(DIRECTORY, container)
        ours = [file for file in _FILES if not self.is_others(container, file)]
        if container in found or os.path.islink(directory) or not set(_list(directory)) <= set(ours):
            for file in reversed(ours):
                _unlink(_join(directory, file))
        else:
            _remove(directory, aside=_join(_NEW, container))

    def tidy(self) -> None:
        """Delete the files that no container uses any more, and then the empty directories; also those that a killed
        run left."""
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
        """Create new/, and record in the runtime state that the next run has to clean up, should this one be killed;
        return the directories that existed before."""
        if self._found is None:
            self._found = set((_read(_FOUND) or "").split())
            noted = self._memory["name_files"]
            if "found" not in noted:  # else a killed run has recorded it, before it created files
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
        blocks = [self._desired.get(network, self.lines(network)) for network in sorted(networks)]
        return "\n".join([_MARK, " ".join([_OF, *sorted(networks)]), names.HOSTS_HEAD]) + "".join(blocks)

    def _networks_at(self, file: str) -> frozenset[str] | None:
        """Return the networks of a composed file; None where it differs from their files. Where a network's lines are
        to change, that change is reported instead of the difference."""
        if file not in self._valid:
            text = _read(_join(_HOSTS, file))
            networks = _networks_in(text or "")
            changing = any(self._desired.get(one, self.lines(one)) != self.lines(one) for one in networks or ())
            is_valid = networks is not None and (changing or text == self._compose(networks))
            self._valid[file] = networks if is_valid else None
        return self._valid[file]


def hosts_lines(entries: list[NetworkName]) -> str:
    """Format the names of addresses as lines of hosts(5)."""
    return "".join("%s\t%s\n" % (entry.address, " ".join(entry.names)) for entry in entries)


def desired_resolv_conf(
    nameservers: list[str] | None, search: list[str] | None, options: list[str] | None
) -> str | None:
    """Return the desired resolv.conf of a container. None where the host's own one is used: no option is given, and the
    host's nameserver is not a local stub, which containers cannot reach."""
    if not (nameservers or search or options) and not resolvers.has_stub():
        return None
    lines = ["nameserver " + address for address in nameservers or resolvers.nameservers()]
    lines += ["search " + " ".join(search)] if search else []
    lines += ["options " + " ".join(options)] if options else []
    return "".join(line + "\n" for line in lines)


def _composed() -> list[tuple[str, frozenset[str]]]:
    """Return the composed files with their sets of networks."""
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
    """Return the name of the file that a container's hosts file links to; None where it is no managed link."""
    try:
        target = os.readlink(_join(DIRECTORY, container, "hosts"))
    except OSError:
        return None
    return target[len(_LINK) :] if target.startswith(_LINK) else None


def _is_unwritten(container: str, resolv_conf: str) -> bool:
    """Whether it is the empty file left by a killed run or a power failure before it was written."""
    return not resolv_conf and _link_of(container) is not None


def _join(*parts: str) -> str:
    return "/".join(parts)


def _list(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _read(path: str) -> str | None:
    if not os.path.lexists(path):  # as most containers' resolv.conf; a failed open() takes four times as long
        return None
    try:
        return regular.read(path).decode("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError, regular.Irregular):
        return None


def _make_directory(directory: str, link: str, resolv_conf: str | None) -> None:
    """Create a container's directory with its files, atomically."""
    new = _join(_NEW, os.path.basename(directory))
    _remove(new)
    os.mkdir(new)
    os.symlink(link, _join(new, "hosts"))
    if resolv_conf is not None:
        _write_aside(_join(new, "resolv.conf"), resolv_conf.encode())
    os.rename(new, directory)


def _remove(directory: str, aside: str | None = None) -> None:
    """Delete a directory and its files, or a file; rename it to ``aside`` first, so that it disappears atomically."""
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
    """Delete a directory if it is empty."""
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
    """Write in place where the file exists, without truncating it first; by rename where it is new."""
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
    except OSError as error:  # ENOSPC: the error of a write does not name the file
        raise OSError(error.errno, error.strerror, path) from error
    finally:
        os.close(descriptor)


def _write_aside(path: str, data: bytes) -> None:
    """Write a file atomically, by rename."""
    new = _join(_NEW, ".file")  # no container's name: none begins with a dot
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
