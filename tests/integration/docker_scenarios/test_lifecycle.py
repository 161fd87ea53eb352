# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Creation, change and removal of networks and containers, and refused runs."""

from __future__ import annotations

import json

import pytest
from integration.docker_scenarios.declarations import APP, HOST, HOST6, LAN, LAN6, NOTHING, WEB, absent, bare, on

from kit import snapshot
from kit.packets import arrives, is_lost, ping, seen

NO_WEB = {"name": "web", "state": "absent"}


def endpoint(host, container, network):
    (found,) = [one for one in host.module("network_info")["networks"] if one["Name"] == network]
    return found["Containers"].get(container)


def test_egress_uses_the_first_network_and_the_next_when_detached(host, role):
    host.sh("ip route add 172.30.0.0/24 via 192.0.2.2; ip route add 172.31.0.0/24 via 192.0.2.2", "lan")
    plain = [{**WEB, "masquerade": False}, {**APP, "masquerade": False}]
    role.run(plain, [on(["app", "web"], "c", "8080:80")])
    assert seen(host, "c", LAN, 80, "lan") == "172.31.0.2"
    role.run(plain, [on(["web", "app"], "c", "8080:80")])
    assert seen(host, "c", LAN, 80, "lan") == "172.30.0.2", "the order says it"
    role.run(plain, [on(["app"], "c", "8080:80")])
    assert seen(host, "c", LAN, 80, "lan") == "172.31.0.2"
    assert arrives(host, "lan", HOST, 8080, "c", 80)


def test_egress_of_each_family_uses_its_first_network(host, role):
    six = {"name": "six", "subnet6": "fd00:66::/64"}
    role.run([six, WEB], [on(["six", "web"], "c")])
    assert seen(host, "c", LAN, 80, "lan") == HOST
    assert seen(host, "c", LAN6, 80, "lan") == HOST6
    assert {route["dev"] for route in host.routes("c", 6) if route["dst"] == "default"} == {"eth0"}


def test_a_static_address_is_reserved_while_the_container_is_absent(host, role):
    fixed = on([{"name": "web", "ipv4_address": "172.30.0.2", "ipv6_address": "fd00:30::2"}], "fixed")
    role.run([WEB], [fixed])
    role.run([WEB], [{**fixed, "state": "absent"}, on("web", "other")])
    assert role.address("other", "web") == "172.30.0.3"
    role.run([WEB], [fixed, on("web", "other")])
    assert role.address("fixed", "web") == "172.30.0.2" and ping(host, "other", "172.30.0.2")


def test_macs_are_stable_and_unique(host, role):
    given = on([{"name": "web", "mac_address": "02:42:00:00:00:77"}], "given")
    role.run([WEB], [on("web", "a"), on("web", "b"), given])
    before = {name: endpoint(host, name, "web")["MacAddress"] for name in ("a", "b", "given")}
    assert len(set(before.values())) == 3 and before["given"] == "02:42:00:00:00:77"
    role.run([WEB], [absent("a"), given])
    role.run([WEB], [on("web", "new"), on("web", "a"), given])
    after = {name: endpoint(host, name, "web")["MacAddress"] for name in ("a", "b", "given", "new")}
    assert (after["b"], after["given"]) == (before["b"], before["given"]) and len(set(after.values())) == 4


def test_a_new_mac_is_announced_to_neighbours(host, role):
    first = on([{"name": "web", "ipv4_address": "172.30.0.9", "ipv6_address": "fd00:30::9"}], "first")
    second = on([{**first["networks"][0], "mac_address": "02:42:00:00:00:77"}], "second")
    role.run([WEB], [on("web", "friend"), first])
    for address in ("172.30.0.9", "fd00:30::9"):
        assert ping(host, "friend", address)
        host.sh(f"ip neigh replace {address} lladdr 02:42:ac:1e:00:09 dev eth0 nud stale", "friend")
    role.run([WEB], [on("web", "friend"), absent("first"), second])
    for address in ("172.30.0.9", "fd00:30::9"):
        assert cached(host, "friend", address) == "02:42:00:00:00:77", "without having asked"


