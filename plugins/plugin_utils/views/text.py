# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What text views share: the order of hosts and objects, and tables."""

from __future__ import annotations

Rows = list[tuple[str, ...]]


def by_number(name: str) -> list[tuple[bool, int, str]]:
    """A natural sort key: h2 before h10."""
    parts: list[str] = [""]
    for letter in name:
        if parts[-1] and parts[-1].isdecimal() != letter.isdecimal():
            parts.append("")
        parts[-1] += letter
    return [(part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts]


def table(rows: Rows) -> list[str]:
    """Format rows, the heading first, with columns as wide as their widest cell."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["   ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
