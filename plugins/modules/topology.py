#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: topology
short_description: Apply a whole topology to one host, in one pass
version_added: 1.0.0
description:
  - Takes the desired state of objects of every kind, compares it with the observed state, and applies the differences
    in one process, with one pass over netlink and one nftables transaction, however many there are. Running it again
    changes nothing (idempotent); check mode predicts the actions.
  - The order of the actions never exposes more than the policy allows. Firewall rules are created before the links that
    they filter, and published ports are deleted before the containers behind them.
  - The roles of this collection are built on it. Objects that are not in its lists are left unchanged.
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
    description: NICs moved into namespaces, and macvlans. Each takes the options of M(virtnet.linux.interface).
    type: list
    elements: dict
  vxlan_tunnel:
    description: VXLAN tunnels. Each takes the options of M(virtnet.linux.vxlan_tunnel).
    type: list
    elements: dict
  bridge_policy:
    description: Network policies of bridges. Each takes the options of M(virtnet.linux.bridge_policy).
    type: list
    elements: dict
  nat_port:
    description: Published ports. Each takes the options of M(virtnet.linux.nat_port).
    type: list
    elements: dict
  foreign_firewall:
    description: Bridges whose packets foreign firewalls accept. Each takes the options of
      M(virtnet.linux.foreign_firewall).
    type: list
    elements: dict
  network_names:
    description:
      - The names by which the containers of a network resolve each other. Each has V(network), V(entries), a list of
        V(address) and V(names), and V(state).
      - Names that are not listed are removed. They are stored in C(/etc/netns/.virtnet).
    type: list
    elements: dict
  resolver:
    description:
      - Resolver files of containers, C(/etc/netns/NAME/hosts) and C(/etc/netns/NAME/resolv.conf). Each has
        V(containers), V(networks) whose names they resolve, V(nameservers), V(search), V(options), and V(state).
      - Without nameservers a container uses those of the host, also where the host itself uses a local stub resolver.
        Files of other programs are left unchanged.
    type: list
    elements: dict
  role:
    description:
      - The role that the topology belongs to. Its desired state is persisted under C(/var/lib/virtnet), a file for each
        of the role's networks, so that C(virtnet restore) applies it and C(virtnet check) compares it.
      - Persisted objects of the role that are in no list stay persisted. Nothing is persisted when not given.
      - With a role the command C(virtnet) is installed, if anything that this collection manages is on the host after
        the run. Any module that removes the last of it removes the command.
    type: str
  planned_on:
    description:
      - The C(revision) of the observed state for which the objects were planned, as M(virtnet.linux.network_info)
        returned it.
      - Where another run has changed the host since, nothing is changed, and RV(stale) is V(true). The caller then
        gathers the state and plans again.
    type: str
  persist:
    description:
      - Whether the role's networks are restored when the host boots. V(false) removes the persisted state of the role,
        and the systemd unit with the last of it.
      - Defaults to whether systemd runs.
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
- name: Create a container on a bridge, published as port 8080 of the host
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
  description: The actions done, in order; in check mode those predicted. Empty when the host is in the desired state.
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
      description: The values that differed, as they were.
      type: dict
    after:
      description: The values that differed, as desired.
      type: dict
  sample:
    - {action: create, kind: netns, name: web, before: {}, after: {}}
stale:
  description: Whether nothing was changed because the host is no longer in the state that O(planned_on) names.
  returned: success
  type: bool
problems:
  description:
    - All errors in the arguments, a message each; nothing was changed.
    - Of more than 50 errors the first 50 are returned, and the number of the others as the last message.
  returned: when the arguments are refused
  type: list
  elements: str
"""

from ansible_collections.virtnet.linux.plugins.module_utils.ansible import packed  # noqa: F401 # pylint: disable=unused-import
from ansible_collections.virtnet.linux.plugins.module_utils.ansible.start import run_topology


def main() -> None:
    run_topology()


if __name__ == "__main__":
    main()
