# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors in a role's variables, as ansible-playbook prints them: a sentence each, and not the role's argument spec."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

from kit import checkout, snapshot
from kit.role import play

WEB = {"name": "web", "subnet": "172.30.0.0/16"}
C = {"name": "c", "networks": ["web"]}
MOST = 1500  # characters of the error and the failed result; Ansible's own validation prints 12,000


def run(host, home, role, variables, how):
    """Play a role whose variables are those of the play, of the role or of an include."""
    named = {f"{role}_{word}": value for word, value in variables.items()}
    whole = {"hosts": "localhost", "connection": "local", "gather_facts": False}
    whole["vars"] = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    name = f"virtnet.linux.{role}"
    if how == "play":
        whole.update(vars={**whole["vars"], **named}, roles=[name])
    elif how == "role":
        whole["roles"] = [{"role": name, **named}]
    else:
        whole["tasks"] = [{"ansible.builtin.include_role": {"name": name}, "vars": named}]
    path = home / "play.yml"
    path.write_text(yaml.safe_dump([whole]))
    return play(host, str(path), home)


@pytest.mark.parametrize(
    ("how", "variables", "error"),
    [
        ("play", {"networks": {"web": {"subnet": "172.30.0.0/16"}}}, "write - {name: web, subnet: 172.30.0.0/16}"),
        ("role", {"networks": None}, "bridge_network_networks null: has no value; write [] for none, or leave it out"),
        ("include", {"networks": [{"subnet": "172.30.0.0/16"}]}, "bridge_network_networks[0]: name (not given)"),
        (
            "role",
            {"networks": [{**WEB, "subnett": "x"}]},
            "network web: subnett 'x': is no field; did you mean subnet?",
        ),
        (
            "include",
            {"networks": [WEB], "containers": [{**C, "image": "x"}]},
            "container c: image 'x': is no field: a c",
        ),
        ("play", {"networks": [{**WEB, "internal": "maybe"}]}, "network web: internal 'maybe': must be true or false"),
        (
            "play",
            {"networks": [WEB], "containers": [{**C, "ports": "80:80"}]},
            "ports '80:80': must be a list: ['80:80']",
        ),
        ("play", {"networks": [WEB], "containers": [{**C, "ports": [80]}]}, "ports[0] 80: is one port"),
    ],
)
def test_an_error_is_a_sentence(host, tmp_path, how, variables, error):
    before = host.snapshot()
    refused = run(host, tmp_path, "bridge_network", variables, how)
    assert refused.code != 0 and error in refused.output, refused.output
    printed = refused.output[refused.output.index("[ERROR]") :].partition("PLAY RECAP")[0]
    assert len(printed) < MOST, printed
    assert printed.count("\n- ") == 1, "one error"
    snapshot.same(before, host.snapshot())


def test_an_overlay_without_its_group(host, tmp_path):
    refused = run(host, tmp_path, "overlay_network", {"networks": [{**WEB, "vni": 7}]}, "play")
    assert refused.code != 0
    assert "overlay_network_group (not given): is required; set it where the role is called" in refused.output


def test_the_variables_of_each_of_two_calls_are_checked(host, tmp_path):
    """A dependency runs once in a play, unless it allows duplicates."""
    calls = [
        {
            "ansible.builtin.include_role": {"name": "virtnet.linux.bridge_network"},
            "vars": {"bridge_network_networks": one},
        }
        for one in ([], {"web": {}})
    ]
    path = tmp_path / "play.yml"
    interpreter = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    whole = {"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": interpreter, "tasks": calls}
    path.write_text(yaml.safe_dump([whole]))
    assert "write - {name: web} for each name" in play(host, str(path), tmp_path).output


def test_without_root_the_error_is_about_become(tmp_path):
    module = checkout.HOME / "plugins" / "modules" / "network_info.py"
    user = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--bounding-set", "-all"]
    done = subprocess.run(
        [*user, "env", f"PYTHONPATH={checkout.collections_root()}", sys.executable, str(module)],
        input='{"ANSIBLE_MODULE_ARGS": {}}', capture_output=True, text=True, check=False, cwd="/",
    )  # fmt: skip
    expected = "networks are changed and read as root: run this with become: true, or connect as root"
    assert json.loads(done.stdout)["msg"] == expected, done.stdout + done.stderr
