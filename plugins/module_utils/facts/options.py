# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What kinds check of an object's options; each error names the object, the field, the value and the rule."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Addressed
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip, names, values
from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems


class Checks(Problems):
    """The checks that kinds share, of all objects of one document. A message has kind and name of the object."""

    def __init__(self) -> None:
        super().__init__()
        self.missing: list[str] = []  # references that an earlier task may have to create

    @staticmethod
    def message(thing: str, field: str, value: object, rule: str) -> str:
        """Format a message."""
        return f"{thing}: {field}: {_quoted(value)}: {rule}"

    def refer(self, kind: str, name: object, field: str, value: object, what: str, known: Collection[str] = ()) -> None:
        """Add a reference to an object that neither exists nor is declared; ``known`` names those that do."""
        rule = f"no {what} of this name exists or is declared{self.near(value, known)}"
        self.missing.append(self.message(f"{kind} {name}", field, value, rule))

    def add(self, kind: str, name: object, field: str, value: object, rule: str) -> None:
        """Add an error: the object, the field, the given value, and the rule or remedy."""
        self.refuse(f"{kind} {name}", field, value, rule)

    def foreign(self, kind: str, name: object) -> None:
        """Add the error that an unmanaged object of this name already exists (adopt: true takes it over)."""
        rule = "already exists and is not managed by virtnet.linux; set adopt: true to take it over, or rename one"
        self.add(kind, name, "name", name, rule)

    def check(self, kind: str, name: object, field: str, value: Any, rule: str | None) -> bool:
        """Add the error that a value breaks a rule (None: it breaks none); return whether it is valid."""
        if rule is not None:
            self.add(kind, name, field, value, rule)
        return rule is None

    def interface_name(self, kind: str, name: object, field: str, value: Any) -> None:
        """Check that the value is a valid interface name."""
        if value is not None and not names.is_interface_name(value):
            self.add(kind, name, field, value, values.INTERFACE_NAME)

    def object_name(self, kind: str, name: object, field: str, value: Any) -> None:
        """Check that the value is a valid namespace name."""
        if value is not None and not names.is_object_name(value):
            self.add(kind, name, field, value, values.OBJECT_NAME)

    def number(self, kind: str, name: object, field: str, value: int | None, first: int, last: int) -> None:
        """Check that the value is in a range, both ends included."""
        if value is not None and not first <= value <= last:
            self.add(kind, name, field, value, values.number(first, last))

    def mac(self, kind: str, name: object, field: str, value: Any) -> None:
        """Check that the value is a unicast MAC address."""
        if value is not None:
            self.check(kind, name, field, value, values.mac_problem(value))

    def mtu(self, kind: str, name: object, field: str, value: Any, addresses: Iterable[str] = ()) -> None:
        """Check that the value is an MTU that the kernel accepts for a link with these addresses."""
        if value is not None:
            self.check(kind, name, field, value, values.mtu_problem(value, addresses))

    def existing_mtu(self, kind: str, name: object, desired: int | None, found: int, addresses: Iterable[str]) -> None:
        """Check that the observed MTU, where none is desired, is valid for the addresses."""
        rule = values.mtu_problem(found, addresses)
        if desired is None and rule is not None and found < values.MTU_FIRST[6]:
            self.add(kind, name, "mtu", found, f"the link's own MTU {rule}; give mtu")

    def interface_address(self, kind: str, name: object, field: str, value: Any) -> bool:
        """Check that the value is ADDRESS/LENGTH, a unicast address."""
        return self.check(kind, name, field, value, values.interface_address_problem(value))

    def addressing(self, kind: str, name: object, prefix: str, end: Addressed) -> None:
        """Check the addresses, gateways and routes of one link. Declared addresses are the link's only ones, so each
        gateway has to be in one of their subnets or on-link routes, or be link-local."""
        before = self.refusals
        for address in end.addresses or []:
            self.interface_address(kind, name, prefix + "addresses", address)
        self.address(kind, name, prefix + "gateway", end.gateway or None, 4)
        self.address(kind, name, prefix + "gateway6", end.gateway6 or None, 6)
        self.routes(kind, name, prefix + "routes", end.routes)
        if end.addresses is None or self.refusals > before:
            return
        routes = end.routes or []
        near: list[ip.Network] = [ip.interface(address).network for address in end.addresses]
        near += [ip.network(route.to) for route in routes if route.via is None]
        led = [(word, via) for word, via in (("gateway", end.gateway), ("gateway6", end.gateway6)) if via]
        led += [("routes.via", route.via) for route in routes if route.via is not None]
        for field, via in led:
            if not any(ip.address(via) in network for network in near) and not ip.address(via).is_link_local:
                rule = "is in none of the subnets of this interface's addresses, so it is unreachable"
                self.add(kind, name, prefix + field, via, rule)
        for route in routes:
            if ip.network(route.to) in near[: len(end.addresses)]:
                rule = "conflicts with the connected route of this interface; leave it out"
                self.add(kind, name, prefix + "routes.to", route.to, rule)

    def address(self, kind: str, name: object, field: str, value: Any, version: int | None = None) -> None:
        """Check that the value is an address without prefix length, of that IP version if one is given."""
        if value is not None:
            self.check(kind, name, field, value, values.address_problem(value, version))

    def network(self, kind: str, name: object, field: str, value: Any) -> bool:
        """Check that the value is a network without host bits."""
        return self.check(kind, name, field, value, values.subnet_problem(value))

    def networks(self, kind: str, name: object, field: str, given: list[Any]) -> None:
        """Check that each of the values is a network, and that none overlaps another."""
        found = [ip.network(value) for value in given if self.network(kind, name, field, value)]
        for number, one in enumerate(found):
            for other in found[:number]:
                if one.version == other.version and one.overlaps(other):
                    small, wide = sorted((one, other), key=lambda network: -network.prefixlen)
                    self.add(kind, name, field, str(small), f"is part of {wide}, which is listed too; leave it out")

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
                    self.add(kind, name, field + ".to", route.to, values.DUPLICATE_ROUTE)
                ways.add((network, metric))
            self.number(kind, name, field + ".metric", metric, 0, (1 << 32) - 1)


def _quoted(value: object) -> str:
    return f"'{value}'" if isinstance(value, str) else str(value)
