# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Accept rules for a bridge in the firewalls of other programs that would drop its packets.

Each rule is placed where the other firewall provides for it: Docker's chain DOCKER-USER, ufw's route rules, firewalld's
trusted zone; or, in a chain that no program manages, as its first rules. Where the other firewall persists its
configuration, the rule is persisted too. Each rule carries an ownership comment, by which it is found and removed;
foreign rules are never changed. Ingress to a container is still decided by the tables of this collection.
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from typing import Any, NamedTuple

from ansible_collections.virtnet.linux.plugins.module_utils.facts import options
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import ForeignFirewall
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.nft import firewall, foreign
from ansible_collections.virtnet.linux.plugins.module_utils.system import programs

KIND = "foreign_firewall"

_MARK = "virtnet.linux: "  # and the bridge's name: the comment of our rule in a foreign chain
_DIRECTIONS = {"in": "iifname", "out": "oifname"}
_UFW_RULES = ("/etc/ufw/user.rules", "/etc/ufw/user6.rules")
_TRUSTED = "/etc/firewalld/zones/trusted.xml"  # written by firewalld; interfaces have no comment there, the zone has
_NOT_RUNNING, _UNKNOWN_INTERFACE = 252, 17  # exit codes of firewall-cmd


class Rules(NamedTuple):
    """Accept rules of one bridge in one foreign firewall; ``handles`` are those of the rules to be deleted."""

    bridge: str
    keeper: str
    place: str
    handles: list[str]


def check(desired: ForeignFirewall, host: Host, problems: options.Checks) -> None:
    """Validate one object."""
    problems.interface_name(KIND, desired.bridge, "bridge", desired.bridge)
    if desired.is_present and not host.is_known_bridge(None, desired.bridge):
        problems.refer(KIND, desired.bridge, "bridge", desired.bridge, "bridge")


def identities(desired: ForeignFirewall) -> list[tuple[Any, ...]]:
    """Return the keys that must be unique in a document."""
    return [("bridge in foreign firewalls", desired.bridge)]


def plan(desired: ForeignFirewall, host: Host) -> list[Action[Rules]]:
    """Return the actions for one bridge, one for each firewall where a rule is missing or to be deleted."""
    bridge, others = desired.bridge, host.foreign_tables
    existing = dict(_existing_rules(others, bridge))
    if not desired.is_present:
        return [_action("delete", place, bridge, handles) for place, handles in existing.items()]
    # in firewalld's permanent configuration but not in its runtime state: deleted out of band, so it is added again
    existing.pop(foreign.FIREWALLD, None)
    places = {
        _place(drop): None
        for drop in foreign.drops(others, bridge)
        if drop.keeper != foreign.LEGACY and (_place(drop) not in existing or drop.keeper == foreign.FIREWALLD)
    }
    return [_action("create", place, bridge, []) for place in places]


def apply(actions: list[Action[Rules]], host: Host) -> None:
    """Add and remove accept rules in nftables chains, ufw and firewalld."""
    lines = [line for action in actions for line in _statements(action)]
    firewall.apply("".join(lines))
    for action in actions:
        bridge, keeper = action.desired.bridge, action.desired.keeper
        if keeper == foreign.UFW:
            for direction in _DIRECTIONS:
                verb = ["allow", direction, "on", bridge]
                _run(["ufw", "route", *(verb if action.verb == "create" else ["delete", *verb])]
                     + (["comment", _MARK + bridge] if action.verb == "create" else []))  # fmt: skip
        elif keeper == foreign.FIREWALLD and action.verb == "create":
            _mark_zone(_in_firewalld() | {bridge})  # first: without this comment it is never removed
            _firewalld("--permanent", "--add-interface=" + bridge)
            _firewalld("--add-interface=" + bridge)
        elif keeper == foreign.FIREWALLD:
            _firewalld("--remove-interface=" + bridge)
            _firewalld("--permanent", "--remove-interface=" + bridge)
            _mark_zone(_in_firewalld() - {bridge})


def bridges(others: list[foreign.Table]) -> list[str]:
    """Return the bridges that have accept rules of ours in foreign firewalls."""
    return sorted({bridge for _place, bridge, _handle in _marked(others)} | _in_ufw() | _in_firewalld())


def remedy(drop: foreign.Drop, bridge: str) -> str:
    """Return the command by which an administrator makes the chain accept the bridge's packets."""
    if drop.keeper == foreign.UFW:
        return f"ufw route allow in on {bridge}; ufw route allow out on {bridge}"
    if drop.keeper == foreign.FIREWALLD:
        command = f"firewall-cmd --zone=trusted --add-interface={bridge}"
        return f"{command}; {command} --permanent"
    if drop.keeper == foreign.LEGACY:
        command = "iptables-legacy" if drop.family == "ip" else "ip6tables-legacy"
        return f"{command} -I FORWARD -i {bridge} -j ACCEPT; {command} -I FORWARD -o {bridge} -j ACCEPT"
    where = f"nft insert rule {drop.family} {drop.table} {drop.entry_chain}"
    return f"{where} iifname {bridge} accept; {where} oifname {bridge} accept"


