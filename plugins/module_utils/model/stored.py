# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check plain data that was read from a file against the model: fields, types, choices. Values are validated later."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.model.record import Field, Record


class Invalid(ValueError):
    """Data that no run has written; the message names the field and the value."""


def check(record: type[Record], plain: Any) -> None:
    """Check one object; raises Invalid."""
    if not isinstance(plain, dict):
        raise Invalid("%.40r is no object" % (plain,))
    for name, value in plain.items():
        field = record.fields.get(name)
        if field is None or not field.persists:
            raise Invalid("%.40r is nothing that is written down" % name)
        if value is not None:
            _check_value(name, field, value)
    for name, field in record.fields.items():
        if field.is_required and plain.get(name) is None:
            raise Invalid("%s is missing" % name)


def _check_value(name: str, field: Field, value: Any) -> None:
    if not _IS[field.type](value) or (field.choices is not None and value not in field.choices):
        raise Invalid("%s: %.40r" % (name, value))
    if field.record is not None:
        for one in value if field.type == "list" else [value]:
            check(field.record, one)
    elif field.elements is not None:
        if not all(map(_IS[field.elements], value)):
            raise Invalid("%s: %.40r" % (name, value))
    elif field.type == "dict":
        for key, one in value.items():
            if not _is_text(key) or not (_is_text(one) or isinstance(one, (int, float))):
                raise Invalid("%s: %.40r" % (name, key))


def _is_text(value: Any) -> bool:
    """Return whether the value is text that can be encoded: a lone surrogate cannot."""
    return isinstance(value, str) and (value.isascii() or value.encode("utf-8", "replace").decode() == value)


_IS: dict[str, Callable[[Any], bool]] = {
    "str": _is_text,
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "bool": lambda value: isinstance(value, bool),
    "list": lambda value: isinstance(value, list),
    "dict": lambda value: isinstance(value, dict),
}
