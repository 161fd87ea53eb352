# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role bridge_network: what is removed, what is kept, and what is refused."""

from __future__ import annotations

from kit import packets, snapshot

WEB = {"name": "web", "subnet": "172.30.0.0/16"}
BACK = {"name": "back", "subnet": "172.31.0.0/24"}
NGINX = {"name": "nginx", "networks": ["web"], "ports": ["8080:80"]}
CLIENT = {"name": "client", "networks": ["web", "back"]}


def gone(name, **more):
    return {"name": name, "state": "absent", **more}


def existing(host):
    live = host.module("network_info")
    return [one["Name"] for one in live["networks"]], [one["name"] for one in live["containers"]]


def test_removing_a_missing_object_is_no_change(host, role):
    role.unchanged([gone("web")], [gone("nginx")])


def test_removing_a_container_removes_its_link_and_ports(host, role):
    role.change([WEB, BACK], [CLIENT])
    before = host.snapshot()
    role.change([WEB], [NGINX])
    role.change([], [gone("nginx")])
    snapshot.same(before, host.snapshot())
    assert packets.is_lost(host, None, "127.0.0.1", 8080, "client", 80)


def test_a_network_with_containers_is_refused_with_their_names(host, role):
    role.change([WEB, BACK], [NGINX, CLIENT])
    (error,) = role.refused([gone("web")])
    assert "network web" in error and "nginx" in error and "client" in error
    (error,) = role.refused([gone("web")], [gone("nginx")])
    assert "client" in error and "nginx" not in error


def test_a_network_is_removed_with_its_last_containers(host, role):
    role.change([WEB, BACK], [NGINX, CLIENT])
    role.change([gone("web")], [gone("nginx"), {**CLIENT, "networks": ["back"]}])
    assert existing(host) == (["back"], ["client"])
    assert packets.ping(host, "client", "172.31.0.1")


def test_a_container_with_processes_is_refused_with_their_pids(host, role):
    role.change([WEB], [NGINX])
    pids = [host.start("sleep", "infinity", netns="nginx") for _number in range(2)]
    (error,) = role.refused([], [gone("nginx")])
    assert "container nginx" in error and "%d (sleep), %d (sleep)" % tuple(pids) in error and "force: true" in error
    (error,) = role.refused([WEB], [{"name": "nginx", "network_mode": "host"}])
    assert str(pids[0]) in error


def test_force_removes_links_and_kills_no_process(host, role):
    role.change([WEB], [NGINX])
    pid = host.start("sleep", "infinity", netns="nginx")
    role.change([WEB], [gone("nginx", force=True)])
    assert host.is_alive(pid)
    assert host.sh("nsenter --net=/proc/%d/ns/net ls /proc/self/net/dev_snmp6" % pid).split() == ["lo"]
    assert not [link for link in host.links() if link.startswith("veth")]
    role.change([WEB], [NGINX])
    assert packets.ping(host, None, "172.30.0.2")


def test_purge_removes_undeclared_objects(host, role):
    before = host.snapshot()
    role.change([WEB, BACK], [NGINX, CLIENT])
    role.unchanged([WEB], [NGINX])
    role.change([WEB], [NGINX], purge=True)
    assert existing(host) == (["web"], ["nginx"])
    role.change(purge=True)
    snapshot.same(before, host.snapshot())


def test_purge_keeps_objects_of_others(host, role):
    host.module("bridge", name="sw0")
    host.module("netns", name="mine")
    host.sh("ip netns add theirs; ip link add br-theirs type bridge; nft add table inet theirs")
    before = host.snapshot()
    role.change([WEB], [NGINX])
    role.change(purge=True)
    snapshot.same(before, host.snapshot())


def test_purge_follows_the_rules_of_removal(host, role):
    role.change([WEB], [NGINX])
    pid = host.start("sleep", "infinity", netns="nginx")
    (error,) = role.refused([WEB], purge=True)
    assert "nginx" in error and str(pid) in error
    role.refused([], [NGINX], purge=True)


def test_containers_that_share_a_removed_namespace_are_reported(host, role):
    role.change([WEB], [NGINX, {"name": "sidecar", "network_mode": "container:nginx"}])
    (warning,) = role.plan([], [gone("nginx")])["warnings"]
    assert "sidecar" in warning
    role.change([WEB], [gone("nginx"), gone("sidecar")])
    assert existing(host) == (["web"], [])


def test_objects_removed_out_of_band_block_no_removal(host, role):
    before = host.snapshot()
    role.change([WEB, BACK], [NGINX, CLIENT])
    host.sh("ip netns delete nginx; ip link delete br-back; nft flush ruleset")
    host.settle()
    role.change([gone("web"), gone("back")], [gone("nginx"), gone("client")])
    snapshot.same(before, host.snapshot())
