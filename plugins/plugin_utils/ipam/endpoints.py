# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Endpoints: address, MAC, interface name and routes of each container on each of its networks.

An existing endpoint keeps its values, whatever is added or removed around it; a new one gets the lowest free address.
Of two existing ones with the same address or MAC, the one with anti-spoofing keeps it: its address is verified. The
plan is deterministic and idempotent: the same desired and observed state always give the same endpoints.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from ansible_collections.virtnet.linux.plugins.module_utils.rules import names
from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems, enumerate_names
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.addresses import (
    Address,
    Pool,
    Subnet,
    lies_in,
)
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.routes import Route
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.spec import Attachment, Container, Network
from ansible_collections.virtnet.linux.plugins.plugin_utils.ipam import allocation
from ansible_collections.virtnet.linux.plugins.plugin_utils.ipam.allocation import (
    ADDRESS_FIELDS,
    Claimant,
    warn_of_lost_address,
)
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.observed import LiveEndpoint
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.scope import Scope

_DISABLE_IPV6 = "net.ipv6.conf.{}.disable_ipv6"


@dataclass
class Endpoint:
    """The desired state of one container's attachment to one network."""

    container: Container
    network: Network
    attachment: Attachment
    live: LiveEndpoint | None
    addresses: dict[int, Address] = field(default_factory=dict)  # by IP version
    interface: str = ""
    mac: str = ""
    gateways: dict[int, Address] = field(default_factory=dict)  # by IP version: the next hops of its default routes
    routes: list[Route] = field(default_factory=list)

    def interfaces(self) -> list[str]:
        """The addresses with their prefix lengths, IPv4 first."""
        return [
            f"{address}/{self.network.subnets[version].network.prefixlen}"
            for version, address in self.addresses.items()
        ]


def settle_endpoints(scope: Scope, problems: Problems) -> list[Endpoint]:
    """Settle the endpoints of declared containers, by container and network in declared order; MACs: settle_macs()."""
    endpoints = []
    for container in scope.declared.values():
        live = scope.live.containers.get(container.name)
        for attachment in container.attachments:
            if attachment.network in scope.networks:
                before = live.endpoints.get(attachment.network) if live else None
                endpoints.append(Endpoint(container, scope.networks[attachment.network], attachment, before))
    on_segment: dict[str, list[Endpoint]] = {}
    of_container: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        on_segment.setdefault(endpoint.network.segment.name, []).append(endpoint)
        of_container.setdefault(endpoint.container.name, []).append(endpoint)
    for name, network in scope.networks.items():
        if network.segment is not network:
            continue
        members = on_segment.get(name, [])
        _check_macs(scope, network, members, problems)
        if network.is_valid:
            _check_families(network, members, problems)
            for subnet in network.subnets.values():
                _settle_addresses(scope, network, subnet, members, problems)
    for container in scope.declared.values():
        own = of_container.get(container.name, [])
        _check_segments(container, own, problems)
        _settle_interfaces(container, own, problems)
        _check_sysctls(container, own, problems)
        _settle_gateways(container, own)
        _settle_routes(container, own, problems)
    return endpoints


def bridge_mac(network: Network) -> str:
    """The bridge's MAC, derived from the gateway address: the same on every host, whatever ports are added or removed.

    For a network that joins another it is derived from the name: the gateway is on another bridge of the segment.
    """
    gateway = network.subnets[4].gateway if 4 in network.subnets and network.primary is None else None
    return names.mac_of_ipv4(str(gateway)) if gateway else names.mac_of_names(network.name)


def settle_macs(scope: Scope, endpoints: list[Endpoint]) -> None:
    """Settle each endpoint's MAC: the declared, current or derived one, unique in a segment."""
    taken: dict[str, set[str]] = {}
    for network in scope.networks.values():
        used = taken.setdefault(network.segment.name, set(_undeclared_macs(scope, network.segment)))
        used.add(bridge_mac(network))
    for endpoint in endpoints:
        if endpoint.attachment.mac:
            endpoint.mac = endpoint.attachment.mac
            taken[endpoint.network.segment.name].add(endpoint.mac)
    # Existing endpoints first: a MAC derived for a new endpoint must not be in use.
    for endpoint in _most_certain_first(endpoints):
        if not endpoint.mac:
            used = taken[endpoint.network.segment.name]
            endpoint.mac = next(mac for mac in _possible_macs(endpoint) if mac not in used)
            used.add(endpoint.mac)


def _most_certain_first(endpoints: list[Endpoint]) -> list[Endpoint]:
    """Sort endpoints: those with anti-spoofing, other existing ones, new ones."""
    return sorted(endpoints, key=lambda one: (one.live is None, one.live is None or not one.live.guarded))


def _possible_macs(endpoint: Endpoint) -> Iterator[str]:
    if endpoint.live is not None and endpoint.live.mac:
        yield endpoint.live.mac
    yield from allocation.possible_macs(endpoint.addresses, endpoint.container.name, endpoint.network.name)


