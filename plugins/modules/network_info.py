#!/usr/bin/python
# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: network_info
short_description: Gather the observed state of the networks on a host
version_added: 1.0.0
description:
  - Returns every network, bridge, container and published port of this collection, as observed in the kernel. The
    desired state that is persisted for the next boot is apart from it, in RV(remembered).
  - Networks have the keys of C(docker network inspect), bridges the columns of C(brctl show).
  - Reads only; it is idempotent and the same in check mode.
author:
  - The virtnet.linux authors (@virtnet)
extends_documentation_fragment:
  - virtnet.linux.attributes
  - virtnet.linux.attributes.info
options:
  tunnel_endpoints:
    description: Whether to return the endpoints (VXLAN FDB entries) of each tunnel. There may be thousands.
    type: bool
    default: false
  docker_format:
    description:
      - Whether to return the networks and containers also in the format of Docker's own commands, in RV(docker), for
        scripts that parse C(docker network inspect), C(docker inspect), C(docker network ls) and
        C(docker ps).
    type: bool
    default: false
seealso:
  - module: virtnet.linux.topology
"""

EXAMPLES = r"""
- name: Gather network state
  virtnet.linux.network_info:
  register: live

- name: Show the addresses of a network's containers
  ansible.builtin.debug:
    msg: "{{ web.Containers.values() | map(attribute='IPv4Address') }}"
  vars:
    web: "{{ live.networks | selectattr('Name', 'eq', 'web') | first }}"

- name: Gather network state in the format of docker network inspect
  virtnet.linux.network_info:
    docker_format: true
  register: live

- name: Pass it to a script that parses docker network inspect
  ansible.builtin.command:
    cmd: jq -r '.[] | select(.Name == "web") | .IPAM.Config[0].Gateway'
    stdin: "{{ live.docker.networks | to_json }}"
  register: gateway
  changed_when: false
