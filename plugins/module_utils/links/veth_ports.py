# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's ends of veth pairs as ports of the firewall: bridges, guards (anti-spoofing), reflecting ports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.links import settings
from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import Guard, Port, State
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Veth
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.link import Link
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip

_ANY_SOURCE = "0.0.0.0/0"  # as an allowed address: anti-spoofing checks the MAC only


_MOST_ADDRESSES = 16  # of one endpoint without anti-spoofing


def update_patch_links(declared: list[Veth], state: State, host: Host) -> None:
    """Apply patch links to the desired firewall state: the first end is a port of its bridge, the other one only where
    it is a reflecting port (hairpin)."""
    for near in declared:
        if not near.is_present or not near.is_patch_link:
            continue
        far = near.far
        state.ports.pop(far.name, None)
        ends = ((near.name, near.bridge or "", far.bridge), (far.name, far.bridge or "", near.bridge))
        for name, bridge, other in ends:
            reflecting = is_reflecting(bridge, other, host)
            if bridge in state.policies and (name == near.name or reflecting):
                state.ports[name] = Port(name, bridge, reflecting=reflecting)


def update_undeclared(declared: list[Veth], state: State, host: Host) -> None:
    """Update the ports of undeclared endpoints of declared containers, whose other bridges may have changed."""
    for netns, near, bridge in _undeclared(declared, host):
        port = state.ports.get(near.name)
        if port is not None:
            elsewhere = tuple(
                sorted(host.bridges_of_containers[netns] - {host.gateway_bridges.get(bridge, bridge), bridge})
            )
            known = port.addresses or _addresses_of(netns, near, bridge, state, host)
            state.ports[near.name] = port._replace(addresses=known if elsewhere else (), also_on=elsewhere)


def bridges_of_containers(declared: list[Veth], host: Host) -> dict[str | None, set[str]]:
    """Return the bridges on which each declared container has endpoints, undeclared ones included; of bridges with
    patch links, the gateway bridge."""
    found: dict[str | None, set[str]] = {}
    for desired in _present_endpoints(declared):
        bridge = desired.on_bridge
        found.setdefault(desired.far.netns, set()).add(host.gateway_bridges.get(bridge, bridge))
    for netns, _near, bridge in _undeclared(declared, host):
        found[netns].add(host.gateway_bridges.get(bridge, bridge))
    return found


def _present_endpoints(declared: list[Veth]) -> list[Veth]:
    return [desired for desired in declared if desired.is_present and desired.is_endpoint]


def _undeclared(declared: list[Veth], host: Host) -> Iterator[tuple[str, Link, str]]:
    """Yield the undeclared endpoints that stay of declared containers: namespace, the host's end, and its bridge."""
    own, named = host.stack(None), {desired.name for desired in declared if desired.netns is None}
    others = [near for near in own.links.values() if _is_host_end(near) and near.name not in named]
    staying = [near for near in others if (None, near.name) not in host.links_to_delete]
    by_nsid: dict[int | None, list[Link]] = {}
    for near in staying:
        by_nsid.setdefault(near.peer_namespace, []).append(near)
    for netns in dict.fromkeys(desired.far.netns for desired in _present_endpoints(declared)):
        if netns is None or netns not in host.handles or netns in host.namespaces_to_delete:
            continue
        for near in by_nsid.get(host.nsid(None, netns), []) if by_nsid else []:
            bridge = own.link_at(near.master)
            if bridge is not None:
                yield netns, near, bridge.name


def _is_host_end(link: Link) -> bool:
    return link.kind == "veth" and link.ours and link.peer_namespace is not None and link.master is not None


def _addresses_of(netns: str, near: Link, bridge: str, state: State, host: Host) -> tuple[str, ...]:
    """Return the addresses of an endpoint: those of its guard. Without one, addresses configured inside the container
    count if they are in the bridge's subnets and not those of a guarded endpoint."""
    guard = state.guards.get(near.name)
    if guard is not None:
        return guard.addresses
    policy = state.policies.get(bridge)
    subnets = [ip.network(subnet) for subnet in policy.subnets] if policy is not None else []
    taken = {address for other in state.guards.values() for address in other.addresses}
    stack = host.stack(netns)
    given = [address.split("/", maxsplit=1)[0] for address in stack.addresses_of(near.peer_index or 0)]
    plausible = {one for one in given if one not in taken and any(ip.address(one) in subnet for subnet in subnets)}
    return tuple(sorted(plausible)[:_MOST_ADDRESSES])


def is_reflecting(near: str | None, far: str | None, host: Host) -> bool:
    """Return whether this end of a patch link is a reflecting port: a translated packet may leave by the end by which
    it came in, because this is the gateway bridge and the other one is attached to it. Never both ends: they would loop
    broadcasts."""
    return near not in host.gateway_bridges and far in host.gateway_bridges


def firewall_port(desired: Veth, also_on: set[str], is_closed: bool) -> Port:
    """Return an endpoint as the firewall's port; ``also_on`` are the other bridges of its container's endpoints,
    ``is_closed`` says that the host's own stack receives nothing by it."""
    elsewhere = tuple(sorted(also_on - {desired.bridge}))
    addresses = plain_addresses(desired) if elsewhere else ()
    return Port(desired.name, desired.on_bridge, addresses, elsewhere, is_closed=is_closed)


def desired_guard(desired: Veth, host: Host) -> Guard | None:
    """Return the anti-spoofing guard of the port, if enabled; where any source address is allowed, the MAC only. Where
    no addresses are declared, those of the existing guard stay."""
    if not desired.anti_spoofing or not desired.is_endpoint or desired.far.mac is None:
        return None
    allowed = tuple(sorted(settings.normal_network(network) for network in desired.allowed_addresses or []))
    mac = desired.far.mac.lower()
    if _ANY_SOURCE in allowed:
        return Guard(desired.name, desired.on_bridge, mac, addresses_checked=False)
    addresses = plain_addresses(desired)
    if desired.far.addresses is None:
        guard = host.firewall.state.guards.get(desired.name)
        addresses = () if guard is None else guard.addresses
    return Guard(desired.name, desired.on_bridge, mac, addresses, allowed)


def has_no_addresses_to_guard(desired: Veth, host: Host) -> bool:
    """Return whether anti-spoofing needs addresses, but the existing port has neither declared ones nor a guard."""
    if desired.far.addresses is not None or _ANY_SOURCE in (desired.allowed_addresses or []):
        return False
    near = host.stack(None).links.get(desired.name)
    return near is not None and desired.name not in host.firewall.state.guards


def shown_guard(found: Guard | None) -> dict[str, Any]:
    """Return a guard in terms of the module's options."""
    if found is None:
        return {"anti_spoofing": False}
    allowed = list(found.allowed_addresses) if found.addresses_checked else [_ANY_SOURCE]
    return {
        "anti_spoofing": True,
        "guarded_mac": found.mac,
        "guarded_addresses": list(found.addresses),
        "allowed_addresses": allowed,
    }


def plain_addresses(desired: Veth) -> tuple[str, ...]:
    addresses = desired.far.addresses or []
    return tuple(sorted(settings.normal_address(address).split("/", maxsplit=1)[0] for address in addresses))
