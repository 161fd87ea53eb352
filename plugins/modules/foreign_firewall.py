#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: foreign_firewall
short_description: A bridge's packets past the firewalls of others
version_added: 1.0.0
description:
  - A packet that Docker's, ufw's, firewalld's or anybody's chain on the forward hook drops is lost, whatever the tables
    of this collection say of it. Where such a chain would drop what comes from a bridge, or goes to it, this module has
    it accept that.
  - It is said where the other firewall has a place for it, the chain C(DOCKER-USER), ufw's route rules or firewalld's
    trusted zone; and else as the chain's first rules. These bear a comment of this collection, by which they are found
    and taken back. Nothing else in a table of others is touched.
  - What reaches a container is still decided by M(virtnet.linux.bridge_policy) and M(virtnet.linux.nat_port).
  - Where no chain drops anything, nothing is done. Rules of C(iptables-legacy) are not changed.
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
  - module: virtnet.linux.network_info
  - module: virtnet.linux.bridge_policy
"""

EXAMPLES = r"""
- name: Docker's and ufw's rules spare what the bridge forwards
  virtnet.linux.foreign_firewall:
    bridge: br-web

- name: Taken back
  virtnet.linux.foreign_firewall:
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
      description: The kind of object, as V(foreign_firewall).
      type: str
    name:
      description: The bridge, and the place where something is said for it.
      type: str
    before:
      description: What differed, as it was.
      type: dict
    after:
      description: What differed, as it is now.
      type: dict
  sample:
    - action: create
      kind: foreign_firewall
      name: br-web in ip filter DOCKER-USER
      before: {}
      after: {accepts: what comes from br-web or goes to it}
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
    run_object("foreign_firewall")


if __name__ == "__main__":
    main()
