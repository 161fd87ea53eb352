# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`python -m benchmarks`: measure, print tables, write JSON. What each part does stands at its top."""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import endpoints, module_start, overlay_entries, published_ports, ratios
from benchmarks.peers import PEERS

_RESULTS = Path(__file__).parent / "results"
_PARTS = ("start", "ports", "overlay", "plan", "endpoints")


def main() -> None:
    """Measure what is asked for."""
    asked = _arguments()
    if os.geteuid() != 0:
        raise SystemExit("benchmarks make namespaces: run this as root, or `make bench`")
    asked.results.parent.mkdir(parents=True, exist_ok=True)

    def keep(found: dict[str, Any]) -> None:
        """What is measured survives what goes wrong later."""
        asked.results.write_text(json.dumps(found, indent=1) + "\n")

    measured: dict[str, Any] = {"machine": machine()}
    parts: dict[str, Callable[[], Any]] = {
        "start": lambda: module_start.measure(max(asked.rounds, 5)),
        "ports": lambda: published_ports.measure(asked.ports, asked.rounds, asked.pairs),
        "overlay": lambda: overlay_entries.measure(overlay_entries.SIZES, asked.rounds),
        "plan": _overlay_plan,
        "endpoints": lambda: endpoints.measure(
            asked.peers, asked.sizes, asked.rounds, lambda found: keep({**measured, "endpoints": found})
        ),
    }
    for name in asked.only:
        measured[name] = parts[name]()
        keep(measured)
    measured["machine"]["load after"] = os.getloadavg()[0]
    keep(measured)
    print(show(measured))
    print("\nWritten to %s" % asked.results)


def show(measured: dict[str, Any]) -> str:
    """All tables, and the ratios that the project has set itself."""
    parts = ["%s: %s" % item for item in measured["machine"].items()]
    shows = {"start": module_start.show, "ports": published_ports.show, "overlay": overlay_entries.show,
             "plan": str, "endpoints": endpoints.show}  # fmt: skip
    parts += [show_part(measured[name]) for name, show_part in shows.items() if measured.get(name)]
    return "\n".join([*parts, ratios.show(measured)])


def machine() -> dict[str, Any]:
    """What was measured with what."""
    versions = {
        "iproute2": ["ip", "-V"], "nftables": ["nft", "--version"], "iptables": ["iptables", "--version"],
        "netavark": ["/usr/lib/podman/netavark", "--version"], "docker": ["dockerd", "--version"],
    }  # fmt: skip
    found = {"cores": os.cpu_count(), "kernel": platform.release().split("-")[0], "system": _system()}
    found["Python"] = platform.python_version()
    for package in ("ansible-core", "pyroute2"):
        found[package] = importlib.metadata.version(package)
    for name, command in versions.items():
        try:
            output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        except FileNotFoundError:
            continue
        found[name] = output.strip().splitlines()[0] if output.strip() else "unknown"
    found["load before"] = os.getloadavg()[0]
    return found


def _system() -> str:
    lines = Path("/etc/os-release").read_text().splitlines()
    return next((line.partition("=")[2].strip('"') for line in lines if line.startswith("PRETTY_NAME=")), "unknown")


def _overlay_plan() -> str:
    command = [sys.executable, "-m", "benchmarks.overlay_plan"]
    return "\n" + subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--only", type=_words(str), default=list(_PARTS), help="of %s" % ",".join(_PARTS))
    parser.add_argument("--sizes", type=_words(int), default=list(endpoints.SIZES), help="numbers of endpoints")
    parser.add_argument("--ports", type=_words(int), default=list(published_ports.SIZES), help="numbers of ports")
    parser.add_argument("--peers", type=_words(str), default=list(PEERS), help="of %s" % ", ".join(PEERS))
    parser.add_argument("--rounds", type=int, default=3, help="how often each is measured")
    parser.add_argument("--pairs", type=int, default=10, help="turns of the connections that are compared in pairs")
    parser.add_argument("--results", type=Path, default=_RESULTS / "latest.json", help="where the JSON goes")
    asked = parser.parse_args()
    unknown = (set(asked.only) - set(_PARTS)) | (set(asked.peers) - set(PEERS))
    if unknown:
        parser.error("unknown: %s" % ", ".join(sorted(unknown)))
    return asked


def _words(kind: type) -> Any:
    return lambda text: [kind(word.strip()) for word in text.split(";" if ";" in text else ",")]


if __name__ == "__main__":
    main()
