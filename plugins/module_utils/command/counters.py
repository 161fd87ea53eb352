# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packets and bytes of each endpoint, from the counters of the host's end of its veth."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.command.containers import Report
from ansible_collections.virtnet.linux.plugins.module_utils.command.lists import table

_STATISTICS = "/sys/class/net/%s/statistics/%s"
# what the host's end receives the container has sent
_COUNTERS = {"sent_packets": "rx_packets", "sent_bytes": "rx_bytes", "received_packets": "tx_packets",
             "received_bytes": "tx_bytes", "sent_dropped": "rx_dropped", "received_dropped": "tx_dropped"}  # fmt: skip
_CLEAR = "\x1b[2J\x1b[H"
_UNITS = ("B", "kB", "MB", "GB", "TB")


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


def watch(report: Callable[[], Report], once: bool) -> int:
    """Print the counters, with their rates every second until interrupted."""
    before: dict[str, dict[str, Any]] = {}
    last = 0.0
    while True:
        now = read(report())
        read_at = time.monotonic()
        text = "\n".join(_lines(now, before, read_at - last))
        print(text if once else _CLEAR + text, flush=True)
        if once:
            return 0
        before, last = {row["veth"]: row for row in now}, read_at
        time.sleep(1)


def prometheus(rows: list[dict[str, Any]]) -> list[str]:
    """Format the counters for Prometheus (text exposition format)."""
    lines = []
    for name in _COUNTERS:
        metric = "virtnet_endpoint_%s_total" % name
        lines += [
            "# HELP %s Counter of the endpoint: %s." % (metric, name.replace("_", " ")),
            "# TYPE %s counter" % metric,
        ]
        for row in rows:
            labels = ",".join('%s="%s"' % (key, _escaped(row[key])) for key in ("container", "network", "veth"))
            lines.append("%s{%s} %d" % (metric, labels, row[name]))
    return lines


def _lines(rows: list[dict[str, Any]], before: dict[str, dict[str, Any]], seconds: float) -> list[str]:
    shown = [("CONTAINER", "NETWORK", "SENT", "RECEIVED", "PACKETS SENT", "PACKETS RECEIVED", "DROPPED")]
    for row in rows:
        was = before.get(row["veth"])
        cells = []
        for name in ("sent_bytes", "received_bytes"):
            rate = " (%s/s)" % _size((row[name] - was[name]) / seconds) if was is not None else ""
            cells.append(_size(row[name]) + rate)
        dropped = row["sent_dropped"] + row["received_dropped"]
        packets = (str(row["sent_packets"]), str(row["received_packets"]), str(dropped))
        shown.append((row["container"], row["network"], cells[0], cells[1], *packets))
    return table([tuple(one) for one in shown])


def _number(link: str, counter: str) -> int:
    try:
        with open(_STATISTICS % (link, counter), encoding="ascii") as file:
            return int(file.read())
    except OSError:  # deleted meanwhile
        return 0


def _size(count: float) -> str:
    for unit in _UNITS:
        if count < 1000 or unit == _UNITS[-1]:
            return ("%d %s" if unit == "B" else "%.1f %s") % (count, unit)
        count /= 1000
    return ""


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
