# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observed state of one network namespace: links, addresses, routes and rules, read in one dump each."""

from __future__ import annotations

import errno
import itertools
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages, namespaces
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.link import Link, optional
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import (
    NetlinkError,
    Request,
    Socket,
    attribute,
    attributes,
    number,
    with_flags,
)
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip

if TYPE_CHECKING:
    from ansible_collections.virtnet.linux.plugins.module_utils.netlink import rpdb
    from ansible_collections.virtnet.linux.plugins.module_utils.netlink.open_files import OpenFiles

LOOPBACK_INDEX = 1
_NETNSA_NSID, _NSID_HEADER, _NOT_ASSIGNED = 1, 4, 0xFFFFFFFF  # include/uapi/linux/net_namespace.h
# include/uapi/linux/if_addr.h and rtnetlink.h
_IFA_ADDRESS, _IFA_LOCAL, _IFA_CACHEINFO = 1, 2, 6
_CACHEINFO = struct.Struct("=IIII")  # struct ifa_cacheinfo: prefered, valid, created and updated, in 1/100 s of uptime
_CLOCKS_DIFFER = 100  # 1/100 s: jiffies and CLOCK_MONOTONIC start at different moments of booting
_WANTED_OF_ADDRESS = with_flags(_IFA_ADDRESS, _IFA_LOCAL)
_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_MULTIPATH, _RTA_TABLE = 1, 4, 5, 6, 9, 15
_WANTED_OF_ROUTE = with_flags(_RTA_DST, _RTA_OIF, _RTA_GATEWAY, _RTA_PRIORITY, _RTA_MULTIPATH, _RTA_TABLE)
# include/uapi/linux/fib_rules.h: attributes of a rule without selectors: priority, suppressed length, table, protocol
_FRA_SUPPRESS_PREFIXLEN, _PLAIN, _FIB_RULE_INVERT = 14, frozenset({6, 14, 15, 21}), 0x2
_NONE = b"\xff" * 4

_ADDRESS = struct.Struct("=BBBBI")  # struct ifaddrmsg: family, prefix length, flags, scope, index
_ROUTE = struct.Struct("=BBBBBBBBI")  # struct rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type, flags
_RULE = struct.Struct("=BBBBBBBBI")  # struct fib_rule_hdr: family, dst_len, src_len, tos, table, -, -, action, flags
_HOP = struct.Struct("=HBBi")  # struct rtnexthop: length with its attributes, flags, weight less one, index

_TYPES_OF_ROUTES = {
    messages.RTN_UNICAST: "unicast",
    messages.RTN_BLACKHOLE: "blackhole",
    messages.RTN_UNREACHABLE: "unreachable",
    messages.RTN_PROHIBIT: "prohibit",
    messages.RTN_THROW: "throw",
}
_ANY = {socket.AF_INET: "0.0.0.0", socket.AF_INET6: "::"}
_GROUP_AT_ONCE = 500  # links of one group that are deleted in one message


class Route:
    """One route of the main table through a link. ``to`` is NETWORK/LENGTH, ``via`` None for a connected one;
    ``shared`` marks a next hop of a multipath route (ECMP)."""

    def __init__(
        self, to: str, via: str | None, index: int | None, metric: int | None, protocol: int, shared: bool = False
    ) -> None:
        self.to, self.via, self.index, self.metric, self.protocol = to, via, index, metric, protocol
        self.shared = shared


