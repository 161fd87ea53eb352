# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The planner of one host: a pure function from desired and observed state to a topology document.

    read_declaration, read_live   desired state, observed state                  (errors of single objects)
    merge                      objects to keep, objects to delete             (errors of names, of removal)
    settle_*                      segments, subnets, gateways, addresses, ports  (errors of values in use)
    check_*                       other objects of the host                      (errors of conflicts)
    _add_objects                  the objects, a list for each kind

All errors are found before the document is made; with errors it is empty, so that nothing is applied in part.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import (
    Bridge,
    BridgePolicy,
    ForeignFirewall,
    Netns,
    Peer,
    PublishedPort,
    Topology,
    Veth,
)
from ansible_collections.virtnet.linux.plugins.module_utils.rules import names
from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems
from ansible_collections.virtnet.linux.plugins.plugin_utils.checks.limits import warn_of_limits
from ansible_collections.virtnet.linux.plugins.plugin_utils.checks.networks import (
    check_bridge_sizes,
    check_networks,
    settle_gateways,
    settled_mtu,
)
from ansible_collections.virtnet.linux.plugins.plugin_utils.checks.nic_moves import check_nics, interfaces
from ansible_collections.virtnet.linux.plugins.plugin_utils.checks.policy import (
    foreign_firewall_rules,
    warn_of_dropping_firewalls,
)
from ansible_collections.virtnet.linux.plugins.plugin_utils.checks.publish import (
    Published,
    allowed_ports,
    allowed_ports_to_delete,
    ports_to_delete,
    settle_ports,
)
from ansible_collections.virtnet.linux.plugins.plugin_utils.checks.segments import (
    followers,
    patch_links_to_delete,
    planned_patch_links,
    settle_segments,
    share_subnets,
)
from ansible_collections.virtnet.linux.plugins.plugin_utils.checks.switches import (
    check_switches,
    is_tagged,
    planned_switches,
    settle_drivers,
    switches_to_delete,
)
from ansible_collections.virtnet.linux.plugins.plugin_utils.checks.undeclared import check_undeclared
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.declaration import read_declaration
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.spec import Declaration, Network
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.switches import LINUX
from ansible_collections.virtnet.linux.plugins.plugin_utils.ipam.endpoints import (
    Endpoint,
    bridge_mac,
    settle_endpoints,
    settle_macs,
)
from ansible_collections.virtnet.linux.plugins.plugin_utils.ipam.pools import settle_subnets
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.observed import (
    Live,
    LiveAllowedPort,
    LivePort,
    read_live,
)
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.scope import Scope, merge, owners_of_namespaces
from ansible_collections.virtnet.linux.plugins.plugin_utils.plan.naming import network_names, resolvers

_ANY_SOURCE = ["0.0.0.0/0", "::/0"]  # a router forwards packets with any source address


@dataclasses.dataclass
class Plan:
    """A host's plan: errors (then the topology is empty), warnings, and its topology document."""

    errors: list[str]
    warnings: list[str]
    topology: Topology

    def plain(self) -> dict[str, Any]:
        """The plan as plain data, as filters return it."""
        return {"errors": self.errors, "warnings": self.warnings, "topology": self.topology.plain()}


def plan(declared: object, live: object) -> Plan:
    """Plan the objects of the desired state, given the observed state.

    :param declared: {networks: [...], containers: [...], purge: bool, role: str, host: str, address_pools: [{base,
        size}], manage_foreign_firewall: bool, unprivileged_ports: bool, variables: [str]}, unconverted; without
        address_pools every network has to name its subnet
    :param live: what the module network_info returned
    """
    problems = Problems()
    declaration = read_declaration(declared, problems)
    return plan_declaration(declaration, read_live(live, problems), problems)


def plan_declaration(declaration: Declaration, live: Live, problems: Problems) -> Plan:
    """Plan a declaration that has been read; ``problems`` has its errors, and gets those of the plan."""
    scope = merge(declaration, live, problems)
    settle_drivers(scope)
    settle_segments(scope, problems)
    settle_subnets(scope, declaration.address_pools, problems)
    settle_gateways(scope)
    share_subnets(scope)
    check_networks(scope, problems)
    check_switches(scope, problems)
    check_undeclared(scope, problems)
    check_nics(scope, problems)
    joins = _settle_joins(scope, problems)
    endpoints = settle_endpoints(scope, problems)
    check_bridge_sizes(scope, [endpoint.network for endpoint in endpoints], problems)
    published = settle_ports(scope, endpoints, problems)
    warn_of_limits(scope, endpoints, problems)
    warn_of_dropping_firewalls(scope, declaration.manage_foreign_firewall, problems)
    topology = Topology()
    if not problems.errors:
        settle_macs(scope, endpoints)
        _add_objects(topology, scope, joins, endpoints, published)
        topology.network_names = network_names(scope, endpoints)
        topology.resolver = resolvers(scope, joins)
        to_add, to_remove = foreign_firewall_rules(scope, declaration.manage_foreign_firewall)
        topology.foreign_firewall = [ForeignFirewall(bridge=bridge, state="present") for bridge in to_add]
        topology.foreign_firewall += [ForeignFirewall(bridge=bridge, state="absent") for bridge in to_remove]
    return Plan(list(problems.errors), list(problems.warnings), topology)


