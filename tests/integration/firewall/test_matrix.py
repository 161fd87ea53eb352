# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reachability matrix with real packets: IPv4 and IPv6, with br_netfilter off and on."""

from __future__ import annotations

import pytest
from integration.firewall import lab as kit
from integration.firewall.matrix import PING, ROWS, Row

VERSIONS = pytest.mark.parametrize("version", [4, 6])
ANYTHING = "an answer"
CALLS = pytest.mark.parametrize("call_iptables", [0, 1])


def expected(row: Row, version: int, call_iptables: int) -> str | None:
    # the answer is translated back inside the bridge and enters IPv6 input for ::1 by a device that is not lo
    if version == 6 and row.to == "lo" and row.group == "publish" and call_iptables:
        return None
    answer, _as, client = row.answer.partition(" as ")
    return (answer + " " + kit.ADDRESSES[client][version == 6] if client else answer) or None


def tries(row: Row) -> tuple[str, ...]:
    return ("icmp",) if row.port == PING else ("tcp", "udp")


def surprises(lab: kit.Lab, rows: list[tuple[Row, str | None]], version: int) -> str:
    """The rows with another result than expected, a line each."""
    asked = [(row, protocol, answer) for row, answer in rows for protocol in tries(row)]
    questions = [
        (row.client, kit.question(protocol, kit.ADDRESSES[row.to][version == 6], row.port, answer is not None))
        for row, protocol, answer in asked
    ]
    return "\n".join(
        "%s: %s (%s, IPv%d): expected %s, got %s" % (row.group, row.way, protocol, version, answer, got)
        for (row, protocol, answer), got in zip(asked, lab.probe(questions), strict=True)
        if not fits(got, answer)
    )


def fits(got: str | None, answer: str | None) -> bool:
    nothing = got is None or got.startswith("!")  # silence, or an error
    return nothing if answer is None else not nothing and answer in (got, ANYTHING)


@VERSIONS
@CALLS
def test_reachability_matrix(lab, version, call_iptables):
    lab.call_iptables(call_iptables)
    lab.load(kit.full_state())

    rows = [(row, expected(row, version, call_iptables)) for row in ROWS]

    assert surprises(lab, rows, version) == ""


@VERSIONS
def test_without_the_rules_blocked_paths_are_open(lab, version):
    """The control: without the rules the blocked rows are reachable."""
    lab.load(kit.State())

    rows = [(row, ANYTHING) for row in ROWS if row.open_without]

    assert surprises(lab, rows, version) == ""
