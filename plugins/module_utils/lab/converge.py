# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings a lab to its desired state: the changes are computed as data first, then applied, in the order of Changes.

A run that was killed at any point is repaired by the next: a process records its own identity, a NIC has its addresses
before it is connected, and what is unfinished is done again from its start.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.lab import files, process
from ansible_collections.virtnet.linux.plugins.module_utils.lab.process import LabError
from ansible_collections.virtnet.linux.plugins.module_utils.lab.settings import BRIDGE, LABS, OUTSIDE, Host, Lab

_PROGRAMS = {
    "ip": "iproute2",
    "mount": "mount",
    "nsenter": "util-linux",
    "pivot_root": "util-linux",
    "ssh-keygen": "openssh-client",
    "sshd": "openssh-server",
    "unshare": "util-linux",
}
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_LISTENS = "/run/lab/sshd.pid"  # in a host's root: sshd writes it when it listens, the last step of a host's start
_SECONDS = 30  # for a start, which takes a fifth of a second


@dataclass(frozen=True)
class UnderlayLink:
    """One NIC of a host and its port on the underlay's bridge, the two ends of a veth pair."""

    host: Host
    port: str
    nic: str


@dataclass
class Changes:
    """The changes, in order."""

    write: list[str] = field(default_factory=list)  # files
    keys: list[Path] = field(default_factory=list)
    known_hosts: bool = False
    lab: bool = False  # start the lab's first process
    remove: list[str] = field(default_factory=list)  # hosts, with their disks
    stop: list[str] = field(default_factory=list)  # hosts whose disks stay
    start: list[Host] = field(default_factory=list)
    bridge: bool = False
    unplug: list[str] = field(default_factory=list)  # ports
    plug: list[UnderlayLink] = field(default_factory=list)
    adjust: list[UnderlayLink] = field(default_factory=list)  # MTU, and up

    def actions(self) -> list[str]:
        """Return the changes as messages."""
        return (
            ["write %s" % name for name in self.write]
            + ["make key %s of %s" % (key.name, key.parent.name) for key in self.keys]
            + ["write %s" % files.KNOWN_HOSTS] * self.known_hosts
            + ["start the lab"] * self.lab
            + ["remove host %s" % name for name in self.remove]
            + ["stop host %s" % name for name in self.stop]
            + ["start host %s" % host.name for host in self.start]
            + ["make bridge %s" % BRIDGE] * self.bridge
            + ["unplug %s" % port for port in self.unplug]
            + ["plug in %s of host %s" % (uplink.nic, uplink.host.name) for uplink in self.plug]
            + ["adjust %s of host %s" % (uplink.nic, uplink.host.name) for uplink in self.adjust]
        )


def missing_programs() -> list[str]:
    """Return a message for each missing program, with the package to install."""
    return [
        "program %s: is not on this machine: install the package %s" % (program, package)
        for program, package in sorted(_PROGRAMS.items())
        if not shutil.which(program, path=_PATH)
    ]


@contextlib.contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Lock the parent directory, so that one run at a time changes labs in it. The directory itself is locked, which
    leaves no lock file."""
    place = _lock(directory.parent)
    try:
        yield
    finally:
        if directory.parent == LABS:
            with contextlib.suppress(OSError):  # it has other labs
                LABS.rmdir()
        os.close(place)


def exists(lab: Lab) -> bool:
    """Return whether the lab's first process runs, and with it its other processes."""
    return process.find(lab.directory / "pid") is not None


def running(lab: Lab) -> dict[str, bool]:
    """Return the hosts with a directory in the lab, and whether each of them runs."""
    hosts = lab.directory / "hosts"
    return {name: _pid(lab, name) is not None for name in sorted(os.listdir(hosts))} if hosts.exists() else {}


