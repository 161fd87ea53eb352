# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Imports run one way: modules to module_utils, controller plugins to plugin_utils, both to the rules and the model.

A managed host gets module_utils and nothing else of the collection, and the engine stays usable without Ansible.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from kit.checkout import HOME

PLUGINS = HOME / "plugins"
COLLECTION = "ansible_collections.virtnet.linux.plugins."
SHARED = "module_utils.rules.", "module_utils.model."
# The folders of the two utils, each of which imports from those before it at most. lab is apart: hosts for tests.
FLOORS = {
    "module_utils": [
        "rules", "model", "netlink", "system", "ovs", "nft", "facts", "links", "switch", "kinds", "engine", "persist",
        "inspect", "command", "ansible", "lab",
    ],
    "plugin_utils": ["declare", "observe", "ipam", "checks", "plan", "views"],
}  # fmt: skip
FILES = sorted(PLUGINS.rglob("*.py"))


def imported(source: Path) -> set[str]:
    """Every module that the file imports, in full: relative ones too, `from a import b` as a and a.b."""
    names = set()
    package = (COLLECTION + ".".join(source.relative_to(PLUGINS).parent.parts)).split(".")
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parent = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join(parent + ([node.module] if node.module else []))
            names.update([base] + [base + "." + alias.name for alias in node.names])
    return names


def own(source: Path) -> set[str]:
    """The modules of this collection that the file imports, as 'module_utils.rules.names'."""
    names = {name[len(COLLECTION) :] for name in imported(source) if name.startswith(COLLECTION)}
    return {name for name in names if is_module(name)}


def is_module(name: str) -> bool:
    return PLUGINS.joinpath(*name.split(".")).with_suffix(".py").exists()


def rooms(source: Path) -> set[str]:
    """The directories of plugins/ that the file imports from."""
    return {name.split(".")[0] for name in own(source) if not name.startswith(SHARED)}


def room(source: Path) -> str:
    return source.relative_to(PLUGINS).parts[0]


def name(source: Path) -> str:
    return str(source.relative_to(PLUGINS))


@pytest.mark.parametrize("source", FILES, ids=name)
def test_imports_stay_in_their_layer(source):
    allowed = {
        "modules": {"module_utils"},
        "module_utils": {"module_utils"},
        "doc_fragments": set(),
    }.get(room(source), {"plugin_utils"})

    assert rooms(source) <= allowed


@pytest.mark.parametrize("source", [f for f in FILES if room(f).endswith("_utils")], ids=name)
def test_folders_import_from_those_below_them(source):
    """So there is no circle of folders, and a reader begins at the bottom."""
    parts = source.relative_to(PLUGINS).parts
    if len(parts) == 2:
        assert parts[1] == "__init__.py", "a file of the utils is in a folder"
        return
    floors = FLOORS[parts[0]]
    above = set(floors[floors.index(parts[1]) + 1 :])
    folders = {one.split(".")[1] for one in own(source) if one.startswith(parts[0] + ".")}
    assert not folders & above


@pytest.mark.parametrize("source", [f for f in FILES if room(f).endswith("_utils")], ids=name)
def test_one_file_of_the_engine_imports_ansible(source):
    knows = {module for module in imported(source) if module.split(".")[0] == "ansible"}

    assert not knows or name(source) == "module_utils/ansible/module.py"


@pytest.mark.parametrize("source", [f for f in FILES if room(f) == "plugin_utils"], ids=name)
def test_the_planner_imports_no_netlink(source):
    assert not {module for module in imported(source) if module.split(".")[0] in ("pyroute2", "socket", "subprocess")}
