# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the modules in kinds/ have in common, as converge.py uses them. An object is a dictionary in the shape of its
kind's OPTIONS, all of them there, None where one is not given."""

from __future__ import annotations

from typing import Any, Protocol

from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.facts.options import Problems
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import State

NETNS, BRIDGE, VETH, VXLAN_TUNNEL, INTERFACE = "netns", "bridge", "veth", "vxlan_tunnel", "interface"
BRIDGE_POLICY, NAT_PORT, FOREIGN_FIREWALL = "bridge_policy", "nat_port", "foreign_firewall"
NETWORK_NAMES, RESOLVER = "network_names", "resolver"

Declared = dict[str, Any]
Identity = tuple[Any, ...]  # begins with the word for it and ends with the name


class Kind(Protocol):
    """A kind of object."""

    KIND: str  # its name, its module's where it has one, and a constant of this one
    OPTIONS: dict[str, Any]  # an argument spec

    def check(self, wanted: Declared, host: Host, problems: Problems, /) -> None:
        """Note what is wrong with an object."""

    def identities(self, wanted: Declared, /) -> list[Identity]:
        """What no two objects of a document may share."""

    def plan(self, wanted: Declared, host: Host, /) -> list[Action]:
        """What has to be done for an object."""


class Foretelling(Kind, Protocol):
    """One of whose objects others may rest on."""

    def foretell(self, wanted: Declared, host: Host, /) -> None:
        """Tell the host what the object is about to make and take away."""


class Making(Kind, Protocol):
    """One whose actions are carried out at a step of their own; those that take away too, unless it is Leaving."""

    def apply(self, actions: list[Action], host: Host, /) -> None:
        """Carry out actions."""


class Leaving(Kind, Protocol):
    """One whose objects are taken away at another step than they are made."""

    def delete(self, actions: list[Action], host: Host, /) -> None:
        """Carry out actions that take away."""


class Filtering(Kind, Protocol):
    """One whose objects the firewall knows."""

    def lay(self, wanted: Declared, state: State, host: Host, /) -> None:
        """Lay the object over the firewall's state."""
