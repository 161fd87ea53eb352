#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_limits
short_description: Raise kernel limits for many containers
version_added: 1.0.0
description:
  - Raises limits that are global for all network namespaces of the machine, now and at each boot, in the file
    C(/etc/sysctl.d/60-virtnet-linux.conf). The role P(virtnet.linux.prepare_host#role) has options for them.
  - The file records the previous value of each sysctl. A higher value is left unchanged, also if it was set later.
  - In a namespace other than the machine's initial one, as in test hosts and containers, these limits do not exist; the
    module fails there with a message.
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
  - root, in the machine's initial network namespace
options:
  neighbour_entries:
    description:
      - The maximum number of neighbour (ARP/ND) entries of the machine, for IPv4 and for IPv6; C(gc_thresh3) of
        C(net.ipv4.neigh.default) and C(net.ipv6.neigh.default), with C(gc_thresh2) half and C(gc_thresh1) an eighth of
        it. The kernel's default is 1024. Each container needs an entry for its gateway and for each neighbour that it
        communicates with.
      - V(0) restores the previous value. Left unchanged when not given.
    type: int
  receive_backlog:
    description:
      - The maximum length of the receive queue of a CPU; C(net.core.netdev_max_backlog). The kernel's default is 1000,
        and a broadcast on a bridge is one packet for each of its ports.
      - V(0) restores the previous value. Left unchanged when not given.
    type: int
seealso:
  - module: virtnet.linux.network_info
"""

EXAMPLES = r"""
- name: Raise the limits for ten thousand containers
  virtnet.linux.host_limits:
    neighbour_entries: 32768
    receive_backlog: 4096

- name: Restore the previous limits
  virtnet.linux.host_limits:
    neighbour_entries: 0
    receive_backlog: 0
"""

RETURN = r"""
actions:
  description: The actions done, in order; in check mode those predicted. Empty when the host is in the desired state.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: One of V(create), V(change) and V(delete).
      type: str
    kind:
      description: V(sysctl), or V(file) for the file that sets them at boot.
      type: str
    name:
      description: The name of the sysctl, or of the file.
      type: str
    before:
      description: The values that differed, as they were.
      type: dict
    after:
      description: The values that differed, as desired.
      type: dict
  sample:
    - {action: change, kind: sysctl, name: net.core.netdev_max_backlog, before: {value: "1000"}, after: {value: "4096"}}
problems:
  description: All errors in the arguments, a message each; nothing was changed.
  returned: when the arguments are refused
  type: list
  elements: str
"""

from ansible_collections.virtnet.linux.plugins.module_utils.ansible.start import run_limits


def main() -> None:
    run_limits()


if __name__ == "__main__":
    main()
