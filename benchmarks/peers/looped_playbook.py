# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Ansible's users write today: a playbook of tasks that loop over `ip` commands."""

from __future__ import annotations

import json

from benchmarks.peers.ansible import playbook, playbook_missing
from benchmarks.peers.naive_shell import _BEGIN
from benchmarks.peers.peer import BRIDGE, GATEWAY, LENGTH, SUBNET, Endpoint, Peer, command_missing

_STEPS = (
    "ip netns add {{ item.name }}",
    "ip link add {{ item.veth }} master %s up type veth peer name eth0 netns {{ item.name }}" % BRIDGE,
    "ip -n {{ item.name }} link set lo up",
    "ip -n {{ item.name }} link set eth0 up",
    "ip -n {{ item.name }} addr add {{ item.address }}/%d dev eth0" % LENGTH,
    "ip -n {{ item.name }} route add default via " + GATEWAY,
    "nft add element ip bench ports '{ tcp . {{ item.port }} : {{ item.address }} . 80 }'",
)
_GONE = "ip netns del {{ item.name }}"


class LoopedPlaybook(Peer):
    """Seven tasks, each a loop."""

    name = "looped playbook"
    about = "seven tasks of ansible.builtin.command, each a loop over the endpoints"
    once_from = 100
    largest = 100

    @classmethod
    def missing(cls) -> str | None:
        return playbook_missing() or command_missing("ip", "nft")

    def prepare(self, endpoints: list[Endpoint], new: Endpoint) -> None:
        begin = _BEGIN % {"bridge": BRIDGE, "gateway": GATEWAY, "length": LENGTH, "subnet": SUBNET}
        first = {"ansible.builtin.shell": begin}
        self._write("create", [first, *[_loop(step, endpoints) for step in _STEPS]])
        last = {"ansible.builtin.shell": "ip link del %s && nft delete table ip bench" % BRIDGE}
        self._write("gone", [_loop(_GONE, endpoints), last])

    def create(self) -> None:
        playbook(self.folder, "create.yml")

    def remove_all(self) -> None:
        playbook(self.folder, "gone.yml")

    def _write(self, name: str, tasks: list[dict[str, object]]) -> None:
        play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
        (self.folder / (name + ".yml")).write_text(json.dumps([play]))  # which is YAML too


def _loop(command: str, endpoints: list[Endpoint]) -> dict[str, object]:
    items = [{"name": one.name, "veth": one.veth, "address": one.address, "port": one.port} for one in endpoints]
    return {"ansible.builtin.command": command, "loop": items, "loop_control": {"label": "{{ item.name }}"}}
