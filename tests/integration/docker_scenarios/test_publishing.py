# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Published ports: from every source, in every syntax, through every change."""

from __future__ import annotations

import socket
import sys
import time

import pytest
from integration.docker_scenarios import sctp
from integration.docker_scenarios.declarations import (
    APP,
    HOST,
    HOST6,
    INSIDE,
    LAN,
    LAN6,
    ROUTED,
    WEB,
    absent,
    lan_knows,
    on,
)

from ansible_collections.virtnet.linux.plugins.module_utils.netlink import conntrack
from kit.host import inside
from kit.packets import arrives, is_lost, seen

ANSWERS = """  # ANSWERS
import os, socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("", int(sys.argv[1])))
name = os.popen("ip netns identify $PPID").read().split()[0]
while True:
    _data, caller = server.recvfrom(9)
    server.sendto(name.encode(), caller)
"""
# calls as often as it can, each time from another port, and records who replies
ASKS = """
import socket, sys, time
log = open(sys.argv[3], "w", 1)
calls = []
while True:
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    calls = calls[-50:] + [client]
    client.sendto(b"?", (sys.argv[1], int(sys.argv[2])))
    time.sleep(0.0005)
    for one in calls:
        try:
            print(one.recv(9).decode(), file=log)
        except OSError:
            pass
"""
FAMILIES = {
    "v4": {"name": "net", "subnet": "172.30.0.0/24"},
    "v6": {"name": "net", "subnet6": "fd00:30::/64"},
    "dual": {"name": "net", "subnet": "172.30.0.0/24", "subnet6": "fd00:30::/64"},
}


def published(host):
    return {
        (one["protocol"], one["host_ip"], one["host_port"], one["to_address"], one["to_port"])
        for one in host.module("network_info")["nat_ports"]
    }


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("protocol", ["tcp", "udp", "sctp"])
def test_a_port_and_a_range_of_each_protocol_and_family(host, role, family, protocol):
    role.run([FAMILIES[family]], [on("net", "c", f"8080:80/{protocol}", f"9100-9102:9000-9002/{protocol}")])
    for to in [HOST] * (family != "v6") + [HOST6] * (family != "v4"):
        for port, at in ((8080, 80), (9100, 9000), (9102, 9002)):
            client = LAN if to == HOST else LAN6
            if protocol == "sctp":
                assert sctp.init(host, "lan", to, port, "c") == (client, at, True)
            else:
                assert seen(host, "lan", to, port, "c", at, protocol) == client
        if protocol != "sctp":
            assert is_lost(host, "lan", to, 9103, "c", 9003, protocol)


def test_every_address_of_the_host_from_the_host_itself(host, role):
    host.sh("echo 0 >/proc/sys/net/bridge/bridge-nf-call-ip6tables")
    host.sh("ip address add 198.51.100.7/32 dev lo")
    role.run([WEB], [on("web", "c", "8080:80")])
    own = [HOST, HOST6, "127.0.0.1", "127.9.9.9", "::1", "198.51.100.7", "172.30.0.1", "fd00:30::1"]
    assert [address for address in own if not arrives(host, None, address, 8080, "c", 80)] == []


def test_through_loopback6_with_br_netfilter_the_role_warns_and_names_the_sysctl(host, role):
    planned = role.plan([WEB], [on("web", "c", "[::1]:8080:80")])
    assert any("[::1]" in one and "net.bridge.bridge-nf-call-ip6tables" in one for one in planned["warnings"])
    host.sh("echo 0 >/proc/sys/net/bridge/bridge-nf-call-ip6tables")
    assert role.plan([WEB], [on("web", "c", "[::1]:8080:80")])["warnings"] == []
    role.run([WEB], [on("web", "c", "[::1]:8080:80")])
    assert arrives(host, None, "::1", 8080, "c", 80)
    assert is_lost(host, "lan", HOST6, 8080, "c", 80)


