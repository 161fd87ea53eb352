# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is measured: N endpoints on one bridge, each a namespace with a veth pair, an address, a default route and one
published port; and what everything that makes them has in common."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

GATEWAY, SUBNET, LENGTH = "10.50.0.1", "10.50.0.0/16", 16
BRIDGE = "br-bench"
_FIRST_PORT = 20000


class Endpoint(NamedTuple):
    """The numbers of one endpoint, the same for every peer."""

    number: int

    @property
    def name(self) -> str:
        return "c%d" % self.number

    @property
    def veth(self) -> str:
        return "v%d" % self.number

    @property
    def address(self) -> str:
        return "10.50.%d.%d" % divmod(self.number + 1024, 256)

    @property
    def port(self) -> int:
        return _FIRST_PORT + self.number


class Peer:
    """One way to make endpoints. What a peer cannot do, or what takes it too long to ask, raises NotImplementedError.

    A verb returns nothing: the caller's clock counts; or the milliseconds that its own work took, where a clock inside
    tells more. prepare() is not timed: a declaration may be written there, as a person would have it at hand.
    """

    name = ""
    about = ""
    largest = 1000  # endpoints; beyond, it takes longer than it is worth
    once_from = 1001  # endpoints; from here on it takes minutes, and one round has to do
    ports = True  # whether it publishes ports

    def __init__(self, folder: Path, python: str) -> None:
        self.folder, self.python = folder, python

    @classmethod
    def missing(cls) -> str | None:
        """Why it cannot be run on this machine; None where it can."""
        return None

    def prepare(self, endpoints: list[Endpoint], new: Endpoint) -> None:
        """Write what create() and the others take; ``new`` is the one that is added later."""

    def before(self, verb: str) -> None:
        """What a verb takes and its user would not wait for."""

    def create(self) -> float | None:
        """Make all endpoints on a host that has none."""
        raise NotImplementedError

    def again(self) -> float | None:
        """The same once more, with nothing to do."""
        raise NotImplementedError

    def add(self) -> float | None:
        """One more, declared with all the others."""
        raise NotImplementedError

    def add_alone(self) -> float | None:
        """One more, and the others not mentioned."""
        raise NotImplementedError

    def remove(self) -> float | None:
        """Take that one away again, the others not mentioned."""
        raise NotImplementedError

    def remove_all(self) -> float | None:
        """Take everything away."""
        raise NotImplementedError

    def close(self) -> None:
        """End what runs."""

    def netns(self, endpoint: Endpoint) -> Path:
        """The file that holds an endpoint's namespace."""
        return Path("/run/netns", endpoint.name)

    def address(self, endpoint: Endpoint) -> str:
        """An endpoint's address."""
        return endpoint.address


def command_missing(*commands: str) -> str | None:
    """The commands that this machine lacks, in words."""
    missing = [command for command in commands if shutil.which(command) is None and not Path(command).exists()]
    return "not installed: %s" % ", ".join(missing) if missing else None
