#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vxlan_tunnel
short_description: VXLAN tunnels, a bridge's port behind which other hosts' containers are
version_added: 1.0.0
description:
  - Makes a VXLAN tunnel (RFC 7348), sets it into a bridge, and tells the kernel which containers are behind which host.
  - By default nothing is learned and nothing is flooded. Each endpoint is a forwarding entry of the tunnel, an entry of
    the bridge, and a neighbour of the bridge for each address, from which the bridge answers ARP and neighbour
    discovery itself.
  - The lists are the whole truth. What is not in them goes; of a list that is given only the entries that differ are
    touched.
  - With O(endpoints) given, a tunnel of the host's own namespace takes frames from the VTEPs of O(endpoints) and
    O(flood) only; packets for its VNI from other addresses are dropped by the host's firewall. It is not restricted
    where O(endpoints) was never given, since then another program (BGP) may fill the FDB, nor with O(learning) and an
    empty O(flood), by which it learns from any sender. A VTEP's forged address is not recognised; that takes encryption
    between the hosts.
  - What the kernel cannot change in a tunnel that stands, its VNI, port, device or the family of its address, is
    changed by replacing it. The actions say so.
author:
  - The virtnet.linux authors (@virtnet)
extends_documentation_fragment:
  - virtnet.linux.attributes
  - virtnet.linux.attributes.changes
options:
  <<: &object
    name:
      description: The tunnel's name, 1 to 15 characters. Required, at the top level or in each object of O(config).
      type: str
    vni:
      description:
        - The VXLAN network identifier, 1 to 16777215. A new tunnel needs one; no other on the same UDP port may have
          it.
      type: int
    local:
      description:
        - The address that this host sends from and receives at, its VTEP. IPv4 or IPv6, and all others of the same
          family. A new tunnel needs one.
      type: str
    dstport:
      description: The UDP port.
      type: int
      default: 4789
    device:
      description: The underlay's device. The routes decide when not given.
      type: str
    mtu:
      description:
        - The MTU in bytes. A new tunnel without one gets the MTU of the device that has O(local), less 50 or, with
          IPv6, 70.
      type: int
    bridge:
      description: The bridge that it is a port of.
      type: str
    netns:
      description: The namespace that it is in, with its UDP socket and its bridge. The host's own when not given.
      type: str
    learning:
      description: Whether tunnel and bridge learn from frames who is where. A new tunnel does not.
      type: bool
    flood:
      description:
        - The VTEPs that get a copy of each broadcast, multicast and frame for somebody unknown, exactly these. This
          host's own is passed over.
        - With an empty list, or on a new tunnel without one, nothing of the kind leaves the host, and the bridge
          answers ARP and neighbour discovery for the endpoints. With VTEPs in it these go their way, as what announces
          itself by them needs.
      type: list
      elements: str
    endpoints:
      description:
        - Who is on other hosts, exactly these. Those at this host's own VTEP are passed over.
        - Their VTEPs and those of O(flood) are the only ones from which frames are taken.
      type: list
      elements: dict
      suboptions:
        mac:
          description: The endpoint's MAC.
          type: str
          required: true
        addresses:
          description: Its addresses, without lengths, for which ARP and neighbour discovery are answered here.
          type: list
          elements: str
          default: []
        vtep:
          description: The address of the host that it is on.
          type: str
          required: true
    anycast_gateway:
      description:
        - Whether the bridge's own address and MAC are the same on every host. Then nothing that this host itself says
          on the bridge goes through the tunnel, and nothing that comes out of the tunnel reaches this host itself, ARP
          and broadcasts included; containers on the bridge are reached.
        - Without it this host is on the network as a container is. Endpoints on other hosts reach its services, and
          what it forwards and publishes, through the tunnel.
        - Only of a tunnel in the host's own namespace.
      type: bool
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
  - module: virtnet.linux.bridge
  - module: virtnet.linux.bridge_policy
  - module: virtnet.linux.network_info
"""

EXAMPLES = r"""
- name: A tunnel to two hosts, and who is there
  virtnet.linux.vxlan_tunnel:
    name: vx-fabric
    vni: 4242
    local: 192.0.2.11
    bridge: br-fabric
    flood: []
    endpoints:
      - mac: "02:42:0a:2a:00:03"
        addresses: [10.42.0.3]
        vtep: 192.0.2.12
      - mac: "02:42:0a:2a:00:04"
        addresses: [10.42.0.4, "fd00:42::4"]
        vtep: 192.0.2.13

- name: A tunnel that learns, with copies of broadcasts to all other hosts
  virtnet.linux.vxlan_tunnel:
    name: vx-lan
    vni: 4243
    local: "{{ vteps[inventory_hostname] }}"
    bridge: br-lan
    learning: true
    flood: "{{ vteps.values() | list }}"

- name: Gone
  virtnet.linux.vxlan_tunnel:
    name: vx-lan
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
      description: The kind of object, as V(vxlan_tunnel).
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
      kind: vxlan_tunnel
      name: vx-fabric
      before: {endpoints: []}
      after: {endpoints: ["02:42:0a:2a:00:09 10.42.0.9 by 192.0.2.13"]}
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
    run_object("vxlan_tunnel")


if __name__ == "__main__":
    main()
