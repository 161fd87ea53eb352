# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses as Python's ipaddress reads them, each text only once: a run checks, compares and sends the same few
thousand several times each. All raise ValueError, and take no host bits in networks."""

from __future__ import annotations

import functools
import ipaddress
import socket
from typing import NamedTuple, Union

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


_TEXTS = 1 << 16


class Interface(NamedTuple):
    """An address of an interface: itself, and the network that it is in, also as text."""

    ip: Address
    network: Network
    network_text: str

    @property
    def version(self) -> int:
        """4 or 6."""
        return self.ip.version


@functools.lru_cache(_TEXTS)
def address(text: str) -> Address:
    """An address: 172.30.0.2. One with a zone, fe80::1%eth0, is none: each belongs to a link already."""
    if "%" in text:
        raise ValueError("a zone has no place in %r" % text)
    try:
        # a quarter of what ipaddress's own reader takes
        return ipaddress.IPv4Address(socket.inet_pton(socket.AF_INET, text))
    except OSError:
        return ipaddress.ip_address(text)


@functools.lru_cache(_TEXTS)
def normal(text: str) -> str:
    """An address as the kernel's tools write it."""
    return text if address(text).version == 4 else unpacked(packed(text))  # in IPv4 there is one way only


@functools.lru_cache(_TEXTS)
def network(text: str) -> Network:
    """A network: 172.30.0.0/16; a lone address is a network of one. For ipaddress a zone, which may be any text, even
    several lines, is part of one: fd00::%x/64."""
    if "%" in text:
        raise ValueError("a zone has no place in %r" % text)
    return ipaddress.ip_network(text)


@functools.lru_cache(_TEXTS)
def interface(text: str) -> Interface:
    """An address with its network's length: 172.30.0.2/16."""
    host, slash, length = text.partition("/")
    own = address(host)
    if not slash:
        length = str(own.max_prefixlen)
    elif not (length.isascii() and length.isdigit() and int(length) <= own.max_prefixlen):
        within = ipaddress.ip_interface(text).network  # a mask, or an error in ipaddress's words
        return Interface(own, within, str(within))
    free = own.max_prefixlen - int(length)
    return Interface(own, *_network_at(own.version, int(own) >> free << free, int(length)))


@functools.lru_cache(_TEXTS)
def _network_at(version: int, first: int, length: int) -> tuple[Network, str]:
    """One object for all addresses of a network: `ipaddress.ip_interface` reads and makes one for each."""
    made: Network = ipaddress.IPv4Network((first, length)) if version == 4 else ipaddress.IPv6Network((first, length))
    return made, str(made)


def version_of(text: str) -> int:
    """4 or 6, of an address or a network that is known to be one."""
    return 6 if ":" in text else 4


def unpacked(data: bytes) -> str:
    """The 4 or 16 bytes of an address as the kernel's tools write it."""
    return socket.inet_ntop(socket.AF_INET if len(data) == 4 else socket.AF_INET6, data)


@functools.lru_cache(_TEXTS)
def packed(text: str) -> bytes:
    """The 4 or 16 bytes of an address that is known to be one."""
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


@functools.lru_cache(_TEXTS)
def link_local(mac: str) -> str:
    """The link-local address that a kernel gives an interface of that MAC (EUI-64, RFC 4291 appendix A)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    half = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return socket.inet_ntop(socket.AF_INET6, b"\xfe\x80" + bytes(6) + half)
