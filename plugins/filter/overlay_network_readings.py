# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the hosts of a run read of themselves and of others, put together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DOCUMENTATION = r"""
name: overlay_network_readings
author: The virtnet.linux authors
short_description: What is live on every member of a fabric
version_added: 1.0.0
description:
  - Puts together what the role P(virtnet.linux.overlay_network#role) registered on the hosts of a batch, of each host
    itself and of those that it asked by delegation.
  - A part of that role, which may change with it.
positional: hostvars
options:
  _input:
    description: The hosts of the batch.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variables of all hosts.
    type: dict
    required: true
seealso:
  - plugin: virtnet.linux.overlay_network_plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Who could be read
  ansible.builtin.debug:
    msg: "{{ ansible_play_batch | virtnet.linux.overlay_network_readings(hostvars) | list }}"
"""

RETURN = r"""
_value:
  description: What M(virtnet.linux.network_info) returned, or how it failed, by host.
  type: dict
"""


def overlay_network_readings(batch: list[str], hostvars: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Results of network_info by the host that was read."""
    found = {}
    for host in batch:
        variables = hostvars[host]
        for result in (variables.get("__overlay_network_others") or {}).get("results") or []:
            found[result["item"]] = result
    for host in batch:
        again = hostvars[host].get("__overlay_network_again") or {}
        found[host] = again if "networks" in again else hostvars[host].get("__overlay_network_live")
    return found


class FilterModule:
    """Ansible's way to find filters."""

    def filters(self) -> dict[str, Any]:
        """What Ansible asks for."""
        return {"overlay_network_readings": overlay_network_readings}
