# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long the command virtnet stays on a host: until nothing of the collection is left there. Whatever run deletes the
last object deletes the command; a role's run installs it (persist/persistence.py)."""

from __future__ import annotations

import os
import stat

from ansible_collections.virtnet.linux.plugins.module_utils.facts import ownership
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.system import files, regular

COMMAND = "/usr/local/sbin/virtnet"

_HEAD = 1024  # bytes that hold the first line and __main__.py, which are not compressed
_MARK = b"ansible_collections.virtnet.linux."


def deletion(host: Host) -> list[Action[files.File | None]]:
    """Return the action that deletes the command, if this run leaves nothing of the collection on the host."""
    if not is_installed() or os.path.lexists(files.DIRECTORY) or is_in_use(host):
        return []
    return files.difference(COMMAND, None)


def is_in_use(host: Host) -> bool:
    """Return whether a managed link or namespace will be on the host after this run."""
    if host.namespaces_to_create or host.links_to_create:
        return True
    if any(ownership.is_managed(host, name) for name in host.handles.keys() - host.namespaces_to_delete):
        return True
    ends = ownership.host_ends(host, host.namespaces_to_delete)
    to_delete = host.links_to_delete.union((None, name) for name in ends)
    return any(link.ours and (None, link.name) not in to_delete for link in host.stack(None).links.values())


def is_installed() -> bool:
    """Return whether the command is there; a foreign program of that name is not it."""
    return _MARK in _head()


def is_installable() -> bool:
    """Return whether the command can be written: its directory may be missing or read-only, as on an immutable system,
    and a foreign program may have its name."""
    return os.access(os.path.dirname(COMMAND), os.W_OK) and (not os.path.lexists(COMMAND) or is_installed())


def content() -> bytes:
    """Return the installed command; nothing where it is not there, or others than root could have written it."""
    try:
        status = os.lstat(COMMAND)
        if status.st_uid or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or not is_installed():
            return b""
        return regular.read(COMMAND)
    except OSError:
        return b""


def _head() -> bytes:
    try:
        return regular.read(COMMAND, size=_HEAD)
    except OSError:
        return b""
