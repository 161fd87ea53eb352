# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host with routing rules of its own: a VPN's exit node, two uplinks with a table each, a route into a network.

far --- lan  --- up0 host up1 --- lan2 --- beyond        br-web: c, with port 8080 published
                    |
                   tun0 --- exit
"""

from __future__ import annotations

import json

import pytest
from integration.docs.pages import blocks
from integration.robust import documents, engine

from kit import packets, snapshot
from kit.checkout import HOME
from kit.role import Role, play, playbook_of

WORLD = """
for pair in "lan up0 198.18.0 1" "lan2 up1 198.51.100 2" "exit tun0 10.66.0 3"; do
  set -- $pair
  ip netns add $1
  ip link add $2 type veth peer name eth0 netns $1
  ip link set $2 addrgenmode none; ip netns exec $1 sh -c "echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad"
  ip address add $3.2/24 dev $2; ip address add 2001:db8:$4::2/64 dev $2 nodad
  ip -n $1 address add $3.1/24 dev eth0; ip -n $1 address add 2001:db8:$4::1/64 dev eth0 nodad
  ip link set $2 up; ip -n $1 link set eth0 up; ip -n $1 link set lo up
  ip -n $1 address add 203.0.113.$4/32 dev lo; ip -n $1 address add 2001:db8:f::$4/128 dev lo nodad
  ip -n $1 route change $3.0/24 dev eth0 src 203.0.113.$4; ip -n $1 route add default via $3.2 src 203.0.113.$4
  ip -n $1 -6 route del 2001:db8:$4::/64 dev eth0; ip -n $1 route add 2001:db8:$4::/64 dev eth0 src 2001:db8:f::$4
  ip -n $1 route add default via 2001:db8:$4::2 src 2001:db8:f::$4
  echo 0 >/proc/sys/net/ipv4/conf/$2/rp_filter
