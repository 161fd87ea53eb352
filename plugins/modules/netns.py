#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: netns
short_description: Manage network namespaces, one for each container
version_added: 1.0.0
description:
  - Creates a network namespace with a handle in C(/run/netns), where C(ip netns), systemd's C(NetworkNamespacePath=)
    and podman's C(--network ns:) find it. Running it again changes nothing (idempotent).
  - Its C(lo) is up. The handle may also be a further name of an existing namespace (shared network namespace), that of
    another handle, of the host or of a process.
  - A namespace in which processes run is removed or replaced only with C(force=true), which detaches its links and ends
    no process.
author:
  - The virtnet.linux authors (@virtnet)
extends_documentation_fragment:
  - virtnet.linux.attributes
  - virtnet.linux.attributes.changes
options:
  <<: &object
    name:
      description: The namespace's name, that of its handle in C(/run/netns). Required, at the top level or in
        each object of O(config).
      type: str
    forwarding:
      description: Whether it forwards packets between its links, IPv4 and IPv6. Left unchanged when not given.
      type: bool
    sysctls:
      description: Sysctls inside the namespace, only those below C(net.); as C(net.ipv4.conf.eth0.rp_filter), or with
        slashes where the name of a link contains a dot.
      type: dict
    unprivileged_ports:
      description:
        - Whether processes of any user bind ports below 1024, and ping, as in Docker's containers; the sysctls
          C(net.ipv4.ip_unprivileged_port_start) and C(net.ipv4.ping_group_range), unless O(sysctls) has them. V(false)
          sets the kernel's defaults.
        - Set when the namespace is created, and when its O(labels) change. It is not compared otherwise, since that
          would require entering each namespace at each run; to enforce a value use O(sysctls).
        - Not for a shared namespace (O(join) or O(pid)).
      type: bool
    join:
      description: Name of another namespace, or V(host) for the host's own, whose network stack this handle shares.
      type: str
    pid:
      description: ID of a running process whose namespace gets this handle. The namespace is kept when the handle is
        removed. The host's own namespace is refused; use C(join=host). So is one that has another handle; use C(join).
      type: int
    force:
      description: Remove or replace it, even when processes run in it. They keep running, without the links that this
        collection manages.
      type: bool
      default: false
    labels:
      description:
        - Key-value pairs kept with the namespace in the runtime state, C(/run/virtnet/memory.json); returned by
          M(virtnet.linux.network_info).
        - Keys consist of letters, digits and C(. _ - /) and begin with a letter or digit; values are printable text.
          The keys C(device), C(was_up), C(was_mtu) and C(was_mac) are reserved for the collection.
        - They are limited to 255 bytes, as a link's alias is. Seven are reserved, and each label uses its key, its
          value and two more; characters other than ASCII letters, digits and C(_.:/@+,=~-) use three for each of their
          bytes.
      type: dict
    adopt:
      description:
        - Adopt, or with C(state=absent) delete, an existing object of this name that is not managed by this collection.
        - Without it such an object is left unchanged, and the task fails with a message that names it.
      type: bool
      default: false
    state:
      description: V(present) creates the object, or changes what differs. V(absent) removes it if it exists.
      type: str
      choices: [present, absent]
      default: present
  config:
    description:
      - A list of objects with these options, applied in one task and one pass over netlink.
      - Give the options of one object at the top level, or a list here; the two are mutually exclusive.
    type: list
    elements: dict
    suboptions: *object
seealso:
  - module: virtnet.linux.veth
  - module: virtnet.linux.network_info
"""

EXAMPLES = r"""
- name: Create a namespace that forwards packets
  virtnet.linux.netns:
    name: router
    forwarding: true
    sysctls:
      net.ipv4.conf.all.rp_filter: "2"

- name: Create several namespaces, one of them a shared network namespace
  virtnet.linux.netns:
    config:
      - name: web
      - name: web-sidecar
        join: web

- name: Remove a namespace
  virtnet.linux.netns:
    name: router
    state: absent
"""

RETURN = r"""
actions:
  description: The actions done, in order; in check mode those predicted. Empty when the host is in the desired state.
  returned: success
  type: list
  elements: dict
  contains:
    action:
      description: One of V(create), V(change), V(replace) and V(delete).
      type: str
    kind:
      description: The kind of object, as V(netns).
      type: str
    name:
      description: The object's name.
      type: str
    before:
      description: The values that differed, as they were.
      type: dict
    after:
      description: The values that differed, as desired.
      type: dict
  sample:
    - {action: create, kind: netns, name: router, before: {}, after: {forwarding: true}}
problems:
  description:
    - All errors in the arguments, a message each; nothing was changed.
    - Of more than 50 errors the first 50 are returned, and the number of the others as the last message.
  returned: when the arguments are refused
  type: list
  elements: str
"""

from ansible_collections.virtnet.linux.plugins.module_utils.ansible.start import run_object


def main() -> None:
    run_object("netns")


if __name__ == "__main__":
    main()
