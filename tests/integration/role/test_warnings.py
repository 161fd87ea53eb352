# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A plan's warnings are Ansible's own, each shown once however many hosts have it, and are kept in the results."""

from __future__ import annotations

import json

import yaml

from kit.role import play

MISSPELT = {"bridge_network_network": []}
RESULTS = {"register": "shown"}


def playbook(home, **of_play):
    """The role on hosts of the inventory, whose variables are misspelt: the planner warns of that."""
    path = home / "play.yml"
    variables = {"ansible_python_interpreter": "{{ ansible_playbook_python }}", **MISSPELT}
    tasks = [{"ansible.builtin.include_role": {"name": "virtnet.linux.bridge_network"}}]
    whole = {"hosts": "all", "connection": "local", "gather_facts": False, "vars": variables, "tasks": tasks}
    path.write_text(yaml.safe_dump([{**whole, **of_play}]))
    return str(path)


def words(output):
    """The output without line breaks: older versions of ansible-core wrap warnings."""
    return " ".join(output.split())


WARNING = "[WARNING]: role bridge_network: variable 'bridge_network_network': is none of the role's"


def test_a_warning_of_several_hosts_is_shown_once(host, tmp_path):
    for options in ([], ["--check"]):
        done = play(host, playbook(tmp_path), tmp_path, "-i", "h1,h2,h3", *options)
        assert done.code == 0, done.output
        assert words(done.output).count(WARNING) == 1, done.output
        assert words(done.output).count("is none of the role's") == 1, "and nowhere else"


def test_the_hosts_of_a_warning_are_those_of_the_task(host, tmp_path):
    two = tmp_path / "hosts.yml"
    two.write_text(json.dumps({"all": {"hosts": {"h1": {"bridge_network_purg": False}, "h2": {}}}}))
    done = play(
        host,
        playbook(tmp_path, vars={"ansible_python_interpreter": "{{ ansible_playbook_python }}"}),
        tmp_path,
        "-i",
        str(two),
        "--limit",
        "h1,h2",
    )
    assert done.code == 0, done.output
    of_task = done.output.partition("Show warnings]")[2].partition("TASK [")[0]
    assert "ok: [h1]" in of_task and "skipping: [h2]" in of_task and "bridge_network_purg'" in of_task


def test_the_result_of_each_host_has_its_warnings(host, tmp_path):
    show = {
        "ansible.builtin.debug": {"msg": "{{ __bridge_network_plan.warnings | length }} of {{ inventory_hostname }}"}
    }
    done = play(host, playbook(tmp_path, post_tasks=[show]), tmp_path, "-i", "h1,h2")
    assert "1 of h1" in done.output and "1 of h2" in done.output, done.output


def test_a_delegated_role_warns_too(host, tmp_path):
    tasks = [{"ansible.builtin.include_role": {"name": "virtnet.linux.bridge_network", "apply": {"delegate_to": "h1"}}}]
    done = play(host, playbook(tmp_path, tasks=tasks), tmp_path, "-i", "h1,h2", "--check")
    assert done.code == 0, done.output
    assert words(done.output).count(WARNING) == 1, done.output
