#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: interface
short_description: A card of the host handed to a container
version_added: 1.0.0
description:
  - Moves a link of the host, as a physical card, to a container's namespace, sets it there, and when declared absent
    brings it home with the name, MTU and MAC that it had, also after its namespace was deleted by somebody else.
  - Or makes a macvlan in the namespace, where one card serves several containers.
  - A card that carries the host's default route, the way to the controller or a tunnel's underlay address stays, also
    where a bridge, a bond or a VLAN is between, so that nobody locks himself out.
author:
  - The virtnet.linux authors (@virtnet)
extends_documentation_fragment:
  - virtnet.linux.attributes
  - virtnet.linux.attributes.changes
options:
  <<: &object
    device:
      description: The card's name on the host. Required, at the top level or in each object of O(config).
      type: str
    netns:
      description: The container's namespace. Required when present.
      type: str
    name:
      description: The interface's name in the namespace. The card's own when not given.
      type: str
    type:
      description: V(physical) hands over the card itself, V(macvlan) a link on it.
      type: str
      choices: [physical, macvlan]
      default: physical
    mode:
      description: How a macvlan meets the others on the same card. One in mode V(passthru) is alone on it.
      type: str
      choices: [private, vepa, bridge, passthru]
      default: bridge
    mac:
      description: Its MAC.
      type: str
    mtu:
      description: Its MTU in bytes.
      type: int
    addresses:
      description: Its addresses with their lengths. When given, they, the gateways and the routes are the whole truth.
      type: list
      elements: str
    gateway:
      description: The IPv4 default route's gateway, in the subnet of an address of it.
      type: str
    gateway6:
      description: The IPv6 default route's gateway.
      type: str
    routes:
      description: Further routes through it.
      type: list
      elements: dict
      suboptions:
        to:
          description: The network, as V(10.0.0.0/8).
          type: str
          required: true
        via:
          description: The gateway. Without one the network is on the link.
          type: str
        metric:
          description: The route's metric, the lower the better.
          type: int
    labels:
      description:
        - Words kept in the kernel with the object, in the alias of its link, and shown by
          M(virtnet.linux.network_info).
        - Keys of letters, digits and C(. _ - /), with a letter or digit in front; values of printable text. The keys
          C(device), C(was_up), C(was_mtu) and C(was_mac) are for the collection's own use.
        - The alias has 255 bytes, of which some 70 are for its mark and a NIC's way home. Of each label it takes key,
          value and two more; what is neither an ASCII letter or digit nor one of C(_.:/@+,=~-) takes three for
          each of its bytes.
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
  - module: virtnet.linux.netns
  - module: virtnet.linux.topology
"""

EXAMPLES = r"""
- name: A card for a container
  virtnet.linux.interface:
    device: enp3s0
    netns: db
    name: eth0
    addresses:
      - 192.0.2.9/24
    gateway: 192.0.2.1

- name: A macvlan for another
  virtnet.linux.interface:
    device: enp4s0
    type: macvlan
    netns: web
    name: lan0
    addresses:
      - 198.51.100.9/24

- name: Home again
  virtnet.linux.interface:
    device: enp3s0
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
      description: The kind of object, as V(interface).
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
    - {action: create, kind: interface, name: enp3s0, before: {}, after: {netns: db, name: eth0}}
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
    run_object("interface")


if __name__ == "__main__":
    main()
