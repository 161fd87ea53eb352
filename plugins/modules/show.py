#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: show
short_description: Print text as it is
version_added: 1.0.0
description:
  - Prints text to the standard output of C(ansible-playbook) without quotes and brackets around it, which
    M(ansible.builtin.debug) has; a list is printed line by line. With the callback P(virtnet.linux.quiet#callback) it
    is the whole output.
  - Runs on the controller, without a connection to the host, and does not change anything. The playbook
    C(virtnet.linux.inspect) prints its tables with it.
author:
  - The virtnet.linux authors (@virtnet)
options:
  msg:
    description: The text, or a list of lines.
    type: raw
    required: true
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
  - ansible.builtin.action_common_attributes.conn
  - ansible.builtin.action_common_attributes.flow
attributes:
  action:
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
  - plugin: virtnet.linux.quiet
    plugin_type: callback
  - module: ansible.builtin.debug
"""

EXAMPLES = r"""
- name: Gather network state
  virtnet.linux.network_info:
  register: live

- name: Show the containers of this host as a table
  virtnet.linux.show:
    msg: "{{ live | virtnet.linux.network_view('containers') }}"
"""

RETURN = r""" # """
