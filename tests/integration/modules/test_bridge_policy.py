# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module bridge_policy: ingress and egress with each option, and what is refused.

What the firewall does with every kind of packet is in tests/integration/firewall.
"""

from __future__ import annotations

import pytest

from kit import packets, snapshot, topologies
from kit.topologies import HOST, HOST6, OUTSIDE, OUTSIDE6, policy


@pytest.fixture
def site(host):
    host.module("topology", **topologies.site())
    return host


def verbs(result):
    return [(action["action"], action["kind"], action["name"]) for action in result["actions"]]


def test_create_idempotent_absent_restores_forwarding(site):
    before = site.snapshot()
    done = site.change("bridge_policy", **policy("br0"))
    assert verbs(done)[0] == ("create", "bridge_policy", "br0")
    assert {name for _verb, kind, name in verbs(done) if kind == "sysctl"} == {
        "net.ipv4.ip_forward",
        "net.ipv6.conf.all.forwarding",
        "net/ipv6/conf/default/accept_ra",
    }
    site.unchanged("bridge_policy", **policy("br0", subnets=["fd00:0:0::/64", "10.0.0.0/24"]))
    gone = site.change("bridge_policy", bridge="br0", state="absent")
    order = [name for _verb, _kind, name in verbs(gone)]
    assert order.index("net.ipv4.ip_forward") < order.index("br0"), "the rules go last"
    site.unchanged("bridge_policy", bridge="br0", state="absent")
    snapshot.same(before, site.snapshot())


def test_masquerade_uses_the_hosts_address(site):
    site.change("bridge_policy", config=[policy("br0"), policy("br1")])
    assert packets.seen(site, "c1", OUTSIDE, 80, "outside") == HOST
    assert packets.seen(site, "c1", OUTSIDE6, 80, "outside") == HOST6
    assert packets.seen(site, "c1", OUTSIDE, 53, "outside", protocol="udp") == HOST
    site.change("bridge_policy", **policy("br0", masquerade=False))
    assert packets.is_lost(site, "c1", OUTSIDE, 80, "outside"), "it has no way back"
    site.sh("ip route add 10.0.0.0/24 via " + HOST, "outside")
    assert packets.seen(site, "c1", OUTSIDE, 80, "outside") == "10.0.0.2"
    site.change("bridge_policy", **policy("br0", masquerade=True))
    assert packets.seen(site, "c1", OUTSIDE, 80, "outside") == HOST


def test_networks_are_isolated_and_ingress_is_dropped(site):
    site.change("bridge_policy", config=[policy("br0"), policy("br1")])
    assert packets.is_lost(site, "c1", "10.1.0.2", 80, "c3")
    assert packets.arrives(site, "c1", "10.0.0.3", 80, "c2")
    site.sh("ip route add 10.0.0.0/24 via " + HOST, "outside")
    assert packets.is_lost(site, "outside", "10.0.0.2", 80, "c1")
    assert packets.arrives(site, None, "10.0.0.2", 80, "c1"), "the host itself may"


def test_internal_has_no_egress(site):
    site.change("bridge_policy", **policy("br0", internal=True))
    assert packets.is_lost(site, "c1", OUTSIDE, 80, "outside")
    assert packets.arrives(site, "c1", "10.0.0.3", 80, "c2")
    assert packets.arrives(site, None, "10.0.0.2", 80, "c1")
    site.change("bridge_policy", **policy("br0", internal=False))
    assert packets.arrives(site, "c1", OUTSIDE, 80, "outside")


def test_icc_false_isolates_containers(site):
    site.change("bridge_policy", **policy("br0", icc=False))
    assert packets.is_lost(site, "c1", "10.0.0.3", 80, "c2")
    assert packets.arrives(site, "c1", OUTSIDE, 80, "outside")
    site.change("bridge_policy", **policy("br0", icc=True))
    assert packets.arrives(site, "c1", "10.0.0.3", 80, "c2")


def test_gateway_mode_routed_translates_nothing(site):
    site.change("bridge_policy", **policy("br0", gateway_mode="routed", masquerade=False))
    site.sh("ip route add 10.0.0.0/24 via " + HOST, "outside")
    assert packets.seen(site, "c1", OUTSIDE, 80, "outside") == "10.0.0.2"
    assert packets.ping(site, "outside", "10.0.0.2")
    assert packets.is_lost(site, "outside", "10.0.0.2", 80, "c1")


def test_snat_address_is_the_egress_source(site):
    site.sh("ip address add 198.51.100.9/24 dev outside0; ip address add 2001:db8::9/64 dev outside0 nodad")
    site.change("bridge_policy", **policy("br0", snat_address="198.51.100.9", snat_address6="2001:db8::9"))
    assert packets.seen(site, "c1", OUTSIDE, 80, "outside") == "198.51.100.9"
    assert packets.seen(site, "c1", OUTSIDE6, 80, "outside") == "2001:db8::9"
    site.change("bridge_policy", **policy("br0"))
    assert packets.seen(site, "c1", OUTSIDE, 80, "outside") == HOST


def test_trusted_interfaces_are_accepted(site):
    site.change("bridge_policy", **policy("br0", trusted_interfaces=["outside0"]))
    site.sh("ip route add 10.0.0.0/24 via " + HOST, "outside")
    assert packets.seen(site, "outside", "10.0.0.2", 80, "c1") == OUTSIDE
    site.change("bridge_policy", **policy("br0", trusted_interfaces=[]))
    assert packets.is_lost(site, "outside", "10.0.0.2", 80, "c1")


@pytest.mark.parametrize(
    "script", ["nft flush ruleset", "nft flush table inet virtnet", "nft delete table bridge virtnet"]
)
def test_a_flushed_ruleset_is_repaired(site, script):
    site.module("bridge_policy", config=[policy("br0", icc=False), policy("br1")])
    before = site.snapshot()
    site.sh(script)
    done = site.change("bridge_policy", config=[policy("br0", icc=False), policy("br1")])
    assert done["changed"]
    # what guards and reflects at the ports is of their own module
    site.module("veth", config=topologies.site()["veth"])
    snapshot.same(before, site.snapshot())
    assert packets.seen(site, "c1", OUTSIDE, 80, "outside") == HOST
    assert packets.is_lost(site, "c1", "10.1.0.2", 80, "c3")


def test_a_container_reaches_no_vxlan_port_outside_its_network(site):
    """Also on a host without tunnels: its packet would have the host's address, which other hosts may accept."""
    site.change("bridge_policy", config=[policy("br0"), policy("br1")])
    for to, receiver in ((OUTSIDE, "outside"), (OUTSIDE6, "outside"), ("10.0.0.1", None)):
        assert packets.is_lost(site, "c1", to, 4789, receiver, protocol="udp")
        assert packets.arrives(site, "c1", to, 4790, receiver, protocol="udp")
    assert packets.arrives(site, "c1", "10.0.0.3", 4789, "c2", protocol="udp")
    assert packets.arrives(site, None, OUTSIDE, 4789, "outside", protocol="udp"), "the host itself may"
    site.change("bridge_policy", config=[{"bridge": name, "state": "absent"} for name in ("br0", "br1")])
    assert "4789" not in site.sh("nft list ruleset")


