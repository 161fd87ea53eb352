# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command virtnet: restore the topology persisted under /var/lib/virtnet, or only compare it with the host."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from ansible_collections.virtnet.linux.plugins.module_utils.engine import privileges
from ansible_collections.virtnet.linux.plugins.module_utils.engine.converge import Refused, converge
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Topology
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages, namespaces
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import NetlinkError
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import Stack
from ansible_collections.virtnet.linux.plugins.module_utils.nft.firewall import FirewallError
from ansible_collections.virtnet.linux.plugins.module_utils.persist import documents, merge
from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import abridge
from ansible_collections.virtnet.linux.plugins.module_utils.system.files import Unreadable
from ansible_collections.virtnet.linux.plugins.module_utils.system.runtime_state import Locked

if TYPE_CHECKING:
    import argparse

_RIGHT, _DRIFT, _ERROR = 0, 1, 2


def main(arguments: list[str]) -> int:
    """Run the command line; return the exit status: 0 on success, 1 if check found a difference, 2 on errors."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except (Unreadable, Refused, Locked, NetlinkError, FirewallError, OSError) as error:
        sys.stderr.write("virtnet: %s\n" % error)
        return _ERROR


def _parser() -> argparse.ArgumentParser:
    import argparse  # imported here: otherwise each start of a module that persists would load it

    parser = argparse.ArgumentParser(
        prog="virtnet", description="The networks that Ansible's virtnet.linux made on this host."
    )
    parser.add_argument(
        "command",
        choices=["restore", "check"],
        help="restore: bring back what is missing or differs, and touch nothing else; "
        "check: only list what restore would do, and exit with status 1 if that is anything",
    )
    parser.add_argument(
        "--wait",
        type=float,
        default=0,
        metavar="SECONDS",
        help="how long restore waits for this host's own addresses that tunnels need (default: not at all)",
    )
    parser.add_argument(
        "--lock-timeout",
        type=float,
        default=60,
        metavar="SECONDS",
        help="how long to wait for another run (default: 60)",
    )
    return parser


def _run(options: argparse.Namespace) -> int:
    lacking = privileges.lacking()
    if lacking is None and messages.PYROUTE2_MISSING is not None:
        lacking = f"pyroute2 is missing for {sys.executable}: {messages.PYROUTE2_MISSING}"
    if lacking is not None:
        sys.stderr.write("virtnet: " + lacking + "\n")
        return _ERROR
    checks = options.command == "check"
    if not checks:
        _wait_for_addresses(options.wait)
    result = converge(_written_down, check=checks, lock_timeout=options.lock_timeout)
    for warning in [*abridge(result.warnings), *_conflicts()]:
        sys.stderr.write("virtnet: " + warning + "\n")
    for action in result.actions:
        sys.stdout.write(action.line() + "\n")
    return _DRIFT if checks and result.actions else _RIGHT


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
