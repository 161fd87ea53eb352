# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a declaration: the objects on an empty host."""

from __future__ import annotations

import pytest
from unit.planner.simulated_host import (
    DUAL,
    EMPTY,
    INSIDE,
    WEB,
    addresses,
    endpoints,
    live_after,
    plan,
    present,
    topology,
)

from ansible_collections.virtnet.linux.plugins.module_utils.rules import names


def one(objects):
    assert len(objects) == 1
    return objects[0]


def host(**more):
    return {**EMPTY, "host": more}


def test_one_container_on_one_network():
    document = topology([WEB], [{"name": "nginx", "networks": ["web"], "ports": ["8080:80"]}])
    assert document == {
        "netns": [
            {
                "name": "nginx",
                "unprivileged_ports": True,
                "labels": {"role": "bridge_network", "mode": "bridge"},
                "state": "present",
            }
        ],
        "bridge": [
            {
                "name": "br-web",
                "addresses": ["172.30.0.1/16"],
                "mac": "02:42:ac:1e:00:01",
                "up": True,
                "labels": {"role": "bridge_network", "network": "web"},
                "state": "present",
            }
        ],
        "veth": [
            {
                "name": names.veth_device("nginx", "web"),
                "bridge": "br-web",
                "anti_spoofing": True,
                "allowed_addresses": [],
                "labels": {"network": "web", "container": "nginx", "interface": "eth0"},
                "peer": {
                    "name": "eth0",
                    "netns": "nginx",
                    "mac": "02:42:ac:1e:00:02",
                    "addresses": ["172.30.0.2/16"],
                    "gateway": "172.30.0.1",
                    "routes": [],
                },
                "state": "present",
            }
        ],
        "interface": [],
        "vxlan_tunnel": [],
        "bridge_policy": [
            {
                "bridge": "br-web",
                "subnets": ["172.30.0.0/16"],
                "masquerade": True,
                "internal": False,
                "icc": True,
                "state": "present",
            }
        ],
        "nat_port": [
            {
                "protocol": "tcp",
                "host_port": "8080",
                "to_address": "172.30.0.2",
                "to_port": "80",
                "bridge": "br-web",
                "state": "present",
            }
        ],
        "network_names": [
            {"network": "web", "entries": [{"address": "172.30.0.2", "names": ["nginx"]}], "state": "present"}
        ],
        "resolver": [{"containers": ["nginx"], "networks": ["web"], "state": "present"}],
        "foreign_firewall": [],
    }


def test_an_empty_declaration_gives_an_empty_plan():
    assert plan() == {"errors": [], "warnings": [], "topology": {kind: [] for kind in topology()}}


def test_network_modes_and_their_namespaces():
    document = topology(
        [WEB],
        [
            {"name": "third", "network_mode": "container:sidecar"},
            {"name": "sidecar", "network_mode": "container:nginx"},
            {"name": "follower", "network_mode": "container:agent"},
            {"name": "agent", "network_mode": "host"},
            {"name": "batch", "network_mode": "none"},
            {"name": "nginx", "networks": ["web"]},
        ],
    )
    assert [(netns["name"], netns.get("join"), netns["labels"]["mode"]) for netns in document["netns"]] == [
        ("batch", None, "none"),
        ("nginx", None, "bridge"),
        ("third", "nginx", "container:sidecar"),
        ("sidecar", "nginx", "container:nginx"),
        ("follower", "host", "container:agent"),
        ("agent", "host", "host"),
    ]


def test_a_container_may_share_the_namespace_of_an_undeclared_one():
    live = live_after(topology([WEB], [{"name": "nginx", "networks": ["web"]}]))
    document = topology([], [{"name": "sidecar", "network_mode": "container:nginx"}], live=live)
    assert one(document["netns"])["join"] == "nginx"


