# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read declared switches, which several networks share, each in a VLAN; and a network's driver, switch and VLAN."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import SWITCH_DRIVERS
from ansible_collections.virtnet.linux.plugins.module_utils.rules import names, values
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare import compose
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.fields import Fields

LINUX, OPEN_VSWITCH = SWITCH_DRIVERS
VLANS = (1, 4094)  # IEEE 802.1Q: 0 and 4095 are reserved


@dataclass(frozen=True)
class Uplink:
    """A NIC of the host that is a port of a switch; without VLANs it carries all of them tagged."""

    interface: str
    vlans: tuple[int, ...] = ()


@dataclass
class Switch:
    """A switch that several networks share."""

    name: str
    driver: str = OPEN_VSWITCH
    uplinks: list[Uplink] = field(default_factory=list)
    role: str | None = None  # of an observed one: the role that made it


@dataclass(frozen=True)
class Placement:
    """Where a network is: a switch of its own of a ``driver``, or a VLAN of a shared ``switch``."""

    driver: str | None = None  # None: that of the switch, or the default
    switch: str | None = None
    vlan: int | None = None


def read_switch(fields: Fields, name: str) -> Switch:
    """Read one entry of the list of switches."""
    fields.only()
    if not names.is_interface_name(name):
        fields.refuse("name", f"is the name of its link too: {values.INTERFACE_NAME}")
    driver = fields.choice("driver")
    if driver == LINUX:
        rule = "has no VLANs in this version; write openvswitch, or leave out the switch: each network gets a bridge"
        fields.refuse("driver", rule)
    return Switch(name, driver or OPEN_VSWITCH, _read_uplinks(fields))


def read_placement(fields: Fields) -> Placement:
    """Read driver, switch and vlan of a network."""
    switch = fields.text("switch")
    vlan = fields.integer("vlan", *VLANS)
    if switch is not None and not fields.given("vlan"):
        fields.refuse("vlan", f"is required with switch {switch}: the network's VLAN, {VLANS[0]} to {VLANS[1]}")
    if switch is None and fields.given("vlan"):
        fields.refuse("vlan", "requires switch: the name of the switch on which the network has this VLAN")
    return Placement(fields.choice("driver", compose.DRIVERS), switch, vlan)


def read_trunks(fields: Fields) -> list[int]:
    """Read the VLANs that an attachment carries tagged."""
    return _read_vlans(fields, "trunks")


def _read_vlans(fields: Fields, word: str) -> list[int]:
    found: list[int] = []
    for number, value in enumerate(fields.listing(word)):
        vlan = Fields({word: value}, fields.thing, fields.problems).integer(word, *VLANS)
        if vlan in found:
            fields.problems.refuse(fields.thing, f"{word}[{number}]", value, "is named twice; name a VLAN once")
        elif vlan is not None:
            found.append(vlan)
        elif value is None:
            fields.problems.refuse(fields.thing, f"{word}[{number}]", value, values.number(*VLANS))
    return sorted(found)


def _read_uplinks(fields: Fields) -> list[Uplink]:
    found: dict[str, Uplink] = {}
    for number, raw in enumerate(fields.listing("uplinks")):
        place = f"{fields.thing}: uplinks[{number}]"
        if not isinstance(raw, Mapping):
            fields.problems.refuse(place, "as a whole", raw, "must be a mapping of interface and vlans")
            continue
        one = Fields(raw, place, fields.problems, options=fields.options_of("uplinks"))
        one.only()
        interface = one.text("interface")
        if interface is None or not names.is_interface_name(interface):
            one.refuse("interface", f"is required: a NIC of the host; {values.INTERFACE_NAME}")
            continue
        if interface in found:
            one.refuse("interface", "is named twice; name a NIC once")
        found[interface] = Uplink(interface, tuple(_read_vlans(one, "vlans")))
    return list(found.values())
