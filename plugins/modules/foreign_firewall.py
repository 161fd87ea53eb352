#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: foreign_firewall
short_description: Accept a bridge's packets in foreign firewalls
version_added: 1.0.0
description:
  - A packet that a chain of Docker, ufw, firewalld or another program drops on the forward hook is lost, even if the
    tables of this collection accept it. Where such a chain would drop packets from or to a bridge, this module makes
    it accept them.
  - The rules are added where the foreign firewall has a place for them, the chain C(DOCKER-USER), ufw's route rules or
    firewalld's trusted zone; else as the first rules of the chain. They have a comment of this collection, by which
    they are found and removed. Nothing else in a foreign table is changed.
  - Ingress to a container is still decided by M(virtnet.linux.bridge_policy) and M(virtnet.linux.nat_port).
  - Where no chain drops such packets, nothing is changed. Rules of C(iptables-legacy) are not changed.
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
  - module: virtnet.linux.network_info
  - module: virtnet.linux.bridge_policy
"""

EXAMPLES = r"""
- name: Accept a bridge's packets in Docker's and ufw's rules
  virtnet.linux.foreign_firewall:
    bridge: br-web

- name: Remove the accept rules
  virtnet.linux.foreign_firewall:
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
      description: The kind of object, as V(foreign_firewall).
      type: str
    name:
      description: The bridge, and the foreign chain or zone that accepts its packets.
      type: str
    before:
      description: The values that differed, as they were.
      type: dict
    after:
      description: The values that differed, as desired.
      type: dict
  sample:
    - action: create
      kind: foreign_firewall
      name: br-web in ip filter DOCKER-USER
      before: {}
      after: {accepts: what comes from br-web or goes to it}
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
    run_object("foreign_firewall")


if __name__ == "__main__":
    main()