def test_a_container_may_be_on_an_undeclared_network():
    live = live_after(topology([{**DUAL, "mtu": 1400}]))
    document = topology([], [{"name": "late", "networks": ["dual"]}], live=live)
    veth = one(document["veth"])
    assert (veth["bridge"], veth["mtu"]) == ("br-dual", 1400)
    assert veth["peer"]["addresses"] == ["172.31.0.2/24", "fd00:31::2/64"]
    assert (veth["peer"]["gateway"], veth["peer"]["gateway6"]) == ("172.31.0.1", "fd00:31::1")
    assert document["bridge"] == document["bridge_policy"] == []


def test_interfaces_follow_the_order_of_networks_and_the_default_route_the_first_with_egress():
    document = topology([WEB, DUAL, INSIDE], [{"name": "c", "networks": ["inside", "web", "dual"]}])
    inside, web, dual = (endpoints(document)["c", network] for network in ("inside", "web", "dual"))
    assert [inside["name"], web["name"], dual["name"]] == ["eth0", "eth1", "eth2"]
    assert [peer.get("gateway") for peer in (inside, web, dual)] == [None, "172.30.0.1", None]
    assert [peer.get("gateway6") for peer in (inside, web, dual)] == [None, None, "fd00:31::1"]


def test_an_undeclared_network_keeps_its_ip_range_and_reserved_addresses():
    reserved = {"DefaultGatewayIPv4": "172.30.5.1", "printer": "172.30.5.2", "printer6": "fd00:30::2"}
    ranges = {"ip_range": "172.30.5.0/29", "subnet6": "fd00:30::/64", "ip_range6": "fd00:30::/125"}
    live = live_after(topology([{**WEB, **ranges, "aux_addresses": reserved}]))
    document = topology([], [{"name": name, "networks": ["web"]} for name in ("a", "b")], live=live)
    assert addresses(document) == {
        ("a", "web"): ["172.30.5.3", "fd00:30::3"],
        ("b", "web"): ["172.30.5.4", "fd00:30::4"],
    }  # fmt: skip
    assert {peer["gateway"] for peer in endpoints(document).values()} == {"172.30.5.1"}


def test_reserved_addresses_that_exceed_the_alias_warn():
    reserved = {f"machine-{number}": f"172.30.0.{number}" for number in range(100, 120)}
    planned = plan([{**WEB, "aux_addresses": reserved}], [{"name": "c", "networks": ["web"]}])
    assert planned["errors"] == []
    (warning,) = planned["warnings"]
    assert warning.startswith("network web: aux_addresses {'machine-100': '172.30.0.100',")
    assert "only runs that declare the network" in warning


def test_declared_interface_names_and_the_lowest_free_for_others():
    networks = [{"name": "web", "interface_name": "lan"}, "dual", {"name": "inside", "interface_name": "eth0"}]
    document = topology([WEB, DUAL, INSIDE], [{"name": "c", "networks": networks}])
    assert [peer["name"] for peer in endpoints(document).values()] == ["lan", "eth1", "eth0"]


def test_long_network_names_give_a_hashed_device_with_a_label():
    name = "a-network-with-a-long-name"
    bridge = one(topology([{"name": name, "subnet": "172.30.0.0/16"}])["bridge"])
    assert bridge["name"] == names.bridge_device(name)
    assert len(bridge["name"]) <= 15
    assert bridge["labels"]["network"] == name


