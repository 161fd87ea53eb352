# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Persistence: the documents, the command virtnet, and what it repairs."""

from __future__ import annotations

import json
import os
import stat
import sys

import pytest
from integration.robust import engine
from integration.robust.documents import VTEP, absent, complete, containers, overlay

from ansible_collections.virtnet.linux.plugins.module_utils.rules import names
from kit import packets, snapshot

DOCUMENTS = "/var/lib/virtnet"
POWER_CUT = """
nft flush ruleset
ip -all netns del
for link in $(ip -o link | cut -d: -f2 | cut -d@ -f1); do
    case $link in eth0|wire|lo) ;; *) ip link del $link || true ;; esac
done
umount /run/netns && rmdir /run/netns || true
rm -rf /run/virtnet
sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
"""


@pytest.fixture
def host(host):
    engine.own_disks(host)
    return host


def module_arguments(document):
    """The document as a role gives it to the module."""
    return {
        kind: [{key: value for key, value in one.items() if value is not None} for one in objects]
        for kind, objects in document.items()
    }


def declare(host, document, role="bridge_network", persist=True):
    return host.module("topology", role=role, persist=persist, **module_arguments(document))


def virtnet(host, command):
    done = host.try_sh("/usr/local/sbin/virtnet " + command)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


def written(host):
    return sorted(host.sh("cd /var/lib && find virtnet -type f 2>/dev/null || true").split())


def test_documents_command_and_unit_are_created_and_removed(host):
    before = host.snapshot()
    web = containers(range(1, 3))
    done = declare(host, web)
    assert done["changed"], done
    assert written(host) == ["virtnet/bridge_network.json", "virtnet/bridge_network.web.json"]
    assert declare(host, web)["actions"] == []
    assert virtnet(host, "check") == (0, "", "")
    assert virtnet(host, "restore") == (0, "", "")
    assert host.sh("readlink /etc/systemd/system/multi-user.target.wants/virtnet-restore.service").strip() == (
        "/etc/systemd/system/virtnet-restore.service"
    )
    gone = declare(host, absent(web))
    assert gone["changed"] and not gone.get("failed"), gone
    assert written(host) == []
    assert host.try_sh("ls -d /var/lib/virtnet /usr/local/sbin/virtnet /etc/systemd/system/*/virtnet*").stdout == ""
    snapshot.same(before, host.snapshot())


@pytest.mark.parametrize("was_there", [True, False])
def test_created_directories_are_removed(host, was_there):
    wants = "/etc/systemd/system/multi-user.target.wants"
    host.sh("rm -rf " + wants)
    if was_there:
        host.sh("mkdir " + wants)
    web = containers(range(1, 3))
    declare(host, web)
    assert host.sh("ls " + wants).split() == ["virtnet-restore.service"]
    declare(host, absent(web))
    assert (host.try_sh("ls -d " + wants).returncode == 0) == was_there
    assert host.try_sh("ls -d /var/lib/virtnet").returncode


def test_check_mode_predicts_the_files_and_writes_none(host):
    web = containers(range(1, 3))
    before = host.snapshot()
    predicted = host.module("topology", check=True, role="bridge_network", persist=True, **module_arguments(web))
    assert "/usr/local/sbin/virtnet" in [action["name"] for action in predicted["actions"]]
    snapshot.same(before, host.snapshot())
    assert declare(host, web)["actions"] == predicted["actions"]


def test_everything_is_restored_after_a_power_cut(host):
    web, fabric = containers(range(1, 6)), overlay([1, 2], range(3))
    declare(host, web)
    declare(host, fabric, role="overlay_network")
    before = engine.read_back(host)
    host.sh(POWER_CUT)
    assert engine.read_back(host)["networks"] == []
    code, actions, _warnings = virtnet(host, "check")
    assert code == 1 and "create bridge br-web" in actions and "create netns c1" in actions
    code, done, warnings = virtnet(host, "restore --wait 5")
    assert (code, warnings) == (0, "")
    assert done == actions
    assert engine.read_back(host) == before
    assert virtnet(host, "check")[:2] == (0, "")
    assert packets.arrives(host, "c2", "172.30.0.2", 80, "c1")
    assert packets.arrives(host, "c2", VTEP, 8001, "c1", at=80)
    assert declare(host, web)["actions"] == []


