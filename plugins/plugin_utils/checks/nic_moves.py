# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moving NICs of the host into containers' namespaces and back: checks, and the planned `interface` objects."""

from __future__ import annotations

from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Interface
from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems, enumerate_names
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.nics import MACVLAN, PHYSICAL, Nic
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.spec import Container
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.observed import LiveNic
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.scope import Scope


def check_nics(scope: Scope, problems: Problems) -> None:
    """Refuse NICs that do not exist, that another container has, or that carry the host's connectivity."""
    holders = {
        nic.device: f"container {name}"
        for name, undeclared in scope.undeclared.items()
        for nic in undeclared.nics
        if nic.type == PHYSICAL
    }
    attachments = [(container, nic) for container in scope.declared.values() for nic in container.nics]
    for container, nic in attachments:
        if nic.type == PHYSICAL:
            holder = holders.setdefault(nic.device, str(container))
            if holder != str(container):
                rule = f"{holder} has it; a NIC is in one namespace only: use type: macvlan to share it"
                problems.refuse(f"{container}: interfaces", "device", nic.device, rule)
    for container, nic in attachments:
        if nic.type == MACVLAN and nic.device in holders:
            rule = f"{holders[nic.device]} has the NIC itself, so no macvlan on it is possible"
            problems.refuse(f"{container}: interfaces", "device", nic.device, rule)
        _check_device(scope, f"{container}: interfaces", nic, problems)
        _check_subnets(scope, container, nic, problems)


def interfaces(scope: Scope) -> list[Interface]:
    """The objects of the kind `interface`: desired NICs and macvlans, and those to remove from containers."""
    present = [_present(nic, name, scope.role) for name, container in scope.declared.items() for nic in container.nics]
    return [_absent(name, nic) for name, nic in _to_remove(scope)] + present


def _check_device(scope: Scope, thing: str, nic: Nic, problems: Problems) -> None:
    away = {other.device for live in scope.live.containers.values() for other in live.nics if other.type == PHYSICAL}
    strays = {one.device for one in scope.live.interfaces.values()}
    if not scope.live.interfaces or nic.device in away | strays | set(scope.live.moved_nics):
        return
    found = scope.live.interfaces.get(nic.device)
    if found is None:
        known = sorted(one.name for one in scope.live.interfaces.values() if not one.ours and one.name != "lo")
        rule = f"the host has no such NIC; it has {enumerate_names(known) or 'none'}"
        problems.refuse(thing, "device", nic.device, rule)
    elif found.ours:
        problems.refuse(
            thing, "device", nic.device, "is managed by virtnet.linux, not a physical NIC; name a NIC of the host"
        )
    elif found.lifeline is not None and nic.type == PHYSICAL:
        problems.refuse(
            thing, "device", nic.device, f"must stay on the host: {found.lifeline}; with type: macvlan it serves both"
        )


def _check_subnets(scope: Scope, container: Container, nic: Nic, problems: Problems) -> None:
    """Refuse a NIC and an endpoint of one container in one subnet: each would answer ARP for the other's address."""
    networks = [
        scope.networks[attachment.network]
        for attachment in container.attachments
        if attachment.network in scope.networks
    ]
    for interface in nic.addresses or []:
        for network in networks:
            subnet = network.segment.subnets.get(interface.version)
            if subnet is not None and interface.ip in subnet.network:
                problems.refuse(
                    f"{container}: interfaces", f"{nic.name}.addresses", str(interface),
                    f"is in {subnet.network} of {network}, on which the container is too; one needs another subnet",
                )  # fmt: skip


def _to_remove(scope: Scope) -> list[tuple[str | None, LiveNic]]:
    """NICs to return to the host and macvlans to delete, each with the container that has it now."""
    desired = {
        (container, nic.type, nic.device, nic.name if nic.type == MACVLAN else None)
        for container, declared in scope.declared.items()
        for nic in declared.nics
    }
    returning: list[tuple[str | None, LiveNic]] = []
    for name, live in scope.live.containers.items():
        if name not in scope.undeclared:
            for nic in live.nics:
                key = (name, nic.type, nic.device, nic.name if nic.type == MACVLAN else None)
                returning += [] if key in desired else [(name, nic)]
    # The kernel returns a NIC to the host when its namespace is deleted; its name may differ then.
    devices = {device for _container, kind, device, _name in desired if kind == PHYSICAL}
    for stray in scope.live.interfaces.values():
        if stray.device is not None and stray.role in (None, scope.role) and stray.device not in devices:
            returning.append((None, LiveNic(device=stray.device, name=stray.name, type=PHYSICAL)))
    return returning


def _absent(container: str | None, nic: LiveNic) -> Interface:
    return Interface(device=nic.device, netns=container, name=nic.name, type=nic.type, state="absent")


def _present(nic: Nic, container: str, role: str) -> Interface:
    found = Interface(
        device=nic.device,
        netns=container,
        name=nic.name,
        type=nic.type,
        mac=nic.mac,
        mtu=nic.mtu,
        addresses=None if nic.addresses is None else [str(address) for address in nic.addresses],
        gateway=_text(nic.gateways.get(4)),
        gateway6=_text(nic.gateways.get(6)),
        routes=[route.desired() for route in nic.routes] or None,
        labels={"role": role, "container": container},
        state="present",
    )
    return found.replace(mode=nic.mode) if nic.type == MACVLAN else found


def _text(value: object) -> str | None:
    return None if value is None else str(value)
