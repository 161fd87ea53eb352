# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Cached parsing of addresses with Python's ipaddress: a run checks, compares and sends the same few thousand several
times each. All functions raise ValueError, and accept no host bits in networks."""

from __future__ import annotations

import functools
import ipaddress
import socket
from typing import NamedTuple, Union

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]


_TEXTS = 1 << 16


class Interface(NamedTuple):
    """An address of an interface: the address, and its network, also as text."""

    ip: Address
    network: Network
    network_text: str

    @property
    def version(self) -> int:
        """4 or 6."""
        return self.ip.version


@functools.lru_cache(_TEXTS)
def address(text: str) -> Address:
    """Parse an address: 172.30.0.2. Raises ValueError for one with a zone (fe80::1%eth0): the link is given apart."""
    if "%" in text:
        raise ValueError("a zone has no place in %r" % text)
    try:
        # four times as fast as ipaddress's own parser
        return ipaddress.IPv4Address(socket.inet_pton(socket.AF_INET, text))
    except OSError:
        return ipaddress.ip_address(text)


@functools.lru_cache(_TEXTS)
def normal(text: str) -> str:
    """Normalize an address to the notation of the kernel's tools."""
    return text if address(text).version == 4 else unpacked(packed(text))  # IPv4 has one notation only


@functools.lru_cache(_TEXTS)
def network(text: str) -> Network:
    """Parse a network: 172.30.0.0/16; a lone address is a network of one. Raises ValueError for a zone, which ipaddress
    accepts as any text, even of several lines: fd00::%x/64."""
    if "%" in text:
        raise ValueError("a zone has no place in %r" % text)
    return ipaddress.ip_network(text)


@functools.lru_cache(_TEXTS)
def interface(text: str) -> Interface:
    """Parse an address with its prefix length: 172.30.0.2/16."""
    host, slash, length = text.partition("/")
    own = address(host)
    if not slash:
        length = str(own.max_prefixlen)
    elif not (length.isascii() and length.isdigit() and int(length) <= own.max_prefixlen):
        within = ipaddress.ip_interface(text).network  # a netmask, or ipaddress's own ValueError
        return Interface(own, within, str(within))
    free = own.max_prefixlen - int(length)
    return Interface(own, *_network_at(own.version, int(own) >> free << free, int(length)))


@functools.lru_cache(_TEXTS)
def _network_at(version: int, first: int, length: int) -> tuple[Network, str]:
    """Return one shared object for all addresses of a network: `ipaddress.ip_interface` creates one for each."""
    made: Network = ipaddress.IPv4Network((first, length)) if version == 4 else ipaddress.IPv6Network((first, length))
    return made, str(made)


def version_of(text: str) -> int:
    """Return the IP version, 4 or 6, of a valid address or network."""
    return 6 if ":" in text else 4


def unpacked(data: bytes) -> str:
    """Format the 4 or 16 bytes of an address in the notation of the kernel's tools."""
    return socket.inet_ntop(socket.AF_INET if len(data) == 4 else socket.AF_INET6, data)


@functools.lru_cache(_TEXTS)
def packed(text: str) -> bytes:
    """Return the 4 or 16 bytes of a valid address."""
    return socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)


@functools.lru_cache(_TEXTS)
def link_local(mac: str) -> str:
    """Return the link-local address that the kernel gives an interface of that MAC (EUI-64, RFC 4291 appendix A)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    half = bytes([octets[0] ^ 2]) + octets[1:3] + b"\xff\xfe" + octets[3:]
    return socket.inet_ntop(socket.AF_INET6, b"\xfe\x80" + bytes(6) + half)
