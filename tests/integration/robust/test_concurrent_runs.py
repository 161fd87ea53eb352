# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Several runs on one host at the same moment: they wait for each other, and no change is lost."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import traceback

import pytest
from integration.robust import engine
from integration.robust.documents import absent, complete, containers

from ansible_collections.virtnet.linux.plugins.module_utils.engine.converge import converge
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Topology
from kit import snapshot
from kit.role import Role

PLAYBOOK = """
- hosts: localhost
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: {python}
    bridge_network_persist: false
    bridge_network_networks:
      - {{name: {network}, subnet: {subnet}}}
    bridge_network_containers:
      - {{name: {network}-1, networks: [{network}], ports: ["{port}:80"]}}
      - {{name: {network}-2, networks: [{network}]}}
  roles:
    - virtnet.linux.bridge_network
"""


def network(number):
    """A network of its own with two containers."""
    name = "n%d" % number
    return complete({
        "netns": [{"name": "%s-%d" % (name, one)} for one in (1, 2)],
        "bridge": [{"name": "br-" + name, "addresses": ["10.%d.0.1/24" % number]}],
        "veth": [{"name": "v%s-%d" % (name, one), "bridge": "br-" + name,
                  "peer": {"name": "eth0", "netns": "%s-%d" % (name, one),
                           "addresses": ["10.%d.0.%d/24" % (number, one + 1)]}}
                 for one in (1, 2)],
        "bridge_policy": [{"bridge": "br-" + name, "subnets": ["10.%d.0.0/24" % number]}],
        "nat_port": [{"host_port": str(8000 + number), "to_address": "10.%d.0.2" % number, "to_port": "80"}],
    })  # fmt: skip


def at_once(documents):
    """Run them all at the same moment, each in a process of its own; the errors."""
    gate, start = os.pipe()
    reading_end, writing_end = os.pipe()
    children = []
    for document in documents:
        child = os.fork()
        if child == 0:
            os.close(start)
            os.read(gate, 1)  # until all are there
            try:
                converge(Topology.read(document))
            except BaseException:
                os.write(writing_end, traceback.format_exc().encode())
            os._exit(0)
        children.append(child)
    os.close(start)
    os.close(writing_end)
    for child in children:
        os.waitpid(child, 0)
    with open(reading_end, encoding="utf-8") as pipe:
        return pipe.read()


def test_two_runs_on_different_networks(host):
    before = host.snapshot()
    documents = [network(number) for number in range(1, 7)]
    assert host.call(at_once, documents) == ""
    for document in documents:
        assert engine.run(host, document, check=True) == []
    assert len(engine.read_back(host)["nat_ports"]) == 6
    assert host.call(at_once, [absent(document) for document in documents]) == ""
    snapshot.same(before, host.snapshot())


def test_two_runs_on_the_same_network(host):
    before = host.snapshot()
    document = containers(range(1, 4))
    assert host.call(at_once, [document] * 4) == ""
    assert engine.run(host, document, check=True) == []
    assert host.call(at_once, [absent(document)] * 4) == ""
    snapshot.same(before, host.snapshot())


def test_one_run_creates_what_another_removes(host):
    before = host.snapshot()
    document = containers(range(1, 4))
    for _round in range(3):
        assert host.call(at_once, [document, absent(document)]) == ""
        left = engine.run(host, document, check=True)  # whoever came last
        assert left == [] or all(line.startswith("create") or "sysctl" in line for line in left), left
    engine.run(host, absent(document))
    snapshot.same(before, host.snapshot())


