# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Foreign firewalls (Docker, ufw, firewalld, the administrator's rules) that drop forwarded packets of the networks.

A packet traverses every chain on the forward hook, and a drop in any of them is final: what this collection's table
accepts, a chain of another program may still drop. So each of these chains is evaluated for a packet of which only the
bridge is known: ingress by the bridge, egress by it, and, where bridge-nf-call-iptables is 1, bridged within it. A rule
that matches on anything else may accept some packets, but not all.

Read by `nft -j`, which also lists the tables of iptables-nft; legacy iptables (ip_tables) has tables of its own.
"""

from __future__ import annotations

import functools
import json
import operator
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.nft import firewall, ruleset
from ansible_collections.virtnet.linux.plugins.module_utils.system import programs, sysctls

FIREWALLD, UFW, NFT, LEGACY = "firewalld", "ufw", "nft", "iptables-legacy"  # programs that have to allow a bridge
NF_CALL = {"iptables": "net.bridge.bridge-nf-call-iptables", "ip6tables": "net.bridge.bridge-nf-call-ip6tables"}

_ACCEPT, _DROP, _GO_ON = "accept", "drop", "go on"
_HARMLESS = ("counter", "log", "comment", "notrack")  # statements without a verdict
_OTHERS = "this host's other tables"
_ANY_BRIDGE = ""  # a bridge that no rule names
_MARK, _OUR_BITS = {"meta": {"key": "mark"}}, ruleset.MARKS[0] | ruleset.MARKS[1]
_BEHIND_OURS = ("input", "output", "postrouting")  # hooks after which none of our chains matches the packet mark
_DEPTH = 16  # the kernel's limit of nested jumps (NFT_JUMP_STACK_SIZE)


@dataclass
class Chain:
    """A chain of a foreign table; ``hook`` and ``policy`` are None for a regular chain, reached by jumps only."""

    name: str
    hook: str | None = None
    policy: str | None = None
    rules: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Table:
    family: str
    name: str
    chains: dict[str, Chain] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.family} {self.name}"


@dataclass(frozen=True)
class Drop:
    """A chain on the forward hook that drops ingress or egress packets of a bridge; ``rule`` is in nft's notation."""

    family: str
    table: str
    chain: str
    rule: str
    keeper: str  # firewalld, ufw, nft, iptables-legacy
    entry_chain: str  # where an accepting rule belongs

    @property
    def versions(self) -> tuple[int, ...]:
        """The IP versions of the packets in its family."""
        return {"ip": (4,), "ip6": (6,)}.get(self.family, (4, 6))


