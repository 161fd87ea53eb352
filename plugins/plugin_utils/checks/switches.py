# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Switches: the driver of each network, the switches that several networks share, their VLANs and trunks."""

from __future__ import annotations

import dataclasses

from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Bridge, Uplink
from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems, enumerate_names
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.spec import Attachment, Container, Network
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.switches import LINUX, OPEN_VSWITCH, Switch
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.scope import Scope


def settle_drivers(scope: Scope) -> None:
    """Settle the driver of each declared network: the declared one, that of its switch, that of the existing network,
    else the Linux bridge."""
    for network in scope.networks.values():
        if not network.declared or network.placement.driver is not None:
            continue
        before, switch = scope.live.networks.get(network.name), scope.switches.get(network.placement.switch or "")
        existing = LINUX if before is None or before.placement.switch is not None else before.placement.driver
        driver = existing if network.placement.switch is None else switch.driver if switch is not None else None
        network.placement = dataclasses.replace(network.placement, driver=driver)


def check_switches(scope: Scope, problems: Problems) -> None:
    """Refuse unknown switches, VLANs in use, what a driver does not have, and a change of driver."""
    for switch in scope.switches.values():
        _check_uplinks(scope, switch, problems)
    vlans: dict[tuple[str, int], str] = {}
    for network in scope.networks.values():
        place = network.placement
        if place.switch is not None and place.vlan is not None:
            other = vlans.setdefault((place.switch, place.vlan), network.name)
            if other != network.name and network.declared:
                rule = f"is the VLAN of network {other} on switch {place.switch}; choose another"
                problems.refuse(str(network), "vlan", place.vlan, rule)
        if network.declared:
            _check_network(scope, network, problems)
    for container in scope.declared.values():
        for attachment in container.attachments:
            _check_trunks(scope, container, attachment, problems)
    for name in scope.switches_to_delete:
        users = sorted(network.name for network in scope.networks.values() if network.placement.switch == name)
        if users:
            rule = f"networks are on it: {enumerate_names(users)}; remove them with it"
            problems.refuse(f"switch {name}", "state", "absent", rule)


def _check_uplinks(scope: Scope, switch: Switch, problems: Problems) -> None:
    """Refuse NICs that the host needs itself, or that a container is to have."""
    for uplink in switch.uplinks:
        link = scope.live.interfaces.get(uplink.interface)
        if link is None and scope.live.interfaces:
            known = enumerate_names(sorted(scope.live.interfaces)) or "none"
            rule = f"no NIC has this name; there are {known}"
            problems.refuse(f"switch {switch.name}", "uplinks", uplink.interface, rule)
        elif link is not None and link.lifeline is not None:
            rule = f"stays with the host: {link.lifeline}"
            problems.refuse(f"switch {switch.name}", "uplinks", uplink.interface, rule)


def planned_switches(scope: Scope) -> list[Bridge]:
    """The declared switches that networks share; undeclared ones stay as they are."""
    declared = [switch for switch in scope.switches.values() if switch.role is None]
    return [
        Bridge(
            name=switch.name,
            driver=switch.driver,
            uplinks=[Uplink(interface=one.interface, vlans=list(one.vlans)) for one in switch.uplinks],
            labels={"role": scope.role},
            state="present",
        )
        for switch in declared
    ]


def switches_to_delete(scope: Scope) -> list[str]:
    """The names of the switches to delete."""
    return sorted(scope.switches_to_delete)


def is_tagged(network: Network) -> bool:
    """Whether ports of the network may carry other VLANs tagged."""
    return network.placement.driver == OPEN_VSWITCH


def _check_network(scope: Scope, network: Network, problems: Problems) -> None:
    place, before = network.placement, scope.live.networks.get(network.name)
    about = str(network)
    if place.switch is not None:
        switch = scope.switches.get(place.switch)
        if switch is None:
            known = enumerate_names(sorted(scope.switches)) or "none"
            rule = f"is unknown: no switch in {scope.role}_switches and none that exists; known: {known}"
            rule += problems.near(place.switch, scope.switches)
            problems.refuse(about, "switch", place.switch, rule)
        elif place.driver not in (None, switch.driver):
            problems.refuse(about, "driver", place.driver, f"is {switch.driver} on switch {switch.name}; leave it out")
    if place.driver == OPEN_VSWITCH:
        if network.connect or network.joins is not None:
            rule = "driver openvswitch has no patch links to other bridges; give the networks VLANs of one switch"
            problems.refuse(about, "connect", list(network.connect), rule)
        if network.stp:
            problems.refuse(about, "stp", True, "driver openvswitch has no spanning tree here; leave it out")
    if before is not None and (before.placement.driver, before.placement.switch) != (place.driver, place.switch):
        on = f", switch {before.placement.switch}" if before.placement.switch else ""
        was = f"driver {before.placement.driver}{on}"
        field, value = ("driver", place.driver) if before.placement.driver != place.driver else ("switch", place.switch)
        rule = f"the network exists with {was}; declare it absent first, then again with this one"
        problems.refuse(about, field, value, rule)


def _check_trunks(scope: Scope, container: Container, attachment: Attachment, problems: Problems) -> None:
    network = scope.networks.get(attachment.network)
    if not attachment.trunks or network is None:
        return
    about, field = f"{container}: networks[{attachment.number}]", "trunks"
    if network.placement.switch is None:
        rule = f"network {network.name} has no VLAN: it requires a network with switch and vlan"
        problems.refuse(about, field, attachment.trunks, rule)
    guarded = network.anti_spoofing if attachment.anti_spoofing is None else attachment.anti_spoofing
    if guarded:
        rule = "requires anti_spoofing: false beside it: the addresses in tagged frames are not checked"
        problems.refuse(about, field, attachment.trunks, rule)
