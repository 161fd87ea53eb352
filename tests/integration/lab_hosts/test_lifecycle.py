# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lab's lifecycle: created, changed, broken, repaired, restarted, removed; and what is refused."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.virtnet.linux.plugins.module_utils.lab import converge, files, process


def named(*names, **options):
    return [dict(options, name=name) for name in names]


def ping(lab, source, target):
    lab.ssh(source, "ping -c 1 -W 2 %s" % target)


def test_check_mode_predicts_and_changes_nothing(lab):
    predicted = lab.make(check=True, count=2)
    assert predicted["changed"] and not lab.directory.exists()
    assert lab.make(count=2)["actions"] == predicted["actions"]


def test_a_second_run_changes_nothing(lab):
    lab.make(count=2)
    before = [lab.identity(host) for host in ("outside", "h1", "h2")]
    assert lab.make(count=2)["actions"] == []
    assert lab.make(check=True, count=2)["changed"] is False
    assert [lab.identity(host) for host in ("outside", "h1", "h2")] == before


def test_adding_and_removing_hosts_keeps_the_others(lab):
    """h2 is removed, h0 comes first in the list and gets the lowest free address; a flow between h1 and h3 goes on."""
    lab.make(count=3)
    before = [lab.identity(host) for host in ("h1", "h3")]
    flow = [str(lab.directory / "enter"), "h1", "ping", "-i", "0.02", "-c", "150", "10.99.0.3"]
    with subprocess.Popen(flow, stdout=subprocess.PIPE, text=True) as pings:
        made = lab.make(hosts=named("h0", "h1", "h3"))
        assert "150 received" in pings.communicate()[0]
    assert made["actions"] == [
        "write inventory.json",
        "write ssh_config",
        "make key ssh_host_ed25519_key of h0",
        "write known_hosts",
        "remove host h2",
        "start host h0",
        "unplug h2",
        "plug in eth0 of host h0",
    ]
    assert [lab.identity(host) for host in ("h1", "h3")] == before
    addresses = {host["name"]: host["address"] for host in made["hosts"]}
    assert addresses == {"outside": "10.99.255.254", "h0": "10.99.0.2", "h1": "10.99.0.1", "h3": "10.99.0.3"}
    ping(lab, "h0", "10.99.0.3")
    assert not (lab.directory / "hosts" / "h2").exists()
    assert lab.make(hosts=named("h0", "h1", "h3"))["changed"] is False


def test_mtu_and_uplinks_change_in_place(lab):
    lab.make(hosts=named("h1", "h2"), mtu=1600)
    before = lab.identity("h1")
    ping(lab, "h1", "-M do -s 1572 10.99.0.2")
    made = lab.make(hosts=[dict(name="h1", mtu=1400, uplinks=3), dict(name="h2")], mtu=1600)
    assert made["actions"] == [
        "write inventory.json",
        "plug in eth1 of host h1",
        "plug in eth2 of host h1",
        "adjust eth0 of host h1",
    ]
    assert lab.identity("h1") == before
    nics = json.loads(lab.ssh("h1", "ip -json link").stdout)
    assert [(nic["ifname"], nic["mtu"]) for nic in nics[1:]] == [("eth0", 1400), ("eth1", 1400), ("eth2", 1400)]
    assert lab.ssh("h2", "ping -c 1 -w 1 -M do -s 1373 10.99.0.1", check=False).returncode == 1
    ping(lab, "h2", "-M do -s 1372 10.99.0.1")
    assert lab.make(hosts=named("h1", "h2"), mtu=1600)["actions"][1:] == [
        "unplug h1.1",
        "unplug h1.2",
        "adjust eth0 of host h1",
    ]


