# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A container as an Ansible host: tasks run inside it, and nowhere else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kit.checkout import HOME

BIN = Path(sys.executable).parent
ASK = 'import urllib.request as r; print(r.urlopen("http://10.99.0.1:8080", timeout=5).read())'
NOT_THE_HOSTS = "virtnet_network_mode != 'host'"
CLIENT = "inventory_hostname == 'client.h1'"
# How to reach a host, in words that few people need.
WAY = {
    "ansible_remote_tmp": "/srv/tmp",
    "ansible_become_pass": "not asked for",
    "ansible_ssh_retries": 1,
    "ansible_timeout": 20,
}
SERVER = HOME / "playbooks" / "files" / "hello.py"

# What two hosts declare; h2's name for the server is a template, as people write them.
DECLARED = {
    "lab": {
        "hosts": {
            "h1": {
                "bridge_network_containers": [
                    {"name": "server", "networks": ["web"], "ports": ["8080:80"]},
                    {"name": "client", "networks": [{"name": "web", "ipv4_address": "172.30.0.9"}]},
                    {"name": "agent", "network_mode": "host"},
                    {"name": "old", "state": "absent"},
                ]
            },
            "h2": {"prefix": "ser", "bridge_network_containers": [{"name": "{{ prefix }}ver", "networks": ["web"]}]},
        },
        "vars": {"bridge_network_networks": [{"name": "web", "subnet": "172.30.0.0/16"}]},
    }
}
SERVICE = [
    {
        "hosts": "server.h1",
        "gather_facts": False,
        "tasks": [
            {
                "name": "Install the service",
                "ansible.builtin.copy": {"src": str(SERVER), "dest": "/srv/", "mode": "0644"},
            },
            {
                "name": "Start the service",
                "ansible.builtin.shell": {
                    "cmd": "setsid python3 /srv/hello.py serve server 0.0.0.0 80 >/dev/null 2>&1 &",
                    "creates": "/srv/started",
                },
            },
            {"name": "Wait for the service", "ansible.builtin.wait_for": {"port": 80, "timeout": 20}},
        ],
    },
    {
        "hosts": "client.h1",
        "gather_facts": False,
        "tasks": [
            {"ansible.builtin.uri": {"url": "http://172.30.0.2/", "return_content": True}, "register": "got"},
            {"ansible.builtin.debug": {"var": "got.content"}},
        ],
    },
]
piped_or_not = pytest.mark.parametrize("pipelining", ["true", "false"])


def address_of(output, host):
    """The IPv4 address that `ip -br address show eth0` printed for a host of an ad-hoc command."""
    line = output.split("%s | " % host, 1)[1].splitlines()[1]
    return line.split()[2]


@pytest.fixture(scope="module")
def declared(fleet):
    """The fleet with its containers created, and an inventory that has them as hosts."""
    fleet.inventories.append(fleet.write("inventory/10-hosts.yml", DECLARED).parent)
    fleet.write("inventory/50-containers.netns.yml", "plugin: virtnet.linux.netns\n")
    fleet.play([{"hosts": "lab", "gather_facts": False, "roles": ["virtnet.linux.bridge_network"]}])
    return fleet


def test_the_inventory_has_every_declared_container_in_its_groups(declared):
    shown = declared.run("ansible-inventory", *declared._sources(), "--list")
    groups = json.loads(shown)
    assert sorted(groups["containers"]["hosts"]) == ["agent.h1", "client.h1", "server.h1", "server.h2"]
    assert sorted(groups["network_web"]["hosts"]) == ["client.h1", "server.h1", "server.h2"]
    assert "old.h1" not in shown


@piped_or_not
def test_a_task_runs_inside_the_container_over_a_root_connection(declared, pipelining):
    arguments = ["containers", "-m", "ansible.builtin.command", "-a", "ip -br address show eth0"]
    shown = declared.run("ansible", *declared._sources(), *arguments, "-e", "ansible_pipelining=%s" % pipelining)
    assert address_of(shown, "server.h1") == address_of(shown, "server.h2") == "172.30.0.2/16"
    assert address_of(shown, "client.h1") == "172.30.0.9/16"
    assert address_of(shown, "agent.h1") == "10.99.0.1/16"


