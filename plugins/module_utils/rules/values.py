# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a valid MAC, address, subnet, MTU, port, VNI or name is, in one wording, for the planner, the modules and the
firewall's checks. Each of the functions NAME_problem() returns the rule that a value breaks, or None."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip
from ansible_collections.virtnet.linux.plugins.module_utils.rules.names import (
    HOST_RULE,
    INTERFACE_RULE,
    MAC,
    OBJECT_RULE,
    VNI_LAST,
)

MAC_ADDRESS = "must be a MAC address like 02:42:ac:1e:00:02"
UNICAST_MAC = "must be a unicast MAC address: an even first byte, and not all zeros"
INTERFACE_NAME = "must be an interface name: " + INTERFACE_RULE
OBJECT_NAME = "must be " + OBJECT_RULE
HOST_NAME = "must be " + HOST_RULE
ONE_WORD = "must not contain whitespace"
PORT_RANGE = "must be a port from 1 to 65535, or a range FIRST-LAST"
INTERFACE_ADDRESS = "must be an address with its prefix length, like 172.30.0.2/16 or fd00::2/64"
UNICAST_ADDRESS = "must be a unicast address"
NO_MAPPED_ADDRESS = "without a scope, and must not be an IPv4-mapped IPv6 address"
DUPLICATE_ROUTE = "duplicate route: same destination and metric; keep one, or give one of them another metric"

_SUBNETS = {4: "172.30.0.0/16", 6: "fd00:30::/64", None: "172.30.0.0/16 or fd00:30::/64"}
MTU_FIRST = {4: 68, 6: 1280}  # RFC 791; RFC 8200, 5
_MTU_LAST = 65535  # of a bridge


def number(first: int, last: int) -> str:
    """Return the rule for a number in a range, both ends included."""
    return f"must be a number from {first} to {last}"


PORT = number(1, 65535)
VNI = number(1, VNI_LAST)


def address(version: int | None = None) -> str:
    """Return the rule for an address of that IP version (None: of any)."""
    return f"must be an IPv{version} address" if version else "must be an IP address"


def subnet(version: int | None = None) -> str:
    """Return the rule for a subnet of that IP version (None: of any)."""
    family = f"an IPv{version}" if version else "an IP"
    return f"must be {family} subnet in CIDR notation, like {_SUBNETS[version]}"


def host_bits(network: object) -> str:
    """Return the rule for a subnet that has host bits, given the one without."""
    return f"has host bits set; write {network}"


def mac_problem(text: str) -> str | None:
    """Return the rule that a unicast MAC breaks."""
    if not MAC.match(text.lower()):
        return MAC_ADDRESS
    is_unicast = not int(text[:2], 16) & 1 and int(text.replace(":", ""), 16) != 0
    return None if is_unicast else UNICAST_MAC


def mtu_problem(value: int, addresses: Iterable[object] = ()) -> str | None:
    """Return the rule that the MTU of a link with these addresses breaks."""
    first = MTU_FIRST[6 if any(":" in str(one) for one in addresses) else 4]
    if first <= value <= _MTU_LAST:
        return None
    rule = number(first, _MTU_LAST)
    return rule + ", for it has an IPv6 address" if value >= MTU_FIRST[4] and value <= _MTU_LAST else rule


def address_problem(text: object, version: int | None = None) -> str | None:
    """Return the rule that an address without prefix length breaks."""
    try:
        if version in (None, ip.address(str(text)).version):
            return None
    except ValueError:
        pass
    return address(version)


def interface_address_problem(text: object) -> str | None:
    """Return the rule that an address with its prefix length breaks."""
    try:
        if "/" not in str(text):
            raise ValueError
        found = ip.interface(str(text)).ip
    except ValueError:
        return INTERFACE_ADDRESS
    return UNICAST_ADDRESS if found.is_multicast or found.is_unspecified else None


def subnet_problem(text: Any) -> str | None:
    """Return the rule that a subnet breaks."""
    try:
        ip.network(text)
        return None
    except ValueError:
        pass
    try:
        if "%" not in str(text):
            return host_bits(ipaddress.ip_network(text, strict=False))
    except ValueError:
        pass
    return subnet()


@functools.lru_cache(maxsize=1 << 16)
def is_normal_address(text: object) -> bool:
    """Whether it is an address without zone in the notation of the kernel's tools, which is what nft lists."""
    try:
        return isinstance(text, str) and "%" not in text and ip.normal(text) == text
    except ValueError:
        return False


@functools.lru_cache(maxsize=1 << 16)
def is_normal_subnet(text: object) -> bool:
    """Whether it is a subnet without host bits in the notation of `ipaddress`."""
    try:
        return isinstance(text, str) and "/" in text and str(ip.network(text)) == text
    except ValueError:
        return False
