# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""This collection's firewall: two nftables tables, `inet virtnet` and `bridge virtnet`.

Listing and read() return their observed state, transaction() renders the difference to the desired state, apply()
carries it out. The rules are in ruleset.py, the state in firewall_state.py, its encoding as elements in elements.py,
and the decoding of nft's listings in listing.py.

nft's input is its own language (1.0.6 cannot parse its own JSON of a map with concatenated data), its output JSON.
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
_MESSAGE_BYTES = 2000  # of nft's errors: after the first one it reports every line


class FirewallError(Exception):
    """nft is missing, or failed; the text has nft's own message."""


@contextlib.contextmanager
def understood(what: str) -> Iterator[None]:
    """Raise FirewallError where the code in the with block cannot parse nft's listing."""
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError, RecursionError) as error:
        raise FirewallError(
            "nft lists %s in a form that is not known here (%.100r): take another version of nft, or remove what it "
            "lists so (nft -a list ruleset)" % (what, error)
        ) from error


class Live:
    """The observed tables: their elements, the families in which they exist, their difference from ruleset.py (see
    drift()), and the families in which another program owns a table of this name."""

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
        """The state that their elements hold."""
        with understood(_OUR_TABLES):
            return parse(self.elements)


def drift(family: str, listing: list[dict[str, Any]]) -> list[str]:
    """Return the differences of a table's chains and sets from ruleset.py: "table inet virtnet: ...", a line each."""
    desired = ruleset.chains(family)
    hooks = {item["chain"]["name"]: _hook(item["chain"]) for item in listing if "chain" in item}
    comments: dict[str, list[str | None]] = {name: [] for name in hooks}
    for item in listing:
        if "rule" in item:
            comments[item["rule"]["chain"]].append(item["rule"].get("comment"))
    sets = {(item.get("set") or item.get("map") or {}).get("name") for item in listing} - {None}
    found = ["set %s is missing" % name for name in sorted(set(ruleset.fields(family)) - sets)]
    found += ["set %s is of another type" % name for name in sorted(others_sets(family, listing))]
    if any(item.get("table", {}).get("flags") for item in listing):
        found.append("it is dormant")  # its chains are not on their hooks
    found += ["chain %s is undeclared" % name for name in sorted(set(hooks) - set(desired))]
    found += ["chain %s is missing" % name for name in sorted(set(desired) - set(hooks))]
    for name in sorted(set(desired) & set(hooks)):
        if (hooks[name], comments[name]) != desired[name]:
            found.append("chain %s has other rules" % name)
    return ["table %s %s: %s" % (family, ruleset.TABLE, line) for line in found]


def transaction(live: Live, desired: State) -> str:
    """Render the nft transaction that brings the tables to the desired state, all or nothing; empty where they are in
    it already (idempotent).

    A table whose rules differ is deleted and created with all its elements, in the same transaction: no packet is
    handled by an intermediate state, and established connections continue. Raises ValueError as elements() does, and
    where another program owns a table.
    """
    held = elements(desired, live.state)
    if any(held.values()) and live.others:
        raise ValueError("\n".join(_not_ours(family) for family in sorted(live.others)))
    if not any(held.values()):
        return "".join("delete table %s %s\n" % (family, ruleset.TABLE) for family in sorted(live.families))
    parts: list[str] = []
    for family in ruleset.FAMILIES:
        if family not in live.intact:
            name = "%s %s" % (family, ruleset.TABLE)
            # the first line creates a missing table, which the second could not delete
            parts.append("table %s\ndelete table %s\n%s" % (name, name, ruleset.TEXT[family]))
    changes = [_change(live, key, values) for key, values in held.items()]
    parts += [text for gone, _new in changes for text in gone]
    parts += [text for _gone, new in changes for text in new]
    return "".join(parts)


def differences(live: Live, desired: State) -> list[str]:
    """Return the differences of the tables from the desired state, a line each, as "table inet virtnet: set ports: 2
    elements missing, 1 undeclared"."""
    held_by = elements(desired, live.state)
    if not any(held_by.values()):
        return [f"table {family} {ruleset.TABLE} is undeclared" for family in sorted(live.families)]
    found = list(live.drift)
    for key, values in held_by.items():
        family, name = key
        held = live.elements.get(key, {})
        if family not in live.intact or held == values:
            continue
        missing = sum(held.get(element) != value for element, value in values.items())
        undeclared = sum(element not in values for element in held)
        counts = [f"{missing} elements missing"] if missing else []
        counts += [f"{undeclared} undeclared"] if undeclared else []
        found.append(f"table {family} {ruleset.TABLE}: set {name}: {', '.join(counts)}")
    found += [
        f"table {family} {ruleset.TABLE} is missing" for family in ruleset.FAMILIES if family not in live.families
    ]
    return found


