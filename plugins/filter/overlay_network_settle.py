# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses on overlays for containers that the role bridge_network makes: its planner knows of one host only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DOCUMENTATION = r"""
name: overlay_network_settle
author: The virtnet.linux authors
short_description: Give containers the addresses that the fabric has for them
version_added: 1.0.0
description:
  - Puts the addresses and MACs that the role P(virtnet.linux.overlay_network#role) planned into the containers of the
    role P(virtnet.linux.bridge_network#role) that name its networks.
  - A part of the roles, which may change with them.
positional: addresses, live
options:
  _input:
    description: The containers, as they are declared.
    type: list
    elements: dict
    required: true
  addresses:
    description: What they get, by container and network; the variable C(overlay_network_addresses) that the role sets.
    type: dict
    required: true
  live:
    description:
      - The names of the networks that are there. Overlays that are not are left out, for check mode before a first run.
      - None are left out when not given.
    type: list
    elements: str
seealso:
  - plugin: virtnet.linux.overlay_network_plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show where containers of bridge_network are on the fabric
  ansible.builtin.debug:
    msg: "{{ bridge_network_containers | virtnet.linux.overlay_network_settle(overlay_network_addresses) }}"
"""

RETURN = r"""
_value:
  description: The containers, their networks with C(ipv4_address), C(ipv6_address) and C(mac_address) where planned.
  type: list
  elements: dict
"""


Addresses = Mapping[str, Mapping[str, Mapping[str, str]]]


def overlay_network_settle(containers: Any, addresses: Addresses, live: list[str] | None = None) -> Any:
    """The containers with their addresses on overlays; whatever cannot be read is left for the planner to refuse."""
    if not isinstance(containers, (list, tuple)):
        return containers
    return [_settled(one, addresses, live) for one in containers]


def _settled(container: Any, addresses: Addresses, live: list[str] | None) -> Any:
    own = addresses.get(str(container.get("name"))) if isinstance(container, Mapping) else None
    if not own or not isinstance(container.get("networks"), (list, tuple)):
        return container
    wishes = []
    for wish in container["networks"]:
        told = dict(wish) if isinstance(wish, Mapping) else {"name": wish}
        settled = own.get(str(told.get("name")))
        if settled is None or live is None or told["name"] in live:
            wishes.append({**told, **settled} if settled is not None else wish)
    return {**container, "networks": wishes}


class FilterModule:
    """Ansible's way to find filters."""

    def filters(self) -> dict[str, Any]:
        """What Ansible asks for."""
        return {"overlay_network_settle": overlay_network_settle}