def cached(host, container, address):
    """The MAC that a container takes an address to be at; waits for it to change for as long as a message takes."""
    for _attempt in range(20):
        (entry,) = json.loads(host.sh("ip -json neigh show to " + address, container))
        if entry["lladdr"] != "02:42:ac:1e:00:09":
            break
    return entry["lladdr"]


def test_interface_name_and_mtu_are_set(host, role):
    role.run([{**WEB, "mtu": 1400}], [on([{"name": "web", "interface_name": "app0"}], "c")])
    assert host.links("c")["app0"]["mtu"] == 1400 and host.links()["br-web"]["mtu"] == 1400
    assert ping(host, "c", LAN)


def test_a_refused_run_changes_nothing(host, role):
    role.run([WEB], [on("web", "c", "8080:80")])
    before = host.snapshot()
    taken = on([{"name": "web", "ipv4_address": "172.30.0.1"}], "d", "8080:80")
    errors = role.refused([WEB, {**APP, "subnet": "172.30.0.128/25"}], [on("web", "c", "8080:80"), taken, on("x", "e")])
    assert len(errors) == 4, "all errors are reported at once"
    snapshot.same(before, host.snapshot())
    role.run([WEB], [on("web", "c", "8080:80")])


def test_a_container_without_its_default_route_can_be_removed(host, role):
    role.run([WEB, APP], [on(["web", "app"], "c", "8080:80")])
    host.sh("ip link delete br-web")
    host.sh("ip link delete eth1", "c")
    role.run([WEB, APP], [on("app", "c")])
    assert ping(host, "c", "172.31.0.1")
    host.sh("ip link delete br-app")
    role.run([WEB, {"name": "app", "state": "absent"}], [absent("c")])
    assert "c" not in host.sh("ip netns list")


def test_removing_everything_restores_the_host(host, role):
    before = host.snapshot()
    role.run([WEB], [on("web", "a", "8080:80"), on("web", "b", "8081:80")])
    role.run([WEB], [absent("a")])
    assert arrives(host, "lan", HOST, 8081, "b", 80) and is_lost(host, "lan", HOST, 8080, "b", 80)
    role.run([NO_WEB], [absent("b")])
    assert bare(host) == NOTHING
    snapshot.same(before, host.snapshot())
    assert role.run([NO_WEB], [absent("b")]) == [], "a second time is fine"


@pytest.mark.parametrize(
    "damage",
    [
        "ip netns delete a",
        "ip -n a link delete eth0",
        "ip link delete br-web",
        "ip netns delete a; ip link delete br-web; nft flush ruleset",
    ],
)
def test_removal_tolerates_objects_deleted_out_of_band(host, role, damage):
    role.run([WEB], [on("web", "a", "8080:80"), on("web", "b")])
    host.sh(damage)
    role.run([NO_WEB], [absent("a"), absent("b")])
    assert bare(host) == NOTHING


def test_networks_with_containers_are_not_removed_and_the_error_names_them(host, role):
    role.run([WEB, APP], [on("web", "c")])
    (error,) = role.refused([NO_WEB, {"name": "app", "state": "absent"}])
    assert error.startswith("network web: state 'absent'") and "c" in error
    role.run([{"name": "app", "state": "absent"}])
    assert sorted(host.links()) == ["br-web", "lo", "up0", *(name for name in host.links() if name[:4] == "veth")]


def test_duplicate_names_are_refused(host, role):
    errors = role.refused([WEB, WEB], [on("web", "c"), on("web", "c"), on(["web", "web"], "d")])
    assert sum("declared twice" in error for error in errors) == 2
    assert any("is named twice" in error for error in errors)


