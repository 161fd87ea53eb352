# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module nat_port: reachability of a published port, its changes, and what is refused."""

from __future__ import annotations

import socket

import pytest

from kit import packets, snapshot, topologies
from kit.host import inside, run_module
from kit.topologies import HOST, HOST6, OUTSIDE, policy

WEB = {"host_port": "8080", "to_address": "10.0.0.2", "to_port": "80", "bridge": "br0"}
WEB6 = {**WEB, "to_address": "fd00:0::2"}


@pytest.fixture
def site(host):
    host.module("topology", **topologies.site(), bridge_policy=[policy("br0"), policy("br1")])
    return host


def verbs(result):
    return [(action["action"], action["name"]) for action in result["actions"] if action["kind"] == "nat_port"]


def published(host):
    live = host.module("network_info")["nat_ports"]
    return [(one["protocol"], one["host_ip"], one["host_port"], one["to_address"], one["to_port"]) for one in live]


def test_create_idempotent_absent(site):
    before = site.snapshot()
    done = site.change("nat_port", **WEB)
    assert verbs(done) == [("create", "0.0.0.0:8080/tcp")]
    assert done["actions"][0]["after"] == {"to": "10.0.0.2:80", "bridge": "br0"}
    assert published(site) == [("tcp", None, 8080, "10.0.0.2", 80)]
    gone = site.change("nat_port", host_port="8080", state="absent")
    assert verbs(gone) == [("delete", "0.0.0.0:8080/tcp")]
    site.unchanged("nat_port", host_port="8080", state="absent")
    snapshot.same(before, site.snapshot())


def test_a_published_port_is_reachable_from_every_source(site):
    site.change("nat_port", config=[WEB, WEB6])
    assert packets.seen(site, "outside", HOST, 8080, "c1", 80) == OUTSIDE, "the server sees who calls"
    assert packets.arrives(site, None, HOST, 8080, "c1", 80), "the host by its address"
    assert packets.arrives(site, None, "127.0.0.1", 8080, "c1", 80), "the host by 127.0.0.1"
    assert packets.arrives(site, None, "10.0.0.1", 8080, "c1", 80), "the host by the gateway's address"
    assert packets.arrives(site, "c2", HOST, 8080, "c1", 80), "a container of the same network"
    assert packets.arrives(site, "c3", HOST, 8080, "c1", 80), "a container of another network"
    assert packets.arrives(site, "c1", HOST, 8080, "c1", 80), "the container itself"
    assert packets.arrives(site, "outside", HOST6, 8080, "c1", 80)
    assert packets.arrives(site, "c2", HOST6, 8080, "c1", 80)
    # where bridged packets meet NAT, IPv6 drops the answer, which is for ::1 before IPv6 sees it
    site.sh("echo 0 >/proc/sys/net/bridge/bridge-nf-call-ip6tables")
    assert packets.arrives(site, None, "::1", 8080, "c1", 80)


def test_only_the_published_port_is_reachable(site):
    site.change("nat_port", **WEB)
    site.sh("ip route add 10.0.0.0/24 via " + HOST, "outside")
    assert packets.is_lost(site, "outside", HOST, 8081, "c1", 80)
    assert packets.is_lost(site, "outside", "10.0.0.2", 80, "c1")
    assert packets.is_lost(site, "outside", HOST, 8080, "c1", 80, protocol="udp")
    site.change("nat_port", host_port="8080", state="absent")
    assert packets.is_lost(site, "outside", HOST, 8080, "c1", 80)


def test_the_same_port_of_the_two_protocols(site):
    site.change("nat_port", config=[WEB, {**WEB, "protocol": "udp", "to_address": "10.0.0.3", "to_port": "53"}])
    assert packets.arrives(site, "outside", HOST, 8080, "c1", 80)
    assert packets.arrives(site, "outside", HOST, 8080, "c2", 53, protocol="udp")


def test_sctp_is_published_too(site):
    site.change("nat_port", **{**WEB, "protocol": "sctp"})
    assert published(site) == [("sctp", None, 8080, "10.0.0.2", 80)]


