# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks: their gateways, and conflicts with other networks, routes, links and addresses of the host."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable

from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.addresses import IPNetwork, lies_in, overlaps
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.spec import Network
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.observed import Live, LiveRoute
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.scope import Scope

BRIDGE_PORTS = 1023  # BR_MAX_PORTS less one, net/bridge/br_private.h


def settle_gateways(scope: Scope) -> None:
    """Settle gateways: a network that declares none keeps its current one, else gets the lowest address."""
    for network in _declared(scope):
        before = scope.live.networks.get(network.name)
        for version, subnet in network.subnets.items():
            if subnet.gateway is not None or network.policy.isolated:
                continue
            kept = before.subnets[version].gateway if before and version in before.subnets else None
            gateway = kept if kept is not None and subnet.has(kept) else subnet.first()
            network.subnets[version] = dataclasses.replace(subnet, gateway=gateway)


def check_networks(scope: Scope, problems: Problems) -> None:
    """Refuse overlapping subnets and bridge names in use."""
    _check_overlaps(scope, problems)
    _check_routes(scope, problems)
    _check_way_out(scope, problems)
    _check_bridges(scope, problems)
    _check_routers(scope, problems)


def check_bridge_sizes(scope: Scope, endpoints: Iterable[Network], problems: Problems) -> None:
    """Refuse more endpoints than a Linux bridge has ports; `endpoints` has the network of each desired one."""
    ports = Counter(network.name for network in endpoints)
    ports.update(name for container in scope.undeclared.values() for name in container.endpoints)
    for name, number in sorted(ports.items()):
        if number > BRIDGE_PORTS and scope.networks.get(name) is not None:
            problems.refuse(
                f"network {name}", "bridge", scope.networks[name].bridge,
                f"would have {number} containers, and a bridge has {BRIDGE_PORTS} ports; make two networks of it, and "
                "join them with connect:",
            )  # fmt: skip


def settled_mtu(scope: Scope, network: Network) -> int | None:
    """A network's desired MTU: as declared, or that of the uplinks; None where it is left unchanged."""
    return uplink_mtu(scope.live) if network.mtu is None and network.declared else network.mtu


def uplink_mtu(live: Live) -> int | None:
    """The smallest MTU of the uplinks (devices with a default route); None where there is none."""
    devices = {route.dev for route in live.routes if route.to.prefixlen == 0}
    return min(
        (one.mtu for one in live.interfaces.values() if one.name in devices and isinstance(one.mtu, int)), default=None
    )


def _declared(scope: Scope) -> list[Network]:
    """The networks that this run declares and that have a subnet of their own."""
    return [network for network in scope.networks.values() if network.declared and network.joins is None]


def _check_overlaps(scope: Scope, problems: Problems) -> None:
    blocks = [
        (subnet.network, name)
        for name, network in scope.networks.items()
        if network.is_valid and network.joins is None
        for subnet in network.subnets.values()
    ]
    for wide, narrow in overlaps(blocks):
        # The message names a network that this run declares, and so can change.
        (block, name), (taken, holder) = (narrow, wide) if scope.networks[narrow[1]].declared else (wide, narrow)
        if scope.networks[name].declared:
            field = "subnet6" if block.version == 6 else "subnet"
            problems.refuse(
                f"network {name}", field, str(block), f"overlaps with {taken} of network {holder}; choose another"
            )


def _check_routes(scope: Scope, problems: Problems) -> None:
    """Refuse a new subnet that would shadow addresses which the host reaches by another route."""
    ours = {network.bridge: network.name for network in scope.live.networks.values()}
    # Default routes are no conflict, nor are the two /1 routes with which VPNs override them.
    routes = [route for route in scope.live.routes if route.to.prefixlen > 1 and route.dev not in ours]
    for network in _declared(scope):
        before = scope.live.networks.get(network.name)
        for version, subnet in network.subnets.items():
            if not network.is_valid or (
                before and version in before.subnets and before.subnets[version].network == subnet.network
            ):
                continue
            field = "subnet6" if version == 6 else "subnet"
            others = [route for route in routes if route.dev != network.bridge and route.to.version == version]
            in_the_way = [route for route in others if route.to.overlaps(subnet.network)]
            for route in in_the_way:
                problems.refuse(
                    str(network), field, str(subnet.network),
                    f"overlaps with the host's route to {route.to} by {route.dev or 'no device'}; choose another",
                )  # fmt: skip
            for route in scope.live.other_routes:
                # the connected route is in the main table, and is more specific than a wider blackhole
                if route.dev not in ours and route.to.prefixlen > 1 and _goes_before(route, subnet.network, scope.live):
                    rule = "goes before the network's own; choose another subnet"
                    if route.table != 254:
                        rule = (
                            "is for the same addresses: this host reaches containers there, and nothing that the "
                            "route leads to; choose another subnet"
                        )
                    problems.warn(str(network), field, str(subnet.network), f"{route} to {route.to} {rule}")
            for interface in scope.live.interfaces.values():  # an address may have no route in main, as a /32 on lo
                for address in interface.addresses if not interface.ours and interface.name != network.bridge else []:
                    if address in subnet.network and not any(address in route.to for route in in_the_way):
                        problems.refuse(
                            str(network), field, str(subnet.network),
                            f"has the host's own address {address}, which {interface.name} has; choose another",
                        )  # fmt: skip


