# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ten hosts at once with ten forks; ten runs at once on one host, under ten names, each with a network of its own."""

from __future__ import annotations

import json

import pytest
from integration.overlay.fabric_lab import lab_in, on, recap

BRIDGES = """
- hosts: HOSTS
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: virtnet.linux.bridge_network
"""
HOSTS = ["h%d" % number for number in range(1, 11)]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    with lab_in(tmp_path_factory.mktemp("forks") / "lab", hosts=HOSTS) as made:
        yield made


def declared(number, state):
    """A network of its own with two containers and a port each."""
    name = "n%d" % number
    containers = [
        {"name": "%s-%d" % (name, one), "networks": [name], "ports": ["%d:80" % (8000 + 2 * number + one)],
         "state": state}
        for one in (0, 1)
    ]  # fmt: skip
    network = {"name": name, "subnet": "10.100.%d.0/24" % number, "state": state}
    return {"bridge_network_networks": [network], "bridge_network_containers": containers}


def all_changed(output, changed):
    counted = recap(output)
    assert len(counted) == 10, output
    assert all((one["changed"] > 0) == changed and one["failed"] == 0 for one in counted.values()), output


def test_ten_hosts_with_ten_forks(lab):
    for number, host in enumerate(HOSTS):
        lab.containers(host, *(on("fabric", name="f%d" % one) for one in range(10)))
        lab.declared[host].update(declared(number, "present"))
    site = lab.directory / "site.yml"
    site.write_text("- import_playbook: virtnet.linux.overlay_network\n" + BRIDGES.replace("HOSTS", "overlay"))
    all_changed(lab.play("--forks", "10", playbook=str(site)), True)
    all_changed(lab.play("--forks", "10", playbook=str(site)), False)
    first, last = lab.address("h1", "f0"), lab.address("h10", "f9")
    assert lab.ping("h1", "f0", last) and lab.ping("h10", "f9", first)
    for number, host in enumerate(HOSTS):
        gone = lab.declared[host]["overlay_network_containers"]
        lab.containers(host, *({**one, "state": "absent"} for one in gone))
        lab.declared[host].update(declared(number, "absent"))
    networks = [{**one, "state": "absent"} for one in lab.networks]
    lab.play("--forks", "10", "-e", json.dumps({"overlay_network_networks": networks}), playbook=str(site))
    for host in HOSTS:
        assert lab.sh(host, "ip netns; ip -o link show type bridge; nft list tables; ls -d /run/virtnet* || true") == ""


def test_ten_concurrent_runs_on_one_host(lab):
    (lab.directory / "site.yml").write_text(BRIDGES.replace("HOSTS", "names"))
    reached = json.loads((lab.directory / "inventory.json").read_text())["lab"]["hosts"]["h1"]

    def play(state):
        names = {"name%d" % number: {**reached, **declared(number, state)}
                 for number in range(10)}  # fmt: skip
        inventory = lab.directory / "names.json"
        inventory.write_text(json.dumps({"names": {"hosts": names}}))
        return lab.play("-i", str(inventory), "--forks", "10", playbook=str(lab.directory / "site.yml"))

    all_changed(play("present"), True)
    found = lab.live("h1")
    assert [one["Name"] for one in found["networks"]] == ["n%d" % number for number in range(10)]
    assert [len(one["Containers"]) for one in found["networks"]] == [2] * 10
    assert [one["host_port"] for one in found["nat_ports"]] == list(range(8000, 8020))
    all_changed(play("present"), False)
    all_changed(play("absent"), True)
    found = lab.live("h1")
    assert (found["networks"], found["containers"], found["nat_ports"]) == ([], [], [])
