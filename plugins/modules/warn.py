#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: warn
short_description: Show warnings as Ansible's own
version_added: 1.0.0
description:
  - Shows each message as a C([WARNING]) of Ansible, which callbacks, log files and CI treat as such. A message that
    several hosts have is shown once; the task's result on each of them has it in RV(ignore:warnings).
  - Runs on the controller, without a connection to the host, and does not change anything. The roles show the warnings
    of their plans with it.
author:
  - The virtnet.linux authors (@virtnet)
options:
  msg:
    description: The warnings.
    type: list
    elements: str
    required: true
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - ansible.builtin.action_common_attributes.conn
  - ansible.builtin.action_common_attributes.flow
attributes:
  action:
    description: Has an action plugin, so parts of it run on the controller; here all of it.
    support: full
  async:
    support: none
  become:
    support: none
  bypass_host_loop:
    support: none
  check_mode:
    support: full
    details: It changes nothing.
  connection:
    support: none
  delegation:
    support: none
    details: It runs on the controller in any case.
  diff_mode:
    support: N/A
    details: It changes nothing.
  platform:
    support: full
    platforms: all
seealso:
  - module: ansible.builtin.debug
"""

EXAMPLES = r"""
- name: Gather network state
  virtnet.linux.network_info:
  register: live

- name: Warn of what keeps published ports from working
  virtnet.linux.warn:
    msg: "{{ live.host.routing_warnings }}"
  when: live.host.routing_warnings != []
"""

RETURN = r""" # """