def test_a_network_with_every_option():
    document = topology(
        [
            {
                "name": "all",
                "bridge": "sw0",
                "subnet": "172.30.0.0/16",
                "gateway": "172.30.255.254",
                "ip_range": "172.30.5.0/24",
                "subnet6": "fd00:30::/64",
                "gateway6": "fd00:30::ff",
                "ip_range6": "fd00:30::5:0/112",
                "aux_addresses": {"printer": "172.30.5.0"},
                "mtu": "1400",
                "icc": "no",
                "masquerade": False,
                "trusted_interfaces": ["wg0", "eth3"],
                "uplinks": ["eth0"],
                "anti_spoofing": False,
                "labels": {"tier": "back", "rank": "2", "com.example.Tier": "front end"},
            }
        ],
        [{"name": "c", "networks": ["all"]}],
    )
    assert one(document["bridge"]) == {
        "name": "sw0",
        "addresses": ["172.30.255.254/16", "fd00:30::ff/64"],
        "mac": "02:42:ac:1e:ff:fe",
        "mtu": 1400,
        "up": True,
        "labels": {
            "role": "bridge_network",
            "network": "all",
            "tier": "back",
            "rank": "2",
            "com.example.Tier": "front end",
            "ip_range": "172.30.5.0/24",
            "ip_range6": "fd00:30::5:0/112",
            "aux_addresses": "printer/172.30.5.0",
        },
        "state": "present",
    }
    assert one(document["bridge_policy"]) == {
        "bridge": "sw0",
        "subnets": ["172.30.0.0/16", "fd00:30::/64"],
        "masquerade": False,
        "internal": False,
        "icc": False,
        "trusted_interfaces": ["wg0", "eth3"],
        "uplinks": ["eth0"],
        "state": "present",
    }
    veth = one(document["veth"])
    assert (veth["bridge"], veth["mtu"], veth["anti_spoofing"]) == ("sw0", 1400, False)
    assert veth["peer"]["addresses"] == ["172.30.5.1/16", "fd00:30::5:0/64"]


@pytest.mark.parametrize(
    "subnet, ip_range, gateway, first",
    [
        ("172.30.0.0/16", None, "172.30.0.1", "172.30.0.2"),
        ("172.30.0.0/16", "172.30.5.0/24", "172.30.5.0", "172.30.5.1"),
        ("172.30.0.0/31", None, "172.30.0.0", "172.30.0.1"),
        ("172.30.0.0/30", None, "172.30.0.1", "172.30.0.2"),
    ],
)
def test_the_gateway_is_the_first_address_as_in_docker(subnet, ip_range, gateway, first):
    document = topology([{"name": "web", "subnet": subnet, "ip_range": ip_range}], [{"name": "c", "networks": ["web"]}])
    length = subnet.split("/")[1]
    assert one(document["bridge"])["addresses"] == [f"{gateway}/{length}"]
    assert one(document["veth"])["peer"]["addresses"] == [f"{first}/{length}"]


def test_an_ipv6_only_network():
    document = topology(
        [{"name": "six", "subnet6": "fd00:6::/64"}], [{"name": "c", "networks": ["six"], "ports": ["80:80"]}]
    )
    peer = one(document["veth"])["peer"]
    assert peer["addresses"] == ["fd00:6::2/64"]
    assert peer["mac"] == names.mac_of_names("c", "six")
    assert "gateway" not in peer
    assert one(document["bridge"])["mac"] == names.mac_of_names("six")
    assert one(document["nat_port"])["to_address"] == "fd00:6::2"


def test_enable_ipv6_without_a_subnet_derives_one_from_host_and_network():
    network = {"name": "web", "subnet": "172.30.0.0/16", "enable_ipv6": True}
    (_four, here), (_again, there) = (
        one(topology([network], host=name)["bridge_policy"])["subnets"] for name in ("h1", "h2")
    )
    assert here == one(topology([network], host="h1")["bridge_policy"])["subnets"][1]
    assert here.startswith("fd")
    assert here.endswith("/64")
    assert here != there


def test_static_addresses_and_macs_and_allocation_around_them():
    attachment = {"name": "web", "ipv4_address": "172.30.1.0", "mac_address": "02-42-AC-1E-01-01"}
    document = topology(
        [{**WEB, "ip_range": "172.30.1.0/24", "gateway": "172.30.0.1"}],
        [
            {"name": "a", "networks": ["web"]},
            {"name": "b", "networks": [attachment]},
            {"name": "c", "networks": [{"name": "web", "ipv4_address": "172.30.99.99"}]},
        ],
    )
    found = endpoints(document)
    assert addresses(document) == {
        ("a", "web"): ["172.30.1.1"],
        ("b", "web"): ["172.30.1.0"],
        ("c", "web"): ["172.30.99.99"],
    }
    assert found["b", "web"]["mac"] == "02:42:ac:1e:01:01"
    assert found["a", "web"]["mac"] == names.mac_of_names("a", "web"), "the one that follows from its address is taken"
    assert found["c", "web"]["mac"] == "02:42:ac:1e:63:63"


