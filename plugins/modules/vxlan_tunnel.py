#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vxlan_tunnel
short_description: Manage VXLAN tunnels, their FDB and neighbour entries
version_added: 1.0.0
description:
  - Creates a VXLAN tunnel (RFC 7348), attaches it to a bridge, and programs which endpoints are behind which VTEP.
  - By default there is no learning and no flooding of BUM traffic. Each endpoint is a VXLAN FDB entry of the tunnel, an
    FDB entry of the bridge, and a neighbour (ARP/ND) entry of the bridge for each address, from which the bridge
    answers ARP and neighbour discovery itself (neighbour suppression).
  - The lists are the desired state. Entries that are not in a given list are deleted, and only those that differ are
    changed. Running it again changes nothing (idempotent).
  - With O(endpoints) given, a tunnel of the host's own namespace takes frames from the VTEPs of O(endpoints) and
    O(flood) only; packets for its VNI from other addresses are dropped by the host's firewall. It is not restricted
    where O(endpoints) was never given, since then another program (BGP) may fill the FDB, nor with O(learning) and an
    empty O(flood), since it then learns from any source. A forged VTEP address is not detected; that requires
    encryption between the hosts.
  - What the kernel cannot change in an existing tunnel, its VNI, port, device or the family of its address, is changed
    by replacing the tunnel. The action is then V(replace).
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
        - The VXLAN network identifier, 1 to 16777215. Required to create a tunnel; unique among the tunnels on the same
          UDP port.
      type: int
    local:
      description:
        - The VTEP address of this host, IPv4 or IPv6; all other VTEPs are of the same family. Required to create a
          tunnel.
      type: str
    dstport:
      description: The UDP port.
      type: int
      default: 4789
    device:
      description: The underlay device. Selected by routing when not given.
      type: str
    mtu:
      description:
        - The MTU in bytes. The default of a new tunnel is the MTU of the device that has O(local), less 50 or, with
          IPv6, 70.
      type: int
    bridge:
      description: The bridge that it is a port of.
      type: str
    netns:
      description: The network namespace of the tunnel, its UDP socket and its bridge. The host's own when not given.
      type: str
    learning:
      description: Whether tunnel and bridge learn FDB entries from received frames. A new tunnel does not.
      type: bool
    flood:
      description:
        - The VTEPs to which BUM traffic (broadcast, unknown unicast, multicast) is sent by head-end replication; all
          others are removed. This host's own VTEP is ignored.
        - With an empty list, or on a new tunnel without one, no BUM traffic leaves the host, and the bridge answers ARP
          and neighbour discovery for the endpoints. With VTEPs ARP and neighbour discovery are forwarded, as protocols
          require that announce addresses by them.
      type: list
      elements: str
    endpoints:
      description:
        - The endpoints on other hosts, by which FDB and neighbour entries are made; all others are removed. Endpoints
          at this host's own VTEP are ignored.
        - Frames are accepted from their VTEPs and those of O(flood) only.
      type: list
      elements: dict
      suboptions:
        mac:
          description: The endpoint's MAC address.
          type: str
          required: true
        addresses:
          description: The endpoint's addresses, without prefix length, for which this host answers ARP and neighbour
            discovery.
          type: list
          elements: str
          default: []
        vtep:
          description: The VTEP address of the endpoint's host.
          type: str
          required: true
    anycast_gateway:
      description:
        - Whether the bridge's own address and MAC are the same on every host. Then no frame of this host itself
          egresses through the tunnel, and no frame from the tunnel reaches this host itself, ARP and broadcasts
          included; containers on the bridge are reached.
        - Without it this host is an endpoint of the network. Endpoints on other hosts reach its services, forwarding
          and published ports through the tunnel.
        - Only for a tunnel in the host's own namespace.
      type: bool
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
  - module: virtnet.linux.bridge
  - module: virtnet.linux.bridge_policy
  - module: virtnet.linux.network_info
"""

EXAMPLES = r"""
- name: Create a tunnel to two hosts, with FDB entries for their endpoints
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

- name: Create a tunnel with learning and head-end replication of BUM traffic
  virtnet.linux.vxlan_tunnel:
    name: vx-lan
    vni: 4243
    local: "{{ vteps[inventory_hostname] }}"
    bridge: br-lan
    learning: true
    flood: "{{ vteps.values() | list }}"

- name: Remove a tunnel
  virtnet.linux.vxlan_tunnel:
    name: vx-lan
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
      description: The kind of object, as V(vxlan_tunnel).
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
      kind: vxlan_tunnel
      name: vx-fabric
      before: {endpoints: []}
      after: {endpoints: ["02:42:0a:2a:00:09 10.42.0.9 by 192.0.2.13"]}
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
    run_object("vxlan_tunnel")


if __name__ == "__main__":
    main()
