#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: interface
short_description: Move a NIC of the host into a container, or share it by macvlan
version_added: 1.0.0
description:
  - Moves a link of the host, as a physical NIC, into a container's namespace and configures it there. When declared
    absent, moves it back and restores its name, MTU and MAC, also after its namespace was deleted out of band.
  - Or creates a macvlan in the namespace, whose parent interface is a NIC that several containers share.
  - A NIC that carries the host's default route, the route to the controller or a tunnel's underlay address is refused,
    also below a bridge, a bond or a VLAN, so that the host stays reachable.
author:
  - The virtnet.linux authors (@virtnet)
extends_documentation_fragment:
  - virtnet.linux.attributes
  - virtnet.linux.attributes.changes
options:
  <<: &object
    device:
      description: The NIC's name on the host. Required, at the top level or in each object of O(config).
      type: str
    netns:
      description: The container's network namespace. Required when present.
      type: str
    name:
      description: The interface's name in the namespace. The name on the host when not given.
      type: str
    type:
      description: V(physical) moves the NIC itself, V(macvlan) creates a link on it.
      type: str
      choices: [physical, macvlan]
      default: physical
    mode:
      description: The macvlan mode, towards other macvlans on the same NIC. One in mode V(passthru) is alone on it.
      type: str
      choices: [private, vepa, bridge, passthru]
      default: bridge
    mac:
      description: The MAC address.
      type: str
    mtu:
      description: The MTU in bytes.
      type: int
    addresses:
      description: The desired addresses with prefix length. When given, all other addresses, gateways and routes of the
        interface are removed.
      type: list
      elements: str
    gateway:
      description: The gateway of the IPv4 default route, in the subnet of one of the addresses.
      type: str
    gateway6:
      description: The gateway of the IPv6 default route.
      type: str
    routes:
      description: Further routes through the interface.
      type: list
      elements: dict
      suboptions:
        to:
          description: The destination, as V(10.0.0.0/8).
          type: str
          required: true
        via:
          description: The next hop. Without one the destination is on the link.
          type: str
        metric:
          description: The metric of the route; the lowest is preferred.
          type: int
    labels:
      description:
        - Key-value pairs that the kernel keeps with the object, in the alias of its link; returned by
          M(virtnet.linux.network_info).
        - Keys consist of letters, digits and C(. _ - /) and begin with a letter or digit; values are printable text.
          The keys C(device), C(was_up), C(was_mtu) and C(was_mac) are reserved for the collection.
        - The alias has 255 bytes, of which some 70 are used by the ownership label and the NIC's original settings.
          Each label uses its key, its value and two more; characters other than ASCII letters, digits and C(_.:/@+,=~-)
          use three for each of their bytes.
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
  - module: virtnet.linux.netns
  - module: virtnet.linux.topology
"""

EXAMPLES = r"""
- name: Move a NIC into a container
  virtnet.linux.interface:
    device: enp3s0
    netns: db
    name: eth0
    addresses:
      - 192.0.2.9/24
    gateway: 192.0.2.1

- name: Create a macvlan in another container
  virtnet.linux.interface:
    device: enp4s0
    type: macvlan
    netns: web
    name: lan0
    addresses:
      - 198.51.100.9/24

- name: Move the NIC back to the host
  virtnet.linux.interface:
    device: enp3s0
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
      description: The kind of object, as V(interface).
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
    - {action: create, kind: interface, name: enp3s0, before: {}, after: {netns: db, name: eth0}}
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
    run_object("interface")


if __name__ == "__main__":
    main()
