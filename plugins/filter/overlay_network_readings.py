# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The observed state of a fabric's members, merged from the results of the hosts of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

DOCUMENTATION = r"""
name: overlay_network_readings
author: The virtnet.linux authors
short_description: Merge the observed state of every member of a fabric
version_added: 1.0.0
description:
  - Merges the results that the role P(virtnet.linux.overlay_network#role) registered on the hosts of a batch, those of
    each host itself and those of delegated tasks for other members.
  - Internal to that role; it may change with it.
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
- name: Show the members whose state was gathered
  ansible.builtin.debug:
    msg: "{{ ansible_play_batch | virtnet.linux.overlay_network_readings(hostvars) | list }}"
"""

RETURN = r"""
_value:
  description: The result of M(virtnet.linux.network_info), also when it failed, by host.
  type: dict
"""


def overlay_network_readings(batch: list[str], hostvars: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Merge the results of network_info, by the host that was read."""
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
    """Registers the filter in Ansible."""

    def filters(self) -> dict[str, Any]:
        """The filters, by name."""
        return {"overlay_network_readings": overlay_network_readings}
