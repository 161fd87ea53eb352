# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observed attributes of VXLAN links (IFLA_VXLAN_*, include/uapi/linux/if_link.h)."""

from __future__ import annotations

import itertools

from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import VxlanTunnel
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.link import Link
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import number
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import Stack
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip
from ansible_collections.virtnet.linux.plugins.module_utils.rules.names import (
    TUNNEL_OVERHEAD,
)

# IFLA_VXLAN_*
IFLA_ID, IFLA_LINK, IFLA_LOCAL, IFLA_LEARNING, IFLA_PORT, IFLA_GROUP6, IFLA_LOCAL6 = 1, 3, 4, 7, 15, 16, 17


_FLAGS = {
    20: "zero checksums",
    22: "remote checksums",
    23: "GBP",
    25: "metadata collection",
    27: "GPE",
    30: "VNI filter",
}


def fitting_mtu(stack: Stack, local: str, version: int) -> int | None:
    """Return the MTU that leaves room for the outer headers on the underlay's device; None if none has ``local``."""
    for index, addresses in stack.addresses.items():
        if local in (address.split("/")[0] for address in addresses):
            device = stack.link_at(index)
            return None if device is None else device.mtu - TUNNEL_OVERHEAD[version]
    return None


def addresses_of_host(stack: Stack) -> set[str]:
    return {address.split("/")[0] for address in itertools.chain.from_iterable(stack.addresses.values())}


def bridge_of(stack: Stack, link: Link) -> str | None:
    bridge = stack.link_at(link.master) if link.master else None
    return None if bridge is None else bridge.name


def vtep_of(link: Link) -> str | None:
    for at in (IFLA_LOCAL, IFLA_LOCAL6):
        if at in link.data:
            return ip.unpacked(link.data[at])
    return None


def version_of(link: Link) -> int:
    return 6 if IFLA_LOCAL6 in link.data or IFLA_GROUP6 in link.data else 4


def udp_port_of(link: Link) -> int:
    return int.from_bytes(link.data[IFLA_PORT], "big") if IFLA_PORT in link.data else 0


def is_learning(link: Link) -> bool:
    return bool(number(link.data[IFLA_LEARNING])) if IFLA_LEARNING in link.data else False


def extensions_of(link: Link) -> list[str]:
    """Return the flags of a tunnel's socket that this collection does not set; a flag attribute is present or absent,
    others have a value."""
    found = ((word, link.data.get(at)) for at, word in _FLAGS.items())
    return [word for word, value in found if value is not None and (len(value) == 0 or number(value))]


# IFLA_BRPORT_*
PORT_FLAGS = {
    "IFLA_BRPORT_LEARNING": 8,
    "IFLA_BRPORT_UNICAST_FLOOD": 9,
    "IFLA_BRPORT_MCAST_FLOOD": 27,
    "IFLA_BRPORT_BCAST_FLOOD": 30,
    "IFLA_BRPORT_NEIGH_SUPPRESS": 32,
}


def port_attributes(desired: VxlanTunnel, link: Link | None) -> dict[str, bool]:
    """Return the bridge port flags. Without a flood list nothing is flooded and the bridge answers ARP
    (neigh_suppress). With one ARP is flooded too, because flooding is enabled for announcements of moved addresses."""
    learning = desired.learning if desired.learning is not None else link is not None and is_learning(link)
    floods = bool(desired.flood)
    if desired.flood is None and link is not None:
        floods = _port_flag(link, "IFLA_BRPORT_BCAST_FLOOD")
    values = (learning, floods, floods, floods, not floods)
    return dict(zip(PORT_FLAGS, values))


def _port_flag(link: Link, name: str) -> bool:
    at = PORT_FLAGS[name]
    return at in link.port and bool(number(link.port[at]))


def format_flags(flags: dict[str, bool]) -> str:
    """Return the port's flags in the words of `bridge link`: 'learning off flood off ...'."""
    words = (name[len("IFLA_BRPORT_") :].lower() + (" on" if on else " off") for name, on in flags.items())
    return " ".join(words)
