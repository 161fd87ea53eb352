# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Numbers of several runs in one, and tables of them for people."""

from __future__ import annotations

import statistics
from typing import NamedTuple


class Spread(NamedTuple):
    """The middle of several runs, and the least and the most."""

    median: float
    least: float
    most: float
    runs: int

    @classmethod
    def of(cls, values: list[float]) -> Spread:
        return cls(statistics.median(values), min(values), max(values), len(values))

    def __str__(self) -> str:
        return "%s [%s-%s]" % (_short(self.median), _short(self.least), _short(self.most))


def table(title: str, columns: list[str], rows: dict[str, list[object | None]]) -> str:
    """Lines of equally wide columns; what is None is not there."""
    cells = [["", *columns]] + [
        [name, *["" if cell is None else str(cell) for cell in row]] for name, row in rows.items()
    ]
    widths = [max(len(row[column]) for row in cells) for column in range(len(columns) + 1)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cells]
    return "\n".join(["", title, lines[0], "-" * len(lines[0]), *lines[1:]])


def _short(value: float) -> str:
    return "%.0f" % value if value >= 100 else "%.1f" % value if value >= 1 else "%.3f" % value
