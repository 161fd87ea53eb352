# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The remote endpoints of a VXLAN tunnel in the kernel's three tables, and the neighbour entries of bridges.

    forwarding   VXLAN FDB entries of the tunnel: MAC -> VTEP; the all-zero MAC is for BUM traffic (broadcast, unknown
                 unicast, multicast), one entry for each VTEP: head-end replication
    static       bridge FDB entries: MAC -> the tunnel's port, so that the frame is not flooded
    neighbours   neighbour (ARP/ND) entries of the bridge: address -> MAC; neigh_suppress answers ARP and ND from them

A bridge also has permanent neighbour entries for the host's own endpoints (endpoint_neighbours.py). These have a
protocol number (NDA_PROTOCOL, reported by `ip neighbour`), so that the kernel stores the owner of an entry.

Messages are packed here without pyroute2: a struct of twelve bytes and two attributes each. A fabric has fifty thousand
of them, of which pyroute2 encodes ten thousand a second. Sources: include/uapi/linux/neighbour.h, bridge-fdb(8).
"""

from __future__ import annotations

import errno
import socket
import struct
from typing import NamedTuple

from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import (
    Alike,
    Request,
    attributes,
    number,
    with_flags,
)
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import Stack
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip

ALL_ZERO_MAC = "00:00:00:00:00:00"

_NDA_DST, _NDA_LLADDR, _NDA_MASTER, _NDA_PROTOCOL = 1, 2, 9, 12
_NTF_SELF, _NTF_MASTER, _NTF_EXT_LEARNED = 0x02, 0x04, 0x10
_NUD_NOARP, _NUD_PERMANENT = 0x40, 0x80
_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
_MESSAGE = struct.Struct("=BxxxiHBB")  # struct ndmsg: family, index, state, flags, type
_ATTRIBUTE = struct.Struct("=HH")
_ENTRIES = Alike(_MESSAGE.size, with_flags(_NDA_DST, _NDA_LLADDR, _NDA_PROTOCOL))
# NDA_PROTOCOL of an entry: of tunnels (or none), and of endpoints, a number without a name in iproute2's rt_protos.
_OF_TUNNELS, _OF_ENDPOINTS = bytes([messages.RTPROT_STATIC]), b"\x76"
_CREATE, _REPLACE, _APPEND = messages.NLM_F_CREATE, messages.NLM_F_REPLACE, messages.NLM_F_APPEND

Forwarding = tuple[str, str]  # MAC, VTEP
Neighbour = tuple[str, str]  # address, MAC


class Permanent(NamedTuple):
    """The permanent neighbour entries of a link: those for endpoints of this host, and all others."""

    endpoints: set[Neighbour]
    others: set[Neighbour]


class Tables(NamedTuple):
    """The VXLAN FDB, bridge FDB and neighbour entries of one tunnel: permanent ones only, none that was learned."""

    forwarding: set[Forwarding]
    static: set[str]
    neighbours: set[Neighbour]


def read(stack: Stack, tunnel: int, bridge: int | None, macs: set[str]) -> Tables:
    """Read the FDB and neighbour entries of a tunnel and its bridge, given by their indices.

    A neighbour entry of the bridge belongs to the tunnel when its MAC is in the tunnel's FDB entries, or in ``macs``.
    """
    forwarding, static = set(), set()
    for _kind, payload in stack.socket.dump(_dump(socket.AF_BRIDGE, tunnel)):
        _family, index, state, flags, _type = _MESSAGE.unpack_from(payload)
        held = attributes(payload, _MESSAGE.size)
        if index != tunnel or _NDA_LLADDR not in held or flags & _NTF_EXT_LEARNED:
            continue
        if _NDA_MASTER in held:
            if state & _NUD_NOARP and number(held[_NDA_MASTER]) == bridge:
                static.add(_mac(held[_NDA_LLADDR]))
        elif state & _NUD_PERMANENT and _NDA_DST in held:
            forwarding.add((_mac(held[_NDA_LLADDR]), ip.unpacked(held[_NDA_DST])))
    if bridge is None:
        return Tables(forwarding, static, set())
    known = macs | static | {mac for mac, _vtep in forwarding}
    return Tables(forwarding, static, {one for one in permanent(stack, bridge).others if one[1] in known})


def permanent(stack: Stack, index: int) -> Permanent:
    """Return the permanent neighbour entries of a link, from one dump of all links, cached in the stack."""
    found = Permanent(set(), set())
    for payload in _dumped(stack).get(index, ()):
        held = _ENTRIES.attributes(payload)
        if _NDA_DST in held and _NDA_LLADDR in held:
            entries = found.endpoints if held.get(_NDA_PROTOCOL) == _OF_ENDPOINTS else found.others
            entries.add((ip.unpacked(held[_NDA_DST]), _mac(held[_NDA_LLADDR])))
    return found


def links_with_permanent(stack: Stack) -> list[int]:
    """Return the indices of the links that have permanent neighbour entries."""
    return list(_dumped(stack))


def _dumped(stack: Stack) -> dict[int, list[bytes]]:
    if stack.raw_neighbours is None:
        stack.raw_neighbours = {}
        for _kind, payload in stack.socket.dump(_dump(socket.AF_UNSPEC, 0)):
            family, index, state, _flags, _type = _MESSAGE.unpack_from(payload)
            if state & _NUD_PERMANENT and family in (socket.AF_INET, socket.AF_INET6):
                stack.raw_neighbours.setdefault(index, []).append(payload)
    return stack.raw_neighbours


def endpoint_requests(before: Permanent, after: set[Neighbour], index: int, about: str) -> list[Request]:
    """Return the requests that bring a bridge's neighbour entries of endpoints from the observed to the desired state.
    A foreign entry for an endpoint's address is replaced."""
    answered = {address for address, _mac in after}
    gone = [one for one in sorted(before.endpoints - after) if one[0] not in answered]
    found = [
        Request(_neighbour(messages.RTM_DELNEIGH, 0, index, *one), f"{about}: {one[0]}", (errno.ENOENT,))
        for one in gone
    ]
    for one in sorted(after - before.endpoints):
        message = _neighbour(messages.RTM_NEWNEIGH, _CREATE | _REPLACE, index, *one, protocol=_OF_ENDPOINTS)
        found.append(Request(message, f"{about}: {one[0]}"))
    return found


