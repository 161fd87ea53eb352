# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module host_limits and the role's options for it in a namespace, where the limits are not visible.

What they set is shown in tests/full/test_limits.py.
"""

from __future__ import annotations

import sys

import pytest
import yaml
from integration.robust import engine

from ansible_collections.virtnet.linux.plugins.module_utils.rules import names
from kit.role import play


@pytest.mark.parametrize("option", ["neighbour_entries", "receive_backlog"])
def test_limits_are_refused_in_a_namespace(host, option):
    (problem,) = host.refused("host_limits", **{option: 4096})
    assert "no such sysctl in this network namespace" in problem and "the machine itself" in problem


def test_all_errors_are_reported_at_once(host):
    problems = host.refused("host_limits", neighbour_entries=17, receive_backlog=-1)
    assert [problem.split(":")[0] for problem in problems[:2]] == ["neighbour_entries", "receive_backlog"]


def test_restoring_without_a_record_is_no_change(host):
    host.unchanged("host_limits")
    host.unchanged("host_limits", neighbour_entries=0, receive_backlog=0)


def test_network_info_reports_unreadable_limits_without_a_warning(host):
    reported = host.module("network_info")["host"]
    assert reported["limits"] == dict.fromkeys(names.LIMITS) and reported["warnings"] == []


@pytest.mark.parametrize(("given", "expected"), [({}, None), ({"prepare_host_neighbour_entries": 4096}, "gc_thresh1")])
def test_prepare_host_sets_declared_limits_only(host, tmp_path, given, expected):
    engine.own_disks(host)
    variables = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable, **given}
    role = {"role": "virtnet.linux.prepare_host", "prepare_host_packages": []}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([{"hosts": "all", "vars": variables, "roles": [role]}]))
    done = play(host, str(tmp_path / "play.yml"), tmp_path, "-i", "web1,")
    assert (done.code == 0) == (expected is None), done.output
    assert expected is None or expected in done.output
