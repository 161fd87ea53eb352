# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Networks that come back by themselves: the documents, the command virtnet and the unit that runs it at boot.

The command is this engine itself, packed into one file by the run that writes the first document; it goes with the
last one. It needs no Ansible, only the Python and the pyroute2 that the run has.
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

from ansible_collections.virtnet.linux.plugins.module_utils.engine.converge import Document
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.persist import command, documents
from ansible_collections.virtnet.linux.plugins.module_utils.system.files import DIRECTORY, File, difference

COMMAND = "/usr/local/sbin/virtnet"
UNIT = "/etc/systemd/system/virtnet-restore.service"
ENABLED = "/etc/systemd/system/multi-user.target.wants/virtnet-restore.service"

_PACKAGE = command.__name__.rsplit(".", 2)[0]  # module_utils
_IMPORT = re.compile(r"^ *from (%s[\w.]*) import (?:\(([^)]*)\)|(.*))$" % re.escape(_PACKAGE), re.MULTILINE)
_MAIN = f"import sys\nfrom {command.__name__} import main\nsys.exit(main(sys.argv[1:]))\n"
_ROLE = re.compile(r"[a-z][a-z0-9_]{0,31}\Z")
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same sources give the same file
_UNIT_TEXT = f"""\
[Unit]
Description=Bring back the networks of virtnet.linux
Documentation=https://github.com/ansible-collections/virtnet.linux
ConditionDirectoryNotEmpty={DIRECTORY}
# after those who write the firewall anew, before those who use networks
After=network-pre.target nftables.service firewalld.service ufw.service iptables.service
After=systemd-networkd.service NetworkManager.service networking.service
Before=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart={COMMAND} restore --wait 30

[Install]
WantedBy=multi-user.target
"""


def is_role(name: str) -> bool:
    """Whether it can be a role's name, and so a file's."""
    return bool(_ROLE.match(name))


def plan(role: str, persist: bool | None, document: Document) -> list[Action]:
    """What has to be written or removed so that the role's networks come back, or (persist False) do not any more.

    Where persist is not given, systemd decides: networks come back where it runs.
    """
    if persist is None:
        persist = os.path.isdir("/run/systemd/system")
    texts = documents.files(role, document if persist else None)
    wanted = {path: None if text is None else File(text.encode()) for path, text in texts.items()}
    left = {path for path in documents.paths() if path not in wanted} | {path for path in wanted if wanted[path]}
    if left or any(map(os.path.lexists, (COMMAND, UNIT, ENABLED))):
        wanted.update(_installation() if left else dict.fromkeys((ENABLED, UNIT, COMMAND)))
    return [action for path, file in wanted.items() for action in difference(path, file)]


def _installation() -> dict[str, File | None]:
    return {
        COMMAND: File(_packed(), 0o755),
        UNIT: File(_UNIT_TEXT.encode(), 0o644),
        ENABLED: File(mode=0, target=UNIT),  # what `systemctl enable` does, and without a systemd too
    }


def _packed() -> bytes:
    """The engine as a file that Python runs, made of the sources that this run came with: the same each time."""
    import zipfile  # here, for every start of a module would pay for it

    buffer = io.BytesIO()
    buffer.write(b"#!%s\n" % sys.executable.encode())
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, source in [("__main__.py", _MAIN.encode()), *sorted(_sources().items())]:
            archive.writestr(zipfile.ZipInfo(path, _EPOCH), source)
    return buffer.getvalue()


def _sources() -> dict[str, bytes]:
    """The source of the command and of all of the engine that it imports, by the path below the packages."""
    found: dict[str, bytes] = {}
    waiting = [command.__name__]
    while waiting:
        name = waiting.pop()
        spec = _spec(name)
        if spec is None:  # no module: something out of one
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
    """The modules of this engine that a source imports, at its top or in a function; with them names of what is no
    module."""
    for package, some, one in _IMPORT.findall(source):
        yield package
        for name in (some or one).replace("\n", "").split(","):
            yield package + "." + name.strip().split(" ")[0]


def _spec(name: str) -> ModuleSpec | None:
    parent = sys.modules.get(name.rpartition(".")[0])
    return importlib.util.find_spec(name) if hasattr(parent, "__path__") else None
