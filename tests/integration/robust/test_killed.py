# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run is killed: the next one ends in the declared state and is idempotent; nothing is left.

A few points each here; tests/full kills at every one.
"""

from __future__ import annotations

import os
import signal
import time

import pytest
from integration.robust import engine, killing
from integration.robust.documents import complete

from ansible_collections.virtnet.linux.plugins.module_utils.engine import containers, converge
from ansible_collections.virtnet.linux.plugins.module_utils.kinds import veth
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Topology


@pytest.mark.parametrize("way", killing.WAYS)
def test_killed_at_a_step(host, way):
    assert killing.at_steps(host, way, range(5, 1000, 13)) > 3


@pytest.mark.parametrize("way", killing.WAYS)
def test_ended_after_an_action(host, way):
    assert killing.after_actions(host, way, range(1, 100, 7)) > 3


@pytest.mark.parametrize("way", killing.WAYS)
def test_killed_at_a_step_and_then_removed(host, way):
    assert killing.then_removed(host, way, range(3, 1000, 17)) > 3


@pytest.mark.parametrize("way", killing.NAMES)
def test_hosts_files_of_a_killed_run(host, way):
    """Each run is killed, or a step fails in the kernel; then it is repeated, or everything is removed."""
    for first, steps in enumerate((killing.at_steps, killing.then_removed, killing.with_errors)):
        assert steps(host, way, range(first, 1000, 4)) > 3
        if not first:
            host.sh("mkdir -p /etc/netns/c2 && echo mine > /etc/netns/c2/resolv.conf")


def die_without(path, seconds=10):
    """End this process (SIGKILL) when the file is gone."""
    deadline = time.monotonic() + seconds
    while os.path.exists(path) and time.monotonic() < deadline:
        time.sleep(0.001)
    os.kill(os.getpid(), signal.SIGKILL)


def killed_at_its_links(document):
    """Kill (SIGKILL) a run that is about to delete links, when the handle that need not wait for that is gone."""
    child = os.fork()
    if child == 0:
        containers.delete_links = lambda *_arguments: die_without("/run/netns/own")
        converge.converge(Topology.read(document))
        os._exit(0)
    return os.waitpid(child, 0)[1]


def test_a_shared_namespaces_handle_is_removed_after_its_links(host):
    """The next run finds what a killed one left in the namespace by its handle."""
    pid = host.start("unshare", "--net", "sleep", "100")
    host.sh("until [ $(readlink /proc/%d/ns/net) != $(readlink /proc/self/ns/net) ]; do :; done" % pid)
    host.module("netns", config=[{"name": "box", "pid": pid}, {"name": "own"}])
    document = complete({"netns": [{"name": name, "state": "absent"} for name in ("box", "own")]})
    assert host.call(killed_at_its_links, document) == signal.SIGKILL
    assert host.sh("ls /run/netns").split() == ["box"]
    engine.run(host, document)
    assert host.try_sh("ls /run/netns").stdout == ""


def killed_half_way(document):
    """Kill (SIGKILL) a run when the endpoints that swap places have left theirs."""
    child = os.fork()
    if child == 0:
        veth._move_far = lambda *_arguments: os.kill(os.getpid(), signal.SIGKILL)
        converge.converge(Topology.read(document))
        os._exit(0)
    return os.waitpid(child, 0)[1]


def test_endpoints_in_transit_are_completed_by_the_next_run(host):
    def pairs(first, second):
        ends = {"v1": first, "v2": second}
        return complete({"veth": [
            {"name": name, "bridge": "br0", "peer": {"name": end, "netns": "c1"}} for name, end in ends.items()
        ]})  # fmt: skip

    host.module("netns", name="c1")
    host.module("bridge", name="br0")
    engine.run(host, pairs("eth0", "eth1"))
    assert host.call(killed_half_way, pairs("eth1", "eth0")) == signal.SIGKILL
    assert not {"eth0", "eth1"} & set(host.links("c1"))
    engine.run(host, pairs("eth1", "eth0"))
    assert sorted(host.links("c1")) == ["eth0", "eth1", "lo"]
    assert engine.run(host, pairs("eth1", "eth0"), check=True) == []