def tables() -> list[Table]:
    """Read all foreign tables of the families ip, ip6 and inet. Raises FirewallError."""
    done = subprocess.run(
        [firewall.binary(), "-j", "-t", "list", "ruleset"],
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        raise firewall.FirewallError("nft could not list the rules of this host: " + done.stderr.strip())
    with firewall.understood(_OTHERS):
        return read_tables(json.loads(done.stdout)["nftables"])


def read_tables(listing: Iterable[dict[str, Any]]) -> list[Table]:
    """Parse the foreign tables of `nft -j -t list ruleset`."""
    found: dict[tuple[str, str], Table] = {}
    for item in listing:
        kind, what = next(iter(item.items()))
        family, name = what.get("family"), what.get("table", what.get("name"))
        if family not in ("ip", "ip6", "inet") or name == ruleset.TABLE:
            continue
        if kind == "table":
            found[family, name] = Table(family, name)
        elif kind == "chain" and what.get("type", "filter") == "filter":
            found[family, name].chains[what["name"]] = Chain(what["name"], what.get("hook"), what.get("policy"))
        elif kind == "rule" and what["chain"] in found[family, name].chains:
            if not isinstance(what.get("comment", ""), str) or not isinstance(what["handle"], int):
                raise TypeError(what)
            found[family, name].chains[what["chain"]].rules.append(what)
    return list(found.values())


def drops(others: list[Table], bridge: str = _ANY_BRIDGE) -> list[Drop]:
    """Return the chains that drop packets of the bridge (by default: of one that no rule names)."""
    found = []
    for table in others:
        with firewall.understood("table %s" % table):
            found += [drop for chain in table.chains.values() for drop in _drops_of(table, chain, bridge)]
    return found + list(_legacy_drops(bridge))


def _drops_of(table: Table, chain: Chain, bridge: str) -> list[Drop]:
    """Return the first drop of one chain for the bridge's packets, or none."""
    for packet in packets(table, bridge) if chain.hook == "forward" else []:
        rule = _dropped_by(table, chain, packet)
        if rule is not None:
            return [Drop(table.family, table.name, chain.name, rule, keeper(table), entry(table, chain))]
    return []


def marking(others: list[Table]) -> Iterator[tuple[Table, Chain, str]]:
    """Yield the chains that set or test this collection's bits of the packet mark, each with "sets" or "tests"; not
    those that use iptables' targets MARK and CONNMARK, whose arguments nft does not list."""
    for table in others:
        with firewall.understood("table %s" % table):
            for chain in table.chains.values():
                found = {one for rule in chain.rules for statement in rule["expr"] for one in _marks(chain, statement)}
                for word in sorted(found):
                    yield table, chain, word


def _marks(chain: Chain, statement: dict[str, Any]) -> Iterator[str]:
    """Yield how a statement uses our bits of the packet mark: "sets", on a hook before our own chains, or "tests"."""
    word, value = list(statement.items())[0]  # noqa: RUF015 # a StopIteration would end the generator in silence
    if word == "mangle" and value["key"] == _MARK and chain.hook not in _BEHIND_OURS:
        if _bits(value["value"]) & _OUR_BITS:
            yield "sets"
    elif word == "match":
        masked = value["left"].get("&") if isinstance(value["left"], dict) else None
        tested = masked[1:] if masked and masked[0] == _MARK else value["right"] if value["left"] == _MARK else 0
        if _bits(tested) & _OUR_BITS:
            yield "tests"


def _bits(value: Any) -> int:
    """Return the bits of a mark that an expression names; values that it takes from elsewhere count as 0."""
    if isinstance(value, list):  # operands, elements of a set, or key and value of a map's
        return functools.reduce(operator.or_, map(_bits, value), 0)
    if not isinstance(value, dict):
        return value if isinstance(value, int) else 0
    if "map" in value:  # the elements of a named map are not listed
        data = value["map"].get("data")
        return _bits([pair[1] for pair in data.get("set", [])]) if isinstance(data, dict) else 0
    if "prefix" in value:  # the first bits are compared: mark & 0xffff0000 == 0 is listed as 0x00000000/16
        return -1 << 32 - int(value["prefix"]["len"])
    if "&" in value:  # clearing bits of the mark sets none
        return functools.reduce(operator.and_, map(_bits, value["&"]))
    return _bits(value.get("|") or value.get("^") or value.get("set") or [])


def packets(table: Table, bridge: str) -> list[dict[str, str]]:
    """Return the known fields of a packet that comes from the bridge, of one that goes to it, of one bridged in it."""
    # the first packet of an allowed ingress flow has been translated (DNAT), which firewalld accepts
    found = [{"iifname": bridge}, {"oifname": bridge, "status": "dnat"}]
    keys = {"ip": ["iptables"], "ip6": ["ip6tables"]}.get(table.family, list(NF_CALL))
    if any(sysctls.read(NF_CALL[key].replace(".", "/")) == "1" for key in keys):
        found.append({"iifname": bridge, "oifname": bridge})
    return found


def keeper(table: Table) -> str:
    """Return the program that made the table, and in which the bridge has to be allowed, for it recreates the table."""
    if table.name == "firewalld" and programs.find("firewall-cmd"):
        return FIREWALLD
    if any(name.startswith(("ufw-", "ufw6-")) for name in table.chains) and programs.find("ufw"):
        return UFW
    return NFT


def entry(table: Table, chain: Chain) -> str:
    """Return the chain for the administrator's rules, where this chain jumps to one; else the chain itself."""
    for name in ("DOCKER-USER", "ufw-user-forward", "ufw6-user-forward"):
        if name in table.chains and _dropped_by(table, chain, {}, asked=name) is None:
            return name
    return chain.name


def _dropped_by(table: Table, chain: Chain, packet: dict[str, str], asked: str | None = None) -> str | None:
    """Return the rule, or the policy, that drops the packet; None where it passes (or reaches the chain ``asked``)."""
    verdict, rule = _verdict(table, chain, packet, asked, 0)
    if verdict == _GO_ON and chain.policy == "drop":
        return "policy drop"
    return rule if verdict == _DROP else None


def _verdict(
    table: Table, chain: Chain, packet: dict[str, str], asked: str | None, depth: int
) -> tuple[str, str | None]:
    """Evaluate the chain's rules for the packet; return the verdict, and the rule that drops it."""
    if chain.name == asked:
        return _ACCEPT, None
    for rule in chain.rules if depth < _DEPTH else []:
        decided = _decided(rule["expr"], packet)
        if decided is None:
            continue
        word, target = decided
        if word in (_ACCEPT, _DROP):
            return word, _shown(rule)
        if word == "return":
            return _GO_ON, None
        if target in table.chains:
            verdict = _verdict(table, table.chains[target], packet, asked, depth + 1)
            if verdict[0] != _GO_ON or word == "goto":
                return verdict
    return _GO_ON, None


def _decided(statements: list[dict[str, Any]], packet: dict[str, str]) -> tuple[str, str | None] | None:
    """Return the rule's verdict where the packet is certain to match: (accept, None), (jump, CHAIN), ...; else None."""
    for statement in statements:
        word, value = next(iter(statement.items()))
        if word == "match":
            if not _matches(value, packet):
                return None
        elif word in (_ACCEPT, "return"):
            return word, None
        elif word in (_DROP, "reject") or (word == "xt" and (value or {}).get("name") in ("DROP", "REJECT")):
            return _DROP, None
        elif word in ("jump", "goto"):
            return word, value["target"]
        elif word == "xt" and (value or {}).get("name") in ("comment", "LOG", "NFLOG"):
            continue
        elif word not in _HARMLESS:
            return None
    return None


def _matches(match: dict[str, Any], packet: dict[str, str]) -> bool:
    """Whether the packet is certain to match: by its interfaces, as the first of its connection, or as translated."""
    left, right = match["left"], match["right"]
    if not isinstance(left, dict):
        return False
    if left.get("ct") == {"key": "state"}:
        states = right if isinstance(right, list) else right.get("set", []) if isinstance(right, dict) else [right]
        return match["op"] in ("in", "==") and "new" in states
    if left.get("ct") == {"key": "status"}:
        return match["op"] in ("in", "==") and right == packet.get("status")
    known = packet.get((left.get("meta") or {}).get("key", ""))
    if known is None:
        return False
    names = right.get("set", []) if isinstance(right, dict) else [right]
    is_named = any(_is_named(known, name) for name in names)
    return is_named if match["op"] == "==" else match["op"] == "!=" and not is_named


def _is_named(interface: str, name: Any) -> bool:
    if not isinstance(name, str):
        return False
    return interface.startswith(name[:-1]) if name.endswith("*") else interface == name


def _shown(rule: dict[str, Any]) -> str:
    """Format a rule so that an administrator can find it: matches, verdict, comment, handle."""
    words = [text for text in map(_word, rule["expr"]) if text]
    comment = ' comment "%s"' % rule["comment"] if rule.get("comment") else ""
    return " ".join(words) + comment + " (handle %d)" % rule["handle"]


def _word(statement: dict[str, Any]) -> str:
    word, value = next(iter(statement.items()))
    if word == "match":
        left, right = value["left"], value["right"]
        if isinstance(left, dict):
            left = (left.get("meta") or left.get("ct") or {}).get("key", "...")
        return "%s %s" % (left, right if isinstance(right, str) else json.dumps(right))
    if word == "xt":
        return str((value or {}).get("name", "xt"))
    return "" if word in _HARMLESS else word


def _legacy_drops(bridge: str) -> Iterator[Drop]:
    """Yield the drops of legacy iptables (ip_tables): only where it has a filter table, for a query creates one."""
    for version, family in ((4, "ip"), (6, "ip6")):
        command = programs.find("iptables-legacy" if version == 4 else "ip6tables-legacy")
        if command is None or not _legacy_has_filter(family):
            continue
        done = subprocess.run([command, "-S", "FORWARD"], capture_output=True, text=True, check=False)
        if not done.stdout.startswith("-P FORWARD DROP"):
            continue
        spared = [
            subprocess.run([command, "-C", chain, flag, bridge, "-j", "ACCEPT"], capture_output=True, check=False)
            for flag in ("-i", "-o")
            for chain in ("FORWARD", "DOCKER-USER")
        ]
        if (
            not bridge
            or not any(check.returncode == 0 for check in spared[:2])
            or not any(check.returncode == 0 for check in spared[2:])
        ):
            yield Drop(family, "filter", "FORWARD", "policy drop", LEGACY, "FORWARD")


def _legacy_has_filter(family: str) -> bool:
    try:
        with open("/proc/net/%s_tables_names" % family, encoding="ascii") as file:
            return "filter" in file.read().split()
    except OSError:
        return False
