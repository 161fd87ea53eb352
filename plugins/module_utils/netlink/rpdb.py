# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's routing policy database (`ip rule`): which rule determines a packet's route. Pure functions of the rules
and of the routes of the tables that they look up.

The kernel evaluates the rules in order; one that matches looks up its table, and where that has no route the next rule
is evaluated. Sources: ip-rule(8); fib_rules_lookup() in net/core/fib_rules.c, fib4_rule_suppress() in
net/ipv4/fib_rules.c, include/uapi/linux/fib_rules.h.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import attributes, number, text
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip

PROTOCOL = 118  # the owner of a rule (`ip rule show`: `proto 118`): a number without a name in /etc/iproute2/rt_protos

_HEADER = struct.Struct("=BBBBBBBBI")  # struct fib_rule_hdr: family, dst_len, src_len, tos, table, -, -, action, flags
_DST, _SRC, _IIFNAME, _PRIORITY, _FWMARK, _SUPPRESS_PREFIXLEN, _TABLE = 1, 2, 3, 6, 10, 14, 15
_FWMASK, _OIFNAME, _L3MDEV, _PROTOCOL = 16, 17, 19, 21
# tunnel, user, protocol, ports; since Linux 6.14 DSCP, flow label and masks of ports
_SELECTIVE = frozenset({12, 20, 22, 23, 24, *range(25, 31)})
_INVERT = 0x2
_ACTIONS = {1: "lookup", 2: "goto", 3: "nop", 6: "blackhole", 7: "unreachable", 8: "prohibit"}
_NAMES_OF_TABLES = {
    messages.RT_TABLE_LOCAL: "local",
    messages.RT_TABLE_MAIN: "main",
    messages.RT_TABLE_DEFAULT: "default",
}
_NO_SUPPRESSION = -1
BLOCKING = ("blackhole", "unreachable", "prohibit")


class Rule(NamedTuple):
    """One rule. ``only_some``: it has selectors that are not evaluated here (TOS, protocol, ports, user, tunnel), so
    that it may or may not match."""

    version: int
    preference: int
    action: str
    table: int
    inverted: bool = False
    source: str | None = None
    to: str | None = None
    iif: str | None = None
    oif: str | None = None
    fwmark: tuple[int, int] | None = None  # with its mask
    suppress_prefixlength: int = _NO_SUPPRESSION
    l3mdev: bool = False
    protocol: int = 0
    only_some: bool = False

    def __str__(self) -> str:
        words = ["not"] if self.inverted else []
        for word, value in (("from", self.source), ("to", self.to), ("iif", self.iif), ("oif", self.oif)):
            words += [word, value.removesuffix("/32").removesuffix("/128")] if value is not None else []
        words += ["fwmark", "%#x" % self.fwmark[0]] if self.fwmark is not None else []
        words += ["..."] if self.only_some else []
        table = "l3mdev-table" if self.l3mdev else _NAMES_OF_TABLES.get(self.table, str(self.table))
        words += ["lookup", table] if self.action == "lookup" else [self.action]
        return "rule %d (%s)" % (self.preference, " ".join(words))

    @property
    def is_ours(self) -> bool:
        """Whether this collection made it: `to SUBNET lookup main` with its protocol, and no other selector."""
        made = for_subnet(self.to, self.preference) if self.to is not None else None
        return self == made

    def may_match(self, subnet: ip.Network) -> bool:
        """Whether some packets for addresses of the subnet match, except those of sockets bound to a device."""
        return not self._all_match(subnet) if self.inverted else self._some_match(subnet)

    def must_match(self, subnet: ip.Network) -> bool:
        """Whether all packets for the subnet match."""
        return not self._some_match(subnet) if self.inverted else self._all_match(subnet)

    def _some_match(self, subnet: ip.Network) -> bool:
        return not self.l3mdev and self.oif is None and (self.to is None or ip.network(self.to).overlaps(subnet))

    def _all_match(self, subnet: ip.Network) -> bool:
        others = (self.source, self.iif, self.oif, self.fwmark)
        if self.only_some or self.l3mdev or any(other is not None for other in others):
            return False
        return self.to is None or lies_in(subnet, ip.network(self.to))

    def takes(self, source: ip.Network, iif: str) -> bool:
        """Whether a packet from ``source`` to a remote address, with ingress interface ``iif`` (lo: from this host) and
        without a packet mark, matches."""
        if self.only_some or self.l3mdev:
            return False
        matches = (
            (self.source is None or lies_in(source, ip.network(self.source)))
            and (self.to is None or ip.network(self.to).prefixlen == 0)
            and self.iif in (None, iif)
            and self.oif is None
            and (self.fwmark is None or self.fwmark[0] & self.fwmark[1] == 0)
        )
        return matches != self.inverted


class TableRoute(NamedTuple):
    """A route of a table: its type as in `ip route`, and the indices of its egress links."""

    to: ip.Network
    type: str
    indices: tuple[int, ...] = ()


Tables = Callable[[int], Sequence[TableRoute]]  # the routes of a table, of one IP version


class Way(NamedTuple):
    """The egress of packets to remote addresses: the rule that decides, and the links (none: no egress)."""

    rule: Rule
    indices: tuple[int, ...]


