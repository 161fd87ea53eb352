# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The privileges and kernel features that a run needs on its host, checked before anything is changed."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.engine import gateway
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.kinds import netns
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Bridge, Netns, Veth, VxlanTunnel
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages, namespaces, open_files
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import NetlinkError, Request, Socket
from ansible_collections.virtnet.linux.plugins.module_utils.system import sysctls

_CAPABILITIES = {12: "CAP_NET_ADMIN", 21: "CAP_SYS_ADMIN"}  # include/uapi/linux/capability.h
_LINKS = {Bridge.KIND: "bridge", Veth.KIND: "veth", VxlanTunnel.KIND: "vxlan"}  # the kernel's link kinds
_SYSCTLS = "/proc/sys/net/ipv4/ip_forward"


def lacking() -> str | None:
    """Return a message on the capabilities that this process lacks to read and change networks; None if it has them."""
    if os.geteuid() != 0:
        return "networks are changed and read as root: run this with become: true, or connect as root"
    held = _capabilities()
    missing = [name for number, name in _CAPABILITIES.items() if not held >> number & 1]
    if missing:
        return (
            "this process is root, but lacks %s: in a container, give it these capabilities, or run this on its host"
            % " and ".join(missing)
        )
    return open_files.lacking()


def obstacles(actions: Iterable[Action[Any]], host: Host) -> list[str]:
    """Return a message for each reason why these actions would fail on this host."""
    found = []
    writers = sorted({f"{action.kind} {action.name}" for action in actions if _sets_sysctls(action)})
    if writers and not os.access(_SYSCTLS, os.W_OK):
        found.append(
            f"/proc/sys/net cannot be written (mounted read-only, as in a container?), and {writers[0]} needs it: "
            "mount it read-write, or run this on the host itself"
        )
    elif writers:
        found += _refused_sysctls(actions)
    making = {action.kind for action in actions if action.verb in ("create", "replace")} & set(_LINKS)
    existing = {link.kind for link in host.stack(None).links.values()}
    for kind in sorted(_LINKS[kind] for kind in making):
        if kind not in existing and not makes(kind):
            found.append(
                f"this host's kernel cannot make links of kind {kind}: load or install its module {kind} "
                "(Debian: linux-image-amd64 instead of a cloud kernel)"
            )
    return found


def _refused_sysctls(actions: Iterable[Action[Any]]) -> list[str]:
    """Return a message for each sysctl value that the kernel rejects; tried in a temporary namespace."""
    asked = [
        (action, key, value)
        for action in actions
        if action.kind == Netns.KIND and action.verb != "delete"
        for key, value in netns.sysctls_of(action.desired).items()
    ]
    if not asked:
        return []
    with namespaces.scratch("probing sysctl values"):
        refusals = {pair: sysctls.refusal(*pair) for pair in {(key, value) for _action, key, value in asked}}
    found = []
    for action, key, value in asked:
        why = refusals[key, value]
        if why is not None and (why != sysctls.NOT_PER_NAMESPACE or action.desired.join != netns.HOST):
            found.append(f"netns {action.name}: sysctls: {key}: '{value}': {why}")
    return found


def makes(kind: str) -> bool:
    """Return whether the kernel supports links of that kind; tried in a temporary namespace."""
    with namespaces.scratch("probing links of kind " + kind):
        socket = Socket()
        try:
            socket.send([Request(messages.create_link("probe", kind, [], []), kind)])
        except NetlinkError as error:  # any other error: the kind exists, and required attributes are missing
            return error.code != errno.EOPNOTSUPP
        finally:
            socket.close()
    return True


def _sets_sysctls(action: Action[Any]) -> bool:
    if action.verb == "delete":
        return False
    if action.kind == Netns.KIND:
        return action.desired.forwarding is not None or bool(action.desired.sysctls)
    return action.kind in (gateway.SYSCTL, Bridge.KIND, VxlanTunnel.KIND)


def _capabilities() -> int:
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        return next(int(line.split()[1], 16) for line in file if line.startswith("CapEff:"))
