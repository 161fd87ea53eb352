# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A property: whatever root in a container does to the links, addresses, routes and sysctls of its namespace between
runs, no link that it made leaves the namespace, no other container changes, no run of the host is refused, the next run
repairs the container, and it can be removed.
"""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kit import packets
from kit.host import Host
from kit.role import Role

WEB = {"name": "web", "subnet": "172.30.0.0/24", "subnet6": "fd00:30::/64"}
APP = {"name": "app", "subnet": "172.31.0.0/24", "icc": False}
NIC = {"device": "enp3s0", "name": "wan", "addresses": ["203.0.113.7/24"], "gateway": "203.0.113.1"}
EVIL: dict[str, Any] = {"name": "evil", "networks": ["web", "app"], "interfaces": [NIC], "ports": ["8080:80"]}
VICTIM: dict[str, Any] = {"name": "victim", "networks": ["web"], "ports": ["8081:80"]}
GONE = [{"name": "evil", "state": "absent"}, {"name": "victim", "state": "absent"}]
A_NIC = """
ip netns add isp
ip link add enp3s0 type veth peer name eth0 netns isp
ip link set enp3s0 up
ip -n isp link set eth0 up
ip -n isp address add 203.0.113.1/24 dev eth0
"""

names = st.sampled_from([
    "eth0", "eth1", "wan", "lo", "mine", "br-web", "enp3s0", "veth0", "$(id)", "{{7*7}}", "\u00e9", "eth0~"
])  # fmt: skip
kinds = st.sampled_from(["veth peer name p%d", "bridge", "ifb", "vxlan id %d dstport 4789 local 172.30.0.2"])
aliases = st.sampled_from([
    "", "x", "virtnet", "virtnet container=victim network=web", "virtnet device=enp3s0 was_up=yes was_mtu=zzz",
    "virtnet device=lo", "virtnet role=bridge_network network=web joins=app", "virtnet patch=web/app",
    "virtnet container=evil network=web interface=eth0 aliases=victim",
])  # fmt: skip
indexes = st.integers(2, 40)
deeds = st.one_of(
    st.builds("ip link set dev '{}' alias '{}'".format, names, aliases),
    st.builds("ip link set dev '{0}' down; ip link set dev '{0}' name '{1}'".format, names, names),
    st.builds(lambda name, kind, n: f"ip link add name '{name}' index {n} type " + kind.replace("%d", str(n)),
              names, kinds, indexes),
    st.builds("ip link add name '{}' index {} type veth peer name '{}' index {}".format,
              names, indexes, names, indexes),
    st.builds("ip link del dev '{}'".format, names),
    st.builds("ip link set dev '{}' netns {{hidden}}".format, names),
    st.builds("ip link set dev '{}' address 02:42:ac:1e:00:0{}".format, names, st.integers(1, 4)),
    st.builds("ip link set dev '{}' mtu {}".format, names, st.sampled_from([68, 1280, 9000])),
    st.builds("ip link set dev '{}' down".format, names),
    st.builds("ip link property add dev '{}' altname '{}'".format, names, names),
    st.builds("ip address add {}/24 dev '{}'".format, st.sampled_from(["172.30.0.1", "172.30.0.3", "10.0.0.1"]), names),
    st.builds("ip address flush dev '{}'".format, names),
    st.sampled_from(["ip route flush table main", "ip route replace default dev lo", "ip rule add pref 1 blackhole",
                     "sysctl -qw net.ipv4.ip_forward=1", "sysctl -qw net.ipv6.conf.all.disable_ipv6=1"]),
)  # fmt: skip


def run(host: Host, role: Role, networks: Any, containers: Any) -> None:
    planned = role.plan(networks, containers)
    assert planned["errors"] == []
    done = host.module("topology", **planned["topology"])
    assert not done.get("failed"), done


def own(host: Host) -> dict[str, Any]:
    """The host's links with what a container cannot be allowed to change; those of containers as they come and go."""
    return {name: link["link_type"] for name, link in host.links().items()}


@given(rounds=st.lists(st.lists(deeds, min_size=1, max_size=5), min_size=1, max_size=3))
@settings(
    max_examples=settings().max_examples // 4,  # of the profile's; each takes a second or two
    suppress_health_check=[HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.generate],
)
def test_random_actions_of_a_container_affect_no_other(rounds):
    with Host() as host:
        host.sh(A_NIC)
        role = Role(host)
        hidden = host.start("unshare", "-n", "sleep", "1000")
        host.sh("until [ $(readlink /proc/%d/ns/net) != $(readlink /proc/self/ns/net) ]; do sleep 0.01; done" % hidden)
        run(host, role, [WEB, APP], [EVIL, VICTIM])
        links, victim = own(host), host.links("victim")
        for number, script in enumerate(rounds):
            for deed in script:
                host.try_sh(deed.replace("{hidden}", str(hidden)), "evil")
            run(host, role, [WEB, APP], [EVIL, {**VICTIM, "ports": ["%d:80" % (9000 + number)]}])
            assert own(host) == links
            assert host.links("victim") == victim
            assert packets.arrives(host, None, "127.0.0.1", 9000 + number, "victim", 80)
            host.try_sh("ip rule del pref 1 blackhole", "evil")  # by which it cuts itself off
            assert packets.ping(host, "evil", "172.30.0.1")
        run(host, role, [WEB, APP], [EVIL | {"state": "absent"}, VICTIM])
        assert "evil" not in host.sh("ip netns")
        assert host.links("victim") == victim
        run(host, role, [{**one, "state": "absent"} for one in (WEB, APP)], GONE)
        host.sh("kill -9 %d; while [ -d /proc/%d ]; do sleep 0.01; done" % (hidden, hidden))
        host.settle()
        assert set(host.links()) - {"enp3s0"} == {"lo"}  # it may have destroyed the veth that stands in for a NIC
        assert host.sh("nft list ruleset; ls -A /run/virtnet 2>/dev/null || true") == ""
