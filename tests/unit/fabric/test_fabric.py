# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fabric's plan: addresses, tunnels, MTU, and what is refused before anything is touched."""

from __future__ import annotations

import json
import time

import pytest
from unit.fabric.simulated_fabric import FABRIC, OTHER, SIX, Fabric, bare, known, own, tunnel

from ansible_collections.virtnet.linux.plugins.plugin_utils.plan.fabric import topology_of


def on(*networks, name="c1", **more):
    return {"name": name, "networks": list(networks), **more}


@pytest.fixture
def three():
    fabric = Fabric(3)
    for number, name in enumerate(fabric.declared):
        fabric.declared[name]["containers"] = [on("fabric"), on("fabric", name=f"own{number}")]
    return fabric


def test_addresses_go_up_host_by_host_and_a_name_may_repeat(three):
    three.run()
    found = {(host, name): addresses for (host, name, _network), addresses in three.addresses().items()}
    assert found == {
        ("h1", "c1"): ["10.42.0.2"], ("h1", "own0"): ["10.42.0.3"], ("h2", "c1"): ["10.42.0.4"],
        ("h2", "own1"): ["10.42.0.5"], ("h3", "c1"): ["10.42.0.6"], ("h3", "own2"): ["10.42.0.7"],
    }  # fmt: skip


def test_every_host_has_entries_for_the_endpoints_of_other_hosts_only(three):
    planned = three.run()
    mine = {name: own(topology, f"192.0.2.{name[1]}") for name, topology in planned["hosts"].items()}
    for name, topology in planned["hosts"].items():
        assert known(topology) == set.union(*(mine[other] for other in mine if other != name))


def test_tunnels_are_static_with_an_anycast_gateway(three):
    planned = three.run()
    for name, topology in planned["hosts"].items():
        one = tunnel(topology)
        assert (one["vni"], one["dstport"], one["local"]) == (4242, 4789, f"192.0.2.{name[1]}")
        assert (one["learning"], one["flood"], one["anycast_gateway"]) == (False, [], True)
        assert one["labels"] == {"role": "overlay_network", "network": "fabric"}
        bridge = topology["bridge"][0]
        assert (bridge["addresses"], bridge["mac"]) == (["10.42.0.1/24"], "02:42:0a:2a:00:01")
        assert bridge["labels"]["vni"] == "4242"


def test_an_isolated_network_has_no_gateway_and_one_bridge_mac():
    fabric = Fabric(2, [{**FABRIC, "internal": True, "gateway_mode": "isolated"}])
    for declared in fabric.declared.values():
        declared["containers"] = [on("fabric")]
    planned = fabric.run()
    assert [topology["bridge"][0]["addresses"] for topology in planned["hosts"].values()] == [[], []]
    assert len({topology["bridge"][0]["mac"] for topology in planned["hosts"].values()}) == 1
    assert fabric.addresses()["h1", "c1", "fabric"] == ["10.42.0.1"]
    assert fabric.run()["hosts"] == planned["hosts"]


def test_flooding_replicates_to_all_other_vteps():
    fabric = Fabric(3, [SIX])
    planned = fabric.run()
    assert tunnel(planned["hosts"]["h1"], "six")["flood"] == ["192.0.2.2", "192.0.2.3"]
    assert tunnel(planned["hosts"]["h1"], "six")["learning"] is True


@pytest.mark.parametrize(("version", "most"), [(4, 1350), (6, 1330)])
def test_mtu_is_the_smallest_underlay_mtu_less_the_outer_headers(version, most):
    fabric = Fabric(3, [FABRIC, OTHER], version)
    fabric.live["h2"] = bare(2, 1400, version)
    for name in fabric.declared:
        fabric.declared[name]["containers"] = [on("fabric", "other")]
    for topology in fabric.plan()["hosts"].values():
        kinds = ("bridge", "veth", "vxlan_tunnel")
        assert {one["mtu"] for kind in kinds for one in topology[kind]} == {most}


