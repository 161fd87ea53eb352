# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a role's run writes on the host's disk: the documents of networks that survive a reboot, the systemd unit that
restores them, and the command virtnet.

The command is this engine, packed into one file (archive.py). It needs no Ansible, only the Python and the pyroute2 of
the run.
"""

from __future__ import annotations

import os
import re
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.engine import command_file
from ansible_collections.virtnet.linux.plugins.module_utils.engine.command_file import COMMAND
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Topology
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages
from ansible_collections.virtnet.linux.plugins.module_utils.persist import documents
from ansible_collections.virtnet.linux.plugins.module_utils.system.files import DIRECTORY, File, difference

KEPT = "/var/lib/virtnet/command"  # says that the command stays on a host without networks
UNIT = "/etc/systemd/system/virtnet-restore.service"
ENABLED = "/etc/systemd/system/multi-user.target.wants/virtnet-restore.service"

_ROLE = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_UNIT_TEXT = f"""\
[Unit]
Description=Bring back the networks of virtnet.linux
Documentation=https://github.com/ansible-collections/virtnet.linux
ConditionDirectoryNotEmpty={DIRECTORY}
# after those who write the firewall anew, before those who use networks
After=network-pre.target nftables.service firewalld.service ufw.service iptables.service
After=systemd-networkd.service NetworkManager.service networking.service
# with Open vSwitch: its switches need their flows again after each start of ovs-vswitchd
After=openvswitch-switch.service openvswitch.service ovs-vswitchd.service
PartOf=ovs-vswitchd.service
Before=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={COMMAND} restore --wait 30

[Install]
WantedBy=multi-user.target
"""


def is_role(name: str) -> bool:
    """Return whether the name is valid for a role, and so for a file."""
    return bool(_ROLE.match(name))


def plan(role: str, persist: bool | None, document: Topology, host: Host) -> list[Action[Any]]:
    """Return the files to be written or deleted so that the role's networks survive a reboot, or (persist False) no
    longer do, and so that the host has the command as long as anything of the collection is there.

    If persist is None they survive where systemd runs.
    """
    if persist is None:
        persist = os.path.isdir("/run/systemd/system")
    texts = documents.files(role, document if persist else None)
    desired = {path: None if text is None else File(text.encode()) for path, text in texts.items()}
    left = {path for path in documents.paths() if path not in desired} | {path for path in desired if desired[path]}
    if left:
        desired.update(_installation())
    else:
        desired.update(dict.fromkeys((ENABLED, UNIT)))
        if os.path.lexists(KEPT) or command_file.is_in_use(host):
            desired.update({COMMAND: _command()} if command_file.is_installable() else {})
        elif command_file.is_installed():
            desired[COMMAND] = None
    return [action for path, file in desired.items() for action in difference(path, file)]


def plan_command(present: bool) -> list[Action[Any]]:
    """Return the files to be written or deleted so that the host has the command without networks, too, or has it only
    as long as there are some."""
    desired: dict[str, File | None] = {KEPT: File(b"") if present else None}
    if present:
        desired[COMMAND] = _command()
    elif not documents.paths() and not _is_in_use():
        desired[COMMAND] = None
    return [action for path, file in desired.items() for action in difference(path, file)]


def _is_in_use() -> bool:
    if messages.PYROUTE2_MISSING is not None:
        return False
    host = Host()
    try:
        return command_file.is_in_use(host)
    finally:
        host.release()


def _installation() -> dict[str, File | None]:
    return {
        COMMAND: _command(),
        UNIT: File(_UNIT_TEXT.encode(), 0o644),
        ENABLED: File(mode=0, target=UNIT),  # as by `systemctl enable`, also without systemd
    }


def _command() -> File:
    from ansible_collections.virtnet.linux.plugins.module_utils.persist import archive  # zipfile, at no other start

    return File(archive.packed(COMMAND, command_file.content()), 0o755)