END = names.veth_device("c1", "web")
DAMAGE = {
    "a port is disabled": ("bridge link set dev %s state 0" % END, "veth " + END),
    "a port is renamed": ("ip link set %s down; ip link set %s name foo" % (END, END), "veth " + END),
    "neighbours are deleted": ("ip neigh flush all nud permanent", "neighbour br-web"),
    "the firewall is flushed": ("nft flush ruleset", "bridge_policy br-web"),
    "a bridge is deleted": ("ip link del br-web", "bridge br-web"),
    "a namespace is deleted": ("ip netns del c2", "netns c2"),
    "a container's end is deleted": ("ip -n c3 link del eth0", "veth "),
    "an address is changed": ("ip -n c1 address del 172.30.0.2/16 dev eth0", "veth "),
    "a route is deleted": ("ip -n c1 route del default", "veth "),
    "forwarding is switched off": ("sysctl -qw net.ipv4.ip_forward=0", "sysctl net.ipv4.ip_forward"),
    "an element is deleted": (
        "nft flush map inet virtnet $(nft list maps inet | grep -om1 'map [a-z0-9_]*' | cut -c5-)",
        "nat_port",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_restore_repairs_out_of_band_changes_only(host, damage):
    script, named = DAMAGE[damage]
    declare(host, containers(range(1, 5)))
    before = engine.read_back(host)
    untouched = host.links()["eth0"]
    host.sh(script)
    code, actions, _warnings = virtnet(host, "check")
    assert code == 1 and named in actions, actions
    assert virtnet(host, "restore")[::2] == (0, "")
    assert virtnet(host, "check")[0] == 0
    assert engine.read_back(host) == before
    assert host.links()["eth0"] == untouched
    assert packets.arrives(host, "c1", "172.30.0.3", 80, "c2")


def test_documents_are_owned_by_root_and_readable_json(host):
    declare(host, containers(range(1, 3)))
    path = DOCUMENTS + "/bridge_network.web.json"
    assert stat.S_IMODE(host.call(os.stat, path).st_mode) == 0o600
    assert stat.S_IMODE(host.call(os.stat, DOCUMENTS).st_mode) == 0o700
    assert stat.S_IMODE(host.call(os.stat, "/run/virtnet/memory.json").st_mode) == 0o600
    assert stat.S_IMODE(host.call(os.stat, "/run/virtnet").st_mode) == 0o700
    content = json.loads(host.sh("cat " + path))
    assert (content["version"], content["role"], content["network"]) == (1, "bridge_network", "web")
    assert content["objects"]["veth"][0]["peer"]["addresses"] == ["172.30.0.2/16", "fd00:30::2/64"]


def test_undeclared_containers_stay_in_the_document(host):
    declare(host, containers(range(1, 4)))
    more = containers([7])
    more["netns"] = [one for one in more["netns"] if one["name"] == "c7"]
    declare(host, more)
    before = engine.read_back(host)
    host.sh(POWER_CUT)
    virtnet(host, "restore")
    assert engine.read_back(host) == before
    assert {"c1", "c2", "c3", "c7"} <= {one["name"] for one in before["containers"]}
    declare(host, complete({"netns": [{"name": "c2", "state": "absent"}], "nat_port": [
        {"host_port": "8002", "protocol": protocol, "state": "absent"} for protocol in ("tcp", "udp")]}))  # fmt: skip
    host.sh(POWER_CUT)
    virtnet(host, "restore")
    assert "c2" not in [one["name"] for one in engine.read_back(host)["containers"]]


def test_an_upgrade_replaces_command_and_unit(host):
    web = containers(range(1, 3))
    declare(host, web)
    older = ("/usr/local/sbin/virtnet", "/etc/systemd/system/virtnet-restore.service")
    for path in older:
        host.sh(f"echo older >> {path}")
    done = declare(host, web)
    assert [(action["action"], action["name"]) for action in done["actions"]] == [("change", path) for path in older]
    assert declare(host, web)["actions"] == []


def test_persist_false_removes_the_document(host):
    before = host.snapshot()
    web = containers(range(1, 3))
    declare(host, web)
    done = declare(host, web, persist=False)
    assert {action["kind"] for action in done["actions"]} == {"file"}
    assert declare(host, web, persist=False)["actions"] == []
    assert written(host) == []
    engine.run(host, absent(web))
    snapshot.same(before, host.snapshot())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is damaged"),
        ('{"version": 2, "objects": {}}', "is of version 2"),
        ('{"version": 1, "objects": []}', "damaged"),
    ],
)
def test_an_unreadable_document_is_reported(host, content, words):
    declare(host, containers(range(1, 3)))
    host.sh(f"echo '{content}' > {DOCUMENTS}/bridge_network.web.json")
    before = host.snapshot()
    code, _actions, message = virtnet(host, "restore")
    assert code == 2 and words in message and "bridge_network.web.json" in message and "Traceback" not in message
    snapshot.same(before, host.snapshot())