@pytest.mark.parametrize("victim", ["h1", "outside"])
def test_a_killed_host_is_restarted_with_its_disk_and_address(lab, victim):
    lab.make(count=2)
    lab.ssh(victim, "echo kept > /etc/kept; ip netns add gone; echo gone > /run/gone")
    other = lab.identity("h2")
    kill(lab, victim)
    assert lab.make(check=True, count=2)["changed"]
    made = lab.make(count=2)
    assert "start host %s" % victim in made["actions"] and "start host h2" not in made["actions"]
    assert lab.ssh(victim, "cat /etc/kept; ls /run/netns; ls /run/gone", check=False).stdout == "kept\n"
    ping(lab, "h1", "10.99.0.2")
    ping(lab, "h2", "fd99::1")
    ping(lab, "h2", "10.99.255.254")
    assert lab.identity("h2") == other
    assert lab.make(count=2)["changed"] is False


def test_a_deleted_underlay_link_is_repaired(lab):
    lab.make(count=2)
    lab.ssh("h1", "ip link delete dev eth0")
    lab.enter("outside", "ip", "link", "set", "dev", "h2", "down")
    assert lab.make(count=2)["actions"] == ["plug in eth0 of host h1", "adjust eth0 of host h2"]
    ping(lab, "h1", "10.99.0.2")


def test_restarted_simulates_a_power_cut(lab):
    lab.make(count=2)
    lab.ssh("h1", "echo kept > /var/lib/kept; ip netns add gone; nft add table inet gone; echo gone > /run/gone")
    other = lab.identity("h2")
    made = lab.make(state="restarted", hosts=named("h1"))
    assert made["actions"] == ["stop host h1", "start host h1", "plug in eth0 of host h1"]
    left = lab.ssh("h1", "cat /var/lib/kept; ls /run/netns; nft list tables; ls /run/gone", check=False).stdout
    assert left == "kept\n"
    ping(lab, "h1", "10.99.0.2")
    assert lab.identity("h2") == other
    assert "h1, h2" in lab.try_to_make(state="restarted", hosts=named("h3"))["msg"]


def test_absent_leaves_nothing_and_is_idempotent(lab):
    """No process, mount, namespace or file remains, whatever runs in the hosts; SSH's persistent connections end as
    well.
    """
    lab.make(count=2)
    lab.ansible("lab", "-m", "ansible.builtin.ping")
    lab.ssh("h1", "ip netns add inner; ip netns exec inner setsid sleep 1000 > /dev/null 2>&1 < /dev/null &")
    mounts = Path("/proc/self/mountinfo").read_text()
    namespaces = {os.readlink("/proc/%d/ns/%s" % (lab.pid(host), kind)) for host in ("h1", "h2") for kind in KINDS}
    inside = processes_in(namespaces)
    assert len(inside) >= 3
    assert lab.make(check=True, state="absent")["changed"] and lab.directory.exists()
    assert lab.make(state="absent")["changed"]
    assert select.select(inside, [], [], 0)[0] == inside  # all have ended
    assert not lab.directory.exists()
    assert Path("/proc/self/mountinfo").read_text() == mounts
    until(lambda: not mentions(str(lab.directory)))
    assert lab.make(state="absent")["changed"] is False
    for handle in inside:
        os.close(handle)


def test_absent_after_hosts_were_killed(lab):
    lab.make(count=2)
    kill(lab, "h1")
    kill(lab, "outside")
    lab.make(state="absent")
    assert not mentions(str(lab.directory))


def test_the_directory_of_labs_is_removed_with_the_last_one():
    """In the usual place, through the playbooks, by the names that users type."""

    def play(book):
        command = [Path(sys.executable).parent / "ansible-playbook", "virtnet.linux." + book]
        variables = ["-e", "lab_hosts_name=pytest-%d" % os.getpid(), "-e", "lab_hosts_count=1"]
        return subprocess.run([*command, *variables], capture_output=True, text=True, check=True).stdout

    place = Path("/run/virtnet-lab")
    already = sorted(os.listdir(place)) if place.exists() else None
    try:
        assert "ssh -F %s/pytest-%d/ssh_config h1" % (place, os.getpid()) in play("lab_up")
        assert "changed=0" in play("lab_up")
    finally:
        output = play("lab_down")
    assert "Lab 'pytest-%d', %s/pytest-%d. Another one" % (os.getpid(), place, os.getpid()) in output
    assert (sorted(os.listdir(place)) if place.exists() else None) == already