def test_become_user_root_is_not_skipped(declared):
    task = {"ansible.builtin.command": "ip -br address show eth0", "become_user": "root", "become": True}
    declared.play(
        [
            {
                "hosts": "server.h1",
                "gather_facts": False,
                "tasks": [
                    {**task, "register": "shown"},
                    {"ansible.builtin.assert": {"that": "'172.30.0.2/16' in shown.stdout"}},
                ],
            }
        ],
        "-e",
        "ansible_become_user=root",
    )


# Where another user can be set for a task: in the play, or outside of it.
TOUCH = {"ansible.builtin.command": "touch /srv/ran"}
OTHER_USERS = {
    "of the play": (TOUCH, {"become": True, "become_user": "daemon"}, []),
    "of the task": ({**TOUCH, "become": True, "become_user": "daemon"}, {}, []),
    "of the task alone": ({**TOUCH, "become_user": "daemon"}, {}, []),
    "a variable of the task": ({**TOUCH, "vars": {"ansible_become_user": "daemon"}}, {}, []),
    "on the command line": (TOUCH, {}, ["-b", "--become-user", "daemon"]),
    "an extra variable": (TOUCH, {}, ["-e", "ansible_become_user=daemon"]),
}


def assert_refused(declared, output):
    """The task has failed with the message, and no user has run anything."""
    assert "become_user 'daemon'" in output and "runs tasks as root: leave become_user out" in output
    assert declared.ssh("h1", "ls /srv/ran 2>&1 || true").startswith("ls: cannot access")


@pytest.mark.parametrize("where", OTHER_USERS)
def test_another_user_is_refused_and_nothing_runs(declared, where):
    task, play, arguments = OTHER_USERS[where]
    plays = [{"hosts": "server.h1", "gather_facts": False, **play, "tasks": [task]}]
    assert_refused(declared, declared.play(plays, *arguments, fails=True))


def test_another_user_is_refused_in_a_command_and_nothing_runs(declared):
    command = ["server.h1", "-b", "--become-user", "daemon", "-m", "ansible.builtin.command", "-a", "touch /srv/ran"]
    assert_refused(declared, declared.run("ansible", *declared._sources(), *command, fails=True))


@pytest.mark.parametrize("group", ["all", "containers", "network_web"])
def test_another_user_of_a_group_is_refused_and_nothing_runs(declared, group):
    variables = declared.write("inventory/group_vars/%s.yml" % group, {"ansible_become_user": "daemon"})
    plays = [{"hosts": "server.h1", "gather_facts": False, "tasks": [TOUCH]}]
    try:
        assert_refused(declared, declared.play(plays, fails=True))
    finally:
        variables.unlink()


def test_an_inherited_become_user_can_be_reset_for_containers(declared):
    groups = {"all": "daemon", "containers": "root"}
    files = [
        declared.write("inventory/group_vars/%s.yml" % group, {"ansible_become_user": user})
        for group, user in groups.items()
    ]
    try:
        command = ["server.h1", "-m", "ansible.builtin.command", "-a", "ip -br address show eth0"]
        shown = declared.run("ansible", *declared._sources(), *command)
    finally:
        for file in files:
            file.unlink()
    assert address_of(shown, "server.h1") == "172.30.0.2/16"


def test_another_user_is_refused_in_an_existing_container_and_nothing_runs(declared):
    plays = [
        {"import_playbook": "virtnet.linux.live_containers"},
        {"hosts": "server.h1", "gather_facts": False, "become_user": "daemon", "tasks": [TOUCH]},
    ]
    sources, declared.inventories = declared.inventories, declared.inventories[:1]
    try:
        assert_refused(declared, declared.play(plays, fails=True))
    finally:
        declared.inventories = sources


def test_a_task_without_a_container_name_reports_the_variable(declared):
    become = ["-e", "ansible_become=true", "-e", "ansible_become_method=virtnet.linux.netns"]
    command = ["h1", "-m", "ansible.builtin.ping", *become]
    assert "ansible_netns is not set" in declared.run("ansible", *declared._sources(), *command, fails=True)


