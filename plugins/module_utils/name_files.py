# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files by which containers find each other: /etc/netns/NAME/hosts and resolv.conf, as ip-netns(8) binds them over
those in /etc.

    /etc/netns/.virtnet/networks/web     what network web says of its containers, lines of hosts(5)
    /etc/netns/.virtnet/hosts/back+web   the whole file for everybody who is on just these networks
    /etc/netns/nginx/hosts               a symbolic link to it
    /etc/netns/nginx/resolv.conf         a file of its own, where one is needed

So a container more is a line more in one file, however many find it there. The files are rewritten in place: whoever
has one bound over /etc/hosts sees the change. What else is in /etc/netns is other people's and stays.
"""

from __future__ import annotations

import contextlib
import hashlib
import os

from ansible_collections.virtnet.linux.plugins.module_utils import names, resolvers

DIRECTORY = "/etc/netns"
_OURS = DIRECTORY + "/.virtnet"
_NETWORKS, _HOSTS = _OURS + "/networks", _OURS + "/hosts"
_LINK = "../.virtnet/hosts/"  # from /etc/netns/NAME

_MARK = "# Made by virtnet.linux: what is changed here is lost."
_OF = "# Networks:"
_LONGEST = 200  # bytes of a file's name, which may have 255


class NameFiles:
    """The files as they are, each read once, and as a run wants the networks' to be."""

    def __init__(self) -> None:
        self._networks: dict[str, str] = {}
        self._wanted: dict[str, str] = {}
        self._sound: dict[str, frozenset[str] | None] = {}

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
        try:
            target = os.readlink(_join(DIRECTORY, container, "hosts"))
        except OSError:
            return None
        return self._networks_at(target[len(_LINK) :]) if target.startswith(_LINK) else None

    def is_others(self, container: str, file: str) -> bool:
        """Whether somebody else put a file of that name there."""
        path = _join(DIRECTORY, container, file)
        if os.path.islink(path):
            return not os.readlink(path).startswith(_LINK)
        return os.path.exists(path) and not (_read(path) or "").startswith(_MARK)

    def give_hosts(self, container: str, networks: frozenset[str]) -> None:
        """Let the container find the names of these networks."""
        os.makedirs(_HOSTS, exist_ok=True)
        _write(_join(_HOSTS, _file_name(networks)), self._compose(networks))
        path = _join(DIRECTORY, container, "hosts")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        if not os.path.islink(path) or os.readlink(path) != _LINK + _file_name(networks):
            _unlink(path)
            os.symlink(_LINK + _file_name(networks), path)

    def resolv_conf(self, container: str) -> str | None:
        """The container's resolv.conf without our mark; None where it has none of ours."""
        text = _read(_join(DIRECTORY, container, "resolv.conf"))
        return text[len(_MARK) + 1 :] if text is not None and text.startswith(_MARK) else None

    def give_resolv_conf(self, container: str, text: str | None) -> None:
        """Give the container a resolv.conf, or take ours away."""
        path = _join(DIRECTORY, container, "resolv.conf")
        if text is None:
            _unlink(path)
        else:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            _write(path, _MARK + "\n" + text)

    def take_away(self, container: str) -> None:
        """Remove what the container has of ours."""
        for file in ("hosts", "resolv.conf"):
            if not self.is_others(container, file):
                _unlink(_join(DIRECTORY, container, file))
        with contextlib.suppress(OSError):
            os.rmdir(_join(DIRECTORY, container))

    def tidy(self) -> None:
        """Remove the files that nobody has any more, and then the empty directories."""
        used = set()
        with contextlib.suppress(FileNotFoundError):
            for container in os.listdir(DIRECTORY):
                with contextlib.suppress(OSError):
                    used.add(os.path.basename(os.readlink(_join(DIRECTORY, container, "hosts"))))
        for path, _networks in _composed():
            if os.path.basename(path) not in used:
                _unlink(path)
        for directory in (_HOSTS, _NETWORKS, _OURS, DIRECTORY):
            with contextlib.suppress(OSError):
                os.rmdir(directory)

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
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir(_HOSTS):
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


def _join(*parts: str) -> str:
    return "/".join(parts)


def _read(path: str) -> str | None:
    if not os.path.lexists(path):  # as most containers' resolv.conf; open() takes four times as long to say so
        return None
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _write(path: str, text: str) -> None:
    """In place, and without a moment in which the file is empty."""
    data = text.encode()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if os.pread(descriptor, len(data) + 1, 0) != data:
            os.pwrite(descriptor, data, 0)
            os.ftruncate(descriptor, len(data))
    finally:
        os.close(descriptor)


def _unlink(path: str) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(path)
