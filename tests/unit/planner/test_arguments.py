# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A role's variables: errors in sentences that help, and what is accepted, Ansible's own validation accepts too."""

from __future__ import annotations

import copy
import datetime

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from unit.planner.malformed import junk

from ansible_collections.virtnet.linux.plugins.plugin_utils.checks.arguments import argument_errors
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.options import OPTIONS
from kit.checkout import HOME

NETWORK = {"name": "web", "subnet": "172.30.0.0/16", "subnet6": "fd00:30::/64"}
CONTAINER = {"name": "c", "networks": ["web"]}
ROUTE = {"to": "10.9.0.0/16", "via": "172.30.0.9"}
VALID = {
    "bridge_network": {
        "networks": [{**NETWORK, "routes": [ROUTE]}],
        "switches": [{"name": "sw0", "uplinks": [{"interface": "enp3s0"}]}],
        "containers": [{**CONTAINER, "interfaces": [{"device": "enp4s0", "routes": [ROUTE]}], "routes": [ROUTE]}],
        "address_pools": [{"base": "10.0.0.0/8", "size": 24}],
    },
    "overlay_network": {"group": "overlay", "networks": [{**NETWORK, "vni": 7}], "containers": [CONTAINER]},
}
VALUES = [
    None, True, False, 0, 1, 2, 7, 80, 1500, -1, 2**40, 1.0, 1.5, "", "yes", "N", "T", "1", "07", " 7", "1500", "1,2",
    "x", "web", "present", "absent", "routed", "172.30.0.1", "172.30.0.0/16", "fd00:30::1", "a=b", "{}", "[]",
    [], {}, [None], ["web"], ["x", "y"], [1], [True], [["x"]], [{}], [{"name": "web"}], {"a": "b"}, {1: 2},
    {"name": "web"}, [ROUTE], [{**ROUTE, "metric": "5"}], [{"device": "enp5s0"}], "bridge", "none",
    datetime.date(2026, 1, 1), b"x", {"web"},
]  # fmt: skip


def named(role, variables):
    return {f"{role}_{word}": value for word, value in variables.items()}


def ansible_accepts(role, variables):
    spec = yaml.safe_load((HOME / "roles" / role / "meta" / "argument_specs.yml").read_text())
    checked = ArgumentSpecValidator(spec["argument_specs"]["main"]["options"])
    return not checked.validate(copy.deepcopy(variables), validate_role_argument_spec=True).error_messages


def variants(options, valid):
    """Every option, also of the mappings in lists, with every value; and left out."""
    for word, option in options.items():
        yield {key: value for key, value in valid.items() if key != word}
        yield from ({**valid, word: value} for value in VALUES)
        if option.get("options") and valid.get(word):
            for inner in variants(option["options"], valid[word][0]):
                yield {**valid, word: [inner]}


def test_valid_variables_have_no_errors():
    for role, variables in VALID.items():
        assert argument_errors(role, named(role, variables)) == []
        assert ansible_accepts(role, named(role, variables))


@pytest.mark.parametrize("role", OPTIONS)
def test_what_is_accepted_ansible_accepts_too(role):
    """For each option with each value: so a user never sees Ansible's message, which has the whole spec."""
    accepted = 0
    for variables in variants(OPTIONS[role], VALID[role]):
        if not argument_errors(role, named(role, variables)):
            accepted += 1
            assert ansible_accepts(role, named(role, variables)), variables
    assert accepted > 100


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.sampled_from(list(OPTIONS)), st.data())
def test_variables_of_any_shape(role, data):
    words = data.draw(st.lists(st.sampled_from(sorted(OPTIONS[role])), max_size=3))
    variables = named(role, {**VALID[role], **{word: data.draw(junk) for word in words}})
    errors = argument_errors(role, variables)
    assert all(isinstance(error, str) for error in errors)
    assert errors or ansible_accepts(role, variables)


