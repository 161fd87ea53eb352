# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan over existing objects: what is kept, and what is removed."""

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
    plan,
    present,
    topology,
)

from ansible_collections.virtnet.linux.plugins.module_utils.rules import names

NGINX = {"name": "nginx", "networks": ["web"], "ports": ["8080:80"]}
CLIENT = {"name": "client", "networks": ["web"]}
THIEF = {"name": "thief", "networks": ["web"]}
LOOSE = {"name": "thief", "networks": [{"name": "web", "anti_spoofing": False}]}
CHOSEN = {"name": "web", "ipv4_address": "172.30.0.9", "mac_address": "02:00:00:00:00:09"}
STATIC = {"name": "nginx", "networks": [CHOSEN]}


def gone(name):
    return {"name": name, "state": "absent"}


def nothing_but(document, **expected):
    """The document removes exactly these objects and creates none; names have their own tests."""
    files = ("network_names", "resolver")
    assert {kind: objects for kind, objects in document.items() if objects and kind not in files} == expected


def test_planning_is_idempotent():
    declared = [WEB, DUAL], [NGINX, CLIENT, {"name": "two", "networks": ["web", "dual"], "ports": ["1-3:1-3/udp"]}]
    first = topology(*declared)
    assert topology(*declared, live=live_after(first)) == first


def test_existing_endpoints_keep_address_mac_and_interface_when_others_change():
    first = topology([WEB, DUAL], [NGINX, CLIENT])
    before = endpoints(first)["client", "web"]
    live = live_after(first)
    second = topology(
        [WEB, DUAL],
        [gone("nginx"), {"name": "new", "networks": ["web"]}, {"name": "client", "networks": ["dual", "web"]}],
        live=live,
    )
    assert {**endpoints(second)["client", "web"], "gateway": "172.30.0.1"} == before
    assert endpoints(second)["client", "dual"]["name"] == "eth1"
    assert endpoints(second)["client", "dual"]["gateway"] == "172.31.0.1", "the first network has the default route"
    assert addresses(second)["new", "web"] == ["172.30.0.2"], "the lowest free address, as the one that goes leaves it"


def test_a_moved_container_keeps_its_mac_and_no_other_gets_it():
    live = live_after(topology([WEB], [CLIENT]))
    second = topology(
        [WEB],
        [
            {"name": "client", "networks": [{"name": "web", "ipv4_address": "172.30.0.9"}]},
            {"name": "new", "networks": ["web"]},
        ],
        live=live,
    )
    found = endpoints(second)
    assert found["client", "web"]["mac"] == "02:42:ac:1e:00:02"
    assert found["new", "web"]["addresses"] == ["172.30.0.2/16"]
    assert found["new", "web"]["mac"] == names.mac_of_names("new", "web")


def test_a_network_keeps_its_gateway_until_another_is_declared():
    live = live_after(topology([{**WEB, "gateway": "172.30.0.9"}]))
    assert topology([WEB], live=live)["bridge"][0]["addresses"] == ["172.30.0.9/16"]
    moved = topology([{**WEB, "gateway": "172.30.0.8"}], live=live)["bridge"][0]
    assert (moved["addresses"], moved["mac"]) == (["172.30.0.8/16"], "02:42:ac:1e:00:08")


def test_a_new_subnet_readdresses_its_containers():
    live = live_after(topology([WEB], [NGINX]))
    document = topology([{"name": "web", "subnet": "10.1.0.0/24"}], [NGINX], live=live)
    assert addresses(document) == {("nginx", "web"): ["10.1.0.2"]}
    assert [port["to_address"] for port in document["nat_port"]] == ["10.1.0.2"], "the old port's place is taken over"


def test_removing_a_container_removes_ports_endpoints_and_namespace():
    live = live_after(topology([WEB], [NGINX, CLIENT]))
    nothing_but(
        topology([], [gone("nginx")], live=live),
        netns=[{"name": "nginx", "state": "absent"}],
        veth=[{"name": names.veth_device("nginx", "web"), "state": "absent"}],
        nat_port=[
            {
                "protocol": "tcp",
                "host_port": "8080",
                "to_address": "172.30.0.2",
                "to_port": "80",
                "bridge": "br-web",
                "state": "absent",
            }
        ],
    )


