# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's firewall as far as it is ours: two nftables tables, `inet virtnet` and `bridge virtnet`.

Listing and read() say what they hold, transaction() how to get from there to what they should hold, apply() does it.
The rules are in ruleset.py, what they hold in firewall_state.py, how elements hold it in firewall_elements.py, and how
nft says them in firewall_listing.py.

nft is spoken to in its own text (1.0.6 cannot read its own JSON of a map with concatenated data) and read as JSON.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import struct
import subprocess
from collections.abc import Iterable, Iterator
from typing import IO, Any

from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import State
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import NetlinkError, Socket
from ansible_collections.virtnet.linux.plugins.module_utils.nft import ruleset
from ansible_collections.virtnet.linux.plugins.module_utils.nft.elements import bridge_of, elements, parse
from ansible_collections.virtnet.linux.plugins.module_utils.nft.listing import (
    Elements,
    Values,
    decode,
    others_sets,
)
from ansible_collections.virtnet.linux.plugins.module_utils.system import programs

_NETLINK_NETFILTER = 12
_GET_GENERATION = struct.pack("=IHHIIBBH", 20, 0xA10, 1, 0, 0, 0, 0, 0)  # NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN
_LIST = ("-j", "-p", "list", "table")  # without -p nft reads /etc/protocols once for each published port
_OUR_TABLES = "the tables " + ruleset.TABLE
_MESSAGE_BYTES = 2000  # of nft's: it goes on about every line after a first mistake


class FirewallError(Exception):
    """nft is missing, or refused; the text is for people and has nft's own words."""


@contextlib.contextmanager
def understood(what: str) -> Iterator[None]:
    """For what reads nft's listings: FirewallError where they are not of the form that it knows."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise FirewallError(
            "nft lists %s in a form that is not known here (%.100r): take another version of nft, or remove what it "
            "lists so (nft -a list ruleset)" % (what, error)
        ) from error


class Live:
    """Our tables as they are: what they hold, which exist, and what is not as ruleset.py has it (see drift()); and the
    families in which a table of our name is somebody else's."""

    def __init__(
        self,
        elements: Elements,
        families: Iterable[str] = (),
        drift: Iterable[str] = (),
        others: Iterable[str] = (),
    ) -> None:
        self.elements = elements
        self.families = frozenset(families)
        self.others = frozenset(others)
        self.drift = tuple(drift)
        self.intact = self.families - {line.split(" ", 2)[1] for line in self.drift}

    @functools.cached_property
    def state(self) -> State:
        """What they hold, in words."""
        with understood(_OUR_TABLES):
            return parse(self.elements)


def drift(family: str, listing: list[dict[str, Any]]) -> list[str]:
    """What is not as ruleset.py has it in a table's chains and sets: "table inet virtnet: ...", a line each."""
    wanted = ruleset.chains(family)
    hooks = {item["chain"]["name"]: _hook(item["chain"]) for item in listing if "chain" in item}
    comments: dict[str, list[str | None]] = {name: [] for name in hooks}
    for item in listing:
        if "rule" in item:
            comments[item["rule"]["chain"]].append(item["rule"].get("comment"))
    sets = {(item.get("set") or item.get("map") or {}).get("name") for item in listing} - {None}
    found = ["set %s is missing" % name for name in sorted(set(ruleset.fields(family)) - sets)]
    found += ["set %s is of another type" % name for name in sorted(others_sets(family, listing))]
    if any(item.get("table", {}).get("flags") for item in listing):
        found.append("it is dormant")  # no packet meets it
    found += ["chain %s is not ours" % name for name in sorted(set(hooks) - set(wanted))]
    found += ["chain %s is missing" % name for name in sorted(set(wanted) - set(hooks))]
    for name in sorted(set(wanted) & set(hooks)):
        if (hooks[name], comments[name]) != wanted[name]:
            found.append("chain %s has other rules" % name)
    return ["table %s %s: %s" % (family, ruleset.TABLE, line) for line in found]


