# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Endpoints: how long each peer takes to make, re-run, add and remove them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

from benchmarks.host import enter_command
from benchmarks.peers import PEERS
from benchmarks.table import Spread, table

SIZES = (1, 10, 100, 500, 1000)
VERBS = {
    "create": "Create N endpoints, ms",
    "again": "The same again, nothing to do, ms",
    "add": "Declare one more, ms",
    "add_alone": "One more, alone, ms",
    "remove": "Take that one away, ms",
    "remove_all": "Take all away, ms until the command returns",
    "remove_all, gone": "Take all away, ms until no veth is left",
}
_LIMIT = 1800  # seconds for one point

Runs = dict[str, dict[str, dict[str, list[float]]]]  # peer: size: verb: milliseconds of each run


def measure(
    peers: list[str], sizes: list[int], rounds: int, keep: Callable[[dict[str, object]], object]
) -> dict[str, object]:
    """Every peer at every size, one after the other, and that as often as there are rounds.

    ``keep`` is given what there is after each round.
    """
    skipped = {name: why for name in peers for why in [PEERS[name].missing()] if why}
    runs: Runs = {}
    measured = {"runs": runs, "skipped": skipped, "about": {name: PEERS[name].about for name in peers}}
    for turn in range(rounds):
        for size in sizes:
            for name in peers:
                if name in skipped or size > PEERS[name].largest or (turn and size >= PEERS[name].once_from):
                    continue
                times = _point(name, size)
                if isinstance(times, str):
                    skipped["%s, N=%d" % (name, size)] = times
                    continue
                for verb, value in times.items():
                    runs.setdefault(name, {}).setdefault(str(size), {}).setdefault(verb, []).append(value)
                print("  round %d, N=%d, %s: create %.0f ms" % (turn + 1, size, name, times["create"]), file=sys.stderr)
        keep(measured)
    return measured


def show(measured: dict[str, object]) -> str:
    """The tables."""
    runs: Runs = measured["runs"]
    sizes = sorted({size for by_size in runs.values() for size in by_size}, key=int)
    parts = []
    for verb, title in VERBS.items():
        rows = {}
        for name, by_size in runs.items():
            values = [by_size.get(size, {}).get(verb) for size in sizes]
            if any(values):
                rows[name] = [Spread.of(value) if value else None for value in values]
        if rows:
            parts.append(table(title, ["N=" + size for size in sizes], rows))
    for what, why in measured["skipped"].items():
        parts.append("not run: %s: %s" % (what, why))
    return "\n".join(parts)


def _point(name: str, size: int) -> dict[str, float] | str:
    """A point's times, or why there are none."""
    command = enter_command([sys.executable, "-m", "benchmarks.point", name, str(size)])
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LIMIT)
    except subprocess.TimeoutExpired:
        return "took longer than %d s" % _LIMIT
    _settle()
    if done.returncode:
        return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "exit code %d" % done.returncode
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _settle() -> None:
    """Let the kernel take down the namespaces of the last point, so that the next one does not pay for it."""
    deadline = time.monotonic() + 20
    while _cleaning() and time.monotonic() < deadline:
        time.sleep(0.05)


def _cleaning() -> bool:
    """Whether a kernel worker is at it, the one thread that a machine has for that ("netns")."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/comm" % pid) as comm, open("/proc/%s/stat" % pid) as stat:
                if "netns" in comm.read() and stat.read().rpartition(")")[2].split()[0] != "I":
                    return True
        except OSError:
            continue
    return False