def test_removing_a_network_removes_its_policy():
    live = live_after(topology([WEB, DUAL]))
    nothing_but(
        topology([gone("web")], live=live),
        bridge=[{"name": "br-web", "state": "absent"}],
        bridge_policy=[{"bridge": "br-web", "state": "absent"}],
    )


def test_a_network_is_removed_together_with_its_containers():
    live = live_after(topology([WEB], [NGINX]))
    document = topology([gone("web")], [gone("nginx")], live=live)
    assert [len(absent(document[kind])) for kind in ("netns", "bridge", "veth", "bridge_policy", "nat_port")] == [1] * 5


def test_a_network_is_removed_when_its_containers_move_to_another():
    live = live_after(topology([WEB], [NGINX]))
    document = topology([gone("web"), DUAL], [{**NGINX, "networks": ["dual"]}], live=live)
    assert absent(document["veth"]) == [{"name": names.veth_device("nginx", "web"), "state": "absent"}]
    assert [port["to_address"] for port in present(document["nat_port"])] == ["172.31.0.2", "fd00:31::2"]
    assert absent(document["nat_port"]) == [], "the place on the host is the same, so the port is changed"


def test_removing_a_missing_object_is_no_change():
    nothing_but(topology([gone("web")], [gone("nginx")]))


def test_purge_removes_undeclared_objects_of_this_role():
    live = live_after(topology([WEB, DUAL], [NGINX, CLIENT]))
    document = topology([WEB], [CLIENT], purge=True, live=live)
    assert absent(document["netns"]) == [gone("nginx")]
    assert absent(document["bridge"]) == [gone("br-dual")]
    assert len(absent(document["nat_port"])) == 1
    assert absent(topology([WEB], [CLIENT], live=live)["netns"]) == [], "and nothing without being asked"


def test_purge_keeps_foreign_objects():
    live = copy.deepcopy(live_after(topology([WEB], [NGINX])))
    live["networks"][0]["Labels"]["role"] = "overlay_network"
    live["containers"][0]["labels"]["role"] = "overlay_network"
    nothing_but(topology(purge=True, live=live))


def test_a_network_no_longer_declared_for_a_container_is_detached():
    live = live_after(topology([WEB, DUAL], [{"name": "c", "networks": ["web", "dual"], "ports": ["80:80"]}]))
    document = topology([WEB, DUAL], [{"name": "c", "networks": ["web"]}], live=live)
    assert absent(document["veth"]) == [gone(names.veth_device("c", "dual"))]
    assert {port["to_address"] for port in absent(document["nat_port"])} == {"172.30.0.2", "fd00:31::2"}


def test_a_port_that_moves_to_another_container_is_changed_in_place():
    live = live_after(topology([WEB], [NGINX, CLIENT]))
    document = topology([WEB], [{**NGINX, "ports": []}, {**CLIENT, "ports": ["8080:80"]}], live=live)
    assert [(port["state"], port["to_address"]) for port in document["nat_port"]] == [("present", "172.30.0.3")]


def test_a_range_that_shrinks_unpublishes_the_rest():
    live = live_after(topology([WEB], [{**NGINX, "ports": ["8000-8005:80-85"]}]))
    document = topology([WEB], [{**NGINX, "ports": ["8000-8003:80-83"]}], live=live)
    assert [port["host_port"] for port in absent(document["nat_port"])] == ["8004", "8005"]


def test_a_port_of_a_removed_container_is_not_inherited_with_its_address():
    live = live_after(topology([WEB], [NGINX]))
    live["containers"] = []  # after `ip netns delete nginx`
    live["networks"][0]["Containers"] = {}
    live["host"] = {}
    document = topology([WEB], [CLIENT], live=live)
    assert addresses(document) == {("client", "web"): ["172.30.0.2"]}
    assert [port["host_port"] for port in absent(document["nat_port"])] == ["8080"]
    again = topology([WEB], [NGINX], live=live)
    assert absent(again["nat_port"]) == [], "it leads to the right container again"


