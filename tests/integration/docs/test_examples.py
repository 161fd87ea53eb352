# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of modules and plugins work, in their order, on one host.

A module's tasks run as Host.change() runs them, which also asserts check mode and idempotence. Those with templates,
and a plugin's, are played.
"""

from __future__ import annotations

import ast
import itertools
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from kit.checkout import HOME
from kit.role import play

PLUGINS = HOME / "plugins"
# four change nothing, one changes the machine's disk; host_limits is tested in tests/full/test_limits.py
OTHERS = ("network_info", "show", "warn", "check_arguments", "host_limits", "host_command")
MODULES = [path for path in sorted((PLUGINS / "modules").glob("*.py")) if path.stem not in OTHERS]
# What examples require on the host. A veth acts as a NIC.
NIC = "ip link add %s type veth peer name far-%s; ip link set far-%s up\n"
REQUIRED = {
    "bridge": "ip netns add lab; ip link add uplink0 netns lab type veth peer name far0",
    "bridge_policy": "ip link add br-web type bridge; ip link add br-db type bridge",
    "nat_port": "ip link add br-web type bridge; ip link add br-routed type bridge",
    "interface": "ip netns add db; ip netns add web\n" + NIC % (("enp3s0",) * 3) + NIC % (("enp4s0",) * 3),
    "foreign_firewall": """
        ip link add br-web type bridge
        nft add table ip filter
        nft add chain ip filter FORWARD '{ type filter hook forward priority 0; policy drop; }'
        nft add chain ip filter DOCKER-USER
        nft add rule ip filter FORWARD jump DOCKER-USER
    """,
    "veth": "ip netns add web; for name in br-web sw1 sw2; do ip link add $name type bridge; done",
    "vxlan_tunnel": "ip link add br-fabric type bridge; ip link add br-lan type bridge; "
    + NIC % (("eth0",) * 3)
    + "ip address add 192.0.2.11/24 dev eth0; ip link set eth0 up",
}
VARIABLES = {
    "ansible_connection": "local",
    "ansible_python_interpreter": sys.executable,
    "vteps": {"web1": "192.0.2.11", "web2": "192.0.2.12"},
    "declared": {"nat_port": [{"host_port": "8081", "to_address": "172.30.0.2", "to_port": "80", "bridge": "br-web"}]},
    "readings": {"web1": "{{ live }}"},
    "bridge_network_networks": [{"name": "web", "subnet": "172.30.0.0/16"}],
    "bridge_network_containers": [{"name": "nginx", "networks": ["web", "span"]}],
    "overlay_network_networks": [{"name": "span", "vni": 7, "subnet": "10.7.0.0/16"}],
    "overlay_network_containers": [{"name": "c1", "networks": ["span"]}],
    "overlay_network_vtep": "192.0.2.11",
}
INSIDE = [
    {"name": "Where am I", "ansible.builtin.command": "ip netns identify", "register": "where"},
    {"name": "In the container", "ansible.builtin.assert": {"that": "where.stdout == ansible_netns"}},
]


def examples(*paths: Path) -> list[Any]:
    """What is in the EXAMPLES of modules and plugins."""
    found = []
    for path in paths:
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EXAMPLES":
                found.append(ast.literal_eval(node.value))
    return found


def _is_plain(task: Any) -> bool:
    """Whether a task has no templates, so that its module can be run without Ansible."""
    return "{{" not in str(task)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_module_examples(path, host):
    host.sh(REQUIRED.get(path.stem, ":"))
    (text,) = examples(path)
    for task in itertools.takewhile(_is_plain, yaml.safe_load(text)):
        arguments = task["virtnet.linux." + path.stem]
        if path.stem == "lab_hosts":
            assert host.module(path.stem, **arguments)["changed"], task["name"]
        else:
            host.change(path.stem, **arguments)


def test_plugin_examples_and_those_with_templates(host, tmp_path):
    host.sh(REQUIRED["vxlan_tunnel"])
    tasks = []
    reading = [PLUGINS / "modules" / name for name in ("network_info.py", "show.py", "warn.py", "check_arguments.py")]
    for text in examples(*reading, *sorted((PLUGINS / "filter").glob("*.py"))):
        tasks += yaml.safe_load(text)
    for text in examples(*MODULES):
        tasks += itertools.dropwhile(_is_plain, yaml.safe_load(text))
    (become,) = examples(PLUGINS / "become" / "netns.py")
    (inventory,) = examples(PLUGINS / "inventory" / "netns.py")
    example = dict(yaml.safe_load(become), **{key: VARIABLES[key] for key in list(VARIABLES)[:2]})
    hosts = {"overlay": {"hosts": {"web1": VARIABLES}}, "by_hand": {"hosts": {"byhand": example}}}
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "10-hosts.yml").write_text(yaml.safe_dump(hosts))
    (tmp_path / inventory.split()[1].rstrip(",")).write_text(inventory)
    for task in tasks:
        if task.get("ansible.builtin.copy"):
            task["ansible.builtin.copy"]["dest"] = str(tmp_path / "network.dot")
    roles = [
        {"role": "virtnet.linux.overlay_network", "overlay_network_group": "overlay"},
        "virtnet.linux.bridge_network",
    ]
    plays = [
        {"hosts": "overlay", "gather_facts": False, "roles": roles, "tasks": tasks},
        {"hosts": "containers:by_hand", "gather_facts": False, "tasks": INSIDE},
    ]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(plays, sort_keys=False))

    done = play(host, str(tmp_path / "play.yml"), tmp_path, "-i", str(tmp_path / "inventory"))

    assert done.code == 0, done.output
    assert "[WARNING]" not in done.output, done.output
    assert (tmp_path / "network.dot").read_text().startswith("digraph")
    assert all("%s " % name in done.output.split("PLAY RECAP")[1] for name in ("web1", "nginx.web1", "byhand"))
