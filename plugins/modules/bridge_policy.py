#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: bridge_policy
short_description: Manage the network policy of a bridge, ingress and egress
version_added: 1.0.0
description:
  - Sets ingress and egress for the subnets behind a bridge. By default egress is masqueraded with the host's address,
    ingress is allowed to published ports only, and traffic from and to other networks of this collection is dropped.
  - The policy consists of elements of maps and sets in the nftables tables C(inet virtnet) and C(bridge virtnet), which
    only this collection uses; no other table is changed. Running it again changes nothing (idempotent).
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
      description: The subnets behind the bridge, IPv4 and IPv6, as V(172.30.0.0/16). Required when present.
      type: list
      elements: str
    masquerade:
      description: Whether egress is masqueraded with the host's address (source NAT).
      type: bool
      default: true
    internal:
      description: Whether all ingress and egress is dropped. The host and the containers reach each other, and no port
        is published.
      type: bool
      default: false
    icc:
      description: Whether the containers on the bridge reach each other.
      type: bool
      default: true
    gateway_mode:
      description: V(nat) as described above. V(routed) allows ingress to ports of the containers' own addresses,
        without NAT. V(isolated) is a bridge without an address of the host.
      type: str
      choices: [nat, routed, isolated]
      default: nat
    gateway_mode6:
      description: The gateway mode for IPv6, where it differs. V(isolated) always applies to both families.
      type: str
      choices: [nat, routed]
    snat_address:
      description: The IPv4 source address of egress, instead of the address of the outgoing link (SNAT instead of
        masquerade).
      type: str
    snat_address6:
      description: The IPv6 source address of egress.
      type: str
    trusted_interfaces:
      description: Links of the host from which ingress to the containers' own addresses is allowed, on all ports.
      type: list
      elements: str
    uplinks:
      description:
        - Links of the host for egress and ingress. Where every network that is not internal has its own uplinks,
          forwarding is enabled for these links and the bridges alone, and not for the host; for IPv6 that requires
          Linux 6.17.
        - Any link of the host when not given, also links that are added later.
      type: list
      elements: str
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
  - module: virtnet.linux.nat_port
  - module: virtnet.linux.network_info
"""

EXAMPLES = r"""
- name: Allow egress, and ingress to published ports only
  virtnet.linux.bridge_policy:
    bridge: br-web
    subnets:
      - 172.30.0.0/16

- name: Drop all ingress and egress of an internal network
  virtnet.linux.bridge_policy:
    bridge: br-db
    subnets:
      - 172.31.0.0/24
    internal: true

- name: Remove a network policy
  virtnet.linux.bridge_policy:
    bridge: br-web
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
      description: The kind of object, as V(bridge_policy).
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
    - {action: change, kind: bridge_policy, name: br-web, before: {icc: true}, after: {icc: false}}
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
    run_object("bridge_policy")


if __name__ == "__main__":
    main()