def test_a_renamed_bridge_replaces_the_old_one():
    live = live_after(topology([WEB], [NGINX]))
    document = topology([{**WEB, "bridge": "sw0"}], [NGINX], live=live)
    assert [(bridge["name"], bridge["state"]) for bridge in document["bridge"]] == [
        ("sw0", "present"),
        ("br-web", "absent"),
    ]
    assert document["veth"][0]["bridge"] == document["nat_port"][0]["bridge"] == "sw0"


def test_a_container_that_changes_to_host_mode_loses_endpoints_and_ports():
    live = live_after(topology([WEB], [NGINX, CLIENT]))
    document = topology([WEB], [{"name": "nginx", "network_mode": "container:client"}, CLIENT], live=live)
    assert [(netns["name"], netns.get("join")) for netns in document["netns"]] == [
        ("client", None),
        ("nginx", "client"),
    ]
    assert absent(document["veth"]) == [gone(names.veth_device("nginx", "web"))]
    assert len(absent(document["nat_port"])) == 1


def test_an_internal_network_loses_its_ports_and_default_routes():
    live = live_after(topology([WEB], [NGINX]))
    planned = plan([{**WEB, "internal": True}], [NGINX], live=live)
    assert "gateway" not in endpoints(planned["topology"])["nginx", "web"]
    assert len(absent(planned["topology"]["nat_port"])) == 1
    assert len(planned["warnings"]) == 1


def test_a_changed_subnet_keeps_the_host_parts_that_fit():
    """Each endpoint keeps its host part; where it does not fit, or is taken, it gets the lowest free address."""
    wide = {"name": "web", "subnet": "172.30.0.0/16"}
    far = {"name": "far", "networks": [{"name": "web", "ipv4_address": "172.30.7.200"}]}
    live = live_after(topology([wide], [gone("x"), CLIENT, NGINX, far]))
    narrow = {"name": "web", "subnet": "10.9.0.0/25"}
    found = addresses(topology([narrow], [NGINX, CLIENT, {"name": "far", "networks": ["web"]}], live=live))
    was = addresses(topology([wide], [CLIENT, NGINX, far], live=live))
    for name in ("nginx", "client"):
        (old,), (new,) = was[name, "web"], found[name, "web"]
        assert old.split("/")[0].split(".")[3] == new.split("/")[0].split(".")[3]
    assert found["far", "web"] not in ([], was["far", "web"])


def test_removing_a_container_with_processes_requires_force():
    live = live_after(topology([WEB], [NGINX]), pids={"nginx": [812, 813]})
    (error,) = errors([], [gone("nginx")], live=live)
    assert "container nginx: state 'absent'" in error
    assert "812, 813" in error
    assert "force: true" in error
    document = topology([], [{**gone("nginx"), "force": True}], live=live)
    assert document["netns"] == [{"name": "nginx", "force": True, "state": "absent"}]


def test_purge_refuses_a_container_with_processes():
    live = live_after(topology([WEB], [NGINX]), pids={"nginx": [812]})
    (error,) = errors([WEB], [], purge=True, live=live)
    assert "container nginx: bridge_network_purge True" in error
    assert "812" in error


def test_replacing_a_namespace_with_processes_requires_force():
    live = live_after(topology([WEB], [NGINX, CLIENT]), pids={"nginx": [812]})
    other = {"name": "nginx", "network_mode": "host"}
    (error,) = errors([WEB], [other, CLIENT], live=live)
    assert "container nginx: network_mode 'host'" in error
    assert "812" in error
    document = topology([WEB], [{**other, "force": True}, CLIENT], live=live)
    assert document["netns"][1] == {
        "name": "nginx",
        "join": "host",
        "force": True,
        "labels": {"role": "bridge_network", "mode": "host"},
        "state": "present",
    }


def test_attaching_and_detaching_networks_keeps_a_namespace_with_processes():
    live = live_after(topology([WEB, INSIDE], [NGINX]), pids={"nginx": [812]})
    topology([WEB, INSIDE], [{"name": "nginx", "networks": ["inside"]}], live=live)
    topology([WEB, INSIDE], [{"name": "nginx", "network_mode": "none"}], live=live)


