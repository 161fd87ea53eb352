# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real packets between namespaces of a host: whether what one sends arrives at another, and from which source address.

Both sockets are opened by one process that is in the one namespace and then in the other, so nothing has to be started
and nothing is left.
"""

from __future__ import annotations

import errno
import select
import socket
import time

from kit.host import Host, inside

ARRIVES, SILENCE = 5.0, 0.5  # seconds: how long to wait for what should come, and for what should not

_KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
_AGAIN = 0.2  # seconds after which a datagram without an answer is sent again
_IPV6_V6ONLY = socket.IPV6_V6ONLY


def seen(
    host: Host,
    sender: str | None,
    to: str,
    port: int,
    receiver: str | None,
    at: int | None = None,
    protocol: str = "tcp",
) -> str | None:
    """The source address that the receiver sees of a call to ``to`` and ``port`` whose reply arrives too; None without
    one.

    Sender and receiver are namespaces (None: the host's own); the receiver listens on port ``at``, by default the same,
    of all its addresses.
    """
    return host.call(_probe, sender, to, port, receiver, at or port, protocol, ARRIVES)


def arrives(
    host: Host,
    sender: str | None,
    to: str,
    port: int,
    receiver: str | None,
    at: int | None = None,
    protocol: str = "tcp",
) -> bool:
    """Whether a call arrives and its reply too."""
    return seen(host, sender, to, port, receiver, at, protocol) is not None


def is_lost(
    host: Host,
    sender: str | None,
    to: str,
    port: int,
    receiver: str | None,
    at: int | None = None,
    protocol: str = "tcp",
) -> bool:
    """Whether a call fails: refused, or without a reply for half a second."""
    return host.call(_probe, sender, to, port, receiver, at or port, protocol, SILENCE) is None


def ping(host: Host, sender: str | None, to: str) -> bool:
    """Whether an echo reply arrives; sent again, because the kernel delays requests for an unresolved neighbour."""
    deadline = time.monotonic() + ARRIVES
    while time.monotonic() < deadline:
        if host.try_sh("ping -n -q -c 1 -W 1 %s" % to, sender).returncode == 0:
            return True
    return False


def ping_is_lost(host: Host, sender: str | None, to: str) -> bool:
    """Whether no echo reply arrives."""
    return host.try_sh("ping -n -q -c 2 -i 0.2 -W %s %s" % (SILENCE, to), sender).returncode != 0


def listen(host: Host, port: int, netns: str | None = None) -> int:
    """A process that waits on a TCP port; its PID in the host."""
    program = "import socket, signal; server = socket.create_server(('', %d)); signal.pause()" % port
    pid = host.start("python3", "-c", program, netns=netns)
    host.sh("until ss -Hltn sport = %d | grep -q .; do sleep 0.02; done" % port, netns)
    return pid


def _probe(
    sender: str | None, to: str, port: int, receiver: str | None, at: int, protocol: str, wait: float
) -> str | None:
    family, deadline = socket.AF_INET6 if ":" in to else socket.AF_INET, time.monotonic() + wait
    with _open(receiver, family, protocol) as server:
        server.bind(("", at))
        if protocol == "tcp":
            server.listen()
        while True:
            with _open(sender, family, protocol) as client:
                if client.connect_ex((to, port)) not in (0, errno.EINPROGRESS):
                    return None
                try:
                    return _call(server, client, protocol, deadline)
                except OSError as error:  # refused, unreachable
                    # a neighbour that could not be found a moment ago, before something changed, is asked for anew
                    if error.errno != errno.EHOSTUNREACH or time.monotonic() + _AGAIN > deadline:
                        return None
            time.sleep(_AGAIN)


def _open(netns: str | None, family: int, protocol: str) -> socket.socket:
    with inside(netns):
        opened = socket.socket(family, _KINDS[protocol] | socket.SOCK_NONBLOCK)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, _IPV6_V6ONLY, 1)
    return opened


def _call(server: socket.socket, client: socket.socket, protocol: str, deadline: float) -> str | None:
    caller = None
    while time.monotonic() < deadline:
        if protocol == "udp" and caller is None:
            client.send(b"hello")
        for ready in select.select([server, client], [], [], _AGAIN)[0]:
            if ready is client:
                return caller if client.recv(100) == b"welcome" else None
            caller = _answer(server, protocol)
    return None


def _answer(server: socket.socket, protocol: str) -> str:
    if protocol == "tcp":
        connection, address = server.accept()
        with connection:
            connection.sendall(b"welcome")
    else:
        _hello, address = server.recvfrom(100)
        server.sendto(b"welcome", address)
    return address[0]
