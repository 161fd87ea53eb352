# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Follow one packet through the chains of nftables, and say which rule drops it.

The rules that mark the packet (`meta nftrace set 1`) are in tables of their own for the time of the trace. What the
kernel reports of each rule that the packet matches comes by netlink (nft of Debian 12 prints it as text only):
NFT_MSG_TRACE, include/uapi/linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

from ansible_collections.virtnet.linux.plugins.module_utils.command import probe
from ansible_collections.virtnet.linux.plugins.module_utils.command.probe import Flow
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import attributes
from ansible_collections.virtnet.linux.plugins.module_utils.nft.firewall import FirewallError, binary

_NETLINK_NETFILTER, _SOL_NETLINK, _ADD_MEMBERSHIP = 12, 270, 1
_NFNLGRP_NFTRACE, _NFT_MSG_TRACE = 9, 10 << 8 | 17  # NFNL_SUBSYS_NFTABLES << 8 | message
_TABLE, _CHAIN, _HANDLE, _TYPE, _VERDICT, _ID, _LINK_HEADER, _POLICY = (
    1,
    2,
    3,
    4,
    5,
    6,
    7,
    16,
)  # enum nft_trace_attributes
_ARP = b"\x08\x06"
# a broadcast is flooded, and this rule drops the copy for the sender's own port
_OWN_COPY = "no broadcast returns to its sender"
_OF_POLICY, _OF_RULE = 1, 3  # enum nft_trace_types
_NF_DROP = 0
_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
_GENERIC = 4  # bytes of struct nfgenmsg
_QUIET_SECONDS = 0.2  # without a report after the answer
_PREFIX = "virtnet_trace_"  # before the PID
_FAMILIES = {1: "inet", 2: "ip", 7: "bridge", 10: "ip6"}  # NFPROTO_*


class Found(NamedTuple):
    """What became of the packet; ``table``, ``chain`` and ``rule`` are those that dropped it."""

    sentence: str
    is_dropped: bool
    outcome: str  # answered, refused, no answer, or an error of sending
    table: str | None = None
    chain: str | None = None
    rule: str | None = None


class _Step(NamedTuple):
    family: str
    table: str
    chain: str
    handle: int | None
    is_policy: bool
    is_drop: bool
    packet: int | None
    link_header: bytes


def follow(flow: Flow) -> Found:
    """Send the flow's first packet and follow it. Raises FirewallError, OSError."""
    table = "%s%d" % (_PREFIX, os.getpid())
    _remove_stale()
    with _ending(), _listening() as listener:
        try:
            _nft("-f", "-", text=_marking(table, flow))
            outcome = probe.send(flow)
            steps = list(_steps(listener))
        finally:
            _remove(table)
    steps = [step for step in steps if step.table != table]
    requests = {step.packet for step in steps if step.link_header[12:14] == _ARP}
    own = [step for step in steps if step.packet not in requests]
    # without an answer to its ARP request the container sends nothing
    steps = own or [step for step in steps if outcome not in (probe.ANSWERED, "refused")]
    for step in steps:
        if step.is_drop:
            rule = "its policy" if step.is_policy else _rule(step)
            if own or not rule.startswith(_OWN_COPY):
                return _dropped(flow, step, rule, outcome)
    if not steps:
        return Found("%s: %s; no packet of it reached a chain of this host" % (flow, outcome), False, outcome)
    last = steps[-1]
    where = "%s %s, chain %s" % (last.family, last.table, last.chain)
    return Found("%s: no rule drops it; %s (the last chain: table %s)" % (flow, _words(outcome), where), False, outcome)


def _dropped(flow: Flow, step: _Step, rule: str, outcome: str) -> Found:
    sentence = "%s: dropped in table %s %s, chain %s: %s" % (flow, step.family, step.table, step.chain, rule)
    return Found(sentence, True, outcome, "%s %s" % (step.family, step.table), step.chain, rule)


def _words(outcome: str) -> str:
    return {
        probe.ANSWERED: "it is answered",
        "refused": "the destination refuses it: nothing listens there",
        "no answer": "but no answer came",
    }.get(outcome, outcome)


