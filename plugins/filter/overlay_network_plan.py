# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fabric planner, as a filter for the role overlay_network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import abridge
from ansible_collections.virtnet.linux.plugins.plugin_utils.plan.fabric import plan_fabric

DOCUMENTATION = r"""
name: overlay_network_plan
author: The virtnet.linux authors
short_description: Plan a fabric, VXLAN overlay networks over all hosts of a group
version_added: 1.0.0
description:
  - Turns the desired and the observed state of every host of a fabric into a plan, from which the filter
    P(virtnet.linux.overlay_network_topology#filter) builds each host's document for M(virtnet.linux.topology).
  - A pure function. The same input gives the same plan, and nothing is read or changed on any host.
  - Internal to the role P(virtnet.linux.overlay_network#role); it may change with it.
positional: hostvars, hosts, readings
options:
  _input:
    description: The names of the fabric's members, in inventory order.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variables of all hosts; those of the role P(virtnet.linux.overlay_network#role) are read.
    type: dict
    required: true
  hosts:
    description: The hosts that this run changes.
    type: list
    elements: str
    required: true
  readings:
    description:
      - What M(virtnet.linux.network_info) returned, by host, also when it failed.
    type: dict
    required: true
  declared:
    description: Declarations, by host, which replace all variables of that host; for instance V(networks).
    type: dict
    default: {}
  group:
    description: The inventory group of the members, for messages.
    type: str
    default: overlay
seealso:
  - plugin: virtnet.linux.overlay_network_topology
    plugin_type: filter
  - module: virtnet.linux.network_info
  - module: virtnet.linux.topology
  - plugin: virtnet.linux.bridge_network_plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Plan the whole fabric
  ansible.builtin.set_fact:
    fabric: "{{ groups.overlay | virtnet.linux.overlay_network_plan(hostvars, ansible_play_hosts_all, readings) }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: The plan.
  type: dict
  contains:
    errors:
      description:
        - All errors, a message each. With errors V(hosts) is empty.
        - Of more than 50 errors the first 50 are returned, and the number of the others as the last message; warnings
          likewise.
      type: list
      elements: str
    warnings:
      description: Messages about objects that are built as declared, but may not work as intended.
      type: list
      elements: str
    hosts:
      description:
        - Each host's own part, as JSON text. Ansible traverses lists and dictionaries wherever they are used, which
          with many hosts would take longer than the rest of the run.
      type: dict
    remote_endpoints:
      description: The endpoints of each network (FDB and neighbour entries), once for all hosts, as JSON text.
      type: str
    addresses:
      description: The addresses on overlays of containers of the role P(virtnet.linux.bridge_network#role), by host.
      type: dict
    lacking:
      description: Members that the run does not change and that lack FDB entries now.
      type: list
      elements: str
"""

_VARIABLES = {
    "networks": "overlay_network_networks",
    "containers": "overlay_network_containers",
    "bridge_networks": "bridge_network_networks",
    "bridge_containers": "bridge_network_containers",
    "vtep": "overlay_network_vtep",
    "ip_ranges": "overlay_network_ip_ranges",
    "purge": "overlay_network_purge",
    "purge_force": "overlay_network_purge_force",
    "manage_foreign_firewall": "overlay_network_manage_foreign_firewall",
    "unprivileged_ports": "overlay_network_unprivileged_ports",
}


def overlay_network_plan(
    members: list[str],
    hostvars: Mapping[str, Mapping[str, Any]],
    hosts: list[str],
    readings: Mapping[str, Mapping[str, Any]],
    declared: Mapping[str, Mapping[str, Any]] | None = None,
    group: str = "overlay",
) -> dict[str, Any]:
    """Plan a fabric from Ansible's variables."""
    raw = {}
    for name in members:
        given = dict((declared or {}).get(name) or {})
        if not given:
            variables = hostvars[name]
            given = {word: variables[variable] for word, variable in _VARIABLES.items() if variable in variables}
            given["variables"] = [variable for variable in variables if variable.startswith("overlay_network_")]
        raw[name] = {**given, **_reading(readings.get(name)), "reached_at": _reached_at(hostvars, name)}
    planned = plan_fabric(raw, hosts, group)
    own = {name: json.dumps(topology) for name, topology in planned["hosts"].items()}
    abridged = {side: abridge(planned[side]) for side in ("errors", "warnings")}
    return {**planned, **abridged, "hosts": own, "remote_endpoints": json.dumps(planned["remote_endpoints"])}


def _reached_at(hostvars: Mapping[str, Mapping[str, Any]], name: str) -> list[str]:
    """Return the addresses that Ansible knows of a host: where it connects to, and those in facts."""
    variables = hostvars[name] if name in hostvars else {}
    facts = variables.get("ansible_facts") or {}
    default = [(facts.get(family) or {}).get("address") for family in ("default_ipv4", "default_ipv6")]
    return [str(one) for one in [variables.get("ansible_host"), *default] if isinstance(one, str)]


def _reading(result: Mapping[str, Any] | None) -> dict[str, Any]:
    if result is None:
        return {"live": None, "unread": "the run did not read it"}
    if "networks" not in result:
        return {"live": None, "unread": str(result.get("msg") or "no answer").strip()}
    return {"live": result}


class FilterModule:
    """Registers the filter in Ansible."""

    def filters(self) -> dict[str, Any]:
        """The filters, by name."""
        return {"overlay_network_plan": overlay_network_plan}
