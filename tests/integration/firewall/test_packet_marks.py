# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Foreign packet marks beside the collection's two bits: policy routing works, and a collision warns."""

from __future__ import annotations

import pytest
from integration.docker_scenarios.declarations import HOST, WEB, on
from integration.role_l2l3.conftest import host, role

from kit.host import Host
from kit.packets import arrives, is_lost, seen

__all__ = ("host", "role")

HOST2, CLIENT = {4: "198.51.100.2", 6: "2001:db8:2::2"}, {4: "203.0.113.9", 6: "2001:db8:9::9"}
# Answers leave by the uplink that their connection came in by, the usual way: the connection's mark and a rule for it.
SECOND_UPLINK = """
ip netns add isp
ip link add up1 type veth peer name eth0 netns isp
ip address add 198.51.100.2/24 dev up1; ip address add 2001:db8:2::2/64 dev up1 nodad; ip link set up1 up
ip -n isp link set lo up; ip -n isp address add 198.51.100.1/24 dev eth0
ip -n isp address add 2001:db8:2::1/64 dev eth0 nodad; ip -n isp link set eth0 up
ip -n isp address add 203.0.113.9/32 dev lo; ip -n isp address add 2001:db8:9::9/128 dev lo
ip -n isp route add 198.51.100.2 dev eth0 src 203.0.113.9
ip -n isp route add 2001:db8:2::2 dev eth0 src 2001:db8:9::9
ip route add default via 198.51.100.1 table 102; ip -6 route add default via 2001:db8:2::1 table 102
ip rule add fwmark 2 lookup 102; ip -6 rule add fwmark 2 lookup 102
nft -f - <<'END'
table inet uplinks {
    chain remember {
        type filter hook prerouting priority mangle
        iifname up1 ct mark set 2
        iifname "br-*" meta mark set ct mark
    }
}
END
"""


@pytest.mark.parametrize("call_iptables", [0, 1])
def test_replies_use_the_uplink_of_a_policy_routing_mark(host, role, call_iptables):
    host.sh(SECOND_UPLINK)
    role.run([{**WEB, "icc": False}], [on("web", "a", "8080:80"), on("web", "b")])
    host.sh("for one in ip6tables iptables; do echo %d >/proc/sys/net/bridge/bridge-nf-call-$one; done" % call_iptables)
    for version in (4, 6):
        assert seen(host, "isp", HOST2[version], 8080, "a", 80) == CLIENT[version], version
        assert arrives(host, "b", HOST2[version], 8080, "a", 80), "a neighbour, past icc: false"
        assert arrives(host, "a", HOST2[version], 8080, "a", 80), "itself"
        assert is_lost(host, "b", role.address("a", "web", version), 80, "a")
    host.sh("nft add chain inet uplinks every '{ type filter hook prerouting priority -149; }';"
            "nft add rule inet uplinks every meta mark set 4")  # fmt: skip
    for version in (4, 6):
        assert arrives(host, "b", HOST2[version], 8080, "a", 80), "a neighbour, with a mark of others"
        assert arrives(host, "a", HOST2[version], 8080, "a", 80), "itself, with a mark of others"
    assert arrives(host, "lan", HOST, 8080, "a", 80)


# what a foreign table does with marks, and how network_info reports it; the second half is not reported
RULES = {
    "meta mark set 0x20000000": "sets",
    "meta mark set meta mark | 0x10000000": "sets",
    "meta mark set tcp dport map { 22 : 0x30000000 }": "sets",
    "meta mark & 0x20000000 == 0x20000000 accept": "tests",
    "meta mark & 0xffff0000 == 0 accept": "tests",
    "meta mark 0x10000001 accept": "tests",
    "meta mark { 1, 0x20000000 } accept": "tests",
    "meta mark set 0xca6c": "",
    "meta mark set ct mark": "",
    "ct mark set meta mark": "",
    "meta mark set meta mark & 0xffff00ff | 0x4000": "",
    "meta mark & 0xff0000 == 0x80000 accept": "",
    "meta mark 1 accept": "",
    "meta mark != 0 accept": "",
    "meta mark set tcp dport map @ports": "",
    "meta priority set 0x20000000": "",
}


def warnings(host):
    return [one for one in host.module("network_info")["host"]["warnings"] if "packet mark" in one]


@pytest.fixture(scope="module")
def marked():
    with Host() as made:
        made.sh("nft add table inet theirs; nft add map inet theirs ports '{ type inet_service : mark; }';"
                "nft add chain inet theirs early '{ type filter hook prerouting priority mangle; }'")  # fmt: skip
        made.module("bridge", name="br-web")
        yield made


@pytest.mark.parametrize("rule", RULES)
def test_foreign_chains_that_use_the_mark_bits_are_reported(marked, rule):
    marked.sh("nft flush chain inet theirs early; nft add rule inet theirs early '%s'" % rule)
    found = warnings(marked)
    if RULES[rule]:
        (warning,) = found
        assert warning.startswith("chain early of the nftables table inet theirs %s bits " % RULES[rule])
        assert warning.endswith("use other bits there")
    else:
        assert found == []


def test_no_mark_warning_without_managed_networks(host):
    host.sh("nft add table inet theirs; nft add chain inet theirs early '{ type filter hook prerouting priority 0; }';"
            "nft add rule inet theirs early meta mark set 0x20000000")  # fmt: skip
    assert warnings(host) == []


def test_marks_set_after_the_collections_chains_are_not_reported(marked):
    marked.sh("nft flush chain inet theirs early; nft add chain inet theirs late "
              "'{ type filter hook postrouting priority mangle; }'; "
              "nft add rule inet theirs late meta mark set 0x20000000")  # fmt: skip
    assert warnings(marked) == []
    marked.sh("nft delete chain inet theirs late")


def test_iptables_mark_matches_are_reported(marked):
    marked.sh("iptables -t mangle -A PREROUTING -m mark --mark 0x10000000/0x10000000 -j ACCEPT")
    (warning,) = warnings(marked)
    assert "chain PREROUTING of the nftables table ip mangle tests bits" in warning
    marked.sh("iptables -t mangle -F")


def test_a_foreign_mark_of_bridged_packets_makes_the_host_route(host, role):
    """A foreign mark that equals the collection's mark of bridged packets makes this host route them."""
    host.sh(SECOND_UPLINK)
    role.run([WEB], [on("web", "a")])
    host.sh("ip -n lan route add 198.51.100.0/24 via 192.0.2.2; ip -n isp route add 192.0.2.0/24 via 198.51.100.2")
    assert is_lost(host, "lan", "198.51.100.1", 80, "isp")
    host.sh("nft add rule inet uplinks remember meta mark set 0x20000000")
    assert arrives(host, "lan", "198.51.100.1", 80, "isp")
    assert len(warnings(host)) == 1