def hold_lock(then, *arguments):
    os.makedirs("/run/virtnet", exist_ok=True)
    with open("/run/virtnet/lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return then(*arguments)


def module_while_locked(arguments):
    from kit.host import run_module

    child, result = os.pipe(), None
    if os.fork() == 0:
        os.close(child[0])
        os.write(child[1], str(run_module("bridge", arguments)).encode())
        os._exit(0)
    os.close(child[1])
    with open(child[0], encoding="utf-8") as pipe:
        result = pipe.read()
    os.wait()
    return result


def test_a_lock_timeout_is_reported(host):
    message = host.call(hold_lock, module_while_locked, {"name": "br0", "lock_timeout": 1})
    assert "another run has been changing this host's networks for 1 s" in message and "lock_timeout" in message
    assert "br0" not in host.links()


def test_check_mode_and_reading_do_not_wait(host):
    message = host.call(hold_lock, module_while_locked, {"name": "br0", "lock_timeout": 0, "_ansible_check_mode": True})
    assert "'changed': True" in message


def _playbooks(directory, files):
    environment = dict(os.environ, HOME=directory, ANSIBLE_LOCALHOST_WARNING="false", ANSIBLE_HOME=directory + "/a")
    running = [
        subprocess.Popen(["ansible-playbook", "-i", "localhost,", file], env=environment, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for file in files
    ]  # fmt: skip
    return [(process.communicate()[0], process.returncode) for process in running]


def test_a_play_sets_the_lock_timeout_of_a_roles_modules(host, tmp_path):
    file = tmp_path / "impatient.yml"
    impatient = "  module_defaults: {group/virtnet.linux.networks: {lock_timeout: 0}}\n"
    words = {"network": "n1", "subnet": "10.1.0.0/24", "port": 8001}
    file.write_text(PLAYBOOK.format(python=sys.executable, **words) + impatient)
    ((output, code),) = host.call(hold_lock, _playbooks, str(tmp_path), [str(file)])
    assert code != 0 and "another run has been changing this host's networks for 0 s" in output, output


SAME_OR_NOT = [
    pytest.param(True, id="the same network", marks=pytest.mark.long),
    pytest.param(False, id="different networks"),
]


@pytest.mark.parametrize("same", SAME_OR_NOT)
def test_two_playbooks_on_one_host(host, tmp_path, same):
    files = []
    for number in (1, 2):
        which = 1 if same else number
        file = tmp_path / ("%d.yml" % number)
        words = {"network": "n%d" % which, "subnet": "10.%d.0.0/24" % which, "port": 8000 + which}
        file.write_text(PLAYBOOK.format(python=sys.executable, **words))
        files.append(str(file))
    for output, code in host.call(_playbooks, str(tmp_path), files):
        assert code == 0, output
    found = engine.read_back(host)
    names = ["n1"] if same else ["n1", "n2"]
    assert [one["Name"] for one in found["networks"]] == names
    assert [one["name"] for one in found["containers"]] == ["%s-%d" % (name, one) for name in names for one in (1, 2)]
    for output, code in host.call(_playbooks, str(tmp_path), files):
        assert code == 0 and "changed=0" in output, output


WEB = {"name": "web", "subnet": "172.30.0.0/24"}


def test_a_stale_plan_is_not_applied(host):
    """Two controllers read, both plan, one after the other applies."""
    role = Role(host)
    role.change([WEB], [])
    plans = [role.plan([WEB], [{"name": name, "networks": ["web"], "ports": ["9001:80"]}]) for name in ("k1", "k2")]
    revision = host.module("network_info")["revision"]
    first, second = (host.module("topology", **plan["topology"], planned_on=revision) for plan in plans)
    assert (first["changed"], first["stale"]) == (True, False)
    assert (second["changed"], second["stale"], second["actions"]) == (False, True, [])
    assert host.module("network_info")["revision"] != revision
    (error,) = role.plan([WEB], [{"name": "k2", "networks": ["web"], "ports": ["9001:80"]}])["errors"]
    assert "9001" in error and "k1" in error


@pytest.mark.parametrize("made", ["netns", "veth", "unguarded", "labels", "policy", "port"])
def test_every_change_changes_the_revision(host, made):
    role = Role(host)
    role.change([WEB], [{"name": "c", "networks": ["web"]}])
    before = host.module("network_info")["revision"]
    assert host.module("network_info")["revision"] == before
    veth = {"name": "v9", "bridge": "br-web", "peer": {"name": "eth9", "netns": "c", "addresses": ["172.30.0.9/24"]}}
    call = {
        "netns": ("netns", {"name": "d"}),
        "veth": ("veth", {**veth, "anti_spoofing": False}),
        "unguarded": ("veth", veth),
        "labels": ("netns", {"name": "c", "labels": {"role": "bridge_network", "a": "b"}}),
        "policy": ("bridge_policy", {"bridge": "br-web", "subnets": ["172.30.0.0/24"], "icc": False}),
        "port": ("nat_port", {"host_port": "9001", "to_address": "172.30.0.2", "to_port": "80", "bridge": "br-web"}),
    }
    kind, arguments = call[made]
    done = host.module(kind, **arguments)
    assert done["changed"], done
    assert host.module("network_info")["revision"] != before


def test_concurrent_playbooks_allocate_no_port_twice(host, tmp_path):
    """One of them reads and plans again, and is refused."""
    done = host.call(_playbooks, str(tmp_path), _together(tmp_path, ports=(9001, 9001)))
    assert sorted(code for _output, code in done) == [0, 2], done
    refused = next(output for output, code in done if code)
    assert "9001" in refused and "Nothing was touched" in refused, refused
    assert len(engine.read_back(host)["containers"]) == 2


def test_concurrent_playbooks_allocate_no_address_twice(host, tmp_path):
    done = host.call(_playbooks, str(tmp_path), _together(tmp_path, ports=(9001, 9002)))
    assert [code for _output, code in done] == [0, 0], done
    containers_made = host.module("network_info")["containers"]
    found = [endpoint["addresses"][0] for one in containers_made for endpoint in one["endpoints"]]
    assert sorted(found) == ["172.30.0.%d/24" % number for number in (2, 3, 4, 5)]


def _together(directory, ports):
    """Two playbooks for one network, each with two containers of its own; the first of each publishes a port."""
    files = []
    for number, port in enumerate(ports):
        text = PLAYBOOK.format(python=sys.executable, network="web", subnet="172.30.0.0/24", port=port)
        file = directory / ("%d.yml" % number)
        file.write_text(text.replace("name: web-", "name: k%d-" % number))
        files.append(str(file))
    return files
