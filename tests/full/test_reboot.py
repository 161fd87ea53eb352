# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two machines with systemd reboot: their networks are restored before the services that use them."""

from __future__ import annotations

import json

import pytest
from integration.docs.pages import blocks

from kit import role
from kit.booted import CONTROLLER, Machines
from kit.checkout import HOME

SITE = """
- hosts: booted
  gather_facts: false
  vars:
    overlay_network_networks: [{name: fabric, vni: 4242, subnet: 10.42.0.0/16, state: STATE}]
    overlay_network_containers: [{name: "f-{{ inventory_hostname }}", networks: [fabric], state: STATE}]
    overlay_network_manage_foreign_firewall: true
    bridge_network_manage_foreign_firewall: true
    bridge_network_networks: [{name: web, subnet: 172.30.0.0/16, state: STATE}]
    bridge_network_containers:
      - {name: nginx, networks: [web], ports: ["8080:80"], state: STATE, force: true}
      - {name: client, networks: [web], sysctls: {net.ipv4.conf.all.rp_filter: 2}, state: STATE}
  roles:
    - {role: virtnet.linux.overlay_network, overlay_network_group: booted}
    - virtnet.linux.bridge_network
  post_tasks:
    - virtnet.linux.network_info:
      register: found
    - ansible.builtin.copy:
        content: "{{ found | to_json }}"
        dest: "FOLDER/{{ inventory_hostname }}.json"
        mode: "0644"
      delegate_to: localhost
      changed_when: false
      vars: {ansible_connection: local, ansible_python_interpreter: "{{ ansible_playbook_python }}"}
"""
# Who needs the networks from boot on: the unit of the documentation, and one that waits for what others wait for too.
(HELLO,) = [block.text for block in blocks(HOME / "docs" / "services.md") if str(block.file).endswith("/hello.service")]
ONLINE = HELLO.replace("After=virtnet-restore.service", "Wants=network-online.target\nAfter=network-online.target")
UNITS = {"h1": HELLO, "h2": ONLINE}
# What else the unit promises: names as ip netns exec has them, and no rights of root's.
INSIDE = """
pid=$(systemctl show --property=MainPID --value hello)
nsenter --target $pid --mount getent hosts client
! grep "^Uid:.0" /proc/$pid/status
"""
CALL = (
    "python3 -c \"import urllib.request as r; print(r.urlopen('http://%s:8080/hostname', timeout=10).read().decode())\""
)
GONE = """
test ! -e /var/lib/virtnet; test ! -e /usr/local/sbin/virtnet; test ! -e /run/virtnet
test -z "$(find /etc/systemd/system -name 'virtnet*')"
! systemctl cat virtnet-restore.service 2>/dev/null
test -z "$(nft list tables | grep virtnet)"; test -z "$(ip netns)"; test "$(sysctl -n net.ipv4.ip_forward)" = 0
"""


@pytest.fixture
def machines(tmp_path):
    with Machines(["h1", "h2"], tmp_path) as made:
        yield made


class Site:
    """The playbook, and what it finds."""

    def __init__(self, machines, folder):
        self.machines, self.folder = machines, folder

    def play(self, state="present"):
        path = self.folder / "site.yml"
        path.write_text(SITE.replace("STATE", state).replace("FOLDER", str(self.folder)))
        done = role.play(self.machines.room, str(path), self.folder, "-i", str(self.machines.inventory))
        assert done.code == 0, done.output
        return done

    def found(self):
        """What network_info reported after the last run, by machine."""
        reported = {name: json.loads((self.folder / (name + ".json")).read_text()) for name in self.machines.addresses}
        kept = ("networks", "containers", "nat_ports", "tunnels", "remembered")
        return {name: {key: one[key] for key in kept} for name, one in reported.items()}

    def works(self):
        """Published port, overlay between the machines, names."""
        machines = self.machines
        # hello has just started
        machines.sh("h1", "until ip netns exec nginx ss -Hltn sport = 80 | grep -q .; do sleep 0.02; done")
        machines.sh("h1", INSIDE)
        assert machines.sh("h1", CALL % "127.0.0.1").strip() == "h1"
        assert machines.room.sh(CALL % machines.addresses["h1"]).strip() == "h1"
        machines.sh("h1", "ip netns exec f-h1 ping -n -q -c 1 -w 10 10.42.0.3")
        machines.sh("h2", "ip netns exec client ping -n -q -c 1 -w 10 nginx")
        machines.sh("h2", "ip netns exec client ping -n -q -c 1 -w 10 %s" % CONTROLLER)


def virtnet(machines, name, command):
    done = machines.try_sh(name, "/usr/local/sbin/virtnet " + command)
    return done.returncode, done.stdout, done.stderr


def test_networks_and_services_survive_a_reboot(machines, tmp_path):
    site = Site(machines, tmp_path)
    for name, unit in UNITS.items():
        machines.sh(name, "cat > /etc/systemd/system/hello.service <<END\n%s\nEND\nsystemctl enable -q hello" % unit)
        machines.sh(name, "cp /etc/hostname /srv")
    machines.sh("h1", "systemctl enable -q --now firewalld; firewall-cmd -q --permanent --add-port=4789/udp")
    machines.sh("h1", "firewall-cmd -q --reload")
    assert site.play().changed > 0
    assert machines.sh("h1", "stat -c %a /var/lib/virtnet/*.json | sort -u").strip() == "600"
    machines.sh("h1", "systemctl start hello")
    site.works()
    before = site.found()

    machines.reboot("h1", "h2")
    for name in machines.addresses:
        assert machines.sh(name, "systemctl is-active virtnet-restore hello").split() == ["active", "active"]
        assert virtnet(machines, name, "check") == (0, "", "")
    site.works()
    again = site.play()
    assert again.changed == 0, again.output
    assert strip(site.found()) == strip(before)

    # what others do to the firewall while it runs
    for command in ("firewall-cmd -q --reload", "systemctl restart firewalld"):
        machines.sh("h1", command)
        assert virtnet(machines, "h1", "check") == (0, "", ""), command
        site.works()
    machines.sh("h1", "nft flush ruleset")
    code, reported, _warnings = virtnet(machines, "h1", "check")
    assert code == 1 and reported
    assert virtnet(machines, "h1", "restore")[:2] == (0, reported)
    assert virtnet(machines, "h1", "check") == (0, "", "")
    site.works()

    machines.sh("h1", "systemctl disable -q --now hello firewalld; nft flush ruleset")
    machines.sh("h2", "systemctl disable -q --now hello")
    site.play("absent")
    for name in machines.addresses:
        machines.sh(name, GONE)
    machines.reboot("h1")
    machines.sh("h1", GONE)


def strip(found):
    """Without PIDs, which differ after each boot."""
    for one in found.values():
        for container in one["containers"]:
            container["pids"] = []
    return found