@pytest.mark.parametrize("br_netfilter", [0, 1])
def test_ports_are_reachable_from_a_neighbour_another_network_and_the_container_itself(host, role, br_netfilter):
    host.sh(f"echo {br_netfilter} | tee /proc/sys/net/bridge/bridge-nf-call-iptables")
    role.run([WEB, APP], [on("web", "c", "8080:80", "8080:80/udp"), on("web", "near"), on("app", "far")])
    for protocol in ("tcp", "udp"):
        assert seen(host, "near", HOST, 8080, "c", 80, protocol) == "172.30.0.1", "its gateway: they share a network"
        assert seen(host, "c", HOST, 8080, "c", 80, protocol) == "172.30.0.1"
        for way in (HOST, "172.31.0.1", "172.30.0.1"):
            assert seen(host, "far", way, 8080, "c", 80, protocol) == role.address("far", "app")


def test_a_port_on_a_loopback_address_is_reachable_from_the_host_only(host, role):
    role.run([WEB], [on("web", "c", "127.0.0.2:8080:80/udp"), on("web", "other")])
    lan_knows(host, "127.0.0.2/32")
    for namespace in ("lan", "other"):
        host.sh("echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet", namespace)
    host.sh("ip route add 127.0.0.2/32 via 172.30.0.1", "other")
    host.sh("ip route flush table local 127.0.0.0/8 2>/dev/null || true", "lan")
    assert arrives(host, None, "127.0.0.2", 8080, "c", 80, "udp")
    assert is_lost(host, "lan", "127.0.0.2", 8080, "c", 80, "udp")
    assert is_lost(host, "other", "127.0.0.2", 8080, "c", 80, "udp")
    assert is_lost(host, "lan", HOST, 8080, "c", 80, "udp")


def test_ports_are_published_on_the_networks_host_binding(host, role):
    local = {**WEB, "host_binding_ipv4": "127.0.0.1"}
    role.run([local], [on("web", "c", "8080:80", "0.0.0.0:8081:80"), on("web", "other")])
    assert arrives(host, None, "127.0.0.1", 8080, "c", 80)
    assert arrives(host, None, HOST, 8081, "c", 80) and arrives(host, "lan", HOST, 8081, "c", 80)
    for who, address in (("lan", HOST), ("lan", HOST6), ("other", HOST), (None, HOST6)):
        assert is_lost(host, who, address, 8080, "c", 80), (who, address)

    role.run([{**WEB, "host_binding_ipv4": HOST, "host_binding_ipv6": HOST6}], [on("web", "c", "8080:80")])
    (network,) = role.host.module("network_info", docker_format=True)["docker"]["networks"]
    assert network["Options"]["com.docker.network.bridge.host_binding_ipv4"] == HOST
    assert arrives(host, "lan", HOST, 8080, "c", 80) and arrives(host, "lan", HOST6, 8080, "c", 80)
    assert is_lost(host, None, "127.0.0.1", 8080, "c", 80)
    role.run([], [on("web", "later", "8082:80")])
    assert {one[1] for one in published(host) if one[2] == 8082} == {HOST, HOST6}, "the network is not declared again"


def test_one_port_on_several_loopback_addresses(host, role):
    role.run([WEB], [on("web", "a", "127.0.1.2:8080:80"), on("web", "b", "127.0.1.3:8080:80")])
    assert arrives(host, None, "127.0.1.2", 8080, "a", 80) and arrives(host, None, "127.0.1.3", 8080, "b", 80)
    assert is_lost(host, None, "127.0.1.2", 8080, "b", 80)


def test_ports_on_all_addresses_and_on_one_are_distinct(host, role):
    anywhere = [on("web", "a", "8000-8005:81"), on("web", "b", "8000-8005:82")]
    role.run([WEB], [*anywhere, on("web", "c", "127.0.0.1:8000-8005:80")])
    ports = {(to, host_port) for _protocol, _ip, host_port, to, _port in published(host)}
    assert ports == {
        *(("172.30.0.2", 8000), ("fd00:30::2", 8000), ("172.30.0.3", 8001), ("fd00:30::3", 8001)),
        ("172.30.0.4", 8002),
    }, "and a mapping has the same port for IPv4 and IPv6"


