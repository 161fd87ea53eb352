# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NICs of the host that are moved into containers."""

from __future__ import annotations

import copy

from unit.planner.simulated_host import EMPTY, WEB, absent, endpoints, errors, live_after, present, topology

NIC = {"device": "enp3s0", "name": "wan", "addresses": ["203.0.113.7/24"], "gateway": "203.0.113.1"}


def nic(name="enp3s0", **more):
    return {"name": name, "kind": None, "mtu": 1500, "up": True, "ours": False, "addresses": [], **more}


LIVE = {**EMPTY, "host": {"interfaces": [nic("lo"), nic(), nic("enp4s0"), nic("br-x", kind="bridge", ours=True)]}}


def has_nic(live, container, device="enp3s0", name="wan", kind="physical"):
    """The same host after the container was given the NIC."""
    live = copy.deepcopy(live)
    holder = next(one for one in live["containers"] if one["name"] == container)
    holder.setdefault("interfaces", []).append({"device": device, "name": name, "type": kind})
    if kind == "physical":
        live["host"]["interfaces"] = [one for one in live["host"]["interfaces"] if one["name"] != device]
    return live


def test_a_nic_with_every_option():
    routes = [{"to": "198.51.100.0/24", "via": "203.0.113.2", "metric": 5}]
    nic = {**NIC, "gateway6": "fe80::1", "addresses": ["203.0.113.7/24", "2001:db8::7/64"], "routes": routes}
    nic.update(mac="02-00-00-00-00-07", mtu=9000)
    document = topology([], [{"name": "c", "interfaces": [nic]}], live=LIVE)
    assert document["interface"] == [
        {
            "device": "enp3s0",
            "netns": "c",
            "name": "wan",
            "type": "physical",
            "mac": "02:00:00:00:00:07",
            "mtu": 9000,
            "addresses": ["203.0.113.7/24", "2001:db8::7/64"],
            "gateway": "203.0.113.1",
            "gateway6": "fe80::1",
            "routes": routes,
            "labels": {"role": "bridge_network", "container": "c"},
            "state": "present",
        }
    ]


def test_one_nic_serves_several_containers_by_macvlan():
    nic = {"device": "enp3s0", "type": "macvlan"}
    document = topology([], [{"name": name, "interfaces": [nic]} for name in ("a", "b")], live=LIVE)
    assert [(one["netns"], one["name"], one["mode"]) for one in document["interface"]] == [
        ("a", "enp3s0", "bridge"),
        ("b", "enp3s0", "bridge"),
    ]


def test_a_nics_gateway_is_the_default_route_and_its_name_is_taken():
    nic = {**NIC, "name": "eth0"}
    document = topology([WEB], [{"name": "c", "networks": ["web"], "interfaces": [nic]}], live=LIVE)
    peer = endpoints(document)["c", "web"]
    assert (peer["name"], "gateway" in peer) == ("eth1", False)
    other = topology([WEB], [{"name": "c", "networks": ["web"], "interfaces": [{"device": "enp3s0"}]}], live=LIVE)
    assert endpoints(other)["c", "web"]["gateway"] == "172.30.0.1"


def test_an_undeclared_nic_and_that_of_a_removed_container_return_to_the_host():
    declared = [{"name": "c", "interfaces": [NIC]}, {"name": "d", "networks": ["web"]}]
    live = has_nic(live_after(topology([WEB], declared, live=LIVE), LIVE), "c")
    home = [{"device": "enp3s0", "netns": "c", "name": "wan", "type": "physical", "state": "absent"}]
    assert absent(topology([WEB], declared, live=live)["interface"]) == []
    assert topology([WEB], [{"name": "c", "networks": ["web"]}], live=live)["interface"] == home
    assert topology([WEB], [{"name": "c", "state": "absent"}], live=live)["interface"] == home
    assert topology([WEB], [], live=live, purge=True)["interface"] == home
    assert topology([WEB], [], live=live)["interface"] == [], "what no list names is left alone"


def test_a_nic_moves_between_containers_and_macvlans_are_matched_by_name():
    live = has_nic(live_after(topology([], [{"name": "c", "interfaces": [NIC]}], live=LIVE), LIVE), "c")
    live = has_nic(live, "c", "enp4s0", "lan", "macvlan")
    document = topology([], [{"name": "c", "network_mode": "none"}, {"name": "d", "interfaces": [NIC]}], live=live)
    assert {(one["netns"], one["name"]) for one in absent(document["interface"])} == {("c", "wan"), ("c", "lan")}
    assert [one["netns"] for one in present(document["interface"])] == ["d"]


def test_a_nic_of_a_namespace_deleted_out_of_band_is_moved_again_or_returned():
    stray = nic("wan", ours=True, device="enp3s0", labels={"role": "bridge_network", "container": "c"})
    live = {**EMPTY, "host": {"interfaces": [stray]}}
    assert absent(topology([], [{"name": "c", "interfaces": [NIC]}], live=live)["interface"]) == []
    (home,) = topology([], [], live=live)["interface"]
    assert (home["device"], home["state"]) == ("enp3s0", "absent")
    another = {**stray, "labels": {"role": "overlay_network"}}
    assert topology([], [], live={**EMPTY, "host": {"interfaces": [another]}})["interface"] == []


