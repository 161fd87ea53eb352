# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures TCP throughput: random bytes with their checksum, and the time they took.

pour.py take ADDRESS PORT          until it is ended; replies to each sender with the checksum of the received bytes
pour.py give ADDRESS PORT MIB      prints "1.25 Gbit/s, 100 MiB, checksum right"; exit status 1 if it is wrong
"""

from __future__ import annotations

import hashlib
import os
import socket
import socketserver
import sys
import time

CHUNK_BYTES = 1 << 20
TIMEOUT_SECONDS = 60


class Taker(socketserver.BaseRequestHandler):
    """Receives the bytes of one sender, and replies with their checksum."""

    def handle(self) -> None:
        """Until the sender is done."""
        checksum = hashlib.sha256()
        while True:
            data = self.request.recv(CHUNK_BYTES)
            if not data:
                break
            checksum.update(data)
        self.request.sendall(checksum.digest())


class Server(socketserver.ThreadingTCPServer):
    """One thread a sender."""

    allow_reuse_address = True
    daemon_threads = True


def give(address: str, port: int, mebibytes: int) -> int:
    """Send random bytes, and compare checksums."""
    chunks = [os.urandom(CHUNK_BYTES) for _number in range(8)]
    checksum = hashlib.sha256()
    sent = [chunks[number % len(chunks)] for number in range(mebibytes)]
    for chunk in sent:
        checksum.update(chunk)
    start = time.monotonic()
    with socket.create_connection((address, port), timeout=TIMEOUT_SECONDS) as connection:
        for chunk in sent:
            connection.sendall(chunk)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(checksum.digest_size, socket.MSG_WAITALL)
    seconds = time.monotonic() - start
    right = answer == checksum.digest()
    rate = mebibytes * CHUNK_BYTES * 8 / seconds / 1e9
    print(f"{rate:.2f} Gbit/s, {mebibytes} MiB, checksum {'right' if right else 'WRONG'}")
    return 0 if right else 1


def main(words: list[str]) -> int:
    """Receive or send, as the arguments say."""
    if words[:1] == ["take"] and len(words) == 3:
        Server.address_family = socket.AF_INET6 if ":" in words[1] else socket.AF_INET
        with Server((words[1], int(words[2])), Taker) as server:
            server.serve_forever()
    if words[:1] == ["give"] and len(words) == 4:
        return give(words[1], int(words[2]), int(words[3]))
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