def test_containers_take_the_next_free_port_of_a_range(host, role):
    four = [on("web", name, "9090-9092:80") for name in "abcd"]
    assert "no port of the range is free" in role.refused([WEB], four)[0]
    role.run([WEB], four[:3])
    assert [arrives(host, "lan", HOST, 9090 + number, name, 80) for number, name in enumerate("abc")] == [True] * 3
    role.run([WEB], [absent("b"), four[0], four[3], four[2]])
    assert arrives(host, "lan", HOST, 9091, "d", 80), "usable again"


def test_tcp_and_udp_have_the_same_range(host, role):
    role.run([WEB], [on("web", "c", "9800-9803:80-83", "9800-9803:80-83/udp")])
    assert arrives(host, "lan", HOST, 9803, "c", 83) and arrives(host, "lan", HOST, 9803, "c", 83, "udp")


def test_ports_of_both_families_are_reported(host, role):
    role.run([WEB], [on("web", "c", "8080:80")])
    assert published(host) == {("tcp", None, 8080, "172.30.0.2", 80), ("tcp", None, 8080, "fd00:30::2", 80)}


def test_a_taken_port_is_refused_and_nothing_changes(host, role):
    role.run([WEB], [on("web", "a", "8080:80")])
    before = host.snapshot()
    (error,) = role.refused([WEB], [on("web", "a", "8080:80"), on("web", "b", "8080:80")])
    assert error.startswith("container b: ports[0] '8080:80'") and "container a" in error
    (error,) = role.refused([WEB], [on("web", "b", "8080:80")])
    assert "container a" in error, "also where no list names it"
    assert host.snapshot() == before


@pytest.mark.parametrize("address, v6only", [("0.0.0.0", None), ("127.0.0.1", None), ("::", 0), ("::", 1)])
def test_a_port_on_which_a_process_listens_is_refused_with_its_name(host, role, address, v6only):
    pid = listen(host, address, 22, v6only)
    four = {"name": "four", "subnet": "172.30.0.0/24"}
    if v6only == 1:
        role.run([four], [on("four", "c", "22:22")])
        return
    (error,) = role.refused([four], [on("four", "c", "22:22")])
    assert f"(pid {pid}) listens on {address} port 22/tcp of the host" in error and "python" in error
    role.run([four], [on("four", "c", f"{HOST}:22:22")] if address == "127.0.0.1" else [on("four", "c", "2222:22")])


def test_a_container_on_the_hosts_network_listens_on_the_host(host, role):
    role.run([WEB], [{"name": "agent", "network_mode": "host"}])
    host.sh("ip netns exec agent true")
    pid = listen(host, "0.0.0.0", 9000, None, "agent")
    (error,) = role.refused([WEB], [on("web", "c", "9000:80")])
    assert f"(pid {pid})" in error


def test_a_later_listener_on_a_published_port_gets_no_packets_and_is_reported(host, role):
    role.run([WEB], [on("web", "c", "8080:80")])
    pid = listen(host, "0.0.0.0", 8080)
    assert arrives(host, "lan", HOST, 8080, "c", 80)
    (warning,) = [one for one in role.plan([WEB], [on("web", "c", "8080:80")])["warnings"] if "nothing" in one]
    assert f"(pid {pid}) listens on 0.0.0.0 port 8080/tcp and gets nothing" in warning
    assert "translated to 172.30.0.2 port 80" in warning


def test_a_container_with_an_open_connection_is_recreated_at_once(host, role):
    role.run([WEB], [on("web", "c", "8080:80")])
    assert arrives(host, "lan", HOST, 8080, "c", 80)
    role.run([WEB], [absent("c")])
    role.run([WEB], [on("web", "c", "8080:80")])
    assert arrives(host, "lan", HOST, 8080, "c", 80)


