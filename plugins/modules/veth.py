#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: veth
short_description: Veth pairs, the cables from a bridge to a container or to another bridge
version_added: 1.0.0
description:
  - Makes a pair of links, one end on a bridge and the other in a container's namespace with addresses and routes; or
    an end on each of two bridges.
  - What differs is changed in place. Only a pair whose other end is gone is replaced.
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
      description: The namespace of this end. The host's own when not given.
      type: str
    bridge:
      description: The bridge that this end is a port of.
      type: str
    mac:
      description: The MAC of this end.
      type: str
    mtu:
      description: The MTU of both ends in bytes.
      type: int
    addresses:
      description: The addresses of this end with their prefix lengths, as V(10.0.0.1/24). Exactly these; others are
        removed.
      type: list
      elements: str
    isolated:
      description: Whether the bridge keeps this port from other isolated ports.
      type: bool
    anti_spoofing:
      description:
        - Whether the bridge takes only packets from C(peer.mac) and C(peer.addresses) at this port; where one of these
          is an IPv6 address, also those from the link-local address of that MAC. Left as it is when not given.
        - Nor does it take frames with VLAN tags then, or router advertisements; and a port that claims a place in the
          bridge's spanning tree is shut off until the next run.
        - It needs C(peer.mac), and C(peer.addresses) for a port that stands without it. What a container has given
          itself is not taken for its own.
      type: bool
    allowed_addresses:
      description: Networks that the container may send from besides its own addresses, as C(10.0.0.0/24).
        V(0.0.0.0/0) checks the MAC and the spanning tree only, for one that forwards packets of others.
      type: list
      elements: str
    peer:
      description: The other end.
      type: dict
      suboptions:
        name:
          description: Its name, as V(eth0).
          type: str
          required: true
        netns:
          description: Its namespace. The host's own when not given.
          type: str
        bridge:
          description:
            - The bridge that it is a port of, where the pair joins two bridges.
            - Where containers of the first end's bridge may not reach each other, as
              O(virtnet.linux.bridge_policy#module:icc) says, neither do those and what is behind this end. The bridge
              with the gateway is the first end's.
          type: str
        mac:
          description: Its MAC.
          type: str
        addresses:
          description: Its addresses with their prefix lengths. When given, it has exactly these, and exactly the
            gateways and routes given beside them.
          type: list
          elements: str
        gateway:
          description: The IPv4 default route's gateway.
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
  - module: virtnet.linux.netns
  - module: virtnet.linux.bridge
  - module: virtnet.linux.network_info
"""

EXAMPLES = r"""
- name: A container on a bridge
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

- name: A cable between two switches
  virtnet.linux.veth:
    name: sw1-sw2
    bridge: sw1
    peer:
      name: sw2-sw1
      bridge: sw2

- name: Gone
  virtnet.linux.veth:
    name: veth-web
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
      description: The kind of object, as V(veth).
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
    - action: change
      kind: veth
      name: veth-web
      before: {peer.addresses: [172.30.0.2/16]}
      after: {peer.addresses: [172.30.0.9/16]}
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
    run_object("veth")


if __name__ == "__main__":
    main()
