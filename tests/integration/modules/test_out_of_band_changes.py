# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links renamed and ports of bridges and lo changed out of band: one run reports and repairs it."""

from __future__ import annotations

import pytest

from kit import packets

TUNNEL = {"name": "vx-fabric", "vni": 42, "local": "192.0.2.11", "bridge": "br0", "labels": {"network": "fabric"},
          "learning": False, "flood": [], "endpoints": []}  # fmt: skip


def endpoint(number):
    return {
        "name": "veth%d" % number,
        "bridge": "br0",
        "anti_spoofing": True,
        "labels": {"network": "web", "container": "c%d" % number},
        "peer": {
            "name": "eth0",
            "netns": "c%d" % number,
            "mac": "02:42:0a:00:00:%02x" % (number + 1),
            "addresses": ["10.0.0.%d/24" % (number + 1), "fd00::%d/64" % (number + 1)],
            "gateway": "10.0.0.1",
        },
    }


VETH_PAIR = {
    "name": "patch0",
    "bridge": "br0",
    "labels": {"patch": "web/db"},
    "peer": {"name": "patch1", "bridge": "br1"},
}


def document(**bridge):
    addresses = ["10.0.0.1/24", "fd00::1/64"]
    return {
        "netns": [{"name": "c1"}, {"name": "c2"}],
        "bridge": [{"name": "br0", "addresses": addresses, "labels": {"network": "web"}, **bridge}, {"name": "br1"}],
        "veth": [VETH_PAIR, endpoint(1), endpoint(2)],
        "vxlan_tunnel": [TUNNEL],
    }


@pytest.fixture
def web(host):
    """Two containers on br0, a patch link to br1, and a tunnel."""
    host.sh("ip address add 192.0.2.11/32 dev lo")
    host.module("topology", **document())
    return host


def works(host):
    for target in ("10.0.0.3", "10.0.0.1", "fd00::3"):
        assert packets.ping(host, "c1", target), target
    assert packets.arrives(host, None, "10.0.0.2", 80, "c1") and packets.arrives(host, None, "fd00::2", 80, "c1")


def repaired(host, script, kind, name, **desired):
    """What the one action of the next run finds and sets."""
    host.sh(script)
    (action,) = host.change("topology", **document(**desired))["actions"]
    assert (action["action"], action["kind"], action["name"]) == ("change", kind, name)
    return action["before"], action["after"]


@pytest.mark.parametrize("state", [0, 1])  # the kernel itself makes 4, blocking, forwarding again
def test_a_port_not_in_forwarding_state_is_repaired(web, state):
    assert packets.ping(web, "c1", "10.0.0.1")
    pid = web.start("ping", "-i", "0.05", "10.0.0.1", netns="c2")
    assert repaired(web, "bridge link set dev veth1 state %d" % state, "veth", "veth1") == (
        {"disabled": True},
        {"disabled": False},
    )
    works(web)
    assert web.is_alive(pid)


@pytest.mark.parametrize("port", ["patch0", "patch1"])
def test_a_patch_link_not_in_forwarding_state_is_repaired(web, port):
    key = "disabled" if port == "patch0" else "peer.disabled"
    assert repaired(web, "bridge link set dev %s state 0" % port, "veth", "patch0") == ({key: True}, {key: False})


def test_a_tunnel_not_in_forwarding_state_is_repaired(web):
    script = "bridge link set dev vx-fabric state 0"
    assert repaired(web, script, "vxlan_tunnel", "vx-fabric") == ({"disabled": True}, {"disabled": False})


def test_a_nic_not_in_forwarding_state_is_repaired(host):
    host.sh("ip link add nic0 type veth peer name nic0-far; ip link set nic0 up; ip link set nic0-far up")
    desired = {"name": "br0", "interfaces": ["nic0"]}
    host.module("bridge", **desired)
    host.sh("until bridge -d link show dev nic0 | grep -q forwarding; do sleep 0.02; done")
    host.unchanged("bridge", **desired)
    host.sh("bridge link set dev nic0 state 0")
    (action,) = host.change("bridge", **desired)["actions"]
    assert action["before"] == {"interfaces": []} and action["after"] == {"interfaces": ["nic0"]}
    assert "state forwarding" in host.sh("bridge link show dev nic0")


