# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The planner's door into the role bridge_network."""

from __future__ import annotations

from typing import Any

from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.problems import abridge
from ansible_collections.virtnet.linux.plugins.plugin_utils.plan.host import plan

DOCUMENTATION = r"""
name: bridge_network_plan
author: The virtnet.linux authors
short_description: Plan the objects of bridge networks and containers
version_added: 1.0.0
description:
  - Turns what a person declared, and what is live on a host, into a topology document for M(virtnet.linux.topology).
  - A pure function. The same input gives the same plan, and nothing is read or changed on any host.
  - A part of the roles, which may change with them.
positional: live
options:
  _input:
    description:
      - What was declared.
      - V(networks) and V(containers), lists in the words of the role P(virtnet.linux.bridge_network#role).
      - V(purge), whether what the role made and no list declares goes.
      - V(role), whose mark the objects bear.
      - V(host), the host's name in the inventory, from which IPv6 subnets are derived where none is given.
      - V(address_pools), a list of V(base) and V(size), out of which networks get subnets that name none. Without it
        every network has to name its own.
      - V(manage_foreign_firewall), whether the firewalls of others are told to spare the networks.
      - V(unprivileged_ports), whether processes of any user bind low ports and ping in containers that do not say; they
        do when not given.
      - V(variables), the names of the host's variables that begin with that of the role, of which it tells those that
        are misspelt.
    type: dict
    required: true
  live:
    description: What is live on the host, as M(virtnet.linux.network_info) returns it.
    type: dict
    required: true
seealso:
  - module: virtnet.linux.network_info
  - module: virtnet.linux.topology
"""

EXAMPLES = r"""
- name: Read what stands
  virtnet.linux.network_info:
  register: live

- name: Show what a container on a network would be
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
        - Everything that is wrong, a sentence each. With errors the topology is empty.
        - Of more than 50 the first 50, and as the last one how many more there are; warnings likewise.
      type: list
      elements: str
    warnings:
      description: What is built as declared and may not do what was meant.
      type: list
      elements: str
    topology:
      description: A list of objects for each kind, as M(virtnet.linux.topology) takes them.
      type: dict
"""


def bridge_network_plan(declared: object, live: object) -> dict[str, Any]:
    """The plan, with as many messages as a person reads."""
    planned = plan(declared, live)
    return {**planned, **{side: abridge(planned[side]) for side in ("errors", "warnings")}}


class FilterModule:
    """Ansible's way to find filters."""

    def filters(self):
        return {"bridge_network_plan": bridge_network_plan}