def test_the_static_address_of_an_absent_container_is_reserved():
    document = topology(
        [WEB],
        [
            {"name": "away", "networks": [{"name": "web", "ipv4_address": "172.30.0.2"}], "state": "absent"},
            {"name": "here", "networks": ["web"]},
        ],
    )
    assert addresses(document) == {("here", "web"): ["172.30.0.3"]}


def test_taking_the_reserved_address_of_an_absent_container_warns():
    static = [{"name": "web", "ipv4_address": "172.30.0.2"}]
    away = {"name": "away", "networks": static, "state": "absent"}
    for containers in (
        [away, {"name": "here", "networks": static}],
        [{"name": "here", "networks": static}, away],
    ):
        planned = plan([WEB], containers)
        assert addresses(planned["topology"]) == {("here", "web"): ["172.30.0.2"]}
        assert planned["warnings"] == [
            "container away: ipv4_address '172.30.0.2': the container is absent, and container here has its address; "
            "it cannot come back with this one"
        ]
    live = live_after(topology([WEB], [{"name": "away", "networks": static}]))
    assert plan([WEB], [away], live=live)["warnings"] == [], "it is its own until it has gone"


def test_another_router_as_the_default_route():
    network = {**DUAL, "aux_addresses": {"DefaultGatewayIPv4": "172.31.0.9", "DefaultGatewayIPv6": "fd00:31::9"}}
    peer = one(topology([network], [{"name": "c", "networks": ["dual"]}])["veth"])["peer"]
    assert (peer["gateway"], peer["gateway6"]) == ("172.31.0.9", "fd00:31::9")


def test_routes_of_networks_and_of_containers():
    network = {**WEB, "routes": [{"to": "10.0.0.0/8", "via": "172.30.0.9"}]}
    containers = [
        {"name": "router", "networks": [{"name": "web", "ipv4_address": "172.30.0.9"}], "forwarding": True},
        {"name": "a", "networks": ["web"], "routes": [{"to": "10.0.0.0/8", "via": "172.30.0.8", "metric": 7}]},
        {"name": "b", "networks": ["web"], "routes": [{"to": "10.0.0.0/8", "via": "172.30.0.8"}]},
    ]
    document = topology([network], containers)
    routes = {container: peer["routes"] for (container, _network), peer in endpoints(document).items()}
    assert routes == {
        "router": [],
        "a": [{"to": "10.0.0.0/8", "via": "172.30.0.8", "metric": 7}, {"to": "10.0.0.0/8", "via": "172.30.0.9"}],
        "b": [{"to": "10.0.0.0/8", "via": "172.30.0.8"}],
    }
    guards = {veth["labels"]["container"]: veth["allowed_addresses"] for veth in document["veth"]}
    assert guards == {"router": ["0.0.0.0/0", "::/0"], "a": [], "b": []}
    assert document["netns"][0]["forwarding"] is True


def test_of_two_networks_routes_to_one_subnet_the_first_is_used():
    networks = [
        {**WEB, "routes": [{"to": "10.0.0.0/8", "via": "172.30.0.9"}, {"to": "fd01::/64", "via": "fd00:30::9"}]},
        {**DUAL, "routes": [{"to": "10.0.0.0/8", "via": "172.31.0.9", "metric": 0},
                            {"to": "fd01::/64", "via": "fd00:31::9", "metric": 1024},
                            {"to": "10.0.0.0/8", "via": "172.31.0.8", "metric": 5}]},
    ]  # fmt: skip
    networks[0]["subnet6"] = "fd00:30::/64"
    found = {network: peer["routes"] for (_name, network), peer in endpoints(
        topology(networks, [{"name": "c", "networks": ["dual", "web"]}])).items()}  # fmt: skip
    assert [route["via"] for route in found["dual"]] == ["172.31.0.9", "fd00:31::9", "172.31.0.8"]
    assert found["web"] == []
    found = endpoints(topology(networks, [{"name": "c", "networks": ["dual", "web"],
                                           "routes": [{"to": "10.0.0.0/8", "via": "172.30.0.7"}]}]))  # fmt: skip
    assert found["c", "web"]["routes"] == [{"to": "10.0.0.0/8", "via": "172.30.0.7"}], "the container's comes first"
    assert [route["via"] for route in found["c", "dual"]["routes"]] == ["fd00:31::9", "172.31.0.8"]