@pytest.mark.parametrize(
    "flag",
    [
        "learning off",
        "flood off",
        "mcast_flood off",
        "bcast_flood off",
        "neigh_suppress on",
        "proxy_arp on",
        "isolated on",
        "locked on",
    ],
)
def test_port_flags_are_repaired(web, flag):
    names = {"flood": "unicast_flood", "proxy_arp": "proxyarp"}
    word, value = flag.split()
    before, after = repaired(web, "ip link set veth1 type bridge_slave %s" % flag, "veth", "veth1")
    expected = "%s %s" % (names.get(word, word), value)
    assert expected in before["port"] and expected not in after["port"]
    works(web)


def test_patch_link_flags_are_repaired(web):
    before, _after = repaired(web, "bridge link set dev patch1 learning off", "veth", "patch0")
    assert "learning off" in before["peer.port"]


def test_multicast_snooping_is_repaired(web):
    found = repaired(web, "ip link set br0 type bridge mcast_snooping 1", "bridge", "br0")
    assert found == ({"mcast_snooping": True}, {"mcast_snooping": False})


@pytest.mark.parametrize("address", ["127.0.0.1/8", "::1/128"])
def test_a_missing_loopback_address_is_repaired(web, address):
    web.sh("ip address del %s dev lo" % address, "c1")
    (action,) = web.change("topology", **document())["actions"]
    assert action["before"] == {"lo": "without " + address} and action["after"] == {"lo": "up"}
    assert packets.arrives(web, "c1", address.split("/")[0], 80, "c1")


def test_no_ipv6_loopback_address_is_expected_without_ipv6(web):
    web.sh("sysctl -qw net.ipv6.conf.all.disable_ipv6=1", "c2")
    web.unchanged("netns", name="c2")


def test_attributes_without_an_option_are_left_untouched(web):
    web.sh("bridge link set dev veth1 cost 7 priority 9; bridge link set dev veth1 fastleave on")
    web.unchanged("topology", **document())


@pytest.mark.parametrize("was", ["up", "down"])
def test_a_renamed_host_end_is_found_by_its_label(web, was):
    index = web.links()["veth1"]["ifindex"]
    script = "ip link set veth1 down; ip link set veth1 name foo; ip link set foo %s" % was
    before, after = repaired(web, script, "veth", "veth1")
    assert before.pop("name") == "foo" and after.pop("name") == "veth1"
    assert after == ({"up": True} if was == "down" else {})
    assert web.links()["veth1"]["ifindex"] == index and "foo" not in web.links()
    works(web)


def test_renamed_patch_link_ends_are_found_by_their_labels(web):
    script = (
        "for end in patch0 patch1; do ip link set $end down; ip link set $end name x-$end; ip link set x-$end up; done"
    )
    _before, after = repaired(web, script, "veth", "patch0")
    assert after["peer"]["name"] == "patch1"
    assert {"patch0", "patch1"} < set(web.links()) and not {"x-patch0", "x-patch1"} & set(web.links())


def test_a_renamed_tunnel_is_found_by_its_label(web):
    script = "ip link set vx-fabric down; ip link set vx-fabric name foo; ip link set foo up"
    assert repaired(web, script, "vxlan_tunnel", "vx-fabric") == ({"name": "foo"}, {"name": "vx-fabric"})
    assert "foo" not in web.links()


def test_a_renamed_bridge_is_found_by_its_label(web):
    ports = {name for name, link in web.links().items() if link.get("master") == "br0"}
    web.sh("ip link set br0 down; ip link set br0 name foo; ip link set foo up")
    web.change("topology", **document())
    links = web.links()
    assert "foo" not in links and {name for name, link in links.items() if link.get("master") == "br0"} == ports
    works(web)


def test_swapped_names_are_repaired(web):
    script = "ip link set veth%d down; ip link set veth%d name %s; ip link set %s up"
    steps = [(1, 1, "foo", "foo"), (2, 2, "veth1", "veth1")]
    web.sh("; ".join(script % step for step in steps))
    web.sh("ip link set foo down; ip link set foo name veth2; ip link set veth2 up")
    web.change("topology", **document())
    works(web)


def test_forged_labels_inside_a_container_are_ignored(web):
    """Labels are trusted on links of the host's namespace only."""
    web.sh(
        "ip link add fake type veth peer name fake1; ip link set fake alias 'virtnet container=c1 network=web'", "c2"
    )
    web.sh("ip link delete veth1")
    web.change("topology", **document())
    works(web)
    assert "fake" in web.links("c2")


def test_two_links_with_the_same_labels_are_not_touched(web):
    web.sh("ip link delete veth1; for n in a b; do ip link add x$n type veth peer name y$n; "
           "ip link set x$n alias 'virtnet container=c1 network=web'; done")  # fmt: skip
    web.change("topology", **document())
    works(web)
    assert {"xa", "xb"} < set(web.links())