def test_mtu_does_not_grow_while_the_smallest_host_is_unreachable(three):
    for name in three.declared:
        three.declared[name]["vtep"] = f"192.0.2.{name[1]}"
    three.live["h2"] = bare(2, 1400)
    three.run()
    three.unread = {"h2"}
    planned = three.run(["h1", "h3"])
    assert {tunnel(topology)["mtu"] for topology in planned["hosts"].values()} == {1350}


@pytest.mark.parametrize("kind", [None, "dummy"])
def test_a_vtep_on_a_dummy_uses_the_uplinks_mtu(three, kind):
    """As in a routed underlay: the address on lo is reachable by every NIC."""
    lo = {"name": "lo" if kind is None else "vtep", "kind": kind, "mtu": 65536, "up": True, "ours": False}
    for name, live in three.live.items():
        address = f"198.51.100.{name[1]}"
        live["host"]["interfaces"].append({**lo, "addresses": [f"{address}/32"]})
        three.declared[name]["vtep"] = address
    assert {tunnel(topology)["mtu"] for topology in three.plan()["hosts"].values()} == {1450}


def test_the_underlay_may_be_a_host_bridge(three):
    """As on hosts of virtual machines: the NIC is a port of br0, which has the address and the default route."""
    for live in three.live.values():
        nic = live["host"]["interfaces"][0]
        live["host"]["interfaces"] = [{**nic, "name": "br0", "kind": "bridge"}, {**nic, "addresses": []}]
        for route in live["host"]["routes"]:
            route["dev"] = "br0"
    planned = three.run()
    assert {name: tunnel(topology)["local"] for name, topology in planned["hosts"].items()} == {
        "h1": "192.0.2.1", "h2": "192.0.2.2", "h3": "192.0.2.3"
    }  # fmt: skip


def test_an_mtu_above_the_underlays_is_refused(three):
    for declared in three.declared.values():
        declared["networks"] = [{**FABRIC, "mtu": 1460}]
    assert three.errors() == [
        "network fabric: mtu 1460: is too much: host h1's underlay device has 1500, of which the tunnel takes 50; give "
        "1450 or less, or nothing"
    ]


def test_slices_allocate_without_reading_other_hosts(three):
    for name in three.declared:
        three.declared[name]["ip_ranges"] = {"fabric": f"10.42.0.{int(name[1]) * 16}/28"}
        three.declared[name]["vtep"] = f"192.0.2.{name[1]}"
    three.unread = {"h2"}
    planned = three.run(["h1", "h3"])
    found = {where[:2]: addresses for where, addresses in three.addresses().items()}
    assert found["h1", "c1"] == ["10.42.0.16"] and found["h3", "own2"] == ["10.42.0.49"]
    assert {entry[1] for entry in known(planned["hosts"]["h1"])} >= {("10.42.0.32",), ("10.42.0.33",)}
    assert any("host h2: could not be read (no route to it)" in warning for warning in planned["warnings"])


def test_without_slices_an_unreachable_host_blocks_allocation(three):
    for name in three.declared:
        three.declared[name]["vtep"] = f"192.0.2.{name[1]}"
    three.unread = {"h2"}
    (error,) = three.errors(["h1"])
    assert error.startswith("network fabric: hosts 'h2': could not be read (no route to it), so addresses that they")


def test_entries_of_unreachable_hosts_are_kept(three):
    for name in three.declared:
        three.declared[name]["vtep"] = f"192.0.2.{name[1]}"
    before = three.run()
    three.unread = {"h2"}
    after = three.run(["h1", "h3"])
    assert known(after["hosts"]["h1"]) == known(before["hosts"]["h1"])


def test_hosts_outside_the_run_that_lack_entries_are_reported(three):
    three.run()
    assert three.plan(["h1"])["lacking"] == []
    three.declared["h1"]["containers"].append(on("fabric", name="new"))
    assert three.run(["h1"])["lacking"] == ["h2", "h3"]
    assert three.run(["h2"])["lacking"] == ["h3"]
    assert three.run(["h3"])["lacking"] == []


def test_hosts_that_lack_a_flood_vtep_are_reported():
    fabric = Fabric(2, [SIX])
    fabric.run()
    fabric.declared["h3"], fabric.live["h3"] = {"networks": [SIX], "containers": []}, bare(3)
    assert fabric.run(["h3"])["lacking"] == ["h1", "h2"]
    assert fabric.run(["h1", "h2"])["lacking"] == []


