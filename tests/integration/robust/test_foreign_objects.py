# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Foreign objects on the host are left untouched, through all changes of a network."""

from __future__ import annotations

import pytest
from integration.robust import engine, killing
from integration.robust.documents import absent, complete

from kit import snapshot

# As dockerd, netavark, ufw and hands leave it: bridges, namespaces, veths, tunnels, rules, addresses, routes.
FULL_HOUSE = r"""
ip netns add theirs; ip netns add c9
ip -n theirs link set lo up
ip link add docker0 type bridge; ip address add 172.17.0.1/16 dev docker0; ip link set docker0 up
ip link add br-hand type bridge stp_state 1; ip address add 10.9.0.1/24 dev br-hand; ip link set br-hand up
ip link add vethdead type veth peer name eth0 netns theirs; ip link set vethdead master br-hand up alias 'hands off'
ip -n theirs address add 10.9.0.2/24 dev eth0; ip -n theirs link set eth0 up
ip -n theirs route add default via 10.9.0.1
ip link add vx-hand type vxlan id 99 dstport 4790 local 192.0.2.11; ip link set vx-hand master br-hand up
bridge fdb append 00:00:00:00:00:00 dev vx-hand dst 192.0.2.77
ip route add 198.51.100.0/24 via 192.0.2.1; ip rule add from 198.51.100.0/24 lookup 99
nft -f - <<END
table ip nat {
  chain DOCKER { iifname "docker0" counter return; }
  chain PREROUTING {
    type nat hook prerouting priority dstnat; policy accept
    fib daddr type local counter jump DOCKER
  }
  chain POSTROUTING {
    type nat hook postrouting priority srcnat; policy accept
    ip saddr 172.17.0.0/16 oifname != "docker0" counter masquerade
  }
}
table ip filter {
  chain ufw-user-input { tcp dport 22 counter accept; }
  chain INPUT {
    type filter hook input priority filter; policy accept
    counter jump ufw-user-input
  }
}
table inet netavark {
  map ports {
    type inet_proto . inet_service : ipv4_addr
    elements = { tcp . 7000 : 10.88.0.2 }
  }
  chain c { ct state established counter accept; }
}
table bridge others {
  set macs {
    type ether_addr
    elements = { 02:00:00:00:00:01 }
  }
  chain c { ether saddr @macs drop; }
}
END
"""


def house(host):
    """Everything foreign: the snapshot without managed objects."""
    taken = host.snapshot()
    stacks = {}
    for netns in ("", "theirs", "c9"):
        stack = taken["stacks"][netns]
        links = {name: link for name, link in stack["links"].items() if name in FOREIGN}
        routes = [route for route in stack["routes"] if route.get("dev") in FOREIGN]
        sysctls = {
            key: value
            for key, value in stack["sysctls"].items()
            # a host that forwards does so on every link; that this comes back is compared in the whole snapshot
            if set(key.split("/")) & FOREIGN and key.rsplit("/", 1)[1] not in ("forwarding", "accept_ra")
        }
        stacks[netns] = {"links": links, "routes": routes, "sysctls": sysctls}
    tables = [one for one in taken["nftables"] if one.split()[2] != "virtnet"]
    return {"stacks": stacks, "tables": tables}


FOREIGN = {"docker0", "br-hand", "vethdead", "vx-hand", "eth0", "wire", "lo"}


@pytest.fixture
def full(host):
    host.sh(FULL_HOUSE)
    return host


def test_foreign_objects_are_left_untouched(full):
    everything, theirs = full.snapshot(), house(full)
    before, change = killing.WAYS["change"]
    for document in (before, change):
        engine.run(full, document)
        snapshot.same(theirs, house(full))
    for document in (killing.OTHER, killing.SMALL):
        engine.run(full, absent(document))
    snapshot.same(everything, full.snapshot())


def test_a_foreign_port_on_a_managed_bridge(full):
    engine.run(full, killing.SMALL)
    full.sh("ip link set vethdead master br-web")
    theirs = house(full)
    assert engine.run(full, killing.SMALL, check=True) == []
    engine.run(full, killing.WAYS["change"][1])
    snapshot.same(theirs, house(full))
    assert full.links()["vethdead"]["master"] == "br-web"
    for document in (killing.OTHER, killing.SMALL):
        engine.run(full, absent(document))
    assert "vethdead" in full.links(), "it outlives our bridge"


SAME_NAME = {
    "netns": {"name": "theirs"},
    "bridge": {"name": "br-hand"},
    "veth": {"name": "vethdead", "peer": {"name": "eth0", "netns": "theirs"}},
    "vxlan_tunnel": {"name": "vx-hand", "vni": 99, "local": "192.0.2.11", "dstport": 4790},
}


@pytest.mark.parametrize("kind", SAME_NAME)
@pytest.mark.parametrize("state", ["present", "absent"])
def test_foreign_objects_with_our_names_are_refused(full, kind, state):
    (problem,) = full.refused(kind, **SAME_NAME[kind], state=state)
    assert "not managed by" in problem and "adopt: true" in problem
    engine.run(full, complete({kind: [dict(SAME_NAME[kind], state=state, adopt=True)]}))


def test_a_foreign_table_with_our_name_is_refused(full):
    full.sh("nft add table inet virtnet; nft add chain inet virtnet input '{ type filter hook input priority 0; }'")
    before = full.snapshot()
    given = {"bridge": [{"name": "br-web"}], "bridge_policy": [{"bridge": "br-web", "subnets": ["172.30.0.0/16"]}]}
    (problem,) = full.refused("topology", **given)
    assert "table inet virtnet" in problem and "was not created by virtnet.linux" in problem
    full.change("netns", name="c1")
    full.change("netns", name="c1", state="absent")
    snapshot.same(before, full.snapshot())


def test_foreign_chains_in_our_tables_are_removed(full):
    engine.run(full, killing.SMALL)
    full.sh("nft add chain inet virtnet theirs '{ counter; }'")
    engine.run(full, killing.SMALL)
    assert engine.run(full, killing.SMALL, check=True) == []


ELSE = complete({
    "netns": [{"name": "else"}],
    "bridge": [{"name": "br-else", "addresses": ["10.66.0.1/24"]}],
    "bridge_policy": [{"bridge": "br-else", "subnets": ["10.66.0.0/24"]}],
})  # fmt: skip


def test_a_bridge_deleted_out_of_band_blocks_nothing_and_is_recreated(full):
    everything = full.snapshot()
    engine.run(full, killing.SMALL)
    full.sh("ip link del br-web")
    engine.run(full, ELSE)
    assert engine.run(full, ELSE, check=True) == []
    engine.run(full, killing.SMALL)
    assert full.sysctl("ipv4/conf/br-web/route_localnet") == "1"
    for document in (ELSE, killing.SMALL):
        engine.run(full, absent(document))
    snapshot.same(everything, full.snapshot())
