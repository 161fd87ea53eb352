# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role bridge_network: every error names object, field, value and rule, all at once, with nothing touched."""

from __future__ import annotations

import pytest

from kit import packets

WEB = {"name": "web", "subnet": "172.30.0.0/16"}
C = {"name": "c", "networks": ["web"]}
TINY = {"name": "tiny", "subnet": "10.0.0.0/30"}


def on(name, *networks, **more):
    return {"name": name, "networks": list(networks), **more}


ERRORS = [
    # networks, containers, what the one error has to say
    ([{**WEB, "subnet": "172.30.0.5/16"}], [], ["network web", "subnet", "172.30.0.5/16", "172.30.0.0/16"]),
    ([WEB, {"name": "b", "subnet": "172.30.5.0/24"}], [], ["network b", "subnet", "172.30.5.0/24", "web"]),
    ([{"name": "r", "subnet": "10.99.1.0/24"}], [], ["network r", "10.99.1.0/24", "10.99.0.0/16", "nic0"]),
    ([{**WEB, "gateway": "172.31.0.1"}], [], ["network web", "gateway", "172.31.0.1", "172.30.0.0/16"]),
    ([WEB], [on("c", {"name": "web", "ipv4_address": "10.0.0.9"})], ["container c", "ipv4_address", "10.0.0.9"]),
    (
        [WEB],
        [on(name, {"name": "web", "ipv4_address": "172.30.0.9"}) for name in "ab"],
        ["container b", "ipv4_address", "172.30.0.9", "container a"],
    ),
    (
        [WEB],
        [on(name, {"name": "web", "mac_address": "02:00:00:00:00:09"}) for name in "ab"],
        ["container b", "mac_address", "02:00:00:00:00:09", "container a"],
    ),
    ([WEB], [on(name, "web", ports=["80:80"]) for name in "ab"], ["container b", "ports[0]", "80:80", "container a"]),
    ([WEB], [on("c", "web", ports=["7777:80"])], ["container c", "ports[0]", "7777", "python3"]),
    ([{**WEB, "bridge": "a-name-of-16-byt"}], [], ["network web", "bridge", "a-name-of-16-byt", "15"]),
    ([WEB], [on("with space", "web")], ["with space", "name"]),
    ([WEB], [on("x" * 64, "web")], ["x" * 64, "name", "63"]),
    ([{**WEB, "name": "slash/ed"}], [], ["slash/ed", "name"]),
    ([WEB], [C, {"name": "s", "network_mode": "container:missing"}], ["container s", "network_mode", "missing"]),
    ([WEB], [{"name": "s", "network_mode": "container:s"}], ["container s", "network_mode", "container:s", "own"]),
    ([WEB], [on("c", "web", ports=[133342])], ["container c", "ports[0]", "133342", "uote it"]),
    ([WEB], [on("c", "wbe")], ["container c", "networks[0]", "wbe", "web"]),
    ([TINY], [on(name, "tiny") for name in "ab"], ["tiny", "10.0.0.0/30"]),
    ([WEB], [on("c", "web", ports=["80"])], ["container c", "ports[0]", "80", "host port"]),
    ([WEB], [on("theirs", "web")], ["container theirs", "name", "theirs"]),
    ([{**WEB, "bridge": "br-theirs"}], [], ["network web", "bridge", "br-theirs"]),
    ([{**WEB, "bridge": "br-nic"}], [], ["network web", "bridge", "br-nic", "alternative name", "nic0"]),
    ([WEB, WEB], [], ["network web", "name", "twice"]),
]


@pytest.fixture
def with_foreign_objects(host):
    """A host with a route, a process that listens, and foreign objects."""
    host.sh("ip link add nic0 type veth peer name nic0-far; ip address add 10.99.0.1/16 dev nic0; ip link set nic0 up")
    host.sh("ip link property add dev nic0 altname br-nic")
    host.sh("ip netns add theirs; ip link add br-theirs type bridge")
    packets.listen(host, 7777)
    return host


def test_each_error_names_object_field_value_and_rule(with_foreign_objects, role):
    for networks, containers, words in ERRORS:
        errors = role.refused(networks, containers)
        assert len(errors) == 1, errors
        for word in words:
            assert word in errors[0], (word, errors)


@pytest.mark.parametrize("mode", ["none", "host", "container:other"])
def test_ports_require_an_own_namespace_with_an_address(host, role, mode):
    errors = role.refused([WEB], [on("other", "web"), {"name": "c", "network_mode": mode, "ports": ["80:80"]}])
    assert len(errors) == 1 and "container c" in errors[0] and "ports" in errors[0] and mode in errors[0]


def test_a_cycle_of_shared_namespaces_is_refused(host, role):
    circle = [{"name": one, "network_mode": "container:" + two} for one, two in ("ab", "bc", "ca")]
    errors = role.refused([], circle)
    assert errors and all("network_mode" in error for error in errors)


def test_all_errors_are_reported_at_once(with_foreign_objects, role):
    networks = [
        {"name": "n1", "subnet": "10.1.0.5/16"},
        {"name": "n2", "subnet": "10.2.0.0/16", "gateway": "10.3.0.1"},
        {"name": "n3", "subnet": "10.99.1.0/24"},
        {"name": "n4", "subnet": "10.4.0.0/16", "bridge": "a-name-of-16-byt"},
        WEB,
    ]
    containers = [
        on("c1", "web", ports=[133342]),
        on("c2", "wbe"),
        on("c3", "web", ports=["7777:80"]),
        {"name": "c4", "network_mode": "container:missing"},
        {"name": "c5", "network_mode": "none", "ports": ["80:80"]},
        on("c 6", "web"),
        on("c7", {"name": "web", "ipv4_address": "10.0.0.1"}),
    ]
    errors = role.refused(networks, containers)
    for thing in ("n1", "n2", "n3", "n4", "c1", "c2", "c3", "c4", "c5", "c 6", "c7"):
        assert any(" %s: " % thing in error for error in errors), (thing, errors)


def test_a_route_of_the_networks_own_bridge_is_no_conflict(host, role):
    role.change([WEB], [C])
    role.unchanged([WEB], [C])
    role.change([{**WEB, "subnet": "172.30.0.0/24"}], [C])


def test_a_listener_in_the_ports_own_container_is_no_conflict(host, role):
    role.change([WEB], [on("c", "web", ports=["8080:80"])])
    packets.listen(host, 8080, netns="c")
    role.unchanged([WEB], [on("c", "web", ports=["8080:80"])])