def test_host_by_host_runs_converge_to_the_same_state(three):
    again = Fabric(3)
    again.declared = three.declared
    three.run()
    for order in (["h3"], ["h1"], ["h2"]):
        again.run(order)
    assert again.addresses() == three.addresses()


def test_removed_endpoints_are_removed_on_every_host(three):
    three.run()
    three.declared["h2"]["containers"][0]["state"] = "absent"
    planned = three.run()
    assert "10.42.0.4" not in str([tunnel(topology)["endpoints"] for topology in planned["hosts"].values()])
    del three.declared["h3"], three.live["h3"]
    planned = three.run()
    assert {entry[2] for entry in known(planned["hosts"]["h1"])} == {"192.0.2.2"}


def test_absent_removes_everything(three):
    three.run()
    for declared in three.declared.values():
        declared["networks"] = [{"name": "fabric", "state": "absent"}]
        declared["containers"] = [{**one, "state": "absent"} for one in declared["containers"]]
    planned = three.run()
    for topology in planned["hosts"].values():
        assert topology["vxlan_tunnel"] == [{"name": "vx-fabric", "state": "absent"}]
    assert all(not live["tunnels"] and not live["networks"] for live in three.live.values())


def test_purge_removes_everything_undeclared(three):
    three.run()
    _everywhere(three, networks=[], containers=[], purge=True)
    three.run()
    assert all(not live["tunnels"] and not live["networks"] and not live["containers"] for live in three.live.values())


def test_a_host_is_removed_from_the_fabric(three):
    three.run()
    three.declared["h3"]["networks"] = [{"name": "fabric", "state": "absent"}]
    three.declared["h3"]["containers"] = [{**one, "state": "absent"} for one in three.declared["h3"]["containers"]]
    planned = three.run()
    assert {entry[2] for entry in known(planned["hosts"]["h1"])} == {"192.0.2.2"}


def test_gateway_and_bridge_changes_under_undeclared_containers_are_refused(three):
    three.run()
    three.declared["h2"]["containers"] = [on("fabric")]
    _everywhere(three, networks=[{**FABRIC, "gateway": "10.42.0.9", "bridge": "sw0"}])
    assert three.errors() == [
        "h2: network fabric: gateway '10.42.0.9': container own1 exists with 10.42.0.1 for its gateway and no "
        "list declares it; declare it, so that it gets the new one, or remove it",
        "h2: network fabric: bridge 'sw0': container own1 is attached to br-fabric and no list declares it; declare "
        "it, so that it is attached to the new one, or remove it",
    ]
    three.declared["h2"]["containers"] = [on("fabric"), on("fabric", name="own1")]
    assert three.plan()["errors"] == []


def test_undeclared_containers_keep_the_old_mtu(three):
    three.run()
    three.declared["h2"]["containers"] = [on("fabric")]
    _everywhere(three, networks=[{**FABRIC, "mtu": 1400}])
    assert three.plan()["warnings"] == [
        "h2: network fabric: mtu 1400: containers that no list declares keep 1450: own1; larger packets than one of "
        "the two takes get lost between them and others; declare them too"
    ]


def test_a_declared_container_without_address_is_not_reported_as_undeclared(three):
    three.declared["h2"]["containers"].append(on({"name": "fabric", "ipv4_address": "10.42.0.77"}, name="fixed"))
    three.run()
    _everywhere(three, networks=[{**FABRIC, "subnet": "10.47.0.0/24"}], purge=True)
    three.live["h2"]["containers"][1]["pids"] = [812]
    assert three.errors() == [
        "h2: container fixed: ipv4_address '10.42.0.77': must be an address inside subnet 10.47.0.0/24 of network "
        "fabric"
    ]


