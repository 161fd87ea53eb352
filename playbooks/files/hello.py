# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A small HTTP server that says who it is and whom it sees, and the client for it.

hello.py serve NAME ADDRESS PORT    until it is ended
hello.py get URL                    prints the answer; exit status 1 and the reason where there is none
"""

from __future__ import annotations

import http.server
import socket
import sys
import urllib.error
import urllib.request

TIMEOUT_SECONDS = 2


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


def main(words: list[str]) -> int:
    """Serve or ask, as the words say."""
    if words[:1] == ["serve"] and len(words) == 4:
        Server(words[1], words[2], int(words[3])).serve_forever()
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
