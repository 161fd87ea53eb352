# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Foreign firewalls that drop forwarded packets: Docker's, ufw's, a plain one of nft.

They are loaded with iptables and nft, as those programs do it. The role reports them, makes them accept its networks on
request, and removes those rules again.
"""

from __future__ import annotations

import json

import pytest
from integration.docker_scenarios.declarations import APP, HOST, HOST6, LAN, WEB, absent, on

from kit.packets import arrives, is_lost

DOCKER = """
for iptables in iptables ip6tables; do
  $iptables -P FORWARD DROP
  $iptables -N DOCKER-USER
  $iptables -N DOCKER-FORWARD
  $iptables -A FORWARD -j DOCKER-USER
  $iptables -A FORWARD -j DOCKER-FORWARD
  $iptables -A DOCKER-FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
  $iptables -A DOCKER-FORWARD -i docker0 -j ACCEPT
done
"""
UFW = """
for v in '' 6; do
  t=ip${v}tables
  $t -P FORWARD DROP
  for chain in before after reject user; do $t -N ufw$v-$chain-forward; $t -A FORWARD -j ufw$v-$chain-forward; done
  $t -D FORWARD -j ufw$v-user-forward
  $t -A ufw$v-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
  $t -A ufw$v-before-forward -p icmp -j ACCEPT
  $t -A ufw$v-before-forward -j ufw$v-user-forward
  $t -A ufw$v-reject-forward -j REJECT
