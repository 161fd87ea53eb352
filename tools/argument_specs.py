# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Derives from roles/bridge_network/meta/argument_specs.yml what repeats it: the argument spec of overlay_network, of
which only its own options are in overlay_network.yml beside this file, and the options as the planner knows them.

Usage: python tools/argument_specs.py
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import yaml

HOME = Path(__file__).resolve().parents[1]
PLANNER = HOME / "plugins" / "plugin_utils" / "declare" / "options.py"
ROLES = ("bridge_network", "overlay_network")

_KEY = re.compile(r"( *)(\w+):")
_SAME = re.compile(r"( *)(\w+): same\Z")
_WIDTH = 120
_HEADER = '''# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the roles as their argument specs declare them, without descriptions and the role's name in front.

Written by tools/argument_specs.py: change roles/bridge_network/meta/argument_specs.yml, and run `make specs`.
"""

from __future__ import annotations

from typing import Any

'''


def spec_of(role: str) -> Path:
    """The argument spec of a role."""
    return HOME / "roles" / role / "meta" / "argument_specs.yml"


def derived() -> dict[Path, str]:
    """What this script writes: the text of each file."""
    shared = spec_of("bridge_network").read_text()
    own = (HOME / "tools" / "overlay_network.yml").read_text()
    overlay = overlay_spec(shared, own)
    return {spec_of("overlay_network"): overlay, PLANNER: planner_options(dict(zip(ROLES, (shared, overlay))))}


def overlay_spec(shared: str, own: str) -> str:
    """The argument spec of overlay_network, as text: comments and line breaks are those of its sources."""
    blocks = _blocks(shared.replace("bridge_network_", "overlay_network_").splitlines())
    lines: list[str] = []
    keys: list[tuple[int, str]] = []
    for line in own[own.index("---") :].splitlines():
        if match := _KEY.match(line):
            keys = [*(one for one in keys if one[0] < len(match[1])), (len(match[1]), match[2])]
        lines += blocks[tuple(key for _indent, key in keys)] if _SAME.match(line) else [line]
    return "\n".join([lines[0], "# Written by tools/argument_specs.py from tools/overlay_network.yml", *lines[1:], ""])


def planner_options(specs: dict[str, str]) -> str:
    """The options of both roles, as a file of the planner."""
    options = {}
    for role, text in specs.items():
        declared = yaml.safe_load(text)["argument_specs"]["main"]["options"]
        options[role] = {name.removeprefix(f"{role}_"): _plain(one) for name, one in declared.items()}
    return f"{_HEADER}OPTIONS: dict[str, dict[str, dict[str, Any]]] = {_literal(options, 37)}\n"


def _blocks(lines: list[str]) -> dict[tuple[str, ...], list[str]]:
    """The lines of each key of a YAML text, by its path."""
    found: dict[tuple[str, ...], list[str]] = {}
    keys: list[tuple[int, str]] = []
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if match := _KEY.match(line):
            keys = [*(one for one in keys if one[0] < indent), (indent, match[2])]
        for depth in range(1, len(keys) + 1):
            found.setdefault(tuple(key for _indent, key in keys[:depth]), []).append(line)
    return found


def _plain(option: dict[str, Any]) -> dict[str, Any]:
    plain = {key: value for key, value in option.items() if key not in ("description", "options")}
    if "options" in option:
        plain["options"] = {name: _plain(one) for name, one in option["options"].items()}
    return plain


def _literal(value: Any, before: int = 0, indent: int = 0) -> str:
    """A Python literal in ruff's format, with what is in front of it on its line."""
    if isinstance(value, bool) or value is None:
        return str(value)
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if not isinstance(value, dict):
        return json.dumps(value)
    line = "{%s}" % ", ".join(f"{json.dumps(key)}: {_literal(one)}" for key, one in value.items())
    if before + len(line) < _WIDTH and not any(isinstance(one, dict) for one in value.values()):
        return line
    inner = " " * (indent + 4)
    rows = [
        f"{inner}{json.dumps(key)}: {_literal(one, len(inner) + len(key) + 4, indent + 4)},\n"
        for key, one in value.items()
    ]
    return "{\n%s%s}" % ("".join(rows), " " * indent)


def main() -> int:
    """Write the files that differ."""
    for path, text in derived().items():
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(path.relative_to(HOME))
    return 0


if __name__ == "__main__":
    sys.exit(main())