def test_no_route_is_added_to_a_subnet_that_the_container_is_on():
    networks = [{**WEB, "routes": [{"to": "172.31.0.0/24", "via": "172.30.0.9"}]}, DUAL]
    containers = [{"name": "a", "networks": ["web"]}, {"name": "b", "networks": ["web", "dual"]}]
    found = endpoints(topology(networks, containers))
    assert [found[name, "web"]["routes"] for name in "ab"] == [[{"to": "172.31.0.0/24", "via": "172.30.0.9"}], []]


def test_sysctls_and_forwarding_are_the_namespaces():
    document = topology(
        [WEB],
        [
            {
                "name": "c",
                "networks": ["web"],
                "sysctls": {"net.core.somaxconn": 512, "net.ipv4.ip_nonlocal_bind": True},
            },
            {"name": "p", "networks": ["web"], "pid": 812, "force": True},
        ],
    )
    assert document["netns"][0]["sysctls"] == {"net.core.somaxconn": 512, "net.ipv4.ip_nonlocal_bind": 1}
    assert (document["netns"][1]["pid"], document["netns"][1]["force"]) == (812, True)


def test_mtu_is_the_smallest_uplinks_unless_declared():
    live = host(
        routes=[{"to": "0.0.0.0/0", "dev": "up0"}, {"to": "::/0", "dev": "up1"}, {"to": "192.0.2.0/24", "dev": "lan"}],
        interfaces=[{"name": "up0", "mtu": 1500}, {"name": "up1", "mtu": 1420}, {"name": "lan", "mtu": 576}],
    )
    document = topology([WEB, {**DUAL, "mtu": 9000}], [{"name": "c", "networks": ["web", "dual"]}], live=live)
    assert [bridge["mtu"] for bridge in document["bridge"]] == [1420, 9000]
    assert [veth["mtu"] for veth in document["veth"]] == [1420, 9000]


def ports_of(document):
    return [
        (port["protocol"], port.get("host_ip"), port["host_port"], port["to_address"], port["to_port"])
        for port in present(document["nat_port"])
    ]


def test_every_port_syntax():
    ports = [
        "80:8080",
        "0.0.0.0:81:8081",
        "[::]:82:8082",
        "127.0.0.1:83:8083/udp",
        "[::1]:83:8083/udp",
        "8000-8002:90-92/sctp",
    ]
    document = topology([DUAL], [{"name": "c", "networks": ["dual"], "ports": ports}])
    four, six = "172.31.0.2", "fd00:31::2"
    assert ports_of(document) == [
        ("tcp", None, "80", four, "8080"),
        ("tcp", None, "80", six, "8080"),
        ("tcp", None, "81", four, "8081"),
        ("tcp", None, "82", six, "8082"),
        ("udp", "127.0.0.1", "83", four, "8083"),
        ("udp", "::1", "83", six, "8083"),
        ("sctp", None, "8000-8002", four, "90-92"),
        ("sctp", None, "8000-8002", six, "90-92"),
    ]


def test_the_same_port_on_two_addresses_and_two_protocols():
    document = topology(
        [WEB],
        [
            {"name": "a", "networks": ["web"], "ports": ["127.0.0.1:80:80", "80:80/udp"]},
            {"name": "b", "networks": ["web"], "ports": ["127.0.0.2:80:80"]},
        ],
    )
    assert len(ports_of(document)) == 3


