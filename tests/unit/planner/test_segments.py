# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks joined by patch links."""

from __future__ import annotations

import copy

import pytest
from unit.planner.simulated_host import (
    DUAL,
    INSIDE,
    WEB,
    absent,
    addresses,
    endpoints,
    errors,
    live_after,
    patch_links,
    plan,
    present,
    topology,
)

from ansible_collections.virtnet.linux.plugins.module_utils.rules import names

SW2 = {"name": "sw2", "connect": ["web"]}
SW3 = {"name": "sw3", "connect": ["sw2"]}
C = [{"name": f"c{number}", "networks": [network]} for number, network in ((1, "web"), (2, "sw2"), (3, "sw3"))]


def by_name(objects, name, key="name"):
    (found,) = [one for one in objects if one[key] == name]
    return found


def test_a_network_without_its_own_subnet_joins_the_segment():
    document = topology([SW3, {**WEB, "mtu": 1400, "icc": False, "masquerade": False}, SW2], C)
    assert addresses(document) == {("c1", "web"): ["172.30.0.2"], ("c2", "sw2"): ["172.30.0.3"],
                                   ("c3", "sw3"): ["172.30.0.4"]}  # fmt: skip
    assert {peer["gateway"] for peer in endpoints(document).values()} == {"172.30.0.1"}
    web, sw2 = by_name(document["bridge"], "br-web"), by_name(document["bridge"], "br-sw2")
    assert (web["addresses"], sw2["addresses"]) == (["172.30.0.1/16"], [])
    assert web["mac"] != sw2["mac"], "the gateway is on one bridge only"
    assert {one["mtu"] for kind in ("bridge", "veth") for one in document[kind]} == {1400}
    assert sw2["labels"] == {"role": "bridge_network", "network": "sw2", "joins": "web"}
    policy = by_name(document["bridge_policy"], "br-sw2", "bridge")
    assert policy == {
        **policy,
        "bridge": "br-sw2",
        "subnets": [],
        "masquerade": False,
        "internal": False,
        "icc": False,
        "gateway_mode": "isolated",
        "state": "present",
    }


def test_one_patch_link_per_connection_with_the_gateway_end_first():
    document = topology([SW3, SW2, WEB], C)
    assert patch_links(document) == [("br-sw2", "br-sw3"), ("br-web", "br-sw2")]
    (veth,) = [one for one in document["veth"] if one["bridge"] == "br-web" and "patch" in one["labels"]]
    assert veth == {
        "name": names.patch_device("web", "sw2"),
        "bridge": "br-web",
        "labels": {"role": "bridge_network", "patch": "sw2/web"},
        "peer": {"name": names.patch_device("sw2", "web"), "bridge": "br-sw2"},
        "state": "present",
    }
    assert "anti_spoofing" not in veth


def test_mutual_connections_are_one_patch_link_and_own_subnets_stay():
    document = topology([{**WEB, "connect": ["dual"]}, {**DUAL, "connect": ["web"]}])
    assert patch_links(document) == [("br-web", "br-dual")]
    assert [bridge["addresses"] for bridge in document["bridge"]] == [
        ["172.30.0.1/16"],
        ["172.31.0.1/24", "fd00:31::1/64"],
    ]
    assert document["bridge_policy"][1]["subnets"] == ["172.31.0.0/24", "fd00:31::/64"]


def test_published_ports_use_the_gateway_bridge():
    document = topology([WEB, SW2], [{"name": "c", "networks": ["sw2"], "ports": ["80:80"]}])
    assert document["nat_port"][0]["bridge"] == "br-web"
    assert next(one for one in document["veth"] if "container" in one["labels"])["bridge"] == "br-sw2"


def test_one_allocator_per_segment_for_existing_static_and_reserved_addresses():
    first = topology([WEB, SW2, SW3], C)
    live = live_after(first)
    attachments = [
        {"name": "new", "networks": ["web"]},
        {"name": "fixed", "networks": [{"name": "sw2", "ipv4_address": "172.30.0.5"}]},
        {"name": "away", "networks": [{"name": "sw3", "ipv4_address": "172.30.0.6"}], "state": "absent"},
        {"name": "other", "networks": ["sw3"]},
    ]
    found = addresses(topology([WEB, SW2, SW3], attachments, live=live))
    assert found["new", "web"] == ["172.30.0.7"]
    assert found["other", "sw3"] == ["172.30.0.8"]
    taken = [{"name": "c9", "networks": [{"name": "web", "ipv4_address": "172.30.0.3"}]}]
    (error,) = errors([WEB, SW2, SW3], taken, live=live)
    assert "is taken on network web by container c2" in error


def test_planning_is_idempotent_and_uses_undeclared_switches():
    live = live_after(topology([WEB, SW2, SW3], C))
    assert topology([WEB, SW2, SW3], C, live=live) == topology([WEB, SW2, SW3], C)
    late = topology([], [{"name": "late", "networks": ["sw2"]}], live=live)
    assert addresses(late) == {("late", "sw2"): ["172.30.0.5"]}
    assert [one["bridge"] for one in late["veth"]] == ["br-sw2"], "existing patch links are left unchanged"
    assert topology([WEB], [], live=live)["veth"] == []