def for_subnet(subnet: str, preference: int) -> Rule:
    """Return the rule that a run adds for a network's subnet."""
    table, version = messages.RT_TABLE_MAIN, ip.network(subnet).version
    return Rule(version, preference, "lookup", table, to=subnet, protocol=PROTOCOL)


def read(payload: bytes) -> Rule | None:
    """Parse a rule of a dump; None for those of multicast routing."""
    family, to_length, source_length, tos, table, _res1, _res2, action, flags = _HEADER.unpack_from(payload)
    if family not in (socket.AF_INET, socket.AF_INET6):
        return None
    held = attributes(payload, _HEADER.size)
    mark, mask = (number(held[key]) if key in held else 0 for key in (_FWMARK, _FWMASK))
    suppressed = struct.unpack("=i", held[_SUPPRESS_PREFIXLEN])[0] if _SUPPRESS_PREFIXLEN in held else _NO_SUPPRESSION
    return Rule(
        version=4 if family == socket.AF_INET else 6,
        preference=number(held.get(_PRIORITY, b"\0")),
        action=_ACTIONS.get(action, "nop"),
        table=number(held[_TABLE]) if _TABLE in held else table,
        inverted=bool(flags & _INVERT),
        source=_network(held.get(_SRC), source_length),
        to=_network(held.get(_DST), to_length),
        iif=text(held[_IIFNAME]) if _IIFNAME in held else None,
        oif=text(held[_OIFNAME]) if _OIFNAME in held else None,
        fwmark=(mark, mask) if mask else None,
        suppress_prefixlength=suppressed,
        l3mdev=bool(number(held.get(_L3MDEV, b"\0"))),
        protocol=number(held.get(_PROTOCOL, b"\0")),
        only_some=bool(tos) or not _SELECTIVE.isdisjoint(held),
    )


def before_main(rules: Sequence[Rule], subnet: ip.Network) -> Iterator[Rule]:
    """Yield the rules that may match packets for a connected subnet before the main table is looked up."""
    for rule in rules:
        if rule.may_match(subnet):
            if rule.action == "lookup" and rule.table == messages.RT_TABLE_MAIN:
                if rule.must_match(subnet) and rule.suppress_prefixlength < subnet.prefixlen:
                    return
            elif rule.action != "lookup" or rule.table != messages.RT_TABLE_LOCAL:
                yield rule


def diverting(rules: Sequence[Rule], subnet: ip.Network, tables: Tables) -> Rule | None:
    """Return the first rule of before_main() that routes some of these packets elsewhere; None where none does."""
    for rule in before_main(rules, subnet):
        if rule.action == "lookup" and _leads_elsewhere(tables(rule.table), subnet, rule.suppress_prefixlength):
            return rule
    return None


def can_be_preceded(rule: Rule, rules: Sequence[Rule]) -> bool:
    """Whether a rule can be added before this one and after `lookup local`, which has to stay first: it has the host's
    own addresses, networks' gateways among them."""
    local = [one for one in rules if one.action == "lookup" and one.table == messages.RT_TABLE_LOCAL]
    return rule.preference > 0 and any(rules.index(one) < rules.index(rule) for one in local)


def egress_route(rules: Sequence[Rule], source: str, iif: str, tables: Tables) -> Way | None:
    """Return the egress to remote addresses of packets from an address or subnet that ingress by that interface; None
    where no rule has a route for them."""
    network = ip.network(source)
    for rule in rules:
        if rule.takes(network, iif):
            if rule.action == "lookup":
                found = default(tables(rule.table), rule.suppress_prefixlength)
                if found is not None:
                    return Way(rule, found)
            elif rule.action in BLOCKING:
                return Way(rule, ())
    return None


def _leads_elsewhere(routes: Sequence[TableRoute], subnet: ip.Network, suppressed: int) -> bool:
    """Whether a table has a route for a part of the subnet that is not of type `throw`."""
    there = [route for route in routes if route.to.prefixlen > suppressed and route.to.overlaps(subnet)]
    wide = [route for route in there if route.to.prefixlen <= subnet.prefixlen]
    narrow = [route for route in there if route.to.prefixlen > subnet.prefixlen]
    longest = max(wide, key=lambda route: route.to.prefixlen, default=None)
    return any(route.type != "throw" for route in narrow + ([longest] if longest is not None else []))


def default(routes: Sequence[TableRoute], suppressed: int) -> tuple[int, ...] | None:
    """Return the links of a table's default route, or of the two /1 routes with which VPNs override it; () for a
    blackhole and the like, None where the table has none."""
    halves = [route for route in routes if route.to.prefixlen == 1 > suppressed]
    wide = [route for route in routes if route.to.prefixlen == 0 > suppressed]
    for found in (halves if len({route.to for route in halves}) == 2 else [], wide[:1]):
        if found:
            through = [index for route in found if route.type == "unicast" for index in route.indices]
            return None if found[0].type == "throw" else tuple(dict.fromkeys(through))
    return None


def _network(address: bytes | None, length: int) -> str | None:
    """Format NETWORK/LENGTH; the kernel keeps host bits, so they are cleared."""
    return None if address is None else str(ipaddress.ip_network((address, length), strict=False))


def lies_in(inner: ip.Network, outer: ip.Network) -> bool:
    """Whether a network is a subnet of the other one, or equal to it."""
    return inner.prefixlen >= outer.prefixlen and inner.overlaps(outer)
