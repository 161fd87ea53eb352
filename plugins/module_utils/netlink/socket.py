# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A netlink socket: batches of requests with one acknowledgement, dumps, and parsing of attributes.

pyroute2 encodes messages (see messages.py); its request loop takes 0.5 ms a message and its decoder 0.2 ms a link, more
than the kernel's own work. So requests are sent and replies parsed here, only as far as they are needed.
Sources: Documentation/userspace-api/netlink/intro.rst, include/uapi/linux/netlink.h.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from collections.abc import Callable, Container, Iterable, Iterator
from typing import NamedTuple

_SOL_NETLINK = 270
_NETLINK_CAP_ACK, _NETLINK_EXT_ACK, _NETLINK_GET_STRICT_CHK = 10, 11, 12
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_NLM_F_ACK, _NLM_F_DUMP_INTR, _NLM_F_CAPPED, _NLM_F_ACK_TLVS = 0x4, 0x10, 0x100, 0x200
_NLMSGERR_ATTR_MSG = 1
_NLA_F_NESTED, _NLA_F_NET_BYTEORDER, _NLA_TYPE_MASK = 0x8000, 0x4000, 0x3FFF
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_DUMPS = 20
_BATCH_BYTES = 48 * 1024  # well below the default send buffer of 208 KiB, which counts the kernel's overhead too
_RECEIVE_BYTES = 1 << 16  # the kernel fills 32 KiB at most; a larger buffer would be mapped anew for each call


class Request(NamedTuple):
    """One encoded message, its object (named in an error) and the errnos that count as success."""

    message: bytes
    about: str
    ignore: tuple[int, ...] = ()


class NetlinkError(Exception):
    """The kernel rejected a request. ``code`` is the errno; the text has the object and the kernel's message."""

    def __init__(self, code: int, about: str, detail: str) -> None:
        self.code = code
        reason = os.strerror(code) + (f" ({detail})" if detail else "")
        super().__init__(f"{about}: {reason} [{errno.errorcode.get(code, str(code))}]")


class Socket:
    """A netlink socket in the network namespace that the process is in when it is opened."""

    def __init__(self, protocol: int = socket.NETLINK_ROUTE) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        for option in (_NETLINK_CAP_ACK, _NETLINK_EXT_ACK, _NETLINK_GET_STRICT_CHK):
            self._socket.setsockopt(_SOL_NETLINK, option, 1)
        self._sequence = 0

    def close(self) -> None:
        """Close the socket; an open one keeps its namespace alive."""
        self._socket.close()

    def send(self, requests: Iterable[Request]) -> None:
        """Send the requests in order, in batches of one system call each; raise the first error after all were sent.

        Only the last message of a batch has NLM_F_ACK; the kernel reports errors of the others without it.
        """
        failed = [error for batch in _batches(requests) for error in self._exchange(batch)]
        if failed:
            raise failed[0]

    def dump(self, message: bytes) -> Iterator[tuple[int, bytes]]:
        """Return all replies to a request with NLM_F_DUMP, as (type, payload); repeat it when the kernel reports a
        concurrent change (NLM_F_DUMP_INTR). The number of attempts is limited, so that a container that changes its
        links all the time cannot block a run: the last dump may miss only objects created or deleted during it."""
        replies: list[tuple[int, bytes]] = []
        for _attempt in range(_DUMPS):
            replies, interrupted = self._dump_once(message)
            if not interrupted:
                break
        return iter(replies)

    def get(self, message: bytes, about: str) -> bytes | None:
        """Return the reply to a request without NLM_F_DUMP; None where the object does not exist."""
        self._sequence += 1
        self._socket.send(_numbered(message, self._sequence, 0))
        for kind, _flags, sequence, payload in self._receive():
            if sequence != self._sequence:
                continue
            if kind != _NLMSG_ERROR:
                return payload
            code = -struct.unpack_from("=i", payload)[0]
            if code in (errno.ENODEV, errno.ENOENT, errno.ESRCH):
                return None
            raise NetlinkError(code, about, "")
        return None

    def _exchange(self, batch: list[Request]) -> list[NetlinkError]:
        first = self._sequence + 1
        parts = []
        for request in batch:
            self._sequence += 1
            parts.append(_numbered(request.message, self._sequence, _NLM_F_ACK if request is batch[-1] else 0))
        self._socket.send(b"".join(parts))
        failed: list[NetlinkError] = []
        while True:
            for kind, flags, sequence, payload in self._receive():
                if kind != _NLMSG_ERROR or sequence < first:
                    continue
                request = batch[sequence - first]
                code = -struct.unpack_from("=i", payload)[0]
                if code and code not in request.ignore:
                    failed.append(NetlinkError(code, request.about, _extack(flags, payload)))
                if sequence == self._sequence:
                    return failed

    def _dump_once(self, message: bytes) -> tuple[list[tuple[int, bytes]], bool]:
        self._sequence += 1
        own = self._sequence
        self._socket.send(_numbered(message, own, 0))
        replies: list[tuple[int, bytes]] = []
        interrupted = 0
        while True:
            for kind, flags, sequence, payload in self._receive():
                if sequence != own:
                    continue
                interrupted |= flags & _NLM_F_DUMP_INTR
                if kind == _NLMSG_DONE:
                    return replies, bool(interrupted)
                if kind == _NLMSG_ERROR:
                    raise NetlinkError(-struct.unpack_from("=i", payload)[0], "netlink dump", _extack(flags, payload))
                replies.append((kind, payload))

    def _receive(self) -> list[tuple[int, int, int, bytes]]:
        data = self._socket.recv(_RECEIVE_BYTES)
        received = []
        offset = 0
        while offset < len(data):
            length, kind, flags, sequence, _port = _HEADER.unpack_from(data, offset)
            received.append((kind, flags, sequence, data[offset + _HEADER.size : offset + length]))
            offset += (length + 3) & ~3
        return received