@pytest.mark.parametrize("change", [{"to_address": "10.0.0.3"}, {"to_port": "81"}, {"bridge": None}])
def test_the_target_is_changed_in_place(site, change):
    site.module("nat_port", **WEB)
    desired = {**WEB, **change}
    assert verbs(site.change("nat_port", **desired)) == [("change", "0.0.0.0:8080/tcp")]
    receiver = "c2" if desired["to_address"] == "10.0.0.3" else "c1"
    assert packets.arrives(site, "outside", HOST, 8080, receiver, int(desired["to_port"]))
    assert len(published(site)) == 1


def test_to_port_defaults_to_host_port(site):
    site.change("nat_port", host_port="8080", to_address="10.0.0.2", bridge="br0")
    assert packets.arrives(site, "outside", HOST, 8080, "c1", 8080)


def test_host_ip_publishes_on_that_address_only(site):
    site.sh("ip address add 198.51.100.7/24 dev outside0")
    site.change("nat_port", **WEB, host_ip="198.51.100.7")
    assert packets.arrives(site, "outside", "198.51.100.7", 8080, "c1", 80)
    assert packets.is_lost(site, "outside", HOST, 8080, "c1", 80)
    site.change("nat_port", host_port="8080", host_ip="198.51.100.7", state="absent")
    assert packets.is_lost(site, "outside", "198.51.100.7", 8080, "c1", 80)


def test_a_specific_host_ip_takes_precedence(site):
    site.sh("ip address add 198.51.100.7/24 dev outside0")
    special = {**WEB, "host_ip": "198.51.100.7", "to_address": "10.0.0.3"}
    site.change("nat_port", config=[WEB, special])
    assert packets.arrives(site, "outside", "198.51.100.7", 8080, "c2", 80)
    assert packets.arrives(site, "outside", HOST, 8080, "c1", 80)


def test_a_port_on_loopback_is_reachable_from_the_host_only(site):
    site.change("nat_port", **WEB, host_ip="127.0.0.1")
    assert packets.arrives(site, None, "127.0.0.1", 8080, "c1", 80)
    assert packets.is_lost(site, "outside", HOST, 8080, "c1", 80)
    site.sh("ip route add 127.0.0.1/32 via %s table 7; ip rule add pref 0 to 127.0.0.1 lookup 7" % HOST, "outside")
    site.sh("ip rule del pref 0 lookup local; ip rule add pref 1 lookup local", "outside")
    assert packets.is_lost(site, "outside", "127.0.0.1", 8080, "c1", 80), "not even for who sends it down the wire"


def test_a_range_maps_port_by_port(site):
    done = site.change("nat_port", **{**WEB, "host_port": "8000-8003", "to_port": "9000-9003"})
    assert verbs(done) == [("create", "0.0.0.0:%d/tcp" % port) for port in range(8000, 8004)]
    assert packets.arrives(site, "outside", HOST, 8000, "c1", 9000)
    assert packets.arrives(site, "outside", HOST, 8003, "c1", 9003)
    assert packets.is_lost(site, "outside", HOST, 8004, "c1", 9004)
    shifted = site.change("nat_port", **{**WEB, "host_port": "8002-8003", "to_port": "9003-9004"})
    assert verbs(shifted) == [("change", "0.0.0.0:8002/tcp"), ("change", "0.0.0.0:8003/tcp")]
    assert packets.arrives(site, "outside", HOST, 8002, "c1", 9003)
    site.change("nat_port", host_port="8000-8003", state="absent")
    assert published(site) == []


def conversation(called, first_receiver, second_receiver, meanwhile):
    """One UDP flow from the external host; the repliers before and after a change on the host."""
    family = socket.AF_INET6 if ":" in called else socket.AF_INET
    with inside("outside"):
        client = socket.socket(family, socket.SOCK_DGRAM)
    client.connect((called, 8080))
    servers = {}
    for receiver in (first_receiver, second_receiver):
        with inside(receiver):
            servers[receiver] = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            servers[receiver].bind(("", 53))
            servers[receiver].setblocking(True)
            servers[receiver].settimeout(5)
    client.send(b"one")
    _data, caller = servers[first_receiver].recvfrom(10)
    servers[first_receiver].sendto(b"answer", caller)
    assert client.recv(10) == b"answer"
    meanwhile()
    client.send(b"two")
    return servers[second_receiver].recvfrom(10)[0]


