# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Transmit checksum offload of a link, in the namespace of the calling thread (ethtool(8), -K)."""

from __future__ import annotations

import array
import fcntl
import socket
import struct

# include/uapi/linux/sockios.h and ethtool.h
_SIOCETHTOOL, _ETHTOOL_GTXCSUM, _ETHTOOL_STXCSUM = 0x8946, 0x16, 0x17
_VALUE = struct.Struct("=II")  # struct ethtool_value: command, data


def has_tx_checksum(link: str) -> bool:
    """Return whether the link leaves checksums to its device; False where it does not exist. Raises OSError."""
    try:
        return bool(_call(link, _ETHTOOL_GTXCSUM, 0))
    except OSError:
        return False


def disable_tx_checksum(link: str) -> None:
    """Have the kernel compute the checksums of what the link sends. Raises OSError."""
    _call(link, _ETHTOOL_STXCSUM, 0)


def _call(link: str, command: int, value: int) -> int:
    buffer = array.array("B", _VALUE.pack(command, value))
    address, _length = buffer.buffer_info()
    request = struct.pack("16sP", link.encode(), address).ljust(40, b"\0")  # struct ifreq
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCETHTOOL, request)
    return int(_VALUE.unpack(buffer.tobytes())[1])