def test_mode_none_has_lo_only_and_mode_host_is_the_hosts_namespace(host, role):
    role.run([], [{"name": "alone", "network_mode": "none"}, {"name": "agent", "network_mode": "host"}])
    assert list(host.links("alone")) == ["lo"]
    own = host.sh("readlink /proc/self/ns/net")
    assert host.sh("readlink /proc/self/ns/net", "agent") == own != host.sh("readlink /proc/self/ns/net", "alone")


def test_mode_container_shares_the_network_namespace(host, role):
    role.run([WEB], [on("web", "a", "8080:80"), {"name": "side", "network_mode": "container:a"}])
    assert host.links("side")["eth0"]["addresses"] == host.links("a")["eth0"]["addresses"]
    assert arrives(host, "lan", HOST, 8080, "side", 80)
    assert arrives(host, "a", "127.0.0.1", 9000, "side"), "lo, too"


def test_rules_of_removed_networks_do_not_reappear(host, role):
    role.run([WEB, APP], [on("web", "a", "8080:80"), on("app", "b", "8081:80")])
    role.run([WEB, {"name": "app", "state": "absent"}], [on("web", "a", "8080:80"), absent("b")])
    host.sh("nft flush ruleset")
    role.run([WEB], [on("web", "a", "8080:80")])
    listing = host.sh("nft list ruleset")
    assert "br-web" in listing and "br-app" not in listing and "8081" not in listing


def test_undeclared_containers_keep_their_ports_until_removed(host, role):
    role.run([WEB], [on("web", "old", "8080:80")])
    role.run([WEB], [on("web", "new")])
    assert role.address("new", "web") != role.address("old", "web") and ping(host, "new", role.address("old", "web"))
    assert arrives(host, "lan", HOST, 8080, "old", 80)
    assert "container old" in role.refused([WEB], [on("web", "new", "8080:80")])[0]
    role.run([WEB], [absent("old"), on("web", "new", "8080:80")])
    assert arrives(host, "lan", HOST, 8080, "new", 80)


def test_a_container_cannot_take_anothers_address_or_mac(host, role):
    role.run([WEB], [on("web", "thief"), on("web", "victim"), on("web", "friend")])
    address = role.address("victim", "web")
    host.sh(f"ip address add {address}/32 dev eth0", "thief")
    assert is_lost(host, "thief", role.address("friend", "web"), 80, "friend") is False, "its own address works"
    host.sh(f"ip address delete {role.address('thief', 'web')}/24 dev eth0", "thief")
    host.sh("ip route add 172.30.0.0/24 dev eth0", "thief")
    assert is_lost(host, "thief", role.address("friend", "web"), 80, "friend"), "another's address does not"
    assert seen(host, "victim", role.address("friend", "web"), 80, "friend") == address


@pytest.mark.parametrize(
    "options, container, network",
    [
        ({"allowed_addresses": ["172.30.0.200"]}, {}, {}),
        ({"anti_spoofing": False}, {}, {}),
        ({}, {"forwarding": True}, {}),
        ({}, {}, {"anti_spoofing": False}),
    ],
    ids=["allowed", "unchecked", "router", "unchecked network"],
)
def test_a_virtual_address_works_with_allowed_addresses(host, role, options, container, network):
    members = [on([{"name": "web", **options}], "vip", **container), on("web", "friend")]
    role.run([{**WEB, **network}], members)
    host.sh("ip address add 172.30.0.200/24 dev eth0", "vip")
    host.sh("ip route replace 172.30.0.3/32 dev eth0 src 172.30.0.200", "vip")
    assert seen(host, "vip", "172.30.0.3", 80, "friend") == "172.30.0.200"
    host.sh("ip link set eth0 address 02:42:00:00:00:99", "vip")
    checked = "anti_spoofing" not in {**options, **network}
    assert is_lost(host, "vip", "172.30.0.3", 80, "friend") == checked, "the MAC is the port's own"