@pytest.mark.parametrize("called, before, after", [(HOST, "10.0.0.2", "10.0.0.3"), (HOST6, "fd00:0::2", "fd00:0::3")])
def test_a_udp_flow_follows_its_port(site, called, before, after):
    dns = {"protocol": "udp", "host_port": "8078-8081", "to_port": "51-54", "bridge": "br0"}
    site.module("nat_port", **dns, to_address=before)
    heard = site.call(conversation, called, "c1", "c2", lambda: run_module("nat_port", {**dns, "to_address": after}))
    assert heard == b"two"


def test_a_udp_flow_older_than_its_port(site):
    site.module("nat_port", host_port="8080", protocol="udp", state="absent")
    dns = {**WEB, "protocol": "udp", "to_port": "53"}

    def publish_late():
        with inside("outside"):
            client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with inside("c1"):
            server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("", 53))
        server.settimeout(5)
        client.connect((HOST, 8080))
        client.send(b"too early")
        run_module("nat_port", dns)
        try:
            client.send(b"now")
        except ConnectionRefusedError:  # the answer to the first
            client.send(b"now")
        return server.recv(20)

    assert site.call(publish_late) == b"now"


@pytest.mark.parametrize("script", ["nft flush ruleset", "nft flush map inet virtnet pub4"])
def test_flushed_ports_are_repaired(site, script):
    site.module("nat_port", **WEB)
    site.sh(script)
    site.module("bridge_policy", config=[policy("br0"), policy("br1")])
    site.change("nat_port", **WEB)
    assert packets.arrives(site, "outside", HOST, 8080, "c1", 80)


def test_a_thousand_ports_and_their_removal(site):
    config = [{**WEB, "host_port": str(10000 + n), "to_port": "80"} for n in range(1000)]
    site.module("nat_port", config=config)
    assert not site.module("nat_port", config=config)["changed"]
    assert packets.arrives(site, "outside", HOST, 10999, "c1", 80)
    site.module("nat_port", host_port="10000-10999", state="absent")
    assert published(site) == []


def test_all_errors_are_reported_at_once(site):
    problems = site.refused("nat_port", config=[
        {**WEB, "host_port": "0"},
        {**WEB, "host_port": "65536"},
        {**WEB, "host_port": "9-8"},
        {**WEB, "host_port": "http"},
        {**WEB, "host_port": "1-3", "to_port": "1-2"},
        {**WEB, "host_port": "81", "to_address": "10.0.0.2/24"},
        {**WEB, "host_port": "82", "host_ip": "::1"},
        {**WEB, "host_port": "83", "host_ip": "nowhere"},
        {"host_port": "84", "bridge": "br0"},
        {**WEB, "host_port": "85-90", "to_port": None},
        {**WEB, "host_port": "90"},
        {**WEB, "host_port": "91", "bridge": "with space"},
    ])  # fmt: skip
    for rule in ("'0'", "'65536'", "'9-8'", "'http'", "as many ports", "10.0.0.2/24", "other address family", "nowhere",
                 "84/tcp: to_address", "declared twice", "with space"):  # fmt: skip
        assert any(rule in problem for problem in problems), (rule, problems)


def test_a_port_on_which_a_process_listens_is_refused_with_its_name(site):
    pid = site.start("python3", "-m", "http.server", "8080")
    site.sh("timeout 10 sh -c 'until ss -Hltn sport = :8080 | grep -q .; do sleep 0.05; done'")

    [problem] = site.refused("nat_port", **WEB)

    assert f"host_port: '8080': python3 (pid {pid}) listens on 0.0.0.0 port 8080/tcp of the host" in problem
    site.change("nat_port", **{**WEB, "protocol": "udp"})
    site.sh("kill %d; timeout 10 tail --pid=%d -f /dev/null" % (pid, pid))
    site.change("nat_port", **WEB)
    site.start("python3", "-m", "http.server", "8080")
    site.unchanged("nat_port", **WEB)


def test_a_missing_bridge_is_refused_and_a_warning_in_check_mode(site):
    result = site.module("nat_port", **{**WEB, "bridge": "br9"})
    assert result["failed"] and "br9" in result["msg"]
    assert "br9" in site.module("nat_port", check=True, **{**WEB, "bridge": "br9"})["warnings"][0]


def test_options_and_config_are_mutually_exclusive(site):
    assert "never both" in site.refused("nat_port", protocol="udp", config=[WEB])[0]
    assert "host_port" in site.refused("nat_port")[0]
    result = site.module("nat_port", **{**WEB, "protocol": "icmp"})
    assert result["failed"] and "tcp, udp, sctp" in result["msg"]
