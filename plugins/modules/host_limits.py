#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_limits
short_description: Raise limits of the kernel for many containers
version_added: 1.0.0
description:
  - Raises limits that the whole machine has once, for all its network namespaces, now and at each boot, in the file
    C(/etc/sysctl.d/60-virtnet-linux.conf). The role P(virtnet.linux.prepare_host#role) has options for them.
  - The file says what each value was before. A value that is already higher is left alone, also where it was set since.
  - In a namespace other than the machine's first one, as in test hosts and containers, these limits do not exist; there
    the module fails and says so.
author:
  - The virtnet.linux authors (@virtnet)
extends_documentation_fragment:
  - virtnet.linux.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
  platform:
    support: full
    platforms: linux
requirements:
  - root, in the machine's first network namespace
options:
  neighbour_entries:
    description:
      - How many neighbours the machine can know in IPv4, and as many in IPv6; C(gc_thresh3) of
        C(net.ipv4.neigh.default) and C(net.ipv6.neigh.default), with C(gc_thresh2) half and C(gc_thresh1) an eighth of
        it. The kernel's own is 1024. Each container needs an entry for its gateway and for each neighbour that it talks
        to.
      - V(0) restores what was before. Left alone when not given.
    type: int
  receive_backlog:
    description:
      - How many packets may wait for one processor; C(net.core.netdev_max_backlog). The kernel's own is 1000, and a
        broadcast on a bridge is a packet for each of its ports.
      - V(0) restores what was before. Left alone when not given.
    type: int
seealso:
  - module: virtnet.linux.network_info
"""

EXAMPLES = r"""
- name: Room for ten thousand containers
  virtnet.linux.host_limits:
    neighbour_entries: 32768
    receive_backlog: 4096

- name: As before
  virtnet.linux.host_limits:
    neighbour_entries: 0
    receive_backlog: 0
"""

RETURN = r"""
actions:
  description: What was done, in order, or in check mode would be.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: One of V(create), V(change) and V(delete).
      type: str
    kind:
      description: V(sysctl), or V(file) for the one that sets them at boot.
      type: str
    name:
      description: The sysctl's name, or the file's.
      type: str
    before:
      description: What differed, as it was.
      type: dict
    after:
      description: What differed, as it is now.
      type: dict
  sample:
    - {action: change, kind: sysctl, name: net.core.netdev_max_backlog, before: {value: "1000"}, after: {value: "4096"}}
problems:
  description: Everything that is wrong with the arguments, a sentence each; nothing was changed.
  returned: when the arguments are refused
  type: list
  elements: str
"""

from ansible_collections.virtnet.linux.plugins.module_utils.ansible.start import run_limits


def main() -> None:
    run_limits()


if __name__ == "__main__":
    main()
