# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A kind of object is in every list of kinds: what one list lacks would be planned and never created."""

from __future__ import annotations

import importlib

import pytest
import yaml

from ansible_collections.virtnet.linux.plugins.module_utils.engine import registry
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import OBJECTS
from ansible_collections.virtnet.linux.plugins.modules import topology
from ansible_collections.virtnet.linux.plugins.plugin_utils.plan import host
from kit.checkout import HOME

KINDS = set(OBJECTS)
OF_OVERLAYS = {"vxlan_tunnel"}
MODULE = "virtnet.linux.topology"


def test_a_kind_has_the_name_of_its_module():
    for name, kind in registry.KINDS.items():
        assert kind.KIND == name == kind.__name__.rpartition(".")[2]


def test_the_engine_has_the_kinds_of_the_model_in_its_order():
    assert list(registry.KINDS) == list(OBJECTS)


def test_the_planner_plans_the_kinds_of_the_engine():
    assert set(host.Topology().plain()) == KINDS


def test_the_module_topology_documents_every_kind():
    assert set(yaml.safe_load(topology.DOCUMENTATION)["options"]) - {"role", "persist", "planned_on"} == KINDS


@pytest.mark.parametrize(
    ("tasks", "kinds"),
    [
        ("roles/bridge_network/tasks/main.yml", KINDS - OF_OVERLAYS),
        ("roles/overlay_network/tasks/main.yml", KINDS),
        ("playbooks/tasks/check_compare.yml", KINDS),
    ],
)
def test_the_roles_pass_every_kind_of_a_plan_to_the_module(tasks, kinds):
    (given,) = [task[MODULE] for task in yaml.safe_load((HOME / tasks).read_text()) if MODULE in task]
    assert set(given) - {"role", "persist", "planned_on"} == kinds


@pytest.mark.parametrize("kind", sorted(KINDS & {path.stem for path in (HOME / "plugins" / "modules").glob("*.py")}))
def test_a_module_documents_the_required_options(kind):
    """Argument specs cannot: an object is at the top level or in config."""
    module = importlib.import_module("ansible_collections.virtnet.linux.plugins.modules." + kind)
    documented = yaml.safe_load(module.DOCUMENTATION)["options"]
    for name, option in OBJECTS[kind].argument_spec().items():
        is_documented = "Required, at the top level or in each object of O(config)." in documented[name]["description"]
        assert is_documented == bool(option.get("required")), name
