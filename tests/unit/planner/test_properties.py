# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Properties of every plan, whatever is declared."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.planner.simulated_host import EMPTY, endpoints, live_after, plan, present

from ansible_collections.virtnet.linux.plugins.module_utils.rules import names

pytestmark = pytest.mark.slow

NETWORKS = {
    "web": {"name": "web", "subnet": "172.30.0.0/24"},
    "dual": {"name": "dual", "subnet": "172.31.0.0/28", "subnet6": "fd00:31::/124"},
    "six": {"name": "six", "subnet6": "fd00:6::/64"},
    "inside": {"name": "inside", "subnet": "172.29.0.0/24", "ip_range": "172.29.0.64/28", "internal": True},
    "narrow": {"name": "narrow", "subnet": "192.0.2.0/29"},
}
CONTAINERS = ["a", "b", "c", "d", "e", "f"]


@st.composite
def containers(draw):
    """A list of containers in some order, each on some networks, some with static addresses, MACs and ports."""
    found = []
    for name in draw(st.lists(st.sampled_from(CONTAINERS), unique=True, min_size=2)):
        number = CONTAINERS.index(name)
        attachments = []
        for network in draw(st.lists(st.sampled_from(sorted(NETWORKS)), unique=True, min_size=1, max_size=2)):
            attachment = {"name": network}
            if network == "web" and draw(st.integers(0, 3)) == 0:
                # Within the allocated range, but no other container's static address.
                attachment["ipv4_address"] = f"172.30.0.{draw(st.sampled_from([2, 8])) + number}"
            if draw(st.integers(0, 9)) == 0:
                attachment["mac_address"] = f"02:42:ac:1e:00:{draw(st.integers(2, 7)):02x}"
            attachments.append(attachment)
        ports = draw(
            st.sets(st.sampled_from([f"808{number}:80", f"9{number}00-9{number}05:70-75/udp", "7000-7009:70"]))
        )
        found.append({"name": name, "networks": attachments, "ports": sorted(ports)})
    return found


histories = st.lists(containers(), min_size=2, max_size=4)


def lives(history):
    """The plans of a host that gets one declaration after the other; refused ones change nothing.

    Yields (declared containers, live before, topology, live after).
    """
    live = EMPTY
    for declared in history:
        planned = plan(NETWORKS.values(), declared, live=live, purge=True)
        if planned["errors"]:
            continue
        after = live_after(planned["topology"], live)
        yield declared, live, planned["topology"], after
        live = after


def by_network(live):
    for network in live["networks"]:
        yield (
            network,
            [
                endpoint
                for container in live["containers"]
                for endpoint in container["endpoints"]
                if endpoint["bridge"] == network["Id"]
            ],
        )


@given(histories)
def test_no_two_endpoints_of_a_network_share_an_address_or_a_mac(history):
    for _declared, _before, document, after in lives(history):
        macs = {bridge["name"]: bridge["mac"] for bridge in present(document["bridge"])}
        for network, found in by_network(after):
            gateways = [config["Gateway"] for config in network["IPAM"]["Config"]]
            addresses = [text.split("/")[0] for endpoint in found for text in endpoint["addresses"]] + gateways
            hardware = [endpoint["mac"] for endpoint in found] + [macs[network["Id"]]]
            assert len(set(addresses)) == len(addresses)
            assert len(set(hardware)) == len(hardware)


@given(histories)
def test_existing_endpoints_keep_address_mac_and_interface_unless_declared_otherwise(history):
    for declared, before, document, _after in lives(history):
        attachments = {
            (one["name"], attachment["name"]): attachment for one in declared for attachment in one["networks"]
        }
        planned = endpoints(document)
        for container in before["containers"]:
            for endpoint in container["endpoints"]:
                where = (container["name"], endpoint["network"])
                if where not in planned:
                    continue
                if "ipv4_address" not in attachments[where]:
                    assert planned[where]["addresses"] == endpoint["addresses"]
                if "mac_address" not in attachments[where]:
                    assert planned[where]["mac"] == endpoint["mac"] or endpoint["mac"] in {
                        attachment.get("mac_address") for attachment in attachments.values()
                    }
                assert planned[where]["name"] == endpoint["interface"]


@given(histories)
def test_an_applied_plan_is_idempotent(history):
    for declared, _before, document, after in lives(history):
        again = plan(NETWORKS.values(), declared, live=after, purge=True)
        assert again["errors"] == []
        assert again["topology"] == {
            kind: [one for one in objects if one["state"] == "present"] for kind, objects in document.items()
        }


@given(histories)
def test_purge_leaves_exactly_the_declared_objects(history):
    for declared, _before, _document, after in lives(history):
        desired = {(one["name"], attachment["name"]) for one in declared for attachment in one["networks"]}
        there = {(one["name"], endpoint["network"]) for one in after["containers"] for endpoint in one["endpoints"]}
        assert there == desired
        owners = {
            text.split("/")[0]: one["name"]
            for one in after["containers"]
            for endpoint in one["endpoints"]
            for text in endpoint["addresses"]
        }
        publishers = {one["name"] for one in declared if one["ports"]}
        assert {owners[port["to_address"]] for port in after["nat_ports"]} <= publishers


@given(histories)
def test_no_object_is_planned_twice(history):
    for _declared, _before, document, _after in lives(history):
        for kind, key in (("netns", "name"), ("bridge", "name"), ("veth", "name"), ("bridge_policy", "bridge")):
            found = [one[key] for one in document[kind]]
            assert len(set(found)) == len(found)
        places = [
            (port["protocol"], port.get("host_ip"), ":" in port["to_address"], number)
            for port in document["nat_port"]
            for number in _numbers(port["host_port"])
        ]
        assert len(set(places)) == len(places)


@given(containers())
def test_planning_is_deterministic_and_keeps_its_input(declared):
    networks = list(NETWORKS.values())
    shown = repr((networks, declared))
    assert plan(networks, declared) == plan(networks, declared)
    assert repr((networks, declared)) == shown


@given(st.integers(1, 252))
def test_a_subnet_is_allocated_to_the_last_address(count):
    declared = [{"name": f"c{number}", "networks": ["web"]} for number in range(count)]
    planned = plan([NETWORKS["web"]], declared)
    assert planned["errors"] == []
    assert [peer["addresses"] for peer in endpoints(planned["topology"]).values()] == [
        [f"172.30.0.{number}/24"] for number in range(2, count + 2)
    ]


def test_host_end_names_of_many_endpoints_are_unique():
    pairs = itertools.product((f"c{number}" for number in range(300)), (f"n{number}" for number in range(30)))
    found = [names.veth_device(*pair) for pair in pairs]
    assert len(set(found)) == len(found)


def _numbers(text):
    first, _dash, last = text.partition("-")
    return range(int(first), int(last or first) + 1)
