# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module netns: create, change, absent, what it refuses, and what it repairs."""

from __future__ import annotations

import pytest

from kit import snapshot


def verbs(result):
    return [(action["action"], action["name"]) for action in result["actions"]]


def inode(host, netns):
    return int(host.sh("stat -Lc %%i /run/netns/%s" % netns))


def test_create_idempotent_absent(host):
    before = host.snapshot()
    done = host.change("netns", name="c1")
    assert verbs(done) == [("create", "c1")]
    assert done["diff"] == {"before": "", "after": "netns c1\n"}
    gone = host.change("netns", name="c1", state="absent")
    assert verbs(gone) == [("delete", "c1")]
    host.unchanged("netns", name="c1", state="absent")
    snapshot.same(before, host.snapshot())


def test_a_namespace_has_lo_only_and_it_is_up(host):
    host.change("netns", name="c1")
    assert list(host.links("c1")) == ["lo"]
    host.sh("ping -c 1 -w 5 127.0.0.1 && ping -c 1 -w 5 ::1", netns="c1")


def test_ip_netns_lists_it(host):
    host.change("netns", name="c1")
    assert host.sh("ip netns exec c1 ip -o link | wc -l").strip() == "1"
    host.sh("ip netns add other && ip netns delete other && ip netns delete c1")
    assert host.try_sh("ls /run/netns").stdout == ""


def test_a_handle_propagates_to_existing_mount_namespaces(host):
    host.module("netns", name="c1")
    host.start("unshare", "--mount", "--propagation", "slave", "sleep", "infinity")
    host.module("netns", name="c2")
    host.sh("until pid=$(pgrep -x sleep); do :; done; nsenter --mount=/proc/$pid/ns/mnt ip netns exec c2 true")


def test_a_list_in_one_run(host):
    config = [{"name": "c%d" % number} for number in range(5)]
    assert len(host.change("netns", config=config)["actions"]) == 5
    config[1]["state"] = config[3]["state"] = "absent"
    assert verbs(host.change("netns", config=config)) == [("delete", "c1"), ("delete", "c3")]
    assert host.sh("ls /run/netns").split() == ["c0", "c2", "c4"]


def test_forwarding_is_switched_on_and_off(host):
    host.change("netns", name="c1")
    assert host.change("netns", name="c1", forwarding=True)["diff"]["after"] == "netns c1\n  forwarding: yes\n"
    assert host.sysctl("ipv4/ip_forward", "c1") == host.sysctl("ipv6/conf/all/forwarding", "c1") == "1"
    host.unchanged("netns", name="c1")
    host.change("netns", name="c1", forwarding=False)
    assert host.sysctl("ipv4/ip_forward", "c1") == host.sysctl("ipv6/conf/all/forwarding", "c1") == "0"


def test_forwarding_of_one_family_is_repaired(host):
    host.change("netns", name="c1", forwarding=True)
    host.sh("echo 0 >/proc/sys/net/ipv6/conf/all/forwarding", netns="c1")
    host.change("netns", name="c1", forwarding=True)
    host.sh("echo 1 >/proc/sys/net/ipv4/ip_forward; echo 0 >/proc/sys/net/ipv6/conf/all/forwarding", netns="c1")
    host.change("netns", name="c1", forwarding=False)
    assert host.sysctl("ipv4/ip_forward", "c1") == "0"


def test_sysctls_are_set_in_the_namespace_only(host):
    sysctls = {
        "net.ipv4.ip_local_port_range": "20000 30000",
        "net/ipv4/conf/lo/rp_filter": 2,
        "net.ipv4.tcp_sack": False,
    }
    outside = host.sysctl("ipv4/ip_local_port_range")
    host.change("netns", name="c1", sysctls=sysctls)
    assert host.sysctl("ipv4/ip_local_port_range", "c1").split() == ["20000", "30000"]
    assert host.sysctl("ipv4/conf/lo/rp_filter", "c1") == "2"
    assert host.sysctl("ipv4/tcp_sack", "c1") == "0"
    assert host.sysctl("ipv4/ip_local_port_range") == outside
    changed = host.change("netns", name="c1", sysctls={"net.ipv4.tcp_sack": "1"})
    assert verbs(changed) == [("change", "c1")]
    host.unchanged("netns", name="c1")


def test_labels_are_kept_and_changed_in_place(host):
    host.change("netns", name="c1", labels={"role": "web"})
    before = inode(host, "c1")
    host.change("netns", name="c1", labels={"role": "db", "of": "anna"})
    assert [one["labels"] for one in host.module("network_info")["containers"]] == [{"role": "db", "of": "anna"}]
    assert inode(host, "c1") == before