def test_gateway_mode6_is_for_ipv6_alone(site):
    site.change("bridge_policy", **policy("br0", gateway_mode6="routed"))
    site.unchanged("bridge_policy", **policy("br0", gateway_mode6="routed"))
    for subnet, host in (("10.0.0.0/24", HOST), ("fd00::/64", HOST6)):
        site.sh("ip route add %s via %s" % (subnet, host), "outside")
    assert packets.seen(site, "c1", OUTSIDE, 80, "outside") == HOST
    assert packets.seen(site, "c1", OUTSIDE6, 80, "outside") == "fd00::2"
    assert packets.ping_is_lost(site, "outside", "10.0.0.2") and packets.ping(site, "outside", "fd00::2")
    site.change("bridge_policy", **policy("br0", gateway_mode6="nat"))
    assert packets.seen(site, "c1", OUTSIDE6, 80, "outside") == HOST6
    assert packets.ping_is_lost(site, "outside", "fd00::2")
    site.unchanged("bridge_policy", **policy("br0"))
    (problem,) = site.refused("bridge_policy", **policy("br0", gateway_mode="isolated", gateway_mode6="nat"))
    assert "gateway_mode isolated is for both families" in problem


def test_foreign_tables_are_left_untouched(site):
    site.sh("nft 'add table inet mine; add chain inet mine c { type filter hook forward priority 10; policy accept; }'")
    site.change("bridge_policy", **policy("br0"))
    site.change("bridge_policy", bridge="br0", state="absent")
    assert "table inet mine" in site.sh("nft list ruleset")


