# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""examples/infra as a user has it: a repository elsewhere, and the collection from its tarball."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from kit import checkout, machine

MACHINE = machine.OWN + "exec molecule test"


def run(*command, cwd, home):
    environment = checkout.outsiders_environment(home)
    environment["MOLECULE_EPHEMERAL_DIRECTORY"] = str(home / "molecule")
    pipes = dict(stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    done = subprocess.run(command, cwd=cwd, env=environment, text=True, check=False, **pipes)
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.fixture
def repository(tmp_path):
    """A copy of the example, with the collection built from the checkout and installed from the tarball."""
    copy = tmp_path / "infra"
    shutil.copytree(checkout.HOME / "examples" / "infra", copy)
    install = ("ansible-galaxy", "collection", "install", "--offline", "-p", "collections")
    run(*install, str(checkout.build(tmp_path)), cwd=copy, home=tmp_path)
    return copy


@pytest.mark.long
def test_the_example_passes_its_own_scenario(repository, tmp_path):
    output = run("ansible-galaxy", "collection", "install", "-r", "requirements.yml", cwd=repository, home=tmp_path)
    assert "Nothing to do" in output
    output = run("unshare", "--net", "--mount", "sh", "-c", MACHINE, cwd=repository, home=tmp_path)
    assert "default > idempotence: Executed: Successful" in output
    assert output.count("default > check: Executed: Successful") == 2  # on bare hosts, and where everything stands
    against_hosts = output.split("[default > check] Executing", 1)[1].split("[default > destroy] Executing")[0]
    assert "[WARNING]" not in against_hosts and "[DEPRECATION" not in against_hosts, output
