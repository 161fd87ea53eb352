# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The agent in a namespace of the lab: runs commands, replies on ports, probes others, sends frames.

Reads one JSON object a line from standard input, answers each with one line. Everything runs concurrently in one loop,
so that a whole matrix of probes takes as long as the slowest of them, and an agent can probe itself.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import selectors
import socket
import struct
import subprocess
import sys
import time

FAMILIES = (socket.AF_INET, socket.AF_INET6)
PING = {socket.AF_INET: (socket.IPPROTO_ICMP, 8), socket.AF_INET6: (socket.IPPROTO_ICMPV6, 128)}
AGAIN = 0.2  # seconds after which a datagram without an answer is sent again

loop = selectors.DefaultSelector()
seen: list[str] = []  # who spoke to our UDP ports, answered or not; whose frames came by a device that is watched
passed: list[str] = []  # frames that passed a device that is recorded, both ways, as hexadecimal text
recorders: list[socket.socket] = []
kept: list[socket.socket] = []
name = sys.argv[1]


def run(argv: list[str], text: str | None = None) -> dict[str, object]:
    done = subprocess.run(argv, input=text or "", capture_output=True, text=True, check=False)
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr}


def write(path: str, value: str) -> None:
    with open(path, "w") as file:
        file.write(value)


def serve(ports: list[int]) -> None:
    """Reply on every address, over TCP and UDP, with this agent's name, the port and the client's address."""
    for family in FAMILIES:
        for port in ports:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                server = socket.socket(family, kind | socket.SOCK_NONBLOCK)
                server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                server.bind(("", port))
                if kind == socket.SOCK_STREAM:
                    server.listen(64)
                    loop.register(server, selectors.EVENT_READ, (accept, port))
                else:
                    wants = (socket.IPPROTO_IP, 8) if family == socket.AF_INET else (socket.IPPROTO_IPV6, 49)
                    server.setsockopt(*wants, 1)  # IP_PKTINFO, IPV6_RECVPKTINFO: which address was asked
                    loop.register(server, selectors.EVENT_READ, (reply, port))


def accept(server: socket.socket, port: int) -> None:
    client, peer = server.accept()
    client.sendall(("%s:%d %s" % (name, port, peer[0])).encode())
    loop.register(client, selectors.EVENT_READ, (echo, port))


def echo(client: socket.socket, _port: int) -> None:
    try:
        data = client.recv(2048)
        client.sendall(data)
    except OSError:
        data = b""
    if not data:
        loop.unregister(client)
        client.close()


def reply(server: socket.socket, port: int) -> None:
    _data, asked, _flags, peer = server.recvmsg(2048, 256)
    answer = "%s:%d %s" % (name, port, peer[0])
    seen.append(answer)
    level, kind, info = asked[0]
    at = 0 if level == socket.IPPROTO_IP else 16
    from_there = info[:at] + bytes(4) + info[at + 4 :]  # from the address that was asked, by whatever interface
    with contextlib.suppress(OSError):  # there may be no way back to a forged sender
        server.sendmsg([answer.encode()], [(level, kind, from_there)], 0, peer)


class Question:
    """One probe: a TCP connection, a datagram sent until answered, or a ping."""

    def __init__(self, spec: dict[str, object]) -> None:
        self.expected = bool(spec["expected"])
        self.answer: str | None = None
        self.again = 0.0
        self.protocol = spec["protocol"]
        self.family, *_rest, to = socket.getaddrinfo(spec["to"], spec["port"], flags=socket.AI_NUMERICHOST)[0]
        kind = socket.SOCK_STREAM if self.protocol == "tcp" else socket.SOCK_DGRAM
        number = PING[self.family][0] if self.protocol == "icmp" else 0
        self.socket = socket.socket(self.family, kind | socket.SOCK_NONBLOCK, number)
        self.over = self.socket.connect_ex(to) not in (0, errno.EINPROGRESS)
        if not self.over:
            loop.register(self.socket, selectors.EVENT_READ, (self.hear, None))

    def ask(self, now: float) -> None:
        if self.protocol == "tcp" or self.over or now < self.again:
            return
        self.again = now + AGAIN
        ping = struct.pack("!BBHHH", PING[self.family][1], 0, 0, 0, 1) + b"ping"
        try:
            self.socket.send(ping if self.protocol == "icmp" else b"who?")
        except OSError as error:
            self.fail(error)

    def hear(self, _socket: socket.socket, _port: None) -> None:
        try:
            data = self.socket.recv(2048)
        except OSError as error:
            self.fail(error)
        else:
            self.answer = "pong" if self.protocol == "icmp" else data.decode()
            self.close()

    def fail(self, error: OSError) -> None:
        self.answer = "!" + errno.errorcode[error.errno or 0]
        self.close()

    def close(self) -> None:
        if not self.over:
            loop.unregister(self.socket)
        self.over = True
        self.socket.close()


