# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The observed state of a host, as text tables."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.virtnet.linux.plugins.plugin_utils.views.inspect import VIEWS, fleet

DOCUMENTATION = r"""
name: network_view
author: The virtnet.linux authors
short_description: Format the observed state of hosts as tables
version_added: 1.0.0
description:
  - Turns what M(virtnet.linux.network_info) returns into lines of text.
positional: view, hosts
options:
  _input:
    description: What M(virtnet.linux.network_info) returned; of several hosts by host name, with O(hosts=true).
    type: dict
    required: true
  view:
    description:
      - V(networks) like C(docker network ls), V(inspect) like C(docker network inspect), V(containers) like
        C(docker ps), V(bridges) with the columns of C(brctl show), V(tunnels) with a line for each VXLAN tunnel.
    type: str
    choices: [networks, inspect, containers, bridges, tunnels]
    required: true
  hosts:
    description:
      - Whether the input is of several hosts. A table then has the column HOST, is in natural order, and has one line
        for each network, container, bridge or tunnel.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Gather network state
  virtnet.linux.network_info:
  register: live

- name: Show the bridges as brctl show does
  ansible.builtin.debug:
    msg: "{{ live | virtnet.linux.network_view('bridges') }}"
"""

RETURN = r"""
_value:
  description: The lines of the view, the heading of a table first. With O(hosts=true) none where there is no object.
  type: list
  elements: str
"""


def network_view(live: dict[str, Any], view: str, hosts: bool = False) -> list[str]:
    """Format the lines of a view; AnsibleFilterError for an unknown one."""
    if view not in VIEWS:
        raise AnsibleFilterError("network_view: there is no view '{}': give one of {}".format(view, ", ".join(VIEWS)))
    return fleet(live, view) if hosts else VIEWS[view](live)


class FilterModule:
    """Registers the filter in Ansible."""

    def filters(self) -> dict[str, Any]:
        """The filters, by name."""
        return {"network_view": network_view}