def _undeclared_macs(scope: Scope, segment: Network) -> dict[str, str]:
    """MACs of the undeclared endpoints, with their containers."""
    return {endpoint.mac: name for name, endpoint in scope.undeclared_on(segment) if endpoint.mac}


def _check_segments(container: Container, endpoints: list[Endpoint], problems: Problems) -> None:
    """Refuse two interfaces of one container in one subnet: each answers ARP for the other."""
    first: dict[str, str] = {}
    for endpoint in endpoints:
        network = endpoint.network
        other = first.setdefault(network.segment.name, network.name)
        if other != network.name:
            rule = f"is one segment with {other}, on which the container is already; keep one of them"
            problems.refuse(str(container), "networks", network.name, rule)


def _check_macs(scope: Scope, network: Network, members: list[Endpoint], problems: Problems) -> None:
    holders = {mac: f"container {name}" for mac, name in _undeclared_macs(scope, network).items()}
    if network.is_valid and any(member.attachment.mac for member in members) and names.is_object_name(network.name):
        holders[bridge_mac(network)] = f"the gateway of {network}"
    for member in _most_certain_first(members):
        if member.live is not None and member.live.mac and member.attachment.mac in (None, member.live.mac):
            holders.setdefault(member.live.mac, str(member.container))
    for member in members:
        who, mac = str(member.container), member.attachment.mac
        if mac and holders.setdefault(mac, who) != who:
            rule = f"is taken on {network} by {holders[mac]}; choose another, or none{scope.or_remove(holders[mac])}"
            problems.refuse(who, "mac_address", mac, rule)


def _check_families(network: Network, members: list[Endpoint], problems: Problems) -> None:
    """Refuse a static address without a subnet of its family."""
    for member in members:
        for version, address in member.attachment.addresses.items():
            if version not in network.subnets:
                word = "enable_ipv6: true or subnet6" if version == 6 else "subnet"
                problems.refuse(
                    str(member.container), ADDRESS_FIELDS[version], str(address),
                    f"{network} has no IPv{version} subnet; give the network {word}",
                )  # fmt: skip


def _settle_addresses(
    scope: Scope, network: Network, subnet: Subnet, members: list[Endpoint], problems: Problems
) -> None:
    """Settle one family of one network."""
    pool, version = Pool(subnet), subnet.version
    before = scope.live.networks.get(network.name)
    if subnet.gateway is not None and before and version in before.subnets:
        if subnet.gateway == before.subnets[version].gateway:
            pool.hold(subnet.gateway, allocation.THE_GATEWAY)  # an endpoint that has it too is in conflict
    undeclared = [
        Claimant(f"container {name}", "", live.addresses.get(version), None, problems, (not live.guarded,), True, False)
        for name, live in scope.undeclared_on(network)
    ]
    claimants = [_claimant(member, version, problems) for member in members]
    allocation.keep_existing(pool, [*undeclared, *claimants])
    allocation.claim(pool, network, claimants, problems, scope.or_remove)
    _reserve_for_absent(scope, network, pool, problems)
    needy = allocation.needy(claimants)
    if network.name in scope.live.overlays and not network.declared:
        _refuse_to_give(network, pool, needy, problems)
    elif left_out := allocation.give_free(pool, needy):
        _refuse_full(network, pool, [one.thing.removeprefix("container ") for one in left_out], problems)
    for member, claimant in zip(members, claimants, strict=True):
        if claimant.address is not None:
            member.addresses[version] = claimant.address
        member.addresses = dict(sorted(member.addresses.items()))


def _claimant(member: Endpoint, version: int, problems: Problems) -> Claimant:
    live, who = member.live, str(member.container)
    return Claimant(
        holder=who,
        thing=who,
        live=live.addresses.get(version) if live is not None else None,
        declared=member.attachment.addresses.get(version),
        problems=problems,
        precedence=(live is None or not live.guarded,),
    )


def _refuse_to_give(network: Network, pool: Pool, needy: list[Claimant], problems: Problems) -> None:
    """Refuse dynamic addresses on an overlay: they are unique over all its hosts, of which this plan knows one."""
    for one in needy:
        problems.refuse(
            one.thing, ADDRESS_FIELDS[pool.subnet.version], None,
            f"{network} is an overlay, and other hosts have addresses of it: run the role overlay_network before "
            "this one in the same play, so that it gets one, or declare one",
        )  # fmt: skip


def _reserve_for_absent(scope: Scope, network: Network, pool: Pool, problems: Problems) -> None:
    """Keep the static address of a container reserved while it is declared absent."""
    for container in scope.absent.values():
        for attachment in container.attachments:
            address = attachment.addresses.get(pool.subnet.version)
            on_it = attachment.network in scope.networks and scope.networks[attachment.network].segment is network
            if on_it and address is not None:
                pool.hold(address, str(container))
                warn_of_lost_address(container, address, pool, problems)


