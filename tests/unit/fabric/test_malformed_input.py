# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For any input on any host the fabric's planner returns a plan or errors, never a traceback."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.fabric.simulated_fabric import FABRIC, bare
from unit.planner.malformed import junk, objects

from ansible_collections.virtnet.linux.plugins.filter.overlay_network_plan import overlay_network_plan
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.options import OPTIONS

OVERLAY_FIELDS = ["vni", "flood", "dstport"]
WORDS = ["networks", "containers", "vtep", "ip_ranges", "purge", "manage_foreign_firewall"]
RIGHT = {"overlay_network_networks": [FABRIC], "overlay_network_containers": [{"name": "a", "networks": ["fabric"]}]}
variables = st.fixed_dictionaries({}, optional={"overlay_network_" + word: junk for word in WORDS})
calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def answers(hostvars, readings=None):
    hosts = list(hostvars)
    live = {name: bare(number + 1) for number, name in enumerate(hosts)}
    planned = overlay_network_plan(hosts, hostvars, hosts, {**live, **(readings or {})})
    assert all(isinstance(sentence, str) for sentence in planned["errors"] + planned["warnings"])
    assert not planned["errors"] or not planned["hosts"]


@calm
@given(
    objects([*OPTIONS["bridge_network"]["networks"]["options"], *OVERLAY_FIELDS]),
    objects(OPTIONS["bridge_network"]["containers"]["options"]),
)
def test_objects_of_any_shape(networks, containers):
    answers({"h1": {"overlay_network_networks": networks, "overlay_network_containers": containers}, "h2": RIGHT})


@calm
@given(variables)
def test_malformed_variables_of_one_host(odd):
    answers({"h1": {**RIGHT, **odd}, "h2": RIGHT})


@calm
@given(st.dictionaries(st.sampled_from([*OPTIONS["bridge_network"]["networks"]["options"], *OVERLAY_FIELDS]), junk))
def test_one_malformed_field_in_a_valid_network(odd):
    network = {**RIGHT, "overlay_network_networks": [{**FABRIC, **odd}]}
    answers({"h1": network, "h2": network})


@calm
@given(st.sampled_from(["networks", "bridges", "containers", "nat_ports", "tunnels", "host"]), junk)
def test_malformed_observed_state(part, value):
    answers({"h1": RIGHT, "h2": RIGHT}, {"h2": {**bare(2), part: value}})
