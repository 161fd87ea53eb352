# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of the roles that exist on a host and that no list declares."""

from __future__ import annotations

from typing import Any

from ansible_collections.virtnet.linux.plugins.plugin_utils.views.orphans import orphans

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
positional: variables
options:
  _input:
    description: The observed state, as M(virtnet.linux.network_info) returned it.
    type: dict
    required: true
  variables:
    description: The variables of the host; those of the two roles are read.
    type: dict
    required: true
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
  description: A message for each orphan, like V(network fabric is live and declared nowhere).
  type: list
  elements: str
"""


class FilterModule:
    """Registers the filter in Ansible."""

    def filters(self) -> dict[str, Any]:
        """The filters, by name."""
        return {"network_orphans": orphans}
