#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nat_port
short_description: Published ports
version_added: 1.0.0
description:
  - Translates (DNAT) a port of the host to a container's address and port, for callers from everywhere. That is the
    host itself, its neighbours, other containers, and the container that publishes it.
  - A port is an element of a map, so a packet's cost does not grow with the number of ports. Connection tracking
    entries of UDP flows through a changed port are deleted; established TCP connections stay with the container that
    they were made to.
  - A new port on which a process of the host listens already is refused with the name of that process, which would get
    nothing any more.
  - Removing a port needs C(protocol), C(host_ip) and C(host_port) only. Without C(host_ip) and C(to_address) that
    means every address of both families.
author:
  - The virtnet.linux authors (@virtnet)
extends_documentation_fragment:
  - virtnet.linux.attributes
  - virtnet.linux.attributes.changes
options:
  <<: &object
    protocol:
      description: The transport protocol.
      type: str
      choices: [tcp, udp, sctp]
      default: tcp
    host_ip:
      description: The host's address that it is published on. Every address of the family of C(to_address) when not
        given.
      type: str
    host_port:
      description: The host's port, or a range as V(8000-8005). Without it nothing is translated, and C(to_port) of
        C(to_address) is opened to others, where the bridge's policy has the C(gateway_mode) V(routed).
      type: str
    to_address:
      description: The container's address. Required when present.
      type: str
    to_port:
      description: The container's port, or a range of the same length. The same as the host's when not given.
      type: str
    bridge:
      description: The container's bridge. Needed for calls through 127.0.0.1 and ::1.
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
  - module: virtnet.linux.bridge_policy
  - module: virtnet.linux.network_info
"""

EXAMPLES = r"""
- name: Port 8080 of every address of this host leads to the container's port 80
  virtnet.linux.nat_port:
    host_port: "8080"
    to_address: 172.30.0.2
    to_port: "80"
    bridge: br-web

- name: A range of UDP ports on one address
  virtnet.linux.nat_port:
    protocol: udp
    host_ip: 192.0.2.11
    host_port: 5000-5010
    to_address: 172.30.0.3
    bridge: br-web

- name: In a routed network, others may call the container's port 80 at its own address
  virtnet.linux.nat_port:
    to_address: 172.31.0.2
    to_port: "80"
    bridge: br-routed

- name: Gone
  virtnet.linux.nat_port:
    host_port: "8080"
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
      description: The kind of object, as V(nat_port).
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
    - action: create
      kind: nat_port
      name: 0.0.0.0:8080/tcp
      before: {}
      after: {to: "172.30.0.2:80", bridge: br-web}
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
    run_object("nat_port")


if __name__ == "__main__":
    main()
