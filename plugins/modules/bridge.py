#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bridge
short_description: Manage Linux bridges
version_added: 1.0.0
description:
  - Creates, changes and removes bridges, in the host's network namespace or in another. Differences are changed in
    place; options that are not given are left unchanged. Running it again changes nothing (idempotent).
  - The MAC stays the same when ports are added or removed. The bridge sends nothing of its own, since it has no
    automatic link-local address, accepts no router advertisements and has no multicast snooping.
  - It answers ARP for its own addresses only, not for addresses of other interfaces of the host.
  - A bridge with an IPv6 address has C(fe80::1/64) too. Without a link-local address neighbour discovery for forwarded
    packets fails.
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
      description: The network namespace of the bridge. The host's own when not given.
      type: str
    driver:
      description:
        - The kind of switch. V(linux) is the kernel's bridge, V(openvswitch) a switch of Open vSwitch, which has to run
          on the host. A new bridge is a Linux bridge when this is not given; an existing one keeps its driver, and is
          not converted.
        - A switch of Open vSwitch has the kernel's datapath where its module is loaded, else the one in user space.
      type: str
      choices: [linux, openvswitch]
    switch:
      description:
        - The switch (a bridge with O(driver=openvswitch)) that this network shares with others, each in a VLAN of its
          own. The bridge is then the host's port of that VLAN; its ports are access ports.
      type: str
    vlan:
      description: The VLAN ID on the O(switch), 1 to 4094. Required with it.
      type: int
    addresses:
      description: The desired addresses with prefix length, as V(172.30.0.1/16). Other addresses are removed.
      type: list
      elements: str
    mac:
      description: The MAC address. A new bridge without one gets a random one, and keeps it.
      type: str
    mtu:
      description: The MTU in bytes, 68 to 65535. The default of a new bridge is 1500.
      type: int
    uplinks:
      description:
        - NICs of the host that are ports of a shared switch (O(driver=openvswitch)). They carry VLANs tagged between
          hosts. Other uplinks of the switch are removed.
        - A NIC with addresses is refused, because the host would lose them.
      type: list
      elements: dict
      suboptions:
        interface:
          description: The NIC.
          type: str
          required: true
        vlans:
          description: The VLAN IDs that it carries. All when not given.
          type: list
          elements: int
    stp:
      description:
        - Whether the bridge runs the spanning tree protocol. Without it broadcasts loop forever in a ring of bridges.
        - With it a port forwards after twice the O(forward_delay).
      type: bool
    forward_delay:
      description: Seconds, 2 to 30, of the listening and of the learning state with O(stp). 2 when not given.
      type: int
    priority:
      description: The bridge priority in O(stp), 0 to 65535. The lowest becomes the root; a new bridge has 32768.
      type: int
    interfaces:
      description: Existing links of the same namespace to attach as ports. Other ports are kept.
      type: list
      elements: str
    up:
      description: Whether the link is up.
      type: bool
      default: true
    labels:
      description:
        - Key-value pairs that the kernel keeps with the object, in the alias of its link; returned by
          M(virtnet.linux.network_info).
        - Keys consist of letters, digits and C(. _ - /) and begin with a letter or digit; values are printable text.
          The keys C(device), C(was_up), C(was_mtu) and C(was_mac) are reserved for the collection.
        - The alias has 255 bytes. Seven are used by the ownership label, and each label uses its key, its value and two
          more; characters other than ASCII letters, digits and C(_.:/@+,=~-) use three for each of their bytes.
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
  - module: virtnet.linux.bridge_policy
  - module: virtnet.linux.network_info
"""

EXAMPLES = r"""
- name: Create a bridge with an address for the host
  virtnet.linux.bridge:
    name: br-web
    addresses:
      - 172.30.0.1/16
    labels:
      network: web

- name: Create a bridge inside a namespace
  virtnet.linux.bridge:
    name: br0
    netns: lab
    stp: true
    interfaces:
      - uplink0

- name: Remove a bridge
  virtnet.linux.bridge:
    name: br-web
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
      description: The kind of object, as V(bridge).
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
    - {action: change, kind: bridge, name: br-web, before: {mtu: 1500}, after: {mtu: 1400}}
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
    run_object("bridge")


if __name__ == "__main__":
    main()
