# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples of modules and plugins do what they say: in their order, on one host, for real.

A module's tasks run as Host.change() runs them, which also asserts check mode and that a second run has nothing to do.
Tasks with templates, and those of filters, are played.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

from kit.checkout import HOME
from kit.role import play

# What examples take for granted. A veth stands in for a card.
STANDS = {
    "bridge": "ip netns add lab; ip link add uplink0 netns lab type veth peer name far0",
    "bridge_policy": "ip link add br-web type bridge; ip link add br-db type bridge",
    "interface": """
        ip netns add db; ip netns add web
        for card in enp3s0 enp4s0; do ip link add $card type veth peer name far-$card; ip link set far-$card up; done
    """,
    "nat_port": "ip link add br-web type bridge; ip link add br-routed type bridge",
    "foreign_firewall": """
        ip link add br-web type bridge
        nft add table ip filter
        nft add chain ip filter FORWARD '{ type filter hook forward priority 0; policy drop; }'
        nft add chain ip filter DOCKER-USER
        nft add rule ip filter FORWARD jump DOCKER-USER
    """,
    "veth": "ip netns add web; for name in br-web sw1 sw2; do ip link add $name type bridge; done",
    "vxlan_tunnel": "ip link add br-fabric type bridge; ip link add br-lan type bridge",
}


def examples(path: Path):
    """The tasks of a module's or plugin's EXAMPLES."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "EXAMPLES":
            return yaml.safe_load(node.value.value)
    return []


MODULES = sorted((HOME / "plugins" / "modules").glob("*.py"))
FILTERS = sorted((HOME / "plugins" / "filter").glob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_a_modules_examples(path, host, tmp_path):
    host.sh(STANDS.get(path.stem, ":"))
    for task in examples(path):
        arguments = task.get("virtnet.linux." + path.stem, {})
        print(task["name"], host.module(path.stem, **arguments))
