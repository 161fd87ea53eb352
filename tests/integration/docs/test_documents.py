# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The two documents in architecture.md have exactly the keys of the engine's input and output, and so has
network_info's RETURN.

README and CONTRIBUTING list everything.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from integration.docs.pages import blocks

from ansible_collections.virtnet.linux.plugins.module_utils.engine.registry import KINDS
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import OBJECTS
from ansible_collections.virtnet.linux.plugins.modules import network_info
from kit.checkout import HOME
from kit.role import Role

ID = re.compile(r"\b[0-9a-f]{64}\b")
STATE = {"state", "adopt"}  # every object has them; the page says so once
PAGE = blocks(HOME / "docs" / "architecture.md")
TOPOLOGY, REPORT = [yaml.safe_load(block.text) for block in PAGE if block.why_not_run]
RETURNED = yaml.safe_load(network_info.RETURN)
NIC = """
    ip link add %s type veth peer name far-%s
    ip link set %s up
"""
CONTAINER = {
    "name": "nginx",
    "networks": ["web"],
    "ports": ["8080:80"],
    "interfaces": [{"device": "enp3s0", "name": "eth1", "addresses": ["192.0.2.7/24"]}],
}


def test_the_readme_names_every_role_module_and_playbook():
    text = (HOME / "README.md").read_text().partition("## Contents")[2].partition("## Requirements")[0]
    named = {name for cell in re.findall(r"^\|([^|]*)\|", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)}
    there = {path.stem for place in ("roles/*", "plugins/modules/*.py", "playbooks/*.yml") for path in HOME.glob(place)}
    assert named == there


def test_contributing_names_every_plugin_and_test_directory():
    text = (HOME / "CONTRIBUTING.md").read_text()
    places = {path for pattern in ("plugins/*/", "tests/*/") for path in HOME.glob(pattern) if path.is_dir()}
    named = {path.name for path in places if "`%s/`" % path.relative_to(HOME) in text}
    assert named == {path.name for path in places} - {"__pycache__"}


def test_the_topology_document_has_every_kind_of_object_with_every_option():
    assert set(TOPOLOGY) == set(KINDS)
    for kind, objects in TOPOLOGY.items():
        assert {option for one in objects for option in one} == set(OBJECTS[kind].fields) - STATE, kind


@pytest.mark.parametrize(
    "documented",
    [REPORT, {name: value["sample"] for name, value in RETURNED.items()}],
    ids=["architecture.md", "network_info"],
)
def test_a_report_has_what_is_documented_and_nothing_else(documented, host):
    """Where this host has none of a kind, its keys are nowhere; labels are what people and roles write."""
    host.sh(NIC % (("eth0",) * 3) + NIC % (("enp3s0",) * 3))
    host.sh("ip address add 192.0.2.2/24 dev eth0; ip route add default via 192.0.2.1")
    Role(host).change([{"name": "web", "subnet": "172.30.0.0/16"}], [CONTAINER])
    live = host.module("network_info", docker_format=True)
    del live["changed"]
    documented, found = (
        {key for key in keys_of(report) if "labels/" not in key.lower()} for report in (documented, live)
    )
    assert found - documented == set()
    nowhere = tuple(key + "/" for key in found if key not in {other.rpartition("/")[0] for other in found})
    assert {key for key in documented - found if not key.startswith(nowhere)} == set()


def keys_of(value: Any, path: str = "") -> set[str]:
    """The paths of all keys; the elements of a list together."""
    if isinstance(value, list):
        return {key for element in value for key in keys_of(element, path)}
    if isinstance(value, dict):
        value = {ID.sub("ID", name): below for name, below in value.items()}
        return {key for name, below in value.items() for key in {path + "/" + name} | keys_of(below, path + "/" + name)}
    return set()