def _goes_before(route: LiveRoute, block: IPNetwork, live: Live) -> bool:
    """Whether a route of another table, or a blackhole, takes precedence for addresses of a new subnet. A VRF's table
    does not count: no rule but the l3mdev one looks it up, and its addresses are separate."""
    if route.table != 254 and (block.version, route.table) not in live.looked_up:
        return False
    if route.type == "unicast":
        return route.to.version == block.version and route.to.overlaps(block)
    return lies_in(route.to, block)


def _check_way_out(scope: Scope, problems: Problems) -> None:
    """Refuse networks on a host whose uplinks are all in a VRF: packets of its interfaces are looked up in the VRF's
    table, which has no route to a network."""
    own = {interface.name for interface in scope.live.interfaces.values() if interface.ours or interface.name == "lo"}
    vrfs = sorted({one.vrf for one in scope.live.interfaces.values() if one.vrf and one.addresses})
    if not vrfs or any(route.dev is not None and route.dev not in own for route in scope.live.routes):
        return
    rule = f"the host's only uplinks are in the VRF {', '.join(vrfs)}, where no network's packets get in or out"
    for network in _declared(scope):
        if network.is_valid and not network.internal:
            if network.name in scope.live.networks:  # it exists already: warn only
                problems.warn(str(network), "internal", False, f"{rule}; take them out of it")
            else:
                problems.refuse(
                    str(network), "internal", False, f"{rule}; take them out of the VRF, or set internal: true"
                )


def _check_bridges(scope: Scope, problems: Problems) -> None:
    holders: dict[str, str] = {network.bridge: name for name, network in scope.networks.items() if not network.declared}
    for network in scope.networks.values():
        if not network.declared:
            continue
        holder = holders.setdefault(network.bridge, network.name)
        interface = scope.live.interfaces.get(network.bridge)
        # a NIC that the kernel moved back (device) may have names that a container gave it: the engine deletes those
        others = [one for one in scope.live.interfaces.values() if one.device is None]
        owners = [one.name for one in others if network.bridge in one.altnames]
        if holder != network.name:
            problems.refuse(
                str(network), "bridge", network.bridge, f"is network {holder}'s bridge; choose another name"
            )
        elif interface is not None and not interface.ours:
            what = f"a {interface.kind}" if interface.kind else "an interface"
            problems.refuse(
                str(network), "bridge", network.bridge,
                f"the host has {what} of this name that was not made here; give the network another with bridge:",
            )  # fmt: skip
        elif interface is None and owners:
            problems.refuse(
                str(network), "bridge", network.bridge,
                f"is an alternative name of the host's {owners[0]}; give the network another with bridge:, or take it "
                f"away: ip link property del dev {owners[0]} altname {network.bridge}",
            )  # fmt: skip


def _check_routers(scope: Scope, problems: Problems) -> None:
    """Refuse routes of a network whose next hop is outside of it, or whose destination is inside."""
    for network in scope.networks.values():
        if not network.is_valid or not network.declared:
            continue
        listed = " or ".join(str(subnet.network) for subnet in network.subnets.values()) or "a subnet of the network"
        for route in network.routes:
            if not any(subnet.has(route.via) for subnet in network.subnets.values()):
                rule = f"must be an address in {listed}"
                problems.refuse(str(network), f"routes[{route.number}].via", str(route.via), rule)
            for subnet in network.subnets.values():
                if lies_in(route.to, subnet.network):
                    rule = f"lies in {subnet.network} of {network} itself, which its containers reach without it"
                    problems.refuse(str(network), f"routes[{route.number}].to", str(route.to), rule)
