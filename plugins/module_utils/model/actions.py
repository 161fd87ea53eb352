# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Actions: the differences between desired and observed state. They are the single source of ``changed``, check mode,
``--diff`` and of what is applied, so that a run is idempotent: no difference, no action."""

from __future__ import annotations

import dataclasses
from typing import Any, Generic, TypeVar

from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.rules.names import sysctl

_Desired = TypeVar("_Desired")


@dataclasses.dataclass
class Action(Generic[_Desired]):
    """One change of one object.

    ``verb`` is create, change, replace or delete. ``before`` and ``after`` hold the attributes that differ, keyed by
    the module's options; ``desired`` is the whole desired object, for the code that applies the action.
    """

    phase: Phase
    verb: str
    kind: str
    name: str
    before: dict[str, Any]
    after: dict[str, Any]
    desired: _Desired

    def shown(self) -> dict[str, Any]:
        """Return the action as the module returns it (a registered variable)."""
        return {"action": self.verb, "kind": self.kind, "name": self.name, "before": self.before, "after": self.after}

    def line(self) -> str:
        """Format the action in one line: 'change veth veth0123: mtu 1500 -> 1400'."""
        if self.verb in ("create", "delete"):
            return f"{self.verb} {self.kind} {self.name}"
        parts = [f"{key} {_text(self.before.get(key))} -> {_text(self.after.get(key))}" for key in self.after]
        return "{} {} {}: {}".format(self.verb, self.kind, self.shown_name, ", ".join(parts))

    @property
    def shown_name(self) -> str:
        """The name in its usual notation."""
        return sysctl(self.name) if self.kind == "sysctl" else self.name


def difference(desired: dict[str, Any], found: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Compare desired with observed attributes; return those that differ as (before, after). A desired None is not
    enforced; an empty string means none."""
    changed = [
        key
        for key, value in desired.items()
        if value is not None and value != found.get(key) and _differ(value, found.get(key))
    ]
    return {key: found.get(key) for key in changed}, {key: desired[key] for key in changed}


def _differ(desired: Any, found: Any) -> bool:
    """Whether two unequal values differ in meaning: None, an empty string and False are alike; no labels ({}) differs
    from no ownership label (None)."""
    return bool((desired or desired == {}) or (found or found == {}))


def as_diff(actions: list[Action[Any]]) -> dict[str, str]:
    """Format the actions as the before and after of ``--diff``: a block an object, a line an attribute. An object with
    a single value is one line, else lines of different objects would appear to belong together."""
    return {"before": _side(actions, "before"), "after": _side(actions, "after")}


def _side(actions: list[Action[Any]], side: str) -> str:
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
