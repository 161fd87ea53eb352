#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bridge_policy
short_description: What may cross a bridge's border
version_added: 1.0.0
description:
  - Says how the subnets behind a bridge meet the rest of the world. By default containers reach the outside through
    the host's address (masquerade), nothing reaches them but published ports, and other networks of this collection are
    kept apart.
  - It is held by elements of maps and sets in the nftables tables C(inet virtnet) and C(bridge virtnet), which belong
    to this collection alone; no other table is touched.
author:
  - The virtnet.linux authors (@virtnet)
extends_documentation_fragment:
  - virtnet.linux.attributes
  - virtnet.linux.attributes.changes
options:
  <<: &object
    bridge:
      description: The bridge's name. Required, at the top level or in each object of O(config).
      type: str
    subnets:
      description: The networks behind it, IPv4 and IPv6, as V(172.30.0.0/16). Required when present.
      type: list
      elements: str
    masquerade:
      description: Whether what leaves the host bears the host's address.
      type: bool
      default: true
    internal:
      description: Whether there is no way out and none in. The host and the containers reach each other, and nothing
        is published.
      type: bool
      default: false
    icc:
      description: Whether the containers on the bridge reach each other.
      type: bool
      default: true
    gateway_mode:
      description: V(nat) as described. V(routed) publishes containers' own addresses, without translation.
        V(isolated) is a bridge that the host has no part in.
      type: str
      choices: [nat, routed, isolated]
      default: nat
    gateway_mode6:
      description: The same for IPv6, where it differs. V(isolated) is for both.
      type: str
      choices: [nat, routed]
    snat_address:
      description: The IPv4 address that what leaves the host bears, instead of the address of the link by which it
        leaves.
      type: str
    snat_address6:
      description: The same for IPv6.
      type: str
    trusted_interfaces:
      description: Links of the host from which containers may be reached at their own addresses and all ports.
      type: list
      elements: str
    uplinks:
      description:
        - Links of the host by which the containers reach others and are reached. Where every network that is not
          internal names its own, forwarding is switched on for these and the bridges alone, and not for the host; for
          IPv6 that takes Linux 6.17.
        - Any link of the host when not given, also those that come later.
      type: list
      elements: str
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
  - module: virtnet.linux.nat_port
  - module: virtnet.linux.network_info
"""

EXAMPLES = r"""
- name: Containers reach the outside and are reached by published ports only
  virtnet.linux.bridge_policy:
    bridge: br-web
    subnets:
      - 172.30.0.0/16

- name: A closed network
  virtnet.linux.bridge_policy:
    bridge: br-db
    subnets:
      - 172.31.0.0/24
    internal: true

- name: Gone
  virtnet.linux.bridge_policy:
    bridge: br-web
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
      description: The kind of object, as V(bridge_policy).
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
    - {action: change, kind: bridge_policy, name: br-web, before: {icc: true}, after: {icc: false}}
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
    run_object("bridge_policy")


if __name__ == "__main__":
    main()