def compare(lab: Lab, restart: list[str]) -> Changes:
    """Return the changes that bring the lab to its desired state and restart the hosts named in ``restart``."""
    runs = running(lab)
    names = {host.name for host in lab.all_hosts()}
    todo = Changes(
        write=files.outdated(lab),
        keys=files.missing_keys(lab),
        known_hosts=files.known_hosts_outdated(lab),
        lab=not exists(lab),
        remove=[name for name in runs if name not in names],
        stop=[name for name in restart if runs.get(name)],
    )
    todo.start = [host for host in lab.all_hosts() if not runs.get(host.name) or host.name in todo.stop]
    starting = {host.name for host in todo.start}
    links = {} if OUTSIDE in starting else _links(lab)
    todo.bridge = BRIDGE not in links
    uplinks = _uplinks(lab)
    for uplink in uplinks:
        link = links.get(uplink.port, {})
        if uplink.host.name in starting or link.get("master") != BRIDGE:
            todo.plug.append(uplink)
        elif link["mtu"] != uplink.host.mtu or "UP" not in link["flags"]:
            todo.adjust.append(uplink)
    ports = {uplink.port for uplink in uplinks}
    todo.unplug = [name for name in links if name not in ports and name.partition(".")[0] in names | set(runs)]
    return todo


def apply(lab: Lab, todo: Changes) -> None:
    """Apply the changes."""
    lab.directory.mkdir(mode=0o700, exist_ok=True)
    files.refuse_shared(lab.directory)  # in a shared directory, such as /tmp, another user may have created it since
    for name in todo.write:
        files.write(lab, name)
    files.make_keys(todo.keys)
    if todo.known_hosts:
        files.write(lab, files.KNOWN_HOSTS)
    if todo.lab:
        _start_lab(lab)
    for name in todo.remove:
        _remove(lab, name)
    for name in todo.stop:
        process.end(_pid_file(lab, name))
    _start(lab, todo.start)
    if todo.bridge:
        _make_bridge(lab)
    _delete_pair(lab, todo.unplug)
    _plug(lab, todo.plug)
    _adjust(lab, todo.adjust)


def remove(directory: Path) -> None:
    """End the lab's processes, and with them its mounts and namespaces, and delete its directory."""
    process.end(directory / "pid")
    files.remove(directory)


def _lock(place: Path) -> int:
    """Create the directory and lock it; return the descriptor, whose closing releases the lock."""
    while True:
        place.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # The previous holder of the lock may have deleted the directory with its last lab.
        if place.exists() and os.path.samestat(place.stat(), os.fstat(descriptor)):
            return descriptor
        os.close(descriptor)


def _pid_file(lab: Lab, name: str) -> Path:
    return files.host_directory(lab, name) / "pid"


def _pid(lab: Lab, name: str) -> int | None:
    """Return the PID, outside its PID namespace, of the first process of a host that is up."""
    pid = process.find(_pid_file(lab, name))
    return pid if pid is not None and os.path.exists("/proc/%d/root%s" % (pid, _LISTENS)) else None


def _links(lab: Lab) -> dict[str, dict[str, Any]]:
    """Return the outside's links by name, in the words of `ip -json link`."""
    answer = _in_network_of(lab, OUTSIDE, ["ip", "-json", "link", "show"]).stdout
    return {link["ifname"]: link for link in json.loads(answer)}


def _uplinks(lab: Lab) -> list[UnderlayLink]:
    return [UnderlayLink(host, port, nic) for host in lab.hosts for port, nic in host.nics().items()]


def _start_lab(lab: Lab) -> None:
    (lab.directory / "disks").mkdir(exist_ok=True)
    process.end(lab.directory / "pid")
    script = ["sh", str(lab.directory / files.LAB_SCRIPT), str(lab.directory)]
    log = lab.directory / "log"
    with log.open("a") as output:
        subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--propagation", "private", *script],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd="/",
        )
    process.wait(lab.directory / "pid", "/", log, _SECONDS)


def _start(lab: Lab, hosts: list[Host]) -> None:
    """Start the hosts in parallel, each as a child of the lab's first process, and wait until all are up."""
    for host in hosts:
        process.end(_pid_file(lab, host.name))  # left by a run that was killed
        directory = files.host_directory(lab, host.name)
        script = ["sh", str(lab.directory / files.HOST_SCRIPT), str(lab.directory), host.name]
        kinds = ["--mount", "--net", "--uts", "--ipc", "--pid", "--fork", "--propagation", "private"]
        with (directory / "log").open("w") as output:
            subprocess.run(
                [*_enter_lab(lab), "sh", "-c", 'unshare "$@" &', "sh", *kinds, *script],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                check=True,
            )
    for host in hosts:
        process.wait(_pid_file(lab, host.name), _LISTENS, files.host_directory(lab, host.name) / "log", _SECONDS)


