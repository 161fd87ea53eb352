# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a lab: its inventory, which also records what was declared, and what SSH needs."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.lab import scripts
from ansible_collections.virtnet.linux.plugins.module_utils.lab.process import LabError
from ansible_collections.virtnet.linux.plugins.module_utils.lab.settings import Host, Lab

INVENTORY = "inventory.json"  # JSON is YAML: Ansible's yaml inventory plugin accepts the suffix too
KNOWN_HOSTS = "known_hosts"
SSH_CONFIG = "ssh_config"
LAB_SCRIPT = "lab.sh"
HOST_SCRIPT = "host.sh"
ENTER = "enter"
KEY = "id_ed25519"
HOST_KEY = "ssh_host_ed25519_key"


def host_directory(lab: Lab, name: str) -> Path:
    """Return the directory of the host's key, log and PID."""
    return lab.directory / "hosts" / name


def outdated(lab: Lab) -> list[str]:
    """Return the names of files that differ from their desired content, the inventory first; without known_hosts."""
    names = (INVENTORY, LAB_SCRIPT, HOST_SCRIPT, ENTER, SSH_CONFIG)
    return [name for name in names if _read(lab.directory / name) != _text(lab, name)]


def known_hosts_outdated(lab: Lab) -> bool:
    """Return whether known_hosts differs from its desired content, as when a key is still to be created."""
    return bool(missing_keys(lab)) or _read(lab.directory / KNOWN_HOSTS) != _known_hosts(lab)


def write(lab: Lab, name: str) -> None:
    """Write one of the files, atomically."""
    path = lab.directory / name
    draft = path.with_name(name + ".new")
    draft.write_text(_text(lab, name))
    draft.chmod(0o755 if name == ENTER else 0o644)
    draft.replace(path)


def missing_keys(lab: Lab) -> list[Path]:
    """Return the keys to be created: the one that opens the hosts, and each host's own."""
    keys = [lab.directory / KEY] + [host_directory(lab, host.name) / HOST_KEY for host in lab.all_hosts()]
    return [key for key in keys if not _read(key.with_name(key.name + ".pub"))]  # empty where ssh-keygen was killed


def make_keys(keys: list[Path]) -> None:
    """Create the keys, in parallel. ssh-keygen writes the public half last."""
    makers = []
    for key in keys:
        key.parent.mkdir(parents=True, exist_ok=True)
        key.unlink(missing_ok=True)
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "virtnet-lab", "-f", str(key)]
        makers.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
    for maker in makers:
        error = maker.communicate()[1]
        if maker.returncode:
            raise LabError("ssh-keygen: " + error.strip())


def remove(directory: Path) -> None:
    """Delete the lab's directory, the inventory last: what a killed run leaves is still recognised as a lab's, and
    deleted by the next one."""
    for entry in directory.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != INVENTORY:
            entry.unlink()
    (directory / INVENTORY).unlink(missing_ok=True)
    directory.rmdir()


def refuse_foreign(directory: Path) -> None:
    """Raise LabError where the directory exists and is not a lab's: a lab's first file is its inventory."""
    if not os.path.lexists(directory):
        return
    refuse_shared(directory)
    found = set(os.listdir(directory))
    if INVENTORY not in found and found - {INVENTORY + ".new"}:
        raise LabError("directory: '%s': is not empty and no lab's: choose another, or empty it" % directory)


def refuse_shared(directory: Path) -> None:
    """Raise LabError where another user could write in the directory: root trusts its content and symlinks."""
    status = os.lstat(directory)
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & 0o022:
        raise LabError(
            "directory: '%s': must be a directory that user %d owns and no other user can write in: choose another, or "
            "remove it, and it is made" % (directory, os.geteuid())
        )