def _marking(table: str, flow: Flow) -> str:
    """Return the tables that mark the container's packets to the destination, as they enter by its bridge ports and, on
    switches that the bridge family does not see, by their source."""
    family = "ip6" if ":" in flow.destination else "ip"
    match = "%s daddr %s" % (family, flow.destination)
    if flow.port is not None:
        match += " %s dport %d" % (flow.protocol, flow.port)
    ports = "iifname { %s }" % ", ".join('"%s"' % link for link in flow.links)
    marks = ["%s %s meta nftrace set 1" % (ports, match)]
    if family == "ip":
        marks.append("%s arp daddr ip %s meta nftrace set 1" % (ports, flow.destination))
    chain = "{ chain marking { type filter hook prerouting priority -400; %s; }; }"
    by_source = "%s saddr %s %s meta nftrace set 1" % (family, flow.source, match)
    tables = (("bridge", "; ".join(marks)), ("inet", by_source))
    return "".join("table %s %s %s\n" % (name, table, chain % rules) for name, rules in tables)


@contextlib.contextmanager
def _ending() -> Iterator[None]:
    """Let SIGTERM and SIGHUP (the end of an SSH session) end the with block by SystemExit, and so through finally."""

    def leave(number: int, _frame: object) -> NoReturn:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _remove_stale() -> None:
    """Remove the tables of traces that were killed."""
    for one in json.loads(_nft("-j", "list", "tables"))["nftables"]:
        name = one.get("table", {}).get("name", "")
        pid = name[len(_PREFIX) :]
        if name.startswith(_PREFIX) and pid.isdigit() and not os.path.exists("/proc/" + pid):
            _remove(name)


def _remove(table: str) -> None:
    """Remove a trace's tables, whether they exist or not."""
    lines = ("%s table %s %s\n" % (verb, family, table) for family in ("inet", "bridge") for verb in ("add", "delete"))
    _nft("-f", "-", text="".join(lines))


@contextlib.contextmanager
def _listening() -> Iterator[socket.socket]:
    with contextlib.closing(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)) as opened:
        opened.bind((0, 0))
        opened.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, _NFNLGRP_NFTRACE)
        yield opened


def _steps(listener: socket.socket) -> Iterator[_Step]:
    """Yield what the kernel has reported, until it reports nothing more."""
    deadline = time.monotonic() + 10 * _QUIET_SECONDS
    while time.monotonic() < deadline and select.select([listener], [], [], _QUIET_SECONDS)[0]:
        data = listener.recv(1 << 16)
        while len(data) >= _HEADER.size:
            length, kind, _flags, _sequence, _port = _HEADER.unpack_from(data)
            if length < _HEADER.size:
                break
            if kind == _NFT_MSG_TRACE:
                yield _step(data[_HEADER.size + _GENERIC : length], data[_HEADER.size])
            data = data[(length + 3) & ~3 :]


def _step(payload: bytes, family: int) -> _Step:
    held = attributes(payload)
    kind = _number(held.get(_TYPE))
    verdict = attributes(held[_VERDICT]) if _VERDICT in held else {}
    code = _number(held.get(_POLICY)) if kind == _OF_POLICY else _number(verdict.get(1))
    return _Step(
        family=_FAMILIES.get(family, str(family)),
        table=_text(held.get(_TABLE)),
        chain=_text(held.get(_CHAIN)),
        handle=_number(held.get(_HANDLE)) if kind == _OF_RULE else None,
        is_policy=kind == _OF_POLICY,
        is_drop=kind in (_OF_POLICY, _OF_RULE) and code == _NF_DROP,
        packet=_number(held.get(_ID)),
        link_header=bytes(held.get(_LINK_HEADER, b"")),
    )


def _rule(step: _Step) -> str:
    """Return the comment of a rule, else its handle."""
    listing = json.loads(_nft("-j", "-a", "list", "chain", step.family, step.table, step.chain))
    rules: list[dict[str, Any]] = [one["rule"] for one in listing["nftables"] if "rule" in one]
    found = next((one for one in rules if one.get("handle") == step.handle), {})
    return str(found.get("comment") or "rule with handle %s" % step.handle)


def _number(value: bytes | None) -> int | None:
    return None if value is None else int.from_bytes(value, "big")


def _text(value: bytes | None) -> str:
    return "" if value is None else bytes(value).split(b"\0")[0].decode(errors="replace")


def _nft(*words: str, text: str = "") -> str:
    # in a session of its own: an interrupt from the terminal must not end the removal of tables
    done = subprocess.run(
        [binary(), *words], input=text, capture_output=True, text=True, check=False, start_new_session=True
    )
    if done.returncode:
        raise FirewallError("nft: " + done.stderr.strip())
    return done.stdout