def test_a_host_that_forwarded_before_still_forwards(site):
    site.sh("echo 1 >/proc/sys/net/ipv4/ip_forward")
    before = site.snapshot()
    site.change("bridge_policy", **policy("br0"))
    site.change("bridge_policy", bridge="br0", state="absent")
    snapshot.same(before, site.snapshot())
    assert site.sysctl("ipv4/ip_forward") == "1"


def test_the_host_does_not_become_a_router(site):
    site.module("netns", name="far")
    peer = {"name": "eth0", "netns": "far", "addresses": ["203.0.113.2/24"], "gateway": "203.0.113.1"}
    site.module("veth", name="far0", addresses=["203.0.113.1/24"], peer=peer)
    site.sh("ip route add default via " + HOST, "outside")
    site.change("bridge_policy", **policy("br0"))
    assert packets.is_lost(site, "far", OUTSIDE, 80, "outside")
    assert packets.seen(site, "c1", "203.0.113.2", 80, "far") == "203.0.113.1"


def test_removal_works_without_runtime_state(site):
    site.module("bridge_policy", **policy("br0"))
    site.sh("rm -r /run/virtnet")
    site.unchanged("bridge_policy", **policy("br0"))
    site.change("bridge_policy", bridge="br0", state="absent")
    assert site.sysctl("ipv4/ip_forward") == site.sysctl("ipv6/conf/all/forwarding") == "0"
    assert packets.arrives(site, "c1", "10.0.0.3", 80, "c2")


def test_all_errors_are_reported_at_once(site):
    problems = site.refused("bridge_policy", config=[
        {"bridge": "sixteen-bytes-xx", "subnets": []},
        {"bridge": "br0"},
        policy("br1", subnets=["10.1.0.1/24", "10.1.0.0/24"]),
        policy("br1", snat_address="fd00::1", snat_address6="1.2.3.4", trusted_interfaces=["with space"],
               uplinks=["default"]),
    ], )  # fmt: skip
    for expected in (
        "sixteen-bytes-xx",
        "br0: subnets",
        "has host bits set; write 10.1.0.0/24",
        "snat_address",
        "snat_address6",
        "with space",
        "uplinks: 'default'",
    ):
        assert any(expected in problem for problem in problems), (expected, problems)
    assert any("declared twice" in problem for problem in problems)


@pytest.mark.parametrize("subnet", ["fd00::%eth0/64", "fd00::% }\nflush ruleset\n/64"])
def test_a_scope_zone_is_refused_before_nft(site, subnet):
    """For Python's ipaddress it is part of a network, and may be any text, which would get into the transaction."""
    (problem,) = site.refused("bridge_policy", bridge="br0", subnets=[subnet])
    assert problem.endswith(
        "subnets: '%s': must be an IP subnet in CIDR notation, like 172.30.0.0/16 or fd00:30::/64" % subnet
    )
    (problem,) = site.refused("veth", name="v-c1", anti_spoofing=True, allowed_addresses=[subnet],
                              peer={"netns": "c1", "name": "eth0"})  # fmt: skip
    assert "allowed_addresses: '%s'" % subnet in problem


def test_a_missing_bridge_is_refused_and_a_warning_in_check_mode(site):
    result = site.module("bridge_policy", **policy("br9"))
    assert result["failed"] and "br9" in result["msg"]
    assert "br9" in site.module("bridge_policy", check=True, **policy("br9"))["warnings"][0]
    site.unchanged("bridge_policy", bridge="br9", state="absent")


def test_options_and_config_are_mutually_exclusive(site):
    assert "never both" in site.refused("bridge_policy", icc=False, config=[policy("br0")])[0]
    assert "bridge is required" in site.refused("bridge_policy")[0]
