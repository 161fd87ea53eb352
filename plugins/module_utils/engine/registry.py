# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of object: for each class of the model the module of kinds/ with its name.

A module is loaded when it is first used (kinds/__init__.py), so a run loads those only whose objects it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.facts.options import Checks
from ansible_collections.virtnet.linux.plugins.module_utils.kinds import (
    bridge,
    bridge_policy,
    foreign_firewall,
    interface,
    nat_port,
    netns,
    network_names,
    resolver,
    veth,
    vxlan_tunnel,
)
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import State
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Topology

Identity = tuple[Any, ...]  # first the noun for it, last the name


class Kind(Protocol):
    """A module of kinds/. It has apply() and delete() as well, for the phases of its actions (steps.py)."""

    KIND: str  # its name, its module's where it has one

    def check(self, desired: Any, host: Host, problems: Checks, /) -> None:
        """Add the errors of an object to ``problems``."""

    def identities(self, desired: Any, /) -> list[Identity]:
        """Return the identities that must be unique in a document."""

    def plan(self, desired: Any, host: Host, /) -> list[Action[Any]]:
        """Compare an object's desired with its observed state; return the actions (none: idempotent)."""


class Predicting(Kind, Protocol):
    """A kind whose objects others may depend on."""

    def predict(self, desired: Any, host: Host, /) -> None:
        """Predict, on the host, what the object is to create and to delete."""


class Filtering(Kind, Protocol):
    """A kind whose objects are part of the firewall state."""

    def update_firewall(self, desired: Any, state: State, host: Host, /) -> None:
        """Merge the object into the firewall's desired state."""


KINDS: dict[str, Kind] = {
    "netns": netns,
    "bridge": bridge,
    "veth": veth,
    "vxlan_tunnel": vxlan_tunnel,
    "interface": interface,
    "bridge_policy": bridge_policy,
    "nat_port": nat_port,
    "foreign_firewall": foreign_firewall,
    "network_names": network_names,
    "resolver": resolver,
}


def objects(document: Topology) -> Iterator[tuple[Kind, Any]]:
    """Yield every object with its kind, in the order in which they are created."""
    for name, kind in KINDS.items():
        for desired in document.of(name):
            yield kind, desired
