# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role bridge_network as users run it: by ansible-playbook, against localhost."""

from __future__ import annotations

import subprocess
import sys

from kit import packets, snapshot
from kit.role import play, playbook_of

NETWORKS = [{"name": "web", "subnet": "172.30.0.0/16"}, {"name": "back", "subnet": "172.31.0.0/24", "internal": True}]
CONTAINERS = [
    {"name": "nginx", "networks": ["web", "back"], "ports": ["8080:80"]},
    {"name": "client", "networks": [{"name": "web", "ipv4_address": "172.30.0.9"}]},
    {"name": "batch", "network_mode": "none"},
    {"name": "sidecar", "network_mode": "container:nginx"},
    {"name": "agent", "network_mode": "host"},
]


def test_the_role_creates_and_removes_everything(host, tmp_path):
    before = host.snapshot()
    up = playbook_of(tmp_path, networks=NETWORKS, containers=CONTAINERS)
    predicted = play(host, up, tmp_path, "--check", "--diff")
    assert predicted.code == 0, predicted.output
    assert predicted.changed == 1
    for expected in ("netns nginx", "bridge br-web", "nat_port 0.0.0.0:8080/tcp"):
        assert "+" + expected in predicted.output, "a diff that people can read: " + predicted.output
    snapshot.same(before, host.snapshot())

    done = play(host, up, tmp_path, "--diff")
    assert done.code == 0, done.output
    assert [line for line in done.output.splitlines() if line.startswith("+")] == [
        line for line in predicted.output.splitlines() if line.startswith("+")
    ]
    assert packets.arrives(host, "client", "172.30.0.2", 80, "nginx")
    again = play(host, up, tmp_path)
    assert (again.code, again.changed) == (0, 0), again.output

    gone = playbook_of(tmp_path, purge=True)
    assert play(host, gone, tmp_path).changed == 1
    snapshot.same(before, host.snapshot())


def test_the_number_of_tasks_does_not_grow(host, tmp_path):
    one = play(host, playbook_of(tmp_path, networks=NETWORKS, containers=CONTAINERS[:1]), tmp_path)
    many = [{"name": "c%d" % number, "networks": ["web"], "ports": ["%d:80" % (9000 + number)]} for number in range(40)]
    forty = play(host, playbook_of(tmp_path, networks=NETWORKS, containers=many), tmp_path)
    assert (one.code, forty.code) == (0, 0), one.output + forty.output
    assert one.tasks == forty.tasks < 10


def test_all_errors_are_reported_at_once_before_any_change(host, tmp_path):
    before = host.snapshot()
    wrong = [
        {"name": "c1", "networks": ["web"], "ports": [133342]},
        {"name": "c2", "networks": ["wbe"]},
        {"name": "c3", "network_mode": "container:c3"},
    ]
    for option in ([], ["--check"]):
        refused = play(
            host,
            playbook_of(tmp_path, networks=[{"name": "web", "subnet": "172.30.0.9/16"}], containers=wrong),
            tmp_path,
            *option,
        )
        assert refused.code != 0
        for expected in ("172.30.0.9/16", "133342", "quote it", "wbe", "container:c3"):
            assert expected in refused.output, refused.output
        assert "\\n- network web: subnet '172.30.0.9/16'" in refused.output, "a line each"
        snapshot.same(before, host.snapshot())


def test_missing_pyroute2_is_reported_with_the_package(host, tmp_path):
    before = host.snapshot()
    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    up = playbook_of(tmp_path, networks=NETWORKS, containers=CONTAINERS)
    for option in ([], ["--check"]):
        refused = play(host, up, tmp_path, "-e", f"ansible_python_interpreter={bare}/bin/python", *option)
        assert refused.code != 0
        assert f"pyroute2 is missing for {bare}/bin/python" in refused.output
        assert "install the package python3-pyroute2" in refused.output
        snapshot.same(before, host.snapshot())


def test_an_unknown_option_is_refused(host, tmp_path):
    unknown = play(host, playbook_of(tmp_path, networks=[{"name": "web", "subent": "172.30.0.0/16"}]), tmp_path)
    assert unknown.code != 0 and "subent" in unknown.output


def test_with_purge_a_misspelt_variable_removes_nothing(host, tmp_path):
    assert play(host, playbook_of(tmp_path, networks=NETWORKS[:1]), tmp_path).code == 0
    before = host.snapshot()
    refused = play(host, playbook_of(tmp_path, network=NETWORKS[:1], purge=True), tmp_path)
    assert refused.code != 0
    assert "variable 'bridge_network_network': is none of the role's; write bridge_network_networks" in refused.output
    snapshot.same(before, host.snapshot())
    done = play(host, playbook_of(tmp_path, network=NETWORKS[:1]), tmp_path)
    assert (done.code, done.changed) == (0, 0) and "write bridge_network_networks" in done.output


# What YAML 1.1 makes of these is a number, a truth, a date; safe_dump would quote them.
UNQUOTED = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    bridge_network_networks:
      - {name: 010, subnet: 172.30.0.0/16}
      - {name: 0x10, subnet: 172.31.0.0/16}
      - {name: web, subnet: 172.29.0.0/16, labels: {tier: 1.10}}
    bridge_network_containers:
      - {name: yes, networks: [web]}
      - name: c
        networks: [{name: web, mac_address: 12:34:56:07:08:09, aliases: [2026-01-01]}, 010]
        ports: [2222:22]
  roles:
    - virtnet.linux.bridge_network
"""


def test_yaml_numbers_in_names_and_addresses_are_refused(host, tmp_path):
    (tmp_path / "play.yml").write_text(UNQUOTED)
    before = host.snapshot()
    refused = play(host, str(tmp_path / "play.yml"), tmp_path)
    output = refused.output.replace("\\n", "\n")
    for error in (
        "bridge_network_networks[0]: name 8: YAML made a number of it: quote it",
        "bridge_network_networks[1]: name 16: YAML made a number of it: quote it",
        "network web: labels: tier 1.1: YAML made a number of it: quote it",
        "bridge_network_containers[0]: name True: YAML made true or false of it: quote it",
        "container c: networks[0]: aliases[0] 2026-01-01: YAML made a date of it: quote it",
        "container c: networks[0]: mac_address ",
        "container c: networks[1] 8: YAML made a number of it: quote it",
        "container c: ports[0] 133342: YAML made a number of it: quote it",
    ):
        assert error in output, output
    assert refused.code != 0
    snapshot.same(before, host.snapshot())


def test_unprivileged_ports_false_restricts_low_ports(host, tmp_path):
    assert play(host, playbook_of(tmp_path, containers=[{"name": "c", "network_mode": "none"}]), tmp_path).code == 0
    assert host.sysctl("ipv4/ip_unprivileged_port_start", "c") == "0"
    containers = [{"name": "c", "network_mode": "none"}, {"name": "d", "network_mode": "none"}]
    again = playbook_of(tmp_path, containers=containers, unprivileged_ports=False)
    assert play(host, again, tmp_path).changed == 1
    assert [host.sysctl("ipv4/ip_unprivileged_port_start", name) for name in "cd"] == ["1024", "1024"]
