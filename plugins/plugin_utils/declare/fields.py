# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read the fields of one declared object: a value of the right type, or an error and None.

A role's variables reach the planner unconverted, so what Ansible would convert is converted here by the same rules:
'yes' is true, '1500' is 1500. A text field accepts nothing but text: YAML 1.1 reads the names 010, 0x10, 1.10, yes and
2026-01-01, and the MAC 12:34:56:07:08:09, as numbers, a boolean and a date, and the original text is lost.
"""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from ansible_collections.virtnet.linux.plugins.module_utils.rules import values
from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems, show
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare import compose
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.addresses import Address, IPNetwork

_TRUE = ("yes", "on", "true", "t", "y", "1")
_FALSE = ("no", "off", "false", "f", "n", "0")
_IP = TypeVar("_IP", Address, ipaddress.IPv4Interface | ipaddress.IPv6Interface)


Options = Mapping[str, Mapping[str, Any]]


class _Null:
    """A value that YAML has as null, in messages."""

    def __str__(self) -> str:
        return "null"


NULL = _Null()


class Fields:
    """The fields of one declared object, `thing` in messages; `number` is its index where it is in a list.

    `options` are those of the argument spec: defaults and choices are theirs. `prefix` precedes a field in messages.
    """

    def __init__(
        self,
        raw: Mapping[Any, Any],
        thing: str,
        problems: Problems,
        number: int = 0,
        options: Options | None = None,
        prefix: str = "",
    ) -> None:
        self.raw = raw
        self.thing = thing
        self.problems = problems
        self.number = number
        self.options: Options = options or {}
        self._prefix = prefix

    def refuse(self, field: str, rule: str) -> None:
        self.problems.refuse(self.thing, self._prefix + field, self.raw.get(field), rule)

    def default(self, field: str) -> Any:
        """The field's default in the argument spec; None where it has none."""
        return self.options.get(field, {}).get("default")

    def options_of(self, field: str) -> Options:
        """The options of the mappings in a list."""
        found: Options = self.options.get(field, {}).get("options", {})
        return found

    def given(self, field: str) -> bool:
        return self.raw.get(field) is not None

    @property
    def to_be_present(self) -> bool:
        return self.raw.get("state") != "absent"

    def only(self, *known: str, elsewhere: Mapping[str, str] | None = None) -> None:
        """Refuse unknown fields, which are misspelt or another program's; and null, where a value is required.

        :param known: the fields; those of the argument spec when not given
        :param elsewhere: fields of other programs, and what to write instead
        """
        known = known or tuple(self.options)
        for field, value in self.raw.items():
            if field not in known:
                rest = (
                    (elsewhere or {}).get(field)
                    or self.problems.near(field, known)
                    or f"; there are {', '.join(known)}"
                )
                self.problems.refuse(self.thing, str(field), value, f"is no field{rest}")
            elif value is None and (self.default(field) is not None or "choices" in self.options.get(field, {})):
                remedy = "write [] for none" if self.default(field) == [] else "write one"
                rule = f"has no value; {remedy}, or leave it out"
                self.problems.refuse(self.thing, self._prefix + field, NULL, rule)

    def text(self, field: str) -> str | None:
        value = self.raw.get(field) if self.given(field) else self.default(field)
        if value is None or isinstance(value, str):
            return value
        self.refuse(field, not_quoted(value) or "must be text")
        return None

    def texts(self, field: str) -> Iterator[tuple[int, str]]:
        """Yield the texts of a list, each with its index."""
        for number, value in enumerate(self.listing(field)):
            if isinstance(value, str):
                yield number, value
            else:
                self.problems.refuse(self.thing, f"{field}[{number}]", value, not_quoted(value) or "must be text")

    def choice(self, field: str, elsewhere: Mapping[str, str] | None = None) -> str | None:
        """One of the choices in the argument spec; the default where the field is not given, or wrong."""
        if field not in self.options:
            return None  # refused as unknown
        value, choices = self.text(field), self.options[field]["choices"]
        if value is not None and value not in choices:
            self.refuse(field, f"must be one of {', '.join(choices)}{(elsewhere or {}).get(value, '')}")
        return value if value in choices else self.default(field)

    def boolean(self, field: str) -> bool | None:
        value = self.raw.get(field)
        default: bool | None = self.default(field)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        word = str(value).lower() if isinstance(value, (str, int)) else None
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        self.refuse(field, "must be true or false")
        return default

    def integer(self, field: str, first: int, last: int) -> int | None:
        value = self.raw.get(field)
        if value is None:
            return None
        if isinstance(value, str) and re.match(r"[0-9]{1,10}\Z", value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not first <= value <= last:
            self.refuse(field, values.number(first, last))
            return None
        return value

    def listing(self, field: str) -> list[Any]:
        value = self.raw.get(field)
        if value is None or isinstance(value, (list, tuple)):
            return list(value or ())
        named = self.options.get(field, {}).get("elements") != "str" and "name" in self.options_of(field)
        self.refuse(field, "must be a list" + compose.as_list(value, named or field == "networks"))
        return []

    def mapping(self, field: str) -> Mapping[Any, Any]:
        value = self.raw.get(field)
        if value is None or isinstance(value, Mapping):
            return value or {}
        self.refuse(field, "must be a mapping")
        return {}

    def keys(self) -> Iterator[str]:
        """Yield the names of all fields of a mapping with free keys; refuse those that are not text."""
        for key in self.raw:
            if isinstance(key, str):
                yield key
            else:
                rule = not_quoted(key) or "must be text"
                self.problems.refuse(self.thing, f"the name {show(key)} of", self.raw[key], rule)

    def records(self, field: str) -> list[Fields]:
        """Read a list of mappings, each as Fields."""
        found = []
        for number, value in enumerate(self.listing(field)):
            if isinstance(value, Mapping):
                place = f"{self.thing}: {field}[{number}]"
                found.append(Fields(value, place, self.problems, number, self.options_of(field)))
            else:
                self.problems.refuse(self.thing, f"{field}[{number}]", value, "must be a mapping")
        return found

    def address(self, field: str, version: int | None = None) -> Address | None:
        return self._ip(field, ipaddress.ip_address, version, values.address(version))

    def subnet(self, field: str, version: int | None = None) -> IPNetwork | None:
        """An address range in CIDR notation without host bits."""
        interface = self._ip(field, _interface, version, values.subnet(version))
        if interface is None:
            return None
        if interface.ip != interface.network.network_address:
            self.refuse(field, values.host_bits(interface.network))
            return None
        return interface.network

    def mac(self, field: str) -> str | None:
        value = self.raw.get(field)
        if value is None:
            return None
        mac = value.strip().lower().replace("-", ":") if isinstance(value, str) else ""
        if not_quoted(value):
            self.refuse(field, not_quoted(value))
        elif (rule := values.mac_problem(mac)) is not None:
            self.refuse(field, rule)
        else:
            return mac
        return None

    def _ip(self, field: str, parse: Callable[[str], _IP], version: int | None, rule: str) -> _IP | None:
        value = self.raw.get(field)
        if value is None:
            return None
        try:
            found = parse(value.strip()) if isinstance(value, str) else None
        except ValueError:
            found = None
        if found is None or (version and found.version != version):
            self.refuse(field, "; ".join(filter(None, [rule, not_quoted(value)])))
        elif isinstance(found, ipaddress.IPv6Address) and (found.scope_id or found.ipv4_mapped):
            self.refuse(field, f"{rule}, {values.NO_MAPPED_ADDRESS}")
        else:
            return found
        return None


def not_quoted(value: object) -> str:
    """The message for a text that YAML converted because it was not quoted; empty for other values."""
    if isinstance(value, bool):
        made = "true or false"
    elif isinstance(value, (int, float)):
        made = "a number"
    elif isinstance(value, datetime.date):
        made = "a date"
    else:
        return ""
    return f"YAML made {made} of it: quote it"


def _interface(text: str) -> ipaddress.IPv4Interface | ipaddress.IPv6Interface:
    if "/" not in text:
        raise ValueError(text)
    return ipaddress.ip_interface(text)