def test_ports_use_the_first_network_with_egress_for_each_family():
    document = topology([WEB, DUAL, INSIDE], [{"name": "c", "networks": ["inside", "web", "dual"], "ports": ["80:80"]}])
    assert ports_of(document) == [("tcp", None, "80", "172.30.0.2", "80"), ("tcp", None, "80", "fd00:31::2", "80")]
    assert [port["bridge"] for port in document["nat_port"]] == ["br-web", "br-dual"]


def test_on_internal_networks_nothing_is_published_with_a_warning():
    planned = plan([INSIDE], [{"name": "c", "networks": ["inside"], "ports": ["80:80"]}])
    assert planned["errors"] == []
    assert planned["topology"]["nat_port"] == []
    assert "container c: ports[0] '80:80'" in planned["warnings"][0]
    assert "internal" in planned["warnings"][0]


def test_a_range_for_one_container_port_allocates_the_lowest_free():
    containers = [{"name": name, "networks": ["web"], "ports": ["9090-9092:80"]} for name in ("a", "b")]
    fixed = {"name": "f", "networks": ["web"], "ports": ["9090:80"]}
    document = topology([WEB], [*containers, fixed])
    assert [port["host_port"] for port in document["nat_port"]] == ["9091", "9092", "9090"]


def test_a_container_keeps_its_port_of_a_range():
    attachment = {"networks": ["web"], "ports": ["9090-9092:80"]}
    live = live_after(topology([WEB], [{"name": "a", **attachment}, {"name": "b", **attachment}]))
    document = topology(
        [WEB], [{"name": "c", **attachment}, {"name": "b", **attachment}, {"name": "a", "state": "absent"}], live=live
    )
    ports = {port["to_address"]: port["host_port"] for port in present(document["nat_port"])}
    assert ports == {"172.30.0.3": "9091", addresses(document)["c", "web"][0]: "9090"}


def test_a_missing_host_address_warns():
    live = host(interfaces=[{"name": "eth0", "addresses": ["192.0.2.2/24"], "mtu": 1500}])
    ports = ["192.0.2.2:80:80", "192.0.2.3:81:80", "127.0.0.5:82:80"]
    planned = plan([WEB], [{"name": "c", "networks": ["web"], "ports": ports}], live=live)
    assert len(planned["warnings"]) == 1
    assert "192.0.2.3" in planned["warnings"][0]


@pytest.mark.parametrize(
    "role, container, found",
    [
        ({}, {"networks": ["web"]}, True),
        ({}, {"network_mode": "none"}, True),
        ({}, {"networks": ["web"], "unprivileged_ports": False}, False),
        ({"unprivileged_ports": "no"}, {"networks": ["web"]}, False),
        ({"unprivileged_ports": "no"}, {"networks": ["web"], "unprivileged_ports": "yes"}, True),
        ({}, {"network_mode": "host"}, None),
        ({}, {"network_mode": "container:other"}, None),
        ({}, {"pid": 7}, None),
    ],
)
def test_unprivileged_ports_apply_to_created_namespaces_only(role, container, found):
    containers = [{"name": "c", **container}, {"name": "other", "network_mode": "none"}]
    namespaces = {netns["name"]: netns for netns in topology([WEB], containers, **role)["netns"]}
    assert namespaces["c"].get("unprivileged_ports") is found
    assert namespaces["c"]["labels"].get("unprivileged_ports") == ("no" if found is False else None)


def test_strings_are_converted_as_ansible_does():
    document = topology(
        [{"name": "5", "subnet": "172.30.0.0/16", "mtu": "1400", "internal": "yes", "icc": 0}],
        [{"name": "7", "networks": ["5"], "force": "off"}],
    )
    assert one(document["bridge"])["name"] == "br-5"
    assert (one(document["bridge_policy"])["internal"], one(document["bridge_policy"])["icc"]) == (True, False)
    assert endpoints(document)["7", "5"]["addresses"] == ["172.30.0.2/16"]