class Listing:
    """nft in the background, listing the two tables in the network namespace of this process.

    It lists one table after the other, for a caller that has other work: with two cores, a second nft would delay it.
    ``at_once`` lists both in parallel, for a caller that only waits for them.
    """

    def __init__(self, at_once: bool = False) -> None:
        self._at_work: list[_Lister] = []
        self._missing: FirewallError | None = None
        try:
            for families in [[family] for family in ruleset.FAMILIES] if at_once else [list(ruleset.FAMILIES)]:
                self._at_work.append(_Lister(families))
        except FirewallError as error:  # raised when the tables are first read
            self._missing = error
        except OSError:
            self.close()
            raise

    @functools.cached_property
    def live(self) -> Live:
        """The observed tables. Raises FirewallError."""
        if self._missing is not None:
            raise self._missing
        listed: dict[str, dict[str, Any] | None] = {}
        for one in self._at_work:
            listed.update(one.listed())
        refused = set(ruleset.FAMILIES) - {family for family, listing in listed.items() if listing}
        for family in sorted(_existing() & refused) if refused else ():
            listed[family] = _listed_by_object(family)
            if listed[family] is None:
                errors = "".join(one.errors for one in self._at_work)
                raise FirewallError("nft could not list table %s %s: %s" % (family, ruleset.TABLE, errors.strip()))
        with understood(_OUR_TABLES):
            return _live({family: listing["nftables"] for family, listing in listed.items() if listing})

    def close(self) -> None:
        """Wait for the nft processes and close their files."""
        for one in self._at_work:
            one.close()


class _Lister:
    """An nft process that lists some tables. Its output goes to a memfd, so that it never blocks on a full pipe."""

    def __init__(self, families: list[str]) -> None:
        self._families = families
        self._output = os.fdopen(os.memfd_create("nft"), "r+", encoding="utf-8", errors="replace")
        self.errors = ""
        try:
            self._process = _start(_list_command(families), self._output)
        except (FirewallError, OSError):
            self._output.close()
            raise

    def listed(self) -> dict[str, dict[str, Any] | None]:
        """Return the listing of each family's table; None, or no key, where nft failed."""
        _output, self.errors = self._process.communicate()
        self._output.seek(0)
        return {family: _listing(line) for family, line in zip(self._families, self._output)}

    def close(self) -> None:
        """Wait for the process to end."""
        self._process.communicate()
        self._output.close()


def read() -> Live:
    """Return the observed tables. Raises FirewallError."""
    listing = Listing()
    try:
        return listing.live
    finally:
        listing.close()


def apply(text: str) -> None:
    """Apply a transaction; an empty one does not start nft. Raises FirewallError, and then nothing was changed."""
    if not text:
        return
    process = _start([binary(), "-f", "-"])
    _output, error = process.communicate(text)
    if process.returncode:
        raise FirewallError("nft refused the transaction, nothing was changed: " + error.strip()[:_MESSAGE_BYTES])


def loopback_bridges(state: State) -> dict[int, frozenset[str]]:
    """Return the bridges with a published port that this host reaches through 127.0.0.1 (4) and through ::1 (6).

    The first need the sysctl route_localnet, the others a route `local ::1 dev BRIDGE table local metric 2048`; both
    may be set only after the rules that drop loopback addresses from the wire.
    """
    found: dict[int, set[str]] = {4: set(), 6: set()}
    for port in state.nat_ports.values():
        if port.host_ip is None or port.host_ip == "::1" or port.host_ip.startswith("127."):
            bridge = port.bridge or bridge_of(port, state.policies)
            if bridge is not None:
                found[6 if ":" in port.to_address else 4].add(bridge)
    return {version: frozenset(bridges) for version, bridges in found.items()}


def _list_command(families: list[str]) -> list[str]:
    """Return the command: nft for one table; a shell for several, which prints a line for each. It contains no
    declared value, so nothing needs quoting."""
    commands = [[*_LIST, family, ruleset.TABLE] for family in families]
    if len(commands) == 1:
        return [binary(), *commands[0]]
    return ["/bin/sh", "-c", "\n".join('"$0" %s || echo null' % " ".join(words) for words in commands), binary()]


