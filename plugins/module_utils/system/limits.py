# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kernel limits that all namespaces of a machine share: read, and raised in a file of sysctl.d(5).

The file records the previous value of each sysctl, so that it can be restored, also after a reboot. A value that is
already higher is left alone, and one that was changed out of band since is not restored.

Sources: Documentation/networking/ip-sysctl.rst (neigh/default/gc_thresh*), Documentation/admin-guide/sysctl/net.rst.
"""

from __future__ import annotations

import os
import re
from typing import Any, NamedTuple

from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.rules.names import (
    LIMITS,
    NEIGHBOUR_ENTRIES,
    RECEIVE_BACKLOG,
)
from ansible_collections.virtnet.linux.plugins.module_utils.system import files, sysctls

FILE = "/etc/sysctl.d/60-virtnet-linux.conf"

OPTIONS: dict[str, Any] = dict(neighbour_entries=dict(type="int"), receive_backlog=dict(type="int"))
_RANGES = {"neighbour_entries": (1024, 1 << 24), "receive_backlog": (1000, 1 << 20)}

SYSCTL = "sysctl"
_HEAD = "# Made by the module virtnet.linux.host_limits, which needs the old values to restore them.\n"
_ENTRY = re.compile(r"# was (\d+)\n([a-z0-9_.]+) = (\d+)\n")


class Raised(NamedTuple):
    """A sysctl in the file: its previous and its raised value."""

    was: int
    value: int


def read() -> dict[str, int | None]:
    """Read the limits that endpoints count against; None for those that are not visible, as in all namespaces but the
    initial one."""
    return {key: number(key) for key in LIMITS}


def number(key: str) -> int | None:
    """Read a sysctl that is a number; None where it cannot be read."""
    value = sysctls.read(key)
    return int(value) if value is not None and value.isdigit() else None


def lowered() -> list[tuple[str, int, int]]:
    """Return the sysctls in the file whose values are lower now: name, current value, value in the file."""
    found = [(key, number(key), raised.value) for key, raised in sorted(_in_file().items())]
    return [(key, now, value) for key, now, value in found if now is not None and now < value]


def problems(options: dict[str, Any]) -> list[str]:
    """Return the errors for limits that cannot be set."""
    found = []
    for option, (least, most) in _RANGES.items():
        value = options[option]
        if value is not None and value != 0 and not least <= value <= most:
            found.append(f"{option}: {value}: must be 0 (as before) or {least} to {most}")
    keys = [key for option in OPTIONS for key in _asked(option, options[option])]
    lacking = [key for key in keys if number(key) is None]
    if lacking:
        found.append(
            f"{lacking[0]}: there is no such sysctl in this network namespace: it is the whole machine's; run this on "
            "the machine itself, or leave the option out"
        )
    elif keys and not os.access("/proc/sys/" + keys[0].replace(".", "/"), os.W_OK):
        found.append("/proc/sys/net cannot be written (mounted read-only, as in a container?): run this on the host")
    return found


def plan(options: dict[str, Any]) -> list[Action[Any]]:
    """Return the actions: the file first where values are raised, last where they are restored, for it holds the
    previous values."""
    before = _in_file()
    after = dict(before)
    for option in OPTIONS:
        if options[option] is not None:
            for key in _keys(option):
                after.pop(key, None)
            after.update(_raised(_asked(option, options[option]), before))
    desired = {key: after[key].value for key in after}
    desired.update({key: before[key].was for key in before.keys() - after.keys()})
    values = [_change(key, value, before.get(key)) for key, value in sorted(desired.items())]
    file = files.File(_text(after), 0o644) if after else None
    there = after or before or os.path.lexists(FILE)
    written = files.difference(FILE, file) if there and any(value is not None for value in options.values()) else []
    changes = [action for action in values if action is not None]
    return written + changes if after else changes + written


def apply(actions: list[Action[Any]]) -> None:
    """Apply the actions, in their order."""
    for action in actions:
        if action.kind == files.KIND:
            files.apply([action])
        else:
            sysctls.write(action.name, action.after["value"])


def _keys(option: str) -> list[str]:
    """Return the sysctls of an option."""
    if option == "receive_backlog":
        return [RECEIVE_BACKLOG]
    return [key[:-1] + level for key in NEIGHBOUR_ENTRIES.values() for level in "123"]


def _asked(option: str, value: int | None) -> dict[str, int]:
    """Return the desired values of an option's sysctls. The kernel starts garbage collection of neighbour entries above
    gc_thresh1, forces it above gc_thresh2, and accepts at most gc_thresh3: the proportions of its defaults (128, 512,
    1024) are kept."""
    if not value:
        return {}
    parts = {"1": value // 8, "2": value // 2, "3": value}
    asked = {key: parts.get(key[-1], value) for key in _keys(option)}
    has_ipv6 = os.path.isdir("/proc/sys/net/ipv6")
    return {key: number for key, number in asked.items() if has_ipv6 or not key.startswith("net.ipv6.")}


def _raised(asked: dict[str, int], before: dict[str, Raised]) -> dict[str, Raised]:
    """Return the desired entries of the file: a sysctl that was at least as high before needs none."""
    found = {}
    for key, value in asked.items():
        was = before[key].was if key in before else number(key) or 0
        if was < value:
            found[key] = Raised(was, value)
    return found


def _change(key: str, value: int, before: Raised | None) -> Action[None] | None:
    """Return the action for one sysctl: raise a value that is too low, lower one only where the file had set it and it
    was not changed since; None where nothing is to change."""
    now = number(key)
    is_ours = before is not None and now == before.value
    if now is None or now == value or (now > value and not is_ours) or (before and before.was == value and not is_ours):
        return None
    return Action(Phase.SYSCTLS, "change", SYSCTL, key, {"value": str(now)}, {"value": str(value)}, None)


def _in_file() -> dict[str, Raised]:
    try:
        with open(FILE, encoding="utf-8", errors="replace") as file:
            text = file.read(1 << 16)
    except FileNotFoundError:
        return {}
    known = {key for option in OPTIONS for key in _keys(option)}
    return {key: Raised(int(was), int(value)) for was, key, value in _ENTRY.findall(text) if key in known}


def _text(raised: dict[str, Raised]) -> bytes:
    return (_HEAD + "".join(f"# was {one.was}\n{key} = {one.value}\n" for key, one in sorted(raised.items()))).encode()