def test_undeclared_patch_links_are_removed():
    live = live_after(topology([WEB, SW2, SW3], C))
    own = {"name": "sw2", "subnet": "172.29.0.0/24"}
    gone = absent(topology([WEB, own, SW3], C, live=live)["veth"])
    assert len(gone) == 1
    assert gone[0]["name"] in (names.patch_device("web", "sw2"), names.patch_device("sw2", "web"))
    purged = topology([WEB], C[:1], live=live, purge=True)
    assert {one["name"] for one in absent(purged["bridge"])} == {"br-sw2", "br-sw3"}
    assert len([one for one in absent(purged["veth"]) if one["name"].startswith("patch")]) == 2


def test_the_segments_primary_network_is_not_removed_alone():
    live = live_after(topology([WEB, SW2]))
    (found,) = errors([{"name": "web", "state": "absent"}], live=live)
    assert found == "network web: state 'absent': sw2 has its subnet from it; remove it too, or give it a subnet"
    topology([{"name": "web", "state": "absent"}, {"name": "sw2", "state": "absent"}], live=live)


def test_the_segments_primary_network_is_not_removed_under_several():
    live = live_after(topology([WEB, SW2, SW3], C))
    gone = [{"name": "web", "state": "absent"}]
    (found,) = errors(gone, [{**C[0], "state": "absent"}], live=live)
    assert found == (
        "network web: state 'absent': sw2, sw3 have their subnet from it; remove it too, or give it a subnet"
    )
    (found,) = errors([{"name": "sw2", "state": "absent"}], [{**C[1], "state": "absent"}], live=live)
    assert found == (
        "network sw2: state 'absent': sw3 has its subnet from web by way of it; remove it too, or give it a subnet"
    )


def test_an_undeclared_network_is_not_cut_off():
    live = live_after(topology([WEB, SW2, SW3], C))
    (found, *_more) = errors([WEB, {"name": "sw2", "subnet": "172.29.0.0/24"}], C[:2], live=live)
    assert found == (
        "network sw2: connect (not given): sw3 has its subnet from web by way of it; declare it too, or leave this as "
        "it was"
    )
    (found, *_more) = errors([{"name": "web", "connect": ["dual"]}, DUAL], [C[0]], live=live)
    assert "network web: connect ['dual']: sw2, sw3 have their subnet from it; declare it too" in found
    other_way = [WEB, {**SW2, "connect": ["web"]}, {"name": "sw4", "connect": ["sw2"]}]
    assert patch_links(topology(other_way, C[:2], live=live)) == [("br-web", "br-sw2"), ("br-sw2", "br-sw4")]


def test_a_patch_link_deleted_out_of_band_is_recreated():
    live = live_after(topology([WEB, SW2, SW3], C))
    live["host"]["interfaces"] = []
    topology([WEB], C[:1], live=live)
    live["networks"] = [one for one in live["networks"] if one["Name"] != "web"]
    live["containers"] = [one for one in live["containers"] if one["name"] != "c1"]
    topology([], live=live)


def test_a_segments_subnet_change_under_undeclared_containers_is_refused():
    live = live_after(topology([WEB, SW2, SW3], C))
    moved = {**WEB, "subnet": "172.29.0.0/24"}
    found = errors([moved, SW2], C[:1], live=live)
    assert [one.split(": ")[0] for one in found] == ["network sw2", "network web"]
    assert "container c2 exists with 172.30.0.3 and no list declares it" in found[0]
    assert "container c3 exists on network sw3, which shares its subnet, with 172.30.0.4 and no list" in found[1]
    topology([moved, SW2, SW3], C, live=live)


def test_a_bridge_with_an_undeclared_joined_network_keeps_its_name():
    live = live_after(topology([WEB, SW2], []))
    renamed = {**WEB, "bridge": "sw0"}
    assert errors([renamed], live=live) == [
        "network web: bridge 'sw0': network sw2 is attached to br-web by a patch link and no list declares it; "
        "declare it too, so that it is attached to the new one, or remove it"
    ]
    assert patch_links(topology([renamed, SW2], live=live)) == [("sw0", "br-sw2")]


def test_undeclared_networks_follow_their_segments_policy():
    live = live_after(topology([WEB, SW2, SW3], C))
    document = topology([{**WEB, "icc": False}], live=live)
    assert {one["bridge"]: one["icc"] for one in document["bridge_policy"]} == dict.fromkeys(
        ["br-web", "br-sw2", "br-sw3"], False
    )
    assert [one["name"] for one in document["bridge"]] == ["br-web"]
    by_itself = topology([{**WEB, "icc": False}, SW2, SW3], live=live)["bridge_policy"]
    assert document["bridge_policy"] == by_itself
    assert topology([SW2], live=live)["bridge_policy"] == topology([WEB, SW2])["bridge_policy"][1:]


RING = [WEB, SW2, {"name": "sw3", "connect": ["sw2", "web"]}]


