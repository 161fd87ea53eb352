# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that is killed: the next one ends in the declared state and the one after it has no work; nothing is left.

A few points each here; tests/full kills at every one.
"""

from __future__ import annotations

import os
import signal
import time

import pytest
from integration.robust import engine, killing
from integration.robust.documents import complete

from ansible_collections.virtnet.linux.plugins.module_utils import converge


@pytest.mark.parametrize("way", killing.WAYS)
def test_killed_at_a_step(host, way):
    assert killing.at_steps(host, way, range(5, 1000, 13)) > 3


@pytest.mark.parametrize("way", killing.WAYS)
def test_ended_after_an_action(host, way):
    assert killing.after_actions(host, way, range(1, 100, 7)) > 3


def killed_at_its_links(document):
    """Kill (SIGKILL) a run that is about to delete links, when all that it does meanwhile is done."""
    child = os.fork()
    if child == 0:
        converge._delete_links = lambda *_arguments: (time.sleep(0.3), os.kill(os.getpid(), signal.SIGKILL))
        converge.converge(document)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def test_the_handle_of_a_namespace_that_stays_goes_after_its_links(host):
    """By it the next run finds what a killed one left in there."""
    pid = host.start("unshare", "--net", "sleep", "100")
    host.sh("until [ $(readlink /proc/%d/ns/net) != $(readlink /proc/self/ns/net) ]; do :; done" % pid)
    host.module("netns", config=[{"name": "box", "pid": pid}, {"name": "own"}])
    document = complete({"netns": [{"name": name, "state": "absent"} for name in ("box", "own")]})
    assert host.call(killed_at_its_links, document) == signal.SIGKILL
    assert host.sh("ls /run/netns").split() == ["box"]
    engine.run(host, document)
    assert host.try_sh("ls /run/netns").stdout == ""