def _settle_joins(scope: Scope, problems: Problems) -> dict[str, str]:
    """The owner of the shared network namespace, of each container that has none of its own."""
    joins = {}
    owners, reasons = owners_of_namespaces(scope, problems)
    for name, container in scope.declared.items():
        if name in reasons:
            problems.refuse(str(container), "network_mode", container.network_mode, reasons[name])
        elif not container.owns_namespace:
            joins[name] = owners[name]
    return joins


def _add_objects(
    topology: Topology, scope: Scope, joins: dict[str, str], endpoints: list[Endpoint], published: list[Published]
) -> None:
    networks = [network for network in scope.networks.values() if network.declared]
    old_bridges, old_pairs = _old_bridges(scope), patch_links_to_delete(scope) + _old_veths(scope)
    old_ports, opened = ports_to_delete(scope, published, endpoints), allowed_ports(endpoints)
    topology.netns = _namespaces(scope, joins)
    topology.bridge = planned_switches(scope) + [_bridge(scope, network) for network in networks]
    topology.bridge += [Bridge(name=name, state="absent") for name in [*old_bridges, *switches_to_delete(scope)]]
    topology.veth = _patch_links(scope) + [_veth(scope, endpoint) for endpoint in endpoints]
    topology.veth += [Veth(name=name, state="absent") for name in old_pairs]
    topology.interface = interfaces(scope)
    topology.bridge_policy = [_policy(network) for network in networks + followers(scope)]
    gone = old_bridges + _missing_bridges(scope)
    topology.bridge_policy += [BridgePolicy(bridge=name, state="absent") for name in gone]
    topology.nat_port = [_nat_port(one) for one in published] + [_no_nat_port(port) for port in old_ports]
    topology.nat_port += [_allowed_port(one, "present") for one in opened]
    topology.nat_port += [_allowed_port(one, "absent") for one in allowed_ports_to_delete(scope, opened)]


def _namespaces(scope: Scope, joins: dict[str, str]) -> list[Netns]:
    """Plan namespaces: first those that containers own, then those that share one."""
    found = []
    for name in sorted(scope.declared, key=lambda name: name in joins):
        container = scope.declared[name]
        # a changed label lets the engine apply it without reading sysctls inside each namespace
        unprivileged = {"unprivileged_ports": "no"} if container.unprivileged_ports is False else {}
        one = Netns(
            name=name,
            forwarding=container.forwarding,
            sysctls=container.sysctls or None,
            unprivileged_ports=container.unprivileged_ports,
            join=joins.get(name),
            pid=container.pid,
            labels={"role": scope.role, "mode": container.network_mode, **unprivileged},
            state="present",
        )
        found.append(one.replace(force=True) if container.force else one)
    for name in sorted(scope.containers_to_delete):
        if scope.containers_to_delete[name].named:
            one = Netns(name=name, state="absent")
            found.append(one.replace(force=True) if scope.is_forced(name) else one)
    return found


def _bridge(scope: Scope, network: Network) -> Bridge:
    return Bridge(
        name=network.bridge,
        addresses=[
            f"{subnet.gateway}/{subnet.network.prefixlen}"
            for subnet in network.subnets.values()
            if subnet.gateway is not None and network.primary is None
        ],
        mac=bridge_mac(network),
        mtu=settled_mtu(scope, network),
        stp=network.stp,
        driver=None if network.placement.driver == LINUX else network.placement.driver,
        switch=network.placement.switch,
        vlan=network.placement.vlan,
        up=True,
        labels={
            **network.labels,
            "role": scope.role,
            "network": network.name,
            **({"joins": network.primary.name} if network.primary else {}),
        },
        state="present",
    )


def _patch_links(scope: Scope) -> list[Veth]:
    return [
        Veth(
            name=names.patch_device(near.name, far.name),
            bridge=near.bridge,
            mtu=settled_mtu(scope, near),
            labels={"role": scope.role, "patch": patch_link.label},
            peer=Peer(name=names.patch_device(far.name, near.name), bridge=far.bridge),
            state="present",
        )
        for near, far, patch_link in planned_patch_links(scope)
    ]


