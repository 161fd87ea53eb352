# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""SCTP without sockets, which many kernels lack: an INIT made by hand, and whether it arrives as it should."""

from __future__ import annotations

import select
import socket
import struct
import time
from typing import NamedTuple

from kit.host import Host, inside

_INIT = struct.pack("!BBHIIHHI", 1, 0, 20, 0x5CA1AB1E, 65536, 1, 1, 0)  # chunk INIT, RFC 9260 3.3.2
_POLYNOMIAL = 0x82F63B78  # CRC32c, reflected: RFC 9260 appendix A
_AGAIN = 0.2


class Arrived(NamedTuple):
    source: str
    port: int
    sound: bool  # whether the checksum is right


def init(host: Host, sender: str | None, to: str, port: int, receiver: str, wait: float = 5.0) -> Arrived | None:
    """What the receiver sees of an association that the sender asks for; None: nothing."""
    return host.call(_probe, sender, to, port, receiver, wait)


def _probe(sender: str | None, to: str, port: int, receiver: str, wait: float) -> Arrived | None:
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    with _open(receiver, family) as server, _open(sender, family) as client:
        packet = struct.pack("!HHII", 40000, port, 0, 0) + _INIT
        packet = packet[:8] + struct.pack("<I", _crc32c(packet)) + packet[12:]
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline:
            client.sendto(packet, (to, 0))
            if select.select([server], [], [], _AGAIN)[0]:
                data, address = server.recvfrom(2000)
                data = data[(data[0] & 15) * 4 :] if family == socket.AF_INET else data
                blank = data[:8] + bytes(4) + data[12:]
                right = struct.pack("<I", _crc32c(blank)) == data[8:12]
                return Arrived(address[0], struct.unpack("!H", data[2:4])[0], right)
    return None


def _open(netns: str | None, family: int) -> socket.socket:
    with inside(netns):
        return socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_SCTP)


def _crc32c(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _bit in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
    return value ^ 0xFFFFFFFF
