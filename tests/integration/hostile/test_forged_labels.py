# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What root in a container (CAP_NET_ADMIN in its network namespace) writes there is not trusted as this collection's
record: aliases, names and indexes of links, the loopback interface, the NIC that the container was given.
"""

from __future__ import annotations

import pytest

from kit import packets, snapshot

WEB = {"name": "web", "subnet": "172.30.0.0/24"}
EVIL = {"name": "evil", "networks": ["web"]}
VICTIM = {"name": "victim", "networks": ["web"]}
NIC = {"device": "enp3s0", "name": "wan", "addresses": ["203.0.113.7/24"]}
A_NIC = """
ip netns add isp
ip link add enp3s0 type veth peer name eth0 netns isp
ip link set enp3s0 up
ip -n isp link set eth0 up
ip -n isp address add 203.0.113.1/24 dev eth0
for _ in $(seq 100); do ip -6 address show dev enp3s0 -tentative | grep -q fe80 && break; sleep 0.05; done
"""


def host_end(host, container):
    (name,) = [name for name, link in host.links().items() if "container=" + container in link.get("ifalias", "")]
    return name


def test_a_containers_own_link_is_never_moved_to_the_host(host, role):
    role.change([WEB], [EVIL, VICTIM])
    host.sh("ip link add tun0 type veth peer name p; ip link set tun0 alias 'virtnet device=tun0 was_up=yes'", "evil")
    before = host.links()
    role.unchanged([WEB], [EVIL, VICTIM])
    role.change([WEB], [VICTIM, {"name": "evil", "state": "absent"}])
    assert set(host.links()) < set(before)
    assert packets.ping(host, "victim", "172.30.0.1")


@pytest.mark.parametrize("way", ["absent", "purge", "module"])
def test_a_veth_with_forged_indexes_affects_no_other_container(host, role, way):
    role.change([WEB], [EVIL, VICTIM])
    near, far = host.links()[host_end(host, "victim")], host.links("victim")["eth0"]
    host.sh("ip link set eth0 down; ip link del eth0", "evil")
    forged = "ip link add eth0 index %d type veth peer name x index %d; ip link set eth0 alias \"$(printf %%s '%s')\""
    host.sh(forged % (far["ifindex"], near["ifindex"], "virtnet container=evil network=web"), "evil")
    if way == "module":
        host.change("netns", name="evil", state="absent")
    elif way == "purge":
        role.change([WEB], [VICTIM], purge=True)
    else:
        role.change([WEB], [VICTIM, {"name": "evil", "state": "absent"}])
    assert packets.ping(host, "victim", "172.30.0.1")
    assert "evil" not in host.sh("ip netns")


@pytest.mark.parametrize("mark", ["x", "", "virtnet role=other", "virtnet join=host"])
def test_a_container_with_a_forged_label_on_lo_is_removed(host, role, mark):
    before = host.snapshot()
    role.change([WEB], [EVIL, VICTIM])
    host.sh("ip link set lo alias '%s'" % mark, "evil")
    role.unchanged([WEB], [EVIL, VICTIM])
    role.change([{**WEB, "state": "absent"}], [{"name": one, "state": "absent"} for one in ("evil", "victim")])
    snapshot.same(before, host.snapshot())


def test_a_renamed_loopback_interface_is_set_up(host, role):
    role.change([WEB], [EVIL])
    host.sh("ip link set lo down; ip link set lo name not-lo; ip link add lo type veth peer name pl", "evil")
    role.change([WEB], [EVIL])
    assert host.links("evil")["not-lo"]["operstate"] in ("UP", "UNKNOWN")
    role.change([WEB], [{"name": "evil", "state": "absent"}])


@pytest.mark.parametrize("words", [
    "device=a/b", "device=lo", "device=c0 was_mtu=zzz", "device=c0 was_mtu=99999999999", "device=c0 was_mac=zz"
])  # fmt: skip
def test_malformed_aliases_are_ignored(host, role, words):
    role.change([WEB], [EVIL, VICTIM])
    host.sh("ip link add c0 type veth peer name c1; ip link set c0 alias 'virtnet %s'" % words, "evil")
    role.unchanged([WEB], [EVIL, VICTIM])
    role.change([WEB], [VICTIM, {"name": "evil", "state": "absent"}])
    assert "c0" not in host.links()


def test_a_nic_claimed_by_forgery_is_moved_to_the_declared_container(host, role):
    host.sh(A_NIC)
    role.change([], [{"name": "evil", "network_mode": "none"}])
    host.sh("ip link add c0 type veth peer name c1; ip link set c0 alias 'virtnet device=enp3s0 was_up=yes'", "evil")
    role.change([], [{"name": "evil", "network_mode": "none"}, {"name": "c", "interfaces": [NIC]}])
    assert packets.arrives(host, "isp", "203.0.113.7", 80, "c")


@pytest.mark.parametrize("script", [
    "ip link set wan alias 'virtnet device=up0 was_mtu=68'",
    "ip link set wan alias ''; ip link set wan down; ip link set wan name br-web",
    "ip link set wan address 02:00:00:00:00:66; ip link set wan mtu 1280",
    "ip link set wan down; ip link set wan name x; ip link add wan type veth peer name y; ip link set wan up",
])  # fmt: skip
def test_a_nic_returns_with_its_recorded_attributes(host, role, script):
    host.sh(A_NIC)
    before = host.links()["enp3s0"]
    role.change([], [{"name": "evil", "interfaces": [NIC]}])
    host.sh(script, "evil")
    role.change([], [{"name": "evil", "network_mode": "none"}])
    after = host.links()["enp3s0"]
    assert (after["mtu"], after["address"], "UP" in after["flags"]) == (before["mtu"], before["address"], True)
    assert "ifalias" not in after


def test_a_nic_moved_on_by_its_container_blocks_no_run(host, role):
    """To a namespace that only a process in the container holds; a link of its own stays in the NIC's place."""
    host.sh(A_NIC)
    role.change([WEB], [{"name": "evil", "interfaces": [NIC]}])
    hidden = host.start("unshare", "-n", "sleep", "1000", netns="evil")
    elsewhere = "until [ $(readlink /proc/%d/ns/net) != $(readlink /proc/self/ns/net) ]; do sleep 0.01; done"
    host.sh(elsewhere % hidden, "evil")
    host.sh("ip link set wan netns %d; ip link add wan type veth peer name y" % hidden, "evil")
    done = host.module("topology", **role.plan([WEB], [{"name": "evil", "interfaces": [NIC]}, VICTIM])["topology"])
    assert not done.get("failed"), done
    assert any("enp3s0" in warning and "moved it on" in warning for warning in done["warnings"])
    assert packets.ping(host, "victim", "172.30.0.1")
    assert "enp3s0" not in host.links()


