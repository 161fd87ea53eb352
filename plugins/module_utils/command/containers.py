# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Find a container or network by name, in what network_info reports."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

Report = dict[str, Any]


class Unknown(Exception):
    """There is no container or network of that name; the message says which name may be meant."""


def known(name: str, names: Iterable[str], noun: str) -> str:
    """Return the name if it is among these. Raises Unknown."""
    there = list(names)
    if name in there:
        return name
    near = difflib.get_close_matches(name, there, 1)
    hint = "did you mean %s?" % near[0] if near else "there are %s" % (", ".join(sorted(there)) or "none")
    raise Unknown("no %s %s on this host; %s" % (noun, name, hint))


def find(found: Report, name: str) -> dict[str, Any]:
    """Return a container's entry of the report. Raises Unknown."""
    by_name: dict[str, dict[str, Any]] = {one["name"]: one for one in found["containers"]}
    return by_name[known(name, by_name, "container")]