def test_errors_that_follow_from_a_missing_address_are_not_reported(three):
    attachments = [{"name": "fabric", "ipv4_address": "10.9.0.1"}, "six"]
    declared = {"ports": ["127.0.0.1:80:80"], "routes": [{"to": "10.1.0.0/16", "via": "10.42.0.9"}]}
    three.declared["h2"]["containers"] = ["junk", {"name": "c", "networks": [*attachments, "nowhere"], **declared}]
    _everywhere(three, networks=[FABRIC, SIX])
    assert [error.split(": must be")[0].split(": is unknown")[0] for error in three.errors()] == [
        "h2: overlay_network_containers[0]: as a whole 'junk'",
        "h2: container c: ipv4_address '10.9.0.1'",
        "h2: container c: networks[2] 'nowhere'",
    ]


def test_an_undeclared_container_loses_its_address_with_the_subnet():
    fabric = Fabric(1, [OTHER])
    fabric.declared["h1"]["containers"] = [on("other"), on("other", name="c2")]
    fabric.run()
    only_ipv4 = {word: value for word, value in OTHER.items() if word != "subnet6"}
    fabric.declared["h1"].update(networks=[only_ipv4], containers=[on("other")])
    assert fabric.errors() == [
        "h1: network other: subnet6 (not given): container c2 exists with fd43::3 and no list declares it; "
        "declare it, so that it loses this address, or remove it"
    ]


def test_removing_a_network_with_declared_containers_is_refused(three):
    three.run()
    _everywhere(three, networks=[{"name": "fabric", "state": "absent"}])
    assert three.errors() == [
        f"h{number}: network fabric: state 'absent': containers are still attached: c1, own{number - 1}; remove them "
        "first, or with it"
        for number in (1, 2, 3)
    ]


def test_an_absent_container_is_removed_without_its_bridge_network(three):
    three.run()
    three.declared["h1"].update(bridge_networks=[{"name": "web"}], check_mode=True)
    three.declared["h1"]["containers"][1] = {"name": "own0", "networks": ["web"], "state": "absent"}
    assert {"name": "own0", "state": "absent"} in three.run()["hosts"]["h1"]["netns"]


def test_an_address_of_an_undeclared_container_is_reported_with_the_remedy(three):
    three.run()
    attachment = {"name": "fabric", "ipv4_address": "10.42.0.5", "mac_address": "02:42:0a:2a:00:05"}
    three.declared["h2"]["containers"] = [on("fabric")]
    three.declared["h1"]["containers"] = [on(attachment, name="renamed")]
    expected = "is taken on network fabric by container own1 on h2; choose another"
    assert three.errors() == [
        f"h1: container renamed: ipv4_address '10.42.0.5': {expected}, or declare container own1 on h2 absent first",
        f"h1: container renamed: mac_address '02:42:0a:2a:00:05': {expected}, or none, or declare container own1 on h2 "
        "absent first",
    ]
    three.declared["h2"]["containers"] = [on("fabric"), on("fabric", name="own1")]
    assert three.errors()[0] == f"h1: container renamed: ipv4_address '10.42.0.5': {expected}"


def test_containers_of_bridge_network_share_the_address_space(three):
    three.declared["h2"]["bridge_containers"] = [on("fabric", name="guest")]
    planned = three.plan()
    (declared,) = planned["addresses"]["h2"].values()
    assert declared == {"fabric": {"ipv4_address": "10.42.0.4", "mac_address": "02:42:0a:2a:00:04"}}
    assert ("02:42:0a:2a:00:04", ("10.42.0.4",), "192.0.2.2") in known(planned["hosts"]["h1"])


def test_a_bridge_network_must_exist_except_in_check_mode(three):
    declared = {"bridge_networks": [{"name": "web"}], "containers": [on("fabric", "web", name="both")]}
    three.declared["h1"].update(declared)
    expected = "h1: container both: networks[1] 'web': is bridge_network's and not there yet; "
    assert three.errors() == [
        expected
        + "run that role before this one, or declare the container in bridge_network_containers and run that role "
        "after this one"
    ]
    three.declared["h1"]["check_mode"] = True
    planned = three.plan()
    assert planned["errors"] == [] and planned["warnings"] == [expected + "left out of the forecast"]
    assert {veth["bridge"] for veth in planned["hosts"]["h1"]["veth"]} == {"br-fabric"}