done
"""
PLAIN = """
nft -f - <<'NFT'
table inet filter {
    chain forward {
        type filter hook forward priority 10; policy accept;
        ct state established,related accept
        iifname "eth7" oifname "eth8" accept
        counter comment "everything else"
        jump last
    }
    chain last { reject with icmpx admin-prohibited; }
}
NFT
"""
FIREWALLD = """
nft -f - <<'NFT'
table inet firewalld {
    chain filter_FORWARD {
        type filter hook forward priority 10; policy accept;
        ct state { established, related } accept
        ct status dnat accept
        iifname "lo" accept
        ct state invalid drop
        jump filter_FORWARD_ZONES
        reject with icmpx admin-prohibited
    }
    chain filter_FORWARD_ZONES { iifname "up0" goto filter_FWD_public; }
    chain filter_FWD_public { meta l4proto { icmp, ipv6-icmp } accept; }
    chain filter_FWD_trusted { accept; }
}
NFT
"""
WHERE = {
    "docker": (DOCKER, {"ip filter": "DOCKER-USER", "ip6 filter": "DOCKER-USER"}, "policy drop"),
    "ufw": (UFW, {"ip filter": "ufw-user-forward", "ip6 filter": "ufw6-user-forward"}, "REJECT"),
    "plain": (PLAIN, {"inet filter": "forward"}, "reject"),
}
CONTAINERS = [on("web", "a", "8080:80"), on("web", "b"), on("app", "far")]


def ways(host, role):
    """Calls that foreign firewalls drop, by what they are."""
    return {
        "published": lambda: ("lan", HOST, 8080, "a", 80),
        "published, IPv6": lambda: ("lan", HOST6, 8080, "a", 80),
        "way out": lambda: ("a", LAN, 80, "lan", 80),
        "across networks": lambda: ("far", HOST, 8080, "a", 80),
        "on one bridge": lambda: ("b", role.address("a", "web"), 81, "a", 81),
    }


def warned(planned):
    """The warnings about foreign firewalls that drop."""
    return [one for one in planned["warnings"] if "drops what it forwards" in one]


def foreign(host):
    """All foreign tables, without counters."""
    listing = json.loads(host.sh("nft -j list ruleset"))["nftables"]
    kept = []
    for item in listing:
        kind, what = next(iter(item.items()))
        if kind in ("chain", "rule") and what["table"] != "virtnet":
            expr = [one for one in what.get("expr", []) if "counter" not in one]
            kept.append((kind, what["family"], what["table"], what.get("chain", what.get("name")), json.dumps(expr)))
    return kept


@pytest.mark.parametrize("kind", WHERE)
def test_a_dropping_firewall_is_reported_accepts_the_networks_and_is_restored(host, role, kind):
    script, places, rule = WHERE[kind]
    host.sh(script)
    before = foreign(host)
    warnings = warned(role.plan([WEB, APP], CONTAINERS))
    assert len(warnings) == 2 * len(places)
    for table, chain in places.items():
        (warning,) = [one for one in warnings if f"table {table}," in one and "network web" in one]
        assert rule in warning and "bridge_network_manage_foreign_firewall: true" in warning
        assert f"nft insert rule {table} {chain} iifname br-web accept" in warning
    role.run([WEB, APP], CONTAINERS)
    assert foreign(host) == before, "nothing is touched unless it is asked for"
    assert [way for way, call in ways(host, role).items() if not is_lost(host, *call())] == [], "the control"

    did = role.run([WEB, APP], CONTAINERS, manage_foreign_firewall=True)
    assert len(did) == 2 * len(places) and all(line.startswith("create foreign_firewall br-") for line in did)
    assert [way for way, call in ways(host, role).items() if not arrives(host, *call())] == []
    assert is_lost(host, "lan", HOST, 8081, "a", 81), "what is let in is still ours to say"
    added = [one for one in foreign(host) if one not in before]
    assert {(f"{family} {table}", chain) for _kind, family, table, chain, _expr in added} == set(places.items())

    role.run([WEB, {"name": "app", "state": "absent"}], [absent("far")], manage_foreign_firewall=True)
    assert all("br-app" not in one[-1] for one in foreign(host))
    role.run([WEB], CONTAINERS[:2])
    assert foreign(host) == before, "the variable is false again"


def test_the_reported_remedy_works(host, role):
    host.sh(DOCKER)
    warnings = warned(role.plan([WEB], CONTAINERS[:2]))
    role.run([WEB], CONTAINERS[:2])
    assert is_lost(host, "lan", HOST, 8080, "a", 80)
    for warning in warnings:
        host.sh(warning.split("or run: ")[1])
    assert arrives(host, "lan", HOST, 8080, "a", 80) and arrives(host, "a", LAN, 80, "lan")
    assert warned(role.plan([WEB], CONTAINERS[:2])) == []
    before = foreign(host)
    role.run([WEB], CONTAINERS[:2], manage_foreign_firewall=True)
    assert foreign(host) == before, "it was accepted already"


@pytest.mark.parametrize("rule", ['iifname != "eth7" drop', 'oifname != { "eth7", "eth8" } reject'])
def test_a_drop_with_exceptions_is_reported_and_the_remedy_works(host, role, rule):
    host.sh("nft 'table inet mine { chain f { type filter hook forward priority 0; %s; }; }'" % rule)
    warnings = warned(role.plan([WEB], CONTAINERS[:2]))
    role.run([WEB], CONTAINERS[:2])
    assert warnings and is_lost(host, "lan", HOST, 8080, "a", 80)
    for warning in warnings:
        host.sh(warning.split("or run: ")[1])
    assert arrives(host, "lan", HOST, 8080, "a", 80) and arrives(host, "a", LAN, 80, "lan")


def test_drops_within_a_bridge_are_reported_only_with_br_netfilter(host, role):
    host.sh("echo 0 | tee /proc/sys/net/bridge/bridge-nf-call-iptables >/proc/sys/net/bridge/bridge-nf-call-ip6tables")
    host.sh(DOCKER)
    inside = {**WEB, "internal": True}
    assert warned(role.plan([inside], [on("web", "a")])) == []
    role.run([WEB], CONTAINERS[:2])
    assert arrives(host, "b", role.address("a", "web"), 81, "a")


def test_rules_lost_by_a_reload_are_added_again(host, role):
    host.sh(DOCKER)
    role.run([WEB], CONTAINERS[:2], manage_foreign_firewall=True)
    host.sh("iptables -F DOCKER-USER; ip6tables -F DOCKER-USER")
    assert is_lost(host, "lan", HOST, 8080, "a", 80)
    role.run([WEB], CONTAINERS[:2], manage_foreign_firewall=True)
    assert arrives(host, "lan", HOST, 8080, "a", 80)


def test_the_last_network_leaves_foreign_tables_unchanged(host, role):
    host.sh(DOCKER)
    before = foreign(host)
    role.run([WEB], CONTAINERS[:2], manage_foreign_firewall=True)
    role.run([{"name": "web", "state": "absent"}], [absent("a"), absent("b")], manage_foreign_firewall=True)
    assert foreign(host) == before


def test_a_policy_of_accept_is_kept_when_forwarding_is_enabled(host, role):
    host.sh("iptables -P FORWARD ACCEPT; iptables -A FORWARD -i eth9 -j DROP")
    before = foreign(host)
    assert warned(role.plan([WEB], CONTAINERS[:2])) == []
    role.run([WEB], CONTAINERS[:2], manage_foreign_firewall=True)
    assert foreign(host) == before and host.sysctl("ipv4/ip_forward") == "1"
    assert arrives(host, "lan", HOST, 8080, "a", 80)


def test_a_firewall_that_accepts_dnat_only_drops_egress(host, role):
    """The rules of firewalld 1.3, without the program."""
    host.sh(FIREWALLD)
    (warning,) = warned(role.plan([WEB], CONTAINERS[:2]))
    assert "inet firewalld, chain filter_FORWARD (reject" in warning
    role.run([WEB], CONTAINERS[:2])
    assert arrives(host, "lan", HOST, 8080, "a", 80) and is_lost(host, "a", LAN, 80, "lan")
    host.sh("nft insert rule inet firewalld filter_FORWARD_ZONES iifname br-web goto filter_FWD_trusted")
    assert warned(role.plan([WEB], CONTAINERS[:2])) == [], "as its zone trusted does"
    assert arrives(host, "a", LAN, 80, "lan")


def test_iptables_legacy_is_reported_and_left_untouched(host, role):
    host.sh("iptables-legacy -P FORWARD DROP")
    (warning,) = warned(role.plan([WEB], CONTAINERS[:2]))
    assert "iptables-legacy -I FORWARD -i br-web -j ACCEPT" in warning
    before = host.sh("iptables-legacy -S")
    role.run([WEB], CONTAINERS[:2], manage_foreign_firewall=True)
    assert host.sh("iptables-legacy -S") == before
    host.sh(warning.split("or run: ")[1])
    assert warned(role.plan([WEB], CONTAINERS[:2])) == []
    assert arrives(host, "lan", HOST, 8080, "a", 80)


def test_foreign_firewall_predicts_applies_and_is_idempotent(host, role):
    host.sh(DOCKER)
    role.run([WEB], CONTAINERS[:2])
    before = foreign(host)
    predicted = host.module("foreign_firewall", check=True, diff=True, bridge="br-web")
    assert foreign(host) == before
    done = host.module("foreign_firewall", diff=True, bridge="br-web")
    assert done == predicted and "accepts: what comes from br-web" in done["diff"]["after"]
    assert not host.module("foreign_firewall", bridge="br-web")["changed"]
    assert [action["name"] for action in done["actions"]] == [
        "br-web in ip filter DOCKER-USER",
        "br-web in ip6 filter DOCKER-USER",
    ]
    assert host.module("network_info")["host"]["foreign_accepts"] == ["br-web"]
    assert host.module("foreign_firewall", bridge="br-web", state="absent")["changed"]
    assert foreign(host) == before
    assert not host.module("foreign_firewall", bridge="br-web", state="absent")["changed"]
    assert "no bridge of this name" in host.module("foreign_firewall", bridge="br-none")["problems"][0]
