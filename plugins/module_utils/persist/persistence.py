# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a role's run writes on the host's disk: the documents of networks that survive a reboot, the systemd unit that
restores them, and the command virtnet.

The command is this engine, packed into one file. It needs no Ansible, only the Python and the pyroute2 of the run.
"""

from __future__ import annotations

import importlib.util
import io
import os
import re
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
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

_PACKAGE = documents.__name__.rsplit(".", 2)[0]  # module_utils
_ENTRY = _PACKAGE + ".command.main"
_IMPORT = re.compile(r"^ *from (%s[\w.]*) import (?:\(([^)]*)\)|(.*))$" % re.escape(_PACKAGE), re.MULTILINE)
_ONCE = _PACKAGE + ".ansible.zipped"  # halves the time that the command needs to start
_MAIN = f"""\
import sys
from {_ONCE} import read_once
read_once()
from {_ENTRY} import main
sys.exit(main(sys.argv[1:]))
"""
_ROLE = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # fixed, so that the same sources give the same file
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
    return File(_packed(), 0o755)


def _packed() -> bytes:
    """Return the engine as a zipapp of the sources of this run; reproducible."""
    import zipfile  # imported here: otherwise each start of a module would load it

    buffer = io.BytesIO()
    buffer.write(b"#!%s\n" % sys.executable.encode())
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, source in [("__main__.py", _MAIN.encode()), *sorted(_sources().items())]:
            archive.writestr(zipfile.ZipInfo(path, _EPOCH), source)
    return buffer.getvalue()


def _sources() -> dict[str, bytes]:
    """Return the sources of the command and of the modules that it imports, by path below the packages."""
    found: dict[str, bytes] = {}
    waiting = [_ENTRY, _ONCE]
    while waiting:
        name = waiting.pop()
        spec = _spec(name)
        if spec is None:  # not a module, but a name in one
            continue
        path = name.replace(".", "/") + (".py" if spec.submodule_search_locations is None else "/__init__.py")
        if path in found:
            continue
        loader: Any = spec.loader
        source = loader.get_source(name) or ""
        found[path] = source.encode()
        waiting += _imports(source)
    for path in list(found):  # the packages above each file; those not imported by name have nothing of their own
        folders = path.split("/")[:-1]
        for end in range(1, len(folders) + 1):
            found.setdefault("/".join([*folders[:end], "__init__.py"]), b"")
    return found


def _imports(source: str) -> Iterator[str]:
    """Yield the modules of this engine that a source imports, in functions too; also names that are not modules."""
    for package, some, one in _IMPORT.findall(source):
        yield package
        for name in (some or one).replace("\n", "").split(","):
            yield package + "." + name.strip().split(" ")[0]


def _spec(name: str) -> ModuleSpec | None:
    above = name.rpartition(".")[0]
    parent = sys.modules.get(above) or (importlib.import_module(above) if _spec(above) is not None else None)
    return importlib.util.find_spec(name) if hasattr(parent, "__path__") else None
