# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kernel limits that the existing endpoints exceed, or that were lowered since a run raised them: a warning each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.rules.names import limits_exceeded
from ansible_collections.virtnet.linux.plugins.module_utils.system import limits


def warnings(host: Host) -> Iterator[str]:
    """Yield warnings on exceeded and lowered limits, and on a nearly full conntrack table."""
    guards = host.firewall.state.guards.values()
    versions = Counter(6 if ":" in address else 4 for guard in guards for address in guard.addresses)
    yield from limits_exceeded(versions, Counter(guard.bridge for guard in guards), limits.read())
    lowered = [f"{key} is {now}, not {value}" for key, now, value in limits.lowered()]
    if lowered:
        yield (
            f"{limits.FILE}: {', '.join(lowered)}: lowered since the role prepare_host has raised them; run it again, "
            f"or `sysctl -p {limits.FILE}`"
        )
    count, most = limits.number("net.netfilter.nf_conntrack_count"), limits.number("net.netfilter.nf_conntrack_max")
    if count and most and count * 10 > most * 9:
        yield (
            f"{count} connections are tracked, and net.netfilter.nf_conntrack_max is {most}: beyond it new ones are "
            "dropped; raise it"
        )
