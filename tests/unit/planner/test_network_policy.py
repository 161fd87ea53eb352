# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Network policy, ingress and egress: gateway modes, SNAT addresses, trusted interfaces, anti-spoofing, foreign
firewalls.
"""

from __future__ import annotations

import pytest
from unit.planner.simulated_host import DUAL, EMPTY, WEB, absent, errors, live_after, plan, present, topology

ROUTED = {"name": "routed", "subnet": "172.20.0.0/24", "subnet6": "fd00:20::/64", "gateway_mode": "routed"}
ISOLATED = {"name": "alone", "subnet": "172.21.0.0/31", "internal": True, "gateway_mode": "isolated"}
C = {"name": "c", "networks": ["routed"], "ports": ["8080:80", "127.0.0.1:9000-9001:90-91/udp"]}
DROP = {
    "table": "ip filter",
    "chain": "FORWARD",
    "rule": "policy drop",
    "versions": [4],
    "bridges": [],
    "new_bridges": True,
    "remedy": "nft insert rule ip filter DOCKER-USER iifname BRIDGE accept",
}


def opened(document):
    return {
        (one["protocol"], one["to_address"], one["to_port"]) for one in document["nat_port"] if "host_port" not in one
    }


def on_host(**host):
    return {**EMPTY, "host": host}


def test_a_routed_network_allows_container_ports_and_ignores_host_ports():
    planned = plan([ROUTED], [C])
    assert opened(planned["topology"]) == {
        *(("tcp", address, "80") for address in ("172.20.0.2", "fd00:20::2")),
        *(("udp", address, port) for address in ("172.20.0.2", "fd00:20::2") for port in ("90", "91")),
    }
    assert not [one for one in planned["topology"]["nat_port"] if "host_port" in one]
    assert planned["warnings"] == [
        f"container c: ports[{number}] '{port}': the host's port is ignored, because network routed is routed; "
        "the container's own is opened"
        for number, port in enumerate(C["ports"])
    ]


def test_with_a_nat_and_a_routed_network_ports_are_published_and_allowed():
    document = topology([WEB, ROUTED], [{**C, "networks": ["routed", "web"]}])
    assert ("tcp", "172.20.0.2", "80") in opened(document)
    assert {one["to_address"] for one in document["nat_port"] if "host_port" in one} == {"172.30.0.2"}


def test_ipv4_nat_and_ipv6_routed():
    mixed = {**ROUTED, "gateway_mode": "nat", "gateway_mode6": "routed", "snat_address": "192.0.2.9"}
    planned = plan([mixed], [C])
    assert opened(planned["topology"]) == {
        ("tcp", "fd00:20::2", "80"),
        *(("udp", "fd00:20::2", port) for port in ("90", "91")),
    }
    assert {one["to_address"] for one in planned["topology"]["nat_port"] if "host_port" in one} == {"172.20.0.2"}
    assert planned["warnings"] == []
    six = {**C, "ports": ["[::]:8080:80"]}
    assert plan([mixed], [six])["warnings"] == [
        "container c: ports[0] '[::]:8080:80': the host's port is ignored, because network routed is routed; "
        "the container's own is opened"
    ]


def test_an_internal_routed_network_allows_no_ports_and_warns():
    (warning,) = plan([{**ROUTED, "internal": True}], [{**C, "ports": ["8080:80"]}])["warnings"]
    assert "is not published: all networks of the container are internal" in warning


def test_allowed_ports_are_removed_with_port_container_and_mode():
    live = live_after(topology([ROUTED], [C]))
    assert absent(topology([ROUTED], [C], live=live)["nat_port"]) == []
    gone = absent(topology([ROUTED], [{**C, "ports": ["8080:80"]}], live=live)["nat_port"])
    assert {(one["protocol"], one["to_port"]) for one in gone} == {("udp", "90"), ("udp", "91")}
    assert len(absent(topology([ROUTED], [{"name": "c", "state": "absent"}], live=live)["nat_port"])) == 6
    translated = topology([{**ROUTED, "gateway_mode": "nat"}], [C], live=live)["nat_port"]
    assert len(absent(translated)) == 6 and present(translated)[0]["host_port"] == "8080"


def test_undeclared_containers_keep_their_allowed_ports():
    live = live_after(topology([ROUTED], [C]))
    assert topology([ROUTED], [], live=live)["nat_port"] == []


def test_an_isolated_bridge_has_no_address_and_reserves_none():
    document = topology([ISOLATED], [{"name": name, "networks": ["alone"]} for name in "ab"])
    assert document["bridge"][0]["addresses"] == []
    assert [veth["peer"]["addresses"] for veth in document["veth"]] == [["172.21.0.0/31"], ["172.21.0.1/31"]]
    assert all("gateway" not in veth["peer"] for veth in document["veth"])
    assert document["bridge_policy"][0]["gateway_mode"] == "isolated"


def test_snat_address_is_the_egress_source():
    document = topology([{**DUAL, "snat_address": "192.0.2.9", "snat_address6": "2001:db8::9"}])
    policy = document["bridge_policy"][0]
    assert (policy["snat_address"], policy["snat_address6"]) == ("192.0.2.9", "2001:db8::9")


@pytest.mark.parametrize(
    "fields, who, rule",
    [
        (dict(gateway_mode="bridge"), "gateway_mode 'bridge'", "must be one of nat, routed, isolated"),
        (dict(gateway_mode="isolated"), "gateway_mode 'isolated'", "can only be used for an internal network"),
        (dict(gateway_mode6="bridge"), "gateway_mode6 'bridge'", "must be one of nat, routed, isolated"),
        (dict(gateway_mode6="isolated"), "gateway_mode6 'isolated'", "isolated applies to both IP versions or to none"),
        (
            dict(gateway_mode="isolated", internal=True, gateway_mode6="nat"),
            "gateway_mode6 'nat'",
            "isolated applies to both IP versions or to none",
        ),
        (dict(gateway_mode6="routed", snat_address6="::9"), "snat_address6 '::9'", "translates nothing"),
        (
            dict(gateway_mode="isolated", internal=True, gateway="172.30.0.1"),
            "gateway '172.30.0.1'",
            "the bridge has no address; leave it out",
        ),
        (dict(gateway_mode="routed", snat_address="192.0.2.1"), "snat_address '192.0.2.1'", "translates nothing"),
        (dict(masquerade=False, snat_address="192.0.2.1"), "snat_address '192.0.2.1'", "masquerade: false"),
        (dict(snat_address="::1"), "snat_address '::1'", "must be an IPv4 address"),
        (dict(snat_address6="192.0.2.1"), "snat_address6 '192.0.2.1'", "must be an IPv6 address"),
        (dict(host_binding_ipv4="fd00::1"), "host_binding_ipv4 'fd00::1'", "must be an IPv4 address"),
        (dict(host_binding_ipv6="127.0.0.1"), "host_binding_ipv6 '127.0.0.1'", "must be an IPv6 address"),
        (dict(host_binding_ipv4="224.0.0.1"), "host_binding_ipv4 '224.0.0.1'", "a unicast address"),
        (
            dict(host_binding_ipv4="127.0.0.1", gateway_mode="routed"),
            "host_binding_ipv4 '127.0.0.1'",
            "cannot be combined with gateway_mode routed",
        ),
        (dict(labels={"host_binding_ipv4": "::"}), "labels: host_binding_ipv4 '::'", "is set by the role itself"),
        (dict(trusted_interfaces="eth3"), "trusted_interfaces 'eth3'", "must be a list"),
        (dict(trusted_interfaces=["lo"]), "trusted_interfaces[0] 'lo'", "not lo"),
        (dict(trusted_interfaces=["a b"]), "trusted_interfaces[0] 'a b'", "must be the name of one of"),
        (dict(uplinks=["eth0", "all"]), "uplinks[1] 'all'", "must be the name of one of"),
        (dict(anti_spoofing="maybe"), "anti_spoofing 'maybe'", "must be true or false"),
    ],
)
def test_invalid_network_policies_are_refused(fields, who, rule):
    (error,) = errors([{**WEB, **fields}])
    assert error.startswith(f"network web: {who}: ") and rule in error


@pytest.mark.parametrize("allowed", [["172.30.0.9/16"], ["remote_endpoints"], ["fd00::%a }\n/64"]])
def test_invalid_allowed_addresses_are_refused(allowed):
    (error,) = errors([WEB], [{"name": "c", "networks": [{"name": "web", "allowed_addresses": allowed}]}])
    assert "container c: networks[0]: allowed_addresses[0]" in error and "CIDR" in error


def spoofing(network=None, allowed=None, **container):
    document = topology(
        [{**WEB, **(network or {})}], [{"name": "c", "networks": [{"name": "web", **(allowed or {})}], **container}]
    )
    return document["veth"][0]["anti_spoofing"], document["veth"][0]["allowed_addresses"]


def test_anti_spoofing_of_an_endpoint():
    assert spoofing() == (True, [])
    assert spoofing(allowed={"allowed_addresses": ["10.8.0.0/24", "fd08::1"]}) == (True, ["10.8.0.0/24", "fd08::1/128"])
    assert spoofing(network={"anti_spoofing": False})[0] is False
    assert spoofing(network={"anti_spoofing": False}, allowed={"anti_spoofing": True})[0] is True
    assert spoofing(allowed={"anti_spoofing": False})[0] is False
    assert spoofing(forwarding=True) == (True, ["0.0.0.0/0", "::/0"])


def test_a_foreign_firewall_that_drops_is_reported_with_the_remedy():
    planned = plan([WEB], live=on_host(foreign_drops=[DROP]))
    assert planned["warnings"] == [
        "network web: bridge 'br-web': the nftables table ip filter, chain FORWARD (policy drop) drops what it "
        "forwards, so published ports and egress fail; set bridge_network_manage_foreign_firewall: true, or run: "
        "nft insert rule ip filter DOCKER-USER iifname br-web accept"
    ]
    assert planned["topology"]["foreign_firewall"] == []


def test_a_foreign_firewall_that_drops_nothing_is_not_reported():
    six = {"name": "six", "subnet6": "fd00:6::/64"}
    inside = {**WEB, "internal": True}
    assert plan([six, inside], live=on_host(foreign_drops=[DROP]))["warnings"] == []
    assert plan([inside], live=on_host(foreign_drops=[DROP], bridge_nf_call={"iptables": True}))["warnings"]


def test_foreign_firewall_rules_are_added_and_removed():
    planned = plan([WEB], live=on_host(foreign_drops=[DROP]), manage_foreign_firewall=True)
    assert planned["warnings"] == []
    assert planned["topology"]["foreign_firewall"] == [{"bridge": "br-web", "state": "present"}]
    live = live_after(planned["topology"])
    live["host"] = {"foreign_accepts": ["br-web"]}
    gone = [{"bridge": "br-web", "state": "absent"}]
    assert topology([WEB], live=live, manage_foreign_firewall=True)["foreign_firewall"] == []
    assert topology([WEB], live=live)["foreign_firewall"] == gone
    without = topology([{"name": "web", "state": "absent"}], live=live, manage_foreign_firewall=True)
    assert without["foreign_firewall"] == gone


def test_health_warnings_of_the_host_are_passed_on():
    assert plan([WEB], live=on_host(warnings=["the table is gone"]))["warnings"] == ["the table is gone"]


def test_missing_host_addresses_and_interfaces_warn():
    host = on_host(interfaces=[{"name": "eth0", "addresses": ["192.0.2.2/24"]}])
    lacking = {"snat_address": "192.0.2.9", "trusted_interfaces": ["eth0", "wg0"], "uplinks": ["eth1"]}
    planned = plan([{**WEB, **lacking}], live=host)
    assert [warning.split(":")[1].strip() for warning in planned["warnings"]] == [
        "snat_address '192.0.2.9'",
        "trusted_interfaces 'wg0'",
        "uplinks 'eth1'",
    ]


def test_ports_on_ipv6_loopback_warn_of_bridge_nf_call_ip6tables():
    on = on_host(bridge_nf_call={"iptables": True, "ip6tables": True})
    c = {"name": "c", "networks": ["dual"], "ports": ["[::1]:8080:80", "81:81", "82:82", "127.0.0.1:83:83"]}
    planned = plan([DUAL], [c], live=on)
    assert planned["errors"] == []
    assert [warning.split(": ")[0:2] for warning in planned["warnings"]] == [
        ["container c", "ports[0] '[::1]:8080:80'"],
        ["network dual", "subnet6 'fd00:31::/64'"],
    ]
    assert all("net.bridge.bridge-nf-call-ip6tables" in warning for warning in planned["warnings"])
    assert plan([DUAL], [c])["warnings"] == []


def published(document):
    return {(one["host_port"], one.get("host_ip"), one["to_address"]) for one in present(document["nat_port"])}


V4, V6 = "172.31.0.2", "fd00:31::2"


@pytest.mark.parametrize(
    "bindings, places",
    [
        ({}, {("80", None, V4), ("80", None, V6)}),
        ({"host_binding_ipv4": "127.0.0.1"}, {("80", "127.0.0.1", V4)}),
        ({"host_binding_ipv4": "0.0.0.0"}, {("80", None, V4)}),
        ({"host_binding_ipv6": "::1"}, {("80", "::1", V6)}),
        ({"host_binding_ipv4": "0.0.0.0", "host_binding_ipv6": "::1"}, {("80", None, V4), ("80", "::1", V6)}),
    ],
)
def test_ports_without_a_host_address_use_the_networks_host_binding(bindings, places):
    containers = [{"name": "c", "networks": ["dual"], "ports": ["80:80", "192.0.2.2:81:80", "[::]:82:80"]}]
    document = topology([{**DUAL, **bindings}], containers)
    assert published(document) == places | {("81", "192.0.2.2", V4), ("82", None, V6)}
    live = live_after(document)
    assert published(topology([], containers, live=live)) == published(document), "not declared again"


def test_a_joined_network_publishes_with_its_segments_host_binding():
    networks = [{**DUAL, "host_binding_ipv4": "127.0.0.1"}, {"name": "more", "connect": ["dual"]}]
    document = topology(networks, [{"name": "c", "networks": ["more"], "ports": ["80:80"]}])
    assert published(document) == {("80", "127.0.0.1", V4)}
    (error,) = errors([DUAL, {"name": "more", "connect": ["dual"], "host_binding_ipv4": "127.0.0.1"}])
    assert (
        "network more: host_binding_ipv4 '127.0.0.1': applies to the whole segment and belongs to network dual" in error
    )


def test_two_containers_publish_one_port_on_different_host_bindings():
    networks = [{**WEB, "host_binding_ipv4": "127.0.0.1"}, {**DUAL, "host_binding_ipv4": "127.0.0.2"}]
    ports = {"ports": ["80-81:80"]}
    containers = [{"name": name, "networks": [on], **ports} for name, on in (("a", "web"), ("b", "dual"), ("c", "web"))]
    document = topology(networks, containers)
    assert {(one[0], one[1]) for one in published(document)} == {
        ("80", "127.0.0.1"), ("80", "127.0.0.2"), ("81", "127.0.0.1"),
    }  # fmt: skip
    assert published(topology(networks, containers, live=live_after(document))) == published(document)


def test_a_host_binding_of_a_family_that_the_container_lacks_is_refused():
    (error,) = errors([{**WEB, "host_binding_ipv6": "::1"}], [{"name": "c", "networks": ["web"], "ports": ["80:80"]}])
    assert error == (
        "container c: ports[0] '80:80': network web publishes on its host_binding_ipv6 only, of which family the "
        "container has no address; give the network one for IPv4 too"
    )


def test_a_missing_host_binding_address_warns_once_per_network():
    live = on_host(interfaces=[{"name": "eth0", "addresses": ["192.0.2.2/24"], "mtu": 1500}])
    containers = [{"name": "c", "networks": ["web"], "ports": ["80:80", "81:80"]}]
    assert plan([{**WEB, "host_binding_ipv4": "198.51.100.1"}], containers, live=live)["warnings"] == [
        "network web: host_binding_ipv4 '198.51.100.1': no interface of the host has this address now"
    ]
    for there in ("192.0.2.2", "127.0.0.9", "0.0.0.0"):
        assert not plan([{**WEB, "host_binding_ipv4": there}], containers, live=live)["warnings"]


def test_a_v6only_listener_does_not_block_ipv4():
    listener = {"protocol": "tcp", "address": "::", "port": 22, "pid": 7, "process": "sshd"}
    c = {"name": "c", "networks": ["web"], "ports": ["22:22"]}
    for v6only, refused in ((True, 0), (False, 1), (None, 1)):
        found = errors([WEB], [c], live=on_host(listeners=[{**listener, "v6only": v6only}]))
        assert len(found) == refused and all("sshd (pid 7) listens on :: port 22/tcp" in one for one in found)


def test_a_port_on_a_network_without_the_default_route_warns():
    c = {"name": "c", "networks": ["routed", "web"], "ports": ["8080:80"]}
    found = [one for one in plan([ROUTED, WEB], [c])["warnings"] if "get answers" in one]
    assert found == [
        "container c: ports ['8080:80']: only neighbours on network web and who calls a loopback address of the host "
        "get answers: the container's default route goes by network routed; give it routes to the callers "
        "via 172.30.0.1, or name web before routed"
    ]
    assert plan([ROUTED, WEB], [{**c, "networks": ["web", "routed"]}])["warnings"] == []


def test_host_addresses_created_in_the_same_run_exist():
    live = on_host(interfaces=[{"name": "up0", "ours": False, "addresses": ["192.0.2.2/24"]}])
    mixed = {**ROUTED, "gateway_mode6": "nat", "trusted_interfaces": ["br-dual"], "snat_address6": "fd00:31::1"}
    c = {"name": "c", "networks": ["dual"], "ports": ["172.31.0.1:80:80", "[fd00:31::1]:81:81", "192.0.2.2:82:82"]}
    assert plan([mixed, DUAL], [c], live=live)["warnings"] == []
    others = {**mixed, "trusted_interfaces": ["br-other"], "snat_address6": "fd00:31::9"}
    assert len(plan([others, DUAL], live=live)["warnings"]) == 2
    assert len(plan([DUAL], [{**c, "ports": ["172.31.0.9:80:80"]}], live=live)["warnings"]) == 1