def refusals(interfaces, live=LIVE, **more):
    return errors([WEB], [{"name": "c", "interfaces": interfaces, **more}], live=live)


def test_nics_that_cannot_be_moved_are_refused():
    found = errors(
        [WEB],
        [
            {"name": "a", "interfaces": [NIC, {"device": "enp9s0"}, {"device": "br-x"}]},
            {"name": "b", "interfaces": [NIC]},
            {"name": "m", "interfaces": [{"device": "enp3s0", "type": "macvlan"}]},
        ],
        live=LIVE,
    )
    assert found == [
        "container b: interfaces: device 'enp3s0': container a has it; a NIC is in one namespace only: "
        "use type: macvlan to share it",
        "container a: interfaces: device 'enp9s0': the host has no such NIC; it has enp3s0, enp4s0",
        "container a: interfaces: device 'br-x': is managed by virtnet.linux, not a physical NIC; name a NIC of the "
        "host",
        "container m: interfaces: device 'enp3s0': container a has the NIC itself, so no macvlan on it is possible",
    ]


def test_a_nic_of_an_undeclared_container_is_refused():
    live = has_nic(live_after(topology([], [{"name": "old", "interfaces": [NIC]}], live=LIVE), LIVE), "old")
    (found,) = refusals([NIC], live=live)
    assert "container old has it" in found


def test_a_nics_address_in_a_networks_subnet_is_refused():
    nic = [{"device": "enp3s0", "addresses": ["203.0.113.7/24", "172.30.9.9/16"]}]
    (found,) = refusals(nic, networks=["web"])
    assert found == (
        "container c: interfaces: enp3s0.addresses '172.30.9.9/16': is in 172.30.0.0/16 of network web, on which "
        "the container is too; one needs another subnet"
    )
    assert refusals(nic) == [], "in a namespace of its own an address of another network is no conflict"


def test_ipv6_requires_an_mtu_of_1280():
    (found,) = refusals([{"device": "enp3s0", "addresses": ["2001:db8::7/64"], "mtu": 1000}])
    assert found == "container c: interfaces[0]: mtu 1000: must be a number from 1280 to 65535"


def test_nics_that_carry_the_hosts_traffic_are_refused():
    words = "the host's default route goes through it"
    live = {**EMPTY, "host": {"interfaces": [nic(lifeline=words)]}}
    (found,) = refusals([NIC], live=live)
    assert found.startswith("container c: interfaces: device 'enp3s0': must stay on the host: " + words)
    assert refusals([{"device": "enp3s0", "type": "macvlan"}], live=live) == []


def test_invalid_nic_fields_are_refused():
    found = refusals(
        [
            {"name": "x"},
            {"device": "no/pe", "name": "lo"},
            {"device": "enp3s0", "name": "d", "mode": "bridge"},
            {"device": "enp4s0", "name": "d", "type": "ipvlan", "addresses": ["10.0.0.1", "x", "fd00::1%e/64"]},
            {"device": "enp5s0", "addresses": ["10.0.0.1/24"], "gateway": "10.0.1.1", "mac": "01:00:00:00:00:01"},
            {"device": "enp6s0", "gateway": "10.0.1.1", "color": "red"},
        ]
    )
    for number, words in (
        (0, "device (not given): is required"),
        (1, "device 'no/pe': must be 1 to 15"),
        (1, "name 'lo': must be"),
        (2, "mode 'bridge': applies to a macvlan only"),
        (3, "name 'd': another interface of the container is called d"),
        (3, "type 'ipvlan': must be one of physical, macvlan"),
        (3, "addresses[0] '10.0.0.1': must be an address with its length"),
        (3, "addresses[1] 'x': must be"),
        (3, "addresses[2] 'fd00::1%e/64': must be"),
        (4, "gateway '10.0.1.1': must be an address on the NIC's link: in 10.0.0.0/24"),
        (4, "mac '01:00:00:00:00:01': must be a unicast"),
        (5, "color 'red': is no field"),
    ):
        assert any(one.startswith(f"container c: interfaces[{number}]: {words}") for one in found), (words, found)
    twice = "container c: interfaces[].gateway '10.0.1.1, 10.0.1.1': a container has one default route; keep one"
    assert twice in found


def test_nics_with_other_network_modes_are_refused():
    for mode in ("none", "host", "container:x"):
        found = errors([], [{"name": "x", "network_mode": "none"}, {"name": "c", "network_mode": mode,
                                                                    "interfaces": [NIC]}], live=LIVE)  # fmt: skip
        assert any("interfaces" in one and f"cannot be combined with network_mode {mode}" in one for one in found), (
            found
        )
    (found,) = errors(
        [WEB], [{"name": "c", "networks": [{"name": "web", "interface_name": "wan"}], "interfaces": [NIC]}], live=LIVE
    )
    assert "interface_name 'wan': is a name in its interfaces already" in found