COMPOSE = [
    # variables of bridge_network, what the one error says
    (
        {"networks": {"web": {"subnet": "10.0.0.0/24"}}},
        "role bridge_network: bridge_network_networks {'web': {'subnet': '10.0.0.0/24'}}: must be a list, and is a "
        "mapping, as in a compose file; write - {name: web, subnet: 10.0.0.0/24} for each name",
    ),
    (
        {"containers": {"c": {"networks": ["web"], "image": "nginx"}}},
        "role bridge_network: bridge_network_containers {'c': {'networks': ['web'], 'image': 'nginx'}}: must be a "
        "list, and is a mapping, as in a compose file; write - {name: c, image: nginx, ...} for each name",
    ),
    (
        {"networks": [{"web": {"subnet": "10.0.0.0/24"}}]},
        "bridge_network_networks[0]: name (not given): a network needs a name; write {name: web, subnet: 10.0.0.0/24}",
    ),
    ({"networks": [{"subnet": "10.0.0.0/24"}]}, "bridge_network_networks[0]: name (not given): a network needs a name"),
    (
        {"networks": None},
        "role bridge_network: bridge_network_networks null: has no value; write [] for none, or leave it out",
    ),
    ({"purge": None}, "role bridge_network: bridge_network_purge null: has no value; write one, or leave it out"),
    ({"networks": "web"}, "role bridge_network: bridge_network_networks 'web': must be a list: ['web']"),
    ({"persist": "maybe"}, "role bridge_network: bridge_network_persist 'maybe': must be true or false"),
    (
        {"networks": [{**NETWORK, "driver": "bridge"}]},
        "network web: driver 'bridge': must be one of linux, openvswitch; leave it out: every network here has a "
        "bridge",
    ),
    (
        {"networks": [{**NETWORK, "ipam": {"config": []}}]},
        "network web: ipam {'config': []}: is no field; write subnet, gateway and ip_range as fields of the network",
    ),
    ({"networks": [{**NETWORK, "internl": True}]}, "network web: internl True: is no field; did you mean internal?"),
]
OF_CONTAINERS = [
    # the container's fields, how the one error ends
    (
        {"image": "nginx"},
        "image 'nginx': is no field: a container here is a network namespace, without image and processes; start its "
        "program in it with ip netns exec, systemd, Podman or Docker (docs/services.md)",
    ),
    ({"container_name": "x"}, "container_name 'x': is no field; write name"),
    (
        {"ipv4_address": "172.30.0.9"},
        "ipv4_address '172.30.0.9': is no field of a container, but of one of its networks: networks: [{name: NETWORK, "
        "ipv4_address: VALUE}]",
    ),
    ({"network": ["web"]}, "network ['web']: is no field; did you mean networks?"),
    ({"ports": "80:80"}, "ports '80:80': must be a list: ['80:80']"),
    (
        {"ports": [80]},
        'ports[0] 80: is one port: give the host port too, and quote it: "HOST_PORT:80", as in "8080:80"',
    ),
    ({"ports": None}, "ports null: has no value; write [] for none, or leave it out"),
    (
        {"networks": {"web": {"ipv4_address": "172.30.0.9"}}},
        "networks {'web': {'ipv4_address': '172.30.0.9'}}: must be a list, and is a mapping, as in a compose file; "
        "write - {name: web, ipv4_address: 172.30.0.9} for each name",
    ),
    ({"networks": "web"}, "networks 'web': must be a list: ['web']"),
]


@pytest.mark.parametrize(("variables", "error"), COMPOSE)
def test_what_is_written_otherwise_elsewhere(variables, error):
    assert argument_errors("bridge_network", named("bridge_network", variables)) == [error]


@pytest.mark.parametrize(("fields", "error"), OF_CONTAINERS)
def test_fields_of_containers_that_are_written_otherwise_elsewhere(fields, error):
    variables = {"networks": [NETWORK], "containers": [{**CONTAINER, **fields}]}
    assert argument_errors("bridge_network", named("bridge_network", variables)) == [f"container c: {error}"]


def test_errors_of_overlays():
    assert argument_errors(
        "overlay_network", named("overlay_network", {"networks": [], "vtep": "h1", "ip_ranges": 5})
    ) == [
        "role overlay_network: overlay_network_group (not given): is required; set it where the role is called",
        "role overlay_network: overlay_network_vtep 'h1': must be an IP address",
        "role overlay_network: overlay_network_ip_ranges 5: must be a mapping: a range for each network",
    ]
    wrong = {"group": "overlay", "networks": [{**NETWORK, "vni": 0, "stp": True}]}
    assert argument_errors("overlay_network", named("overlay_network", wrong)) == [
        "network web: vni 0: must be a number from 1 to 16777215",
        "network web: stp True: is no field of an overlay; bridge_network has it",
    ]
