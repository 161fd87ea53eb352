# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with a declaration, collected while it is read, so that a person sees all of it at once."""

from __future__ import annotations

_SHOWN = 200  # characters of a value in a message


class Problems:
    """Errors and warnings, in the order in which they were found, each a sentence for a person."""

    def __init__(self) -> None:
        self.errors: list[str] = []
        self.warnings: list[str] = []

    def refuse(self, thing: str, field: str, value: object, rule: str) -> None:
        """An error: the object, its field, what was given, and what is allowed or what to do."""
        self._add(self.errors, thing, field, value, rule)

    def warn(self, thing: str, field: str, value: object, remark: str) -> None:
        """Something that is built as declared and may not do what was meant."""
        self._add(self.warnings, thing, field, value, remark)

    @staticmethod
    def _add(sentences: list[str], thing: str, field: str, value: object, text: str) -> None:
        sentence = f"{thing}: {field} {show(value)}: {text}"
        if sentence not in sentences:
            sentences.append(sentence)


def show(value: object) -> str:
    """The value as a person would recognise it, cut where it is long."""
    if value is None:
        return "(not given)"
    text = repr(value) if isinstance(value, (str, dict, list, tuple)) else str(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def enumerate_names(names: list[str], most: int = 10) -> str:
    """'a, b and 3 more': names for a sentence."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
