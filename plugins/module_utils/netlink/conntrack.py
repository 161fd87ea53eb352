# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connection tracking entries: the flows of published ports, and deletion of those of published ports, endpoints and
networks.

All packets of a UDP flow are translated as its first one was. When its port is published, moved or removed, its entry
has to be deleted, or the flow keeps its old destination; likewise an SCTP association. TCP connections are left alone:
another peer could not continue them. With an endpoint or a network all of its entries are deleted: those of TCP would
last for days, and apply to the next endpoint with the address.

Sources: include/uapi/linux/netfilter/nfnetlink.h, nfnetlink_conntrack.h; net/netfilter/nf_conntrack_netlink.c.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import Request, Socket, attributes
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip

_NETLINK_NETFILTER = 12
_IPCTNL_MSG_CT_GET, _IPCTNL_MSG_CT_DELETE = 0x101, 0x102  # NFNL_SUBSYS_CTNETLINK << 8 | message
_NLM_F_REQUEST, _NLM_F_DUMP = 0x1, 0x300
_CTA_TUPLE_ORIG, _CTA_TUPLE_REPLY, _CTA_COUNTERS_ORIG, _CTA_COUNTERS_REPLY, _CTA_ZONE = 1, 2, 9, 10, 18
_CTA_TUPLE_IP, _CTA_TUPLE_PROTO = 1, 2
_CTA_PROTO_NUM, _CTA_PROTO_SRC_PORT, _CTA_PROTO_DST_PORT = 1, 2, 3
_CTA_COUNTERS_PACKETS, _CTA_COUNTERS_BYTES = 1, 2
_NLA_F_NESTED = 0x8000

_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port
_FAMILY = struct.Struct("=BBH")  # struct nfgenmsg: address family, version, resource
_ATTRIBUTE = struct.Struct("=HH")

_Number = tuple[int, int]  # an address: its length in bytes, and its value

FORGOTTEN = {"udp": 17, "sctp": 132}


class Flow(NamedTuple):
    """A tracked flow to a published port: its destination as sent, and as translated. Packets and bytes (``size``)
    of both directions are None where the host does not count them (net.netfilter.nf_conntrack_acct)."""

    protocol: int
    address: str
    port: int
    to_address: str
    to_port: int
    packets: int | None
    size: int | None


def translated() -> list[Flow]:
    """Return the flows whose destination is translated. Raises NetlinkError."""
    netfilter = Socket(_NETLINK_NETFILTER)
    try:
        all_entries = _message(_IPCTNL_MSG_CT_GET, _NLM_F_DUMP, socket.AF_UNSPEC, b"")
        return [flow for _kind, entry in netfilter.dump(all_entries) for flow in _translated(entry)]
    finally:
        netfilter.close()


def forget(ports: Iterable[tuple[str, int]]) -> int:
    """Delete the entries of all flows to one of these (protocol, port), whatever they were translated to.

    Call it after the rules have changed: before, the next packet would create the old entry again. Returns the number
    of deleted entries. Raises NetlinkError.
    """
    desired = {(FORGOTTEN[protocol], port) for protocol, port in ports if protocol in FORGOTTEN}
    return _delete(lambda entry: _destination(entry) in desired) if desired else 0


def forget_networks(networks: Iterable[str], within: Iterable[str] = ()) -> int:
    """Delete the entries of all flows from or to these networks or addresses (172.30.0.0/16, fd00::2), translated ones
    too; and of the flows between two addresses of one of the networks ``within``.

    Call it after the links were deleted: before, the next packet would create an entry again. Returns the number of
    deleted entries. Raises NetlinkError.
    """
    ranges, inner = _ranges(networks), _ranges(within)

    def matches(entry: bytes) -> bool:
        source, to, *others = ((len(one), int.from_bytes(one, "big")) for one in _addresses(entry))
        if any(first <= one <= last for one in {source, to, *others} for first, last in ranges):
            return True
        return any(first <= source <= last and first <= to <= last for first, last in inner)

    return _delete(matches) if ranges or inner else 0


