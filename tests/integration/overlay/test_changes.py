# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fabric that changes: --limit, batches, hosts and containers added and removed, unreachable hosts."""

from __future__ import annotations

import json

import pytest
from integration.overlay.fabric_lab import FABRIC, PLAY, on, recap

BRIDGE_CONTAINERS = """
- hosts: overlay
  gather_facts: false
  roles:
    - {role: virtnet.linux.overlay_network, overlay_network_group: overlay}
    - {role: virtnet.linux.bridge_network}
"""
BATCHES = """
- hosts: overlay
  serial: 1
  gather_facts: false
  roles:
    - {role: virtnet.linux.overlay_network, overlay_network_group: overlay}
"""


def create_fabric(lab):
    lab.containers("h1", on("fabric", name="c1"))
    lab.containers("h2", on("fabric", name="c1"), on("fabric", name="c5"))
    lab.containers("h3", on("fabric", name="c6"))
    lab.play()


def entries(lab, host):
    """The endpoints on other hosts, as the kernel of this one has them: MAC and VTEP."""
    found = json.loads(lab.sh(host, "bridge -json fdb show dev vx-fabric"))
    return {(one["mac"], one["dst"]) for one in found if "dst" in one}


@pytest.mark.long
def test_a_limited_run_reports_hosts_that_lack_entries_and_their_run_completes(lab):
    create_fabric(lab)
    lab.containers("h1", on("fabric", name="c1"), on("fabric", name="new"))
    output = lab.play("--limit", "h1")
    assert "now lacking entries: h2, h3" in output and "--limit h2,h3" in output
    assert list(recap(output)) == ["h1"]
    new, old = lab.address("h1", "new"), lab.address("h2", "c5")
    assert not lab.ping("h1", "new", old, "-W0.3")
    assert lab.ping("h1", "c1", old)
    output = lab.play("--limit", "h2,h3")
    assert "lacking" not in output.replace("Name the hosts that lack", "")
    # c5 has just failed to resolve an address: for three seconds it drops its replies
    assert lab.ping("h1", "new", old, "-w5") and lab.ping("h3", "c6", new)


def test_other_hosts_change_by_new_entries_only(lab):
    create_fabric(lab)
    before = {host: entries(lab, host) for host in lab.declared}
    lab.watch("h3", "bridge monitor fdb")
    lab.watch("h3", "ip monitor neigh")
    lab.containers("h2", on("fabric", name="c1"), on("fabric", name="c5"), on("fabric", name="c7"))
    lab.play("--diff")
    new = ("02:42:0a:2a:00:06", "10.99.0.2")
    assert entries(lab, "h1") == before["h1"] | {new} and entries(lab, "h3") == before["h3"] | {new}
    lines = lab.sh("h3", "cat /run/changes").splitlines()
    changes = [line for line in lines if "vx-fabric" in line or "PERMANENT" in line]  # and not what the kernel forgets
    assert changes and all("02:42:0a:2a:00:06" in line for line in changes), changes
    lab.containers(
        "h2", on("fabric", name="c1"), on("fabric", name="c5"), {**on("fabric", name="c7"), "state": "absent"}
    )
    lab.play()
    assert {host: entries(lab, host) for host in lab.declared} == before
    assert "c7" not in lab.sh("h2", "ip netns list")


def test_a_host_is_added_and_another_removed(lab):
    lab.declared.pop("h3")
    lab.containers("h1", on("fabric", name="c1"))
    lab.containers("h2", on("fabric", name="c5"))
    lab.play()
    lab.declared["h3"] = {"overlay_network_containers": [on("fabric", name="c6")]}
    lab.play()
    assert lab.address("h1", "c1") == "10.42.0.2" and lab.address("h3", "c6") == "10.42.0.4"
    assert lab.ping("h3", "c6", "10.42.0.2") and lab.ping("h1", "c1", "10.42.0.4")
    lab.declared.pop("h2")
    lab.play()
    assert {vtep for _mac, vtep in entries(lab, "h1")} == {"10.99.0.3"}


@pytest.mark.long
def test_batches_are_planned_once(lab, tmp_path):
    (tmp_path / "batches.yml").write_text(BATCHES)
    lab.containers("h1", on("fabric", name="c1"))
    lab.containers("h2", on("fabric", name="c5"))
    lab.containers("h3", on("fabric", name="c6"))
    output = lab.play(playbook=str(tmp_path / "batches.yml"))
    assert output.count("TASK [virtnet.linux.overlay_network : Plan the fabric] ") == 1
    assert "lacking" not in output.replace("Name the hosts that lack", "")
    assert not any(host["changed"] for host in recap(lab.play()).values())
    assert lab.ping("h1", "c1", lab.address("h3", "c6")) and lab.ping("h3", "c6", lab.address("h2", "c5"))


