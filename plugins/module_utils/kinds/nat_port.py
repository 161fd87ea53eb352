# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Published ports: host address, protocol and port, translated (DNAT) to an endpoint's address and port.

Without a host port it is an allowed port: ingress to a container's own port in a network of gateway mode routed.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.facts import options
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import (
    NatKey,
    NatPort,
    Opening,
    OpeningKey,
    State,
)
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip
from ansible_collections.virtnet.linux.plugins.module_utils.rules.names import PROTOCOLS
from ansible_collections.virtnet.linux.plugins.module_utils.system import listeners

KIND = "nat_port"
OPTIONS: dict[str, Any] = dict(
    protocol=dict(type="str", choices=list(PROTOCOLS), default="tcp"),
    host_ip=dict(type="str"),
    host_port=dict(type="str"),
    to_address=dict(type="str"),
    to_port=dict(type="str"),
    bridge=dict(type="str"),
    state=options.STATE,
)

_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?\Z", re.ASCII)


def check(wanted: dict[str, Any], host: Host, problems: options.Problems) -> None:
    """Validate one published port or range."""
    name = label(wanted)
    ranges: dict[str, range] = {}
    for field in ("host_port", "to_port"):
        if wanted[field] is not None:
            meant = ports(wanted[field])
            if meant is not None:
                ranges[field] = meant
            else:
                problems.add(KIND, name, field, wanted[field], "a port is 1 to 65535, a range FIRST-LAST")
    problems.address(KIND, name, "host_ip", wanted["host_ip"])
    problems.address(KIND, name, "to_address", wanted["to_address"])
    problems.interface_name(KIND, name, "bridge", wanted["bridge"])
    if wanted["host_port"] is None:
        for field in ("to_address", "to_port", "bridge"):
            if wanted[field] is None and (field != "bridge" or wanted["state"] == "present"):
                rule = "an opened port, which is one without host_port, needs to_address, to_port and bridge"
                problems.add(KIND, name, field, "", rule)
        if wanted["host_ip"] is not None:
            problems.add(KIND, name, "host_ip", wanted["host_ip"], "say host_port, too: it is the host's address")
    if wanted["state"] == "absent":
        if wanted["host_ip"] is None and wanted["to_address"] is None:
            return
    elif wanted["to_address"] is None:
        problems.add(KIND, name, "to_address", "", "say which address the port leads to")
    elif wanted["bridge"] is not None and not host.is_known_bridge(None, wanted["bridge"]):
        problems.refer(KIND, name, "bridge", wanted["bridge"], "bridge")
    both = (wanted["host_ip"], wanted["to_address"])
    if None not in both and _are_addresses(*both) and _version(both[0]) != _version(both[1]):
        problems.add(KIND, name, "host_ip", both[0], f"{both[1]} is of the other address family")
    if len(ranges) == 2 and len(ranges["host_port"]) != len(ranges["to_port"]):
        problems.add(
            KIND, name, "to_port", wanted["to_port"], "as many ports as host_port {} has".format(wanted["host_port"])
        )


def lay(wanted: dict[str, Any], state: State, _host: Host) -> None:
    """Apply the port or range to the desired firewall state."""
    if wanted["host_port"] is None:
        _lay(state.openings, opening_keys(wanted), openings, wanted)
    else:
        _lay(state.nat_ports, keys(wanted), nat_ports, wanted)


def plan(wanted: dict[str, Any], host: Host) -> list[Action]:
    """Return the actions for one declared port or range, one for each port that differs."""
    if wanted["host_port"] is None:
        return _actions(wanted, opening_keys(wanted), openings, host.firewall.state.openings)
    return _actions(wanted, keys(wanted), nat_ports, host.firewall.state.nat_ports)


def cut_off(actions: list[Action]) -> list[str]:
    """Return an error for each process of the host that listens on a port about to be published."""
    new = [action for action in actions if action.kind == KIND and action.verb == "create"]
    names = {action.name for action in new}
    declared = {id(action.wanted): action.wanted for action in new if action.wanted["host_port"] is not None}.values()
    published = [one for wanted in declared for one in nat_ports(wanted).items()]  # a range has many actions
    ports = {port: _name(key) for key, port in published if _name(key) in names}
    waiting = listeners.listeners() if ports else []
    return [
        f"{KIND} {ports[port]}: host_port: '{port.host_port}': {listeners.told(listener)} of the host, and would get "
        "nothing any more; choose another host port, or stop it"
        for listener, port in listeners.shadowed(ports, waiting)
    ]


