# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers as Ansible hosts: variables inherited from their hosts, names, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from unit.planner.malformed import junk, objects

from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.options import OPTIONS
from ansible_collections.virtnet.linux.plugins.plugin_utils.views.container_hosts import (
    all_live,
    container_hosts,
    is_way_to_host,
    refuse_taken_names,
)

VARIABLE = "bridge_network_containers"


def live_hosts(found, hostvars):
    """The hosts made of live containers; ValueError with the errors."""
    problems = Problems()
    made = all_live(found, hostvars, problems)
    if problems.errors:
        raise ValueError("; ".join(problems.errors))
    return [one._asdict() for one in made]


def declared(host, containers):
    """The hosts made of a host's containers, and the errors."""
    problems = Problems()
    return container_hosts(host, VARIABLE, containers, {}, problems), list(problems.errors)


@pytest.mark.parametrize(
    "variable",
    ["ansible_host", "ansible_become_pass", "ansible_ssh_host_key_checking", "ansible_paramiko_proxy_command"],
)
def test_connection_variables_of_the_host_are_inherited(variable):
    assert is_way_to_host(variable)


@pytest.mark.parametrize(
    "variable",
    [
        "ansible_become_method",
        "ansible_ssh_host_key_ed25519_public",  # facts
        "ansible_ssh_host_key_ed25519_public_keytype",
        "bridge_network_containers",
    ],
)
def test_other_variables_of_the_host_are_not_inherited(variable):
    assert not is_way_to_host(variable)


def test_inventory_name_groups_and_variables():
    ((name, groups, variables),), errors = declared(
        "h1",
        [
            {"name": "c", "networks": ["web", {"name": "d.b", "aliases": 5}], "network_mode": "bridge", "ports": 5},
            {"name": "old", "state": "absent"},
        ],
    )
    assert not errors, "what else a container has is for the role to check"
    assert (name, groups) == ("c.h1", ["containers", "network_web", "network_d_b"])
    assert (variables["virtnet_networks"], variables["virtnet_network_mode"]) == (["web", "d.b"], "bridge")


def test_the_network_mode_names_the_shared_container():
    ((_name, _groups, variables),), _errors = declared("h1", [{"name": "c", "network_mode": "container:d"}])
    assert variables["virtnet_network_mode"] == "container:d"


@pytest.mark.parametrize(
    "containers, where, rule",
    [
        ("x", "host h1: bridge_network_containers 'x'", "must be a list"),
        (5, "host h1: bridge_network_containers 5", "must be a list"),
        ({"name": "c"}, "host h1: bridge_network_containers {'name': 'c'}", "must be a list"),
        ([5], "host h1: bridge_network_containers[0]: as a whole 5", "must be a mapping"),
        ([None], "host h1: bridge_network_containers[0]: as a whole (not given)", "must be a mapping"),
        ([["c"]], "host h1: bridge_network_containers[0]: as a whole ['c']", "must be a mapping"),
        ([{"networks": []}], "host h1: bridge_network_containers[0]: name (not given)", "needs a name"),
        ([{"name": 5}], "host h1: bridge_network_containers[0]: name 5", "YAML made a number of it: quote it"),
        ([{"name": ["c"]}], "host h1: bridge_network_containers[0]: name ['c']", "must be text"),
        ([{"name": "a b"}], "host h1: bridge_network_containers: container a b: name 'a b'", "1 to 63"),
        (
            [{"name": "c"}, {"name": "c"}],
            "host h1: bridge_network_containers: container c: name 'c'",
            "declared twice",
        ),
        ([{"name": "c", "state": 5}], "host h1: bridge_network_containers: container c: state 5", "quote it"),
        ([{"name": "c", "networks": 5}], "host h1: bridge_network_containers: container c: networks 5", "a list"),
        ([{"name": "c", "networks": "web"}], "host h1: bridge_network_containers: container c: networks 'web'", "list"),
        (
            [{"name": "c", "networks": {"web": {}}}],
            "host h1: bridge_network_containers: container c: networks {'web': {}}",
            "must be a list",
        ),
        (
            [{"name": "c", "networks": [5]}],
            "host h1: bridge_network_containers: container c: networks[0] 5",
            "YAML made a number of it: quote it",
        ),
        (
            [{"name": "c", "networks": [["web"]]}],
            "host h1: bridge_network_containers: container c: networks[0] ['web']",
            "a network's name, or a mapping",
        ),
        (
            [{"name": "c", "networks": [None]}],
            "host h1: bridge_network_containers: container c: networks[0] (not given)",
            "a network's name, or a mapping",
        ),
        (
            [{"name": "c", "networks": [{"name": {}}]}],
            "host h1: bridge_network_containers: container c: networks[0]: name {}",
            "a network's name",
        ),
        (
            [{"name": "c", "networks": ["$(id)"]}],
            "host h1: bridge_network_containers: container c: networks[0] '$(id)'",
            "a network's name is 1 to 63",
        ),
        (
            [{"name": "c", "network_mode": 5}],
            "host h1: bridge_network_containers: container c: network_mode 5",
            "quote it",
        ),
    ],
)
def test_invalid_containers_are_refused_with_host_and_variable(containers, where, rule):
    _hosts, (error,) = declared("h1", containers)
    assert error.startswith(where + ": ") and rule in error


