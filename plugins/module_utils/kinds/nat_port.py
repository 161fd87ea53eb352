# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Published ports: host address, protocol and port, translated (DNAT) to an endpoint's address and port.

Without a host port it is an allowed port: ingress to a container's own port in a network of gateway mode routed.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.facts import options
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import (
    AllowedPort,
    AllowedPortKey,
    NatKey,
    NatPort,
    State,
)
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import PublishedPort, bracketed
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip, values
from ansible_collections.virtnet.linux.plugins.module_utils.rules.ports import port_range
from ansible_collections.virtnet.linux.plugins.module_utils.system import listeners

KIND = "nat_port"


def check(desired: PublishedPort, host: Host, problems: options.Checks) -> None:
    """Validate one published port or range."""
    name = desired.label
    ranges: dict[str, range] = {}
    for field in ("host_port", "to_port"):
        if getattr(desired, field) is not None:
            meant = port_range(getattr(desired, field))
            if meant is not None:
                ranges[field] = meant
            else:
                problems.add(KIND, name, field, getattr(desired, field), values.PORT_RANGE)
    problems.address(KIND, name, "host_ip", desired.host_ip)
    problems.address(KIND, name, "to_address", desired.to_address)
    problems.interface_name(KIND, name, "bridge", desired.bridge)
    if desired.host_port is None:
        for field in ("to_address", "to_port", "bridge"):
            if getattr(desired, field) is None and (field != "bridge" or desired.is_present):
                rule = "an opened port, which is one without host_port, needs to_address, to_port and bridge"
                problems.add(KIND, name, field, "", rule)
        if desired.host_ip is not None:
            problems.add(KIND, name, "host_ip", desired.host_ip, "requires host_port: it is the host's address")
    if not desired.is_present:
        if desired.host_ip is None and desired.to_address is None:
            return
    elif desired.to_address is None:
        problems.add(KIND, name, "to_address", "", "is required: the container's address")
    elif desired.bridge is not None and not host.is_known_bridge(None, desired.bridge):
        problems.refer(KIND, name, "bridge", desired.bridge, "bridge")
    here, there = desired.host_ip, desired.to_address
    if here is not None and there is not None and _are_addresses(here, there) and _version(here) != _version(there):
        problems.add(KIND, name, "host_ip", here, f"{there} is of the other address family")
    if len(ranges) == 2 and len(ranges["host_port"]) != len(ranges["to_port"]):
        problems.add(
            KIND, name, "to_port", desired.to_port, "as many ports as host_port {} has".format(desired.host_port)
        )


def update_firewall(desired: PublishedPort, state: State, _host: Host) -> None:
    """Apply the port or range to the desired firewall state."""
    if desired.host_port is None:
        _update(state.allowed_ports, desired.allowed_keys(), desired.allowed_ports, desired)
    else:
        _update(state.nat_ports, desired.nat_keys(), desired.nat_ports, desired)


def plan(desired: PublishedPort, host: Host) -> list[Action[PublishedPort]]:
    """Return the actions for one declared port or range, one for each port that differs."""
    if desired.host_port is None:
        return _actions(desired, desired.allowed_keys(), desired.allowed_ports, host.firewall.state.allowed_ports)
    return _actions(desired, desired.nat_keys(), desired.nat_ports, host.firewall.state.nat_ports)


def cut_off(actions: list[Action[PublishedPort]]) -> list[str]:
    """Return an error for each process of the host that listens on a port about to be published."""
    new = [action for action in actions if action.kind == KIND and action.verb == "create"]
    names = {action.name for action in new}
    declared = {id(action.desired): action.desired for action in new if action.desired.host_port is not None}.values()
    published = [one for desired in declared for one in desired.nat_ports().items()]  # a range has many actions
    ports = {port: _name(key) for key, port in published if _name(key) in names}
    waiting = listeners.listeners() if ports else []
    return [
        f"{KIND} {ports[port]}: host_port: '{port.host_port}': {listeners.describe(listener)} of the host "
        "and would get no packets; choose another host port, or stop it"
        for listener, port in listeners.shadowed(ports, waiting)
    ]


def _update(held: dict[Any, Any], keys: list[Any], meant: Any, desired: PublishedPort) -> None:
    if desired.is_present:
        held.update(meant())
    else:
        for key in keys:
            held.pop(key, None)


def _actions(desired: PublishedPort, keys: list[Any], meant: Any, live: Any) -> list[Action[PublishedPort]]:
    if not desired.is_present:
        gone = [key for key in keys if key in live]
        return [Action(Phase.UNPUBLISH, "delete", KIND, _name(key), _shown(live[key]), {}, desired) for key in gone]
    actions = []
    for key, asked in meant().items():
        found = live.get(key)
        if found is None:
            actions.append(Action(Phase.FIREWALL, "create", KIND, _name(key), {}, _shown(asked), desired))
        elif found != asked:
            actions.append(Action(Phase.FIREWALL, "change", KIND, _name(key), _shown(found), _shown(asked), desired))
    return actions


def identities(desired: PublishedPort) -> list[tuple[Any, ...]]:
    """Return the keys that must be unique in a document; none where the addresses are invalid."""
    if not _are_addresses(desired.host_ip, desired.to_address):
        return []
    if desired.host_port is not None:
        return [("port", *key) for key in desired.nat_keys()] if port_range(desired.host_port) else []
    complete = desired.to_address is not None and desired.to_port is not None
    return [("opening", *key) for key in desired.allowed_keys()] if complete else []


def _name(key: NatKey | AllowedPortKey) -> str:
    protocol, host_ip, port = key
    return "%s%d/%s" % (bracketed(host_ip), port, protocol)


def _shown(port: NatPort | AllowedPort) -> dict[str, Any]:
    if isinstance(port, AllowedPort):
        return {"bridge": port.bridge}
    return {
        "to": "%s%d" % (bracketed(port.to_address), port.to_port),
        **({"bridge": port.bridge} if port.bridge else {}),
    }


def _version(address: str) -> int:
    return ip.address(address).version


def _are_addresses(*given: str | None) -> bool:
    try:
        return all(_version(address) for address in given if address is not None)
    except ValueError:
        return False
