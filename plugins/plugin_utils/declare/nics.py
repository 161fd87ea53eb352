# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NICs of the host that are moved into containers, or shared with them by macvlan."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from ansible_collections.virtnet.linux.plugins.module_utils.rules import names
from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import enumerate_names
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.addresses import Address
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.fields import Fields
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.routes import Route, read_routes

PHYSICAL, MACVLAN = "physical", "macvlan"

Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface


@dataclass
class Nic:
    """The desired state of a NIC or macvlan in a container; addresses None are not enforced (DHCP in the container)."""

    device: str
    name: str
    type: str = PHYSICAL
    mode: str = "bridge"
    mac: str | None = None
    mtu: int | None = None
    addresses: list[Interface] | None = None
    gateways: dict[int, Address] = field(default_factory=dict)  # by IP version
    routes: list[Route] = field(default_factory=list)


def read_nics(fields: Fields) -> list[Nic]:
    """Read the field `interfaces` of a container."""
    found: list[Nic] = []
    for record in fields.records("interfaces"):
        nic = _read_nic(record)
        if nic is None:
            continue
        if any(nic.name == other.name for other in found):
            record.refuse("name", f"another interface of the container is called {nic.name}; give one another name")
        found.append(nic)
    for version, word in ((4, "gateway"), (6, "gateway6")):
        ways = [str(nic.gateways[version]) for nic in found if version in nic.gateways]
        if len(ways) > 1:
            fields.problems.refuse(
                fields.thing, f"interfaces[].{word}", ", ".join(ways), "a container has one default route; keep one"
            )
    return found


def _read_nic(record: Fields) -> Nic | None:
    record.only()
    device, name = record.text("device"), record.text("name")
    if device is None:
        if not record.given("device"):
            record.refuse("device", "is required: a NIC of the host, as enp3s0")
        return None
    for word, value in (("device", device), ("name", name)):
        if value is not None and (value == "lo" or not names.is_interface_name(value)):
            record.refuse(word, f"must be {names.INTERFACE_RULE}; and not lo")
    addresses = _read_addresses(record)
    nic = Nic(
        device=device,
        name=name or device,
        type=record.choice("type") or PHYSICAL,
        mode=record.choice("mode") or "bridge",
        mac=record.mac("mac"),
        mtu=record.integer("mtu", 1280 if any(one.version == 6 for one in addresses or []) else 68, 65535),
        addresses=addresses,
        routes=read_routes(record),
    )
    if record.given("mode") and nic.type == PHYSICAL:
        record.refuse("mode", "applies to a macvlan only; set type: macvlan, or leave it out")
    for version, word in ((4, "gateway"), (6, "gateway6")):
        gateway = record.address(word, version)
        if gateway is not None:
            nic.gateways[version] = gateway
            _check_near(record, word, gateway, addresses)
    for route in nic.routes:
        _check_near(record, f"routes[{route.number}].via", route.via, addresses)
    return nic


def _read_addresses(record: Fields) -> list[Interface] | None:
    if not record.given("addresses"):
        return None
    found = []
    for number, value in record.texts("addresses"):
        try:
            if "/" not in value or "%" in value:
                raise ValueError(value)
            found.append(ipaddress.ip_interface(value.strip()))
        except ValueError:
            rule = "must be an address with its length, as 192.0.2.5/24"
            record.problems.refuse(record.thing, f"addresses[{number}]", value, rule)
    return found


def _check_near(record: Fields, word: str, via: Address, addresses: list[Interface] | None) -> None:
    """Refuse a next hop that is not on the NIC's link; with addresses left to DHCP it cannot be checked."""
    if not addresses or via.is_link_local or any(via in interface.network for interface in addresses):
        return
    listed = enumerate_names([str(interface.network) for interface in addresses])
    record.problems.refuse(record.thing, word, str(via), f"must be an address on the NIC's link: in {listed}")
