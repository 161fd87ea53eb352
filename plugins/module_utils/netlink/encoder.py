# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Encoder cache of netlink messages: pyroute2 encodes each form of message once, as a template whose values are filled
in.

pyroute2 takes 0.1 to 0.3 ms to encode a message, as long as the kernel takes to process it. A thousand endpoints send
the same ten messages with other names, MACs and addresses. So the first message of a form is encoded and cached with
the offsets of those values; the next ones are copies of it. The formats stay pyroute2's: attribute numbers, types and
offsets are not repeated here.
"""

from __future__ import annotations

import functools
import struct
from collections.abc import Callable
from typing import Any, NamedTuple

from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip

Attributes = list[tuple[str, Any]]

_NLM_F_REQUEST = 0x1
_MESSAGE_HEADER, _ATTRIBUTE_HEADER = 16, 4  # bytes: struct nlmsghdr, struct nlattr


def _text(value: str) -> bytes:
    return value.encode() + b"\0"


@functools.lru_cache(maxsize=1 << 16)
def _mac(value: str) -> bytes:
    return bytes.fromhex(value.replace(":", ""))


# The attributes whose values are filled into a template, and their encoding. All others belong to the form: a message
# with another MTU is another template.
_DIFFERS: dict[str, Callable[[Any], bytes]] = {
    "IFLA_IFNAME": _text,
    "IFLA_IFALIAS": _text,
    "IFLA_ADDRESS": _mac,
    "IFLA_NET_NS_FD": struct.Struct("=I").pack,
    "NETNSA_FD": struct.Struct("=I").pack,
    "IFA_LOCAL": ip.packed,
    "IFA_ADDRESS": ip.packed,
}
_NESTED_HEADER = {"VETH_INFO_PEER": 16}  # bytes of struct ifinfomsg in front of the peer's own attributes

_Outline = tuple[tuple[str, Any], ...]


class _Nested(NamedTuple):
    fields: tuple[tuple[str, Any], ...]
    outline: tuple[tuple[str, Any], ...]


class _Cached(NamedTuple):
    message: bytes
    places: tuple[int, ...]  # of the values that differ, in order


_cache: dict[Any, _Cached | None] = {}


def encode(message_class: Any, kind: int, request: int, attrs: Attributes, **fields: int) -> bytes:
    """Encode a request of that kind, without a sequence number; equal to what pyroute2's class encodes."""
    values: list[bytes] = []
    form = (message_class, kind, request, tuple(fields.items()), _outline(attrs, values))
    if form not in _cache:
        message = encode_by_pyroute2(message_class, kind, request, attrs, **fields)
        _cache[form] = _cached(message_class, message, form[-1], values)
    cached = _cache[form]
    if cached is None:
        return encode_by_pyroute2(message_class, kind, request, attrs, **fields)
    filled = bytearray(cached.message)
    for place, value in zip(cached.places, values):
        filled[place : place + len(value)] = value
    return bytes(filled)


def encode_by_pyroute2(message_class: Any, kind: int, request: int, attrs: Attributes, **fields: int) -> bytes:
    """Encode a request with pyroute2's class, without the cache."""
    message = message_class()
    for field, value in fields.items():
        message[field] = value
    message["attrs"] = attrs
    message["header"] = {"type": kind, "flags": _NLM_F_REQUEST | request, "sequence_number": 0, "pid": 0}
    message.encode()
    return bytes(message.data)


def _outline(attrs: Attributes, values: list[bytes]) -> _Outline:
    """Return the attributes with lengths in place of the values to fill in; append those values to ``values``."""
    outline: list[tuple[str, Any]] = []
    for name, value in attrs:
        if name in _DIFFERS:
            values.append(_DIFFERS[name](value))
            outline.append((name, len(values[-1])))
        elif isinstance(value, dict):
            fields = tuple(item for item in value.items() if item[0] != "attrs")
            outline.append((name, _Nested(fields, _outline(value.get("attrs", []), values))))
        else:
            outline.append((name, value))
    return tuple(outline)


def _cached(message_class: Any, message: bytes, outline: _Outline, values: list[bytes]) -> _Cached | None:
    """Return the template: the message and the offsets of the values; None where the message does not match the outline
    (a pyroute2 that omits an attribute, an unknown header): such a form is encoded by pyroute2 each time."""
    places: list[int] = []
    start = _MESSAGE_HEADER + struct.calcsize("".join(form for _name, form in message_class.fields))
    try:
        end = _find(message, start, outline, places)
    except struct.error:
        return None
    found = [message[place : place + len(value)] for place, value in zip(places, values)]
    return _Cached(message, tuple(places)) if end == len(message) and found == values else None


def _find(message: bytes, offset: int, outline: _Outline, places: list[int]) -> int:
    """Append the offsets of the values in the attributes that begin at ``offset``; return the attributes' end."""
    for name, what in outline:
        (length,) = struct.unpack_from("=H", message, offset)
        if name in _DIFFERS:
            places.append(offset + _ATTRIBUTE_HEADER)
        elif isinstance(what, _Nested):
            _find(message, offset + _ATTRIBUTE_HEADER + _NESTED_HEADER.get(name, 0), what.outline, places)
        offset += (length + 3) & ~3
    return offset