def with_flags(*types: int) -> frozenset[int]:
    """Return the attribute types as they may occur in a message: without, or with one of the two flags of a type."""
    return frozenset(kind | flag for kind in types for flag in (0, _NLA_F_NESTED, _NLA_F_NET_BYTEORDER))


def attributes(data: bytes, offset: int = 0, desired: Container[int] = range(1 << 16)) -> dict[int, bytes]:
    """Parse the attributes in the data from the offset on, by type (without its flags; the last of a type wins); only
    those of the types in ``desired``, which are given with_flags()."""
    found = {}
    last = len(data) - _ATTRIBUTE.size
    unpack = _ATTRIBUTE.unpack_from
    while offset <= last:
        length, kind = unpack(data, offset)
        if length < 4:
            break
        if kind in desired:
            found[kind & _NLA_TYPE_MASK] = data[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return found


class Alike:
    """attributes() for thousands of messages of the same layout, as those of a host's links.

    One call compares the headers of all attributes with those of an earlier message of the same length; where they are
    equal, the offsets are the same. Parsing the forty attributes of a link takes five times as long.
    """

    def __init__(self, offset: int, desired: Container[int]) -> None:
        self._offset, self._desired = offset, desired
        self._layouts: dict[int, _Layout] = {}  # of the first message of each length

    def attributes(self, data: bytes) -> dict[int, bytes]:
        """Return attributes(data, offset, desired)."""
        layout = self._layouts.get(len(data))
        if layout is None:
            layout = self._layouts[len(data)] = _layout(data, self._offset, self._desired)
        if layout.headers_of(data) == layout.headers:
            return {kind: data[place] for kind, place in layout.places}
        return attributes(data, self._offset, self._desired)


class _Layout(NamedTuple):
    """The layout of a message: the headers of its attributes, a function that unpacks them, and the places of the
    requested attributes, as (type, slice)."""

    headers: tuple[int, ...]
    headers_of: Callable[[bytes], tuple[int, ...]]
    places: list[tuple[int, slice]]


def _layout(data: bytes, offset: int, desired: Container[int]) -> _Layout:
    form, places = ["=%dx" % min(offset, len(data))], []
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        behind = min(offset + (length + 3 & ~3), len(data))
        form.append("I%dx" % max(behind - offset - _ATTRIBUTE.size, 0))
        if length < 4:
            break
        if kind in desired:
            places.append((kind & _NLA_TYPE_MASK, slice(offset + 4, offset + length)))
        offset = behind
    headers_of = struct.Struct("".join(form)).unpack_from
    return _Layout(headers_of(data), headers_of, places)


def attribute(data: bytes, offset: int, desired: int) -> bytes | None:
    """Return the first attribute of that type, without parsing those after it."""
    end = len(data)
    while offset + 4 <= end:
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < 4:
            break
        if kind & _NLA_TYPE_MASK == desired:
            return data[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return None


def every_attribute(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the attributes of a list in which a type may occur more than once, as (type, value)."""
    offset = 0
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < 4:
            return
        yield kind & _NLA_TYPE_MASK, data[offset + 4 : offset + length]
        offset += (length + 3) & ~3


def text(data: bytes) -> str:
    """Decode an attribute that is a zero-terminated string."""
    return data.rstrip(b"\0").decode("utf-8", "replace")


def number(data: bytes) -> int:
    """Decode an attribute that is an unsigned integer of 1, 2, 4 or 8 bytes, in host byte order."""
    return int.from_bytes(data, sys.byteorder)


def _numbered(message: bytes, sequence: int, flags: int) -> bytearray:
    length, kind, given, _sequence, _port = _HEADER.unpack_from(message)
    numbered = bytearray(message)
    _HEADER.pack_into(numbered, 0, length, kind, given | flags, sequence, 0)
    numbered.extend(b"\0" * (-len(numbered) % 4))
    return numbered


def _batches(requests: Iterable[Request]) -> Iterator[list[Request]]:
    batch: list[Request] = []
    size = 0
    for request in requests:
        # requests of one object share a batch: a link and its ownership label are created in one call, or not at all
        if batch and size + len(request.message) > _BATCH_BYTES and request.about != batch[-1].about:
            yield batch
            batch, size = [], 0
        batch.append(request)
        size += len(request.message)
    if batch:
        yield batch


def _extack(flags: int, payload: bytes) -> str:
    """Return the kernel's message in an error (extended acknowledgement), empty where there is none."""
    if not flags & _NLM_F_ACK_TLVS:
        return ""
    offset = 4 + (16 if flags & _NLM_F_CAPPED else struct.unpack_from("=I", payload, 4)[0])
    detail = attributes(payload, offset).get(_NLMSGERR_ATTR_MSG)
    return text(detail) if detail is not None else ""