@pytest.mark.parametrize("kind", ["veth peer name p", "bridge", "ifb"])
def test_a_conflicting_link_in_a_container_is_renamed(host, role, kind):
    role.change([WEB], [EVIL, VICTIM])
    host.sh("ip link set eth0 down; ip link set eth0 name gone; ip link add eth0 type %s" % kind, "evil")
    role.change([WEB], [EVIL, VICTIM])
    assert packets.ping(host, "evil", "172.30.0.1")
    assert len([one for one in host.links("evil").values() if one["ifname"].startswith("vn")]) == 1


def test_nftables_of_one_container_block_no_other(host, role):
    host.sh(A_NIC)
    nic = {**NIC, "gateway": "203.0.113.1"}
    role.change([WEB], [{"name": "evil", "interfaces": [nic]}])
    host.sh("ip rule add pref 1 blackhole; ip route flush table main", "evil")
    done = host.module("topology", **role.plan([WEB], [{"name": "evil", "interfaces": [nic]}, VICTIM])["topology"])
    assert not done.get("failed"), done
    assert any("namespace evil" in warning and "enp3s0" in warning for warning in done["warnings"])
    assert packets.ping(host, "victim", "172.30.0.1")


def test_a_conflicting_altname_in_a_container_is_removed(host, role):
    role.change([WEB], [{"name": "evil", "network_mode": "none"}, VICTIM])
    host.sh("ip link add mine type veth peer name p; ip link property add dev mine altname eth0", "evil")
    role.change([WEB], [EVIL, VICTIM])
    assert packets.ping(host, "evil", "172.30.0.1")
    assert "mine" in host.links("evil")


@pytest.mark.parametrize("taken", ["br-web", "enp3s0", "br-app", "lo"])
def test_altnames_added_in_a_container_do_not_return_with_the_nic(host, role, taken):
    """With one that is in use on the host the kernel does not move the NIC back."""
    host.sh(A_NIC)
    role.change([WEB], [{**EVIL, "interfaces": [NIC]}, VICTIM])
    host.sh("ip link set lo down; ip link set lo name loop; ip link property add dev wan altname added", "evil")
    host.sh("ip link property add dev wan altname " + taken, "evil")
    role.change([WEB], [{"name": "evil", "state": "absent"}, VICTIM])
    assert "altnames" not in host.links()["enp3s0"]
    assert "evil" not in host.sh("ip netns")


def test_altnames_of_a_nic_returned_by_the_kernel_block_no_network(host, role):
    host.sh(A_NIC)
    role.change([WEB], [{**EVIL, "interfaces": [NIC]}, VICTIM])
    host.sh("ip link property add dev wan altname br-app; ip link property add dev wan altname added", "evil")
    # as the kernel does with a NIC when its namespace is gone; the veth in its place would be gone with it
    host.sh("ip -n evil link set wan netns $$; ip netns delete evil")
    role.change([WEB, {"name": "app", "subnet": "172.31.0.0/24"}], [VICTIM])
    role.change([WEB], [{**EVIL, "interfaces": [NIC]}, VICTIM])
    assert "altnames" not in host.links("evil")["wan"]


def test_an_endpoint_renamed_to_a_nics_altname_blocks_no_run(host, role):
    host.sh(A_NIC + "ip link property add dev enp3s0 altname enx1")
    role.change([WEB], [EVIL, VICTIM])
    host.sh(
        "ip link set eth0 down; ip link set eth0 name enx1; ip link set lo down; ip link add mine type bridge", "evil"
    )
    role.change([WEB], [{**EVIL, "interfaces": [NIC]}, VICTIM])
    assert set(host.links("evil")) == {"lo", "eth0", "wan", "mine"}
    assert host.links("evil")["wan"]["altnames"] == ["enx1"]


def test_without_runtime_state_host_labels_identify_managed_namespaces(host, role):
    role.change([WEB], [EVIL, VICTIM])
    host.sh("rm /run/virtnet/memory.json; ip netns add theirs; ip -n theirs link set lo alias 'virtnet role=web'")
    reported = host.module("network_info")["containers"]
    assert [one["name"] for one in reported] == ["evil", "victim"]
    role.change([WEB], [EVIL, VICTIM])
    role.change([], [], purge=True)
    assert host.sh("ip netns").split() == ["theirs"]
    assert set(host.links()) == {"lo"}
