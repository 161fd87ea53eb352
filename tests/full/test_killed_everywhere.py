# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs killed before and after each change to the host and after each action; runs of which each step fails once; a
playbook whose module is killed.
"""

from __future__ import annotations

import pytest
from integration.robust import engine, killing

from kit import role, snapshot

APART = 8  # so many tests share the steps
KILLED, FAILED = "count: runs killed at a step", "count: runs with an error at a step"


@pytest.mark.parametrize("way", killing.WAYS)
@pytest.mark.parametrize("first", range(APART))
def test_killed_at_every_step(host, way, first, record_property):
    killed = killing.at_steps(host, way, range(first, 10000, APART))
    record_property(KILLED, killed)
    assert killed > 3


@pytest.mark.parametrize("way", killing.WAYS)
@pytest.mark.parametrize("first", range(APART))
def test_killed_at_every_step_and_then_removed(host, way, first, record_property):
    killed = killing.then_removed(host, way, range(first, 10000, APART))
    record_property(KILLED, killed)
    assert killed > 3


@pytest.mark.parametrize("way", killing.WAYS)
def test_ended_after_every_action(host, way, record_property):
    ended = killing.after_actions(host, way, range(1000))
    record_property("count: runs ended after an action", ended)
    assert ended > 15


@pytest.mark.parametrize("way", killing.WAYS)
@pytest.mark.parametrize("first", range(APART))
def test_an_error_at_every_step(host, way, first, record_property):
    failed = killing.with_errors(host, way, range(first, 10000, APART))
    record_property(FAILED, failed)
    assert failed > 3


@pytest.mark.parametrize("way", killing.NAMES)
@pytest.mark.parametrize("steps", [killing.at_steps, killing.then_removed, killing.with_errors])
@pytest.mark.parametrize("is_there", [True, False])
def test_hosts_files_killed_at_every_step(host, way, steps, is_there, record_property):
    if is_there:
        host.sh("mkdir -p /etc/netns/c2 && echo mine > /etc/netns/c2/resolv.conf")
    done = steps(host, way, range(1000))
    record_property(FAILED if steps is killing.with_errors else KILLED, done)
    assert done > 10


# An nft that kills (SIGKILL) the module's process, whose child it is, right before or after its first transaction.
KILLER = {
    "before": "rm /run/kill; kill -9 $PPID; exit 1",
    "after": '/run/nft "$@"; rm /run/kill; kill -9 $PPID; exit 1',
}
PLAYED = {
    "networks": [{"name": "web", "subnet": "172.30.0.0/16"}],
    "containers": [{"name": "c%d" % number, "networks": ["web"], "ports": ["%d:80" % (8000 + number)]}
                   for number in range(5)],
    "persist": True,
}  # fmt: skip


@pytest.mark.parametrize("when", KILLER)
def test_a_playbook_whose_module_is_killed(host, tmp_path, when, record_property):
    engine.own_disks(host)
    before = host.snapshot()
    gone = {word: [{**one, "state": "absent"} for one in PLAYED[word]] for word in ("networks", "containers")}

    def play(variables):
        return role.play(host, role.playbook_of(tmp_path, **variables), tmp_path)

    assert play(PLAYED).changed > 0
    desired = engine.read_back(host)
    for variables in ({**PLAYED, **gone}, PLAYED):
        host.sh(
            "nft=$(readlink -f $(command -v nft)); cp $nft /run/nft; touch /run/kill; cat > /run/killer <<'END'\n"
            '#!/bin/sh\ncase "$*" in "-f -") [ ! -e /run/kill ] || {\n%s\n} ;; esac\nexec /run/nft "$@"\nEND\n'
            "chmod +x /run/killer; mount -n --bind /run/killer $nft" % KILLER[when]
        )
        killed = play(variables)
        host.sh("umount -n $(readlink -f $(command -v nft)); rm /run/nft /run/killer")
        record_property("count: playbooks whose module was killed", 1)
        assert killed.code != 0 and ("Killed" in killed.output or "rc: -9" in killed.output), killed.output
        assert play(variables).changed > 0
        again = play(variables)
        assert again.changed == 0, again.output
        if variables is PLAYED:
            assert engine.read_back(host) == desired
        else:
            snapshot.same(before, host.snapshot())
