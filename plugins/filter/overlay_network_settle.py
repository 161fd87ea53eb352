# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses on overlays for containers of the role bridge_network, whose planner knows one host only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DOCUMENTATION = r"""
name: overlay_network_settle
author: The virtnet.linux authors
short_description: Merge planned overlay addresses into containers
version_added: 1.0.0
description:
  - Merges the addresses and MACs that the role P(virtnet.linux.overlay_network#role) planned into the containers of the
    role P(virtnet.linux.bridge_network#role) that are attached to its networks.
  - Internal to the roles; it may change with them.
positional: addresses, live
options:
  _input:
    description: The containers, as declared.
    type: list
    elements: dict
    required: true
  addresses:
    description: The planned addresses, by container and network; the variable C(overlay_network_addresses) of the role.
    type: dict
    required: true
  live:
    description:
      - The names of the existing networks. Other overlays are left out, for check mode before a first run.
      - No overlay is left out when not given.
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
  description: The containers, their networks with the planned C(ipv4_address), C(ipv6_address) and C(mac_address).
  type: list
  elements: dict
"""


Addresses = Mapping[str, Mapping[str, Mapping[str, str]]]


def overlay_network_settle(containers: Any, addresses: Addresses, live: list[str] | None = None) -> Any:
    """Merge the addresses into the containers; invalid values are kept, for the planner to refuse."""
    if not isinstance(containers, (list, tuple)):
        return containers
    return [_settled(one, addresses, live) for one in containers]


def _settled(container: Any, addresses: Addresses, live: list[str] | None) -> Any:
    own = addresses.get(str(container.get("name"))) if isinstance(container, Mapping) else None
    if not own or not isinstance(container.get("networks"), (list, tuple)):
        return container
    attachments = []
    for attachment in container["networks"]:
        declared = dict(attachment) if isinstance(attachment, Mapping) else {"name": attachment}
        settled = own.get(str(declared.get("name")))
        if settled is None or live is None or declared["name"] in live:
            attachments.append({**declared, **settled} if settled is not None else attachment)
    return {**container, "networks": attachments}


class FilterModule:
    """Registers the filter in Ansible."""

    def filters(self) -> dict[str, Any]:
        """The filters, by name."""
        return {"overlay_network_settle": overlay_network_settle}