def test_join_shares_another_network_namespace(host):
    host.change("netns", config=[{"name": "sidecar", "join": "c1"}, {"name": "c1"}])
    assert inode(host, "sidecar") == inode(host, "c1")
    host.sh("ip address add 10.9.9.9/32 dev lo", netns="c1")
    assert "10.9.9.9/32" in host.links("sidecar")["lo"]["addresses"]
    host.change("netns", name="sidecar", state="absent")
    host.sh("ip link", netns="c1")


def test_join_host_shares_the_hosts_network_namespace(host):
    before = host.snapshot()
    host.change("netns", name="agent", join="host")
    assert inode(host, "agent") == int(host.sh("stat -Lc %i /proc/self/ns/net"))
    assert host.links()["lo"].get("ifalias") is None, "the host's own lo is not marked"
    host.change("netns", name="agent", state="absent")
    snapshot.same(before, host.snapshot())


def test_pid_names_a_processs_namespace(host):
    pid = host.start("unshare", "--net", "sleep", "infinity")
    host.sh("until [ $(readlink /proc/%d/ns/net) != $(readlink /proc/self/ns/net) ]; do :; done" % pid)
    before = host.snapshot()
    host.change("netns", name="box", pid=pid)
    assert inode(host, "box") == int(host.sh("stat -Lc %%i /proc/%d/ns/net" % pid))
    host.change("netns", name="box", state="absent")
    snapshot.same(before, host.snapshot())
    assert host.is_alive(pid)


def test_a_process_in_the_hosts_namespace_is_refused(host):
    pid = host.start("sleep", "infinity")
    (problem,) = host.refused("netns", name="box", pid=pid)
    assert problem.startswith("netns box: pid: %d: this process is in the host's own namespace" % pid)
    assert "network_mode: host" in problem


def test_a_handle_of_the_hosts_namespace_is_adopted_as_such(host):
    host.sh("mkdir /run/netns && touch /run/netns/own && mount --bind /proc/self/ns/net /run/netns/own")
    (problem,) = host.refused("netns", name="own", adopt=True)
    assert problem == "netns own: adopt: True: this is the host's own namespace: adopt it with join: host"
    host.change("netns", name="own", join="host", adopt=True, labels={"role": "web"})
    assert host.links()["lo"].get("ifalias") is None


def test_another_join_replaces_the_handle_with_a_diff(host):
    host.change("netns", config=[{"name": "a"}, {"name": "b"}, {"name": "c", "join": "a"}])
    moved = host.change("netns", name="c", join="b")
    assert verbs(moved) == [("replace", "c")]
    assert moved["diff"] == {"before": "netns c\n  join: a\n", "after": "netns c\n  join: b\n"}
    assert inode(host, "c") == inode(host, "b")
    assert verbs(host.change("netns", name="c", join="host")) == [("replace", "c")]
    own = host.change("netns", name="c")
    assert verbs(own) == [("replace", "c")]
    assert inode(host, "c") not in (inode(host, "a"), inode(host, "b"), int(host.sh("stat -Lc %i /proc/self/ns/net")))


def test_a_stale_handle_file_is_not_a_namespace(host):
    host.sh("mkdir /run/netns && : >/run/netns/c1 && : >/run/netns/c2")
    host.change("netns", name="c1")
    host.sh("ip link", netns="c1")
    host.change("netns", config=[{"name": name, "state": "absent"} for name in ("c1", "c2")])
    assert host.try_sh("ls /run/netns").stdout == ""


def test_a_namespace_deleted_out_of_band_is_recreated(host):
    host.change("netns", name="c1", labels={"role": "web"})
    host.sh("ip netns delete c1")
    assert verbs(host.change("netns", name="c1", labels={"role": "web"})) == [("create", "c1")]


def test_lo_set_down_out_of_band_is_repaired(host):
    host.change("netns", name="c1", labels={"role": "web"})
    host.sh("ip link set lo down", netns="c1")
    host.change("netns", name="c1", labels={"role": "web"})
    host.sh("ping -c 1 -w 5 127.0.0.1", netns="c1")


def test_a_joined_handle_deleted_out_of_band_is_recreated(host):
    host.change("netns", config=[{"name": "c1"}, {"name": "s", "join": "c1"}])
    host.sh("ip netns delete s")
    assert verbs(host.change("netns", name="s", join="c1")) == [("create", "s")]
    assert inode(host, "s") == inode(host, "c1")


def test_joined_handles_follow_a_recreated_namespace(host):
    config = [{"name": "c1"}, {"name": "s", "join": "c1"}]
    host.change("netns", config=config)
    host.sh("ip netns delete c1")
    done = host.change("netns", config=config)
    assert inode(host, "s") == inode(host, "c1")
    assert verbs(done) == [("create", "c1"), ("replace", "s")]


