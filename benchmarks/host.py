# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that is thrown away: network and mount namespaces of its own, with a client at the other end of its uplink.

Every point that is measured has one: nothing of one peer is left for the next, and the machine's own network is never
touched.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ADDRESS, CLIENT = "192.0.2.1", "192.0.2.2"

_CLONE_NEWNET = 0x40000000
_SETUP = """
mount -t tmpfs tmpfs /run
mkdir -p /run/lock
mount -t tmpfs tmpfs /mnt
mkdir /mnt/changed /mnt/work
mount -t overlay -o lowerdir=/etc,upperdir=/mnt/changed,workdir=/mnt/work overlay /etc
mount -t tmpfs tmpfs /var/lib/cni 2>/dev/null || true
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
"""
_libc = ctypes.CDLL(None, use_errno=True)


class Unreachable(Exception):
    """What should answer does not; the point does not count."""


def enter_command(program: list[str]) -> list[str]:
    """The command that runs a program in a new host; its processes end with it."""
    within = 'set -e\n%s\nexec "$@"' % _SETUP
    return ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
            "sh", "-c", within, "sh", *program]  # fmt: skip


class Client:
    """A neighbour on the host's uplink, as anybody who calls a published port."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        self.netns = Path("/proc/%d/ns/net" % self._process.pid)
        own = os.stat("/proc/self/ns/net").st_ino
        wait(lambda: os.stat(self.netns).st_ino != own, 5, "the client's namespace")
        run("ip", "link", "add", "uplink", "type", "veth", "peer", "name", "eth0", "netns", str(self._process.pid))
        run("ip", "addr", "add", ADDRESS + "/24", "dev", "uplink")
        run("ip", "link", "set", "uplink", "up")
        for words in ("addr add %s/24 dev eth0" % CLIENT, "link set lo up", "link set eth0 up"):
            run("nsenter", "--net=%s" % self.netns, "ip", *words.split())

    def close(self) -> None:
        """End it; its end of the uplink goes with it."""
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def inside(netns: Path) -> Iterator[None]:
    """Be in a network namespace for the length of a with block; sockets that are opened there stay in it."""
    with open("/proc/self/ns/net") as home, open(netns) as there:
        _setns(there.fileno())
        try:
            yield
        finally:
            _setns(home.fileno())


def check(client: Client, netns: Path, address: str, port: int) -> None:
    """The endpoint answers a ping of the host, and the client reaches it by TCP through its published port."""
    done = subprocess.run(["ping", "-c1", "-W3", "-q", address], capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unreachable("no answer to a ping of %s" % address)
    with inside(netns):
        server = socket.create_server(("0.0.0.0", 80))
    with server:
        server.settimeout(3)
        with inside(client.netns):
            caller = socket.socket()
        with caller:
            caller.settimeout(3)
            try:
                caller.connect((ADDRESS, port))
                answer, _from = server.accept()
                answer.close()
            except OSError as error:
                raise Unreachable("no connection to port %d: %s" % (port, error)) from error


def veths() -> list[str]:
    """The host's ends of endpoints; the uplink is none."""
    links = json.loads(run("ip", "-json", "link", "show", "type", "veth"))
    return [link["ifname"] for link in links if link and link["ifname"] != "uplink"]


def wait(done: Callable[[], object], seconds: float, what: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise Unreachable("waited %g s in vain for %s" % (seconds, what))
        time.sleep(0.001)


def run(*command: str, stdin: str | None = None, **options: object) -> str:
    """What a command says; CalledProcessError with its own words where it fails."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, **options)
    if done.returncode:
        words = " ".join(command)
        raise RuntimeError("%s: exit code %d: %s" % (words, done.returncode, (done.stderr or done.stdout)[-2000:]))
    return done.stdout


def _setns(file: int) -> None:
    if _libc.setns(file, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")
