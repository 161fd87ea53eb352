# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moving NICs of the host into containers' namespaces and back: checks, and the planned `interface` objects."""

from __future__ import annotations

from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Interface
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.declaration import Container
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.nics import MACVLAN, PHYSICAL, Card
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.problems import Problems, enumerate_names
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.observed import LiveCard
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.scope import Scope


def check_cards(scope: Scope, problems: Problems) -> None:
    """Refuse NICs that do not exist, that another container has, or that carry the host's connectivity."""
    holders = {
        card.device: f"container {name}"
        for name, standing in scope.standing.items()
        for card in standing.cards
        if card.type == PHYSICAL
    }
    wishes = [(container, card) for container in scope.declared.values() for card in container.cards]
    for container, card in wishes:
        if card.type == PHYSICAL:
            holder = holders.setdefault(card.device, str(container))
            if holder != str(container):
                rule = f"{holder} has it, and a card belongs to one namespace; with type: macvlan it serves several"
                problems.refuse(f"{container}: interfaces", "device", card.device, rule)
    for container, card in wishes:
        if card.type == MACVLAN and card.device in holders:
            rule = f"{holders[card.device]} has the card itself, so that nobody else can have a macvlan on it"
            problems.refuse(f"{container}: interfaces", "device", card.device, rule)
        _check_device(scope, f"{container}: interfaces", card, problems)
        _check_subnets(scope, container, card, problems)


def interfaces(scope: Scope) -> list[Interface]:
    """The objects of the kind `interface`: desired NICs and macvlans, and those to remove from containers."""
    present = [
        _present(card, name, scope.role) for name, container in scope.declared.items() for card in container.cards
    ]
    return [_absent(name, card) for name, card in _going(scope)] + present


def _check_device(scope: Scope, thing: str, card: Card, problems: Problems) -> None:
    away = {other.device for live in scope.live.containers.values() for other in live.cards if other.type == PHYSICAL}
    strays = {one.device for one in scope.live.interfaces.values()}
    if not scope.live.interfaces or card.device in away | strays | set(scope.live.moved_nics):
        return
    found = scope.live.interfaces.get(card.device)
    if found is None:
        known = sorted(one.name for one in scope.live.interfaces.values() if not one.ours and one.name != "lo")
        rule = f"the host has no such card; it has {enumerate_names(known) or 'none'}"
        problems.refuse(thing, "device", card.device, rule)
    elif found.ours:
        problems.refuse(thing, "device", card.device, "this link was made here and is no card; name a card of the host")
    elif found.lifeline is not None and card.type == PHYSICAL:
        problems.refuse(
            thing, "device", card.device, f"this card stays: {found.lifeline}; with type: macvlan it serves both"
        )


def _check_subnets(scope: Scope, container: Container, card: Card, problems: Problems) -> None:
    """Refuse a NIC and an endpoint of one container in one subnet: each would answer ARP for the other's address."""
    networks = [scope.networks[wish.network] for wish in container.attachments if wish.network in scope.networks]
    for interface in card.addresses or []:
        for network in networks:
            subnet = network.segment.subnets.get(interface.version)
            if subnet is not None and interface.ip in subnet.network:
                problems.refuse(
                    f"{container}: interfaces", f"{card.name}.addresses", str(interface),
                    f"is in {subnet.network} of {network}, on which the container is too; one needs another subnet",
                )  # fmt: skip


def _going(scope: Scope) -> list[tuple[str | None, LiveCard]]:
    """NICs to return to the host and macvlans to delete, each with the container that has it now."""
    wanted = {
        (container, card.type, card.device, card.name if card.type == MACVLAN else None)
        for container, declared in scope.declared.items()
        for card in declared.cards
    }
    going: list[tuple[str | None, LiveCard]] = []
    for name, live in scope.live.containers.items():
        if name not in scope.standing:
            for card in live.cards:
                key = (name, card.type, card.device, card.name if card.type == MACVLAN else None)
                going += [] if key in wanted else [(name, card)]
    # The kernel returns a NIC to the host when its namespace is deleted; its name may differ then.
    devices = {device for _container, kind, device, _name in wanted if kind == PHYSICAL}
    for stray in scope.live.interfaces.values():
        if stray.device is not None and stray.role in (None, scope.role) and stray.device not in devices:
            going.append((None, LiveCard(device=stray.device, name=stray.name, type=PHYSICAL)))
    return going


def _absent(container: str | None, card: LiveCard) -> Interface:
    return Interface(device=card.device, netns=container, name=card.name, type=card.type, state="absent")


def _present(card: Card, container: str, role: str) -> Interface:
    found = Interface(
        device=card.device,
        netns=container,
        name=card.name,
        type=card.type,
        mac=card.mac,
        mtu=card.mtu,
        addresses=None if card.addresses is None else [str(address) for address in card.addresses],
        gateway=_text(card.gateways.get(4)),
        gateway6=_text(card.gateways.get(6)),
        routes=[route.desired() for route in card.routes] or None,
        labels={"role": role, "container": container},
        state="present",
    )
    return found.replace(mode=card.mode) if card.type == MACVLAN else found


def _text(value: object) -> str | None:
    return None if value is None else str(value)
