# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All ways to make endpoints that are measured against each other."""

from __future__ import annotations

from benchmarks.peers.cni import Cni
from benchmarks.peers.dockerd import Dockerd
from benchmarks.peers.engine import Engine, EngineProcess
from benchmarks.peers.ifstate import Ifstate
from benchmarks.peers.looped_playbook import LoopedPlaybook
from benchmarks.peers.naive_shell import NaiveShell
from benchmarks.peers.netavark import Netavark
from benchmarks.peers.peer import Peer
from benchmarks.peers.role import Role
from benchmarks.peers.shell import Shell

PEERS: dict[str, type[Peer]] = {
    peer.name: peer
    for peer in (
        Engine, EngineProcess, Role, Shell, NaiveShell, Netavark, Cni, Ifstate, LoopedPlaybook, Dockerd
    )
}  # fmt: skip
