# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For any input the planner returns a plan or errors, never a traceback."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.planner.malformed import junk, objects
from unit.planner.simulated_host import EMPTY, WEB, live_after, plan, topology

from ansible_collections.virtnet.linux.plugins.filter.bridge_network_plan import FilterModule
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.options import OPTIONS


def is_an_answer(answer):
    assert set(answer) == {"errors", "warnings", "topology"}
    assert all(isinstance(sentence, str) for sentence in answer["errors"] + answer["warnings"])
    assert not answer["errors"] or not any(answer["topology"].values())


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(
    objects(OPTIONS["bridge_network"]["networks"]["options"]),
    objects(OPTIONS["bridge_network"]["containers"]["options"]),
    junk,
)
def test_objects_of_any_shape(networks, containers, purge):
    is_an_answer(plan(networks, containers, purge=purge))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*OPTIONS["bridge_network"]["containers"]["options"]]), junk))
def test_one_malformed_field_in_a_valid_container(odd):
    is_an_answer(plan([WEB], [{"name": "a", "networks": ["web"], **odd}, {"name": "b", "networks": ["web"]}]))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*OPTIONS["bridge_network"]["networks"]["options"]]), junk))
def test_one_malformed_field_in_a_valid_network(odd):
    is_an_answer(plan([{**WEB, **odd}], [{"name": "a", "networks": ["web"], "ports": ["80:80"]}]))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(junk, junk)
def test_malformed_declaration_and_observed_state(declared, live):
    is_an_answer(FilterModule().filters()["bridge_network_plan"](declared, live))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(EMPTY)), junk)
def test_a_malformed_part_of_the_observed_state(part, value):
    is_an_answer(plan([WEB], [{"name": "a", "networks": ["web"]}], live={**EMPTY, part: value}))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_malformed_value_in_the_observed_state(data):
    live = live_after(topology([WEB], [{"name": "a", "networks": ["web"], "ports": ["80:80"]}]))
    entry = data.draw(st.sampled_from([live["networks"][0], live["containers"][0], live["nat_ports"][0]]))
    entry[data.draw(st.sampled_from(sorted(entry)))] = data.draw(junk)
    is_an_answer(plan([WEB], [{"name": "b", "networks": ["web"], "ports": ["81:80"]}], live=live, purge=True))
