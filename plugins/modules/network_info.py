#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_info
short_description: What of this collection is live on a host
version_added: 1.0.0
description:
  - Tells every network, bridge, container and published port of this collection that is live, as the kernel has it.
    What is written down for the next boot is apart from it, in RV(remembered).
  - Networks are told in the words of C(docker network inspect), bridges in the columns of C(brctl show).
author:
  - The virtnet.linux authors (@virtnet)
extends_documentation_fragment:
  - virtnet.linux.attributes
  - virtnet.linux.attributes.info
options:
  tunnel_endpoints:
    description: Whether to tell of each tunnel who is behind it. There may be thousands.
    type: bool
    default: false
seealso:
  - module: virtnet.linux.topology
"""

EXAMPLES = r"""
- name: Read what is live
  virtnet.linux.network_info:
  register: live

- name: The addresses of a network's containers
  ansible.builtin.debug:
    msg: "{{ web.Containers.values() | map(attribute='IPv4Address') }}"
  vars:
    web: "{{ live.networks | selectattr('Name', 'eq', 'web') | first }}"
"""

RETURN = r"""
networks:
  description:
    - The networks, in the words of C(docker network inspect). C(IPAM.Config) has C(IPRange) and C(AuxiliaryAddresses),
      too, where they are declared.
  returned: always
  type: list
  elements: dict
  sample:
    - Name: web
      Id: br-web
      Scope: local
      Driver: bridge
      EnableIPv4: true
      EnableIPv6: false
      IPAM: {Driver: default, Config: [{Subnet: 172.30.0.0/16, Gateway: 172.30.0.1}]}
      Internal: false
      Options: {bridge: br-web, mtu: 1500, icc: true, masquerade: true, gateway_mode: nat}
      Labels: {role: bridge_network}
      Containers:
        nginx: {Name: nginx, EndpointID: veth0123456789a, InterfaceName: eth0, MacAddress: "02:42:ac:1e:00:02",
                IPv4Address: 172.30.0.2/16, IPv6Address: ""}
      Ports:
        - {Protocol: tcp, HostIp: "", HostPort: 8080, Address: 172.30.0.2, Port: 80, Container: nginx}
bridges:
  description: The bridges, in the columns of C(brctl show).
  returned: always
  type: list
  elements: dict
  sample:
    - {name: br-web, netns: null, id: 8000.0242ac1e0001, stp: false, interfaces: [veth0123456789a]}
containers:
  description:
    - The namespaces, the processes in each and its endpoints. The C(mode) is V(bridge), V(none), V(host),
      V(container:NAME), or V(pid:N) of a process's namespace.
    - One on several networks, or on one and with a card of the host, that forwards packets between them has
      C(forwarding).
    - An endpoint's C(mac) and C(addresses) are what its interface has now, C(guard) is what the host lets it send by,
      which nobody in the container can change. It is null where that is not checked, and its addresses are null where
      the container may send for everybody. C(assigned) is then what the role gave the endpoint.
  returned: always
  type: list
  elements: dict
  sample:
    - name: nginx
      mode: bridge
      join: null
      labels: {role: bridge_network, mode: bridge}
      pids: [812]
      forwarding: false
      endpoints:
        - network: web
          aliases: [www]
          bridge: br-web
          veth: veth0123456789a
          interface: eth0
          mac: "02:42:ac:1e:00:02"
          addresses: [172.30.0.2/16]
          guard: {mac: "02:42:ac:1e:00:02", addresses: [172.30.0.2]}
          assigned: null
      interfaces:
        - {device: enp3s0, name: eth1, type: physical, mac: "52:54:00:12:34:56", addresses: [192.0.2.7/24]}
