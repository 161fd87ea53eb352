#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: nat_port
short_description: Publish ports of containers (DNAT)
version_added: 1.0.0
description:
  - Translates (DNAT) a port of the host to a container's address and port, for any source. That includes the host
    itself, its neighbours, other containers, and the container that publishes it (hairpin).
  - A port is an element of an nftables map, so the cost of a packet does not grow with the number of ports. Connection
    tracking entries of UDP flows through a changed port are deleted; established TCP connections stay with the
    container that accepted them.
  - A new port on which a process of the host listens is refused; the message names the process, which would receive
    no more packets.
  - Removing a port requires C(protocol), C(host_ip) and C(host_port) only. Without C(host_ip) and C(to_address) that
    means every address of both families. Running it again changes nothing (idempotent).
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
      description: The host address on which the port is published. Every address of the family of C(to_address) when
        not given.
      type: str
    host_port:
      description: The host port, or a range as V(8000-8005). Without it nothing is translated, and ingress to
        C(to_port) of C(to_address) is allowed, where the bridge's policy has the C(gateway_mode) V(routed).
      type: str
    to_address:
      description: The container's address. Required when present.
      type: str
    to_port:
      description: The container port, or a range of the same length. The same as the host port when not given.
      type: str
    bridge:
      description: The container's bridge. Required for connections to 127.0.0.1 and ::1.
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
  - module: virtnet.linux.bridge_policy
  - module: virtnet.linux.network_info
"""

EXAMPLES = r"""
- name: Publish the container's port 80 as port 8080 of every address of this host
  virtnet.linux.nat_port:
    host_port: "8080"
    to_address: 172.30.0.2
    to_port: "80"
    bridge: br-web

- name: Publish a range of UDP ports on one address
  virtnet.linux.nat_port:
    protocol: udp
    host_ip: 192.0.2.11
    host_port: 5000-5010
    to_address: 172.30.0.3
    bridge: br-web

- name: Allow ingress to the container's own port 80 in a routed network
  virtnet.linux.nat_port:
    to_address: 172.31.0.2
    to_port: "80"
    bridge: br-routed

- name: Remove a published port
  virtnet.linux.nat_port:
    host_port: "8080"
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
      description: The kind of object, as V(nat_port).
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
    - action: create
      kind: nat_port
      name: 0.0.0.0:8080/tcp
      before: {}
      after: {to: "172.30.0.2:80", bridge: br-web}
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
    run_object("nat_port")


if __name__ == "__main__":
    main()