def _veth(scope: Scope, endpoint: Endpoint) -> Veth:
    container, network = endpoint.container, endpoint.network
    guards = network.anti_spoofing if endpoint.attachment.anti_spoofing is None else endpoint.attachment.anti_spoofing
    return Veth(
        name=names.veth_device(container.name, network.name),
        bridge=network.bridge,
        mtu=settled_mtu(scope, network),
        trunks=endpoint.attachment.trunks if is_tagged(network) else None,
        anti_spoofing=guards,
        allowed_addresses=_ANY_SOURCE if container.forwarding else endpoint.attachment.allowed_addresses,
        labels={
            "network": network.name,
            "container": container.name,
            "interface": endpoint.interface,
            **({"aliases": "+".join(endpoint.attachment.aliases)} if endpoint.attachment.aliases else {}),
            **({} if guards and not container.forwarding else _assigned(endpoint)),
        },
        peer=Peer(
            name=endpoint.interface,
            netns=container.name,
            mac=endpoint.mac,
            addresses=endpoint.interfaces(),
            gateway=_text(endpoint.gateways.get(4)),
            gateway6=_text(endpoint.gateways.get(6)),
            routes=[route.desired() for route in endpoint.routes],
        ),
        state="present",
    )


def _assigned(endpoint: Endpoint) -> dict[str, str]:
    """Labels with the assigned MAC and addresses, for a port without anti-spoofing or with any address: addresses
    configured inside the container are not trusted."""
    addresses = "+".join(interface.split("/")[0] for interface in endpoint.interfaces())
    return {"addresses": addresses, "mac": endpoint.mac or ""}


def _policy(network: Network) -> BridgePolicy:
    mode, mode6 = network.policy.gateway_mode, network.policy.gateway_mode6
    if network.primary is not None:
        # The host is attached to the segment by the gateway bridge: no ingress or egress by this one.
        return BridgePolicy(
            bridge=network.bridge,
            subnets=[],
            masquerade=network.masquerade,
            internal=network.internal,
            icc=network.icc,
            gateway_mode="isolated",
            trusted_interfaces=[],
            uplinks=[],
            state="present",
        )
    return BridgePolicy(
        bridge=network.bridge,
        subnets=[str(subnet.network) for subnet in network.subnets.values()],
        masquerade=network.masquerade,
        internal=network.internal,
        icc=network.icc,
        gateway_mode6=None if mode6 == mode else mode6,
        snat_address=_text(network.policy.snat.get(4)),
        snat_address6=_text(network.policy.snat.get(6)),
        trusted_interfaces=network.policy.trusted or None,
        uplinks=network.policy.uplinks or None,
        state="present",
        **({} if mode == "nat" else {"gateway_mode": mode}),
    )


def _nat_port(published: Published) -> PublishedPort:
    return PublishedPort(
        protocol=published.protocol,
        host_ip=_text(published.host_ip),
        host_port=str(published.host),
        to_address=str(published.to_address),
        to_port=str(published.to),
        bridge=published.bridge,
        state="present",
    )


def _allowed_port(allowed_port: LiveAllowedPort, state: str) -> PublishedPort:
    return PublishedPort(
        protocol=allowed_port.protocol,
        to_address=str(allowed_port.address),
        to_port=str(allowed_port.port),
        bridge=allowed_port.bridge,
        state=state,
    )


def _no_nat_port(port: LivePort) -> PublishedPort:
    return PublishedPort(
        protocol=port.protocol,
        host_ip=_text(port.host_ip),
        host_port=str(port.host_port),
        to_address=str(port.to_address),
        to_port=str(port.to_port),
        bridge=port.bridge,
        state="absent",
    )


def _old_veths(scope: Scope) -> list[str]:
    """Host ends of existing endpoints that are not desired."""
    return sorted(
        endpoint.veth
        for name, container in scope.live.containers.items()
        if name not in scope.undeclared
        for network, endpoint in container.endpoints.items()
        if not scope.attached(name, network)
    )


def _old_bridges(scope: Scope) -> list[str]:
    """Bridges of networks to delete, and old bridges of networks whose bridge has another name now."""
    used = {network.bridge for network in scope.networks.values()}
    return sorted({network.bridge for network in scope.live.networks.values()} - used)


def _missing_bridges(scope: Scope) -> list[str]:
    """Bridges of absent networks that were deleted out of band, and that the firewall still has policies for."""
    absent = {network.bridge for network in scope.absent_networks.values()}
    return [bridge for bridge in scope.live.missing_bridges if bridge in absent]


def _text(value: object) -> str | None:
    return None if value is None else str(value)
