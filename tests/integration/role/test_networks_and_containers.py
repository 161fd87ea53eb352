# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role bridge_network: the kernel objects of a declaration, and what is kept as declarations change."""

from __future__ import annotations

import pytest

from kit import packets, snapshot
from kit.topologies import HOST, HOST6, OUTSIDE, OUTSIDE6

WEB = {"name": "web", "subnet": "172.30.0.0/16"}
BACK = {"name": "back", "subnet": "172.31.0.0/24", "internal": True}
DUAL = {"name": "dual", "subnet": "172.29.0.0/24", "subnet6": "fd00:29::/64"}
NGINX = {"name": "nginx", "networks": ["web"], "ports": ["8080:80"]}
CLIENT = {"name": "client", "networks": ["web"]}
GONE = {"state": "absent"}


def on(name, *networks, **more):
    return {"name": name, "networks": list(networks), **more}


def names_of(actions, verb):
    return sorted((action["kind"], action["name"]) for action in actions if action["action"] == verb)


def test_networks_containers_and_ports_are_created_and_removed(outside, role):
    before = outside.snapshot()
    others = [
        {"name": "batch", "network_mode": "none"},
        {"name": "sidecar", "network_mode": "container:nginx"},
        {"name": "agent", "network_mode": "host"},
    ]
    everything = [NGINX, CLIENT, *others]
    actions = role.change([WEB], everything)
    assert [name for kind, name in names_of(actions, "create") if kind == "netns"] == [
        "agent", "batch", "client", "nginx", "sidecar",
    ]  # fmt: skip
    assert outside.links()["br-web"]["addresses"] == ["172.30.0.1/16"]
    assert outside.links("nginx")["eth0"]["address"] == "02:42:ac:1e:00:02"
    assert packets.arrives(outside, "client", "172.30.0.2", 80, "nginx")
    assert packets.seen(outside, "nginx", OUTSIDE, 80, "outside") == HOST
    assert packets.arrives(outside, "client", "172.30.0.2", 80, "sidecar"), "who listens in sidecar listens in nginx"
    assert packets.is_lost(outside, "batch", "172.30.0.2", 80, "nginx")
    assert packets.arrives(outside, "agent", "172.30.0.2", 80, "nginx")
    assert list(outside.links("batch")) == ["lo"]
    role.change([{**WEB, **GONE}], [{"name": one["name"], **GONE} for one in everything])
    snapshot.same(before, outside.snapshot())


def test_a_published_port_is_reachable_from_every_source(outside, role):
    role.change([WEB, BACK, DUAL], [{**NGINX, "ports": ["8080:80", "5353:53/udp"]}, CLIENT, on("other", "dual")])
    assert packets.seen(outside, "outside", HOST, 8080, "nginx", 80) == OUTSIDE
    assert packets.arrives(outside, "outside", HOST, 5353, "nginx", 53, protocol="udp")
    for who in (None, "client", "other", "nginx"):
        assert packets.arrives(outside, who, HOST, 8080, "nginx", 80), who
    assert packets.arrives(outside, None, "127.0.0.1", 8080, "nginx", 80)
    assert packets.is_lost(outside, "other", "172.30.0.2", 80, "nginx"), "networks are kept apart all the same"


def test_every_port_syntax(outside, role):
    outside.sh("ip address add 198.51.100.7/24 dev outside0")
    ports = ["198.51.100.7:81:80", "8000-8002:9000-9002/tcp", "[2001:db8::1]:82:80", "83:83/udp", "127.0.0.1:84:80"]
    role.change([DUAL], [on("c", "dual", ports=ports)])
    assert packets.arrives(outside, "outside", "198.51.100.7", 81, "c", 80)
    assert packets.is_lost(outside, "outside", HOST, 81, "c", 80)
    assert packets.arrives(outside, "outside", HOST, 8002, "c", 9002)
    assert packets.arrives(outside, "outside", HOST6, 8001, "c", 9001)
    assert packets.arrives(outside, "outside", HOST6, 82, "c", 80)
    assert packets.arrives(outside, "outside", HOST, 83, "c", 83, protocol="udp")
    assert packets.arrives(outside, None, "127.0.0.1", 84, "c", 80)
    assert packets.is_lost(outside, "outside", HOST, 84, "c", 80)