def transaction(live: Live, wanted: State) -> str:
    """The nft text that brings our tables to the wanted state, all or nothing; empty where they are there already.

    A table whose rules are not as they should be is made anew with all its elements, in the same transaction: no packet
    meets anything in between, and connections that stand go on. Raises ValueError as elements() does, and where a table
    is somebody else's.
    """
    held = elements(wanted, live.state)
    if any(held.values()) and live.others:
        raise ValueError("\n".join(_not_ours(family) for family in sorted(live.others)))
    if not any(held.values()):
        return "".join("delete table %s %s\n" % (family, ruleset.TABLE) for family in sorted(live.families))
    parts: list[str] = []
    for family in ruleset.FAMILIES:
        if family not in live.intact:
            name = "%s %s" % (family, ruleset.TABLE)
            # the first line makes a missing table, which the second could not delete
            parts.append("table %s\ndelete table %s\n%s" % (name, name, ruleset.TEXT[family]))
    changes = [_change(live, key, values) for key, values in held.items()]
    parts += [text for gone, _new in changes for text in gone]
    parts += [text for _gone, new in changes for text in new]
    return "".join(parts)


class Listing:
    """nft at work, listing our tables in the network namespace that the process is in, while this process goes on.

    One table after the other, for a process that is busy itself: on two cores it would have to wait for the second nft.
    One that would only wait for them has them listed ``at_once``.
    """

    def __init__(self, at_once: bool = False) -> None:
        self._at_work: list[_Lister] = []
        self._missing: FirewallError | None = None
        try:
            for families in [[family] for family in ruleset.FAMILIES] if at_once else [list(ruleset.FAMILIES)]:
                self._at_work.append(_Lister(families))
        except FirewallError as error:  # raised where the tables are asked for
            self._missing = error
        except OSError:
            self.close()
            raise

    @functools.cached_property
    def live(self) -> Live:
        """Our tables as they are. Raises FirewallError."""
        if self._missing is not None:
            raise self._missing
        listed: dict[str, dict[str, Any] | None] = {}
        for one in self._at_work:
            listed.update(one.listed())
        refused = set(ruleset.FAMILIES) - {family for family, listing in listed.items() if listing}
        for family in sorted(_existing() & refused) if refused else ():
            errors = "".join(one.errors for one in self._at_work)
            raise FirewallError("nft could not list table %s %s: %s" % (family, ruleset.TABLE, errors.strip()))
        with understood(_OUR_TABLES):
            return _live({family: listing["nftables"] for family, listing in listed.items() if listing})

    def close(self) -> None:
        """Leave nothing at work and nothing open."""
        for one in self._at_work:
            one.close()


class _Lister:
    """nft listing some tables. What it says lies in memory, so that it never waits for somebody to read it."""

    def __init__(self, families: list[str]) -> None:
        self._families = families
        self._said = os.fdopen(os.memfd_create("nft"), "r+", encoding="utf-8", errors="replace")
        self.errors = ""
        try:
            self._process = _start(_list_command(families), self._said)
        except (FirewallError, OSError):
            self._said.close()
            raise

    def listed(self) -> dict[str, dict[str, Any] | None]:
        """What it said of each family's table; None, or nothing, where it refused."""
        _output, self.errors = self._process.communicate()
        self._said.seek(0)
        return {family: _listing(line) for family, line in zip(self._families, self._said)}

    def close(self) -> None:
        """Wait for its end."""
        self._process.communicate()
        self._said.close()


def read() -> Live:
    """Our tables as they are. Raises FirewallError."""
    listing = Listing()
    try:
        return listing.live
    finally:
        listing.close()


def apply(text: str) -> None:
    """Carry out a transaction; an empty one is no work. Raises FirewallError, and then nothing was changed."""
    if not text:
        return
    process = _start([binary(), "-f", "-"])
    _output, error = process.communicate(text)
    if process.returncode:
        raise FirewallError("nft refused the transaction, nothing was changed: " + error.strip()[:_MESSAGE_BYTES])


def loopback_bridges(state: State) -> dict[int, frozenset[str]]:
    """The bridges with a port that this host reaches through 127.0.0.1 (4) and through ::1 (6).

    The first need the sysctl route_localnet, the others a route `local ::1 dev BRIDGE table local metric 2048`; both
    after the rules that keep such packets from the wire.
    """
    found: dict[int, set[str]] = {4: set(), 6: set()}
    for port in state.nat_ports.values():
        if port.host_ip is None or port.host_ip == "::1" or port.host_ip.startswith("127."):
            bridge = port.bridge or bridge_of(port, state.policies)
            if bridge is not None:
                found[6 if ":" in port.to_address else 4].add(bridge)
    return {version: frozenset(bridges) for version, bridges in found.items()}