def test_flushed_ports_are_repaired(host, role):
    role.run([WEB], [on("web", "c", "8080:80")])
    host.sh("nft flush ruleset")
    (gone,) = [one for one in host.module("network_info")["host"]["warnings"] if "inet virtnet" in one]
    assert "is missing and this host forwards" in gone and "web" in gone
    assert gone in role.plan([WEB], [on("web", "c", "8080:80")])["warnings"]
    role.run([WEB], [on("web", "c", "8080:80")])
    assert arrives(host, "lan", HOST, 8080, "c", 80) and arrives(host, "lan", HOST6, 8080, "c", 80)
    assert host.module("network_info")["host"]["warnings"] == []


def test_a_port_of_an_internal_network_works_once_the_container_is_on_another(host, role):
    planned = role.plan([WEB, INSIDE], [on("inside", "c", "8080:80")])
    assert "all networks of the container are internal" in planned["warnings"][0]
    role.run([WEB, INSIDE], [on("inside", "c", "8080:80")])
    assert is_lost(host, "lan", HOST, 8080, "c", 80)
    role.run([WEB, INSIDE], [on(["inside", "web"], "c", "8080:80")])
    assert arrives(host, "lan", HOST, 8080, "c", 80)


def test_host_ports_are_kept_when_networks_are_attached_and_detached(host, role):
    role.run([WEB, APP], [on("web", "c", "8080:80")])
    role.run([WEB, APP], [on(["web", "app"], "c", "8080:80")])
    assert {to for _p, _i, _h, to, _t in published(host)} == {"172.30.0.2", "fd00:30::2"}, "joining changes nothing"
    role.run([WEB, APP], [on(["app"], "c", "8080:80")])
    assert {port for _p, _i, port, _a, _t in published(host)} == {8080}
    assert arrives(host, "lan", HOST, 8080, "c", 80)


def test_ports_of_each_family_use_the_network_that_has_it(host, role):
    six = {"name": "six", "subnet6": "fd00:66::/64"}
    four = {"name": "four", "subnet": "172.28.0.0/24"}
    role.run([six, four, WEB], [on(["six", "web"], "c", "8080:80")])
    assert {to for _p, _i, _h, to, _t in published(host)} == {"fd00:66::2", "172.30.0.2"}
    role.run([six, four, WEB], [on(["six", "four", "web"], "c", "8080:80")])
    assert {to for _p, _i, _h, to, _t in published(host)} == {"fd00:66::2", "172.28.0.2"}
    assert arrives(host, "lan", HOST, 8080, "c", 80) and arrives(host, "lan", HOST6, 8080, "c", 80)
    role.run([six, four, WEB], [on(["web"], "c", "8080:80")])
    assert {to for _p, _i, _h, to, _t in published(host)} == {"fd00:30::2", "172.30.0.2"}


def test_a_removed_container_leaves_no_conntrack_entry(host, role):
    role.run([WEB], [on("web", "c", "5353:53/udp")])
    assert arrives(host, "lan", HOST, 5353, "c", 53, "udp")
    role.run([WEB], [absent("c")])
    assert host.call(conntrack.forget, [("udp", 5353)]) == 0


def test_the_same_flow_reaches_the_container_that_took_the_port(host, role):
    role.run([WEB], [on("web", "a", "5353:53/udp"), on("web", "b")])
    sent = host.call(_from_one_port, HOST, 5353, "a")
    role.run([WEB], [on("web", "a"), on("web", "b", "5353:53/udp")])
    assert sent and host.call(_from_one_port, HOST, 5353, "b")


def test_a_routed_flow_ends_with_its_allowed_port_or_the_mode(host, role):
    lan_knows(host, "172.20.0.0/24")
    with_port = on("routed", "c", "5353:53/udp")
    for after in ([ROUTED], [on("routed", "c")]), ([{**ROUTED, "gateway_mode": "nat"}], [with_port]):
        role.run([ROUTED], [with_port])
        address = role.address("c", "routed")
        assert host.call(_from_one_port, address, 53, "c")
        role.run(*after)
        assert not host.call(_from_one_port, address, 53, "c")