def requests(before: Tables, after: Tables, tunnel: int, bridge: int | None, about: str) -> list[Request]:
    """Return the requests that bring the tables from the observed to the desired state; entries in both stay as is.

    Neighbour entries are deleted first and added last: read() assigns them to the tunnel by its FDB entries, also after
    a run that ended halfway.
    """
    found: list[Request] = []

    def add(message: bytes, who: str, *ignore: int) -> None:
        found.append(Request(message, f"{about}: {who}", ignore))  # each by itself: no batch has to hold them all

    gone = errno.ENOENT
    answered = {address for address, _mac in after.neighbours}
    for address, mac in sorted(before.neighbours - after.neighbours):
        if address not in answered:
            add(_neighbour(messages.RTM_DELNEIGH, 0, bridge or 0, address, mac), address, gone)
    for mac, vtep in sorted(after.forwarding - before.forwarding):
        how = _APPEND if mac == ALL_ZERO_MAC else _REPLACE
        add(_forwarding(messages.RTM_NEWNEIGH, _CREATE | how, tunnel, mac, vtep), f"{mac} at {vtep}")
    for mac in sorted(after.static - before.static):
        add(_static(messages.RTM_NEWNEIGH, _CREATE | _REPLACE, tunnel, mac), mac)
    for mac in sorted(before.static - after.static):
        add(_static(messages.RTM_DELNEIGH, 0, tunnel, mac), mac, gone)
    for mac, vtep in sorted(before.forwarding - after.forwarding):
        add(_forwarding(messages.RTM_DELNEIGH, 0, tunnel, mac, vtep), f"{mac} at {vtep}", gone)
    for address, mac in sorted(after.neighbours - before.neighbours):
        # with a protocol, for the kernel would keep that of an entry it replaces
        add(_neighbour(messages.RTM_NEWNEIGH, _CREATE | _REPLACE, bridge or 0, address, mac, _OF_TUNNELS), address)
    return found


def _dump(family: int, index: int) -> bytes:
    """Encode a dump request: the FDB entries of a bridge port (AF_BRIDGE), or all neighbour entries (AF_UNSPEC)."""
    return _packed(messages.RTM_GETNEIGH, messages.NLM_F_ROOT_MATCH, family, index, 0, 0, [])


def _forwarding(kind: int, flags: int, tunnel: int, mac: str, vtep: str) -> bytes:
    attrs = [(_NDA_LLADDR, _packed_mac(mac)), (_NDA_DST, ip.packed(vtep))]
    return _packed(kind, flags, socket.AF_BRIDGE, tunnel, _NUD_PERMANENT, _NTF_SELF, attrs)


def _static(kind: int, flags: int, tunnel: int, mac: str) -> bytes:
    # NUD_PERMANENT would make it a local address of the bridge: frames for it would be delivered to this host
    attrs = [(_NDA_LLADDR, _packed_mac(mac))]
    return _packed(kind, flags, socket.AF_BRIDGE, tunnel, _NUD_NOARP, _NTF_MASTER, attrs)


def _neighbour(kind: int, flags: int, bridge: int, address: str, mac: str, protocol: bytes | None = None) -> bytes:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    attrs = [(_NDA_DST, ip.packed(address)), (_NDA_LLADDR, _packed_mac(mac))]
    if protocol is not None:
        attrs.append((_NDA_PROTOCOL, protocol))
    return _packed(kind, flags, family, bridge, _NUD_PERMANENT, 0, attrs)


def _packed(
    kind: int, flags: int, family: int, index: int, state: int, entry: int, attrs: list[tuple[int, bytes]]
) -> bytes:
    parts = [_MESSAGE.pack(family, index, state, entry, 0)]
    for number_of, value in attrs:
        parts.append(_ATTRIBUTE.pack(4 + len(value), number_of) + value + b"\0" * (-len(value) % 4))
    body = b"".join(parts)
    return _HEADER.pack(_HEADER.size + len(body), kind, messages.NLM_F_REQUEST | flags, 0, 0) + body


def _mac(data: bytes) -> str:
    return data.hex(":")


def _packed_mac(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))
