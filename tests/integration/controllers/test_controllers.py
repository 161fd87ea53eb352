# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each supported version of ansible-core installs the tarball and runs roles, playbooks and plugins.

Each has a machine of its own without managed objects, and on it two test hosts over SSH and a container `here`.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from kit import checkout, machine, pythons

REPOSITORY = Path(__file__).parent / "repository"
LAB = "-e lab_hosts_directory={directory}/lab -e lab_hosts_count=2 -e lab_hosts_python_interpreter={python}"
SCRIPT = """
ip netns add here
ansible-galaxy collection install --offline {tarball}
ansible-playbook -i localhost, virtnet.linux.lab_up {lab}
ansible-playbook site.yml --check --diff
ansible-playbook site.yml -v
echo AGAIN
ansible-playbook site.yml
echo LOOK
ansible-playbook look.yml
ansible-playbook -i localhost, virtnet.linux.lab_down {lab}
"""


@pytest.fixture(scope="session")
def tarball(tmp_path_factory):
    return checkout.build(tmp_path_factory.mktemp("tarball"))


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("core", list(pythons.controllers()))
def test_roles_playbooks_and_plugins_run_without_warnings(core, tarball, tmp_path):
    python = pythons.with_ansible(core)
    directory = shutil.copytree(REPOSITORY, tmp_path / "repository")
    lab = LAB.format(directory=directory, python=python)
    environment = {
        "PATH": "%s:%s" % (python.parent, os.environ["PATH"]),
        "LC_ALL": "C.UTF-8",
        "HOME": str(tmp_path),
        "ANSIBLE_HOME": str(tmp_path / "ansible"),
        "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections"),
        "ANSIBLE_INVENTORY": "%s/lab/inventory.json,%s/inventory" % (directory, directory),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": "/run/cp",  # the path of a socket has to be short
    }

    alone = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]  # no lab outlives it
    run = subprocess.run(
        [*alone, "sh", "-ec", machine.OWN + SCRIPT.format(tarball=tarball, lab=lab)],
        cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False,
    )  # fmt: skip

    assert run.returncode == 0, run.stdout
    assert not re.search("WARNING|DEPRECAT", run.stdout), run.stdout
    first, _again, rest = run.stdout.partition("AGAIN\n")
    again, _look, look = rest.partition("LOOK\n")
    assert "+nat_port 0.0.0.0:8080/tcp" in first, "in the diff"
    assert re.search('"kind": "nat_port", "name": "0.0.0.0:8080/tcp"', first), "in what -v shows"
    assert recap(again, "changed") == {"h1": 0, "h2": 0}
    assert recap(look, "ok")["here"] == recap(look, "ok")["nginx.h1"] == 1


def recap(output, word):
    """What the last play recap counts for each host."""
    return {host: int(count) for host, count in re.findall(r"^(\S+) +: .*\b%s=(\d+)" % word, output, re.MULTILINE)}