"""

RETURN = r"""
networks:
  description:
    - The networks, with the keys of C(docker network inspect). C(IPAM.Config) also has C(IPRange) and
      C(AuxiliaryAddresses), where they are declared.
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
docker:
  description:
    - The networks as C(docker network inspect) prints them, the network settings of the containers as C(docker inspect)
      does, and the lines of C(docker network ls --format json) and C(docker ps --all --format json). Keys and types are
      Docker's. The C(Options) of a network are strings, those of Docker and those of this collection.
    - An C(Id) is a hash of a name and of the host's C(/etc/machine-id), and does not change with a reboot. An overlay
      network has the same on all hosts.
    - C(Created) of a network is the time at which the oldest address of its bridge was added, of a container that at
      which the handle of its namespace was created, as the kernel reports them; after a reboot those of the restore. It
      is C(0001-01-01T00:00:00Z), Docker's value for an unknown time, for a bridge without an address (gateway mode
      V(isolated), a network that joins another).
    - Allowed ports of a network of the gateway mode V(routed) have an empty C(HostPort). A container without a process
      has the C(Status) V(created) and the C(Pid) 0.
  returned: with O(docker_format=true)
  type: dict
  sample:
    networks:
      - Name: web
        Id: b3c1f5d09e7a4c2f8d6b1a0e5f4c3d2b1a09f8e7d6c5b4a39281706f5e4d3c2b
        Created: "2026-03-01T08:15:30Z"
        Scope: local
        Driver: bridge
        EnableIPv4: true
        EnableIPv6: false
        IPAM: {Driver: default, Options: {}, Config: [{Subnet: 172.30.0.0/16, Gateway: 172.30.0.1}]}
        Internal: false
        Attachable: false
        Ingress: false
        ConfigFrom: {Network: ""}
        ConfigOnly: false
        Containers:
          1f0e9d8c7b6a594837261504f3e2d1c0b9a8978685746352413f2e1d0c9b8a79:
            {Name: nginx, EndpointID: 5d4c3b2a190807f6e5d4c3b2a190807f6e5d4c3b2a190807f6e5d4c3b2a19080,
             MacAddress: "02:42:ac:1e:00:02", IPv4Address: 172.30.0.2/16, IPv6Address: ""}
        Options:
          com.docker.network.bridge.name: br-web
          com.docker.network.bridge.enable_icc: "true"
          com.docker.network.bridge.enable_ip_masquerade: "true"
          com.docker.network.bridge.host_binding_ipv4: 0.0.0.0
          com.docker.network.bridge.gateway_mode_ipv4: nat
          com.docker.network.driver.mtu: "1500"
          bridge: br-web
          mtu: "1500"
          icc: "true"
          masquerade: "true"
          gateway_mode: nat
        Labels: {role: bridge_network}
    containers:
      - Id: 1f0e9d8c7b6a594837261504f3e2d1c0b9a8978685746352413f2e1d0c9b8a79
        Created: "2026-03-01T08:15:30Z"
        Name: /nginx
        State: {Status: running, Running: true, Pid: 812}
        HostConfig: {NetworkMode: web, PortBindings: {80/tcp: [{HostIp: "", HostPort: "8080"}]}}
        Config: {Hostname: nginx, Labels: {role: bridge_network, mode: bridge}}
        NetworkSettings:
          Bridge: ""
          SandboxID: 7e6d5c4b3a29180f7e6d5c4b3a29180f7e6d5c4b3a29180f7e6d5c4b3a29180f
          SandboxKey: /run/netns/nginx
          HairpinMode: false
          LinkLocalIPv6Address: ""
          LinkLocalIPv6PrefixLen: 0
          Ports: {80/tcp: [{HostIp: 0.0.0.0, HostPort: "8080"}]}
          SecondaryIPAddresses: null
          SecondaryIPv6Addresses: null
          EndpointID: 5d4c3b2a190807f6e5d4c3b2a190807f6e5d4c3b2a190807f6e5d4c3b2a19080
          Gateway: 172.30.0.1
          GlobalIPv6Address: ""
          GlobalIPv6PrefixLen: 0
          IPAddress: 172.30.0.2
          IPPrefixLen: 16
          IPv6Gateway: ""
          MacAddress: "02:42:ac:1e:00:02"
          Networks:
            web:
              IPAMConfig: null
              Links: null
              Aliases: [www]
              NetworkID: b3c1f5d09e7a4c2f8d6b1a0e5f4c3d2b1a09f8e7d6c5b4a39281706f5e4d3c2b
              EndpointID: 5d4c3b2a190807f6e5d4c3b2a190807f6e5d4c3b2a190807f6e5d4c3b2a19080
              Gateway: 172.30.0.1
              IPAddress: 172.30.0.2
              IPPrefixLen: 16
              IPv6Gateway: ""
              GlobalIPv6Address: ""
              GlobalIPv6PrefixLen: 0
              MacAddress: "02:42:ac:1e:00:02"
              DriverOpts: null
              DNSNames: [nginx, www]
    network_ls:
      - {CreatedAt: "2026-03-01 08:15:30 +0000 UTC", Driver: bridge, ID: b3c1f5d09e7a, IPv4: "true", IPv6: "false",
         Internal: "false", Labels: role=bridge_network, Name: web, Scope: local}
    container_ls:
      - {CreatedAt: "2026-03-01 08:15:30 +0000 UTC", ID: 1f0e9d8c7b6a, Labels: "role=bridge_network,mode=bridge",
         Names: nginx, Networks: web, Ports: "0.0.0.0:8080->80/tcp", State: running}
bridges:
  description:
    - The bridges, in the columns of C(brctl show), and the driver of each, V(linux) or V(openvswitch). A network on a
      shared switch has C(switch) and C(vlan) too.
  returned: always
  type: list
  elements: dict
  sample:
    - name: br-web
      netns: null
      id: 8000.0242ac1e0001
      stp: false
      driver: linux
      labels: {network: web, role: bridge_network}
      interfaces: [veth0123456789a]
