# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tasks inside a network namespace of a managed host, over any connection."""

from __future__ import annotations

DOCUMENTATION = r"""
name: netns
author: The virtnet.linux authors (@virtnet)
short_description: Run tasks inside a container's network namespace on any managed host
version_added: 1.0.0
description:
  - Runs tasks as root inside a network namespace of the managed host, with C(ip netns exec), over whatever connection
    the host has.
  - A connection as another user than root becomes root by C(sudo). A connection as root needs no C(sudo).
  - The inventory plugin P(virtnet.linux.netns#inventory) makes hosts of containers, with all that this plugin needs.
options:
  netns:
    description:
      - The container, or any other namespace with a name in C(/run/netns).
      - There is no default, so the variable C(ansible_netns) has to be set where this plugin is used.
    type: str
    required: true
    vars:
      - name: ansible_netns
  become_user:
    description:
      - The user that the task runs as. There is only root. It is written V(0) here, because Ansible skips become
        without a word where this user's name and the connection's are the same, and the task would then run outside
        the container.
      - V(root) is taken for V(0). Any other user is an error, whoever says so, a play, the command line, a variable or
        ansible.cfg. Where it is said for all hosts, C(ansible_become_user=root) in the group C(containers) takes it
        back for containers.
    type: str
    default: "0"
    ini:
      - section: privilege_escalation
        key: become_user
    env:
      - name: ANSIBLE_BECOME_USER
    vars:
      - name: ansible_become_user
    keyword:
      - name: become_user
  become_pass:
    description: The password that C(sudo) asks the connection's user for.
    type: str
    ini:
      - section: netns_become_plugin
        key: password
    env:
      - name: ANSIBLE_BECOME_PASS
    vars:
      - name: ansible_become_password
      - name: ansible_become_pass
requirements:
  - ip (iproute2) on the managed host
  - sudo on the managed host, where the connection is not root's
notes:
  - A namespace is a network stack and nothing else. Files, users and processes are the host's. What a task installs is
    installed on the host, and C(root) in a container is C(root) of the host. This plugin is a way to reach a container
    and no fence around it.
  - Set it with variables (C(ansible_become), C(ansible_become_method)) as the inventory plugin does. They win over a
    play's C(become_method). Extra variables win over both, so C(-e ansible_become=false) and
    C(-e ansible_become_method=sudo) run the tasks on the host itself, outside the container.
  - Where pipelining is off, Ansible hands its files to the user V(0) with C(setfacl) or C(chown). For a connection
    that is not root's and a host without C(setfacl) switch pipelining on, or set C(ansible_admin_users) to V([root,
    "0"]) as the inventory plugin does.
  - Another user's processes are started by root, with C(runuser -u USER) or systemd's C(User=).
  - C(ip netns exec) binds what is in C(/etc/netns/NAME) over C(/etc). Files that a task copies there land in the host's
    own C(/etc).
seealso:
  - plugin: virtnet.linux.netns
    plugin_type: inventory
  - plugin: virtnet.linux.netns
    plugin_type: connection
"""

EXAMPLES = r"""
# Variables of a host that stands for the container nginx of the host web1
ansible_host: web1.example.net
ansible_become: true
ansible_become_method: virtnet.linux.netns
ansible_netns: nginx
"""

import shlex

from ansible.errors import AnsibleError, AnsibleRequiredOptionError
from ansible.plugins.become import BecomeBase

from ansible_collections.virtnet.linux.plugins.plugin_utils.views.container_hosts import enter

ROOT = "0"

# Where there is no such namespace, ip says so and ends with 255, by which ssh says that a host cannot be reached. So it
# is tried first; and what Ansible has to send is read, as it also takes a host where nobody reads for one that is gone.
# A terminal has no end, and the input of a connection that neither pipelines nor makes a terminal may have none.
OPENED = "if %(entering)s true; then exec %(inside)s; fi; [ -t 0 ] || timeout 10 cat >/dev/null; exit 1"


class BecomeModule(BecomeBase):
    """Root inside a namespace."""

    name = "virtnet.linux.netns"
    fail = ("Sorry, try again.",)
    missing = ("Sorry, a password is required to run sudo", "sudo: a password is required")

    def set_options(self, *args, **kwargs):
        """As always; but what is missing is called by the name of the variable that people set."""
        try:
            super().set_options(*args, **kwargs)
        except AnsibleRequiredOptionError as missing:
            raise AnsibleError(
                "ansible_netns is not set: from it the become plugin virtnet.linux.netns takes the container's name"
            ) from missing

    def get_option(self, option, *args, **kwargs):
        """As always; but the user is never one whose name the connection's user could have.

        Ansible asks for become_user before it decides whether to skip become, so this is also where to refuse.
        """
        value = super().get_option(option, *args, **kwargs)
        if option != "become_user" or value in (None, "", ROOT):
            return ROOT if option == "become_user" else value
        if value == "root":
            return ROOT
        raise AnsibleError(
            "become_user '%s': the become plugin virtnet.linux.netns runs tasks as root: leave become_user out, and "
            "start what is another user's with 'runuser -u %s -- COMMAND'. Where it is said for all hosts, set "
            "ansible_become_user to root for the group containers" % (value, value)
        )

    def build_become_command(self, cmd, shell):
        """The command, inside the namespace; ``sudo`` only where it is needed."""
        super().build_become_command(cmd, shell)
        if not cmd:
            return cmd
        sudo = ["sudo", "-H", "-n"]
        if self.get_option("become_pass"):
            self.prompt = "[sudo via ansible, key=%s] password:" % self._id
            sudo = ["sudo", "-H", "-S", "-p", self.prompt]
        try:
            entering = shlex.join(enter(self.get_option("netns")))
        except ValueError as wrong:
            raise AnsibleError(str(wrong)) from wrong
        inside = "%s %s -c %s" % (entering, getattr(shell, "executable", None) or "/bin/sh", shlex.quote(cmd))
        as_root = 'as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else %s "$@"; fi; }' % shlex.join(sudo)
        opened = OPENED % {"entering": entering, "inside": inside}
        return "%s; as_root %s" % (as_root, self._build_success_command(opened, shell))