def _refuse_full(network: Network, pool: Pool, left_out: list[str], problems: Problems) -> None:
    subnet = pool.subnet
    suffix = "6" if subnet.version == 6 else ""
    field = ("ip_range" if subnet.ip_range is not None else "subnet") + suffix
    holders = pool.holders()
    problems.refuse(
        str(network), field, str(subnet),
        f"is full: its {len(holders)} addresses are held by {enumerate_names(holders)}; none is left for "
        f"{enumerate_names(left_out)}; give a wider one, or remove containers",
    )  # fmt: skip


def _settle_interfaces(container: Container, endpoints: list[Endpoint], problems: Problems) -> None:
    """Settle interface names: eth0, eth1 and so on in the order of the networks; existing interfaces keep theirs."""
    nics = {nic.name for nic in container.nics}
    taken: set[str] = set()
    for endpoint in endpoints:
        name = endpoint.attachment.interface
        if name is None:
            continue
        if name in taken:
            problems.refuse(
                str(endpoint.container),
                "interface_name",
                name,
                f"is taken by another network of it; choose another on {endpoint.network}",
            )
        taken.add(name)
        endpoint.interface = name
    for endpoint in endpoints:
        kept = endpoint.live.interface if endpoint.live is not None else None
        if not endpoint.interface and kept and kept not in taken | nics:
            endpoint.interface = kept
            taken.add(kept)
    free = (f"eth{number}" for number in itertools.count())
    for endpoint in endpoints:
        if not endpoint.interface:
            endpoint.interface = next(name for name in free if name not in taken | nics)


def _check_sysctls(container: Container, endpoints: list[Endpoint], problems: Problems) -> None:
    """Refuse sysctls of links that are not declared (a process's namespace may have others), and disabled IPv6 on an
    IPv6 network: the kernel removes the addresses then, so that runs would not be idempotent."""
    links = {"lo", *(endpoint.interface for endpoint in endpoints), *(nic.name for nic in container.nics)}
    for key, value in container.sysctls.items():
        link = names.link_of_sysctl(key)
        if link is not None and link not in links and container.owns_namespace and container.pid is None:
            rule = f"the container has no interface {link}; it has {enumerate_names(sorted(links))}"
            problems.refuse(str(container), f"sysctls.{key}", value, rule)
        for endpoint in endpoints if str(value) != "0" else []:
            places = ("all", "default", endpoint.interface)
            if 6 in endpoint.network.subnets and key.replace("/", ".") in map(_DISABLE_IPV6.format, places):
                subnet6 = endpoint.network.subnets[6].network
                rule = f"cannot be combined with {endpoint.network}, which has subnet6 {subnet6}"
                problems.refuse(str(container), f"sysctls.{key}", value, f"{rule}; leave one of the two out")


def _settle_gateways(container: Container, endpoints: list[Endpoint]) -> None:
    """Settle the default route of each family: by the NIC that has a gateway, else by the first network that has the
    family and is not internal."""
    for version in (4, 6):
        if any(version in nic.gateways for nic in container.nics):
            continue
        for endpoint in endpoints:
            subnet = endpoint.network.subnets.get(version)
            if subnet is not None and subnet.default_route is not None and not endpoint.network.internal:
                endpoint.gateways[version] = subnet.default_route
                break


def _settle_routes(container: Container, endpoints: list[Endpoint], problems: Problems) -> None:
    """Settle routes: the container's own, then those of its networks in order, to destinations without a route."""
    near = {subnet.network: str(one.network) for one in endpoints for subnet in one.network.subnets.values()}
    near.update({one.network: f"interface {nic.name}" for nic in container.nics for one in nic.addresses or []})
    taken = {route.place for nic in container.nics for route in nic.routes}
    for route in container.routes:
        where = next((name for block, name in near.items() if lies_in(route.to, block)), None)
        on = next(
            (one for one in endpoints if any(subnet.has(route.via) for subnet in one.network.subnets.values())), None
        )
        if where is not None:
            rule = f"lies in the subnet of its own {where}, which it reaches without a route"
            problems.refuse(str(container), f"routes[{route.number}].to", str(route.to), rule)
        elif on is None:
            if all(one.network.is_valid for one in endpoints) and container.owns_namespace and container.whole:
                rule = "must be an address on one of its networks"
                problems.refuse(str(container), f"routes[{route.number}].via", str(route.via), rule)
        elif route.place in taken:
            rule = "is there with the same metric in interfaces; keep one, or give one of them another metric"
            problems.refuse(str(container), f"routes[{route.number}].to", str(route.to), rule)
        else:
            on.routes.append(route)
            taken.add(route.place)
    own = {address for endpoint in endpoints for address in endpoint.addresses.values()}
    for endpoint in endpoints:
        inherited = endpoint.network.primary.routes if endpoint.network.primary is not None else []
        offered = {route.place: route for route in [*inherited, *endpoint.network.routes]}
        for place, route in offered.items():
            if place not in taken and route.via not in own and not any(lies_in(route.to, block) for block in near):
                endpoint.routes.append(route)
                taken.add(place)
