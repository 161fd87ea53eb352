# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restore the topology persisted under /var/lib/virtnet, or only compare it with the host (virtnet restore, check)."""

from __future__ import annotations

import sys
import time
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.engine.converge import converge
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Topology
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import namespaces
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import Stack
from ansible_collections.virtnet.linux.plugins.module_utils.persist import documents, merge
from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import abridge


def restore(wait: float, lock_timeout: float) -> list[Action[Any]]:
    """Bring back what is persisted and missing or differs, and return the actions; wait so many seconds for addresses
    of tunnels. Raises Unreadable, Refused, Locked, NetlinkError, FirewallError, OSError."""
    _wait_for_addresses(wait)
    return _converge(check=False, lock_timeout=lock_timeout)


def check(lock_timeout: float) -> list[Action[Any]]:
    """Return the actions that restore() would carry out. Raises as restore()."""
    return _converge(check=True, lock_timeout=lock_timeout)


def _converge(check: bool, lock_timeout: float) -> list[Action[Any]]:
    result = converge(_written_down, check=check, lock_timeout=lock_timeout)
    for warning in [*abridge(result.warnings), *_conflicts()]:
        sys.stderr.write("virtnet: " + warning + "\n")
    return result.actions


def _conflicts() -> list[str]:
    """Return messages on routes, rules, VRFs, packet marks and limits that conflict with networks."""
    from ansible_collections.virtnet.linux.plugins.module_utils.engine import health, routing

    host = Host()
    try:
        return [*health.changed_around(host), *routing.without_egress(host)]
    finally:
        host.release()


def _written_down() -> Topology:
    handles = namespaces.handles()
    document, lost = merge.without_missing(documents.read(), handles.__contains__)
    for line in lost:
        sys.stderr.write("virtnet: left out: " + line + "\n")
    return document


def _wait_for_addresses(seconds: float) -> None:
    """Wait until this host has the VTEP addresses of its tunnels; at boot they may be assigned later."""
    needed = {tunnel.local for tunnel in documents.read().vxlan_tunnel if tunnel.netns is None}
    deadline = time.monotonic() + seconds
    while needed and time.monotonic() < deadline:
        stack = Stack(None)
        held = {address.split("/")[0] for addresses in stack.addresses.values() for address in addresses}
        stack.release()
        if needed <= held:
            return
        time.sleep(0.1)