def test_no_port_leads_to_the_former_owner_of_an_address(host, role):
    """A container is removed, and another one gets its address and publishes a port that the first one did not have."""
    for _time in range(3):
        role.run([WEB], [on("web", "old")])
        address = role.address("old", "web")
        host.start(sys.executable, "-c", ANSWERS, "53", netns="old")
        host.start(sys.executable, "-c", ASKS, HOST, "5353", "/run/answers", netns="lan")
        host.sh("until ss -Hulpn sport = 53 | grep -q . ; do sleep 0.02; done", "old")
        host.sh("until test -e /run/answers; do sleep 0.02; done")
        role.run([WEB], [{**absent("old"), "force": True}, on("web", "new", "5353:53/udp")])
        assert role.address("new", "web") == address
        assert host.sh("cat /run/answers") == "", "the old one answered"
        host.sh("kill $(ip netns pids lan) $(pgrep -f '[A]NSWERS'); rm /run/answers")
        role.run([WEB], [absent("new")])


def test_containers_that_swap_networks_do_not_receive_each_others_calls(host, role):
    """Each keeps its port."""
    static = [{"name": "web", "ipv4_address": "172.30.0.2"}, {"name": "app", "ipv4_address": "172.31.0.2"}]
    ports = ["5351:53/udp", "5352:53/udp"]
    one, two = (on([place], name, port) for place, name, port in zip(static, ("a", "b"), ports))
    role.run([WEB, APP], [one, two])
    for name in ("a", "b"):
        host.start(sys.executable, "-c", ANSWERS, "53", netns=name)
    for port, name in (("5351", "a"), ("5352", "b")):
        host.start(sys.executable, "-c", ASKS, HOST, port, "/run/" + name, netns="lan")
    role.run([WEB, APP], [dict(one, networks=[static[1]]), dict(two, networks=[static[0]])])
    host.sh("sleep 0.3")
    for name in ("a", "b"):
        assert set(host.sh("cat /run/" + name).split()) == {name}


def test_one_port_in_every_form_leaves_nothing(host, role):
    forms = ["8080:80", "8080:80/udp", "127.0.0.1:8081:81", f"{HOST}:8081:82", "[::1]:8081:81/udp"]
    before = host.sh("nft list ruleset")
    role.run([WEB], [on("web", "c", *forms)])
    assert len(published(host)) == 7
    role.run([WEB], [on("web", "c")])
    assert published(host) == set()
    role.run([{"name": "web", "state": "absent"}], [absent("c")])
    assert host.sh("nft list ruleset") == before


def test_the_rules_are_the_same_for_one_port_and_for_five_thousand(host, role):
    role.run([WEB], [on("web", "c", "8080:80")])
    one = rules(host)
    role.run([WEB], [on("web", "c", "8080:80", "20000-24998:20000-24998")])
    assert rules(host) == one
    assert arrives(host, "lan", HOST, 24998, "c")


def rules(host):
    """Every rule and chain, and what kind the maps are: a map with intervals would be searched, not looked up."""
    return [line for line in host.sh("nft -t -n list table inet virtnet").splitlines() if "counter" not in line]


def listen(host, address, port, v6only=None, netns=None):
    family = "AF_INET6" if ":" in address else "AF_INET"
    only = f"s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, {v6only});" if v6only is not None else ""
    script = f"import socket, time; s = socket.socket(socket.{family}); {only}"
    script += f"s.bind(({address!r}, {port})); s.listen(); time.sleep(999)"
    pid = host.start("python3", "-c", script, netns=netns)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if any(one["pid"] == pid for one in host.module("network_info")["host"]["listeners"]):
            return pid
    raise AssertionError("no process listens")


def _from_one_port(to, port, receiver):
    """Whether a datagram from the LAN's port 4444, always the same flow, arrives."""
    with inside(receiver):
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with inside("lan"):
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with server, client:
        server.bind(("", 53))
        server.settimeout(3)
        client.bind(("", 4444))
        client.sendto(b"hello", (to, port))
        try:
            return server.recv(100) == b"hello"
        except TimeoutError:
            return False
