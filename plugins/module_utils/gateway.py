# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host as its networks' gateway: the sysctls and routes that policies and published ports need, and their return.

Forwarding is switched on after the rules stand that keep the host from routing for others (chain norouter), and back to
what it was when the last network that needs it is gone. Sources: Documentation/networking/ip-sysctl.rst.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils import firewall, messages, sysctls
from ansible_collections.virtnet.linux.plugins.module_utils.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import Request

SYSCTL, ROUTE = "sysctl", "route"

_FORWARDING = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}
_LOOPBACK6 = "::1/128"
_LOOPBACK6_METRIC = 2048  # behind lo's own entry


def needs_norouter(state: firewall.State, host: Host) -> frozenset[int]:
    """The IP versions for which this host was no router before it had networks of ours, and should not become one."""
    remembered = _remembered(host)
    return frozenset(
        version
        for version in _forwarding_versions(state)
        if _FORWARDING[version] in remembered or sysctls.read(_FORWARDING[version]) == "0"
    )


def plan(state: firewall.State, host: Host) -> list[Action]:
    """What has to change on the host for the firewall's state."""
    return [*_forwarding(state, host), *_loopback(state, host)]


def apply(actions: list[Action], host: Host) -> None:
    """Set the sysctls and routes, remembering what they were."""
    stack = host.stack(None)
    for action in actions:
        if action.kind == SYSCTL:
            _set(action, host)
        else:
            link = stack.lookup(action.wanted["bridge"])
            if link is not None:
                route = messages.append_local_route(link.index, _LOOPBACK6, _LOOPBACK6_METRIC)
                stack.send([Request(route, "route " + action.name)])


def _remembered(host: Host) -> dict[str, Any]:
    """The old values of sysctls; the rules tell too for which versions forwarding was off, should the file be lost."""
    off = {_FORWARDING[version]: {"was": "0", "set": "1"} for version in host.firewall.state.norouter}
    return {**off, **host.memory["sysctls"]}


def _forwarding_versions(state: firewall.State) -> list[int]:
    subnets = [subnet for policy in state.policies.values() if not policy.internal for subnet in policy.subnets]
    return [version for version in _FORWARDING if any((":" in subnet) == (version == 6) for subnet in subnets)]


def _forwarding(state: firewall.State, host: Host) -> Iterator[Action]:
    remembered = _remembered(host)
    needed = _forwarding_versions(state)
    for version, key in _FORWARDING.items():
        now = sysctls.read(key)
        if version in needed and now not in ("1", None):
            if version == 6:
                yield from _keep_accepting(host)
            yield _change(key, now, "1", remember=True)
        elif version not in needed and key in remembered:
            yield from _give_back(key, remembered)
    if 6 not in needed:
        for key in sorted(key for key in remembered if key not in _FORWARDING.values()):
            yield from _give_back(key, remembered)


def _keep_accepting(host: Host) -> Iterator[Action]:
    """A link that learns its router from advertisements forgets it when forwarding comes on, unless accept_ra is 2."""
    for link in host.stack(None).links.values():
        key = f"net/ipv6/conf/{link.name}/accept_ra"
        stays = not link.ours and link.name != "lo" and (None, link.name) not in host.links_going
        if stays and sysctls.read(key) == "1":
            yield _change(key, "1", "2", remember=True)


def _give_back(key: str, remembered: dict[str, Any]) -> Iterator[Action]:
    """The old value, unless somebody has changed ours since."""
    was, ours = remembered[key]["was"], remembered[key]["set"]
    now = sysctls.read(key)
    yield _change(key, now, was if now == ours else now, remember=False)


def _loopback(state: firewall.State, host: Host) -> Iterator[Action]:
    """Ports that this host reaches through 127.0.0.1 and ::1 need a bridge that takes such packets."""
    wanted = firewall.loopback_bridges(state)
    stack = host.stack(None)
    ours = {link.name for link in stack.of_kind("bridge") if link.ours} - {
        name for netns, name in host.links_going if netns is None
    }
    for name in sorted(ours | wanted[4]):
        key = f"net/ipv4/conf/{name}/route_localnet"
        now = sysctls.read(key)
        value = "1" if name in wanted[4] else "0"
        if (now or "0") != value:
            yield _change(key, now, value, remember=None)
    for name in sorted(wanted[6]):
        link = stack.links.get(name)
        if link is None or (link.index, _LOOPBACK6) not in stack.local_routes:
            yield Action("create", ROUTE, "local ::1 dev " + name, {}, {"metric": _LOOPBACK6_METRIC}, {"bridge": name})


def _change(key: str, before: str | None, after: str | None, remember: bool | None) -> Action:
    """A change of a sysctl; its old value is remembered (True), forgotten because it is back (False), or of no interest
    (None)."""
    return Action("change", SYSCTL, key, {"value": before}, {"value": after}, {"remember": remember})


def _set(action: Action, host: Host) -> None:
    before, after, remember = action.before["value"], action.after["value"], action.wanted["remember"]
    if remember:
        host.memory["sysctls"].setdefault(action.name, {"was": before, "set": after})
        host.memory.save()  # before the value changes: a crash in between must not lose what it was
    if after is not None and after != before:
        sysctls.write(action.name, after)
    if remember is False:
        host.memory["sysctls"].pop(action.name, None)
