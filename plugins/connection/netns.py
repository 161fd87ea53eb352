# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks inside a network namespace of the controller."""

from __future__ import annotations

DOCUMENTATION = r"""
name: netns
author: The virtnet.linux authors (@virtnet)
short_description: Run tasks inside a container's network namespace on the controller
version_added: 1.0.0
description:
  - Runs tasks on the controller, as the connection plugin P(ansible.builtin.local#connection) does, but inside a
    network namespace, with C(ip netns exec).
  - For containers of other hosts use the become plugin P(virtnet.linux.netns#become), over any connection.
options:
  netns:
    description:
      - The container, or any other namespace with a name in C(/run/netns).
      - The host's name in the inventory when not given.
    type: str
    vars:
      - name: inventory_hostname
      - name: ansible_netns
  become_success_timeout:
    description:
      - Number of seconds to wait for become to succeed when enabled.
      - The default will be used if the configured value is less than 1.
    type: int
    default: 10
    vars:
      - name: ansible_local_become_success_timeout
  become_strip_preamble:
    description: Strip internal become output preceding command execution. Disable for additional diagnostics.
    type: bool
    default: true
    vars:
      - name: ansible_local_become_strip_preamble
extends_documentation_fragment:
  - ansible.builtin.connection_pipelining
requirements:
  - ip (iproute2) on the controller
  - Ansible runs as root
notes:
  - A network namespace isolates the network stack only. Files, users and processes are the controller's. What a task
    installs is installed on the controller, and C(root) in a container is C(root) of the controller.
  - C(ip netns exec) bind-mounts the files of C(/etc/netns/NAME) over those in C(/etc). Files that a task copies to
    C(/etc) are written to the controller's own C(/etc).
seealso:
  - plugin: virtnet.linux.netns
    plugin_type: become
  - plugin: virtnet.linux.netns
    plugin_type: inventory
"""

import os
import shlex
import subprocess

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.connection.local import Connection as LocalConnection

from ansible_collections.virtnet.linux.plugins.plugin_utils.views.container_hosts import enter


class Connection(LocalConnection):
    """The local connection, each command inside the namespace."""

    transport = "virtnet.linux.netns"

    def _connect(self):
        if os.geteuid() != 0:
            raise AnsibleConnectionFailure(
                "entering a namespace takes root: run Ansible as root, or use ansible_connection: local with "
                "ansible_become_method: virtnet.linux.netns, which uses sudo"
            )
        opened = subprocess.run([*self._entering(), "true"], capture_output=True, text=True, check=False)
        if opened.returncode != 0:
            raise AnsibleError(opened.stderr.strip())
        return super()._connect()

    def exec_command(self, cmd, in_data=None, sudoable=True):
        """Run a command inside the namespace."""
        words = [*self._entering(), "/bin/sh", "-c", cmd]
        return super().exec_command(shlex.join(words), in_data=in_data, sudoable=sudoable)

    def _entering(self):
        try:
            return enter(self.get_option("netns"))
        except ValueError as wrong:
            raise AnsibleError(str(wrong)) from wrong
