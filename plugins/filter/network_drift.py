# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Differences between desired and observed state, as messages."""

from __future__ import annotations

from typing import Any

from ansible_collections.virtnet.linux.plugins.plugin_utils.views.drift_messages import drift_messages

DOCUMENTATION = r"""
name: network_drift
author: The virtnet.linux authors
short_description: Format differences between desired and observed state
version_added: 1.0.0
description:
  - Turns the actions that M(virtnet.linux.topology) returned, normally in check mode, into messages about containers,
    networks and ports, like V(port 8080 → nginx:80 missing).
  - The playbook C(virtnet.linux.check) uses it for a whole inventory.
positional: topology, live
options:
  _input:
    description: The RV(virtnet.linux.topology#module:actions) that M(virtnet.linux.topology) returned.
    type: list
    elements: dict
    required: true
  topology:
    description: The desired state given to the module, a list of objects for each kind.
    type: dict
    required: true
  live:
    description: The observed state, as M(virtnet.linux.network_info) returned it.
    type: dict
    required: true
seealso:
  - module: virtnet.linux.topology
"""

EXAMPLES = r"""
- name: Gather network state
  virtnet.linux.network_info:
  register: live

- name: Compare desired and observed state
  virtnet.linux.topology:
    nat_port: "{{ declared.nat_port }}"
  check_mode: true
  register: compared

- name: Show differences
  ansible.builtin.debug:
    msg: "{{ compared.actions | virtnet.linux.network_drift(declared, live) }}"
"""

RETURN = r"""
_value:
  description: A message for each difference; empty when the host is in the desired state.
  type: list
  elements: str
"""


class FilterModule:
    """Registers the filter in Ansible."""

    def filters(self) -> dict[str, Any]:
        """The filters, by name."""
        return {"network_drift": drift_messages}
