# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is live on a host, as tables for people."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.virtnet.linux.plugins.plugin_utils.views.inspect import VIEWS

DOCUMENTATION = r"""
name: network_view
author: The virtnet.linux authors
short_description: What is live on a host, as tables for people
version_added: 1.0.0
description:
  - Turns what M(virtnet.linux.network_info) returns into lines of text.
positional: view
options:
  _input:
    description: What M(virtnet.linux.network_info) returned.
    type: dict
    required: true
  view:
    description:
      - V(networks) after C(docker network ls), V(inspect) after C(docker network inspect), V(containers) after
        C(docker ps), V(bridges) in the columns of C(brctl show), V(tunnels) a line a VXLAN tunnel.
    type: str
    choices: [networks, inspect, containers, bridges, tunnels]
    required: true
"""

EXAMPLES = r"""
- name: Read what is live
  virtnet.linux.network_info:
  register: live

- name: Show the bridges as brctl show does
  ansible.builtin.debug:
    msg: "{{ live | virtnet.linux.network_view('bridges') }}"
"""

RETURN = r"""
_value:
  description: The lines of the view, a table's heading first.
  type: list
  elements: str
"""


def network_view(live: dict[str, Any], view: str) -> list[str]:
    """The lines of a view."""
    if view not in VIEWS:
        raise AnsibleFilterError("network_view: there is no view '{}': give one of {}".format(view, ", ".join(VIEWS)))
    return VIEWS[view](live)


class FilterModule:
    """The filter's name and function."""

    def filters(self) -> dict[str, Any]:
        """What Ansible asks for."""
        return {"network_view": network_view}