def test_containers_that_share_a_removed_namespace_are_reported():
    live = live_after(topology([WEB], [NGINX, {"name": "sidecar", "network_mode": "container:nginx"}]))
    planned = plan([], [gone("nginx")], live=live)
    assert planned["errors"] == []
    assert "sidecar" in planned["warnings"][0]


def test_a_listener_behind_an_existing_published_port_is_a_warning():
    live = live_after(topology([WEB], [NGINX]))
    live["host"]["listeners"] = [{"protocol": "tcp", "address": "0.0.0.0", "port": 8080, "pid": 9, "process": "httpd"}]
    live["host"]["warnings"] = ["httpd (pid 9) listens on 0.0.0.0 port 8080/tcp and gets nothing"]
    planned = plan([WEB], [NGINX], live=live)
    assert planned["errors"] == []
    assert planned["warnings"] == live["host"]["warnings"]


def taking(live, mac=None, *addresses):
    """The report of a host where root in the container thief has set its interface's MAC and addresses."""
    (thief,) = [one for one in live["containers"] if one["name"] == "thief"]
    changed = {"mac": mac, "addresses": ["%s/16" % address for address in addresses]}
    thief["endpoints"][0].update({word: value for word, value in changed.items() if value})
    return live


@pytest.mark.parametrize(
    "taken",
    [(None, "172.30.0.2"), (None, "172.30.0.2", "172.30.0.3"), (None, "172.30.0.77"), (None, "172.30.0.1"),
     ("02:42:ac:1e:00:02",), ("02:42:ac:1e:00:77",), ("02:42:ac:1e:00:01", "172.30.0.1")],
)  # fmt: skip
@pytest.mark.parametrize("rest", [[NGINX], []], ids=["beside the victim", "alone"])
def test_addresses_configured_inside_a_guarded_container_are_not_trusted(taken, rest):
    first = topology([WEB], [NGINX, THIEF])
    live = taking(live_after(first), *taken)
    document = topology([WEB], [THIEF, *rest], live=live)
    had, found = endpoints(first), endpoints(document)
    assert found == {where: had[where] for where in found}
    assert document["network_names"] == topology([WEB], [THIEF, *rest], live=live_after(first))["network_names"]


def test_a_static_address_that_another_container_forged_is_accepted():
    first = topology([WEB], [STATIC, THIEF])
    live = taking(live_after(first), "02:00:00:00:00:09", "172.30.0.9")
    assert endpoints(topology([WEB], [THIEF, STATIC], live=live)) == endpoints(first)


@pytest.mark.parametrize("victim", [NGINX, STATIC])
def test_the_guarded_endpoint_keeps_a_duplicate_address_and_mac(victim):
    first = topology([WEB], [victim, LOOSE])
    had = endpoints(first)["nginx", "web"]
    live = taking(live_after(first), had["mac"], had["addresses"][0].split("/")[0])
    for containers in ([LOOSE, victim], [victim, LOOSE]):
        assert endpoints(topology([WEB], containers, live=live))["nginx", "web"] == had
    after = endpoints(topology([WEB], [LOOSE, victim], live=live))["thief", "web"]
    assert after["addresses"] != had["addresses"] and after["mac"] != had["mac"]


def test_no_endpoint_keeps_the_gateways_address():
    live = taking(live_after(topology([WEB], [NGINX, LOOSE])), None, "172.30.0.1")
    assert addresses(topology([WEB], [LOOSE], live=live))["thief", "web"] == ["172.30.0.3"]


def test_without_nft_tables_addresses_are_read_from_the_interface():
    live = live_after(topology([WEB], [NGINX, THIEF]))
    for container in live["containers"]:
        container["endpoints"][0]["guard"] = None
    assert addresses(topology([WEB], [THIEF], live=taking(live, None, "172.30.0.7")))["thief", "web"] == ["172.30.0.7"]


def test_a_forwarding_containers_addresses_are_read_from_its_interface():
    """Its guard has its MAC only, because it forwards for others."""
    router = {**THIEF, "forwarding": True}
    live = taking(live_after(topology([WEB], [router])), "02:42:ac:1e:00:77", "172.30.0.7")
    found = endpoints(topology([WEB], [router], live=live))["thief", "web"]
    assert (found["addresses"], found["mac"]) == (["172.30.0.7/16"], "02:42:ac:1e:00:02")