def test_interfaces_and_the_default_route_follow_the_order_of_the_networks(outside, role):
    role.change([WEB, BACK, DUAL], [on("a", "back", "dual", "web"), on("b", "web", "back"), on("c", "back")])
    assert outside.links("a")["eth0"]["addresses"] == ["172.31.0.2/24"]
    assert "172.29.0.2/24" in outside.links("a")["eth1"]["addresses"]
    assert outside.links("a")["eth2"]["addresses"] == ["172.30.0.2/16"]
    assert outside.routes("a")[0]["gateway"] == "172.29.0.1", "the first that is not internal"
    assert outside.routes("a", 6)[0]["gateway"] == "fd00:29::1"
    assert outside.routes("b")[0]["gateway"] == "172.30.0.1"
    assert outside.routes("c") == []
    assert packets.arrives(outside, "a", OUTSIDE6, 80, "outside")
    assert packets.is_lost(outside, "c", OUTSIDE, 80, "outside")
    assert packets.arrives(outside, "c", "172.31.0.2", 80, "a")


def test_attachments_as_mappings(host, role):
    attachment = {
        "name": "dual", "ipv4_address": "172.29.0.9", "ipv6_address": "fd00:29::9", "mac_address": "02:00:00:00:00:09",
        "interface_name": "lan0", "aliases": ["db"],
    }  # fmt: skip
    role.change([DUAL], [{"name": "c", "networks": [attachment]}])
    link = host.links("c")["lan0"]
    assert sorted(link["addresses"]) == ["172.29.0.9/24", "fd00:29::9/64"]
    assert link["address"] == "02:00:00:00:00:09"
    assert packets.ping(host, "c", "172.29.0.1") and packets.ping(host, None, "fd00:29::9")


@pytest.mark.parametrize(
    ("options", "addresses", "gateway"),
    [
        ({}, ["172.30.0.2"], "172.30.0.1"),
        ({"gateway": "172.30.0.254"}, ["172.30.0.1"], "172.30.0.254"),
        ({"ip_range": "172.30.5.0/24", "gateway": "172.30.0.1"}, ["172.30.5.0"], "172.30.0.1"),
        ({"enable_ipv6": True, "subnet6": "fd00:30::/64", "gateway6": "fd00:30::99"}, ["172.30.0.2", "fd00:30::1"],
         "172.30.0.1"),
        ({"subnet6": "fd00:30::/64", "ip_range6": "fd00:30::a00/120", "gateway6": "fd00:30::1"},
         ["172.30.0.2", "fd00:30::a00"], "172.30.0.1"),
    ],
)  # fmt: skip
def test_address_allocation(host, role, options, addresses, gateway):
    role.change([{**WEB, **options}], [CLIENT])
    assert role.live()["client"]["web"] == addresses
    assert host.routes("client")[0]["gateway"] == gateway
    assert packets.ping(host, "client", gateway)


def test_ipv6_without_a_subnet_derives_a_unique_local_one(host, role):
    role.change([{**WEB, "enable_ipv6": True}], [CLIENT])
    _four, six = role.live()["client"]["web"]
    assert six.startswith("fd")
    assert packets.ping(host, None, six)


def test_mtu_is_set_on_both_ends(host, role):
    role.change([{**WEB, "mtu": 1400}], [CLIENT])
    assert host.links()["br-web"]["mtu"] == host.links("client")["eth0"]["mtu"] == 1400
    host.sh("ping -c 1 -w 5 -M do -s 1372 172.30.0.1", "client")
    assert host.try_sh("ping -c 1 -w 1 -M do -s 1373 172.30.0.1", "client").returncode
    role.change([{**WEB, "mtu": 1300}], [CLIENT])
    assert host.links("client")["eth0"]["mtu"] == 1300


def test_internal_icc_and_masquerade(outside, role):
    role.change([WEB], [NGINX, CLIENT])
    role.change([{**WEB, "icc": False}], [NGINX, CLIENT])
    assert packets.is_lost(outside, "client", "172.30.0.2", 80, "nginx")
    assert packets.arrives(outside, "client", HOST, 8080, "nginx", 80), (
        "a published port is reachable from every source"
    )
    role.change([{**WEB, "masquerade": False}], [NGINX, CLIENT])
    assert packets.is_lost(outside, "client", OUTSIDE, 80, "outside")
    role.change([{**WEB, "internal": True}], [{**NGINX, "ports": []}, CLIENT])
    assert outside.routes("client") == []
    role.change([WEB], [NGINX, CLIENT])
    assert packets.arrives(outside, "client", OUTSIDE, 80, "outside")


