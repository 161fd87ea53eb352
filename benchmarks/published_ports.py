# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Published ports: new connections a second through the last of N, time to load them, time to add one.

A client, a router and a server, each in a namespace. Hosts of every kind and size stand side by side and are measured
in turns, so that a busy moment of the machine hits all of them.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.host import ADDRESS, Client, enter_command, inside, run, wait
from benchmarks.peers.peer import command_missing
from benchmarks.table import Spread, table

SIZES = (1, 100, 1000, 5000, 20000)
_SECONDS = 0.8
_FIRST_PORT = 20000
_SERVER = "10.50.0.2"
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: the client resets, so that no connection lingers


class Rules(NamedTuple):
    """A way to publish ports: load all, add one more; both return milliseconds."""

    about: str
    load: Callable[[list[int]], float]
    add: Callable[[int], float]
    missing: Callable[[], str | None]


def _converge(document: dict[str, Any]) -> float:
    from ansible_collections.virtnet.linux.plugins.module_utils.engine.converge import converge
    from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Topology

    whole = Topology.read(document)
    began = time.perf_counter()
    converge(whole)
    return (time.perf_counter() - began) * 1000


def _published(port: int) -> dict[str, Any]:
    return {"host_port": str(port), "to_address": _SERVER, "to_port": "80", "bridge": "br-bench"}


def _load_ours(ports: list[int]) -> float:
    policy = [{"bridge": "br-bench", "subnets": ["10.50.0.0/16"]}]
    return _converge({"bridge_policy": policy, "nat_port": [_published(port) for port in ports]})


def _add_ours(port: int) -> float:
    return _converge({"nat_port": [_published(port)]})


def _restore(tables: dict[str, list[str]]) -> float:
    text = "".join("*%s\n%s\nCOMMIT\n" % (name, "\n".join(lines)) for name, lines in tables.items())
    began = time.perf_counter()
    run("iptables-restore", "--noflush", stdin=text)
    return (time.perf_counter() - began) * 1000


def _list_rule(port: int) -> str:
    return "-A PREROUTING -p tcp -m tcp --dport %d -j DNAT --to-destination %s:80" % (port, _SERVER)


def _docker_rules(port: int) -> list[tuple[str, str]]:
    """What Docker has for each published port: the translation, the hairpin, the filter."""
    about = {"port": port, "to": _SERVER}
    return [
        ("nat", "-A DOCKER ! -i br-bench -p tcp -m tcp --dport %(port)d -j DNAT --to-destination %(to)s:80" % about),
        ("nat", "-A POSTROUTING -s %(to)s/32 -d %(to)s/32 -p tcp -m tcp --dport 80 -j MASQUERADE" % about),
        ("filter", "-A DOCKER -d %(to)s/32 ! -i br-bench -o br-bench -p tcp -m tcp --dport 80 -j ACCEPT" % about),
    ]


def _load_docker(ports: list[int]) -> float:
    nat = [":DOCKER - [0:0]", "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER"]
    filters = [":DOCKER - [0:0]", "-A FORWARD -o br-bench -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
               "-A FORWARD -o br-bench -j DOCKER"]  # fmt: skip
    tables = {"nat": nat, "filter": filters}
    # other containers' rules name other addresses, and the last port's container is the one that is met last
    for port in ports:
        for name, rule in _docker_rules(port):
            other = "10.50.%d.%d" % divmod(port - _FIRST_PORT + 1024, 256)
            tables[name].append(rule if port == ports[-1] else rule.replace(_SERVER, other))
    return _restore(tables)


def _add_docker(port: int) -> float:
    began = time.perf_counter()
    for name, rule in _docker_rules(port):
        run("iptables", "-t", name, *rule.split())
    return (time.perf_counter() - began) * 1000


def _add_to_list(port: int) -> float:
    began = time.perf_counter()
    run("iptables", "-t", "nat", *_list_rule(port).split())
    return (time.perf_counter() - began) * 1000


KINDS = {
    "ours": Rules("converge() of bridge_policy and nat_port", _load_ours, _add_ours, lambda: command_missing("nft")),
    "iptables list": Rules(
        "one DNAT rule a port", lambda ports: _restore({"nat": [_list_rule(port) for port in ports]}), _add_to_list,
        lambda: command_missing("iptables-restore"),
    ),
    "Docker's rules": Rules(
        "DNAT, hairpin and filter rule a port", _load_docker, _add_docker, lambda: command_missing("iptables-restore")
    ),
}  # fmt: skip


