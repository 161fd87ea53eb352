#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: netns
short_description: Network namespaces, one for each container
version_added: 1.0.0
description:
  - Makes a network namespace with a handle in C(/run/netns), where C(ip netns), systemd's C(NetworkNamespacePath=)
    and podman's C(--network ns:) find it.
  - Its C(lo) is up. A namespace may also be a further name for one that is there, another namespace's, the host's or
    a process's.
  - A namespace in which processes run is removed, or another put in its place, only with C(force=true), which detaches
    its links and ends nobody.
author:
  - The virtnet.linux authors (@virtnet)
extends_documentation_fragment:
  - virtnet.linux.attributes
  - virtnet.linux.attributes.changes
options:
  <<: &object
    name:
      description: The namespace's name, and the name of its file in C(/run/netns). Required, at the top level or in
        each object of O(config).
      type: str
    forwarding:
      description: Whether it forwards packets between its links, IPv4 and IPv6. Left as it is when not given.
      type: bool
    sysctls:
      description: Sysctls inside the namespace, only those below C(net.); as C(net.ipv4.conf.eth0.rp_filter), or with
        slashes where a link's name has a dot.
      type: dict
    unprivileged_ports:
      description:
        - Whether processes of any user bind ports below 1024, and ping, as in Docker's containers; the sysctls
          C(net.ipv4.ip_unprivileged_port_start) and C(net.ipv4.ping_group_range), unless O(sysctls) has them. V(false)
          sets what the kernel begins with.
        - Set when the namespace is made, and when its O(labels) change. It is not compared otherwise, as that would
          take a look into each namespace at each run; what is to be held at a value belongs into O(sysctls).
        - Not for a namespace that is shared, by O(join) or O(pid).
      type: bool
    join:
      description: Name of another namespace, or V(host) for the host's own, whose network stack this name shares.
      type: str
    pid:
      description: A running process whose namespace gets this name. It is left standing when the name is removed. The
        host's own namespace is refused; that is C(join=host). So is one that has another name here; that is C(join).
      type: int
    force:
      description: Remove it, or put another in its place, even when processes run in it. They keep running, without
        the links that this collection gave them.
      type: bool
      default: false
    labels:
      description:
        - Words kept in the kernel with the object, in the alias of its link, and shown by
          M(virtnet.linux.network_info).
        - Keys of letters, digits and C(. _ - /), with a letter or digit in front; values of printable text. The keys
          C(device), C(was_up), C(was_mtu) and C(was_mac) are for the collection's own use.
        - The alias has 255 bytes. Seven are for its mark, and of each label key, value and two more; what is neither an
          ASCII letter or digit nor one of C(_.:/@+,=~-) takes three for each of its bytes.
      type: dict
    adopt:
      description:
        - Take over, or with C(state=absent) delete, what has this name and was not made by this collection.
        - Without it such a thing is left alone, and the task fails and says what stands there.
      type: bool
      default: false
    state:
      description: V(present) makes it, or changes what differs. V(absent) removes it, where it is there.
      type: str
      choices: [present, absent]
      default: present
  config:
    description:
      - A list of objects with these options, in one task and one pass over the kernel.
      - Give the options of one object at the top level, or a list here, never both.
    type: list
    elements: dict
    suboptions: *object
seealso:
  - module: virtnet.linux.veth
  - module: virtnet.linux.network_info
"""

EXAMPLES = r"""
- name: A namespace that forwards packets
  virtnet.linux.netns:
    name: router
    forwarding: true
    sysctls:
      net.ipv4.conf.all.rp_filter: "2"

- name: Several in one go, one of them sharing the first one's stack
  virtnet.linux.netns:
    config:
      - name: web
      - name: web-sidecar
        join: web

- name: Gone
  virtnet.linux.netns:
    name: router
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, in order, or in check mode would be.
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
      description: What differed, as it was.
      type: dict
    after:
      description: What differed, as it is now.
      type: dict
  sample:
    - {action: create, kind: netns, name: router, before: {}, after: {forwarding: true}}
problems:
  description:
    - Everything that is wrong with the arguments, a sentence each; nothing was changed.
    - Of more than 50 the first 50, and as the last one how many more there are.
  returned: when the arguments are refused
  type: list
  elements: str
"""

from ansible_collections.virtnet.linux.plugins.module_utils.ansible.start import run_object


def main() -> None:
    run_object("netns")


if __name__ == "__main__":
    main()