class Stack:
    """The network stack of one namespace; each dump is made at first access, and cached.

    ``exists`` is False for a namespace that the same run is to create: it has its ``lo`` only. One without a handle yet
    is a process's (``pid``).
    """

    def __init__(
        self,
        name: str | None,
        exists: bool = True,
        inside: Socket | None = None,
        pid: int | None = None,
        opened: OpenFiles | None = None,
        amend: Callable[[dict[str, Link]], None] | None = None,
    ) -> None:
        """``amend`` adds to the links what the kernel does not report: ports of switches of other drivers."""
        self.name = name
        self._amend = amend
        self.exists = exists
        self._pid = pid
        self._opened = opened
        self._socket = inside
        if inside is not None and opened is not None:
            opened.add(self)
        self._links: dict[str, Link] | None = None
        self._by_index: dict[int, Link] | None = None
        self._altnames: dict[str, Link] | None = None
        self._raw_addresses: dict[int, list[bytes]] | None = None
        self._addresses: dict[int, list[str]] = {}
        self._routes: list[Route] | None = None
        self._local_routes: set[tuple[int | None, str]] | None = None
        self._connected: set[tuple[int | None, str]] | None = None
        self._rule_payloads: list[bytes] | None = None
        self._rules: list[rpdb.Rule] | None = None
        self._tables: dict[int, list[rpdb.TableRoute]] = {}
        self.raw_neighbours: dict[int, list[bytes]] | None = None  # the permanent ones, see neighbours.permanent()

    @property
    def socket(self) -> Socket:
        """The netlink socket in this namespace, opened at first access."""
        if self._socket is None:
            if self._opened is not None:
                self._opened.add(self)
            if self._pid is None:
                self._socket = namespaces.open_socket(self.name)
            else:
                self._socket = namespaces.open_socket_of_pid(self._pid)
        return self._socket

    def release(self) -> None:
        """Close the socket, which would keep the namespace alive; keep the cached dumps."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._opened is not None:
            self._opened.remove(self)

    def forget(self) -> None:
        """Drop all cached dumps."""
        self._links = self._by_index = self._altnames = self._raw_addresses = None
        self._routes = self._local_routes = self._connected = None
        self._rules = self._rule_payloads = None
        self._addresses, self._tables = {}, {}
        self.raw_neighbours = None

    @property
    def links(self) -> dict[str, Link]:
        """The links by name."""
        if self._links is None:
            self._links = self._read_links() if self.exists else {}
            if self._amend is not None:
                self._amend(self._links)
        return self._links

    @property
    def addresses(self) -> dict[int, list[str]]:
        """The addresses (ADDRESS/LENGTH) by the index of their link, link-local ones included."""
        return {index: self.addresses_of(index) for index in self.raw_addresses}

    @property
    def raw_addresses(self) -> dict[int, list[bytes]]:
        """The addresses by the index of their link, undecoded."""
        if self._raw_addresses is None:
            self._raw_addresses = {}
            for _kind, payload in self.socket.dump(messages.get_addresses()) if self.exists else ():
                self._raw_addresses.setdefault(_ADDRESS.unpack_from(payload)[4], []).append(payload)
        return self._raw_addresses

    def addresses_of(self, index: int) -> list[str]:
        """Return the addresses of one link, decoded at first access: those of lo are not needed."""
        if index not in self._addresses:
            raw = [_address_of(payload) for payload in self.raw_addresses.get(index, [])]
            self._addresses[index] = [address for address in raw if address is not None]
        return self._addresses[index]

    def since(self, index: int) -> float | None:
        """Return the time (seconds since 1970) at which the oldest address of a link was added; None without addresses.

        The kernel stores no time for a link, but one for each address, in jiffies (put_cacheinfo(),
        net/ipv4/devinet.c). They do not count while a machine is suspended, and wrap around after 497 days.
        """
        raw = [attribute(payload, _ADDRESS.size, _IFA_CACHEINFO) for payload in self.raw_addresses.get(index, [])]
        now = time.monotonic() * 100 + _CLOCKS_DIFFER
        ages = [(now - _CACHEINFO.unpack_from(one)[2]) % (1 << 32) - _CLOCKS_DIFFER for one in raw if one is not None]
        return time.time() - max(ages) / 100 if ages else None

    @property
    def routes(self) -> list[Route]:
        """The unicast routes of the main table."""
        if self._routes is None:
            self._routes = list(self._read_routes())
        return self._routes

    def other_routes(self) -> list[tuple[str, int | None, str, int]]:
        """Read the routes that are not in `routes`: of other tables, or blackhole and the like, as (NETWORK/LENGTH,
        index of the link, type, table). Not cached: they are foreign, and few runs need them."""
        found = []
        for to, fields, held in self._dump_routes(messages.RT_TABLE_UNSPEC):
            table, kind = optional(held.get(_RTA_TABLE)) or fields[4], _TYPES_OF_ROUTES.get(fields[7])
            is_known = table == messages.RT_TABLE_MAIN and kind == "unicast"
            if kind not in (None, "throw") and table != messages.RT_TABLE_LOCAL and not is_known:
                found.append((to, optional(held.get(_RTA_OIF)), kind, table))
        return found

    @property
    def is_plainly_routed(self) -> bool:
        """Whether there are only the kernel's default routing policy rules, and no /1 routes, as VPNs add them: then
        egress is determined by the main table and its default route."""
        return all(map(_is_plain, self._raw_rules)) and not any(route.to.endswith("/1") for route in self.routes)

    @property
    def rules(self) -> list[rpdb.Rule]:
        """The routing policy rules, as `ip rule` and `ip -6 rule` list them: of a version in evaluation order."""
        if self._rules is None:
            from ansible_collections.virtnet.linux.plugins.module_utils.netlink import (
                rpdb,  # imported here: most hosts have default rules only
            )

            found = map(rpdb.read, self._raw_rules)
            self._rules = [rule for rule in found if rule is not None]
        return self._rules

    @property
    def _raw_rules(self) -> list[bytes]:
        if self._rule_payloads is None:
            replies = self.socket.dump(messages.get_rules()) if self.exists else ()
            self._rule_payloads = [payload for kind, payload in replies if kind == messages.RTM_NEWRULE]
        return self._rule_payloads

    def table(self, table: int) -> list[rpdb.TableRoute]:
        """Return the routes of a table, without those of type local, broadcast and multicast."""
        if table not in self._tables:
            from ansible_collections.virtnet.linux.plugins.module_utils.netlink import rpdb

            self._tables[table] = [
                rpdb.TableRoute(ip.network(to), _TYPES_OF_ROUTES[fields[7]], tuple(_links_of(held)))
                for to, fields, held in self._dump_routes(table)
                if fields[7] in _TYPES_OF_ROUTES
            ]
        return self._tables[table]

    @property
    def connected(self) -> set[tuple[int | None, str]]:
        """The routes without a gateway (connected networks), as (index of the link, NETWORK/LENGTH)."""
        if self._connected is None:
            self._connected = {(route.index, route.to) for route in self.routes if route.via is None}
        return self._connected

    @property
    def local_routes(self) -> set[tuple[int | None, str]]:
        """The entries of the local table, as (index of the link, ADDRESS/LENGTH)."""
        if self._local_routes is None:
            found = self._dump_routes(messages.RT_TABLE_LOCAL)
            self._local_routes = {(optional(held.get(_RTA_OIF)), to) for to, _fields, held in found}
        return self._local_routes

    @property
    def altnames(self) -> dict[str, Link]:
        """The links by their alternative names."""
        if self._altnames is None:
            self._altnames = {name: link for link in self.links.values() for name in link.altnames}
        return self._altnames

    def link_at(self, index: int | None) -> Link | None:
        """Return the link with that index."""
        if index is None:
            return None
        if self._by_index is None:
            self._by_index = {link.index: link for link in self.links.values()}
        return self._by_index.get(index)

    @property
    def loopback(self) -> Link | None:
        """The loopback interface: its index is 1 in each namespace (loopback_net_init()), its name may be another."""
        return self.link_at(LOOPBACK_INDEX)

    def nsid(self, namespace_fd: int) -> int | None:
        """Return the nsid of the open file's namespace in this one; None where none is assigned."""
        reply = self.socket.get(messages.get_nsid(namespace_fd), "network namespace id")
        value = None if reply is None else attribute(reply, _NSID_HEADER, _NETNSA_NSID)
        return None if value is None or number(value) == _NOT_ASSIGNED else number(value)

    def of_kind(self, kind: str) -> list[Link]:
        """Read the links of a kind only."""
        links = [Link(payload) for _kind, payload in self.socket.dump(messages.get_links_of(kind))]
        return [link for link in links if link.kind == kind]

    def lookup(self, name: str) -> Link | None:
        """Read the link anew, bypassing the cached dump; None where it does not exist."""
        payload = self.socket.get(messages.get_links(name), "link " + name)
        return None if payload is None else Link(payload)

    def fresh(self, name: str) -> Link:
        """Read the link anew; raise NetlinkError where it does not exist, for this run has created or observed it."""
        link = self.lookup(name)
        if link is None:
            raise NetlinkError(errno.ENODEV, "link " + name, "it was there a moment ago")
        return link

    def still_free(self, name: str, about: str) -> None:
        """Raise NetlinkError where another process has created a link of that name since the dump. Call it right before
        creating one: the ownership label in the same batch would be set on the other process's link."""
        if self.lookup(name) is not None:
            raise NetlinkError(errno.EEXIST, about, "a link of this name was created meanwhile by another program")

    def send(self, requests: list[Request]) -> None:
        """Send requests in this namespace."""
        self.socket.send(requests)

    def make(self, names: Iterable[str], requests: list[Request]) -> None:
        """Send requests that create links of these names and set their ownership labels, both or neither: a link whose
        label the kernel rejects is deleted, for the next run would treat it as unmanaged."""
        try:
            self.send(requests)
        except NetlinkError as error:
            # EEXIST: the existing link is another process's
            made = [] if error.code == errno.EEXIST else [self.lookup(name) for name in names]
            unmarked = [link.name for link in made if link is not None and not link.ours]
            self.send([Request(messages.delete_link(name), "link " + name, (errno.ENODEV,)) for name in unmarked])
            raise

    def delete_links(self, names: Iterable[str]) -> None:
        """Delete links; missing ones are ignored.

        The kernel waits some 20 ms for every deleted link, but only once for a group. So they are moved to an unused
        link group, and the group is deleted; in one system call, so that a run that is killed leaves no link in it.
        """
        leaving = list(names)
        if not leaving:
            return
        taken = {link.group for link in self.links.values()}
        group = next(number for number in itertools.count(1) if number not in taken)
        for first in range(0, len(leaving), _GROUP_AT_ONCE):
            some = leaving[first : first + _GROUP_AT_ONCE]
            marks = [messages.change_link(name, [("IFLA_GROUP", group)]) for name in some]
            requests = [Request(mark, "link " + name, (errno.ENODEV,)) for name, mark in zip(some, marks)]
            requests.append(Request(messages.delete_group(group), "deleting " + ", ".join(some), (errno.ENODEV,)))
            self.send(requests)
        self.forget()

    def _read_links(self) -> dict[str, Link]:
        links = [
            Link(payload) for kind, payload in self.socket.dump(messages.get_links()) if kind == messages.RTM_NEWLINK
        ]
        return {link.name: link for link in links}

    def _read_routes(self) -> Iterator[Route]:
        for to, fields, held in self._dump_routes(messages.RT_TABLE_MAIN):
            family, _length, _src, _tos, _table, protocol, _scope, kind, _flags = fields
            if kind == messages.RTN_UNICAST:
                metric = optional(held.get(_RTA_PRIORITY))
                for index, hop in _hops(held.get(_RTA_MULTIPATH, b"")):
                    yield Route(to, _gateway(family, hop), index, metric, protocol, shared=True)
                if _RTA_MULTIPATH not in held:
                    yield Route(to, _gateway(family, held), optional(held.get(_RTA_OIF)), metric, protocol)

    def _dump_routes(self, table: int) -> Iterator[tuple[str, tuple[int, ...], dict[int, bytes]]]:
        """Yield the routes of a table, or of all, as (NETWORK/LENGTH, the fields of struct rtmsg, attributes)."""
        if not self.exists:
            return
        for _kind, payload in self.socket.dump(messages.get_routes(table)):
            fields = _ROUTE.unpack_from(payload)
            family, length, in_table = fields[0], fields[1], fields[4]
            held = attributes(payload, _ROUTE.size, _WANTED_OF_ROUTE)
            is_asked = table in (messages.RT_TABLE_UNSPEC, optional(held.get(_RTA_TABLE)) or in_table)
            if family in _ANY and is_asked:
                to = socket.inet_ntop(family, held[_RTA_DST]) if _RTA_DST in held else _ANY[family]
                yield "%s/%d" % (to, length), fields, held


