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
  - Runs tasks as root inside a network namespace of the managed host, with C(ip netns exec), over any connection
    of the host.
  - A connection as another user than root becomes root by C(sudo). A connection as root does not use C(sudo).
  - The inventory plugin P(virtnet.linux.netns#inventory) makes inventory hosts of containers, with all variables that
    this plugin needs.
options:
  netns:
    description:
      - The container, or any other namespace with a name in C(/run/netns).
      - There is no default; the variable C(ansible_netns) has to be set where this plugin is used.
    type: str
    required: true
    vars:
      - name: ansible_netns
  become_user:
    description:
      - The user that the task runs as, which is always root. The value is V(0), because Ansible skips become without a
        message where this user's name and the connection's are the same, and the task would then run outside the
        container.
      - V(root) means V(0). Any other user is an error, whether a play, the command line, a variable or ansible.cfg sets
        it. Where it is set for all hosts, C(ansible_become_user=root) in the group C(containers) overrides it for
        containers.
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
    description: The password of the connection's user for C(sudo).
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
  - sudo on the managed host, where the connection is not as root
notes:
  - A network namespace isolates the network stack only. Files, users and processes are the host's. What a task installs
    is installed on the host, and C(root) in a container is C(root) of the host. This plugin is a way to reach a
    container, not a security boundary.
  - Set it with variables (C(ansible_become), C(ansible_become_method)) as the inventory plugin does. They override a
    play's C(become_method). Extra variables override both, so C(-e ansible_become=false) and
    C(-e ansible_become_method=sudo) run the tasks on the host itself, outside the container.
  - Where pipelining is disabled, Ansible gives its files to the user V(0) with C(setfacl) or C(chown). For a connection
    that is not as root and a host without C(setfacl) enable pipelining, or set C(ansible_admin_users) to V([root,
    "0"]) as the inventory plugin does.
  - To start a process as another user, use C(runuser -u USER) or systemd's C(User=).
  - C(ip netns exec) bind-mounts the files of C(/etc/netns/NAME) over those in C(/etc). Files that a task copies to
    C(/etc) are written to the host's own C(/etc).
seealso:
  - plugin: virtnet.linux.netns
    plugin_type: inventory
  - plugin: virtnet.linux.netns
    plugin_type: connection
"""

EXAMPLES = r"""
# Variables of the inventory host for the container nginx of the host web1
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

# Without the namespace ip fails with 255, which from ssh means an unreachable host. So the command first tries to enter
# it; on failure it reads the input that Ansible sends, since Ansible also reports a host that does not read as
# unreachable. A terminal has no EOF, and the input of a connection without pipelining and terminal may have none.
OPENED = "if %(entering)s true; then exec %(inside)s; fi; [ -t 0 ] || timeout 10 cat >/dev/null; exit 1"


class BecomeModule(BecomeBase):
    """Root inside a namespace."""

    name = "virtnet.linux.netns"
    fail = ("Sorry, try again.",)
    missing = ("Sorry, a password is required to run sudo", "sudo: a password is required")

    def set_options(self, *args, **kwargs):
        """Extends the base: the error about a missing option names the variable ansible_netns."""
        try:
            super().set_options(*args, **kwargs)
        except AnsibleRequiredOptionError as missing:
            raise AnsibleError(
                "ansible_netns is not set: from it the become plugin virtnet.linux.netns takes the container's name"
            ) from missing

    def get_option(self, option, *args, **kwargs):
        """Extends the base: become_user is always 0, which is never the name of the connection's user.

        Ansible reads become_user before it decides whether to skip become, so other users are refused here.
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
        """Build the command that runs inside the namespace, with ``sudo`` only where it is needed."""
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