def test_two_labs_coexist(lab, other_lab):
    for one in (lab, other_lab):
        one.make(count=1)
        one.ansible("h1", "-m", "ansible.builtin.shell", "-a", "echo %s > /etc/whose" % one.directory.name)
    assert [one.ssh("h1", "cat /etc/whose").stdout for one in (lab, other_lab)] == ["lab\n", "other\n"]
    lab.make(state="absent")
    ping(other_lab, "h1", "10.99.255.254")


def test_a_separately_mounted_disk_is_visible_and_never_written(lab):
    """As a /home of its own is: visible in the hosts, but their writes stay with them."""
    lab.wrapper = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs srv /srv; echo 1 > /srv/file; exec "$@"', "sh"]
    lab.make(count=2)
    lab.ssh("h1", "grep 1 /srv/file; echo 2 > /srv/file")
    assert lab.ssh("h2", "cat /srv/file").stdout == "1\n"


@pytest.mark.parametrize("subnets", [dict(subnet=""), dict(subnet6="")])
def test_an_underlay_of_one_family(lab, subnets):
    made = lab.make(count=2, **subnets)
    lost, kept = ("address", "address6") if "subnet" in subnets else ("address6", "address")
    h2 = made["hosts"][2]
    assert h2[lost] is None
    ping(lab, "h1", h2[kept])
    ping(lab, "h1", made["hosts"][0][kept])


def test_all_errors_are_reported_at_once_before_any_change(lab):
    message = lab.try_to_make(
        hosts=[dict(name="outside"), dict(name="h_1"), dict(name="h2", uplinks=0), dict(name="h2", mtu=70000)],
        subnet="10.99.0.1/16",
        subnet6="10.98.0.0/16",
        python_interpreter="/no/python",
    )["msg"]
    for part in (
        "python_interpreter: '/no/python'",
        "subnet: '10.99.0.1/16'",
        "subnet6: '10.98.0.0/16'",
        "host outside: name",
        "host h_1: name",
        "host h2: name: 'h2': is in the list twice",
        "host h2: uplinks: '0'",
        "host h2: mtu: '70000'",
    ):
        assert part in message
    assert not lab.directory.exists()


def test_a_negative_count_is_refused(lab):
    lab.make(count=1)
    assert "count: '-1': a number of hosts is 0 or more" in lab.try_to_make(count=-1)["msg"]
    assert lab.identity("h1")


def test_a_subnet_with_a_scope_zone_is_refused(lab):
    assert "subnet6: 'fd98::%x\ny/64'" in lab.try_to_make(count=1, subnet6="fd98::%x\ny/64")["msg"]


def test_a_subnet_too_small_is_refused(lab):
    assert "has room for 5 hosts, 6 are declared" in lab.try_to_make(count=6, subnet="10.99.0.0/29")["msg"]


def test_an_existing_labs_subnet_is_not_changed(lab):
    lab.make(count=1)
    before = lab.identity("h1")
    assert "10.99.0.0/16" in lab.try_to_make(count=1, subnet="10.97.0.0/16")["msg"]
    assert lab.identity("h1") == before
    assert lab.make(count=1)["changed"] is False


def test_a_directory_that_is_no_lab_is_left_untouched(lab):
    lab.directory.mkdir()
    precious = lab.directory / "precious"
    precious.write_text("x")
    for state in ("present", "absent"):
        assert "no lab's" in lab.try_to_make(count=1, state=state)["msg"]
    assert os.listdir(lab.directory) == ["precious"]
    precious.unlink()


@pytest.mark.parametrize(("owner", "mode"), [(65534, 0o700), (0, 0o777), (0, 0o720)])
def test_a_directory_writable_by_others_is_refused(lab, owner, mode):
    """Its contents are trusted: which processes are the lab's, what is written where, and what is removed."""
    lab.make(count=1)
    os.chown(lab.directory, owner, 0)
    lab.directory.chmod(mode)
    for state in ("present", "absent"):
        assert "no other user can write in" in lab.try_to_make(count=2, state=state)["msg"]
    os.chown(lab.directory, 0, 0)
    lab.directory.chmod(0o700)
    assert lab.make(count=1)["changed"] is False


