# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Actions: what a run does, or would do. The one source of ``changed``, of check mode, of ``--diff`` and of what is
applied."""

from __future__ import annotations

import dataclasses
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.rules.names import sysctl


@dataclasses.dataclass
class Action:
    """One thing to do to one object.

    ``verb`` is create, change, replace or delete. ``before`` and ``after`` hold what differs, in the words of the
    module's options; ``wanted`` is the whole declared object, for whoever applies the action.
    """

    verb: str
    kind: str
    name: str
    before: dict[str, Any]
    after: dict[str, Any]
    wanted: dict[str, Any]

    def shown(self) -> dict[str, Any]:
        """The action as a person and a registered variable see it."""
        return {"action": self.verb, "kind": self.kind, "name": self.name, "before": self.before, "after": self.after}

    def line(self) -> str:
        """The action in one line: 'change veth veth0123: mtu 1500 -> 1400'."""
        if self.verb in ("create", "delete"):
            return f"{self.verb} {self.kind} {self.name}"
        parts = [f"{key} {_text(self.before.get(key))} -> {_text(self.after.get(key))}" for key in self.after]
        return "{} {} {}: {}".format(self.verb, self.kind, self.shown_name, ", ".join(parts))

    @property
    def shown_name(self) -> str:
        """The name as people write it."""
        return sysctl(self.name) if self.kind == "sysctl" else self.name


def difference(wanted: dict[str, Any], found: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What differs, as (before, after). What is wanted as None is not enforced; an empty string asks for none."""
    changed = [
        key
        for key, value in wanted.items()
        if value is not None and value != found.get(key) and _differ(value, found.get(key))
    ]
    return {key: found.get(key) for key in changed}, {key: wanted[key] for key in changed}


def _differ(wanted: Any, found: Any) -> bool:
    """Of two that are not equal: None, an empty string and False are alike; having no labels ({}) is not the same as
    not being marked (None)."""
    return bool((wanted or wanted == {}) or (found or found == {}))


def as_diff(actions: list[Action]) -> dict[str, str]:
    """The actions as the before and after that ``--diff`` shows: a block an object, a line an attribute. What is one
    value is one line, or lines of different objects would be shown as if they belonged together."""
    return {"before": _side(actions, "before"), "after": _side(actions, "after")}


def _side(actions: list[Action], side: str) -> str:
    lines = []
    for action in actions:
        values = getattr(action, side)
        gone = action.verb == ("create" if side == "before" else "delete")
        if gone:
            continue
        about = f"{action.kind} {action.shown_name}"
        if set(values) == {"value"}:
            lines.append(f"{about}: {_text(values['value'])}")
        else:
            lines += [about, *(f"  {key}: {_text(values[key])}" for key in values)]
    return "".join(line + "\n" for line in lines)


def _text(value: Any) -> str:
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(_text(item) for item in value) or "none"
    if isinstance(value, dict):
        return " ".join(f"{key}={_text(item)}" for key, item in sorted(value.items())) or "none"
    return str(value)
