#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: check_arguments
short_description: Check the variables of a role
version_added: 1.0.0
description:
  - Checks the variables that a host has for a role of this collection against the argument spec of the role. Where they
    do not match, it fails with a message for each error that can be found without reading the host, which names the
    object, its field, the value and what to write instead.
  - Runs on the controller, without a connection to the host, and does not change anything. The roles run it first, so
    that an error is not reported by Ansible's own validation, whose message has the whole argument spec. Values that
    match the spec and cannot be built are refused by the roles themselves, together with what conflicts with the host.
author:
  - The virtnet.linux authors (@virtnet)
options:
  role:
    description: The role whose variables are checked.
    type: str
    choices: [bridge_network, overlay_network]
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
  - module: ansible.builtin.validate_argument_spec
"""

EXAMPLES = r"""
- name: Check the variables of this host
  virtnet.linux.check_arguments:
    role: bridge_network
"""

RETURN = r""" # """
