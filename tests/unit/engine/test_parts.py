# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Small parts of the engine: actions and their diff, names and ownership labels, checks, docstring examples."""

from __future__ import annotations

import doctest
import importlib
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.virtnet.linux.plugins.module_utils.facts.options import Checks
from ansible_collections.virtnet.linux.plugins.module_utils.links import settings
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action, as_diff, difference
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.rules import names
from ansible_collections.virtnet.linux.plugins.module_utils.rules.ports import port_range
from ansible_collections.virtnet.linux.plugins.module_utils.system import sysctls

WORDS = st.text("ABCxyz019_./-", min_size=1, max_size=16)
VALUES = st.text("ABCabc019_.:/@+- =%,~\u00e4\u4e2d", max_size=12) | st.text(max_size=12)


@pytest.mark.parametrize(
    "module", ["rules.names", "kinds.nat_port", "model.actions", "facts.options", "links.settings"]
)
def test_docstring_examples_hold(module):
    loaded = importlib.import_module("ansible_collections.virtnet.linux.plugins.module_utils." + module)
    assert doctest.testmod(loaded).failed == 0


@given(st.dictionaries(WORDS, VALUES, max_size=5))
def test_labels_survive_the_alias(labels):
    if names.labels_fit(labels):
        mark = names.mark(labels)
        assert names.labels_of(mark) == labels
        assert mark.isascii() and mark.isprintable() and len(mark) <= 255


@given(st.dictionaries(WORDS, VALUES, max_size=5), st.integers(0, 300))
def test_labels_that_exceed_the_alias_are_refused(labels, more):
    own = {"role": "bridge_network", "network": "web"}
    labels = {key: value for key, value in labels.items() if names.labels_fit({key: value}) and key not in own}
    labels["x"] = "y" * more
    problem = names.labels_problem(labels, own)
    assert (problem is None) == (len(names.mark({**labels, **own})) <= 255)
    if problem is not None:
        over = len(names.mark({**labels, **own})) - 255
        needed, left = map(int, re.findall(r"\d+", problem))
        assert needed - left == over


def test_docker_and_compose_labels_are_accepted():
    labels = {
        "com.docker.compose.project": "shop",
        "com.example.owner": "Ops & Co. <ops@example.com>",
        "org.opencontainers.image.url": "https://example.com/?a=b&c=d",
        "Tier": "",
        "traefik.http.routers/web": "100% caf\u00e9",
    }
    assert names.labels_fit(labels)
    assert names.labels_of(names.mark(labels)) == labels


@pytest.mark.parametrize(
    "labels", [{"": "a"}, {" a": "b"}, {"a b": "c"}, {"a=b": "c"}, {".a": "b"}, {"a": "b\nc"}, {"a": "\ud800"},
               {"a": "\u202e"}, {"a": 1}, {"a": None}, {1: "a"}, {"\u00e4": "a"}, [], "a=b"]
)  # fmt: skip
def test_labels_that_an_alias_cannot_hold_are_refused(labels):
    assert not names.labels_fit(labels)


@pytest.mark.parametrize("alias", [None, "", "eth0", "virtnetx", "virtnet word", "my virtnet a=b", "virtnet a=b c"])
def test_a_foreign_alias_is_not_an_ownership_label(alias):
    assert names.labels_of(alias) is None


@given(st.text(max_size=80), st.text(max_size=80))
def test_derived_device_names_are_valid(container, network):
    assert names.is_interface_name(names.veth_device(container, network))
    if names.is_object_name(network):
        assert names.is_interface_name(names.bridge_device(network))
        assert names.is_interface_name(names.tunnel_device(network))


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "-a", "a:b", "x" * 16, "ä", "a\n", None, 5])
def test_invalid_link_names_are_refused(name):
    assert not names.is_interface_name(name)