def probe(specs: list[dict[str, object]], least: float, most: float) -> list[str | None]:
    """Ask all; wait for answers that should not come as long as ``least``, for others as ``most`` (seconds)."""
    questions = [Question(spec) for spec in specs]
    begun = time.monotonic()
    while True:
        now = time.monotonic()
        for question in questions:
            question.ask(now)
        waiting = [question for question in questions if not question.over]
        if not waiting or now > begun + (most if any(question.expected for question in waiting) else least):
            break
        turn(0.02)
    for question in questions:
        question.close()
    return [question.answer for question in questions]


def send(device: str, frames: list[str]) -> None:
    """Send frames as they are."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
        wire.bind((device, 0))
        for frame in frames:
            wire.send(bytes.fromhex(frame))


def flow(to: str, port: int, source_port: int, source: str = "", payload: str = "more") -> str | None:
    """One datagram of a long-lived UDP flow, and its answer."""
    with socket.socket(socket.AF_INET6 if ":" in to else socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        client.bind((source, source_port))
        client.connect((to, port))
        client.settimeout(0.5)
        try:
            client.send(payload.encode())
            return client.recv(2048).decode()
        except OSError as error:
            return None if isinstance(error, TimeoutError) else errno.errorcode[error.errno or 0]


def take_seen() -> list[str]:
    """Who was seen since the last time."""
    while turn(0):
        pass
    taken = list(seen)
    seen.clear()
    return taken


def wait_seen(text: str, seconds: float) -> list[str]:
    """All that was seen, as soon as the text is among it; nothing where it is not in that time."""
    until = time.monotonic() + seconds
    while text not in " ".join(seen):
        if time.monotonic() > until:
            return []
        turn(0.05)
    return take_seen()


def wait_output(argv: list[str], text: str, seconds: float) -> bool:
    """Whether a command's output comes to hold the text in that time."""
    until = time.monotonic() + seconds
    while text not in run(argv)["out"]:
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def burst(to: str, port: int, first: int, count: int) -> None:
    """One datagram of each of many flows."""
    for source_port in range(first, first + count):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.bind(("", source_port))
            client.sendto(b"who?", (to, port))


def turn(seconds: float) -> bool:
    """Let every socket that has something do its work; whether one had."""
    events = loop.select(seconds)
    for key, _mask in events:
        handler, argument = key.data
        if key.fileobj is not sys.stdin:
            handler(key.fileobj, argument)
    return any(key.fileobj is not sys.stdin for key, _mask in events)


def connect(to: str, port: int) -> str:
    """Open a TCP connection that stays; say() speaks over it."""
    kept.append(socket.create_connection((to, port), 5))
    return kept[-1].recv(2048).decode()


def say(text: str) -> str | None:
    """What comes back of a text that is sent over the connection that stays."""
    kept[-1].settimeout(5)
    try:
        kept[-1].sendall(text.encode())
        return kept[-1].recv(2048).decode()
    except OSError:
        return None


def watch(device: str) -> None:
    """Note, from now on, what frames come in by the device: "frame MAC protocol", and an IPv4 sender's address."""
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(3))
    wire.bind((device, 3))
    loop.register(wire, selectors.EVENT_READ, (overhear, None))


def overhear(wire: socket.socket, _port: None) -> None:
    frame, (_device, _protocol, kind, *_rest) = wire.recvfrom(2048)
    if kind != socket.PACKET_OUTGOING:
        words = ["frame", frame[6:12].hex(":"), frame[12:14].hex()]
        if frame[12:14] == b"\x08\x00":
            words.append(socket.inet_ntoa(frame[26:30]))
        seen.append(" ".join(words))


def record(device: str) -> None:
    """Keep, from now on, the frames that pass the device, in either direction, and no other's."""
    for recorder in recorders:
        loop.unregister(recorder)
        recorder.close()
    recorders.clear()
    passed.clear()
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(3))
    wire.bind((device, 3))
    recorders.append(wire)
    loop.register(wire, selectors.EVENT_READ, (keep_frame, None))


def keep_frame(wire: socket.socket, _port: None) -> None:
    passed.append(wire.recv(2048).hex())


def recorded() -> list[str]:
    """The frames that passed since the last time."""
    while turn(0):
        pass
    taken = list(passed)
    passed.clear()
    return taken


COMMANDS = {
    function.__name__: function
    for function in (
        run,
        write,
        serve,
        probe,
        send,
        flow,
        burst,
        connect,
        say,
        watch,
        record,
        recorded,
        take_seen,
        wait_seen,
        wait_output,
    )
}


def main() -> None:
    loop.register(sys.stdin, selectors.EVENT_READ, (None, None))
    print(json.dumps({"answer": os.getpid()}), flush=True)
    while True:
        for key, _mask in loop.select():
            if key.fileobj is not sys.stdin:
                handler, argument = key.data
                handler(key.fileobj, argument)
                continue
            line = sys.stdin.readline()
            if not line:
                return
            print(json.dumps(obey(*json.loads(line))), flush=True)
            break  # what else was ready may have been dealt with meanwhile


def obey(command: str, arguments: dict[str, object]) -> dict[str, object]:
    try:
        return {"answer": COMMANDS[command](**arguments)}
    except Exception as error:
        return {"error": "%s: %r" % (command, error)}


main()