def test_an_invalid_name_never_reaches_a_shell(declared):
    arguments = ["server.h1", "-m", "ansible.builtin.ping", "-e", "ansible_netns='x;touch /srv/ran'"]
    output = declared.run("ansible", *declared._sources(), *arguments, fails=True)
    assert "a container's name is" in output
    assert declared.ssh("h1", "ls /srv/ran 2>&1 || true").startswith("ls: cannot access")


def test_facts_are_gathered_inside_the_container(declared):
    arguments = ["client.h1", "-m", "ansible.builtin.setup", "-a", "filter=*ipv4*"]
    shown = declared.run("ansible", *declared._sources(), *arguments)
    assert "172.30.0.9" in shown and "10.99.0.1" not in shown


def test_a_playbook_installs_and_starts_a_service_in_a_container(declared):
    output = declared.play(SERVICE)
    assert "Hello from server, you are 172.30.0.9" in output
    assert "Hello from server" in declared.ssh("h2", "python3 -c '%s'" % ASK)
    assert declared.ssh("h1", "ss -Hlnt sport = :80") == "", "the service listens on the host itself"


def test_existing_containers_become_hosts(declared):
    """One that was created by hand on h2, in a play that has only the lab in its inventory."""
    declared.play([{"hosts": "h2", "gather_facts": False, "tasks": [{"virtnet.linux.netns": {"name": "byhand"}}]}])
    ways = declared.write("ways.yml", {"all": {"hosts": {"h2": WAY}}})
    taken_over = ["hostvars[inventory_hostname].%s == hostvars.h2.%s" % (name, name) for name in WAY]
    plays = [
        {"import_playbook": "virtnet.linux.live_containers"},
        {
            "hosts": "containers",
            "gather_facts": False,
            "tasks": [
                {"ansible.builtin.command": "ip netns identify", "register": "where", "changed_when": False},
                {"ansible.builtin.assert": {"that": "where.stdout == virtnet_container"}, "when": NOT_THE_HOSTS},
                {"ansible.builtin.assert": {"that": taken_over}, "when": "virtnet_host == 'h2'"},
                {"ansible.builtin.assert": {"that": "virtnet_addresses == ['172.30.0.9/16']"}, "when": CLIENT},
            ],
        },
    ]
    sources, declared.inventories = declared.inventories, [declared.inventories[0], ways]
    try:
        output = declared.play(plays)
    finally:
        declared.inventories = sources
    recap = output.split("PLAY RECAP")[1]
    assert all(name in recap for name in ("server.h1", "server.h2", "client.h1", "agent.h1", "byhand.h2"))


def refused_inventory(fleet, hosts):
    """The output of ansible-inventory for hosts whose containers cannot be hosts."""
    hosts = fleet.write("wrong/hosts.yml", {"all": {"hosts": hosts}})
    plugin = fleet.write("wrong/containers.netns.yml", "plugin: virtnet.linux.netns\n")
    with pytest.raises(AssertionError) as refused:
        fleet.run("ansible-inventory", "-i", str(hosts), "-i", str(plugin), "--list")
    return str(refused.value)


def test_invalid_names_are_all_reported_and_not_added(fleet):
    wrong = [{"name": "a b"}, {"name": "c", "networks": ["$(id)"]}, {"name": "d", "networks": 5}]
    hosts = {"w": {"bridge_network_containers": wrong}, "v": {"overlay_network_containers": "x"}}
    output = refused_inventory(fleet, hosts)
    assert "host w: bridge_network_containers: container a b: name 'a b'" in output
    assert "host w: bridge_network_containers: container c: networks[0] '$(id)'" in output
    assert "host w: bridge_network_containers: container d: networks 5: must be a list" in output
    assert "host v: overlay_network_containers 'x': must be a list" in output


def test_two_containers_with_one_host_name_are_refused(fleet):
    hosts = {
        "c": {"bridge_network_containers": [{"name": "a.b"}, {"name": "real"}]},
        "b.c": {"bridge_network_containers": [{"name": "a"}]},
        "real.c": {"ansible_host": "192.0.2.1"},
    }
    output = refused_inventory(fleet, hosts)
    assert "container a of host b.c: name in the inventory 'a.b.c': is that of container a.b of host c too" in output
    assert "container real of host c: name in the inventory 'real.c': is that of a host of the inventory too" in output


