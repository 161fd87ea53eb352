# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One host's topology document, from the fabric's plan."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.virtnet.linux.plugins.plugin_utils.plan.fabric import topology_of

DOCUMENTATION = r"""
name: overlay_network_topology
author: The virtnet.linux authors
short_description: Build one host's topology from a fabric's plan
version_added: 1.0.0
description:
  - Builds a topology document for M(virtnet.linux.topology) from a host's own part of a plan and from the endpoints on
    other hosts, which the plan has once for all hosts.
  - Internal to the role P(virtnet.linux.overlay_network#role); it may change with it.
positional: host
options:
  _input:
    description: The plan.
    type: dict
    required: true
  host:
    description: The host's name in the inventory.
    type: str
    required: true
seealso:
  - plugin: virtnet.linux.overlay_network_plan
    plugin_type: filter
  - module: virtnet.linux.topology
"""

EXAMPLES = r"""
- name: Show the tunnels that this host gets
  ansible.builtin.debug:
    msg: "{{ (fabric | virtnet.linux.overlay_network_topology(inventory_hostname)).vxlan_tunnel }}"
"""

RETURN = r"""
_value:
  description: The topology document.
  type: dict
"""


def overlay_network_topology(planned: Mapping[str, Any], host: str) -> dict[str, Any]:
    """Build the host's topology; KeyError where the plan has none for it."""
    own, remote_endpoints = json.loads(planned["hosts"][host]), json.loads(planned["remote_endpoints"])
    return topology_of({"hosts": {host: own}, "remote_endpoints": remote_endpoints}, host)


class FilterModule:
    """Registers the filter in Ansible."""

    def filters(self) -> dict[str, Any]:
        """The filters, by name."""
        return {"overlay_network_topology": overlay_network_topology}
