# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command virtnet comes with a role's first run, and goes with the last object of the collection."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from integration.robust import engine
from integration.robust.documents import absent, containers, overlay
from integration.robust.test_persistence import declare, module_arguments

from kit import snapshot

COMMAND = "/usr/local/sbin/virtnet"


@pytest.fixture
def host(host):
    engine.own_disks(host)
    return host


def has_command(host):
    return host.try_sh("test -e " + COMMAND).returncode == 0


def files(done):
    return [(one["action"], one["name"]) for one in done["actions"] if one["kind"] == "file"]


def test_a_first_run_installs_it_and_the_last_removes_it(host):
    web, before = containers(range(1, 3)), host.snapshot()
    predicted = host.module("topology", check=True, role="bridge_network", persist=False, **module_arguments(web))
    assert files(predicted) == [("create", COMMAND)]
    snapshot.same(before, host.snapshot())
    assert declare(host, web, persist=False)["actions"] == predicted["actions"]
    assert declare(host, web, persist=False)["actions"] == []
    assert "br-web" in host.sh(COMMAND + " ls")
    predicted = host.module(
        "topology", check=True, role="bridge_network", persist=False, **module_arguments(absent(web))
    )
    assert files(predicted) == [("delete", COMMAND)]
    assert has_command(host)
    assert declare(host, absent(web), persist=False)["actions"] == predicted["actions"]
    snapshot.same(before, host.snapshot())


def test_it_stays_with_the_networks_of_another_role(host):
    web, fabric = containers(range(1, 3)), overlay([1], range(3))
    declare(host, web, persist=False)
    declare(host, fabric, role="overlay_network", persist=False)
    assert files(declare(host, absent(web), persist=False)) == []
    assert has_command(host)
    declare(host, absent(fabric), role="overlay_network", persist=False)
    assert not has_command(host)


def test_the_module_that_deletes_the_last_object_removes_it(host):
    document = {"netns": [{"name": "c1"}], "bridge": [{"name": "br-web", "addresses": ["172.30.0.1/24"]}]}
    before = host.snapshot()
    host.module("topology", role="bridge_network", persist=False, **document)
    assert has_command(host)
    assert files(host.module("bridge", name="br-web", state="absent")) == []
    assert has_command(host)
    assert files(host.module("netns", name="c1", state="absent")) == [("delete", COMMAND)]
    snapshot.same(before, host.snapshot())


def test_persistence_that_ends_leaves_it_with_the_networks(host):
    web = containers(range(1, 3))
    declare(host, web, persist=True)
    assert ("delete", COMMAND) not in files(declare(host, web, persist=False))
    assert has_command(host)
    engine.run(host, absent(web))
    assert not has_command(host)


def test_a_module_keeps_it_on_a_host_without_networks(host):
    before, web = host.snapshot(), containers(range(1, 3))
    host.change("host_command")
    declare(host, web, persist=False)
    assert files(declare(host, absent(web), persist=False)) == []
    assert has_command(host)
    host.change("host_command", state="absent")
    snapshot.same(before, host.snapshot())


def test_a_module_does_not_take_it_from_networks(host):
    declare(host, containers(range(1, 3)), persist=False)
    host.unchanged("host_command", state="absent")
    host.change("host_command")
    host.change("host_command", state="absent")
    assert has_command(host)


def test_a_run_on_a_host_without_networks_installs_nothing(host):
    assert declare(host, {}, persist=False)["actions"] == []
    assert not has_command(host)


def test_a_foreign_program_of_that_name_is_left_untouched(host):
    host.sh("printf '#!/bin/sh\\necho foreign\\n' >%s; chmod 755 %s" % (COMMAND, COMMAND))
    web = containers(range(1, 3))
    assert files(declare(host, web, persist=False)) == []
    assert files(declare(host, absent(web), persist=False)) == []
    assert host.sh(COMMAND) == "foreign\n"


@pytest.mark.parametrize(
    "script",
    [
        "mount --bind /usr/local/sbin /usr/local/sbin; mount -o remount,bind,ro /usr/local/sbin",
        "mount -t tmpfs none /usr/local",
    ],
)
def test_networks_are_made_where_it_cannot_be_installed(host, script):
    host.sh(script)
    done = declare(host, containers(range(1, 3)), persist=False)
    assert not done.get("failed"), done
    assert files(done) == [] and "br-web" in host.links()


COMPILED = """
import runpy, sys
sys.argv, compiled = [{command!r}, "ls"], []
sys.addaudithook(lambda event, given: event == "compile" and compiled.append(str(given[1])))
try:
    runpy.run_path({command!r}, run_name="__main__")
except SystemExit:
    print(*[name for name in compiled if "module_utils" in name], sep=chr(10))
"""


def compiled(host):
    """The modules of the engine that the command compiles as it starts."""
    script = COMPILED.format(command=COMMAND)
    return [
        line for line in host.sh("%s -c '%s'" % (sys.executable, script.replace("'", '"'))).splitlines()[2:] if line
    ]


def test_it_is_not_compiled_at_each_start(host):
    declare(host, containers(range(1, 3)), persist=False)
    assert compiled(host) == []


def test_another_python_compiles_it_until_the_next_run(host):
    """As after an upgrade of the distribution."""
    web = containers(range(1, 3))
    declare(host, web, persist=False)
    host.call(_of_another_python)
    assert any("netlink" in name for name in compiled(host))
    assert "br-web" in host.sh(COMMAND + " ls")
    assert files(declare(host, web, persist=False)) == [("change", COMMAND)]
    assert declare(host, web, persist=False)["actions"] == []
    assert compiled(host) == []


def _of_another_python():
    command = Path(COMMAND)
    command.write_bytes(command.read_bytes().replace(importlib.util.MAGIC_NUMBER, b"\x01\x00\r\n"))


def test_a_damaged_one_is_replaced(host):
    web = containers(range(1, 3))
    declare(host, web, persist=False)
    host.sh("truncate -s -100 " + COMMAND)
    assert files(declare(host, web, persist=False)) == [("change", COMMAND)]
    assert "br-web" in host.sh(COMMAND + " ls")
