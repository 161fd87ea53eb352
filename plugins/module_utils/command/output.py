# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the command prints: tables, JSON, metrics for Prometheus; with colours on a terminal only (https://no-color.org)."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

Row = tuple[str, ...]

PLAIN, BOLD, RED, GREEN = "0", "1", "31", "32"  # SGR, ECMA-48
_UNITS = ("B", "kB", "MB", "GB", "TB")


def print_lines(lines: Iterable[str]) -> None:
    """Print lines of text."""
    for line in lines:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


def print_table(lines: list[str]) -> None:
    """Print the lines of a table, its heading emphasized."""
    print_lines([styled(lines[0], BOLD), *lines[1:]])


def print_json(value: Any) -> None:
    """Print a value in JSON."""
    print_lines([json.dumps(value, indent=4, ensure_ascii=False)])


def styled(text: str, style: str) -> str:
    """Return the text in a style, if standard output is a terminal and colours are not refused."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return "\x1b[%sm%s\x1b[0m" % (style, text)


def table(rows: list[Row]) -> list[str]:
    """Align the columns of rows."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["   ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def size(count: float) -> str:
    """Format a number of bytes."""
    for unit in _UNITS:
        if count < 1000 or unit == _UNITS[-1]:
            return ("%d %s" if unit == "B" else "%.1f %s") % (count, unit)
        count /= 1000
    return ""


def metric(name: str, kind: str, about: str, samples: Iterable[tuple[Mapping[str, str], int]]) -> list[str]:
    """Format a metric in Prometheus' text exposition format; each sample has labels and a value."""
    lines = ["# HELP %s %s" % (name, about), "# TYPE %s %s" % (name, kind)]
    for labels, value in samples:
        words = ",".join('%s="%s"' % (key, _escaped(text)) for key, text in labels.items())
        lines.append("%s{%s} %d" % (name, words, value))
    return lines


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
