# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The flow that virtnet trace follows, and the packet that it sends: one TCP SYN, UDP datagram or ICMP echo request of
a socket in the container's network namespace."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import time
from typing import NamedTuple

from ansible_collections.virtnet.linux.plugins.module_utils.command.containers import Report, Unknown, find
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import namespaces
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip

ANSWERED = "answered"
_SECONDS = 1.0  # for an answer
# protocol, types of an echo request and of its reply (RFC 792, RFC 4443)
_ECHO = {4: (socket.IPPROTO_ICMP, 8, 0), 6: (socket.IPPROTO_ICMPV6, 128, 129)}
_DISCARD = 9  # any port: a datagram socket is connected to it, and nothing is sent


class Flow(NamedTuple):
    """One flow; ``links`` are the host's ends of the container's veths. ``port`` is None of an ICMP echo request."""

    container: str
    links: list[str]
    source: str
    destination: str
    port: int | None
    protocol: str  # tcp, udp or icmp

    def __str__(self) -> str:
        end = self.destination if self.port is None else "%s port %d" % (self.destination, self.port)
        return "%s from %s (%s) to %s" % (self.protocol, self.container, self.source, end)


def flow(found: Report, name: str, address: str, port: int | None, udp: bool) -> Flow:
    """Return the flow from a container to an address. Raises Unknown."""
    container = find(found, name)
    try:
        version = ip.address(address).version
    except ValueError:
        raise Unknown("%s: must be an IP address, as 192.0.2.1; resolve the name first" % address) from None
    if port is not None and not 1 <= port <= 65535:
        raise Unknown("port %d: must be 1 to 65535" % port)
    own = [one.split("/")[0] for end in container["endpoints"] for one in end["addresses"]]
    source = _routed_source(name, address) or next((one for one in own if (":" in one) == (version == 6)), None)
    if source is None:
        raise Unknown("container %s has no IPv%d address on a network" % (name, version))
    protocol = "icmp" if port is None else "udp" if udp else "tcp"
    return Flow(name, [end["veth"] for end in container["endpoints"]], source, ip.normal(address), port, protocol)


def _routed_source(name: str, address: str) -> str | None:
    """Return the source address that the container's routes select for a destination; None without a route."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with namespaces.entered(name), contextlib.closing(socket.socket(family, socket.SOCK_DGRAM)) as opened:
        try:
            opened.connect((address, _DISCARD))
        except OSError:
            return None
        return str(opened.getsockname()[0])


def send(one: Flow) -> str:
    """Send the packet; return what happened: answered, refused, no answer, or the error of sending."""
    with namespaces.entered(one.container):
        version = 6 if ":" in one.destination else 4
        family = socket.AF_INET6 if version == 6 else socket.AF_INET
        with contextlib.closing(_socket(one, family, version)) as opened:
            opened.settimeout(_SECONDS)
            try:
                opened.connect((one.destination, one.port or 0))
                if one.protocol == "tcp":
                    return ANSWERED
                if one.protocol == "icmp":
                    opened.send(_echo(version))
                    _await_reply(opened, version)
                else:
                    opened.send(b"virtnet trace")
                    opened.recv(2048)
            except ConnectionRefusedError:
                return "refused"
            except socket.timeout:
                return "no answer"
            except OSError as error:
                return os.strerror(error.errno or 0)
            return ANSWERED


def _await_reply(opened: socket.socket, version: int) -> None:
    """Wait for the echo reply; a raw socket receives other ICMP messages of the destination too, such as neighbour
    advertisements. Raises socket.timeout."""
    deadline = time.monotonic() + _SECONDS
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise socket.timeout
        opened.settimeout(left)
        data = opened.recv(2048)
        if version == 4:
            data = data[(data[0] & 0x0F) * 4 :]  # after the IPv4 header
        if data[:1] == bytes([_ECHO[version][2]]) and data[4:6] == struct.pack("!H", os.getpid() & 0xFFFF):
            return


def _socket(one: Flow, family: int, version: int) -> socket.socket:
    if one.protocol == "icmp":
        return socket.socket(family, socket.SOCK_RAW, _ECHO[version][0])
    return socket.socket(family, socket.SOCK_STREAM if one.protocol == "tcp" else socket.SOCK_DGRAM)


def _echo(version: int) -> bytes:
    """Return an ICMP echo request; the kernel computes the checksum of ICMPv6."""
    body = struct.pack("!HH", os.getpid() & 0xFFFF, 1) + b"virtnet trace..."
    kind = _ECHO[version][1]
    words = struct.unpack("!%dH" % (len(body) // 2), body)
    total = (kind << 8) + sum(words)
    total = (total & 0xFFFF) + (total >> 16)
    checksum = ~(total + (total >> 16)) & 0xFFFF
    return struct.pack("!BBH", kind, 0, checksum if version == 4 else 0) + body
