# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packets of a container or a network as a pcap file, for Wireshark over SSH: packet(7), pcap-savefile(5)."""

from __future__ import annotations

import select
import socket
import struct
import time
from typing import BinaryIO, Optional

from ansible_collections.virtnet.linux.plugins.module_utils.command.containers import Report, Unknown, known

_ETH_P_ALL = 3  # include/uapi/linux/if_ether.h
_HEADER = struct.Struct("=IHHiIII")  # magic, version 2.4, time zone, accuracy, most bytes of a packet, link type
_PACKET = struct.Struct("=IIII")  # seconds, microseconds, bytes captured, bytes of the packet
_MAGIC, _ETHERNET, _MOST = 0xA1B2C3D4, 1, 65535
_OUTGOING = 4  # PACKET_OUTGOING, include/uapi/linux/if_packet.h

# by name: True for what the link sends only, False for what it receives, None for both
Links = dict[str, Optional[bool]]


def links(found: Report, name: str) -> Links:
    """Return the host's links that carry the packets of a container, or of a network, each packet once: what the ports
    of its bridge receive, and what the host itself sends by the bridge. Raises Unknown."""
    networks = {one["Name"]: one["Id"] for one in found["networks"]}
    ends = {one["name"]: [end["veth"] for end in one["endpoints"]] for one in found["containers"]}
    name = known(name, [*ends, *networks], "container or network")
    if ends.get(name):
        return dict.fromkeys(ends[name])
    if name not in networks:
        raise Unknown("container %s has no endpoint on a network; capture in its namespace, with virtnet exec" % name)
    ports: list[str] = next((one["interfaces"] for one in found["bridges"] if one["name"] == networks[name]), [])
    return {networks[name]: True, **dict.fromkeys(ports, False)}


def write(names: Links, file: BinaryIO, count: int | None, seconds: float | None) -> None:
    """Write what passes on these links, until so many packets or seconds, or until interrupted. Raises OSError."""
    sockets = {open_socket(name): sends for name, sends in names.items()}
    try:
        file.write(_HEADER.pack(_MAGIC, 2, 4, 0, 0, _MOST, _ETHERNET))
        file.flush()
        deadline = None if seconds is None else time.monotonic() + seconds
        written = 0
        while count is None or written < count:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return
            ready, _write, _error = select.select(list(sockets), [], [], left)
            for one in ready:
                data, address = one.recvfrom(_MOST)
                if sockets[one] not in (None, address[2] == _OUTGOING):
                    continue
                now = time.time()
                file.write(_PACKET.pack(int(now), int(now % 1 * 1e6), len(data), len(data)) + data)
                written += 1
                if count is not None and written >= count:
                    break
            file.flush()
    finally:
        for one in sockets:
            one.close()


def open_socket(name: str) -> socket.socket:
    """Return a packet socket of a link. Raises OSError."""
    # without a protocol it receives nothing before it is bound; with one, packets of all links: packet(7)
    opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    opened.bind((name, _ETH_P_ALL))
    return opened
