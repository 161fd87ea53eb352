# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is live on all hosts, as one drawing."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.virtnet.linux.plugins.plugin_utils.views.graph import graph

DOCUMENTATION = r"""
name: network_graph
author: The virtnet.linux authors
short_description: What is live on all hosts, as one drawing
version_added: 1.0.0
description:
  - Turns what M(virtnet.linux.network_info) returned on each host into a drawing in Graphviz's language. Hosts,
    bridges, containers with their addresses and published ports, routers, tunnels, and what joins the hosts.
  - Graphviz's C(dot) lays it out. The playbook C(virtnet.linux.topology) does all of that.
  - A pure function. The same reports give the same text.
options:
  _input:
    description: What M(virtnet.linux.network_info) returned, by the host's name.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Read what is live
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
  description: The drawing, for C(dot).
  type: str
"""


def network_graph(reports: dict[str, dict[str, Any]]) -> str:
    """The text for ``dot``."""
    try:
        return graph(reports)
    except (KeyError, TypeError, AttributeError) as error:
        raise AnsibleFilterError(
            "network_graph: give what virtnet.linux.network_info returned, by host; this is not it: %s %s"
            % (type(error).__name__, error)
        ) from error


class FilterModule:
    """The filter's name and function."""

    def filters(self) -> dict[str, Any]:
        """What Ansible asks for."""
        return {"network_graph": network_graph}
