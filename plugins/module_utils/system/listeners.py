# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Listening sockets of the host's own namespace, and the processes that own them.

Read by sock_diag, because /proc does not show whether a socket on :: accepts IPv4, too. Where the kernel has no
sock_diag, /proc is read. Sources: include/uapi/linux/inet_diag.h, sock_diag.h; proc_net_tcp.rst.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import socket
import struct
import sys
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import NatPort
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import NetlinkError, Socket, attributes

_NETLINK_SOCK_DIAG, _SOCK_DIAG_BY_FAMILY = 4, 20
_NLM_F_REQUEST, _NLM_F_DUMP = 0x1, 0x300
_INET_DIAG_SKV6ONLY = 11
_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port
_REQUEST = struct.Struct("=BBBBI48x")  # struct inet_diag_req_v2: family, protocol, extensions, pad, states, a socket
_PORT, _SOURCE, _INODE, _END = 4, 8, 68, 72  # offsets in struct inet_diag_msg, and its size

# state number of listening TCP sockets and of UDP sockets without a peer (include/net/tcp_states.h)
_WAITING = {"tcp": (socket.IPPROTO_TCP, 10), "udp": (socket.IPPROTO_UDP, 7)}


class _Waiting(NamedTuple):
    protocol: str
    address: str
    port: int
    inode: int
    v6only: bool | None  # None: unknown, or IPv4


def listeners() -> list[dict[str, Any]]:
    """Return protocol, address, port, v6only (None: unknown), pid and process of each listening socket."""
    waiting = [one for protocol in _WAITING for family in (socket.AF_INET, socket.AF_INET6)
               for one in _sockets(protocol, family)]  # fmt: skip
    owners = _owners({str(one.inode) for one in waiting})
    found = []
    for one in sorted(waiting, key=lambda one: one[:4]):
        pid = owners.get(str(one.inode))
        fields = {"protocol": one.protocol, "address": one.address, "port": one.port, "v6only": one.v6only}
        found.append({**fields, "pid": pid, "process": _command(pid)})
    return found


def shadowed(ports: Iterable[NatPort], waiting: Iterable[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], NatPort]]:
    """Yield the listeners that lose their traffic to a published port, each with that port."""
    by_port: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for listener in waiting:
        by_port.setdefault((listener["protocol"], listener["port"]), []).append(listener)
    for port in ports:
        for listener in by_port.get((port.protocol, port.host_port), []):
            if _loses(listener, port):
                yield listener, port


def describe(listener: dict[str, Any]) -> str:
    """Format a listener: 'sshd (pid 812) listens on 0.0.0.0 port 22/tcp'."""
    process = listener["process"] or "a process"
    if listener["pid"] is not None:  # the kernel's own sockets have none
        process += " (pid %d)" % listener["pid"]
    return "%s listens on %s port %d/%s" % (process, listener["address"], listener["port"], listener["protocol"])


def _loses(listener: dict[str, Any], port: NatPort) -> bool:
    address, version = ipaddress.ip_address(listener["address"]), 6 if ":" in port.to_address else 4
    if address.is_unspecified and address.version == 6 and version == 4:
        return not listener["v6only"]
    return address.version == version and (
        address.is_unspecified or port.host_ip is None or str(address) == port.host_ip
    )


def _sockets(protocol: str, family: int) -> Iterator[_Waiting]:
    try:
        yield from _asked(protocol, family)
    except (NetlinkError, OSError):  # the kernel has no sock_diag, or none for this protocol
        yield from _from_proc(protocol, family)


def _asked(protocol: str, family: int) -> list[_Waiting]:
    number, state = _WAITING[protocol]
    body = _REQUEST.pack(family, number, 0, 0, 1 << state)
    length = _HEADER.size + len(body)
    request = _HEADER.pack(length, _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST | _NLM_F_DUMP, 0, 0) + body
    diag = Socket(_NETLINK_SOCK_DIAG)
    try:
        return [_read(protocol, family, message) for _kind, message in diag.dump(request)]
    finally:
        diag.close()


def _read(protocol: str, family: int, message: bytes) -> _Waiting:
    size = 16 if family == socket.AF_INET6 else 4
    (port,) = struct.unpack_from("!H", message, _PORT)
    (inode,) = struct.unpack_from("=I", message, _INODE)
    v6only = attributes(message, _END).get(_INET_DIAG_SKV6ONLY)
    address = socket.inet_ntop(family, bytes(message[_SOURCE : _SOURCE + size]))
    return _Waiting(protocol, address, port, inode, None if v6only is None else bool(v6only[0]))


def _from_proc(protocol: str, family: int) -> Iterator[_Waiting]:
    table = protocol + ("6" if family == socket.AF_INET6 else "")
    with contextlib.suppress(FileNotFoundError), open("/proc/self/net/" + table, encoding="ascii") as file:
        for line in list(file)[1:]:
            fields = line.split()
            if int(fields[3], 16) == _WAITING[protocol][1]:
                address, port = fields[1].split(":")
                words = [int(address[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(address), 8)]
                yield _Waiting(protocol, socket.inet_ntop(family, b"".join(words)), int(port, 16), int(fields[9]), None)


def _owners(inodes: set[str]) -> dict[str, int]:
    owners = {}
    for pid in filter(str.isdigit, os.listdir("/proc") if inodes else []):
        with contextlib.suppress(OSError):  # ended meanwhile
            for file in os.scandir(f"/proc/{pid}/fd"):
                with contextlib.suppress(OSError):
                    target = os.readlink(file.path)
                    if target.startswith("socket:[") and target[8:-1] in inodes:
                        owners[target[8:-1]] = int(pid)
    return owners


def _command(pid: int | None) -> str | None:
    with contextlib.suppress(OSError):
        if pid is not None:
            with open("/proc/%d/comm" % pid, encoding="utf-8", errors="replace") as file:
                return file.read().strip()
    return None
