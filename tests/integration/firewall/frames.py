# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Frames made by hand, as hexadecimal text for agent.py's send()."""

from __future__ import annotations

import ipaddress
import struct
from typing import NamedTuple


def ethernet(to: str, source: str, kind: int, payload: bytes) -> str:
    return (raw_mac(to) + raw_mac(source) + struct.pack("!H", kind) + payload).hex()


def tagged(frame: str, kind: int = 0x8100) -> str:
    """The frame with a VLAN tag that says no VLAN but a priority: who knows no VLANs takes it for an ordinary one."""
    return frame[:24] + struct.pack("!HH", kind, 0).hex() + frame[24:]


def raw(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


def raw_mac(mac: str) -> bytes:
    return bytes.fromhex(mac.replace(":", ""))


def checksum(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def udp(
    source: str, to: str, source_mac: str, to_mac: str, port: int, payload: bytes = b"who?", source_port: int = 40000
) -> str:
    """A datagram."""
    length = 8 + len(payload)
    head = struct.pack("!HHHH", source_port, port, length, 0)
    if ":" in source:
        pseudo = raw(source) + raw(to) + struct.pack("!IHBB", length, 0, 0, 17)
        head = head[:6] + struct.pack("!H", checksum(pseudo + head + payload))
        packet = struct.pack("!IHBB", 6 << 28, length, 17, 64) + raw(source) + raw(to)
        return ethernet(to_mac, source_mac, 0x86DD, packet + head + payload)
    return ethernet(to_mac, source_mac, 0x0800, ipv4(source, to, 17, head + payload))


def udp_in_pieces(source: str, to: str, source_mac: str, to_mac: str, port: int) -> list[str]:
    """A datagram over IPv4 as two fragments, of which the first has the ports and nothing else of use."""
    whole = struct.pack("!HHHH", 40000, port, 8 + 24, 0) + b"who?" * 6
    return [
        ethernet(to_mac, source_mac, 0x0800, ipv4(source, to, 17, whole[:16], pieces=0x2000)),  # more to come
        ethernet(to_mac, source_mac, 0x0800, ipv4(source, to, 17, whole[16:], pieces=16 // 8)),
    ]


def vxlan(vni: int, frame: str) -> bytes:
    """What a tunnel's end sends to another one: a frame of the network with that number."""
    return struct.pack("!BxxxI", 8, vni << 8) + bytes.fromhex(frame)


def tcp_without_flags(source: str, to: str, source_mac: str, to_mac: str, port: int) -> str:
    """A TCP segment that belongs nowhere: it neither begins a connection nor is part of one."""
    return tcp(Segment(to_mac, source_mac, source, to, 40000, port, 1, 1, 0))


class Segment(NamedTuple):
    """What a TCP segment says; ``length`` is that of its data."""

    to_mac: str
    source_mac: str
    source: str
    to: str
    source_port: int
    port: int
    sequence: int
    acknowledged: int
    flags: int
    length: int = 0


FIN, SYN, RST, ACK = 1, 2, 4, 16


def tcp(segment: Segment) -> str:
    """A TCP segment without data."""
    numbers = segment.sequence % 2**32, segment.acknowledged % 2**32
    head = struct.pack("!HHIIBBHHH", segment.source_port, segment.port, *numbers, 5 << 4, segment.flags, 1024, 0, 0)
    return transport(segment.source, segment.to, segment.source_mac, segment.to_mac, 6, head, at=16)


def icmp_error(source: str, to: str, source_mac: str, to_mac: str, kind: int, code: int, about: str, word: int = 0):
    """An ICMP error about a packet, which is given as a frame. ``word``: what follows the checksum, such as an MTU."""
    inner = bytes.fromhex(about)[14:]
    protocol = 58 if ":" in source else 1
    return transport(source, to, source_mac, to_mac, protocol, struct.pack("!BBHI", kind, code, 0, word) + inner, at=2)


def transport(source: str, to: str, source_mac: str, to_mac: str, protocol: int, body: bytes, at: int) -> str:
    """A packet with the checksum of TCP or ICMP set, which is ``at`` that place of its body."""
    pseudo = b""
    if ":" in source:
        pseudo = raw(source) + raw(to) + struct.pack("!IHBB", len(body), 0, 0, protocol)
    elif protocol == 6:
        pseudo = raw(source) + raw(to) + struct.pack("!BBH", 0, protocol, len(body))
    body = body[:at] + struct.pack("!H", checksum(pseudo + body)) + body[at + 2 :]
    if ":" in source:
        head = struct.pack("!IHBB", 6 << 28, len(body), protocol, 64) + raw(source) + raw(to)
        return ethernet(to_mac, source_mac, 0x86DD, head + body)
    return ethernet(to_mac, source_mac, 0x0800, ipv4(source, to, protocol, body))


def packet(frame: str) -> tuple[str, str, int, bytes] | None:
    """Source, destination, protocol and body of an IP packet in a frame without tags."""
    data = bytes.fromhex(frame)
    if data[12:14] == b"\x08\x00":
        body = data[14 + 4 * (data[14] & 15) : 14 + int.from_bytes(data[16:18], "big")]
        return address(data[26:30]), address(data[30:34]), data[23], body
    if data[12:14] == b"\x86\xdd":
        return address(data[22:38]), address(data[38:54]), data[20], data[54:]
    return None


def segment(frame: str) -> Segment | None:
    """The TCP segment in a frame."""
    found = packet(frame)
    if found is None or found[2] != 6:
        return None
    source, to, _protocol, body = found
    ports = struct.unpack_from("!HH", body)
    macs = bytes.fromhex(frame[:12]).hex(":"), bytes.fromhex(frame[12:24]).hex(":")
    numbers = struct.unpack_from("!II", body, 4)
    return Segment(*macs, source, to, *ports, *numbers, body[13], len(body) - 4 * (body[12] >> 4))


def address(data: bytes) -> str:
    return str(ipaddress.ip_address(data))


def sctp_init(source: str, to: str, source_mac: str, to_mac: str, port: int) -> str:
    """The beginning of an SCTP association (RFC 9260, section 3.3.2)."""
    chunk = struct.pack("!BBHIIHHI", 1, 0, 20, 0x01020304, 65536, 1, 1, 1)
    head = struct.pack("!HHI", 40000, port, 0)
    body = head + struct.pack("<I", crc32c(head + bytes(4) + chunk)) + chunk
    return ethernet(to_mac, source_mac, 0x0800, ipv4(source, to, 132, body))


def crc32c(data: bytes) -> int:
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _bit in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def ipv4(source: str, to: str, protocol: int, body: bytes, pieces: int = 0) -> bytes:
    """``pieces``: the field with the fragment's flags and place."""
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 7, pieces, 64, protocol, 0) + raw(source) + raw(to)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body
