# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host whose power is cut: what its unit starts at boot brings everything back."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

UP = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: virtnet.linux.lab_hosts
      vars:
        lab_hosts_name: reboot
        lab_hosts_count: 1
        lab_hosts_hosts: "{{ hosts | default([]) }}"
        lab_hosts_directory: "{{ directory }}"
        lab_hosts_state: "{{ state }}"
        lab_hosts_python_interpreter: "{{ ansible_playbook_python }}"
"""
SITE = """
- hosts: all:!lab_outside
  gather_facts: false
  vars:
    bridge_network_persist: true
    bridge_network_networks: [{name: web, subnet: 172.30.0.0/16}]
    bridge_network_containers:
      - {name: a, networks: [web], ports: ["8080:80"]}
      - {name: b, networks: [web]}
  roles:
    - virtnet.linux.bridge_network
  post_tasks:
    - virtnet.linux.network_info:
      register: found
    - ansible.builtin.debug:
        msg: "FOUND {{ (found.networks + found.nat_ports) | to_json | b64encode }} END"
"""


@pytest.fixture
def lab(tmp_path):
    made = Lab(tmp_path)
    made.set("present")
    yield made
    made.set("absent")


class Lab:
    def __init__(self, directory):
        self.directory = directory
        self.inventory = str(directory / "lab" / "inventory.json")

    def play(self, text, *arguments):
        file = self.directory / "play.yml"
        file.write_text(text)
        environment = dict(os.environ, ANSIBLE_HOME=str(self.directory / "a"), ANSIBLE_HOST_KEY_CHECKING="false")
        done = subprocess.run(
            ["ansible-playbook", str(file), *arguments], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def set(self, state, **more):
        self.play(UP, "-e", json.dumps({"state": state, "directory": str(self.directory / "lab"), **more}))

    def site(self):
        return self.play(SITE, "-i", self.inventory)

    def on_host(self, command):
        enter = str(self.directory / "lab" / "enter")
        done = subprocess.run([enter, "h1", "sh", "-ec", command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def found(output):
    return output.split("FOUND ")[1].split(" END")[0]


def test_a_power_cut(lab):
    before = found(lab.site())
    lab.set("restarted", hosts=[{"name": "h1"}])
    assert "br-web" not in lab.on_host("ip link")
    lab.on_host("$(sed -n 's/^ExecStart=//p' /etc/systemd/system/virtnet-restore.service)")
    assert lab.on_host("/usr/local/sbin/virtnet check") == ""
    after = lab.site()
    assert found(after) == before
    assert "changed=0" in after