def test_joined_handles_follow_a_replaced_namespace_in_the_same_run(host):
    pids = [host.start("unshare", "--net", "sleep", "infinity") for _number in range(2)]
    for pid in pids:
        host.sh("until [ $(readlink /proc/%d/ns/net) != $(readlink /proc/self/ns/net) ]; do :; done" % pid)
    joined = [{"name": "s", "join": "c1"}, {"name": "c1"}]
    host.change("netns", config=joined)
    for more in ({"pid": pids[0]}, {"pid": pids[1]}, {"join": "host"}, {}):
        done = host.change("netns", config=[joined[0], {"name": "c1", **more}])
        assert sorted(verbs(done)) == [("replace", "c1"), ("replace", "s")]
        assert inode(host, "s") == inode(host, "c1")


def test_without_runtime_state_a_joined_handle_requires_adopt(host):
    host.change("netns", name="agent", join="host", labels={"role": "web"})
    host.sh("rm -r /run/virtnet")
    (problem,) = host.refused("netns", name="agent", join="host")
    assert "adopt: true" in problem
    host.change("netns", name="agent", join="host", adopt=True, labels={"role": "web"})
    host.change("netns", name="agent", state="absent")
    assert host.links()["lo"].get("ifalias") is None


def test_a_foreign_namespace_is_refused_unless_adopted(host):
    host.sh("ip netns add theirs && ip netns exec theirs ip link add kept type bridge")
    for state in ("present", "absent"):
        (problem,) = host.refused("netns", name="theirs", state=state)
        assert "netns theirs" in problem and "adopt: true" in problem
    host.change("netns", name="theirs", adopt=True)
    host.unchanged("netns", name="theirs")
    assert host.links("theirs")["kept"]
    host.change("netns", name="theirs", state="absent")


def test_removing_a_foreign_namespace_requires_adopt(host):
    host.sh("ip netns add theirs")
    host.change("netns", name="theirs", state="absent", adopt=True)
    assert host.try_sh("ls /run/netns").stdout == ""


def test_removing_a_namespace_with_processes_is_refused_with_pids(host):
    host.change("netns", name="c1")
    pids = [host.start("sleep", "infinity", netns="c1") for _number in range(2)]
    (problem,) = host.refused("netns", name="c1", state="absent")
    assert "%d, %d" % tuple(pids) in problem and "force: true" in problem


@pytest.mark.parametrize("other", [{"join": "b"}, {"join": "host"}, {"pid": None}], ids=str)
def test_replacing_a_namespace_with_processes_requires_force(host, other):
    host.change("netns", config=[{"name": "a"}, {"name": "b"}])
    inside = host.start("sleep", "infinity", netns="a")
    if "pid" in other:
        other = {"pid": host.start("sleep", "infinity", netns="b")}
        host.change("netns", name="b", state="absent", force=True)
    (problem,) = host.refused("netns", name="a", **other)
    assert str(inside) in problem and "force: true" in problem and next(iter(other)) in problem
    host.change("netns", name="a", force=True, **other)
    host.module("netns", name="a")
    assert host.is_alive(inside)


def test_force_removes_the_links_and_kills_no_process(host):
    host.module("netns", name="c1")
    host.module("bridge", name="br0")
    host.module("veth", name="v0", bridge="br0", peer={"name": "eth0", "netns": "c1", "addresses": ["10.0.0.2/24"]})
    pid = host.start("sleep", "infinity", netns="c1")
    host.change("netns", name="c1", state="absent", force=True)
    assert host.is_alive(pid)
    assert "v0" not in host.links()
    assert host.sh("nsenter --net=/proc/%d/ns/net ls /proc/self/net/dev_snmp6" % pid).split() == ["lo"]


def test_its_links_are_deleted_before_the_module_returns(host):
    host.module("netns", config=[{"name": "c%d" % n} for n in range(20)])
    host.module("bridge", name="br0")
    host.module("veth", config=[
        {"name": "v%d" % n, "bridge": "br0", "peer": {"name": "eth0", "netns": "c%d" % n}} for n in range(20)
    ])  # fmt: skip
    host.change("netns", config=[{"name": "c%d" % n, "state": "absent"} for n in range(20)])
    assert sorted(host.links()) == ["br0", "lo"]


def test_all_errors_are_reported_at_once(host):
    problems = host.refused("netns", config=[
        {"name": "a/b"},
        {"name": ".."},
        {"name": "x" * 64},
        {"name": "c1", "sysctls": {"kernel.panic": 1, "net.ipv4.ip_forward": 1}},
        {"name": "c2", "join": "c2"},
        {"name": "c3", "join": "host", "pid": 1},
        {"name": "c4", "pid": 99999},
        {"name": "c5", "labels": {"two words": "x"}},
        {"name": "c6"},
        {"name": "c6"},
    ])  # fmt: skip
    for expected in (
        "a/b",
        "..",
        "x" * 64,
        "kernel.panic",
        "cannot join itself",
        "either join or pid",
        "99999",
        "two words",
        "c6",
    ):
        assert any(expected in problem for problem in problems), expected
    assert len(problems) == 9


