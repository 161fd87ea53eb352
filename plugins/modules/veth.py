#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veth
short_description: Manage veth pairs, from a bridge to a container, or patch links between bridges
version_added: 1.0.0
description:
  - Creates a pair of links, one end on a bridge and the other in a container's namespace with addresses and routes; or
    with an end on each of two bridges (patch link).
  - Differences are changed in place. Only a pair whose other end is missing is replaced. Running it again changes
    nothing (idempotent).
author:
  - The virtnet.linux authors (@virtnet)
extends_documentation_fragment:
  - virtnet.linux.attributes
  - virtnet.linux.attributes.changes
options:
  <<: &object
    name:
      description: The name of the end that is on the bridge (or of either, where both are), 1 to 15 characters.
        Required, at the top level or in each object of O(config).
      type: str
    netns:
      description: The network namespace of this end. The host's own when not given.
      type: str
    bridge:
      description: The bridge that this end is a port of.
      type: str
    mac:
      description: The MAC address of this end.
      type: str
    mtu:
      description: The MTU of both ends in bytes.
      type: int
    addresses:
      description: The desired addresses of this end with prefix length, as V(10.0.0.1/24). Others are removed.
      type: list
      elements: str
    trunks:
      description:
        - VLAN IDs that the container sends and receives tagged (IEEE 802.1Q), on a bridge whose driver is
          C(openvswitch). Frames without a tag are in the VLAN of its own O(bridge).
        - Requires O(anti_spoofing=false), because addresses inside tagged frames are not checked.
      type: list
      elements: int
    anti_spoofing:
      description:
        - Anti-spoofing (port security). Whether the bridge drops packets at this port whose source is not C(peer.mac)
          and one of C(peer.addresses); where one of these is an IPv6 address, the link-local address of that MAC is
          allowed too. Left unchanged when not given.
        - It also drops frames with VLAN tags and router advertisements; and BPDU guard disables a port that sends
          spanning tree frames until the next run.
        - It requires C(peer.mac), and C(peer.addresses) for an existing port without it. Addresses configured inside
          the container are not trusted.
      type: bool
    allowed_addresses:
      description: Source networks that anti-spoofing allows besides the container's own addresses, as C(10.0.0.0/24).
        With V(0.0.0.0/0) only the MAC and the spanning tree are checked, for a container that is a router.
      type: list
      elements: str
    peer:
      description: The other end.
      type: dict
      suboptions:
        name:
          description: The interface name, as V(eth0).
          type: str
          required: true
        netns:
          description: The network namespace. The host's own when not given.
          type: str
        bridge:
          description:
            - The bridge that it is a port of, where the pair is a patch link between two bridges.
            - Where O(virtnet.linux.bridge_policy#module:icc) is false for the first end's bridge, its containers do not
              reach those behind this end either. The first end's bridge is the gateway bridge.
          type: str
        mac:
          description: The MAC address.
          type: str
        addresses:
          description: The desired addresses with prefix length. When given, all other addresses, gateways and routes of
            this end are removed.
          type: list
          elements: str
        gateway:
          description: The gateway of the IPv4 default route.
          type: str
        gateway6:
          description: The gateway of the IPv6 default route.
          type: str
        routes:
          description: Further routes through this end.
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
  - module: virtnet.linux.netns
  - module: virtnet.linux.bridge
  - module: virtnet.linux.network_info
"""

EXAMPLES = r"""
- name: Attach a container to a bridge
  virtnet.linux.veth:
    name: veth-web
    bridge: br-web
    anti_spoofing: true
    peer:
      name: eth0
      netns: web
      mac: "02:42:ac:1e:00:02"
      addresses:
        - 172.30.0.2/16
      gateway: 172.30.0.1

- name: Create a patch link between two bridges
  virtnet.linux.veth:
    name: sw1-sw2
    bridge: sw1
    peer:
      name: sw2-sw1
      bridge: sw2

- name: Remove a veth pair
  virtnet.linux.veth:
    name: veth-web
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
      description: The kind of object, as V(veth).
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
    - action: change
      kind: veth
      name: veth-web
      before: {peer.addresses: [172.30.0.2/16]}
      after: {peer.addresses: [172.30.0.9/16]}
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
    run_object("veth")


if __name__ == "__main__":
    main()