@pytest.mark.long
def test_a_play_may_have_hosts_outside_the_group(lab):
    """As the playbook check has, which reads every host of the inventory: here the external host, too."""
    create_fabric(lab)
    output = lab.play(playbook="virtnet.linux.check")
    assert sorted(recap(output)) == ["h1", "h2", "h3", "outside"]
    lab.sh("h2", "bridge fdb del 02:42:0a:2a:00:02 dev vx-fabric")
    output = lab.play(playbook="virtnet.linux.check", fails=True)
    assert {host for host, one in recap(output).items() if one["failed"]} == {"h2"} and "02:42:0a:2a:00:02" in output


def unreachable(lab, host):
    lab.declared[host].update(ansible_host="127.0.0.1", ansible_ssh_common_args="-p 1 -o BatchMode=yes")


@pytest.mark.long
def test_an_unreachable_host_blocks_conflicting_allocation(lab):
    create_fabric(lab)
    for number, host in enumerate(lab.declared, start=1):
        lab.declared[host]["overlay_network_vtep"] = f"10.99.0.{number}"
    reached = dict(lab.declared["h3"])
    unreachable(lab, "h3")
    before = entries(lab, "h1")
    output = lab.play("--limit", "h1,h2")
    assert "host h3: could not be read" in output
    assert entries(lab, "h1") == before
    lab.containers("h1", on("fabric", name="c1"), on("fabric", name="new"))
    output = lab.play("--limit", "h1,h2", fails=True)
    assert "could not be read" in output and "none is given out for container new on h1" in output
    assert "new" not in lab.sh("h1", "ip netns list")
    lab.declared["h3"] = reached
    lab.play()
    assert lab.ping("h1", "new", lab.address("h3", "c6"))


def test_a_port_changes_while_a_member_is_dead_and_no_vtep_is_declared(lab):
    """Its VTEP is known from the tunnels of the others: they keep their entries, and name it in one warning."""
    create_fabric(lab)
    before = entries(lab, "h1")
    unreachable(lab, "h3")
    lab.containers("h1", on("fabric", name="c1", ports=["8080:80"]))
    output = lab.play("--limit", "h1,h2")
    assert output.count("host h3: could not be read") == 1
    assert entries(lab, "h1") == before
    assert any(port["host_port"] == 8080 for port in lab.live("h1")["nat_ports"])


def test_a_container_moves_to_another_host_with_its_address(lab):
    """Its neighbours reach it there after one run; where a process still runs in it, that keeps running, detached."""
    lab.containers("h1", on("fabric", name="stays"), on("fabric", name="moves"))
    lab.containers("h2", on("fabric", name="c5"))
    lab.containers("h3", on("fabric", name="c6"))
    lab.play()
    address = lab.address("h1", "moves")
    process = lab.sh("h1", "setsid ip netns exec moves sleep 100 >/dev/null 2>&1 & echo $!").strip()
    lab.containers("h1", on("fabric", name="stays"))
    lab.containers("h2", on("fabric", name="c5"), on("fabric", name="moves"))
    output = lab.play()
    assert "moves to h2; processes in its namespace here keep running without a network" in output
    assert lab.address("h2", "moves") == address and lab.ping("h3", "c6", address)
    assert [line.split(":")[1].strip() for line in lab.sh("h1", "ip -n moves -o link").splitlines()] == ["lo"]
    lab.sh("h1", f"kill {process}")
    assert "container moves: overlay_network_containers 'h1': is live here as well" in lab.play()


@pytest.mark.long
def test_slices_allocate_without_reading_other_hosts(lab):
    for number, host in enumerate(lab.declared, start=1):
        slices = {"fabric": [f"10.42.{number}.0/24", f"fd42::{number}:0/112"]}
        lab.declared[host].update(overlay_network_vtep=f"10.99.0.{number}", overlay_network_ip_ranges=slices)
        lab.containers(host, on("fabric", name="c1"))
    reached = dict(lab.declared["h3"])
    unreachable(lab, "h3")
    lab.play("--limit", "h1,h2")
    lab.declared["h3"] = reached
    lab.play("--limit", "h3")
    assert [lab.address(host, "c1") for host in lab.declared] == ["10.42.1.0", "10.42.2.0", "10.42.3.0"]
    assert lab.address("h3", "c1", version=6) == "fd42::3:0"
    assert lab.ping("h1", "c1", "10.42.3.0") and lab.ping("h3", "c1", "fd42::1:0")


def test_errors_of_all_hosts_are_reported_at_once_before_any_change(lab):
    lab.sh("h2", "ip link add other type vxlan id 4242 dstport 4789 local 10.99.0.2")
    lab.containers("h1", on("fabric", "nowhere", name="c1"))
    lab.declared["h3"]["overlay_network_vtep"] = "10.99.0.99"
    output = lab.play(fails=True)
    assert "the tunnel other on h2 has it on the same UDP port" in output
    assert "is unknown: no network in overlay_network_networks" in output
    assert "no interface of the host has this address; it has 10.99.0.3" in output
    for host in lab.declared:
        assert "br-fabric" not in lab.sh(host, "ip link") and lab.sh(host, "ip netns list") == ""