def _listed_by_object(family: str) -> dict[str, Any] | None:
    """List a dormant table's chains and sets one by one; None where the table is not dormant, or nft fails here too.

    Of a dormant table nft 1.0.6 prints as JSON a flag from beyond its array of names, at random, and may end the output
    there; as text it prints the flag right. Of another table a listing that cannot be parsed is an error.
    """
    if not _is_dormant(family):
        return None
    items: list[dict[str, Any]] = [{"table": {"family": family, "name": ruleset.TABLE, "flags": "dormant"}}]
    found = [_objects_of_table(family, what, family) for what in ("sets", "maps", "chains")]
    if None in found:
        return None
    sets, maps, chains = (some or [] for some in found)
    items += sets + maps + chains
    # nft parses its arguments: another program's chain may have any name, and its rules are not needed
    for name in sorted({item["chain"]["name"] for item in chains} & set(ruleset.chains(family))):
        listed = _objects_of_table(family, "chain", family, ruleset.TABLE, name) or []
        items += [item for item in listed if "rule" in item]
    return {"nftables": items}


def _is_dormant(family: str) -> bool:
    """Whether nft prints the flag of a dormant table, as text and without elements (``-t``)."""
    process = _start([binary(), "-t", "list", "table", family, ruleset.TABLE])
    text, _error = process.communicate()
    return process.returncode == 0 and "\tflags dormant\n" in text


def _objects_of_table(family: str, *what: str) -> list[dict[str, Any]] | None:
    """Return what `nft list` prints of this collection's table; None where nft fails."""
    process = _start([binary(), "-j", "-p", "list", *what])
    text, _error = process.communicate()
    listing = _listing(text)
    if process.returncode or listing is None:
        return None
    held = [(item, next(iter(item.values()))) for item in listing["nftables"]]
    return [item for item, one in held if (one.get("family"), one.get("table")) == (family, ruleset.TABLE)]


def _listing(line: str) -> dict[str, Any] | None:
    """Parse nft's listing of a table; None where nft failed, or was killed while printing."""
    try:
        listing: dict[str, Any] | None = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return listing


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
    """Whether another program owns the table: it has chains, and not one of this collection's sets. Older versions of
    this collection have sets of the same names, which are deleted only with the table."""
    sets = {held["name"] for item in listing for kind, held in item.items() if kind in ("set", "map")}
    return any("chain" in item for item in listing) and not sets & set(ruleset.fields(family))


def _not_ours(family: str) -> str:
    table = "%s %s" % (family, ruleset.TABLE)
    return (
        "nftables: table %s: table exists and was not created by virtnet.linux; left untouched: rename "
        "it, or delete it with nft delete table %s" % (table, table)
    )


def _hook(chain: dict[str, Any]) -> str:
    if "hook" not in chain:
        return ""
    return "%s %s %d %s" % (chain["type"], chain["hook"], chain["prio"], chain.get("policy", "accept"))


def _change(live: Live, key: tuple[str, str], desired: Values) -> tuple[list[str], list[str]]:
    """Return the statements that delete a set's undesired elements, and those that add the missing ones."""
    family, name = key
    where = "element %s %s %s" % (family, ruleset.TABLE, name)
    held = live.elements.get(key, {}) if family in live.intact else {}
    if held == desired:
        return [], []
    gone = [(element, value) for element, value in held.items() if desired.get(element) != value]
    new = [(element, value) for element, value in desired.items() if held.get(element) != value]
    return list(_statement("delete " + where, gone, False)), list(_statement("add " + where, new, True))


def _statement(verb: str, items: Iterable[tuple[str, tuple[str | None, str | None]]], commented: bool) -> Iterator[str]:
    lines = []
    for element, (value, comment) in items:
        text = element if comment is None or not commented else '%s comment "%s"' % (element, comment)
        lines.append(text if value is None else "%s : %s" % (text, value))
    if lines:
        yield "%s {\n%s\n}\n" % (verb, ",\n".join(lines))


def _start(command: list[str], output: int | IO[str] = subprocess.PIPE) -> subprocess.Popen[str]:
    """Start nft; communicate() returns its output."""
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",  # names and comments in foreign tables may not be UTF-8
        # with pages of 4 KiB, page faults take a fifth of nft's time for thousands of elements
        env={**os.environ, "LC_ALL": "C", "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"},
    )


def binary() -> str:
    """Return the path of nft. Raises FirewallError."""
    found = programs.find("nft")
    if found is None:
        raise FirewallError("nft is not installed on this host: install the package nftables")
    return found


def _existing() -> set[str]:
    """Return the families in which a table of this name exists."""
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
    """Whether the kernel has nf_tables: whether it answers NFT_MSG_GETGEN; nft reports no specific error for that."""
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
