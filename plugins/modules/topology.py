#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: topology
short_description: A whole topology on one host, in one pass
version_added: 1.0.0
description:
  - Takes objects of every kind and brings the host to them in one process, with one pass over netlink and one
    nftables transaction, however many there are.
  - It works in an order in which nothing is ever reachable that should not be. Rules stand before the links that they
    guard, and ports go before the containers behind them.
  - The roles of this collection are built on it. Objects that it is not told about stay as they are.
author:
  - The virtnet.linux authors (@virtnet)
extends_documentation_fragment:
  - virtnet.linux.attributes
  - virtnet.linux.attributes.changes
options:
  netns:
    description: Namespaces. Each takes the options of M(virtnet.linux.netns).
    type: list
    elements: dict
  bridge:
    description: Bridges. Each takes the options of M(virtnet.linux.bridge).
    type: list
    elements: dict
  veth:
    description: Veth pairs. Each takes the options of M(virtnet.linux.veth).
    type: list
    elements: dict
  interface:
    description: Cards handed to namespaces. Each takes the options of M(virtnet.linux.interface).
    type: list
    elements: dict
  vxlan_tunnel:
    description: VXLAN tunnels. Each takes the options of M(virtnet.linux.vxlan_tunnel).
    type: list
    elements: dict
  bridge_policy:
    description: What may cross bridges' borders. Each takes the options of M(virtnet.linux.bridge_policy).
    type: list
    elements: dict
  nat_port:
    description: Published ports. Each takes the options of M(virtnet.linux.nat_port).
    type: list
    elements: dict
  foreign_firewall:
    description: Bridges that the firewalls of others are to spare. Each takes the options of
      M(virtnet.linux.foreign_firewall).
    type: list
    elements: dict
  network_names:
    description:
      - Under which names a network's containers are found by all that are on it. Each has V(network), V(entries), a
        list of V(address) and V(names), and V(state).
      - They are the whole truth, and kept in C(/etc/netns/.virtnet).
    type: list
    elements: dict
  resolver:
    description:
      - What containers find names by, in C(/etc/netns/NAME/hosts) and C(/etc/netns/NAME/resolv.conf). Each has
        V(containers), V(networks) whose names they find, V(nameservers), V(search), V(options), and V(state).
      - Without nameservers a container asks those of the host, also where that asks a stub of its own. Files that
        others have put there stay.
    type: list
    elements: dict
  role:
    description:
      - For which role the topology is. What stands then is written down under C(/var/lib/virtnet), a file for each of
        the role's networks, so that C(virtnet restore) brings it back and C(virtnet check) compares.
      - Objects that the role had before and that are in no list stay written down. Nothing is written when not given.
    type: str
  planned_on:
    description:
      - The C(revision) of the state for which the objects were planned, as M(virtnet.linux.network_info) returned it.
      - Where another run has changed the host since, nothing is done, and RV(stale) is V(true). The caller then reads
        and plans anew.
    type: str
  persist:
    description:
      - Whether the role's networks come back by themselves when the host boots. V(false) removes what is written down,
        and the command and the systemd unit with the last of it.
      - Where systemd runs they do when not given.
    type: bool
seealso:
  - module: virtnet.linux.netns
  - module: virtnet.linux.bridge
  - module: virtnet.linux.veth
  - module: virtnet.linux.vxlan_tunnel
  - module: virtnet.linux.bridge_policy
  - module: virtnet.linux.nat_port
  - module: virtnet.linux.foreign_firewall
  - module: virtnet.linux.network_info
"""

EXAMPLES = r"""
- name: A container on a bridge, reached by port 8080 of the host
  virtnet.linux.topology:
    netns:
      - name: web
    bridge:
      - name: br-web
        addresses:
          - 172.30.0.1/16
    veth:
      - name: veth-web
        bridge: br-web
        peer:
          name: eth0
          netns: web
          mac: "02:42:ac:1e:00:02"
          addresses:
            - 172.30.0.2/16
          gateway: 172.30.0.1
    bridge_policy:
      - bridge: br-web
        subnets:
          - 172.30.0.0/16
    nat_port:
      - host_port: "8080"
        to_address: 172.30.0.2
        to_port: "80"
        bridge: br-web
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
    - {action: create, kind: netns, name: web, before: {}, after: {}}
stale:
  description: Whether nothing was done because the host is no longer in the state that O(planned_on) names.
  returned: success
  type: bool
problems:
  description:
    - Everything that is wrong with the arguments, a sentence each; nothing was changed.
    - Of more than 50 the first 50, and as the last one how many more there are.
  returned: when the arguments are refused
  type: list
  elements: str
"""

from ansible_collections.virtnet.linux.plugins.module_utils.ansible.start import run_topology


def main() -> None:
    run_topology()


if __name__ == "__main__":
    main()