def test_restore_waits_for_a_tunnels_address(host):
    declare(host, overlay([1], range(3)), role="overlay_network")
    host.sh(POWER_CUT)
    host.sh(f"ip address del {VTEP}/24 dev eth0")
    code, _actions, message = virtnet(host, "restore")
    assert code == 2 and "no interface of this host has this address" in message
    host.sh(f"(sleep 0.5; ip address add {VTEP}/24 dev eth0) & /usr/local/sbin/virtnet restore --wait 10; wait")
    assert virtnet(host, "check")[0] == 0


PLAYBOOK = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: {python}
    bridge_network_persist: true
    bridge_network_networks:
      - {{name: web, subnet: 172.30.0.0/16}}
    bridge_network_containers: {containers}
  roles:
    - virtnet.linux.bridge_network
"""


def play(host, tmp_path, names, expected=0):
    file = tmp_path / "site.yml"
    declared = [{"name": name, "networks": ["web"]} for name in names]
    file.write_text(PLAYBOOK.format(python=sys.executable, containers=json.dumps(declared)))
    environment = {"HOME": str(tmp_path), "ANSIBLE_HOME": str(tmp_path / "a"), "ANSIBLE_LOCALHOST_WARNING": "false"}
    words = " ".join("%s=%s" % item for item in environment.items())
    done = host.try_sh(f"env {words} ansible-playbook -i localhost, {file}")
    assert done.returncode == expected, done.stdout + done.stderr
    return done.stdout


def addresses(host):
    (network,) = engine.read_back(host)["networks"]
    return {name: one["IPv4Address"] for name, one in network["Containers"].items()}


@pytest.mark.long
def test_a_container_keeps_its_address_over_killed_runs(host, tmp_path):
    play(host, tmp_path, ["a", "b", "c"])
    before = addresses(host)
    host.sh("ip netns del a; ip netns del b")
    play(host, tmp_path, ["0", "b"])  # b is restored; a was not removed, so its address is not free
    assert addresses(host)["b"] == before["b"] and addresses(host)["0"] not in before.values()
    assert virtnet(host, "restore")[::2] == (0, "")
    assert before.items() <= addresses(host).items()
    play(host, tmp_path, ["0", "a", "b", "c"])
    assert "changed=0" in play(host, tmp_path, ["0", "a", "b", "c"])
    host.sh(POWER_CUT)
    play(host, tmp_path, ["c", "b", "a", "0"])  # nothing was restored, and the order is another
    assert before.items() <= addresses(host).items()