def _ranges(networks: Iterable[str]) -> list[tuple[_Number, _Number]]:
    """Return the first and the last address of each network."""
    found = []
    for network in map(ip.network, networks):
        length = len(network.network_address.packed)
        found.append(((length, int(network[0])), (length, int(network[-1]))))
    return found


def _delete(matches: Callable[[bytes], bool]) -> int:
    netfilter = Socket(_NETLINK_NETFILTER)
    try:
        all_entries = _message(_IPCTNL_MSG_CT_GET, _NLM_F_DUMP, socket.AF_UNSPEC, b"")
        found = [entry for _kind, entry in netfilter.dump(all_entries) if matches(entry)]
        netfilter.send(Request(_deletion(entry), "conntrack entry", ignore=(errno.ENOENT,)) for entry in found)
    finally:
        netfilter.close()
    return len(found)


def _addresses(entry: bytes) -> Iterator[bytes]:
    """Yield source and destination of both directions of a flow."""
    found = attributes(entry, _FAMILY.size)
    for direction in (_CTA_TUPLE_ORIG, _CTA_TUPLE_REPLY):
        yield from attributes(attributes(found[direction])[_CTA_TUPLE_IP]).values()


def _destination(entry: bytes) -> tuple[int, int] | None:
    """Return protocol and destination port of a flow's original direction; None where its protocol has no ports."""
    flow = attributes(attributes(entry, _FAMILY.size)[_CTA_TUPLE_ORIG])
    protocol = attributes(flow[_CTA_TUPLE_PROTO])
    if _CTA_PROTO_DST_PORT not in protocol:
        return None
    return protocol[_CTA_PROTO_NUM][0], _number(protocol[_CTA_PROTO_DST_PORT])


def _translated(entry: bytes) -> Iterator[Flow]:
    found = attributes(entry, _FAMILY.size)
    _source, address, to_address, _back = _addresses(entry)
    sent = attributes(attributes(found[_CTA_TUPLE_ORIG])[_CTA_TUPLE_PROTO])
    reply = attributes(attributes(found[_CTA_TUPLE_REPLY])[_CTA_TUPLE_PROTO])
    if _CTA_PROTO_DST_PORT not in sent:
        return
    port, to_port = _number(sent[_CTA_PROTO_DST_PORT]), _number(reply[_CTA_PROTO_SRC_PORT])
    if (address, port) == (to_address, to_port):
        return
    counters = [attributes(found[one]) for one in (_CTA_COUNTERS_ORIG, _CTA_COUNTERS_REPLY) if one in found]
    packets, size = (
        sum(_number(one[kind]) for one in counters) if counters else None
        for kind in (_CTA_COUNTERS_PACKETS, _CTA_COUNTERS_BYTES)
    )
    yield Flow(sent[_CTA_PROTO_NUM][0], ip.unpacked(address), port, ip.unpacked(to_address), to_port, packets, size)


def _number(value: bytes) -> int:
    return int.from_bytes(value, "big")


def _deletion(entry: bytes) -> bytes:
    """Return the request that deletes an entry: its original tuple and zone, as dumped."""
    found = attributes(entry, _FAMILY.size)
    body = _nested(_CTA_TUPLE_ORIG | _NLA_F_NESTED, found[_CTA_TUPLE_ORIG])
    if _CTA_ZONE in found:
        body += _nested(_CTA_ZONE, found[_CTA_ZONE])
    return _message(_IPCTNL_MSG_CT_DELETE, 0, entry[0], body)


def _nested(kind: int, data: bytes) -> bytes:
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(data), kind) + bytes(data) + b"\0" * (-len(data) % 4)


def _message(kind: int, flags: int, family: int, body: bytes) -> bytes:
    length = _HEADER.size + _FAMILY.size + len(body)
    return _HEADER.pack(length, kind, flags | _NLM_F_REQUEST, 0, 0) + _FAMILY.pack(family, 0, 0) + body
