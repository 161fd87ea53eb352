# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes of a host's Open vSwitch: from the document's objects to the desired database and flows, and what differs.

As with the firewall, all of it is one desired state: what is observed with the declared objects applied. So a run makes
one transaction of the database for switches, one for new ports, and one bundle of flows for each switch whose flows
differ.
"""

from __future__ import annotations

import itertools
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.facts import ownership
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import State
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Bridge, Topology, Veth
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.ovs import database, flows
from ansible_collections.virtnet.linux.plugins.module_utils.ovs.database import Database, Switch, SwitchPort
from ansible_collections.virtnet.linux.plugins.module_utils.switch.linux.driver import random_mac
from ansible_collections.virtnet.linux.plugins.module_utils.switch.openvswitch import driver

KIND = "switch"  # of an action that reports a difference which no declared object's action covers

_Place = tuple[str, "int | None"]  # switch and VLAN


class Changes:
    """What a run changes in Open vSwitch."""

    def __init__(self, host: Host, observed: Database, desired: Database, state: State) -> None:
        self._host, self._observed, self._desired = host, observed, desired
        # A switch whose own device was deleted out of band is made anew: ovs-vswitchd does not create it again.
        self._broken = sorted(set(observed.switches) & set(desired.switches) - set(host.stack(None).links))
        # Ports whose links are made anew: ovs-vswitchd would keep the deleted ones open.
        self._replaced: set[str] = set()
        # New ports are added when their links exist and are up: attaching one, ovs-vswitchd writes back the flags
        # that it has read before (SIOCSIFFLAGS), and would set a link down that is set up in between.
        self._late: set[str] = set()
        host.switches.attach = self.attach
        own = {name for name, switch in desired.switches.items() if switch.labels is not None}
        self._flows = {name: flows.of_switch(name, desired, observed.numbers, state.guards) for name in sorted(own)}

    def actions(self, planned: list[Action[Any]]) -> list[Action[Any]]:
        """Return actions for what differs in switches and ports that no action of the run is about."""
        made = {one.name for one in planned if one.kind == Veth.KIND and one.verb in ("create", "replace")}
        self._replaced = made & set(self._observed.ports)
        new = {one.name for one in self._desired.ports.values() if not one.internal} - set(self._observed.ports)
        self._late = self._replaced | new
        about = {action.name for action in planned}
        deletes = any(action.verb == "delete" for action in planned)
        found = []
        for name in sorted({*self._observed.ports, *self._desired.ports} - about):
            before, after = self._observed.ports.get(name), self._desired.ports.get(name)
            if before != after and not (deletes and after is None):
                found.append(self._repair("port " + name, before, after))
        for name in sorted({*self._observed.switches, *self._desired.switches} - about):
            was, is_to_be = self._observed.switches.get(name), self._desired.switches.get(name)
            if was != is_to_be:
                found.append(self._repair(name, was, is_to_be))
        if not planned and not found:
            for name, lines in self._flows.items():
                wrong = flows.differences(name, lines)
                if wrong:
                    shown = {"flows": sorted(line[1:].strip() for line in wrong if line[0] == "-")}
                    lacking = {"flows": sorted(line[1:].strip() for line in wrong if line[0] == "+")}
                    found.append(Action(Phase.SWITCH_FLOWS, "change", KIND, name, shown, lacking, None))
        return found

    def apply_database(self) -> None:
        """Carry out the transaction of switches and existing ports, before any link of a new port exists."""
        before = self._observed.without(self._broken, self._replaced)
        ports = [(self._observed.ports[name].switch, name) for name in sorted(self._replaced)]
        stale = [["del-br", name] for name in self._broken]
        stale += [["--if-exists", "del-port", switch, name] for switch, name in ports if switch not in self._broken]
        commands = database.commands(before, self._desired.without([], self._late))
        database.transact(stale)
        database.transact(commands)
        if stale or commands:
            self._host.switches.forget()
            self._host.stack(None).forget()

    def apply_flows(self) -> None:
        """Load the flows of each switch whose flows differ: before any link of a new port exists."""
        for name, lines in self._flows.items():
            if name not in self._observed.switches or name in self._broken or flows.differences(name, lines):
                flows.replace(name, lines)

    def attach(self) -> None:
        """Carry out the transaction of new ports, and wait until ovs-vswitchd has attached their links."""
        database.transact(database.commands(self._desired.without([], self._late), self._desired))
        links, numbers = self._host.stack(None).links, self._observed.numbers
        new = {
            port.name: port.number
            for port in self._desired.ports.values()
            if port.number is not None and port.name in links and self._is_new(port, numbers.get(port.name))
        }
        database.wait_for_ports(new)
        self._host.switches.attach = lambda: None

    def _is_new(self, port: SwitchPort, number: int | None) -> bool:
        return port.number != number or port.switch in self._broken or port.name in self._replaced

    @staticmethod
    def _repair(name: str, before: Any, after: Any) -> Action[Any]:
        values = [
            {} if one is None else {key: _shown(value) for key, value in one._asdict().items()}
            for one in (before, after)
        ]
        changed = [key for key in {**values[0], **values[1]} if values[0].get(key) != values[1].get(key)]
        verb = "delete" if after is None else "create" if before is None else "change"
        old, new = ({key: side[key] for key in changed if key in side} for side in values)
        return Action(Phase.SWITCHES, verb, KIND, name, old, new, None)


def plan(document: Topology, host: Host, state: State) -> Changes | None:
    """Return the changes that the document makes; None where Open vSwitch has no switch of this collection."""
    observed = host.switches.found
    if observed is None:
        return None
    desired = observed.copy()
    for bridge in document.bridge:
        _add_bridge(bridge, desired, observed, host)
    _forget_deleted(document, desired, host)
    for veth in document.veth:
        _add_veth(veth, desired, host)
    _forget_missing(desired, host)
    _protect(desired, state)
    _number(desired, observed)
    is_ours = any(one.labels is not None for side in (observed, desired) for one in side.switches.values())
    return Changes(host, observed, desired, state) if is_ours else None


def _add_bridge(bridge: Bridge, desired: Database, observed: Database, host: Host) -> None:
    if bridge.netns is not None or host.driver_of(None, bridge.name) != driver.NAME:
        return
    if not bridge.is_present:
        _remove(bridge.name, desired)
        return
    if bridge.switch is not None:
        _add_gateway_port(bridge, desired)
    else:
        before = desired.switches.get(bridge.name)
        desired.switches[bridge.name] = Switch(
            name=bridge.name,
            datapath=before.datapath if before is not None else driver.datapath(observed),
            # no flow, no frame: where ovs-vswitchd has lost its flows, ports are closed and not unguarded
            fail_mode="secure",
            mac=(bridge.mac or (before and before.mac) or random_mac()).lower(),
            mtu=bridge.mtu if bridge.mtu is not None else before and before.mtu,
            labels=bridge.labels if bridge.labels is not None else (before and before.labels) or {},
        )
    for interface in bridge.interfaces or []:
        _add_port(interface, (bridge.name, None) if bridge.switch is None else (bridge.switch, bridge.vlan), desired)
    if bridge.uplinks is not None:
        for name, _vlans in driver.uplinks(desired, bridge.name):
            if name not in {uplink.interface for uplink in bridge.uplinks}:
                del desired.ports[name]
        for uplink in bridge.uplinks:
            _add_port(uplink.interface, (bridge.name, None), desired, tuple(sorted(uplink.vlans or ())))
            desired.ports[uplink.interface] = desired.ports[uplink.interface]._replace(labels=driver.UPLINK)


def _forget_deleted(document: Topology, desired: Database, host: Host) -> None:
    """Remove managed switches and gateway ports whose device was deleted out of band, unless they are declared: as a
    Linux bridge they would be gone."""
    declared = {bridge.name for bridge in document.bridge if bridge.is_present}
    held: list[Switch | SwitchPort] = [*desired.switches.values()]
    held += [port for port in desired.ports.values() if port.internal]
    for one in held:
        if one.labels is not None and one.name not in host.stack(None).links and one.name not in declared:
            _remove(one.name, desired)


def _add_gateway_port(bridge: Bridge, desired: Database) -> None:
    before = desired.ports.get(bridge.name)
    desired.ports[bridge.name] = SwitchPort(
        name=bridge.name,
        switch=bridge.switch or "",
        number=before and before.number,
        tag=bridge.vlan,
        internal=True,
        mac=(bridge.mac or (before and before.mac) or random_mac()).lower(),
        mtu=bridge.mtu if bridge.mtu is not None else before and before.mtu,
        labels=bridge.labels if bridge.labels is not None else (before and before.labels) or {},
    )


def _remove(name: str, desired: Database) -> None:
    """Remove a switch with its ports, or the gateway port of a VLAN."""
    desired.ports.pop(name, None)
    if desired.switches.pop(name, None) is not None:
        for port in [port.name for port in desired.ports.values() if port.switch == name]:
            del desired.ports[port]


def _add_veth(veth: Veth, desired: Database, host: Host) -> None:
    if not veth.is_present:
        for name in (veth.name, veth.peer.name if veth.peer and veth.peer.netns is None else ""):
            desired.ports.pop(name, None)
        return
    ends = ((veth, veth.name, veth.trunks), (veth.far, veth.far.name, None))
    for end, name, trunks in ends:
        if end.netns is not None or end.bridge is None:
            continue
        if host.driver_of(None, end.bridge) != driver.NAME:
            desired.ports.pop(name, None)
            continue
        place = desired.segment_of(end.bridge)
        if place is not None:
            _add_port(name, place, desired, tuple(sorted(trunks)) if trunks is not None else None)


def _add_port(name: str, place: _Place, desired: Database, trunks: tuple[int, ...] | None = ()) -> None:
    before = desired.ports.get(name)
    switch, tag = place
    desired.ports[name] = SwitchPort(
        name=name,
        switch=switch,
        number=before.number if before is not None and before.switch == switch else None,
        tag=tag,
        trunks=trunks if trunks is not None else (before.trunks if before is not None else ()),
        labels={},
    )


def _protect(desired: Database, state: State) -> None:
    """Let the endpoints of a network without icc exchange no frames with each other."""
    gateway_ports = desired.gateway_ports()
    for port in list(desired.ports.values()):
        if port.name in state.ports and port.labels is not None and not port.internal:
            policy = state.policies.get(gateway_ports.get((port.switch, port.tag), ""))
            desired.ports[port.name] = port._replace(protected=policy is not None and not policy.icc)


def _forget_missing(desired: Database, host: Host) -> None:
    """Remove managed ports whose links are gone, or go in this run."""
    links = set(host.stack(None).links)
    if host.namespaces_to_delete:
        links.difference_update(ownership.host_ends(host, host.namespaces_to_delete))
    links.difference_update(name for netns, name in host.links_to_delete if netns is None)
    links.update(name for netns, name in host.links_to_create if netns is None)
    for port in list(desired.ports.values()):
        if port.labels is not None and not port.internal and port.name not in links:
            del desired.ports[port.name]


def _number(desired: Database, observed: Database) -> None:
    """Give each managed port of a switch the lowest free OpenFlow number: flows refer to ports by it."""
    for switch in desired.switches:
        ports = [port for port in desired.ports.values() if port.switch == switch]
        taken = {port.number for port in ports}
        taken.update(observed.numbers.get(port.name) for port in ports)
        free = (number for number in itertools.count(1) if number not in taken)
        for port in sorted(ports, key=lambda one: one.name):
            if port.number is None and port.labels is not None:
                desired.ports[port.name] = port._replace(number=next(free))


def _shown(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
