# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packets and bytes of each endpoint, from the counters of the host's end of its veth."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.command.containers import Report
from ansible_collections.virtnet.linux.plugins.module_utils.command.output import Row, metric, print_table, size, table

_STATISTICS = "/sys/class/net/%s/statistics/%s"
# what the host's end receives the container has sent
_COUNTERS = {"sent_packets": "rx_packets", "sent_bytes": "rx_bytes", "received_packets": "tx_packets",
             "received_bytes": "tx_bytes", "sent_dropped": "rx_dropped", "received_dropped": "tx_dropped"}  # fmt: skip
_CLEAR = "\x1b[2J\x1b[H"


def read(found: Report) -> list[dict[str, Any]]:
    """Return the counters of each endpoint."""
    rows = []
    for container in found["containers"]:
        for end in container["endpoints"]:
            numbers = {name: _number(end["veth"], counter) for name, counter in _COUNTERS.items()}
            rows.append(
                {"container": container["name"], "network": end["network"] or "", "veth": end["veth"], **numbers}
            )
    return rows


def screens(report: Callable[[], Report]) -> Iterator[list[str]]:
    """Yield the lines of the current counters, each time anew, with the rates since the last time, the busiest endpoint
    first."""
    before: dict[str, dict[str, Any]] = {}
    last = 0.0
    while True:
        now = sorted(read(report()), key=lambda row: _growth(row, before), reverse=True)
        read_at = time.monotonic()
        yield _lines(now, before, read_at - last)
        before, last = {row["veth"]: row for row in now}, read_at


def watch(screens: Iterator[list[str]], once: bool) -> None:
    """Print one screen, or one every second until interrupted."""
    for lines in screens:
        if not once:
            sys.stdout.write(_CLEAR)
            lines = lines[: shutil.get_terminal_size().lines - 1]
        print_table(lines)
        if once:
            return
        time.sleep(1)


def prometheus(rows: list[dict[str, Any]]) -> list[str]:
    """Format the counters for Prometheus."""
    lines = []
    for name in _COUNTERS:
        about = "Counter of the endpoint: %s." % name.replace("_", " ")
        samples = [({key: row[key] for key in ("container", "network", "veth")}, row[name]) for row in rows]
        lines += metric("virtnet_endpoint_%s_total" % name, "counter", about, samples)
    return lines


def _growth(row: dict[str, Any], before: dict[str, dict[str, Any]]) -> int:
    """Return how many bytes the endpoint has sent and received since before; 0 of one that was not there."""
    was = before.get(row["veth"])
    return 0 if was is None else sum(int(row[name] - was[name]) for name in ("sent_bytes", "received_bytes"))


def _lines(rows: list[dict[str, Any]], before: dict[str, dict[str, Any]], seconds: float) -> list[str]:
    shown: list[Row] = [("CONTAINER", "NETWORK", "SENT", "RECEIVED", "PACKETS SENT", "PACKETS RECEIVED", "DROPPED")]
    for row in rows:
        was = before.get(row["veth"])
        cells = []
        for name in ("sent_bytes", "received_bytes"):
            rate = " (%s/s)" % size((row[name] - was[name]) / seconds) if was is not None else ""
            cells.append(size(row[name]) + rate)
        dropped = row["sent_dropped"] + row["received_dropped"]
        packets = (str(row["sent_packets"]), str(row["received_packets"]), str(dropped))
        shown.append((row["container"], row["network"], cells[0], cells[1], *packets))
    return table(shown)


def _number(link: str, counter: str) -> int:
    try:
        with open(_STATISTICS % (link, counter), encoding="ascii") as file:
            return int(file.read())
    except OSError:  # deleted meanwhile
        return 0