def _lay(held: dict[Any, Any], keys: list[Any], meant: Any, wanted: dict[str, Any]) -> None:
    if wanted["state"] == "present":
        held.update(meant(wanted))
    else:
        for key in keys:
            held.pop(key, None)


def _actions(wanted: dict[str, Any], keys: list[Any], meant: Any, live: Any) -> list[Action]:
    if wanted["state"] == "absent":
        gone = [key for key in keys if key in live]
        return [Action("delete", KIND, _name(key), _told(live[key]), {}, wanted) for key in gone]
    actions = []
    for key, asked in meant(wanted).items():
        found = live.get(key)
        if found is None:
            actions.append(Action("create", KIND, _name(key), {}, _told(asked), wanted))
        elif found != asked:
            actions.append(Action("change", KIND, _name(key), _told(found), _told(asked), wanted))
    return actions


def openings(wanted: dict[str, Any]) -> dict[OpeningKey, Opening]:
    """Return the allowed ports (without a host port), by their keys."""
    return {key: Opening(*key, wanted["bridge"]) for key in opening_keys(wanted)}


def opening_keys(wanted: dict[str, Any]) -> list[OpeningKey]:
    """Return the keys of an allowed port or range."""
    address = ip.normal(wanted["to_address"])
    return [(wanted["protocol"], address, port) for port in ports(wanted["to_port"]) or []]


def identities(wanted: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the keys that must be unique in a document; none where the addresses are invalid."""
    if not _are_addresses(wanted["host_ip"], wanted["to_address"]):
        return []
    if wanted["host_port"] is not None:
        return [("port", *key) for key in keys(wanted)] if ports(wanted["host_port"]) else []
    complete = wanted["to_address"] is not None and wanted["to_port"] is not None
    return [("opening", *key) for key in opening_keys(wanted)] if complete else []


def nat_ports(wanted: dict[str, Any]) -> dict[NatKey, NatPort]:
    """Return each single port of a declared port or range, by its key."""
    targets = ports(wanted["to_port"] or wanted["host_port"]) or range(0)
    address = ip.normal(wanted["to_address"])
    found = {}
    for key, target in zip(keys(wanted), targets):
        protocol, host_ip, host_port = key
        given = None if wanted["host_ip"] is None or host_ip in ("0.0.0.0", "::") else host_ip
        found[key] = NatPort(protocol, given, host_port, address, target, wanted["bridge"])
    return found


def keys(wanted: dict[str, Any]) -> list[NatKey]:
    """Return the keys of a declared port or range; of both families where a port to be deleted names no address."""
    if wanted["host_ip"] is not None:
        hosts = [ip.normal(wanted["host_ip"])]
    elif wanted["to_address"] is not None:
        hosts = ["0.0.0.0" if _version(wanted["to_address"]) == 4 else "::"]
    else:
        hosts = ["0.0.0.0", "::"]
    return [(wanted["protocol"], host_ip, port) for host_ip in hosts for port in ports(wanted["host_port"]) or []]


@functools.lru_cache(1 << 16)
def ports(text: str) -> range | None:
    """Return the ports that '80' or '8000-8005' names; None for any other text.

    >>> list(ports("8000-8002"))
    [8000, 8001, 8002]
    """
    match = _RANGE.match(text)
    if match is None:
        return None
    first = int(match.group(1))
    last = int(match.group(2) or first)
    return range(first, last + 1) if 1 <= first <= last <= 65535 else None


def label(wanted: dict[str, Any]) -> str:
    """Return the port as declared by a user: 192.0.2.1:8080/tcp."""
    if wanted["host_port"] is None:
        address = wanted["to_address"]
        return "{}{}/{}".format("" if address is None else _host(address), wanted["to_port"], wanted["protocol"])
    return "{}{}/{}".format(
        "" if wanted["host_ip"] is None else _host(wanted["host_ip"]), wanted["host_port"], wanted["protocol"]
    )


def _name(key: NatKey | OpeningKey) -> str:
    protocol, host_ip, port = key
    return "%s%d/%s" % (_host(host_ip), port, protocol)


def _host(host_ip: str) -> str:
    return ("[%s]:" if ":" in host_ip else "%s:") % host_ip


def _told(port: NatPort | Opening) -> dict[str, Any]:
    if isinstance(port, Opening):
        return {"bridge": port.bridge}
    return {"to": "%s%d" % (_host(port.to_address), port.to_port), **({"bridge": port.bridge} if port.bridge else {})}


def _version(address: str) -> int:
    return ip.address(address).version


def _are_addresses(*given: str | None) -> bool:
    try:
        return all(_version(address) for address in given if address is not None)
    except ValueError:
        return False
