# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The observed state of all hosts, as one graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.virtnet.linux.plugins.plugin_utils.views.graph import graph

DOCUMENTATION = r"""
name: network_graph
author: The virtnet.linux authors
short_description: Draw the observed state of all hosts as one graph
version_added: 1.0.0
description:
  - Turns what M(virtnet.linux.network_info) returned on each host into a graph in Graphviz's DOT language. It has
    hosts, bridges, containers with their addresses and published ports, routers, VXLAN tunnels, and what connects the
    hosts.
  - Graphviz's C(dot) renders it. The playbook C(virtnet.linux.topology) runs all steps.
  - Marks parts of an overlay without the others, a network without its tunnel or a tunnel without its network; and with
    O(variables), networks and containers that are declared and missing, or live and declared nowhere.
  - A pure function. The same input gives the same text.
positional: variables
options:
  _input:
    description: What M(virtnet.linux.network_info) returned, by host name.
    type: dict
    required: true
  variables:
    description:
      - The variables of each host, by host name, as C(hostvars).
      - Where no host declares anything, its variables are in a playbook, and nothing is compared with them.
    type: dict
"""

EXAMPLES = r"""
- name: Gather network state
  virtnet.linux.network_info:
  register: live

- name: Draw this host
  ansible.builtin.copy:
    content: "{{ {inventory_hostname: live} | virtnet.linux.network_graph }}"
    dest: /tmp/network.dot
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The graph, as input of C(dot).
  type: str
"""


def network_graph(reports: dict[str, dict[str, Any]], variables: Mapping[str, Mapping[str, Any]] | None = None) -> str:
    """Render the graph as input of ``dot``; AnsibleFilterError for other input."""
    try:
        return graph(reports, variables=variables)
    except (KeyError, TypeError, AttributeError) as error:
        raise AnsibleFilterError(
            "network_graph: give what virtnet.linux.network_info returned, by host; this is not it: %s %s"
            % (type(error).__name__, error)
        ) from error


class FilterModule:
    """Registers the filter in Ansible."""

    def filters(self) -> dict[str, Any]:
        """The filters, by name."""
        return {"network_graph": network_graph}
