# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of the roles that exist on a host and that no list declares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible_collections.virtnet.linux.plugins.plugin_utils.views.orphans import orphans, orphans_of_fleet

DOCUMENTATION = r"""
name: network_orphans
author: The virtnet.linux authors
short_description: List objects of the roles that no variable declares
version_added: 1.0.0
description:
  - Compares the networks, containers and switches that the roles P(virtnet.linux.bridge_network#role) and
    P(virtnet.linux.overlay_network#role) made on a host with the variables of the host. What no list names, present or
    absent, is an orphan; of a host that has left the group, of a network or container that was taken out of its list.
  - The playbooks C(virtnet.linux.check) and C(virtnet.linux.inspect) use it.
positional: variables, hosts
options:
  _input:
    description:
      - The observed state, as M(virtnet.linux.network_info) returned it; of several hosts by host name, with
        O(hosts=true).
    type: dict
    required: true
  variables:
    description:
      - The variables of the host; those of the two roles are read. With O(hosts=true) those of each host, by host name,
        as C(hostvars).
    type: dict
    required: true
  hosts:
    description:
      - Whether the input is of several hosts. Then the result is a table with the column HOST.
      - There are no orphans where no host declares anything, because its variables are then elsewhere, in a playbook.
    type: bool
    default: false
seealso:
  - module: virtnet.linux.network_info
"""

EXAMPLES = r"""
- name: Gather network state
  virtnet.linux.network_info:
  register: live

- name: Show what no list declares
  ansible.builtin.debug:
    msg: "{{ live | virtnet.linux.network_orphans(hostvars[inventory_hostname]) }}"
"""

RETURN = r"""
_value:
  description:
    - A message for each orphan, like V(network fabric is live and declared nowhere). With O(hosts=true) the lines of a
      table, none where there is no orphan.
  type: list
  elements: str
"""


def network_orphans(live: Mapping[str, Any], variables: Mapping[str, Any], hosts: bool = False) -> list[str]:
    """List the orphans of one host, or of several."""
    return orphans_of_fleet(live, variables) if hosts else orphans(live, variables)


class FilterModule:
    """Registers the filter in Ansible."""

    def filters(self) -> dict[str, Any]:
        """The filters, by name."""
        return {"network_orphans": network_orphans}
