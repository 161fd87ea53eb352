# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small HTTP server that replies with its name and the client's address, and a client.

hello.py serve NAME ADDRESS PORT             until it is ended
hello.py start PIDFILE NAME ADDRESS PORT     the same in the background, unless it runs; listens when this returns
hello.py stop PIDFILE                        ends it, where it runs
hello.py pid PIDFILE                         the process that stop would end
hello.py get URL                             prints the answer; exit status 1 and the reason where there is none
"""

from __future__ import annotations

import contextlib
import http.server
import os
import select
import signal
import socket
import sys
import urllib.error
import urllib.request
from pathlib import Path

TIMEOUT_SECONDS = 5


class Server(http.server.ThreadingHTTPServer):
    """Listens on an address of either family."""

    def __init__(self, name: str, address: str, port: int) -> None:
        self.name = name
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), Hello)

    def server_bind(self) -> None:
        """Bind without asking a name server for this host's name."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = self.name, self.server_address[1]


class Hello(http.server.BaseHTTPRequestHandler):
    """Answers every GET with one line."""

    server: Server

    def do_GET(self) -> None:
        """Say who serves and which address the caller has."""
        body = f"Hello from {self.server.name}, you are {self.client_address[0]}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: there is no log to keep."""


def start(pid_file: str, name: str, address: str, port: int) -> str:
    """Serve in the background; what happened."""
    if running(pid_file) is not None:
        return "it runs already"
    server = Server(name, address, port)
    pid = os.fork()
    if pid:
        Path(pid_file).write_text(f"{pid}\n")
        return "started"
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(nowhere, standard)
    server.serve_forever()
    return "ended"


def stop(pid_file: str) -> str:
    """End the server; what happened."""
    pid = running(pid_file)
    if pid is not None:
        process = os.pidfd_open(pid)
        for number in (signal.SIGTERM, signal.SIGKILL):
            signal.pidfd_send_signal(process, number)
            if select.select([process], [], [], TIMEOUT_SECONDS)[0]:
                break
    Path(pid_file).unlink(missing_ok=True)
    return "none runs" if pid is None else "stopped"


def running(pid_file: str) -> int | None:
    """The pid of the server that was started with this file. A pid in it may be another's by now, or a zombie's."""
    with contextlib.suppress(OSError, ValueError):
        pid = int(Path(pid_file).read_text())
        if os.fsencode(pid_file) in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
            return pid
    return None


def main(words: list[str]) -> int:
    """Serve or call, as the arguments say."""
    if words[:1] == ["serve"] and len(words) == 4:
        Server(words[1], words[2], int(words[3])).serve_forever()
    if words[:1] == ["start"] and len(words) == 5:
        print(start(words[1], words[2], words[3], int(words[4])))
        return 0
    if words[:1] == ["stop"] and len(words) == 2:
        print(stop(words[1]))
        return 0
    if words[:1] == ["pid"] and len(words) == 2:
        print(running(words[1]) or "none runs")
        return 0
    if words[:1] == ["get"] and len(words) == 2:
        try:
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            print(opener.open(words[1], timeout=TIMEOUT_SECONDS).read().decode().strip())
            return 0
        except OSError as error:
            print(getattr(error, "reason", error))
            return 1
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