class Station:
    """A host that has its ports, and is told to measure."""

    def __init__(self, kind: str, size: int) -> None:
        command = enter_command([sys.executable, "-m", __name__, kind, str(size)])
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.loaded: dict[str, float] = self._read()

    def rate(self) -> float:
        """New connections a second."""
        assert self._process.stdin is not None
        self._process.stdin.write("rate\n")
        self._process.stdin.flush()
        return self._read()["rate"]

    def close(self) -> None:
        """End it."""
        self._process.communicate()

    def _read(self) -> dict[str, float]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the host ended: exit code %s" % self._process.wait())
        found: dict[str, float] = json.loads(line)
        return found


def measure(sizes: list[int], rounds: int, pairs: int) -> dict[str, object]:
    """Rates at every size, in turns; and pairs of ours through the only port and through the last of 5000."""
    skipped = {name: why for name, kind in KINDS.items() for why in [kind.missing()] if why}
    stations = {(name, size): Station(name, size) for size in sizes for name in KINDS if name not in skipped}
    rates: dict[tuple[str, int], list[float]] = {key: [] for key in stations}
    for turn in range(rounds):
        for key, station in stations.items():
            rates[key].append(station.rate())
        print("  connections, round %d" % (turn + 1), file=sys.stderr)
    paired: dict[str, list[float]] = {}
    for _turn in range(pairs):
        for name, size in (("ours", 1), ("ours", 5000), ("iptables list", 5000)):
            if (name, size) in stations:
                paired.setdefault("%s %d" % (name, size), []).append(stations[name, size].rate())
    for station in stations.values():
        station.close()
    found = {
        "%s %d" % key: {"rate": rates[key], "load": station.loaded["load"], "add": station.loaded["add"]}
        for key, station in stations.items()
    }
    return {"stations": found, "pairs": paired, "skipped": skipped, "sizes": list(sizes)}


def show(measured: dict[str, Any]) -> str:
    """The tables."""
    columns = ["N=%d" % size for size in measured["sizes"]]
    parts = []
    titles = {"rate": "New connections a second through the last of N published ports",
              "load": "Load N ports, ms", "add": "Add one port to N, ms"}  # fmt: skip
    for field, title in titles.items():
        rows = {}
        for name in KINDS:
            stations = [measured["stations"].get("%s %d" % (name, size)) for size in measured["sizes"]]
            values = [None if one is None else one[field] for one in stations]
            rows[name] = [Spread.of(v) if isinstance(v, list) else None if v is None else "%.1f" % v for v in values]
        parts.append(table(title, columns, {name: row for name, row in rows.items() if any(row)}))
    rows = {name: [Spread.of(rates)] for name, rates in measured["pairs"].items()}
    if rows:
        parts.append(
            table("New connections a second, interleaved", ["%d turns" % len(measured["pairs"]["ours 1"])], rows)
        )
    parts += ["not run: %s: %s" % item for item in measured["skipped"].items()]
    return "\n".join(parts)


def _stand(kind: str, size: int) -> None:
    """In a host: load the ports, add one, take it that the last is the one that is measured; then wait for orders."""
    client = Client()
    server = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    there = Path("/proc/%d/ns/net" % server.pid)
    own = os.stat("/proc/self/ns/net").st_ino
    wait(lambda: os.stat(there).st_ino != own, 5, "the server's namespace")
    for line in ("link add br-bench type bridge", "addr add 10.50.0.1/16 dev br-bench", "link set br-bench up",
                 "link add v0 master br-bench up type veth peer name eth0 netns %d" % server.pid):  # fmt: skip
        run("ip", *line.split())
    for line in ("addr add %s/16 dev eth0" % _SERVER, "link set eth0 up", "route add default via 10.50.0.1"):
        run("nsenter", "--net=%s" % there, "ip", *line.split())
    ports = list(range(_FIRST_PORT, _FIRST_PORT + size))
    load = KINDS[kind].load(ports)
    with inside(client.netns):
        Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("1024 65535")
    acceptor = _serve(there)
    first = _rate(client, ports[-1], 0.1)  # does it answer at all
    assert first > 0
    add = KINDS[kind].add(_FIRST_PORT + size)
    print(json.dumps({"load": load, "add": add}), flush=True)
    for _line in sys.stdin:
        print(json.dumps({"rate": _rate(client, ports[-1], _SECONDS)}), flush=True)
    os.kill(acceptor, 9)


def _serve(netns: Path) -> int:
    with inside(netns):
        listener = socket.create_server(("0.0.0.0", 80), backlog=4096)
    child = os.fork()
    if child:
        listener.close()
        return child
    while True:
        answered, _from = listener.accept()
        answered.close()


def _rate(client: Client, port: int, seconds: float) -> float:
    run("conntrack", "--flush")
    count = 0
    with inside(client.netns):
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            with socket.socket() as caller:
                caller.settimeout(3)
                caller.connect((ADDRESS, port))
                caller.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            count += 1
        return count / (time.perf_counter() - began)


if __name__ == "__main__":
    _stand(sys.argv[1], int(sys.argv[2]))
