# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors and warnings about a run's input, collected so that all are reported at once, by planner and engine alike."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

_SHOWN = 200  # characters of a value in a message
_MOST = 50  # messages of one run: a mistake in a template repeats for each of its containers
_MOST_COMPARED = 20_000  # pairs of names of one run, 0.1 s: of so many messages the first fifty are shown


class Problems:
    """Errors and warnings, each message once, in the order in which they were found."""

    def __init__(self) -> None:
        # dicts used as ordered sets: O(1) look-up, also with a hundred thousand messages
        self.errors: dict[str, None] = {}
        self.warnings: dict[str, None] = {}
        self.refusals = 0  # repeated ones too, so that who compares two counts knows whether there was one in between
        self._compared = 0

    def refuse(self, thing: str, field: str, value: object, rule: str) -> None:
        """Add an error: the object, its field, the given value, and the rule or the remedy."""
        self.errors[self.message(thing, field, value, rule)] = None
        self.refusals += 1

    def warn(self, thing: str, field: str, value: object, remark: str) -> None:
        """Add a warning: the object is built as declared, but may not work as intended."""
        self.warnings[self.message(thing, field, value, remark)] = None

    def near(self, name: object, known: Collection[str]) -> str:
        """Return '; did you mean web?' where a misspelt name is like a known one; else nothing."""
        from difflib import get_close_matches  # a run without errors does without

        self._compared += len(known)
        if not isinstance(name, str) or len(name) > _SHOWN or self._compared > _MOST_COMPARED:
            return ""
        found = get_close_matches(name, known, 1)
        return f"; did you mean {found[0]}?" if found else ""

    @staticmethod
    def message(thing: str, field: str, value: object, rule: str) -> str:
        """Format a message."""
        return f"{thing}: {field} {show(value)}: {rule}"


def abridge(messages: Collection[str]) -> list[str]:
    """Return the first messages, in order, and the number of the others."""
    more = len(messages) - _MOST
    return list(messages) if more <= 0 else [*islice(messages, _MOST), f"and {more} more"]


def show(value: object) -> str:
    """Format a value for a message; truncate a long one."""
    if value is None:
        return "(not given)"
    text = repr(value) if isinstance(value, (str, dict, list, tuple)) else str(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def enumerate_names(names: list[str], most: int = 10) -> str:
    """Format names for a message: 'a, b and 3 more'."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
