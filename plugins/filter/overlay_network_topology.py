# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One host's topology out of the fabric's plan."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ansible_collections.virtnet.linux.plugins.plugin_utils.plan.fabric import topology_of

DOCUMENTATION = r"""
name: overlay_network_topology
author: The virtnet.linux authors
short_description: What a fabric's plan says for one host
version_added: 1.0.0
description:
  - Makes a topology document for M(virtnet.linux.topology) out of a host's own part of a plan and of who is on other
    hosts, which the plan has once for all of them.
  - A part of the role P(virtnet.linux.overlay_network#role), which may change with it.
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
    """The host's topology; KeyError where the plan has none for it."""
    own, everybody = json.loads(planned["hosts"][host]), json.loads(planned["everybody"])
    return topology_of({"hosts": {host: own}, "everybody": everybody}, host)


class FilterModule:
    """Ansible's way to find filters."""

    def filters(self) -> dict[str, Any]:
        """What Ansible asks for."""
        return {"overlay_network_topology": overlay_network_topology}