def _address_of(payload: bytes) -> str | None:
    """Parse ADDRESS/LENGTH of a reply."""
    family, length, _flags, _scope, _index = _ADDRESS.unpack_from(payload)
    held = attributes(payload, _ADDRESS.size, _WANTED_OF_ADDRESS)
    raw = held.get(_IFA_LOCAL) or held.get(_IFA_ADDRESS)
    return None if raw is None else "%s/%d" % (socket.inet_ntop(family, raw), length)


def _hops(data: bytes) -> Iterator[tuple[int, dict[int, bytes]]]:
    """Yield the next hops of a multipath route: the index of the link and the attributes of each."""
    while len(data) >= _HOP.size:
        length, _flags, _weight, index = _HOP.unpack_from(data)
        if length < _HOP.size:
            return
        yield index, attributes(data[_HOP.size : length], 0, _WANTED_OF_ROUTE)
        data = data[(length + 3) & ~3 :]


def _links_of(held: dict[int, bytes]) -> list[int]:
    several = [index for index, _hop in _hops(held.get(_RTA_MULTIPATH, b""))]
    return several or ([number(held[_RTA_OIF])] if _RTA_OIF in held else [])


def _is_plain(payload: bytes) -> bool:
    """Whether a rule looks up one of the kernel's default tables, without any selector."""
    _family, to, source, tos, table, _res1, _res2, action, flags = _RULE.unpack_from(payload)
    held = attributes(payload, _RULE.size)
    asks = to or source or tos or flags & _FIB_RULE_INVERT or not held.keys() <= _PLAIN
    suppresses = held.get(_FRA_SUPPRESS_PREFIXLEN, _NONE) != _NONE
    known = (messages.RT_TABLE_DEFAULT, messages.RT_TABLE_MAIN, messages.RT_TABLE_LOCAL)
    return action == messages.FR_ACT_TO_TBL and table in known and not asks and not suppresses


def _gateway(family: int, held: dict[int, bytes]) -> str | None:
    return socket.inet_ntop(family, held[_RTA_GATEWAY]) if _RTA_GATEWAY in held else None


def is_link_local(address: str) -> bool:
    """Whether the address (with or without a length) is an IPv6 link-local one (fe80::/10)."""
    return ":" in address and ip.interface(address).ip.is_link_local
