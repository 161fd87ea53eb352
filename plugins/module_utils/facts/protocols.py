# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Interfaces of the modules in kinds/, as converge.py uses them. An object is a dict with every key of its kind's
OPTIONS, None where an option is not given."""

from __future__ import annotations

from typing import Any, Protocol

from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.facts.options import Problems
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import State

NETNS, BRIDGE, VETH, VXLAN_TUNNEL, INTERFACE = "netns", "bridge", "veth", "vxlan_tunnel", "interface"
BRIDGE_POLICY, NAT_PORT, FOREIGN_FIREWALL = "bridge_policy", "nat_port", "foreign_firewall"
NETWORK_NAMES, RESOLVER = "network_names", "resolver"

Identity = tuple[Any, ...]  # first the noun for it, last the name


class Kind(Protocol):
    """A kind of object."""

    KIND: str  # its name, its module's where it has one, and a constant of this one

    def check(self, desired: Any, host: Host, problems: Problems, /) -> None:
        """Add the errors of an object to ``problems``."""

    def identities(self, desired: Any, /) -> list[Identity]:
        """Return the identities that must be unique in a document."""

    def plan(self, desired: Any, host: Host, /) -> list[Action[Any]]:
        """Compare an object's desired with its observed state; return the actions (none: idempotent)."""


class Foretelling(Kind, Protocol):
    """A kind whose objects others may depend on."""

    def foretell(self, desired: Any, host: Host, /) -> None:
        """Predict, on the host, what the object is to create and to delete."""


class Making(Kind, Protocol):
    """A kind whose actions are applied in a step of their own; deletions too, unless it is Leaving."""

    def apply(self, actions: list[Action[Any]], host: Host, /) -> None:
        """Apply actions."""


class Leaving(Kind, Protocol):
    """A kind whose objects are deleted in another step than they are created in."""

    def delete(self, actions: list[Action[Any]], host: Host, /) -> None:
        """Apply deletions."""


class Filtering(Kind, Protocol):
    """A kind whose objects are part of the firewall state."""

    def lay(self, desired: Any, state: State, host: Host, /) -> None:
        """Merge the object into the firewall's desired state."""
