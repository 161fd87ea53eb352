# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ratios that the project holds itself to, out of one run's numbers."""

from __future__ import annotations

from typing import Any

from benchmarks.table import Spread, table


class Numbers:
    """Medians by name; what was not measured is None, and so is every ratio that needs it."""

    def __init__(self, measured: dict[str, Any]) -> None:
        self._measured = measured

    def endpoint(self, peer: str, size: int, verb: str) -> float | None:
        """Milliseconds of a peer's verb at a size."""
        runs = self._measured.get("endpoints", {}).get("runs", {})
        values = runs.get(peer, {}).get(str(size), {}).get(verb)
        return Spread.of(values).median if values else None

    def connections(self, name: str) -> float | None:
        """Connections a second of the interleaved turns."""
        values = self._measured.get("ports", {}).get("pairs", {}).get(name)
        return Spread.of(values).median if values else None

    def start(self) -> dict[str, float]:
        """Milliseconds of each module over the empty one."""
        values = {name: Spread.of(value).median for name, value in self._measured.get("start", {}).items()}
        empty = values.pop("empty", 0.0)
        return {name: value - empty for name, value in values.items()}


def show(measured: dict[str, Any]) -> str:
    """A line for each: what is compared, what was found, what is asked, whether it holds."""
    rows: dict[str, list[object | None]] = {}
    for name, found, least, most in _ratios(Numbers(measured)):
        if found is not None:
            asked = f"at most {most:g}" if least is None else f"at least {least:g}"
            holds = found <= most if most is not None else found >= (least or 0)
            rows[name] = ["%.3f" % found, asked, "yes" if holds else "NO"]
    return table("Ratios", ["found", "asked", "holds"], rows) if rows else ""


def _ratios(numbers: Numbers) -> list[tuple[str, float | None, float | None, float | None]]:
    """(what, found, at least, at most)"""
    ms = numbers.endpoint
    first = ms("engine", 1, "create")
    found: list[tuple[str, float | None, float | None, float | None]] = []

    def at_most(most: float, what: str, one: float | None, other: float | None) -> None:
        found.append((what, _over(one, other), None, most))

    for n in (100, 500, 1000):
        create, shell, again = ms("engine", n, "create"), ms("shell", n, "create"), ms("engine", n, "again")
        at_most(1.0, f"create {n}: engine / shell", create, shell)
        at_most(1.0, f"create {n}: engine with its start / shell", ms("engine, process", n, "create"), shell)
        at_most(0.25, f"nothing to do {n}: engine / its create", again, create)
        gone = "remove_all, gone"
        at_most(1.2, f"remove all {n} until gone: engine / shell", ms("engine", n, gone), ms("shell", n, gone))
        allowed = None if again is None or first is None else 1.1 * again + 3 * first
        at_most(
            1.0, f"one more of {n}, declared with all / (1.1 nothing to do + 3 first)", ms("engine", n, "add"), allowed
        )
        at_most(3.0, f"one more to {n}, alone / first", ms("engine", n, "add_alone"), first)
    at_most(0.05, "create 100: engine / netavark", ms("engine", 100, "create"), ms("netavark", 100, "create"))
    at_most(0.02, "create 100: role / looped playbook", ms("role", 100, "create"), ms("looped playbook", 100, "create"))
    many, one = ms("role", 100, "create"), ms("role", 1, "create")
    at_most(2.0, "role at 100 less role at 1, seconds", None if many is None or one is None else many - one, 1000)
    growth = [_over(ms(peer, 1000, "create"), ms(peer, 100, "create")) for peer in ("engine", "shell")]
    at_most(1.0, "create 1000 / create 100: engine's growth / shell's", *growth)
    rate = numbers.connections
    found += [
        ("connections: last of 5000 / the only one", _over(rate("ours 5000"), rate("ours 1")), 0.75, None),
        ("connections: last of 5000 / list of 5000", _over(rate("ours 5000"), rate("iptables list 5000")), 2.0, None),
    ]
    for name, over_empty in numbers.start().items():
        at_most(0.15, f"start of {name} over an empty module, seconds", over_empty, 1000)
    return found


def _over(above: float | None, below: float | None) -> float | None:
    return None if above is None or not below else above / below
