# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Option specs and input validation shared by several kinds of object; each error names the object, the field, the
value and the rule."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Addressed
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip, names

STATE: dict[str, Any] = dict(type="str", choices=["present", "absent"], default="present")
ADOPT: dict[str, Any] = dict(type="bool", default=False)
LABELS: dict[str, Any] = dict(type="dict")
ROUTES: dict[str, Any] = dict(
    type="list",
    elements="dict",
    options=dict(to=dict(type="str", required=True), via=dict(type="str"), metric=dict(type="int")),
)


_MOST = 50  # messages of one run: a mistake in a template is in each of a thousand objects


def abridge(sentences: list[str]) -> list[str]:
    """Return the first messages, in order, and the number of omitted ones."""
    more = len(sentences) - _MOST
    return sentences if more <= 0 else [*sentences[:_MOST], "and %d more" % more]


class Problems:
    """Collects the errors of all objects of one document, so that all are reported at once."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self.missing: list[str] = []
        self.warnings: list[str] = []  # settings that cannot be enforced; no errors

    def refer(self, kind: str, name: object, field: str, value: object, what: str) -> None:
        """Add a reference to an object that neither exists nor is declared."""
        self.missing.append(
            f"{kind} {name}: {field}: {_quoted(value)}: there is no {what} of this name, and none is declared"
        )

    def add(self, kind: str, name: object, field: str, value: object, rule: str) -> None:
        """Add an error: the object, the field, the given value, and the rule or remedy."""
        self.found.append(f"{kind} {name}: {field}: {_quoted(value)}: {rule}")

    def foreign(self, kind: str, name: object) -> None:
        """Add the error that an unmanaged object of this name already exists (adopt: true takes it over)."""
        rule = "one that is not ours has this name: choose another, or take it over with adopt: true"
        self.add(kind, name, "name", name, rule)

    def interface_name(self, kind: str, name: object, field: str, value: Any) -> None:
        """Check that the value is a valid link name."""
        if value is not None and not names.is_interface_name(value):
            self.add(kind, name, field, value, "a link's name is " + names.INTERFACE_RULE)

    def object_name(self, kind: str, name: object, field: str, value: Any) -> None:
        """Check that the value is a valid namespace name."""
        if value is not None and not names.is_object_name(value):
            self.add(kind, name, field, value, "a name is " + names.OBJECT_RULE)

    def mac(self, kind: str, name: object, field: str, value: Any) -> None:
        """Check that the value is a unicast MAC address."""
        if value is None:
            return
        if not names.MAC.match(value.lower()):
            self.add(kind, name, field, value, "a MAC is six pairs of hex digits, as 02:42:ac:1e:00:02")
        elif int(value[:2], 16) & 1 or not int(value.replace(":", ""), 16):
            self.add(kind, name, field, value, "a link's MAC is a unicast one: the first octet even, and not all zero")

    def mtu(self, kind: str, name: object, field: str, value: Any, addresses: Iterable[str] = ()) -> None:
        """Check that the value is an MTU that the kernel accepts (minimum 68 for IPv4, 1280 for IPv6; maximum 65535 for
        a bridge); ``addresses`` are those of the link's ends."""
        if value is None:
            return
        if not 68 <= value <= 65535:
            self.add(kind, name, field, value, "an MTU is 68 to 65535")
        elif value < 1280 and any(":" in str(address) for address in addresses):
            self.add(kind, name, field, value, "with an IPv6 address an MTU is 1280 to 65535")

    def standing_mtu(self, kind: str, name: object, wanted: int | None, found: int, addresses: Iterable[str]) -> None:
        """Check that the observed MTU, where none is desired, is valid for the addresses."""
        if wanted is None and found < 1280 and any(":" in str(address) for address in addresses):
            self.add(kind, name, "mtu", found, "the link has it, and with an IPv6 address needs 1280 or more: say mtu")

    def interface_address(self, kind: str, name: object, field: str, value: Any) -> bool:
        """Check that the value is ADDRESS/LENGTH, a unicast address."""
        try:
            if "/" not in str(value):
                raise ValueError
            address = ip.interface(value).ip
        except ValueError:
            self.add(kind, name, field, value, "an address and its length, as 172.30.0.2/16 or fd00::2/64")
            return False
        if address.is_multicast or address.is_unspecified:
            self.add(kind, name, field, value, "no link can have this address: it is nobody's or a group's")
            return False
        return True

    def addressing(self, kind: str, name: object, prefix: str, end: Addressed) -> None:
        """Check the addresses, gateways and routes of one link. Declared addresses are the link's only ones, so each
        gateway has to be in one of their subnets or on-link routes, or be link-local."""
        before = len(self.found)
        for address in end.addresses or []:
            self.interface_address(kind, name, prefix + "addresses", address)
        self.address(kind, name, prefix + "gateway", end.gateway or None, 4)
        self.address(kind, name, prefix + "gateway6", end.gateway6 or None, 6)
        self.routes(kind, name, prefix + "routes", end.routes)
        if end.addresses is None or len(self.found) > before:
            return
        routes = end.routes or []
        near: list[ip.Network] = [ip.interface(address).network for address in end.addresses]
        near += [ip.network(route.to) for route in routes if route.via is None]
        led = [(word, via) for word, via in (("gateway", end.gateway), ("gateway6", end.gateway6)) if via]
        led += [("routes.via", route.via) for route in routes if route.via is not None]
        for field, via in led:
            if not any(ip.address(via) in network for network in near) and not ip.address(via).is_link_local:
                rule = "it is in none of the subnets that this end has an address in, so nothing gets there"
                self.add(kind, name, prefix + field, via, rule)
        for route in routes:
            if ip.network(route.to) in near[: len(end.addresses)]:
                rule = "this end has an address in it, so the kernel has a route to it, which this one would take away"
                self.add(kind, name, prefix + "routes.to", route.to, rule)

    def address(self, kind: str, name: object, field: str, value: Any, version: int | None = None) -> None:
        """Check that the value is an address, of that IP version if one is given."""
        if value is None:
            return
        try:
            if version in (None, ip.address(value).version):
                return
        except ValueError:
            pass
        wanted = {None: "an IPv4 or IPv6 address", 4: "an IPv4 address", 6: "an IPv6 address"}[version]
        self.add(kind, name, field, value, wanted + ", without a length")

    def network(self, kind: str, name: object, field: str, value: Any) -> bool:
        """Check that the value is a network without host bits."""
        try:
            ip.network(value)
            return True
        except ValueError:
            self.add(kind, name, field, value, _network_rule(value))
            return False

    def networks(self, kind: str, name: object, field: str, values: list[Any]) -> None:
        """Check that each of the values is a network, and that none overlaps another."""
        found = [ip.network(value) for value in values if self.network(kind, name, field, value)]
        for number, one in enumerate(found):
            for other in found[:number]:
                if one.version == other.version and one.overlaps(other):
                    small, wide = sorted((one, other), key=lambda network: -network.prefixlen)
                    self.add(kind, name, field, str(small), f"it is part of {wide}, which is here too: leave it out")

    def labels(self, kind: str, name: object, value: Any) -> None:
        """Check that the value is labels that fit into a link's alias."""
        wrong = None if value is None else names.labels_problem(value)
        if wrong is not None:
            self.add(kind, name, "labels", value, wrong)

    def routes(self, kind: str, name: object, field: str, value: Any) -> None:
        """Check that each value is a route (``to`` a network, ``via`` an address of its family), and that no two
        have the same destination and metric."""
        ways: set[tuple[Any, int | None]] = set()
        for route in value or []:
            metric = route.metric
            if self.network(kind, name, field + ".to", route.to):
                network = ip.network(route.to)
                if route.via is not None:
                    self.address(kind, name, field + ".via", route.via, network.version)
                if (network, metric) in ways:
                    self.add(kind, name, field + ".to", route.to, "there are two ways to it of the same metric")
                ways.add((network, metric))
            if metric is not None and not 0 <= metric < 1 << 32:
                self.add(kind, name, field + ".metric", metric, "a metric is 0 to 4294967295")


def _network_rule(value: Any) -> str:
    try:
        if "%" not in str(value):
            return f"it should be {ipaddress.ip_network(value, strict=False)}"
    except ValueError:
        pass
    return "a network and its length, as 172.30.0.0/16 or fd00::/64"


def _quoted(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)
