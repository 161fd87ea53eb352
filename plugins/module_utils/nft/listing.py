# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decoding of the elements in `nft -j list table` to nft's input syntax. Pure functions.

An element is the text that nft parses: its key, in a map its value, and its comment. Sets and maps are identified by
their family and name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Optional

from ansible_collections.virtnet.linux.plugins.module_utils.nft import ruleset

Set = tuple[str, str]  # family and name
Values = dict[str, tuple[Optional[str], Optional[str]]]  # key: (value, None in a set; comment)
Elements = dict[Set, Values]

_PROTOCOLS = {"6": "tcp", "17": "udp", "132": "sctp"}  # as nft lists them without /etc/protocols


def no_elements() -> Elements:
    """Return every set and map of this collection, empty."""
    return {(family, name): {} for family in ruleset.FAMILIES for name in ruleset.fields(family)}


def quoted(name: str) -> str:
    """Quote an interface name: `ip` and `tcp` are valid names, and nft's keywords."""
    return '"%s"' % name


def decode(family: str, listing: list[dict[str, Any]]) -> Elements:
    """Decode the elements of `nft -j list table` of one of our tables. Foreign sets are ignored."""
    found: Elements = {}
    known, others = ruleset.fields(family), others_sets(family, listing)
    for item in listing:
        held = item.get("set") or item.get("map")
        if held and held["name"] in known and held["name"] not in others:
            texts = [_text_of(field) for field in known[held["name"]]]
            found[family, held["name"]] = dict(
                [_element(texts, element, "map" in item) for element in held.get("elem", ())]
            )
    return found


def others_sets(family: str, listing: list[dict[str, Any]]) -> set[str]:
    """Return the sets and maps that have a name of ours and another type: another program made them."""
    known, values = ruleset.fields(family), ruleset.values(family)
    found = set()
    for item in listing:
        held = item.get("set") or item.get("map")
        if held and held["name"] in known:
            name = held["name"]
            if _differ(held.get("type"), known[name]) or _differ(held.get("map"), values.get(name, ())):
                found.add(name)
    return found


def _differ(listed: Any, types: tuple[str, ...]) -> bool:
    """Whether a set is listed with other types; a type given by an expression (typeof) cannot be compared."""
    if isinstance(listed, dict) or any("@" in one for one in types):
        return False
    parts = listed.split(" . ") if isinstance(listed, str) else listed or []
    return tuple(parts) != types


_Text = Callable[[Any], str]


def _element(texts: list[_Text], element: Any, in_map: bool) -> tuple[str, tuple[str | None, str | None]]:
    key, value = element if in_map else (element, None)
    comment = None
    if isinstance(key, dict) and "elem" in key:
        comment = key["elem"].get("comment")
        key = key["elem"]["val"]
    parts = key["concat"] if isinstance(key, dict) and "concat" in key else [key]
    if len(parts) != len(texts):
        raise ValueError(key)
    # inlined for speed: there are at least four elements for each endpoint
    formatted = [_interval(text, part) if isinstance(part, dict) else text(part) for text, part in zip(texts, parts)]
    return " . ".join(formatted), (None if value is None else _value(value), comment)


def _text_of(field: str) -> _Text:
    """Return the function that formats a listed part of an element's key for nft's input."""
    if field in ("ifname", "iifname"):
        return quoted
    if field == "@th,64,128":
        return _payload
    return _protocol if field == "inet_proto" else str


def _interval(text: _Text, part: dict[str, Any]) -> str:
    if "prefix" in part:
        return "%s/%d" % (part["prefix"]["addr"], part["prefix"]["len"])
    return "-".join(map(text, part["range"]))


def _payload(part: Any) -> str:
    """Format a raw payload of 128 bits: nft lists a string where it exceeds 64 bits, else a signed number."""
    return "0x%032x" % (int(part, 16) if isinstance(part, str) else part % (1 << 64))


def _protocol(part: Any) -> str:
    return _PROTOCOLS.get(str(part), str(part))


def _value(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    if "concat" in value:
        return " . ".join(map(str, value["concat"]))
    verdict, where = next(iter(value.items()))
    return "%s %s" % (verdict, where["target"]) if where else str(verdict)