def _remove(lab: Lab, name: str) -> None:
    process.end(_pid_file(lab, name))
    _run([*_enter_lab(lab), "rm", "-rf", str(lab.directory / "disks" / name)])
    shutil.rmtree(files.host_directory(lab, name))


def _enter_lab(lab: Lab) -> list[str]:
    pid = process.find(lab.directory / "pid")
    return ["nsenter", "--target", str(pid), "--mount", "--pid", "--"]


def _make_bridge(lab: Lab) -> None:
    """Create the underlay: a bridge with the outside's addresses that floods multicast, as a plain switch does."""
    lines = ["link add name %s type bridge mcast_snooping 0" % BRIDGE]
    _ip(lab, OUTSIDE, [*lines, *_addresses(lab, lab.outside, BRIDGE), "link set dev %s up" % BRIDGE])


def _plug(lab: Lab, uplinks: list[UnderlayLink]) -> None:
    """Create the veth pairs; the first NIC of a host gets its addresses, the others none, and stay down."""
    _delete_pair(lab, [uplink.port for uplink in uplinks])
    _ip(
        lab,
        OUTSIDE,
        [
            "link add name {0} mtu {1} type veth peer name {2} mtu {1} netns /proc/{3}/ns/net".format(
                uplink.port, uplink.host.mtu, uplink.nic, _pid(lab, uplink.host.name)
            )
            for uplink in uplinks
        ],
    )
    gateways = [address for address in (lab.outside.address, lab.outside.address6) if address]
    routes = ["route add default via %s dev eth0" % gateway for gateway in gateways]
    for uplink in uplinks:
        if uplink.nic == "eth0":
            addresses = _addresses(lab, uplink.host, "eth0")
            _ip(lab, uplink.host.name, [*addresses, "link set dev eth0 up", *routes])
    # A bridge port needs no link-local address.
    _ip(lab, OUTSIDE, ["link set dev %s addrgenmode none" % uplink.port for uplink in uplinks])
    _ip(lab, OUTSIDE, ["link set dev %s master %s up" % (uplink.port, BRIDGE) for uplink in uplinks])


def _delete_pair(lab: Lab, ports: list[str]) -> None:
    """Delete the ports, and the NICs with them. A missing one is no error."""
    _ip(lab, OUTSIDE, ["link del dev %s" % port for port in ports], force=True)


def _adjust(lab: Lab, uplinks: list[UnderlayLink]) -> None:
    _ip(lab, OUTSIDE, ["link set dev %s mtu %d up" % (uplink.port, uplink.host.mtu) for uplink in uplinks])
    for uplink in uplinks:
        # The user of the lab may have moved the NIC into a container and set another MTU.
        _ip(lab, uplink.host.name, ["link set dev %s mtu %d" % (uplink.nic, uplink.host.mtu)], force=True)


def _addresses(lab: Lab, host: Host, device: str) -> list[str]:
    lines = []
    if lab.subnet:
        lines.append("addr add %s/%s dev %s" % (host.address, lab.subnet.split("/")[1], device))
    if lab.subnet6:
        lines.append("addr add %s/%s dev %s nodad" % (host.address6, lab.subnet6.split("/")[1], device))
    return lines


def _ip(lab: Lab, name: str, lines: list[str], force: bool = False) -> None:
    """Run the lines of an `ip -batch` in the network of a host. force: continue after a line that fails, silently."""
    if lines:
        command = ["ip", *(["-force"] if force else []), "-batch", "-"]
        _in_network_of(lab, name, command, "".join(line + "\n" for line in lines), check=not force)


def _in_network_of(
    lab: Lab, name: str, command: list[str], text: str = "", check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a program of the machine in the network namespace of a host."""
    pid = _pid(lab, name)
    if pid is None:
        raise LabError("host %s ended while the lab was being changed; run again" % name)
    return _run(["nsenter", "--target", str(pid), "--net", "--", *command], text, check)


def _run(command: list[str], text: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    if check and result.returncode:
        raise LabError("%s: %s" % (" ".join(command), result.stderr.strip() or "exit status %d" % result.returncode))
    return result
