# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with a declaration, collected while it is read, so that a person sees all of it at once."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

_SHOWN = 200  # characters of a value in a message
_MOST = 50  # messages of one plan: a mistake in a template is in each of a thousand containers


class Problems:
    """Errors and warnings, in the order in which they were found, each a sentence for a person, and each once."""

    def __init__(self) -> None:
        # the keys of a dict: in order, and a look-up takes as long with a hundred thousand of them as with one
        self.errors: dict[str, None] = {}
        self.warnings: dict[str, None] = {}

    def refuse(self, thing: str, field: str, value: object, rule: str) -> None:
        """An error: the object, its field, what was given, and what is allowed or what to do."""
        self._add(self.errors, thing, field, value, rule)

    def warn(self, thing: str, field: str, value: object, remark: str) -> None:
        """Something that is built as declared and may not do what was meant."""
        self._add(self.warnings, thing, field, value, remark)

    @staticmethod
    def _add(sentences: dict[str, None], thing: str, field: str, value: object, text: str) -> None:
        sentences[f"{thing}: {field} {show(value)}: {text}"] = None


def abridge(sentences: Collection[str]) -> list[str]:
    """As many as a person reads, in order, and how many more there are."""
    more = len(sentences) - _MOST
    return list(sentences) if more <= 0 else [*islice(sentences, _MOST), f"and {more} more"]


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
