#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bridge
short_description: Linux bridges, the switches in software
version_added: 1.0.0
description:
  - Makes, changes and removes bridges, in the host's namespace or in another. What differs is changed in place; what is
    not given is left as it is.
  - Its MAC stays as ports come and go. It says nothing of its own on the wire, for it gets no automatic link-local
    address, accepts no router advertisements and snoops no multicast.
  - It answers ARP for its own addresses only, not for those that the host has elsewhere.
  - A bridge with an IPv6 address has C(fe80::1/64) too. Without any link-local address forwarded packets find no
    neighbour.
author:
  - The virtnet.linux authors (@virtnet)
extends_documentation_fragment:
  - virtnet.linux.attributes
  - virtnet.linux.attributes.changes
options:
  <<: &object
    name:
      description: The bridge's name, 1 to 15 characters. Required, at the top level or in each object of O(config).
      type: str
    netns:
      description: The namespace that it is in. The host's own when not given.
      type: str
    addresses:
      description: Its addresses with their prefix lengths, as V(172.30.0.1/16). Exactly these; others are removed.
      type: list
      elements: str
    mac:
      description: Its MAC. A new bridge without one gets a random one that it keeps.
      type: str
    mtu:
      description: Its MTU in bytes, 68 to 65535. A new bridge without one has 1500.
      type: int
    stp:
      description:
        - Whether it runs the spanning tree protocol, without which a ring of bridges carries a broadcast for ever.
        - A port of a bridge that does forwards after twice the O(forward_delay).
      type: bool
    forward_delay:
      description: Seconds, 2 to 30, that a port listens and then learns with O(stp). 2 when not given.
      type: int
    priority:
      description: The bridge's priority in O(stp), 0 to 65535. The lowest becomes the root; a new bridge has 32768.
      type: int
    interfaces:
      description: Existing links of the same namespace that become its ports. Others that are on it stay.
      type: list
      elements: str
    up:
      description: Whether it is up.
      type: bool
      default: true
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
  - module: virtnet.linux.bridge_policy
  - module: virtnet.linux.network_info
"""

EXAMPLES = r"""
- name: A switch with an address for the host
  virtnet.linux.bridge:
    name: br-web
    addresses:
      - 172.30.0.1/16
    labels:
      network: web

- name: A switch inside a namespace
  virtnet.linux.bridge:
    name: br0
    netns: lab
    stp: true
    interfaces:
      - uplink0

- name: Gone
  virtnet.linux.bridge:
    name: br-web
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
      description: The kind of object, as V(bridge).
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
    - {action: change, kind: bridge, name: br-web, before: {mtu: 1500}, after: {mtu: 1400}}
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
    run_object("bridge")


if __name__ == "__main__":
    main()