@given(objects(OPTIONS["bridge_network"]["containers"]["options"]) | junk)
def test_malformed_variables_are_refused_with_a_message(containers):
    _hosts, errors = declared("h1", containers)
    assert all(error.startswith("host h1: bridge_network_containers") for error in errors)


def collisions(hosts, known):
    problems = Problems()
    refuse_taken_names(hosts, known, problems)
    return list(problems.errors)


def test_two_containers_with_one_inventory_name_are_both_reported():
    (one,), _errors = declared("c", [{"name": "a.b"}])
    (other,), _errors = declared("b.c", [{"name": "a"}])
    assert collisions([one, other], {}) == [
        "container a of host b.c: name in the inventory 'a.b.c': is that of container a.b of host c too; rename one of "
        "them"
    ]
    assert collisions([other], {one.name: one.variables}), "the other may be from another source"


def test_a_host_of_the_inventory_is_not_overwritten():
    (one,), _errors = declared("c", [{"name": "a.b"}])
    assert collisions([one], {"a.b.c": {"ansible_host": "192.0.2.1"}}) == [
        "container a.b of host c: name in the inventory 'a.b.c': is that of a host of the inventory too; rename one of "
        "them"
    ]


def test_one_container_from_two_sources_is_accepted():
    (one,), _errors = declared("c", [{"name": "a.b"}])
    assert not collisions([one, one], {one.name: one.variables, "c": {}})


def live(name):
    return {"name": name, "mode": "none", "endpoints": []}


def test_existing_containers_likewise():
    hostvars = {"c": {}, "b.c": {}, "x.c": {}}
    assert [one["name"] for one in live_hosts({"c": [live("a.b")], "b.c": [live("b")]}, hostvars)] == ["a.b.c", "b.b.c"]
    with pytest.raises(ValueError, match=r"container a of host b\.c: .*container a\.b of host c"):
        live_hosts({"c": [live("a.b")], "b.c": [live("a")]}, hostvars)
    with pytest.raises(ValueError, match=r"container x of host c: .*a host of the inventory"):
        live_hosts({"c": [live("x")]}, hostvars)


@pytest.mark.parametrize("name", ["a b", "../x", "-x", "x\ny", "x\0", "{{ lookup('pipe', 'id') }}", "", None, 7])
def test_an_existing_container_with_an_invalid_name_is_not_added(name):
    """A compromised host may report anything; and a namespace may have any file name."""
    assert [one["name"] for one in live_hosts({"h1": [live(name), live("good")]}, {"h1": {}})] == ["good.h1"]


def test_a_network_with_an_invalid_name_gives_no_group():
    (one,) = live_hosts({"h1": [{**live("good"), "endpoints": [{"network": "$(id)", "addresses": []}]}]}, {"h1": {}})
    assert one["groups"] == ["containers"] and one["variables"]["virtnet_networks"] == []