def test_a_ring_without_stp_is_refused():
    found = errors([*RING, {"name": "leaf", "connect": ["sw3"]}], [])
    assert [one.split(":")[0] for one in found] == ["network sw2", "network sw3", "network web"]
    assert "is on a ring of switches (sw2, sw3, web), in which a broadcast would circle for ever" in found[0]
    ring = [{**one, "stp": True} for one in RING]
    document = topology([*ring, {"name": "leaf", "connect": ["sw3"]}], C)
    assert len(patch_links(document)) == 4
    assert [bridge.get("stp") for bridge in document["bridge"]] == [True, True, True, None]
    (found,) = errors([{**ring[0], "icc": False}, *ring[1:]], C)
    assert "network web: icc False" in found


def test_a_ring_closed_by_existing_patch_links_is_refused():
    live = live_after(topology([WEB, SW2, SW3], C))
    (found,) = errors([{**WEB, "connect": ["sw3"]}], live=live)
    assert "network web: stp (not given): is on a ring of switches (sw2, sw3, web)" in found


@pytest.mark.parametrize(
    "networks, words",
    [
        ([{"name": "a", "connect": ["b"]}], "connect[0] 'b': is unknown"),
        ([{"name": "a", "connect": ["a"]}], "connect[0] 'a': a network cannot be connected to itself"),
        ([WEB, {"name": "a", "connect": ["web", "web"]}], "connect[1] 'web': is named twice"),
        ([WEB, {"name": "a", "connect": ["no name"]}], "connect[0] 'no name': must be another network's name"),
        (
            [WEB, {**SW2, "gateway": "172.30.0.9"}],
            "gateway '172.30.0.9': applies to the whole segment and belongs to network",
        ),
        ([WEB, {**SW2, "internal": True}], "internal True: applies to the whole segment and belongs to network web"),
        ([WEB, {**SW2, "mtu": 1400}], "mtu 1400: applies to the whole segment"),
        ([WEB, DUAL, {"name": "a", "connect": ["web", "dual"]}], "subnet (not given): its segment has several subnets"),
        ([WEB, {**SW2, "stp": "maybe"}], "stp 'maybe': must be true or false"),
        ([WEB, {**SW2, "routes": [{"to": "10.0.0.0/8", "via": "10.1.1.1"}]}], "routes[0].via '10.1.1.1': must be an"),
        ([{"name": "a", "connect": ["b"]}, {"name": "b", "connect": ["a"]}], "subnet (not given): a network needs"),
    ],
)
def test_invalid_connections_are_refused(networks, words):
    found = errors(networks)
    assert any(words in one for one in found), found


def test_connecting_an_internal_network_to_one_with_egress_is_refused():
    inner = {**INSIDE, "connect": ["web"]}
    (found,) = errors([WEB, inner], C[:1])
    assert found == (
        "network inside: internal True: a patch link connects it with web, by whose gateway its containers would have "
        "egress; set internal: true there too, or remove the patch link"
    )
    live = live_after(topology([{**WEB, "internal": True}, inner], C[:1]))
    (found,) = errors([WEB], live=live)
    assert found == (
        "network web: internal False: a patch link connects it with inside, which is internal; its containers "
        "would have egress by it; set true, or remove the patch link"
    )
    topology([WEB, INSIDE], C[:1], live=live)


def test_a_container_is_on_a_segment_once():
    (found,) = errors([WEB, SW2], [{"name": "c", "networks": ["web", "sw2"]}])
    assert "networks 'sw2': is one segment with web, on which the container is already" in found


def test_connecting_another_roles_network_is_refused():
    live = copy.deepcopy(live_after(topology([WEB])))
    live["networks"][0]["Labels"]["role"] = "overlay_network"
    (found,) = errors([SW2], live=live)
    assert "connect[0] 'web': the role overlay_network made it" in found


def test_routes_of_the_segment_and_of_the_switch():
    head = {**WEB, "routes": [{"to": "10.0.0.0/8", "via": "172.30.0.9"}]}
    own = {**SW2, "routes": [{"to": "10.1.0.0/16", "via": "172.30.0.8"}]}
    document = topology([head, own], C[:2])
    assert [route["to"] for route in endpoints(document)["c2", "sw2"]["routes"]] == ["10.0.0.0/8", "10.1.0.0/16"]
    assert [route["to"] for route in endpoints(document)["c1", "web"]["routes"]] == ["10.0.0.0/8"]


def test_macs_are_unique_in_a_segment():
    attachment = {"name": "sw2", "mac_address": "02:42:ac:1e:00:02"}
    document = topology([WEB, SW2], [{"name": "a", "networks": ["web"]}, {"name": "b", "networks": [attachment]}])
    found = {container: peer["mac"] for (container, _network), peer in endpoints(document).items()}
    assert found["b"] == "02:42:ac:1e:00:02" != found["a"]
    assert present(document["bridge"])[1]["mac"] == names.mac_of_names("sw2")


def test_an_invalid_subnet_of_a_segment_is_reported_once():
    found = plan([{**WEB, "subnet": "172.30.0.1/16"}, SW2], C[:2])["errors"]
    assert len(found) == 1
    assert "has host bits set" in found[0]