def test_of_a_thousand_errors_fifty_are_listed_and_the_others_counted(host):
    problems = host.refused("netns", config=[{"name": "c%d." % number} for number in range(1000)])
    assert problems[49].startswith("netns c49.: name: 'c49.': must be 1 to 63 of the characters")
    assert problems[50:] == ["and 950 more"]


def test_joining_a_missing_namespace_is_refused_and_a_warning_in_check_mode(host):
    result = host.module("netns", name="s", join="c1")
    assert result["failed"] and "netns s: join: 'c1': no namespace of this name exists" in result["msg"]
    predicted = host.module("netns", name="s", join="c1", check=True)
    assert predicted["changed"] and "c1" in predicted["warnings"][0]


def test_an_unknown_sysctl_is_refused_before_any_change(host):
    (problem,) = host.refused(
        "netns", config=[{"name": "c1", "sysctls": {"net.ipv4.no_such_thing": 1}}, {"name": "c2"}]
    )
    assert "net.ipv4.no_such_thing" in problem


def test_an_invalid_sysctl_value_is_refused_before_any_change(host):
    desired = {"net.ipv4.tcp_sack": "nonsense", "net/ipv4/conf/lo/rp_filter": "x", "net.ipv4.tcp_rmem": "4096 8192 9"}
    problems = host.refused("netns", config=[{"name": "c1", "sysctls": desired, "forwarding": True}, {"name": "c2"}])
    assert [problem.split(": this")[0] for problem in problems] == [
        "netns c1: sysctls: net.ipv4.tcp_sack: 'nonsense'",
        "netns c1: sysctls: net/ipv4/conf/lo/rp_filter: 'x'",
    ], "what else it takes is its own affair"
    host.change("netns", name="c1", sysctls={"net.ipv4.tcp_rmem": "4096 131072 9999999"})


def test_sysctls_of_the_host_or_a_missing_link_are_refused_before_any_change(host):
    desired = [{"name": "c1"}, {"name": "c2", "sysctls": {"net.netfilter.nf_conntrack_max": 4096}}]
    (problem,) = host.refused("netns", config=desired)
    assert "netns c2" in problem and "is not a per-network-namespace sysctl" in problem
    host.module("netns", name="open", join="host")
    same = host.sh("cat /proc/sys/net/netfilter/nf_conntrack_max")
    host.unchanged("netns", name="open", join="host", sysctls={"net.netfilter.nf_conntrack_max": same})
    desired[1]["sysctls"] = {"net.ipv4.conf.eth7.rp_filter": 1, "net/ipv6/conf/eth0.7/accept_ra": 0}
    predicted, refused = (host.module("netns", check=check, config=desired) for check in (True, False))
    assert predicted["warnings"] == refused["problems"], "a task before this one may have to make them"
    assert [problem.split(": no link")[0] for problem in refused["problems"]] == [
        "netns c2: sysctls.net.ipv4.conf.eth7.rp_filter: 'eth7'",
        "netns c2: sysctls.net/ipv6/conf/eth0.7/accept_ra: 'eth0.7'",
    ]
    contrary = host.refused("netns", name="c1", forwarding=False, sysctls={"net/ipv4/ip_forward": "1"})
    assert "contradicts forwarding" in contrary[0]


@pytest.mark.parametrize("sysctls", [
    {"net.ipv4.ip_local_reserved_ports": "8080,8081,8082"},
    {"net.ipv4.conf.lo.rp_filter": "0x1"},
    {"net.ipv4.tcp_rmem": "5000"},
    {"net.ipv4.ip_forward": "1", "net.ipv4.conf.all.forwarding": "0"},
], ids=lambda sysctls: next(iter(sysctls)))  # fmt: skip
def test_a_sysctl_that_the_kernel_formats_differently_is_idempotent(host, sysctls):
    host.module("netns", name="c1", sysctls=sysctls)
    host.unchanged("netns", name="c1", sysctls=sysctls)


@pytest.mark.parametrize("given", [{"forwarding": True}, {"labels": {"a": "b"}}, {"name": "c2"}, {"state": "absent"}])
def test_options_and_config_are_mutually_exclusive(host, given):
    problems = host.refused("netns", config=[{"name": "c1"}], **given)
    assert "never both" in problems[0] and next(iter(given)) in problems[0]


def test_a_name_is_required(host):
    assert "name is required" in host.refused("netns")[0]
    assert "name is required" in host.refused("netns", config=[{"forwarding": True}])[0]
