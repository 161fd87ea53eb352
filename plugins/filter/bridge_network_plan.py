# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The planner of one host, as a filter for the role bridge_network."""

from __future__ import annotations

from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import abridge
from ansible_collections.virtnet.linux.plugins.plugin_utils.plan.host import plan

DOCUMENTATION = r"""
name: bridge_network_plan
author: The virtnet.linux authors
short_description: Plan the objects of bridge networks and containers
version_added: 1.0.0
description:
  - Turns the desired state (the declaration) and the observed state of a host into a topology document for
    M(virtnet.linux.topology).
  - A pure function. The same input gives the same plan, and nothing is read or changed on any host.
  - Internal to the roles; it may change with them.
positional: live
options:
  _input:
    description:
      - The declaration.
      - V(networks) and V(containers), lists as the role P(virtnet.linux.bridge_network#role) takes them.
      - V(purge), whether undeclared objects of the role are deleted.
      - V(role), the role in the ownership labels of the objects.
      - V(host), the host's name in the inventory, from which IPv6 subnets are derived where none is given.
      - V(address_pools), a list of V(base) and V(size), from which networks without a subnet get one. Without it every
        network has to declare its own.
      - V(manage_foreign_firewall), whether foreign firewalls get rules that accept the networks' packets.
      - V(unprivileged_ports), whether processes of any user bind low ports and ping, in containers without this option.
        The default is true.
      - V(variables), the names of the host's variables that begin with that of the role, to detect misspelt ones.
    type: dict
    required: true
  live:
    description: The observed state of the host, as M(virtnet.linux.network_info) returns it.
    type: dict
    required: true
seealso:
  - module: virtnet.linux.network_info
  - module: virtnet.linux.topology
"""

EXAMPLES = r"""
- name: Gather network state
  virtnet.linux.network_info:
  register: live

- name: Show the plan of a container on a network
  ansible.builtin.debug:
    msg: "{{ declared | virtnet.linux.bridge_network_plan(live) }}"
  vars:
    declared:
      role: bridge_network
      networks:
        - name: web
          subnet: 172.30.0.0/16
      containers:
        - name: nginx
          networks: [web]
          ports: ["8080:80"]
"""

RETURN = r"""
_value:
  description: The plan.
  type: dict
  contains:
    errors:
      description:
        - All errors, a message each. With errors the topology is empty.
        - Of more than 50 errors the first 50 are returned, and the number of the others as the last message; warnings
          likewise.
      type: list
      elements: str
    warnings:
      description: Messages about objects that are built as declared, but may not work as intended.
      type: list
      elements: str
    topology:
      description: A list of objects for each kind, as M(virtnet.linux.topology) takes them.
      type: dict
"""


def bridge_network_plan(declared: object, live: object) -> dict[str, Any]:
    """Plan one host; limit the number of messages."""
    planned = plan(declared, live).plain()
    return {**planned, **{side: abridge(planned[side]) for side in ("errors", "warnings")}}


class FilterModule:
    """Registers the filter in Ansible."""

    def filters(self):
        return {"bridge_network_plan": bridge_network_plan}