def test_a_symlink_in_place_of_a_directory_is_refused(lab, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    lab.directory.symlink_to(tmp_path / "elsewhere")
    try:
        assert "must be a directory" in lab.try_to_make(count=1)["msg"]
        assert list((tmp_path / "elsewhere").iterdir()) == []
    finally:
        lab.directory.unlink()


STEPS = [
    (files, "write"),
    (files, "make_keys"),
    (converge, "_start_lab"),
    (converge, "_start"),
    (process, "wait"),
    (converge, "_make_bridge"),
    (converge, "_plug"),
    (converge, "_ip"),
]


@pytest.mark.parametrize(("place", "step"), STEPS, ids=lambda value: value if isinstance(value, str) else "")
@pytest.mark.parametrize("then", ["present", "absent"])
def test_a_killed_run_is_completed_or_removed_by_the_next(lab, place, step, then):
    """The run is killed (SIGKILL) at the first and at later calls of a step, before and after it is done."""
    killed = [killed_at(lab, place, step, call, after) for call in (1, 2) for after in (False, True)]
    assert killed[:2] == [True, True]
    if then == "present":
        lab.make(count=2)
        ping(lab, "h1", "10.99.0.2")
        ping(lab, "h2", "fd99::1")
        ping(lab, "h2", "10.99.255.254")
        assert lab.make(count=2)["changed"] is False
        assert len(mentions("lab.sh %s" % lab.directory)) == 2  # the lab's first process and its unshare
        assert len(mentions("host.sh %s" % lab.directory)) == 3  # the hosts' and outside's unshare
    else:
        lab.make(state="absent")
        assert not lab.directory.exists()
        until(lambda: not mentions(str(lab.directory)))


KINDS = ("net", "mnt", "pid", "uts", "ipc")


def killed_at(lab, place, step, call, after):
    """Makes the lab in a process that kills itself at that call of the step; returns whether it came to it."""
    child = os.fork()
    if not child:
        try:
            original = getattr(place, step)
            calls = []

            def fatal(*args, **kwargs):
                calls.append(1)
                if len(calls) == call and not after:
                    os.kill(os.getpid(), signal.SIGKILL)
                result = original(*args, **kwargs)
                if len(calls) == call:
                    os.kill(os.getpid(), signal.SIGKILL)
                return result

            setattr(place, step, fatal)
            make_here(lab)
        finally:
            os._exit(1)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def make_here(lab):
    from ansible_collections.virtnet.linux.plugins.modules import lab_hosts

    options = dict(
        name=lab.directory.name,
        state="present",
        hosts=named("h1", "h2", mtu=None, uplinks=None),
        directory=str(lab.directory),
        subnet="10.99.0.0/16",
        subnet6="fd99::/64",
        mtu=1500,
        uplinks=1,
        python_interpreter="/usr/bin/python3",
    )
    with converge.alone(lab.directory):
        lab_hosts.run(options, lab.directory, check=False)


def kill(lab, host):
    """Kills a host's first process, and waits until it is gone."""
    handle = os.pidfd_open(lab.pid(host))
    signal.pidfd_send_signal(handle, signal.SIGKILL)
    select.select([handle], [], [])
    os.close(handle)


def processes_in(namespaces):
    """Handles of all processes of the machine that are in one of the namespaces, all of which exist.

    Handles, because the kernel gives the number of a removed namespace to the next one, which may be another lab's.
    """
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if any(os.readlink("/proc/%s/ns/%s" % (pid, kind)) in namespaces for kind in KINDS):
                found.append(os.pidfd_open(int(pid)))
        except OSError:  # it ended meanwhile, or is a zombie
            continue
    return found


def mentions(text):
    """The command lines of all processes that have the text in it."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            command = Path("/proc/%s/cmdline" % pid).read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in command:
            found.append(command)
    return found


def until(condition):
    limit = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)