def _action(verb: str, place: str, bridge: str, handles: list[str]) -> Action[Rules]:
    keeper = place if place in (foreign.UFW, foreign.FIREWALLD) else foreign.NFT
    content = {"accepts": f"what comes from {bridge} or goes to it"}
    before, after = ({}, content) if verb == "create" else (content, {})
    return Action(
        Phase.FOREIGN_FIREWALLS,
        verb,
        KIND,
        f"{bridge} in {place}",
        before,
        after,
        Rules(bridge, keeper, place, handles),
    )


def _place(drop: foreign.Drop) -> str:
    return f"{drop.family} {drop.table} {drop.entry_chain}" if drop.keeper == foreign.NFT else drop.keeper


def _existing_rules(others: list[foreign.Table], bridge: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each firewall that has our accept rules for the bridge, with the handles of the rules."""
    handles: dict[str, list[str]] = {}
    for place, name, handle in _marked(others):
        if name == bridge:
            handles.setdefault(place, []).append(handle)
    yield from handles.items()
    if bridge in _in_ufw():
        yield foreign.UFW, []
    if bridge in _in_firewalld():
        yield foreign.FIREWALLD, []


def _marked(others: list[foreign.Table]) -> Iterator[tuple[str, str, str]]:
    """Yield place, bridge and handle of each rule that has our ownership comment."""
    for table in others:
        for chain in table.chains.values():
            for rule in chain.rules:
                comment = rule.get("comment") or ""
                if comment.startswith(_MARK):
                    yield f"{table} {chain.name}", comment[len(_MARK) :], str(rule["handle"])


def _in_ufw() -> set[str]:
    """Return the bridges of our route rules in ufw's files; comments are hex-encoded there."""
    found: set[str] = set()
    if programs.find("ufw") is None:  # uninstalled; its files may remain
        return found
    for path in _UFW_RULES:
        with contextlib.suppress(FileNotFoundError), open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                comment = line.rpartition("comment=")[2].strip() if line.startswith("### tuple ###") else ""
                with contextlib.suppress(ValueError):
                    text = bytes.fromhex(comment).decode("utf-8", "replace")
                    if text.startswith(_MARK):
                        found.add(text[len(_MARK) :])
    return found


def _in_firewalld() -> set[str]:
    """Return the bridges in our ownership comment, at the end of the zone's description."""
    if programs.find("firewall-cmd") is None:
        return set()
    from xml.etree import ElementTree  # imported here: otherwise each start of a module would load it

    try:
        description = ElementTree.parse(_TRUSTED).findtext("description") or ""
    except (OSError, ElementTree.ParseError):
        return set()
    return set(description.partition(_MARK)[2].split())


def _mark_zone(bridges: set[str]) -> None:
    text = _firewalld("--permanent", "--get-description").partition(_MARK)[0].strip()
    mark = _MARK + " ".join(sorted(bridges)) if bridges else ""
    _firewalld("--permanent", "--set-description=" + " ".join(filter(None, (text, mark))))


def _firewalld(*arguments: str) -> str:
    """Run firewall-cmd for the trusted zone; where firewalld does not run, change its files by firewall-offline-cmd."""
    done = _call(["firewall-cmd", "--zone=trusted", *arguments])
    if done.returncode == _NOT_RUNNING:
        lasting = [argument for argument in arguments if argument != "--permanent"]
        return _run(["firewall-offline-cmd", "--zone=trusted", *lasting]) if len(lasting) < len(arguments) else ""
    return "" if done.returncode == _UNKNOWN_INTERFACE else _said_by(done)


def _statements(action: Action[Rules]) -> Iterator[str]:
    """Yield nft statements; iptables lists a rule that has a counter and a comment as one of its own."""
    bridge, place = action.desired.bridge, action.desired.place
    if action.desired.keeper != foreign.NFT:
        return
    if action.verb == "delete":
        yield from (f"delete rule {place} handle {handle}\n" for handle in action.desired.handles)
        return
    for key in _DIRECTIONS.values():
        yield f'insert rule {place} {key} "{bridge}" counter accept comment "{_MARK}{bridge}"\n'


def _run(command: list[str]) -> str:
    return _said_by(_call(command))


def _call(command: list[str]) -> subprocess.CompletedProcess[str]:
    program = programs.find(command[0]) or command[0]
    return subprocess.run([program, *command[1:]], capture_output=True, text=True, check=False)


def _said_by(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode:
        raise firewall.FirewallError("%s: %s" % (" ".join(done.args), (done.stderr or done.stdout).strip()))
    return done.stdout
