# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One point: one peer, N endpoints, in a host of its own. `python -m benchmarks.point PEER N` prints milliseconds.

A point that does not stand does not count: after each step the endpoints in question have to answer.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.host import Client, check, run, veths, wait
from benchmarks.peers import PEERS
from benchmarks.peers.peer import Endpoint, Peer

Times = dict[str, float]
_GONE_SECONDS = 120


def measure(peer: Peer, number: int) -> Times:
    """The milliseconds of each verb that the peer has."""
    endpoints = [Endpoint(n) for n in range(number)]
    new = Endpoint(number)
    times: Times = {}
    client = Client()
    try:
        peer.prepare(endpoints, new)
        _time(peer, "create", times)
        _verify(peer, client, [endpoints[0], endpoints[-1]])
        if _time(peer, "again", times):
            _verify(peer, client, [endpoints[-1]])
        for verb in ("add", "add_alone"):
            if _time(peer, verb, times):
                _verify(peer, client, [new, endpoints[-1]])
                _time(peer, "remove", times)
        _time(peer, "remove_all", times)
    finally:
        peer.close()
        client.close()
    return times


def _time(peer: Peer, verb: str, times: Times) -> bool:
    """Carry a verb out and note its time; False where the peer does not have it."""
    if getattr(type(peer), verb) is getattr(Peer, verb):
        return False
    peer.before(verb)
    began = time.perf_counter()
    own = getattr(peer, verb)()
    if verb == "remove_all":
        returned = time.perf_counter()
        wait(lambda: not veths(), _GONE_SECONDS, "the last veth to go")
        waited = (time.perf_counter() - returned) * 1000
        times["remove_all, gone"] = waited + (own if own is not None else (returned - began) * 1000)
        times["remove_all"] = times["remove_all, gone"] - waited
    else:
        times[verb] = own if own is not None else (time.perf_counter() - began) * 1000
    return True


def _verify(peer: Peer, client: Client, endpoints: list[Endpoint]) -> None:
    for endpoint in endpoints:
        if peer.ports:
            check(client, peer.netns(endpoint), peer.address(endpoint), endpoint.port)
        else:
            run("ping", "-c1", "-W3", "-q", peer.address(endpoint))


def main(name: str, number: str) -> None:
    """Measure in the host that this process is in."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        print(json.dumps(measure(PEERS[name](Path(folder), sys.executable), int(number))))


if __name__ == "__main__":
    main(*sys.argv[1:])