def test_with_purge_misspelt_variables_of_later_batches_are_refused(lab, tmp_path):
    lab.containers("h1", on("fabric", name="c1"))
    (tmp_path / "batches.yml").write_text(BATCHES)
    lab.declared["h3"] = {"overlay_network_container": [on("fabric", name="c6")]}
    output = lab.play(playbook=str(tmp_path / "batches.yml"), fails=True, overlay_network_purge=True)
    assert "h3: role overlay_network: variable 'overlay_network_container': is none of the role's" in output
    assert lab.sh("h1", "ip netns list") == ""


@pytest.mark.long
def test_absent_and_purge_remove_everything(lab):
    def left(host):
        return lab.sh(host, "ip -o link | cut -d: -f2 | cut -d@ -f1; ip netns list; nft list tables; "
                            "find /etc/netns /etc/systemd/system/virtnet* /var/lib/virtnet 2>&1 || true; "
                            "cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding")  # fmt: skip

    before = {host: left(host) for host in lab.declared}
    create_fabric(lab)
    lab.networks = [{"name": "fabric", "state": "absent"}, {"name": "other", "state": "absent"}]
    for declared in lab.declared.values():
        for container in declared["overlay_network_containers"]:
            container["state"] = "absent"
    lab.play()
    assert {host: left(host) for host in lab.declared} == before
    assert not any(host["changed"] for host in recap(lab.play()).values())


@pytest.mark.long
def test_a_container_is_on_an_overlay_and_on_a_bridge_network(lab, tmp_path):
    """In bridge_network's list on bare hosts, check mode first; in this role's where the bridge network exists."""
    both = str(tmp_path / "both.yml")
    (tmp_path / "both.yml").write_text(BRIDGE_CONTAINERS)
    lab.containers("h1", on("fabric", name="c1"))
    lab.containers("h3", on("fabric", name="c6"))
    lab.declared["h1"]["bridge_network_networks"] = [{"name": "web", "subnet": "172.30.0.0/16"}]
    lab.declared["h1"]["bridge_network_containers"] = [on("fabric", "web", name="guest")]
    assert recap(lab.play("--check", playbook=both))["h1"]["changed"] == 2
    assert lab.sh("h1", "ip netns list") == ""
    lab.play(playbook=both)
    assert lab.address("h1", "guest") not in (lab.address("h1", "c1"), lab.address("h3", "c6"))
    assert lab.address("h1", "guest", "web") == "172.30.0.2"
    assert lab.ping("h3", "c6", lab.address("h1", "guest")) and lab.ping("h1", "guest", lab.address("h3", "c6"))
    lab.containers("h1", on("fabric", name="c1"), on("fabric", "web", name="both"))
    lab.play(playbook=both)
    assert lab.sh("h1", "ip -n both -br address | cut -d@ -f1 | cut -d' ' -f1").split() == ["lo", "eth0", "eth1"]
    assert lab.ping("h1", "both", "172.30.0.2") and lab.ping("h3", "c6", lab.address("h1", "both"))
    assert not any(host["changed"] for host in recap(lab.play(playbook=both)).values())


@pytest.mark.long
def test_flooding_replicates_broadcasts_except_for_the_gateway(lab):
    lab.networks = [{**FABRIC, "flood": True}]
    create_fabric(lab)
    with lab.capture() as lines:
        lab.within("h1", "c1", "ping", "-bc1", "-W0.3", "10.42.255.255", check=False)
        assert lab.ping("h1", "c1", lab.address("h3", "c6"))
        assert lab.ping("h1", "c1", "10.42.0.1") and lab.ping("h1", None, lab.address("h1", "c1"))
    text = "\n".join(lines)
    assert "ff:ff:ff:ff:ff:ff" in text
    assert "02:42:0a:2a:00:01 >" not in text
    assert not any(host["changed"] for host in recap(lab.play(playbook=PLAY)).values())


def test_icc_false_isolates_across_hosts_and_published_ports_work(lab):
    lab.networks = [{**FABRIC, "icc": False}]
    lab.containers("h1", on("fabric", name="c1"))
    lab.containers("h2", on("fabric", name="c5", ports=["8080:80"]))
    lab.play()
    with lab.server("h2", "c5", "hello.py", "serve", "c5", "0.0.0.0", "80"):
        assert not lab.ping("h1", "c1", lab.address("h2", "c5"), "-W0.3")
        assert lab.ask("h1", "c1", f"http://{lab.address('h2', 'c5')}/") is None
        assert lab.ask("h1", "c1", "http://10.99.0.2:8080/") == "Hello from c5, you are 10.99.0.1"
