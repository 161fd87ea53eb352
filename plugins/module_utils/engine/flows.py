# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Flows in conntrack that the firewall's new state no longer permits or translates otherwise: they would go on, because
the firewall accepts established flows."""

from __future__ import annotations

from typing import Any, TypeVar

from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import NatPort, Policy, State
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import conntrack
from ansible_collections.virtnet.linux.plugins.module_utils.nft.elements import bridge_of
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip

_Key = TypeVar("_Key")


def remember(host: Host, before: State, desired: State) -> set[tuple[str, int]]:
    """Record in the runtime state which flows to delete, before the firewall changes: if the run is killed after that,
    the next one deletes them. Return protocol and port of those that forget_ports() deletes."""
    changed = _ports_to_forget(before, desired)
    changed.update((protocol, port) for protocol, port in host.memory["to_forget"].values())
    host.memory["to_forget"].update({"%s %d" % port: port for port in changed if port[0] != "tcp"})
    host.memory["networks_to_forget"].update(dict.fromkeys(_networks_to_delete(before, desired), True))
    host.memory["networks_to_part"].update(dict.fromkeys(_networks_parted(before, desired), True))
    host.memory.save()
    return changed


def forget_ports(host: Host, changed: set[tuple[str, int]]) -> None:
    """Delete the flows of ports, after the firewall has changed: a packet in between would recreate the old entry."""
    conntrack.forget(changed)
    host.memory["to_forget"].clear()


def forget_networks(host: Host) -> None:
    """Delete the flows of networks and addresses that were recorded."""
    gone, isolated = host.memory["networks_to_forget"], host.memory["networks_to_part"]
    if gone or isolated:
        conntrack.forget_networks(gone, isolated)
        gone.clear()
        isolated.clear()


def _differing(before: dict[_Key, Any], after: dict[_Key, Any]) -> list[_Key]:
    return [key for key in set(before) | set(after) if before.get(key) != after.get(key)]


def _ports_to_forget(before: State, desired: State) -> set[tuple[str, int]]:
    """Return protocol and destination port of flows whose translation or ingress changes."""
    found = {(protocol, port) for protocol, _address, port in _differing(before.nat_ports, desired.nat_ports)}
    found.update(
        (protocol, port) for protocol, _address, port in _differing(before.allowed_ports, desired.allowed_ports)
    )
    for key, port in before.nat_ports.items():
        if desired.nat_ports.get(key) != port and _is_open(port, before):
            found.add((port.protocol, port.to_port))  # reached directly, without DNAT
    found.update(("udp", port) for port in desired.tunnel_ports - before.tunnel_ports)
    return found


def _is_open(port: NatPort, state: State) -> bool:
    """Return whether the container's own port is an allowed port as well (gateway mode routed)."""
    policy = state.policies.get(bridge_of(port, state.policies) or "")
    return policy is not None and policy.mode(ip.version_of(port.to_address)) == "routed"


def _networks_to_delete(before: State, desired: State) -> set[str]:
    """Return the subnets of networks that are deleted or closed to established flows, and the addresses that endpoints
    no longer have."""
    kept = {ip.network(subnet) for policy in desired.policies.values() for subnet in policy.subnets}
    subnets = {subnet for policy in before.policies.values() for subnet in policy.subnets}
    removed = {subnet for subnet in subnets if not any(ip.network(subnet).overlaps(one) for one in kept)}
    for bridge_name, policy in before.policies.items():
        if bridge_name in desired.policies and _closes(policy, desired.policies[bridge_name]):
            removed.update(policy.subnets)
    for name, guard in before.guards.items():
        now = desired.guards.get(name)
        if name not in desired.ports or (now is not None and now.addresses_checked):
            removed.update(guard.addresses)
    return removed.difference(*(guard.addresses for guard in desired.guards.values()))


def _closes(before: Policy, after: Policy) -> bool:
    """Return whether ingress or egress of the network is reduced; established flows have to be deleted then, because
    the firewall accepts them."""
    modes = any(before.mode(version) != after.mode(version) for version in (4, 6))
    fewer = not set(before.trusted_interfaces) <= set(after.trusted_interfaces)
    return modes or fewer or (after.internal and not before.internal)


def _networks_parted(before: State, desired: State) -> set[str]:
    """Return the subnets of networks whose icc becomes false: containers may no longer reach each other."""
    isolated = [name for name, policy in desired.policies.items() if not policy.icc]
    return {subnet for name in isolated if name in before.policies and before.policies[name].icc
            for subnet in desired.policies[name].subnets}  # fmt: skip