tunnels:
  description: The host's VXLAN tunnels, also those that others made; of ours how many endpoints are behind them.
  returned: always
  type: list
  elements: dict
  sample:
    - name: vx-fabric
      ours: true
      labels: {network: fabric, role: overlay_network}
      vni: 4242
      local: 192.0.2.11
      dstport: 4789
      device: null
      mtu: 1450
      bridge: br-fabric
      learning: false
      extensions: []
      flood: []
      entries: 2
      fingerprint: 5a2f6c1d9e7b40386c1d9e7b40385a2f
nat_ports:
  description: The published ports.
  returned: always
  type: list
  elements: dict
  sample:
    - {protocol: tcp, host_ip: null, host_port: 8080, to_address: 172.30.0.2, to_port: 80, bridge: br-web}
openings:
  description: Containers' own ports that networks of the gateway mode V(routed) let others in to.
  returned: always
  type: list
  elements: dict
  sample:
    - {protocol: tcp, address: 172.31.0.2, port: 80, bridge: br-routed}
host:
  description:
    - What else of the host a plan has to respect. Its links, routes, listening sockets and namespaces.
    - C(routes) are those of the main table that lead somewhere, C(other_routes) those of other tables and those that
      lead nowhere (C(blackhole), C(unreachable), C(prohibit)).
    - C(foreign_drops) are chains of other firewalls that drop what bridges forward, with the remedy; C(foreign_accepts)
      the bridges for which M(virtnet.linux.foreign_firewall) has put something there.
    - C(nameservers) are those of its C(resolv.conf), none of which may be in a new network's subnet.
    - C(moved_nics) are those that a process in the namespace which was given them has moved on.
    - C(vanished_bridges) are those that somebody has deleted, while the firewall still has policies for them.
    - C(warnings) tell what is not as it should be, as a firewall table that somebody has flushed, or a process that
      listens on a published port.
  returned: always
  type: dict
  sample:
    interfaces:
      - name: eth0
        kind: null
        mtu: 1500
        up: true
        ours: false
        labels: null
        device: null
        lifeline: the host's default route goes through it
        addresses: [192.0.2.2/24]
    routes:
      - {to: 0.0.0.0/0, via: 192.0.2.1, dev: eth0}
    other_routes:
      - {to: 100.64.0.0/10, dev: tailscale0, type: unicast, table: 52}
    listeners:
      - {protocol: tcp, address: "::", port: 22, v6only: false, pid: 411, process: sshd}
    namespaces: [nginx]
    moved_nics: []
    vanished_bridges: []
    bridge_nf_call: {iptables: true, ip6tables: true}
    foreign_drops:
      - table: ip filter
        chain: FORWARD
        rule: policy drop
        versions: [4]
        bridges: [br-web]
        new_bridges: true
        remedy: nft insert rule ip filter DOCKER-USER iifname BRIDGE accept;
          nft insert rule ip filter DOCKER-USER oifname BRIDGE accept
    foreign_accepts: []
    nameservers: [192.0.2.53]
    warnings:
      - "python3 (pid 7446) listens on 0.0.0.0 port 8080/tcp and gets nothing: the port is published and leads to
        172.30.0.2 port 80"
remembered:
  description:
    - The networks and containers that are written down for the next boot, live or not. What they have keeps its
      addresses.
  returned: always
  type: dict
  sample:
    networks:
      - {name: web, bridge: br-web, role: bridge_network, subnets: [172.30.0.0/16], addresses: [172.30.0.1/16]}
    containers:
      - name: nginx
        role: bridge_network
        join: null
        endpoints:
          - network: web
            veth: veth0123456789a
            interface: eth0
            mac: "02:42:ac:1e:00:02"
            addresses: [172.30.0.2/16]
revision:
  description:
    - A digest of what this collection has made on the host. Handed to M(virtnet.linux.topology) as its option
      C(planned_on), it keeps two runs that plan at the same moment from giving one address or port twice.
  returned: always
  type: str
  sample: 3f1b9c0d5e7a2468
"""

from ansible_collections.virtnet.linux.plugins.module_utils.start import run_info


def main() -> None:
    run_info()


if __name__ == "__main__":
    main()
