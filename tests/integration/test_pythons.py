# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules work on the oldest Python that a managed host may have, with the oldest pyroute2, and on the newest with
the newest; the long tests have all versions between, too.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from kit import machine, pythons

PLAY = """
- hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - virtnet.linux.topology: &container
        role: bridge_network
        persist: false
        netns: [{name: c1}]
        bridge: [{name: br-web, addresses: [172.30.0.1/16], labels: {network: web}}]
        bridge_policy: [{bridge: br-web, subnets: [172.30.0.0/16], masquerade: true}]
        veth:
          - name: veth1
            bridge: br-web
            peer: {name: eth0, netns: c1, addresses: [172.30.0.2/16], gateway: 172.30.0.1}
        nat_port: [{host_port: "8080", to_address: 172.30.0.2, to_port: "80", bridge: br-web}]
      register: first
    - virtnet.linux.topology: *container
      register: second
    - virtnet.linux.network_info:
      register: live
    - ansible.builtin.command: ip netns exec c1 ping -c 1 -W 5 172.30.0.1
    - ansible.builtin.command: /usr/local/sbin/virtnet {{ item }}
      loop: [ls, ps, bridges, port c1, stats --once, stats --ports --once, exec c1 -- true, trace c1 172.30.0.1, check]
      register: virtnet
    - ansible.builtin.assert:
        that:
          - "'web' in virtnet.results[0].stdout"
          - "'0.0.0.0:8080->80/tcp' in virtnet.results[1].stdout"
          - virtnet.results | map(attribute='stderr') | unique == ['']
          - first is changed
          - second is not changed
          - live.containers | map(attribute='name') == ['c1']
          - live.nat_ports | map(attribute='to_address') == ['172.30.0.2']
    - virtnet.linux.netns: {name: c1, state: absent}
    - virtnet.linux.bridge: {name: br-web, state: absent}
      register: last
    - ansible.builtin.assert: {that: "last is changed and last.actions | map(attribute='kind') == ['file', 'bridge']"}
"""


def test_the_running_python_is_found():
    assert "%d.%d" % sys.version_info[:2] in pythons.found()


def test_each_found_python_has_its_version():
    for version, python in pythons.found().items():
        says = subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout
        assert says.startswith("Python %s." % version)


RUNNING = "%d.%d" % sys.version_info[:2]  # runs all other tests
BETWEEN = [pair for pair in pythons.pairs() if pair not in pythons.ends() and pair[0] != RUNNING]
PAIRS = [*pythons.ends(), *(pytest.param(*pair, marks=pytest.mark.long) for pair in BETWEEN)]


@pytest.mark.slow
@pytest.mark.parametrize("version, pyroute2", PAIRS)
def test_a_container_is_created_and_removed_on_each_python(version, pyroute2, tmp_path):
    python = pythons.with_pyroute2(version, pyroute2)
    playbook = tmp_path / "play.yml"
    playbook.write_text(PLAY)
    play = "ansible-playbook -i localhost, -e ansible_python_interpreter=%s %s" % (python, playbook)
    own = ["unshare", "--net", "--mount", "sh", "-ec", machine.OWN + play]

    run = subprocess.run(
        own, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )

    assert run.returncode == 0, run.stdout
