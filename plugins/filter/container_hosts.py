# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Existing containers as inventory hosts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError

from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems, abridge
from ansible_collections.virtnet.linux.plugins.plugin_utils.views.container_hosts import all_live

DOCUMENTATION = r"""
name: container_hosts
author: The virtnet.linux authors
short_description: Existing containers as inventory hosts
version_added: 1.0.0
description:
  - Turns the containers that M(virtnet.linux.network_info) returned into hosts for M(ansible.builtin.add_host).
  - Each has the connection variables of its host, is entered by the become plugin P(virtnet.linux.netns#become), and
    has the name, groups and variables that the inventory plugin P(virtnet.linux.netns#inventory) gives to a declared
    one.
  - The playbook C(virtnet.linux.live_containers) uses it.
positional: hostvars
options:
  _input:
    description: The RV(virtnet.linux.network_info#module:containers) of each host.
    type: dict
    required: true
  hostvars:
    description: The variables of each host, the magic variable of this name.
    type: dict
    required: true
seealso:
  - plugin: virtnet.linux.netns
    plugin_type: inventory
"""

EXAMPLES = r"""
- name: Gather network state
  virtnet.linux.network_info:
  register: live

- name: Show the inventory host names of this host's containers
  ansible.builtin.debug:
    msg: "{{ {inventory_hostname: live.containers} | virtnet.linux.container_hosts(hostvars) | map(attribute='name') }}"
"""

RETURN = r"""
_value:
  description:
    - The hosts, each with C(name), C(groups) and C(variables). Besides the connection variables it has
      C(virtnet_container), C(virtnet_host), C(virtnet_networks), C(virtnet_network_mode) and C(virtnet_addresses).
  type: list
  elements: dict
"""


def container_hosts(
    live: Mapping[str, Iterable[Mapping[str, Any]]], hostvars: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """The containers of all hosts, as inventory hosts; AnsibleFilterError where a name is in use."""
    problems = Problems()
    found = all_live(live, hostvars, problems)
    if problems.errors:
        raise AnsibleFilterError("; ".join(abridge(problems.errors)))
    return [container._asdict() for container in found]


class FilterModule:
    """Registers the filter in Ansible."""

    def filters(self) -> dict[str, Any]:
        """The filters, by name."""
        return {"container_hosts": container_hosts}