containers:
  description:
    - The namespaces, the processes in each and its endpoints. The C(mode) is V(bridge), V(none), V(host),
      V(container:NAME), or V(pid:N) of a process's namespace.
    - C(forwarding) is whether it forwards packets between its networks and NICs.
    - An endpoint's C(mac) and C(addresses) are those that its interface has now. C(guard) is what anti-spoofing allows
      at its port, which no process in the container can change. It is null without anti-spoofing, and its addresses are
      null where any source address is allowed. C(assigned) is then what the role assigned to the endpoint.
  returned: always
  type: list
  elements: dict
  sample:
    - name: nginx
      mode: bridge
      join: null
      labels: {role: bridge_network, mode: bridge}
      pids: [812]
      programs: {"812": nginx}
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
  description: The host's VXLAN tunnels, foreign ones included; managed ones with the number of their endpoints.
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
allowed_ports:
  description: The allowed ports (ingress) of containers in networks of the gateway mode V(routed).
  returned: always
  type: list
  elements: dict
  sample:
    - {protocol: tcp, address: 172.31.0.2, port: 80, bridge: br-routed}
host:
  description:
    - Other observed state of the host that a plan must not conflict with. Its links, routes, listening sockets and
      namespaces.
    - C(routes) are the unicast routes of the main table, C(other_routes) those of other tables and those of the types
      C(blackhole), C(unreachable) and C(prohibit).
    - C(rules) are its routing rules (C(ip rule), C(ip -6 rule)), in order; C(only_some) is true for a rule that also
      matches ports, protocols, users or other selectors that are not listed. C(vrf) is the VRF of a link.
    - C(foreign_drops) are chains of foreign firewalls that drop packets of bridges, with the remedy; C(foreign_accepts)
      are the bridges for which M(virtnet.linux.foreign_firewall) has added rules there.
    - C(nameservers) are those of its C(resolv.conf), none of which may be in a new network's subnet.
    - C(moved_nics) are NICs that a process in a container has moved out of the container's namespace.
    - C(missing_bridges) are bridges that were deleted out of band, while the firewall still has policies for them.
    - C(warnings) report faults, as a firewall table that another program has flushed, a route of the host into a
      network's subnet, or a process that listens on a published port.
    - C(routing_warnings) report what the host's own routing rules and VRFs prevent. Packets to a network that a rule
      diverts, because the rule that this collection adds before it is missing; published ports whose replies leave by
      another link than the request's; networks without egress.
  returned: always
  type: dict
  sample:
    interfaces:
      - name: eth0
        kind: null
        altnames: [enp1s0]
        mtu: 1500
        up: true
        ours: false
        labels: null
        device: null
        vrf: null
        lifeline: the host's default route goes through it
        addresses: [192.0.2.2/24]
    routes:
      - {to: 0.0.0.0/0, via: 192.0.2.1, dev: eth0}
    other_routes:
      - {to: 100.64.0.0/10, dev: tailscale0, type: unicast, table: 52}
    rules:
      - version: 4
        preference: 5270
        action: lookup
        table: 52
        inverted: false
        from: null
        to: null
        iif: null
        oif: null
        fwmark: null
        suppress_prefixlength: null
        l3mdev: false
        protocol: 0
        only_some: false
    listeners:
      - {protocol: tcp, address: "::", port: 22, v6only: false, pid: 411, process: sshd}
    namespaces: [nginx]
    moved_nics: []
    missing_bridges: []
    limits:
      net.ipv4.neigh.default.gc_thresh3: 1024
      net.ipv6.neigh.default.gc_thresh3: 1024
      net.core.netdev_max_backlog: 1000
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
    routing_warnings: []
remembered:
  description:
    - The networks and containers that are persisted for the next boot, whether they exist now or not. Their addresses
      stay reserved.
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
    - A digest of the objects of this collection on the host. Given to M(virtnet.linux.topology) as its option
      C(planned_on), it prevents two concurrent runs from assigning one address or port twice.
  returned: always
  type: str
  sample: 3f1b9c0d5e7a2468
"""

from ansible_collections.virtnet.linux.plugins.module_utils.ansible.start import run_info


def main() -> None:
    run_info()


if __name__ == "__main__":
    main()