def test_the_same_name_without_ipv4_gets_two_macs():
    fabric = Fabric(2, [SIX])
    for name in fabric.declared:
        fabric.declared[name]["containers"] = [on("six")]
    fabric.run()
    assert len(set(fabric.macs().values())) == 2


def test_every_container_can_be_on_two_overlays():
    fabric = Fabric(2, [FABRIC, OTHER])
    fabric.declared["h1"]["containers"] = [on("fabric", "other")]
    topology = fabric.run()["hosts"]["h2"]
    assert {entry[1] for entry in known(topology)} == {("10.42.0.2",)}
    assert {entry[1] for entry in known(topology, "other")} == {("10.43.0.2", "fd43::2")}


def _set(fabric, host, **options):
    fabric.declared[host].update(options)


def _foreign(**tunnel_of_others):
    declared = {"name": "foreign", "ours": False, "labels": {}, "local": "192.0.2.1", "extensions": [], "dstport": 4789}
    return {**declared, **tunnel_of_others}


def _everywhere(fabric, **options):
    for declared in fabric.declared.values():
        declared.update(options)


WRONG = {
    "vni out of range": (
        lambda fabric: _everywhere(fabric, networks=[{**FABRIC, "vni": 1 << 24}]),
        "network fabric: vni 16777216: must be a number from 1 to 16777215",
    ),
    "no vni": (
        lambda fabric: _everywhere(fabric, networks=[{"name": "fabric", "subnet": "10.42.0.0/24"}]),
        "network fabric: vni (not given): an overlay needs one, from 1 to 16777215, that no other network has",
    ),
    "no subnet": (
        lambda fabric: _everywhere(fabric, networks=[{"name": "fabric", "vni": 4242}]),
        "network fabric: subnet (not given): an overlay needs a subnet, the same on all hosts, like 10.42.0.0/16; or a "
        "subnet6",
    ),
    "vni of two networks": (
        lambda fabric: _everywhere(fabric, networks=[FABRIC, {**OTHER, "vni": 4242}]),
        "network other: vni 4242: is network fabric's; choose another",
    ),
    "vni of a foreign device": (
        lambda fabric: fabric.live["h1"]["tunnels"].append(_foreign(vni=4242)),
        "h1: network fabric: vni 4242: the tunnel foreign on h1 has it on the same UDP port; choose another",
    ),
    "udp port of a foreign device with other flags": (
        lambda fabric: fabric.live["h1"]["tunnels"].append(_foreign(vni=9, extensions=["GBP"])),
        "h1: network fabric: dstport 4789: foreign on h1 receives on this UDP port with GBP; choose another",
    ),
    "udp port of a process": (
        lambda fabric: fabric.live["h1"]["host"]["listeners"].append(
            {"protocol": "udp", "address": "0.0.0.0", "port": 4789, "pid": 7, "process": "other"}),
        "h1: network fabric: dstport 4789: other (pid 7) on h1 receives on this UDP port; stop it, or choose another",
    ),
    "vtep of two hosts": (
        lambda fabric: _everywhere(fabric, vtep="192.0.2.1"),
        "host h2: overlay_network_vtep '192.0.2.1': is host h1's as well; each host has its own",
    ),
    "vtep that the host does not have": (
        lambda fabric: _set(fabric, "h2", vtep="192.0.2.77"),
        "host h2: overlay_network_vtep '192.0.2.77': no interface of the host has this address; it has 192.0.2.2",
    ),
    "vtep that is none": (
        lambda fabric: _set(fabric, "h2", vtep="h2.example"),
        "host h2: vtep 'h2.example': must be an IP address",
    ),
    "vtep that is ambiguous": (
        lambda fabric: fabric.live["h2"]["host"]["interfaces"][0]["addresses"].append("192.0.2.22/24"),
        "host h2: overlay_network_vtep (not given): cannot determine the VTEP address; candidates: "
        "192.0.2.2, 192.0.2.22; set overlay_network_vtep",
    ),
    "families mixed": (
        lambda fabric: fabric.live.update(h2=bare(2, version=6)),
        "fabric: overlay_network_vtep 'IPv4 on h1, h3; IPv6 on h2': VTEPs are all of one family; give all hosts one of "
        "the same",
    ),
    "subnet that has the underlay in it": (
        lambda fabric: _everywhere(fabric, networks=[{**FABRIC, "subnet": "192.0.0.0/16"}]),
        "h1: network fabric: subnet '192.0.0.0/16': contains the underlay address 192.0.2.1 of host h1; choose another",
    ),
    "subnet that has another host's underlay address in it": (
        lambda fabric: [
            _everywhere(fabric, networks=[{**FABRIC, "subnet": "198.51.100.0/24"}]),
            fabric.live["h3"]["host"]["interfaces"][0].update(addresses=["198.51.100.3/32"])],
        "h3: network fabric: subnet '198.51.100.0/24': contains the underlay address 198.51.100.3 of host h3; choose "
        "another",
    ),
    "subnet that a host has a route to": (
        lambda fabric: fabric.live["h3"]["host"]["routes"].append({"to": "10.42.0.0/20", "dev": "eth0"}),
        "h3: network fabric: subnet '10.42.0.0/24': overlaps with the host's route to 10.42.0.0/20 by eth0; choose "
        "another",
    ),
    "slices that overlap": (
        lambda fabric: _everywhere(fabric, ip_ranges={"fabric": "10.42.0.16/28"}),
        "host h2: overlay_network_ip_ranges.fabric '10.42.0.16/28': overlaps with 10.42.0.16/28 of host h1; slices are "
        "apart from each other",
    ),
    "a slice outside the subnet": (
        lambda fabric: _set(fabric, "h1", ip_ranges={"fabric": "10.44.0.0/28"}),
        "h1: overlay_network_ip_ranges: fabric '10.44.0.0/28': must lie inside the subnet of network fabric",
    ),
    "a slice of an unknown network": (
        lambda fabric: _set(fabric, "h1", ip_ranges={"web": "10.44.0.0/28"}),
        "h1: overlay_network_ip_ranges: web '10.44.0.0/28': overlay_network_networks has no network of this name",
    ),
    "slices for some": (
        lambda fabric: _set(fabric, "h1", ip_ranges={"fabric": "10.42.0.16/28"}),
        "network fabric: overlay_network_ip_ranges.fabric 'h2, h3': have no IPv4 slice, but h1; give every host "
        "one, or "
        "none",
    ),
    "networks that differ": (
        lambda fabric: _set(fabric, "h3", networks=[{**FABRIC, "subnet": "10.45.0.0/24"}]),
        "network fabric: hosts 'h3': do not declare it as h1 does; it is the same on all hosts: declare it in "
        "group_vars",
    ),
    "a container in both lists": (
        lambda fabric: _set(fabric, "h1", bridge_containers=[on("web")]),
        "h1: container c1: name 'c1': is declared in overlay_network_containers and in bridge_network_containers; "
        "declare it in one of them",
    ),
    "an address that a container of another host has": (
        lambda fabric: _set(fabric, "h2", containers=[on({"name": "fabric", "ipv4_address": "10.42.0.2"}),
                                                      on({"name": "fabric", "ipv4_address": "10.42.0.2"}, name="c2")]),
        "h2: container c2: ipv4_address '10.42.0.2': is taken on network fabric by container c1 on h2; choose another",
    ),
    "a MAC that a container of another host has": (
        lambda fabric: [
            _set(fabric, name, containers=[on({"name": "fabric", "mac_address": "02:00:00:00:00:07"})])
            for name in ("h1", "h2")],
        "h2: container c1: mac_address '02:00:00:00:00:07': is taken on network fabric by container c1 on h1; choose "
        "another, or none",
    ),
    "the gateway's MAC": (
        lambda fabric: _set(fabric, "h2", containers=[on({"name": "fabric", "mac_address": "02:42:0a:2a:00:01"})]),
        "h2: container c1: mac_address '02:42:0a:2a:00:01': is taken on network fabric by the gateway of network "
        "fabric; "
        "choose another, or none",
    ),
    "an undeclared network": (
        lambda fabric: _set(fabric, "h2", containers=[on("nowhere")]),
        "h2: container c1: networks[0] 'nowhere': is unknown: no network in overlay_network_networks and none that "
        "exists; known: fabric",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_invalid_input_is_refused_before_any_change(three, what):
    spoil, expected = WRONG[what]
    spoil(three)
    assert expected in three.errors()


def test_all_errors_are_reported_at_once(three):
    for what in ("vni of a foreign device", "vtep that is ambiguous", "a container in both lists"):
        WRONG[what][0](three)
    found = three.errors()
    assert all(WRONG[what][1] in found for what in ("vni of a foreign device", "a container in both lists"))


def test_an_underlay_address_of_a_host_outside_the_run_counts_too(three):
    what = "subnet that has another host's underlay address in it"
    WRONG[what][0](three)
    assert WRONG[what][1] in three.errors(["h1"])


def test_full_subnets_and_slices_are_refused(three):
    three.declared["h1"]["containers"] = [on("fabric", name=f"c{number}") for number in range(300)]
    expected = "network fabric: subnet '10.42.0.0/24': is full: 254 addresses are held; none is left for "
    assert any(one.startswith(expected) for one in three.errors())
    for name in three.declared:
        three.declared[name]["ip_ranges"] = {"fabric": f"10.42.0.{int(name[1]) * 16}/28"}
    expected = "host h1: overlay_network_ip_ranges.fabric '10.42.0.16/28': is full: 16 addresses are held; none is left"
    assert any(one.startswith(expected) for one in three.errors())


def test_hosts_outside_the_group_are_refused(three):
    assert three.errors(["h1", "h9"]) == [
        "fabric: overlay_network_group 'overlay': has h1, h2, h3; the role runs on h9 as well: run it on members only, "
        "or add them"
    ]


def test_a_missing_group_is_reported():
    assert Fabric(0).errors(["h1"]) == [
        "fabric: overlay_network_group 'overlay': is no group of the inventory, or an empty one; the role runs on "
        "h1 as well: run it on members only, or add them"
    ]


def test_the_plan_grows_linearly_with_the_hosts():
    def measured(hosts):
        fabric = Fabric(0)
        networks = [{**FABRIC, "subnet": "10.0.0.0/10"}]
        containers = [on("fabric", name=f"c{number}") for number in range(10)]
        for number in range(hosts):
            name = f"h{number}"
            vtep = f"192.0.{number >> 8}.{number & 255}"
            fabric.declared[name] = {"networks": networks, "containers": containers, "vtep": vtep}
            fabric.live[name] = bare(1)
            fabric.live[name]["host"]["interfaces"][0]["addresses"] = [f"{vtep}/16"]
            fabric.live[name]["host"]["routes"] = []
        start = time.process_time()
        planned = fabric.bare_plan()
        seconds = time.process_time() - start
        assert planned["errors"] == [] and len(tunnel(topology_of(planned, "h0"))["endpoints"]) == 10 * (hosts - 1)
        return seconds, len(json.dumps(planned))

    few, many = min(measured(10) for _number in range(3)), measured(100)
    assert many[1] / few[1] < 12  # ten times the hosts
    assert many[0] / few[0] < 40  # a generous bound for a busy machine; the square would be a hundred


def test_an_absent_containers_reserved_address_on_another_host_warns(three):
    attachment = [{"name": "fabric", "ipv4_address": "10.42.0.77"}]
    three.declared["h2"]["containers"] = [{"name": "away", "networks": attachment}]
    three.run()
    three.declared["h2"]["containers"] = [{"name": "away", "networks": attachment, "state": "absent"}]
    assert three.plan()["warnings"] == []
    three.run()
    expected = "container away: ipv4_address '10.42.0.77': the container is absent, and container here"
    for host, where in (("h3", "here on h3 has"), ("h2", "here has")):
        declared = {name: {**one, "containers": list(one["containers"])} for name, one in three.declared.items()}
        three.declared[host]["containers"] = [*declared[host]["containers"], {"name": "here", "networks": attachment}]
        (warning,) = three.plan()["warnings"]
        assert expected in warning and where in warning
        three.declared = declared


def test_an_unreachable_member_without_a_declared_vtep_does_not_block_the_others(three):
    """Its VTEP is the one that the tunnels of the others lead to, and its entries stay."""
    three.declared["h2"]["containers"] = [{"name": "c", "networks": ["fabric"]}]
    three.run()
    before = known(three.plan()["hosts"]["h1"])
    three.unread = {"h2"}
    three.declared["h1"]["containers"][0]["ports"] = ["8080:80"]
    planned = three.plan(["h1", "h3"])
    assert planned["errors"] == [] and known(planned["hosts"]["h1"]) == before
    assert [one for one in planned["warnings"] if "h2" in one] == [
        "host h2: could not be read (no route to it); the others keep what they know of it"
    ]


def test_unreachable_members_are_distinguished_by_their_addresses():
    fabric = Fabric(4)
    for number, host in enumerate(fabric.declared, start=1):
        fabric.declared[host]["containers"] = [{"name": "c", "networks": ["fabric"]}]
        fabric.declared[host]["reached_at"] = [f"192.0.2.{number}"]
    fabric.run()
    before = known(fabric.plan()["hosts"]["h1"])
    fabric.unread = {"h3", "h4"}
    planned = fabric.plan(["h1", "h2"])
    assert planned["errors"] == [] and known(planned["hosts"]["h1"]) == before


def test_an_unreachable_member_without_known_state_warns(three):
    for host in three.declared:
        three.declared[host]["containers"] = []
    three.unread = {"h2"}
    planned = three.plan(["h1", "h3"])
    assert planned["errors"] == []
    assert any("host h2: overlay_network_vtep (not given): cannot be determined" in one for one in planned["warnings"])


def _moving(hosts=3):
    fabric = Fabric(hosts)
    fabric.declared["h1"]["containers"] = [
        {"name": "first", "networks": ["fabric"]},
        {"name": "c", "networks": ["fabric"]},
    ]
    fabric.run()
    fabric.declared["h1"]["containers"].pop()
    fabric.declared["h2"]["containers"] = [{"name": "c", "networks": ["fabric"]}]
    return fabric


def test_a_container_moves_with_its_address_and_mac():
    fabric = _moving()
    address, mac = fabric.addresses()["h1", "c", "fabric"], fabric.macs()["h1", "c", "fabric"]
    planned = fabric.run()
    assert fabric.addresses()["h2", "c", "fabric"] == address and fabric.macs()["h2", "c", "fabric"] == mac
    assert ("h1", "c", "fabric") not in fabric.addresses() and planned["warnings"] == []
    assert (mac, tuple(address), "192.0.2.2") in known(planned["hosts"]["h3"])
    assert fabric.run()["warnings"] == []


def test_processes_of_a_moved_container_keep_running_without_a_network():
    fabric = _moving()
    (live,) = [one for one in fabric.live["h1"]["containers"] if one["name"] == "c"]
    live["pids"] = [4711]
    planned = fabric.plan()
    (warning,) = planned["warnings"]
    assert "container c: overlay_network_containers 'h1': moves to h2" in warning and "pid 4711" in warning
    (netns,) = [one for one in planned["hosts"]["h1"]["netns"] if one["name"] == "c"]
    assert netns["state"] == "present" and netns["labels"]["mode"] == "none"
    assert [one["name"] for one in planned["hosts"]["h1"]["veth"] if one["state"] == "absent"]


@pytest.mark.parametrize(
    ("hosts", "part"),
    [
        (
            ["h2", "h3"],
            "is live on h1, which is not in this run, and stays there with its address; to move it with its ",
        ),
        (["h1", "h3"], "is declared on h2, which is not in this run: it stays here until a run of both hosts"),
    ],
)
def test_a_limited_run_reports_the_host_that_has_the_container(hosts, part):
    fabric = _moving()
    (warning,) = fabric.plan(hosts)["warnings"]
    assert part in warning


def test_a_container_that_is_on_two_hosts_and_declared_on_one_is_a_warning_in_each_run():
    fabric = _moving()
    fabric.run(["h2", "h3"])
    for _run in range(2):
        (warning,) = fabric.run()["warnings"]
        assert "container c: overlay_network_containers 'h1': is live here as well and declared on h2 only" in warning
    assert fabric.plan()["duplicates"] == {"h1": ["container c is live here, and declared on h2 only"]}