def test_a_long_network_name_gives_a_hashed_device_with_a_label(host, role):
    name = "the-network-of-the-accounting-department"
    role.change([{**WEB, "name": name}], [on("c", name)])
    (device,) = [link for link in host.links() if link.startswith("br-")]
    assert len(device) == 15
    assert name in host.links()[device]["ifalias"]
    (network,) = host.module("network_info")["networks"]
    assert (network["Name"], network["Id"]) == (name, device)


def test_a_declared_bridge_name(host, role):
    role.change([{**WEB, "bridge": "sw0"}], [CLIENT])
    assert packets.ping(host, "client", "172.30.0.1") and "sw0" in host.links()
    role.change([{**WEB, "bridge": "sw1"}], [CLIENT])
    assert "sw0" not in host.links() and packets.ping(host, "client", "172.30.0.1")


def test_existing_endpoints_keep_their_addresses(host, role):
    some = [on(name, "web") for name in ("a", "b", "c")]
    role.change([WEB], some)
    assert [role.live()[name]["web"] for name in "abc"] == [["172.30.0.2"], ["172.30.0.3"], ["172.30.0.4"]]
    role.change([WEB], [on("zero", "web"), {"name": "a", **GONE}, *some[1:], on("d", "web")])
    live = role.live()
    assert (live["b"]["web"], live["c"]["web"]) == (["172.30.0.3"], ["172.30.0.4"])
    assert sorted(live["zero"]["web"] + live["d"]["web"]) == ["172.30.0.2", "172.30.0.5"], "the lowest free ones"
    role.change([WEB], [on("e", "web")])
    assert role.live()["e"]["web"] == ["172.30.0.6"], "who is in no list stands all the same"


def test_a_recreated_container_does_not_take_a_neighbours_address(host, role):
    both = [on("a", "web"), on("b", "web")]
    role.change([WEB], both)
    host.sh("ip netns delete a")
    host.settle()
    role.change([WEB], both)
    assert role.live() == {"a": {"web": ["172.30.0.2"]}, "b": {"web": ["172.30.0.3"]}}
    host.sh(
        "ip link delete %s"
        % next(name for name, link in host.links().items() if "container=b" in link.get("ifalias", ""))
    )
    role.change([WEB], both)
    assert packets.ping(host, "a", "172.30.0.3")


def test_a_container_on_an_undeclared_network(host, role):
    role.change([WEB], [CLIENT])
    role.change([], [on("late", "web", ports=["81:80"])])
    assert role.live()["late"]["web"] == ["172.30.0.3"]
    assert packets.ping(host, "late", "172.30.0.2")
    assert packets.arrives(host, None, "127.0.0.1", 81, "late", 80)


def test_an_undeclared_network_keeps_its_ip_range(host, role):
    part = {"ip_range": "172.30.5.0/24", "gateway": "172.30.0.1", "aux_addresses": {"nas": "172.30.5.0"}}
    role.change([{**WEB, **part}])
    role.change([], [on("late", "web")])
    assert role.live()["late"]["web"] == ["172.30.5.1"]
    assert packets.ping(host, "late", "172.30.0.1")
    (network,) = host.module("network_info")["networks"]
    assert network["IPAM"]["Config"] == [
        {"Subnet": "172.30.0.0/16", "IPRange": "172.30.5.0/24", "Gateway": "172.30.0.1",
         "AuxiliaryAddresses": {"nas": "172.30.5.0"}},
    ]  # fmt: skip
    assert network["Labels"] == {"role": "bridge_network"}
    role.change([WEB], [on("late", "web"), on("later", "web")])
    assert role.live() == {"late": {"web": ["172.30.5.1"]}, "later": {"web": ["172.30.0.2"]}}


def test_ports_are_published_changed_and_removed(outside, role):
    role.change([WEB], [NGINX, CLIENT])
    role.change([WEB], [{**NGINX, "ports": ["8080:81", "8081:80"]}, CLIENT])
    assert packets.arrives(outside, "outside", HOST, 8080, "nginx", 81)
    role.change([WEB], [{**NGINX, "ports": []}, {**CLIENT, "ports": ["8080:80"]}])
    assert packets.arrives(outside, "outside", HOST, 8080, "client", 80)
    assert packets.is_lost(outside, "outside", HOST, 8081, "nginx", 80)


