# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages for actions: about containers, networks and ports, not links and maps."""

from __future__ import annotations

import pytest

from ansible_collections.virtnet.linux.plugins.plugin_utils.views.drift_messages import drift_messages

TOPOLOGY = {
    "netns": [{"name": "nginx"}, {"name": "client"}],
    "bridge": [{"name": "br-web", "labels": {"network": "web"}}],
    "veth": [
        {
            "name": "veth1",
            "labels": {"container": "nginx", "network": "web"},
            "peer": {"addresses": ["172.30.0.2/16", "fd00::2/64"]},
        },
        {"name": "patch1", "labels": {"patch": "sw1-sw2"}, "peer": {"name": "patch2"}},
    ],
}
LIVE = {
    "networks": [{"Id": "br-old", "Name": "old"}],
    "containers": [
        {"name": "gone", "endpoints": [{"veth": "veth9", "network": "old", "addresses": ["172.31.0.9/24"]}]},
    ],
}


def act(action, kind, name, before=None, after=None):
    return {"action": action, "kind": kind, "name": name, "before": before or {}, "after": after or {}}


def create(kind, name, **after):
    return act("create", kind, name, after=after)


def delete(kind, name, **before):
    return act("delete", kind, name, before=before)


def change(kind, name, before, after):
    return act("change", kind, name, before, after)


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (create("nat_port", "0.0.0.0:8080/tcp", to="172.30.0.2:80", bridge="br-web"), "port 8080 → nginx:80 missing"),
        (create("nat_port", "0.0.0.0:53/udp", to="172.30.0.2:53"), "port 53/udp → nginx:53 missing"),
        (create("nat_port", "[::]:8080/tcp", to="[fd00::2]:80"), "port [::]:8080 → nginx:80 missing"),
        (create("nat_port", "192.0.2.1:8080/tcp", to="10.9.9.9:80"), "port 192.0.2.1:8080 → 10.9.9.9:80 missing"),
        (delete("nat_port", "0.0.0.0:81/tcp", to="172.31.0.9:80"), "port 81 → gone:80 still there"),
        (
            change("nat_port", "0.0.0.0:8080/tcp", {"to": "172.31.0.9:80"}, {"to": "172.30.0.2:80"}),
            "port 8080 → nginx:80 is translated to gone:80 instead",
        ),
        (create("netns", "nginx"), "container nginx missing"),
        (delete("netns", "gone"), "container gone still there"),
        (
            change("netns", "nginx", {"forwarding": False}, {"forwarding": True}),
            "container nginx: forwarding is off, should be on",
        ),
        (
            act("replace", "netns", "side", {"join": "host"}, {"join": "nginx"}),
            "container side: shares the host's network, should share nginx's network",
        ),
        (create("bridge", "br-web", labels={"network": "web"}), "network web missing"),
        (delete("bridge", "br-old"), "network old still there"),
        (
            change("bridge", "br-web", {"addresses": []}, {"addresses": ["172.30.0.1/16"]}),
            "network web: addresses: 172.30.0.1/16 missing",
        ),
        (create("veth", "veth1", bridge="br-web"), "container nginx: not on network web"),
        (delete("veth", "veth9"), "container gone: still on network old"),
        (
            change("veth", "veth1", {"peer.mac": "02:00:00:00:00:01"}, {"peer.mac": "02:42:ac:1e:00:02"}),
            "container nginx on network web: mac is 02:00:00:00:00:01, should be 02:42:ac:1e:00:02",
        ),
        (
            change("veth", "veth1", {"bridge": None, "hairpin": None}, {"bridge": "br-web", "hairpin": True}),
            "container nginx on network web: detached from its bridge",
        ),
        (
            change("veth", "veth1", {"bridge": "br-old"}, {"bridge": "br-web"}),
            "container nginx on network web: bridge is br-old, should be br-web",
        ),
        (
            change("veth", "veth1", {"disabled": True}, {"disabled": False}),
            "container nginx on network web: its port does not forward, disabled by hand or for taking part in the "
            "spanning tree",
        ),
        (
            change("veth", "veth1", {"name": "foo"}, {"name": "veth1"}),
            "container nginx on network web: name is foo, should be veth1",
        ),
        (
            change("neighbour", "br-web", {"neighbours": []}, {"neighbours": ["172.30.0.2 lladdr 02:42:ac:1e:00:02"]}),
            "network web: neighbours: 172.30.0.2 lladdr 02:42:ac:1e:00:02 missing",
        ),
        (change("veth", "veth1", {"peer.up": False}, {"peer.up": True}), "container nginx on network web is down"),
        (
            change(
                "veth",
                "veth1",
                {"anti_spoofing": False, "guarded_addresses": None},
                {"anti_spoofing": True, "guarded_addresses": ["172.30.0.2"]},
            ),
            "container nginx on network web: anti spoofing is off, should be on",
        ),
        (create("veth", "patch1"), "patch link sw1-sw2 missing"),
        (create("bridge_policy", "br-web"), "network web: protection missing"),
        (
            change("bridge_policy", "br-web", {"icc": True}, {"icc": False}),
            "network web: protection: icc is on, should be off",
        ),
        (create("interface", "enp3s0", netns="nginx"), "NIC enp3s0: not in container nginx"),
        (create("vxlan_tunnel", "vx-fabric"), "tunnel vx-fabric missing"),
        (
            change("vxlan_tunnel", "vx-fabric", {"endpoints": []}, {"endpoints": ["a", "b"]}),
            "tunnel vx-fabric: endpoints: a, b missing",
        ),
        (
            change("sysctl", "net.ipv4.ip_forward", {"value": "0"}, {"value": "1"}),
            "sysctl net.ipv4.ip_forward is 0, should be 1",
        ),
        (
            change("firewall", "tables virtnet", {"rules": "not as they should be"}, {"rules": "restored"}),
            "firewall: the tables virtnet have other entries than they should",
        ),
        (
            change("sysctl", "net/ipv4/conf/br-web/route_localnet", {"value": "0"}, {"value": "1"}),
            "network web: the way from 127.0.0.1 to its ports is closed",
        ),
        (create("network_names", "web", entries=[]), "network web: its containers' names missing"),
        (
            change("network_names", "web", {"names": []}, {"names": ["172.30.0.2 nginx www"]}),
            "network web: names: 172.30.0.2 nginx www missing",
        ),
        (
            change("resolver", "nginx", {"containers": ["nginx"]}, {"containers": ["nginx"], "networks": ["web"]}),
            "container nginx: names and nameservers in /etc/netns/nginx differ",
        ),
        (create("foreign_firewall", "ip filter FORWARD"), "foreign firewall ip filter FORWARD missing"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_action_has_a_message(action, expected):
    assert drift_messages([action], TOPOLOGY, LIVE) == [expected]


def test_networks_of_other_roles_are_not_reported():
    """After a flush of the firewall, which removed ports of another role's document."""
    closes = change("sysctl", "net/ipv4/conf/br-fabric/route_localnet", {"value": "1"}, {"value": "0"})
    assert drift_messages([closes], TOPOLOGY, LIVE) == []


def test_no_actions_give_no_messages():
    assert drift_messages([], TOPOLOGY, LIVE) == []


def test_an_action_implied_by_another_is_not_reported():
    """A missing network has no policy and no endpoints; a missing container is on no network."""
    actions = [
        create("netns", "nginx"),
        create("bridge", "br-web"),
        create("bridge_policy", "br-web"),
        create("veth", "veth1"),
        create("nat_port", "0.0.0.0:8080/tcp", to="172.30.0.2:80"),
        change("veth", "veth9", {"bridge": None, "hairpin": None}, {"bridge": "br-web", "hairpin": True}),
        change("sysctl", "net/ipv4/conf/br-web/route_localnet", {"value": None}, {"value": "1"}),
    ]
    assert drift_messages(actions, TOPOLOGY, LIVE) == [
        "container nginx missing",
        "network web missing",
        "port 8080 → nginx:80 missing",
    ]


def test_a_tunnel_without_bridge_or_entry_is_reported_once():
    lost = change("vxlan_tunnel", "vx", {"bridge": None, "port": {}}, {"bridge": "br-web", "port": {"learning": False}})
    assert drift_messages([create("bridge", "br-web"), lost], TOPOLOGY, LIVE) == ["network web missing"]
    wrong = change("vxlan_tunnel", "vx", {"endpoints": ["m1 a1 by v9", "m2 by v2"]}, {"endpoints": ["m1 a1 by v1"]})
    assert drift_messages([wrong], TOPOLOGY, LIVE) == [
        "tunnel vx: endpoints: m1 a1 by v1 missing",
        "tunnel vx: endpoints: m2 by v2 not declared",
    ]


def test_long_lists_are_counted():
    many = ["e%d" % number for number in range(9)]
    expected = drift_messages([change("vxlan_tunnel", "vx", {"endpoints": many}, {"endpoints": []})], {}, {})
    assert expected == ["tunnel vx: endpoints: e0, e1, e2, e3 and 5 more not declared"]