done
echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter; echo 0 >/proc/sys/net/ipv4/conf/default/rp_filter
ip route add default via 198.18.0.1; ip route add default via 2001:db8:1::1
"""
EXIT_NODE = """
ip route add default via 10.66.0.1 table 52; ip -6 route add default via 2001:db8:3::1 table 52
ip rule add preference 5270 lookup 52; ip -6 rule add preference 5270 lookup 52
"""
TWO_UPLINKS = """
ip route add default via 198.51.100.1 table 101; ip rule add preference 1000 from 198.51.100.2 lookup 101
ip -6 route add default via 2001:db8:2::1 table 101; ip -6 rule add preference 1000 from 2001:db8:2::2 lookup 101
"""
WEB = {"name": "web", "subnet": "172.30.0.0/16", "subnet6": "fd00:30::/64"}
C = {"name": "c", "networks": ["web"], "ports": ["8080:80"]}
ADDRESSES = ("172.30.0.2", "fd00:30::2")
RULES = ["to 172.30.0.0/16 lookup main", "to fd00:30::/64 lookup main"]


@pytest.fixture
def reachability(host):
    host.sh(WORLD)
    return host


@pytest.fixture
def role(reachability):
    return Role(reachability)


def rules(host):
    """The preferences of the routing rules that a run has created, IPv4 and IPv6."""
    script = 'ip -%d rule show table main | awk \'/ to /{sub(":", "", $1); print $1}\''
    return [[int(line) for line in host.sh(script % version).split()] for version in (4, 6)]


def warnings(role, *lists):
    """The warnings of a run that changes nothing: the plan's, and the engine's."""
    planned = role.plan(*lists)
    topology = {kind: objects for kind, objects in planned["topology"].items() if objects}
    done = role.host.module("topology", check=True, **topology)
    return [one for one in planned["warnings"] if "bridge-nf-call" not in one], done.get("warnings", [])


def the_host_reaches(host):
    return [packets.arrives(host, None, address, 80, "c") for address in ADDRESSES]


def test_packets_to_containers_bypass_an_exit_node(reachability, role):
    before = reachability.snapshot()
    reachability.sh(EXIT_NODE)
    with_exit_node = reachability.snapshot()
    actions = role.change([WEB], [C])
    assert [one["name"] for one in actions if one["kind"] == "rule"] == RULES
    assert rules(reachability) == [[5269], [5269]]
    assert the_host_reaches(reachability) == [True, True]
    assert packets.seen(reachability, "c", "203.0.113.3", 80, "exit") == "10.66.0.2", "out by the exit node, and back"
    assert packets.seen(reachability, "c", "2001:db8:f::3", 80, "exit") == "2001:db8:3::2"
    reachability.sh("ip rule del preference 5270; ip route flush table 52; ip -6 rule del preference 5270")
    role.unchanged([WEB], [C])  # it comes and goes with the VPN's next start
    role.change(purge=True)
    reachability.settle()
    reachability.sh("ip -6 route flush table 52")
    snapshot.same(before, reachability.snapshot())
    assert before != with_exit_node


def test_the_rule_is_repaired_and_moved(reachability, role):
    reachability.sh(EXIT_NODE)
    role.change([WEB], [C])
    reachability.sh("ip rule del preference 5269; ip rule add preference 100 lookup 52")
    assert the_host_reaches(reachability) == [False, True]
    (action,) = role.change([WEB], [C])
    assert (action["action"], action["name"], action["after"]) == ("create", RULES[0], {"preference": 99})
    assert the_host_reaches(reachability) == [True, True]
    reachability.sh("ip -6 rule add preference 100 lookup 52")
    (action,) = role.change([WEB], [C])
    assert (action["action"], action["name"]) == ("change", RULES[1])
    assert (action["before"], action["after"]) == ({"preference": 5269}, {"preference": 99})
    assert rules(reachability) == [[99], [99]] and the_host_reaches(reachability) == [True, True]
    play = [WEB, {"name": "db", "subnet": "172.31.0.0/16"}]
    role.change(play, [C])
    role.change([WEB], [C], purge=True)
    assert rules(reachability) == [[99], [99]]


@pytest.mark.parametrize(
    "what",
    [
        "ip rule add preference 100 from 198.51.100.2 lookup 52",  # what the host answers with that address
        "ip rule add preference 100 iif up1 lookup 52",  # calls of a published port
        "ip rule add preference 100 fwmark 7 lookup 52",
        "ip rule add preference 100 not to 10.0.0.0/8 lookup 52",
    ],
)
def test_selective_rules_before_main_count(reachability, role, what):
    reachability.sh(EXIT_NODE + "ip rule del preference 5270; ip -6 rule del preference 5270;" + what)
    role.change([WEB], [C])
    assert rules(reachability) == [[99], []]
    assert packets.arrives(reachability, "c", "198.51.100.2", 80, None), "a container calls the host, and is answered"
    assert packets.arrives(reachability, None, ADDRESSES[0], 80, "c")


@pytest.mark.parametrize(
    "what",
    [
        "ip rule add not fwmark 51820 lookup 52; ip rule add lookup main suppress_prefixlength 0",  # wg-quick
        "ip rule add preference 100 to 10.0.0.0/8 lookup 52",
        "ip rule add preference 100 lookup 53",  # which is empty
        "ip rule add preference 100 lookup 52 suppress_prefixlength 0",
        "ip rule add preference 100 lookup 52; ip route add throw 172.16.0.0/12 table 52",
        "ip rule add preference 100 oif up1 lookup 52",
    ],
)
def test_rules_that_leave_containers_alone(reachability, role, what):
    reachability.sh(EXIT_NODE + "ip rule del preference 5270; ip -6 rule del preference 5270;" + what)
    role.change([WEB], [C])
    assert rules(reachability) == [[], []]
    assert the_host_reaches(reachability) == [True, True]


def test_replies_that_leave_by_an_exit_node_warn(reachability, role):
    reachability.sh(EXIT_NODE)
    role.change([WEB], [C])
    assert packets.is_lost(reachability, "lan", "198.18.0.2", 8080, "c", 80)
    planned, (four, six) = warnings(role, [WEB], [C])
    assert planned == []
    assert four == (
        "host port 8080/tcp of network web: callers beyond up0 get no answer: rule 5270 (lookup 52) has what "
        "containers answer leave by tun0; to have it leave by the main table: ip rule add preference 5269 from "
        "172.30.0.0/16 lookup main"
    )
    reachability.sh(four.partition("main table: ")[2] + ";" + six.partition("main table: ")[2])
    for address in ("198.18.0.2", "2001:db8:1::2"):
        assert packets.arrives(reachability, "lan", address, 8080, "c", 80)
    assert packets.seen(reachability, "c", "203.0.113.1", 80, "lan") == "198.18.0.2"
    assert warnings(role, [WEB], [C]) == ([], [])
    role.unchanged([WEB], [C])


def test_a_second_uplink_with_its_own_table_warns(reachability, role):
    reachability.sh(TWO_UPLINKS)
    assert packets.arrives(reachability, "lan2", "198.51.100.2", 7, None), "the host itself answers"
    others = [{"name": "d", "networks": ["web"], "ports": ["198.18.0.2:81:80", "127.0.0.1:82:80", "9000-9002:80-82"]}]
    role.change([WEB], [C, *others])
    assert packets.is_lost(reachability, "lan2", "198.51.100.2", 8080, "c", 80)
    planned, found = warnings(role, [WEB], [C, *others])
    assert planned == [] and len(found) == 2
    assert found[0] == (
        "host ports 8080/tcp, 9000-9002/tcp of network web: callers beyond up1 get no answer from 198.51.100.2: rule "
        "1000 (from 198.51.100.2 lookup 101) sees the host's address and not a container's, so answers leave by up0; "
        "publish them on an address of up0, or mark the connections that come in by up1 "
        "(https://github.com/ansible-collections/virtnet.linux/blob/main/docs/what-survives.md#a-host-with-routing-rules-of-its-own)"
    )
    assert "rule 1000 (from 2001:db8:2::2 lookup 101)" in found[1]
    reachability.sh("echo 1 >/proc/sys/net/ipv4/conf/up1/rp_filter")
    assert "by up0, and net.ipv4.conf.up1.rp_filter = 1 drops the calls; publish" in warnings(role, [WEB], [C])[1][0]
    on_first = {**C, "ports": ["198.18.0.2:8080:80"]}
    role.change([WEB], [on_first], purge=True)
    assert warnings(role, [WEB], [on_first]) == ([], [])
    assert packets.arrives(reachability, "lan", "198.18.0.2", 8080, "c", 80)


@pytest.mark.parametrize("rp_filter", [0, 1])
def test_replies_leave_by_the_ingress_uplink_with_a_connection_mark(reachability, role, rp_filter):
    reachability.sh(TWO_UPLINKS + "echo %d >/proc/sys/net/ipv4/conf/up1/rp_filter" % rp_filter)
    (marking,) = [block.text for block in blocks(HOME / "docs" / "what-survives.md") if block.language == "sh"]
    reachability.sh(marking)
    role.change([WEB], [C])
    for address in ("198.51.100.2", "2001:db8:2::2"):
        assert packets.arrives(reachability, "lan2", address, 8080, "c", 80)
    assert packets.arrives(reachability, "lan", "198.18.0.2", 8080, "c", 80)
    assert packets.seen(reachability, "c", "203.0.113.1", 80, "lan") == "198.18.0.2"
    assert warnings(role, [WEB], [C]) == ([], [])


def test_a_later_route_into_a_network_is_reported(reachability, role, tmp_path):
    role.change([WEB], [C])
    reachability.sh("ip route add 172.30.0.0/17 via 10.66.0.1; ip -6 route add blackhole fd00:30::/96")
    assert packets.is_lost(reachability, None, ADDRESSES[0], 80, "c")
    planned, found = warnings(role, [WEB], [C])
    assert found == []
    assert planned == [
        "network web: the host's route to 172.30.0.0/17 by tun0 goes before the network's own (172.30.0.0/16 by "
        "br-web), so nothing from this host or from published ports reaches containers there; take that route away, or "
        "give the network another subnet",
        "network web: the host's blackhole route to fd00:30::/96 goes before the network's own (fd00:30::/64 by "
        "br-web), so nothing from this host or from published ports reaches containers there; take that route away, or "
        "give the network another subnet",
    ]
    checked = played_check(reachability, tmp_path)
    assert checked.code != 0 and "the host's route to 172.30.0.0/17 by tun0 goes before" in checked.output


def test_later_rules_are_reported_by_network_info_and_check(reachability, role, tmp_path):
    role.change([WEB], [C])
    assert reachability.module("network_info")["host"]["routing_warnings"] == []
    checked = played_check(reachability, tmp_path)
    assert checked.code == 0, checked.output
    reachability.sh(TWO_UPLINKS + EXIT_NODE)
    host = reachability.module("network_info")["host"]
    missing = [
        f"network web: rule 1000 (from {source} lookup 101) diverts packets for {subnet}, and no rule `{rule}` "
        "precedes it; run the playbook that made the network, or `virtnet restore`"
        for source, subnet, rule in (
            ("198.51.100.2", WEB["subnet"], RULES[0]),
            ("2001:db8:2::2", WEB["subnet6"], RULES[1]),
        )
    ]
    assert host["warnings"] == [] and host["routing_warnings"][:2] == missing
    found = host["routing_warnings"][2:]
    assert found == warnings(role, [WEB], [C])[1] and len(found) == 4
    checked = played_check(reachability, tmp_path)
    assert checked.code != 0 and "rule %s missing" % RULES[0] in checked.output
    for sentence in host["routing_warnings"]:
        assert sentence in checked.output.replace('\\"', '"')
    role.change([WEB], [C])
    assert reachability.module("network_info")["host"]["routing_warnings"] == found, "the rules are there again"


def played_check(host, directory):
    """The playbook check, of what WEB and C declare."""
    variables = {"bridge_network_networks": [WEB], "bridge_network_containers": [C], "bridge_network_persist": False}
    local = {"ansible_connection": "local", "ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    (directory / "vars.json").write_text(json.dumps({**variables, **local}))
    return play(host, "virtnet.linux.check", directory, "-e", "@%s" % (directory / "vars.json"))


def test_the_command_virtnet_reports_and_restores_the_rule(reachability, role, tmp_path):
    """At boot a VPN may add its rules after virtnet-restore.service has run."""
    engine.own_disks(reachability)
    lists = {"networks": [WEB], "containers": [C], "persist": True}
    played = play(reachability, playbook_of(tmp_path, **lists), tmp_path)
    assert played.code == 0, played.output
    reachability.sh(EXIT_NODE + "ip -6 route add fd00:30::/96 via 2001:db8:3::1")
    checked = reachability.try_sh("/usr/local/sbin/virtnet check")
    assert checked.returncode == 1
    assert checked.stdout.splitlines() == ["create rule " + name for name in RULES]
    assert "host port 8080/tcp of network web: callers beyond up0 get no answer" in checked.stderr
    assert "network web: the host's route to fd00:30::/96 by tun0 goes before the network's own" in checked.stderr
    reachability.sh("ip -6 route del fd00:30::/96; /usr/local/sbin/virtnet restore")
    assert the_host_reaches(reachability) == [True, True]


def test_a_killed_run_is_completed_by_the_next(reachability):
    reachability.sh(EXIT_NODE)
    before = reachability.snapshot()
    making = documents.complete({
        "bridge": [{"name": "br-web", "addresses": ["172.30.0.1/16", "fd00:30::1/64"]}],
        "bridge_policy": [{"bridge": "br-web", "subnets": ["172.30.0.0/16", "fd00:30::/64"]}],
    })  # fmt: skip
    removing = documents.absent(making)
    for step in range(len(engine.run(reachability, making, check=True))):
        engine.run(reachability, making, stop_after=step)
        engine.run(reachability, making)
        assert rules(reachability) == [[5269], [5269]] and engine.run(reachability, making, check=True) == []
        engine.run(reachability, removing, stop_after=step)
        engine.run(reachability, removing)
        snapshot.same(before, reachability.snapshot())