def remembered(directory: Path) -> Lab | None:
    """Return the lab recorded in its inventory, None where there is none."""
    text = _read(directory / INVENTORY)
    if text is None:
        return None
    try:
        groups = json.loads(text)
        hosts = [_host(*item) for item in groups["lab"]["hosts"].items()]
        ((name, variables),) = groups["lab_outside"]["hosts"].items()
        return Lab(
            name=variables["lab_name"],
            directory=directory,
            subnet=variables["lab_subnet"],
            subnet6=variables["lab_subnet6"],
            python_interpreter=variables["ansible_python_interpreter"],
            outside=_host(name, variables),
            hosts=tuple(hosts),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LabError("%s is not a lab's inventory (%r): remove it" % (directory / INVENTORY, error)) from error


def _text(lab: Lab, name: str) -> str:
    if name == INVENTORY:
        return _inventory(lab)
    if name == SSH_CONFIG:
        return _ssh_config(lab)
    if name == KNOWN_HOSTS:
        return _known_hosts(lab)
    return {LAB_SCRIPT: scripts.LAB, HOST_SCRIPT: scripts.HOST, ENTER: scripts.ENTER}[name]


def _inventory(lab: Lab) -> str:
    groups = {
        "lab": {"hosts": {host.name: _variables(lab, host) for host in lab.hosts}},
        "lab_outside": {"hosts": {lab.outside.name: _variables(lab, lab.outside)}},
    }
    return json.dumps(groups, indent=2) + "\n"


def _variables(lab: Lab, host: Host) -> dict[str, Any]:
    """Return a host's variables. They are set on the host, not on its group, so that two labs' inventories merge."""
    facts = {"lab_" + key: value for key, value in dataclasses.asdict(host).items() if key != "name"}
    return {
        "ansible_host": _ssh_name(lab, host),
        "ansible_user": "root",
        "ansible_ssh_private_key_file": str(lab.directory / KEY),
        "ansible_ssh_common_args": "-F %s" % (lab.directory / SSH_CONFIG),
        "ansible_pipelining": True,
        "ansible_python_interpreter": lab.python_interpreter,
        "lab_name": lab.name,
        "lab_subnet": lab.subnet,
        "lab_subnet6": lab.subnet6,
        "lab_outside_address": lab.outside.address,
        "lab_outside_address6": lab.outside.address6,
        **facts,
    }


def _host(name: str, variables: dict[str, Any]) -> Host:
    return Host(
        name=name,
        address=variables["lab_address"],
        address6=variables["lab_address6"],
        mtu=variables["lab_mtu"],
        uplinks=variables["lab_uplinks"],
    )


def _ssh_name(lab: Lab, host: Host) -> str:
    """Return the host's name for SSH, with the lab's name in it: Ansible names its connections' sockets by it."""
    return "%s.%s" % (host.name, lab.name)


def _ssh_config(lab: Lab) -> str:
    return "".join(
        "Host %s\n"
        "    HostKeyAlias %s\n"
        "    ProxyCommand %s/%s %s /usr/sbin/sshd -i -f /run/lab/sshd_config\n"
        % (" ".join(_names(lab, host)), _ssh_name(lab, host), lab.directory, ENTER, host.name)
        for host in lab.all_hosts()
    ) + (
        "Host *\n"
        "    User root\n"
        "    IdentityFile {0}/{1}\n"
        "    IdentitiesOnly yes\n"
        "    StrictHostKeyChecking yes\n"
        "    UserKnownHostsFile {0}/{2}\n"
        "    GlobalKnownHostsFile none\n"
    ).format(lab.directory, KEY, KNOWN_HOSTS)


def _names(lab: Lab, host: Host) -> list[str]:
    return [name for name in (host.name, _ssh_name(lab, host), host.address, host.address6) if name]


def _known_hosts(lab: Lab) -> str:
    lines = []
    for host in lab.all_hosts():
        kind, key = (host_directory(lab, host.name) / (HOST_KEY + ".pub")).read_text().split()[:2]
        lines.append("%s %s %s\n" % (",".join(_names(lab, host)), kind, key))
    return "".join(lines)


def _read(path: Path) -> str | None:
    try:
        return os.fsdecode(path.read_bytes())
    except FileNotFoundError:
        return None