def test_a_source_read_before_the_hosts_warns(fleet):
    hosts = fleet.write("late/hosts.yml", DECLARED)
    plugin = fleet.write("late/containers.netns.yml", "plugin: virtnet.linux.netns\n")
    with pytest.raises(AssertionError, match=r"(?s)\[WARNING\].*no containers: of the 0 hosts that are known so far"):
        fleet.run("ansible-inventory", "-i", str(plugin), "-i", str(hosts), "--list")


def test_a_source_with_empty_lists_does_not_warn(fleet):
    hosts = fleet.write("none/hosts.yml", {"all": {"hosts": {"w": {"bridge_network_containers": []}}}})
    plugin = fleet.write("none/containers.netns.yml", "plugin: virtnet.linux.netns\n")
    assert '"w"' in fleet.run("ansible-inventory", "-i", str(hosts), "-i", str(plugin), "--list")


# As root in a network and a /run of its own: the container c1 of the controller, and what a crash leaves of one.
LOCAL = """
mount -t tmpfs tmpfs /run
ip netns add c1
ip -netns c1 link set lo up
touch /run/netns/empty
"""
WAYS_ON_THE_CONTROLLER = {
    "connection": {"ansible_connection": "virtnet.linux.netns"},
    "become": {
        "ansible_connection": "local",
        "ansible_become": True,
        "ansible_become_method": "virtnet.linux.netns",
    },
}
on_the_controller = pytest.mark.parametrize("way", WAYS_ON_THE_CONTROLLER)


def on_controller(fleet, way, pipelining, *command):
    """What a command of Ansible prints whose only host is the container c1 of the controller, reached in this way."""
    python = "{{ ansible_playbook_python }}"
    host = {"ansible_netns": "c1", "ansible_python_interpreter": python, "ansible_pipelining": pipelining}
    host.update(WAYS_ON_THE_CONTROLLER[way])
    inventory = fleet.write("here.yml", {"all": {"hosts": {"here": host}}})
    name, *words = command
    script = '%s exec "$@"' % LOCAL
    inside = ["unshare", "--net", "--mount", "sh", "-ec", script, "-", str(BIN / name), "-i", str(inventory), *words]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(inside, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0 and done.stderr == "", done.stdout + done.stderr
    return done.stdout


@on_the_controller
@piped_or_not
def test_a_task_runs_inside_a_container_of_the_controller(fleet, way, pipelining):
    command = ["ansible", "all", "-m", "ansible.builtin.command", "-a", "ip netns identify"]
    assert on_controller(fleet, way, pipelining, *command).splitlines()[-1] == "c1"


GONE = {"missing": "Cannot open network namespace", "empty": "setting the network namespace"}


def tasks_in_containers_that_are_gone(host, trace, pipelining):
    """A play whose tasks fail and whose errors are ignored."""
    tasks = [
        {
            "ansible.builtin.command": "touch %s" % trace,
            "vars": {"ansible_netns": name, "ansible_pipelining": pipelining},
            "ignore_errors": True,
        }
        for name in GONE
    ]
    return [{"hosts": host, "gather_facts": False, "tasks": tasks}]


def assert_failed_in_words(output):
    """Each task has failed with its message, and the host was in the play to the end."""
    assert all(words in output for words in GONE.values()), output
    recap = output.split("PLAY RECAP")[1]
    assert "unreachable=0" in recap and "ignored=%d" % len(GONE) in recap, output


@piped_or_not
def test_a_missing_container_runs_nothing(declared, pipelining):
    declared.ssh("h1", "touch /run/netns/empty")
    try:
        assert_failed_in_words(declared.play(tasks_in_containers_that_are_gone("server.h1", "/srv/ran", pipelining)))
    finally:
        declared.ssh("h1", "rm /run/netns/empty")
    assert declared.ssh("h1", "ls /srv/ran 2>&1 || true").startswith("ls: cannot access")


@on_the_controller
@piped_or_not
def test_a_missing_container_of_the_controller_runs_nothing(fleet, way, pipelining):
    trace = fleet.directory / "ran"
    playbook = fleet.write("gone.yml", tasks_in_containers_that_are_gone("here", trace, pipelining))
    assert_failed_in_words(on_controller(fleet, way, pipelining, "ansible-playbook", str(playbook)))
    assert not trace.exists()