def _list_command(families: list[str]) -> list[str]:
    """nft for one table; a shell for several, which says a line for each. Nothing that anybody declared is in it."""
    commands = [[*_LIST, family, ruleset.TABLE] for family in families]
    if len(commands) == 1:
        return [binary(), *commands[0]]
    return ["/bin/sh", "-c", "\n".join('"$0" %s || echo null' % " ".join(words) for words in commands), binary()]


def _listing(line: str) -> dict[str, Any] | None:
    """What nft said of a table; None where it refused, or ended in the middle of it."""
    try:
        said: dict[str, Any] | None = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return said


def _live(listings: dict[str, list[dict[str, Any]]]) -> Live:
    others = [family for family, listing in listings.items() if _is_others(family, listing)]
    for family in others:
        del listings[family]
    held: Elements = {}
    for family, listing in listings.items():
        held.update(decode(family, listing))
    lines = [line for family, listing in listings.items() for line in drift(family, listing)]
    return Live(held, listings, lines, others)


def _is_others(family: str, listing: list[dict[str, Any]]) -> bool:
    """Whether there is something in the table, and not one set of ours; those of older versions of this are called
    alike, and go only with the table."""
    sets = {held["name"] for item in listing for kind, held in item.items() if kind in ("set", "map")}
    return any("chain" in item for item in listing) and not sets & set(ruleset.fields(family))


def _not_ours(family: str) -> str:
    table = "%s %s" % (family, ruleset.TABLE)
    return (
        "nftables: table %s: not one set of ours is in it, so somebody else made it, and it stays as it is: rename "
        "it, or delete it with nft delete table %s" % (table, table)
    )


def _hook(chain: dict[str, Any]) -> str:
    if "hook" not in chain:
        return ""
    return "%s %s %d %s" % (chain["type"], chain["hook"], chain["prio"], chain.get("policy", "accept"))


def _change(live: Live, key: tuple[str, str], wanted: Values) -> tuple[list[str], list[str]]:
    """The statements that take away what a set should not hold, and those that add what it should."""
    family, name = key
    where = "element %s %s %s" % (family, ruleset.TABLE, name)
    held = live.elements.get(key, {}) if family in live.intact else {}
    if held == wanted:
        return [], []
    gone = [(element, value) for element, value in held.items() if wanted.get(element) != value]
    new = [(element, value) for element, value in wanted.items() if held.get(element) != value]
    return list(_statement("delete " + where, gone, False)), list(_statement("add " + where, new, True))


def _statement(verb: str, items: Iterable[tuple[str, tuple[str | None, str | None]]], commented: bool) -> Iterator[str]:
    lines = []
    for element, (value, comment) in items:
        text = element if comment is None or not commented else '%s comment "%s"' % (element, comment)
        lines.append(text if value is None else "%s : %s" % (text, value))
    if lines:
        yield "%s {\n%s\n}\n" % (verb, ",\n".join(lines))


def _start(command: list[str], output: int | IO[str] = subprocess.PIPE) -> subprocess.Popen[str]:
    """nft at work; its communicate() gives what it says."""
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",  # others' names and comments may be no UTF-8
        # by default nft has thousands of elements in pages of 4 KiB, and getting them takes a fifth of its time
        env={**os.environ, "LC_ALL": "C", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"},
    )


def binary() -> str:
    """The path of nft. Raises FirewallError."""
    found = programs.find("nft")
    if found is None:
        raise FirewallError("there is no nft on this host: install the package nftables")
    return found


def _existing() -> set[str]:
    """The families in which a table of our name stands."""
    process = _start([binary(), "-j", "list", "tables"])
    text, error = process.communicate()
    if process.returncode and not _kernel_has_tables():
        raise FirewallError(
            "this host's kernel has no nf_tables, of which protections and published ports are made: load or install "
            "its module nf_tables"
        )
    if process.returncode:
        raise FirewallError("nft could not list the tables of this host: " + error.strip())
    with understood("the tables of this host"):
        tables = [item["table"] for item in json.loads(text)["nftables"] if "table" in item]
        return {table["family"] for table in tables if table["name"] == ruleset.TABLE}


def _kernel_has_tables() -> bool:
    """Whether somebody answers there who knows of tables; nft has no words of its own for that."""
    try:
        netfilter = Socket(_NETLINK_NETFILTER)
    except OSError:
        return False
    try:
        return netfilter.get(_GET_GENERATION, "nf_tables") is not None
    except NetlinkError:
        return False
    finally:
        netfilter.close()