def test_a_container_is_attached_and_detached(host, role):
    role.change([WEB, BACK], [on("c", "web")])
    pid = host.start("sleep", "infinity", netns="c")
    role.change([WEB, BACK], [on("c", "web", "back")])
    assert packets.ping(host, "c", "172.31.0.1")
    role.change([WEB, BACK], [on("c", "back")])
    assert list(host.links("c")) == ["lo", "eth1"], "what runs keeps its name"
    assert packets.ping(host, "c", "172.31.0.1")
    role.change([WEB, BACK], [{"name": "c", "network_mode": "none"}])
    assert list(host.links("c")) == ["lo"]
    assert host.is_alive(pid)


def test_changing_the_network_mode_replaces_the_namespace(host, role):
    role.change([WEB], [NGINX, CLIENT])
    role.change([WEB], [NGINX, {"name": "client", "network_mode": "container:nginx"}])
    assert sorted(host.links("client")) == sorted(host.links("nginx"))
    role.change([WEB], [NGINX, {"name": "client", "network_mode": "host"}])
    assert "br-web" in host.links("client")
    role.change([WEB], [NGINX, CLIENT])
    assert packets.arrives(host, "client", "172.30.0.2", 80, "nginx")


def test_routes_forwarding_and_sysctls_of_containers(host, role):
    far = {"name": "far", "subnet": "172.28.0.0/24"}
    ways = ({"name": "web", "ipv4_address": "172.30.0.50"}, {"name": "far", "ipv4_address": "172.28.0.50"})
    router = on("router", *ways, forwarding=True, sysctls={"net.ipv4.conf.all.rp_filter": 0})
    near = on("near", "web", routes=[{"to": "172.28.0.0/24", "via": "172.30.0.50"}])
    there = on("there", "far", routes=[{"to": "172.30.0.0/16", "via": "172.28.0.50"}])
    role.change([WEB, far], [router, near, there])
    assert packets.seen(host, "near", role.live()["there"]["far"][0], 80, "there") == role.live()["near"]["web"][0]


def test_pid_names_a_processs_namespace(host, role):
    pid = host.start("unshare", "--net", "sleep", "infinity")
    host.sh("until [ $(readlink /proc/%d/ns/net) != $(readlink /proc/self/ns/net) ]; do :; done" % pid)
    before = host.snapshot()
    role.change([WEB], [on("box", "web", pid=pid)])
    assert packets.ping(host, None, "172.30.0.2")
    assert "172.30.0.2" in host.sh("nsenter --net=/proc/%d/ns/net ip address" % pid)
    role.change([{**WEB, **GONE}], [{"name": "box", **GONE}])
    assert host.is_alive(pid)
    snapshot.same(before, host.snapshot())


def test_check_mode_on_an_empty_host_predicts_everything(host, role):
    before = host.snapshot()
    topology = role.plan([WEB, BACK], [NGINX, {"name": "s", "network_mode": "container:nginx"}])["topology"]
    predicted = host.module("topology", check=True, **{k: v for k, v in topology.items() if v})
    assert not predicted.get("failed") and "warnings" not in predicted
    snapshot.same(before, host.snapshot())
    done = host.module("topology", **{k: v for k, v in topology.items() if v})
    assert done["actions"] == predicted["actions"]


def test_a_flushed_ruleset_is_repaired(outside, role):
    role.change([WEB, BACK], [NGINX, CLIENT, on("c", "back")])
    outside.sh("nft flush ruleset")
    role.change([WEB, BACK], [NGINX, CLIENT, on("c", "back")])
    assert packets.arrives(outside, "outside", HOST, 8080, "nginx", 80)
    assert packets.is_lost(outside, "c", "172.30.0.2", 80, "nginx")


def test_anti_spoofing_drops_forged_sources(host, role):
    role.change([WEB], [NGINX, CLIENT])
    host.sh("ip address add 172.30.0.99/16 dev eth0; ip route replace 172.30.0.2/32 dev eth0 src 172.30.0.99", "client")
    assert packets.is_lost(host, "client", "172.30.0.2", 80, "nginx")


def test_many_containers(host, role):
    many = [on("m%d" % number, "web", ports=["%d:80" % (20000 + number)]) for number in range(100)]
    topology = role.plan([WEB], many)["topology"]
    host.module("topology", **{kind: objects for kind, objects in topology.items() if objects})
    role.unchanged([WEB], many)
    assert packets.arrives(host, None, "127.0.0.1", 20099, "m99", 80)
    assert len({address for networks in role.live().values() for address in networks["web"]}) == 100
