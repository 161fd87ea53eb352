# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An overlay network has bridge_network's options, and a few of its own."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.declaration import VARIABLES
from kit import checkout

OF_ONE_HOST = {
    "connect",
    "stp",
    "driver",
    "switch",
    "vlan",
    "snat_address",
    "snat_address6",
}  # drivers, patch links, rings and addresses of one host
OF_OVERLAYS = {"vni", "flood", "dstport"}


def variables(role):
    specs = yaml.safe_load((checkout.HOME / "roles" / role / "meta" / "argument_specs.yml").read_text())
    return specs["argument_specs"]["main"]["options"]


def options(role, variable):
    return variables(role)[f"{role}_{variable}"]["options"]


def plain(option):
    return {key: value for key, value in option.items() if key not in ("description", "options")}


@pytest.mark.parametrize("role", VARIABLES)
def test_unknown_role_variables_are_misspelt(role):
    facts = {"addresses"} if role == "overlay_network" else set()
    assert {f"{role}_{word}" for word in VARIABLES[role]} == {*variables(role), *(f"{role}_{one}" for one in facts)}


def test_networks_have_the_same_options_in_both_roles():
    bridge, overlay = options("bridge_network", "networks"), options("overlay_network", "networks")
    assert set(overlay) - set(bridge) == OF_OVERLAYS
    assert set(bridge) - set(overlay) == OF_ONE_HOST
    assert all(plain(overlay[word]) == plain(bridge[word]) for word in set(bridge) & set(overlay))


def test_containers_have_the_same_options_in_both_roles():
    bridge, overlay = options("bridge_network", "containers"), options("overlay_network", "containers")
    assert set(bridge) == set(overlay)
    assert all(plain(overlay[word]) == plain(bridge[word]) for word in bridge)
