# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each option is declared once: what repeats bridge_network's argument spec is derived from it."""

from __future__ import annotations

import importlib.util

import pytest
import yaml

from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.options import OPTIONS
from kit import checkout

OF_ONE_HOST = {"connect", "driver", "snat_address", "snat_address6", "stp", "switch", "vlan"}
OF_OVERLAYS = {"vni", "flood", "dstport"}

_found = importlib.util.spec_from_file_location("argument_specs", checkout.HOME / "tools" / "argument_specs.py")
argument_specs = importlib.util.module_from_spec(_found)
_found.loader.exec_module(argument_specs)


@pytest.mark.parametrize("path", argument_specs.derived(), ids=lambda path: path.name)
def test_derived_files_are_up_to_date(path):
    assert path.read_text() == argument_specs.derived()[path], "run `make specs`"


def test_overlays_have_every_option_of_networks_but_those_of_one_host():
    bridge, overlay = (OPTIONS[role]["networks"]["options"] for role in ("bridge_network", "overlay_network"))
    assert set(overlay) - set(bridge) == OF_OVERLAYS
    assert set(bridge) - set(overlay) == OF_ONE_HOST
    own = (checkout.HOME / "tools" / "overlay_network.yml").read_text().partition("---")[0]
    assert all(f" {word}" in own.replace("\n#", "") for word in OF_ONE_HOST), "the comment lists them"


def test_options_that_both_roles_have_differ_in_their_description_only():
    bridge, overlay = OPTIONS["bridge_network"], OPTIONS["overlay_network"]
    assert bridge["containers"] == overlay["containers"]
    for word in set(bridge["networks"]["options"]) & set(overlay["networks"]["options"]):
        assert bridge["networks"]["options"][word] == overlay["networks"]["options"][word], word
    assert all(bridge[word] == overlay[word] for word in (set(bridge) & set(overlay)) - {"networks"})


@pytest.mark.parametrize("role", OPTIONS)
def test_the_planner_knows_the_options_of_the_argument_spec(role):
    spec = yaml.safe_load(argument_specs.spec_of(role).read_text())["argument_specs"]["main"]["options"]
    assert {f"{role}_{word}" for word in OPTIONS[role]} == set(spec)


@pytest.mark.parametrize("role", OPTIONS)
def test_defaults_are_those_of_the_role(role):
    defaults = yaml.safe_load((checkout.HOME / "roles" / role / "defaults" / "main.yml").read_text())
    documented = {f"{role}_{word}": one["default"] for word, one in OPTIONS[role].items() if "default" in one}
    undocumented = {"bridge_network_address_pools"}  # its description says "Docker's"
    assert {name: value for name, value in defaults.items() if name not in undocumented} == documented