@pytest.mark.parametrize(
    ("desired", "found", "differs"),
    [
        ({"mtu": None}, {"mtu": 1500}, False),
        ({"mtu": 1400}, {"mtu": 1500}, True),
        ({"stp": False}, {"stp": True}, True),
        ({"stp": False}, {"stp": None}, False),
        ({"gateway": ""}, {"gateway": "10.0.0.1"}, True),
        ({"gateway": ""}, {"gateway": None}, False),
        ({"labels": {}}, {"labels": None}, True),
        ({"labels": {}}, {"labels": {}}, False),
        ({"addresses": []}, {"addresses": ["10.0.0.1/8"]}, True),
    ],
)
def test_differences_between_desired_and_observed(desired, found, differs):
    before, after = difference(desired, found)
    assert (before, after) == ((found, desired) if differs else ({}, {}))


def test_a_diff_is_readable():
    actions = [
        Action(Phase.NAMESPACES, "create", "netns", "c1", {}, {"forwarding": True}, {}),
        Action(
            Phase.ENDPOINTS,
            "change",
            "bridge",
            "br0",
            {"addresses": [], "mtu": 1500},
            {"addresses": ["10.0.0.1/8"], "mtu": 9000},
            {},
        ),
        Action(Phase.DELETE_CONTAINERS, "delete", "veth", "v1", {"labels": {"network": "web"}}, {}, {}),
        Action(
            Phase.GATEWAY_OPEN,
            "change",
            "sysctl",
            "net/ipv6/conf/default/accept_ra",
            {"value": "1"},
            {"value": "2"},
            {},
        ),
        Action(
            Phase.GATEWAY_OPEN, "change", "sysctl", "net/ipv6/conf/eth0.7/accept_ra", {"value": "1"}, {"value": "2"}, {}
        ),
    ]
    sysctls = "sysctl net.ipv6.conf.default.accept_ra: %d\nsysctl net/ipv6/conf/eth0.7/accept_ra: %d\n"
    assert as_diff(actions) == {
        "before": "bridge br0\n  addresses: none\n  mtu: 1500\nveth v1\n  labels: network=web\n" + sysctls % (1, 1),
        "after": "netns c1\n  forwarding: yes\nbridge br0\n  addresses: 10.0.0.1/8\n  mtu: 9000\n" + sysctls % (2, 2),
    }
    assert actions[1].line() == "change bridge br0: addresses none -> 10.0.0.1/8, mtu 1500 -> 9000"


@given(st.integers(1, 65535), st.integers(0, 20))
def test_a_port_range_expands_to_its_ports(first, more):
    last = min(first + more, 65535)
    assert list(port_range("%d-%d" % (first, last))) == list(range(first, last + 1))


@pytest.mark.parametrize("text", ["", "0", "65536", "9-8", "1-", "-1", "http", "80 ", "80\n", "٨٠", "1-2-3"])
def test_invalid_ports_are_refused(text):
    assert port_range(text) is None


@pytest.mark.parametrize(
    ("key", "fine"),
    [
        ("net.ipv4.ip_forward", True),
        ("net/ipv4/conf/eth0.5/rp_filter", True),
        ("kernel.panic", False),
        ("net.ipv4.../../kernel/panic", False),
        ("net/../kernel/panic", False),
        ("/proc/sys/net/ipv4/ip_forward", False),
        ("net.ipv4.ip_forward\n", False),
        ("net", False),
        (7, False),
    ],
)
def test_sysctls_per_network_namespace(key, fine):
    assert sysctls.is_key(key) is fine


def test_link_local_address_from_mac():
    assert settings.link_local_of("02:42:ac:1e:00:02") == "fe80::42:acff:fe1e:2/64"


def test_errors_name_object_field_value_and_rule():
    problems = Checks()
    problems.mac("veth", "v1", "peer.mac", "01:00:00:00:00:01")
    problems.mtu("bridge", "br0", "mtu", 67)
    problems.network("bridge_policy", "br0", "subnets", "172.30.0.5/16")
    problems.interface_address("veth", "v1", "addresses", "172.30.0.2")
    assert list(problems.errors) == [
        "veth v1: peer.mac: '01:00:00:00:00:01': must be a unicast MAC address: an even first byte, and not all zeros",
        "bridge br0: mtu: 67: must be a number from 68 to 65535",
        "bridge_policy br0: subnets: '172.30.0.5/16': has host bits set; write 172.30.0.0/16",
        "veth v1: addresses: '172.30.0.2': must be an address with its prefix length, like 172.30.0.2/16 or fd00::2/64",
    ]
