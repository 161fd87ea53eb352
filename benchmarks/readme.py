# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`python -m benchmarks.readme` writes the table of the project's README, out of results/published.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.table import Spread

README = Path(__file__).parents[1] / "README.md"
PUBLISHED = Path(__file__).parent / "results" / "published.json"
BEGIN, END = "<!-- begin: python -m benchmarks.readme -->\n", "<!-- end -->\n"

NOTHING = "There is no published run yet.\n"

SIZE = "100"
PEERS = {
    "engine": "virtnet.linux, its engine in a Python that has it loaded",
    "engine, process": "virtnet.linux, the same with Python's start",
    "role": "virtnet.linux, the role in a playbook",
    "shell": "the fastest shell script that we know",
    "naive shell": "a shell script, a command after the other",
    "ifstate": "ifstate (no published ports)",
    "netavark": "netavark",
    "CNI": "CNI plugins",
    "looped playbook": "a playbook of looped commands",
}
VERBS = {
    "create": "make",
    "again": "again, nothing to do",
    "add_alone": "one more",
    "remove_all, gone": "take all away",
}


def text(measured: dict[str, Any]) -> str:
    """What stands between the marks."""
    runs = measured["endpoints"]["runs"]
    lines = ["| | %s |" % " | ".join(VERBS.values()), "|---" * (len(VERBS) + 1) + "|"]
    for peer, title in PEERS.items():
        times = runs.get(peer, {}).get(SIZE)
        if times:
            lines.append("| %s | %s |" % (title, " | ".join(_seconds(times.get(verb)) for verb in VERBS)))
    return "\n".join([*lines, "", *_sentences(measured), ""])


def _sentences(measured: dict[str, Any]) -> list[str]:
    pairs = measured.get("ports", {}).get("pairs", {})
    rates = {name: Spread.of(values).median for name, values in pairs.items()}
    found = []
    if {"ours 1", "ours 5000", "iptables list 5000"} <= set(rates):
        last = rates["ours 5000"]
        found.append(
            "New connections through the last of 5000 published ports come at %.0f %% of the rate that one port alone\n"
            "has, and at %.1f times the rate through a list of 5000 rules.\n"
            % (100 * last / rates["ours 1"], last / rates["iptables list 5000"])
        )
    machine = measured["machine"]
    versions = ["%s %s" % (name, machine[name]) for name in ("Python", "ansible-core", "pyroute2") if name in machine]
    versions += [machine[name] for name in ("nftables", "netavark") if name in machine]
    about = "Medians, of the looped commands a single run, on {cores} cores, kernel {kernel}, {system}:"
    found.append(about.format(**machine))
    return [*found, ", ".join(versions) + "."]


def _seconds(values: list[float] | None) -> str:
    if not values:
        return ""
    seconds = Spread.of(values).median / 1000
    return "%.0f s" % seconds if seconds >= 10 else "%.1f s" % seconds if seconds >= 1 else "%.2f s" % seconds


def main() -> None:
    """Put the table into the README."""
    before, _begin, rest = README.read_text().partition(BEGIN)
    _old, _end, after = rest.partition(END)
    found = text(json.loads(PUBLISHED.read_text())) if PUBLISHED.exists() else NOTHING
    README.write_text(before + BEGIN + found + END + after)


if __name__ == "__main__":
    main()
