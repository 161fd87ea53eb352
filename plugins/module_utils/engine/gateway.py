# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host as its networks' gateway: the sysctls and routes that policies and published ports need, and their return.

Forwarding is enabled after the rules that keep the host from routing for others (chain norouter), and restored before
they are deleted: there is no moment in which the host routes for every source. When it is enabled for the host and when
for single interfaces is in docs/architecture.md, "Forwarding".

Sources: Documentation/networking/ip-sysctl.rst; inet_forward_change() in net/ipv4/devinet.c, addrconf_forward_change()
in net/ipv6/addrconf.c.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, NamedTuple

from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action
from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import Policy, State
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import Request
from ansible_collections.virtnet.linux.plugins.module_utils.nft import firewall
from ansible_collections.virtnet.linux.plugins.module_utils.rules.names import link_of_sysctl
from ansible_collections.virtnet.linux.plugins.module_utils.system import sysctls

SYSCTL, ROUTE = "sysctl", "route"

_CONF = {4: "net/ipv4/conf", 6: "net/ipv6/conf"}
_OF_LINK = {4: "net/ipv4/conf/%s/forwarding", 6: "net/ipv6/conf/%s/force_forwarding"}  # the second since Linux 6.17
_RA_OF_LINKS_TO_COME = "net/ipv6/conf/default/accept_ra"
_LOOPBACK6 = "::1/128"
_LOOPBACK6_METRIC = 2048  # after lo's own route


class Setting(NamedTuple):
    """How a sysctl or route is set: ``closes`` before the firewall changes, else after it; ``remember`` True to record
    the old value (and ``besides``), False to forget it, None for neither. ``bridge`` is that of a route."""

    closes: bool = False
    remember: bool | None = None
    besides: dict[str, Any] | None = None
    bridge: str = ""


def needs_norouter(state: State, host: Host) -> frozenset[int]:
    """Return the IP versions for which this host was no router before it had networks, and must not become one."""
    remembered = _remembered(host)
    return frozenset(
        version
        for version in _forwarding_versions(state)
        if sysctls.FORWARDING[version] in remembered or sysctls.read(sysctls.FORWARDING[version]) == "0"
    )


def routers(state: State, host: Host) -> frozenset[str]:
    """Return the interfaces with IPv4 forwarding of their own on such a host: ingress by them is still forwarded."""
    key = sysctls.FORWARDING[4]
    if 4 not in state.norouter:
        return frozenset()
    if key in host.memory["sysctls"]:
        beside = host.memory["sysctls"][key].get("beside", {})
    elif host.firewall.state.norouter and sysctls.read(key) == "1":  # by us; runtime state missing: use the rules
        return host.firewall.state.routers
    else:
        beside = _beside(4, host)
    links = [link_of_sysctl(path) for path in beside if path.endswith("/forwarding")]
    return frozenset(link for link in links if link is not None)


def plan(state: State, host: Host) -> list[Action[Setting]]:
    """Return the actions that restore old values before the rules that guard them are deleted, and those that the
    desired firewall state needs after its rules are in force."""
    closing = [*_forwarding_off(state, host), *_localnet(state, host, "0")]
    return [*closing, *_forwarding_on(state, host), *_localnet(state, host, "1"), *_loopback6(state, host)]


def apply(actions: list[Action[Setting]], host: Host) -> None:
    """Set the sysctls and routes; record the old values in the runtime state."""
    stack = host.stack(None)
    for action in actions:
        if action.kind == SYSCTL:
            _set(action, host)
        else:
            link = stack.lookup(action.desired.bridge)
            if link is not None:
                route = messages.append_local_route(link.index, _LOOPBACK6, _LOOPBACK6_METRIC)
                stack.send([Request(route, "route " + action.name)])


def _remembered(host: Host) -> dict[str, Any]:
    """Return the old values of sysctls; where the runtime state is missing, the rules show for which IP versions
    forwarding was off."""
    live = host.firewall.state
    others = {_OF_LINK[4] % name for name in live.routers}
    keys = [key for version in live.norouter for key in _forwarding_keys(live, version) if not _is_bridges(key, live)]
    lost = {key: {"was": "0", "set": "1"} for key in keys if key not in others}
    if sysctls.FORWARDING[6] in lost and not host.memory["sysctls"]:
        lost[_RA_OF_LINKS_TO_COME] = {"was": "1", "set": "2"}
    return {**lost, **host.memory["sysctls"]}


def _forwarding_versions(state: State) -> list[int]:
    return [version for version in sysctls.FORWARDING if _forwarded(state, version)]


def _forwarded(state: State, version: int) -> list[Policy]:
    """Return the policies of networks whose packets of that IP version are forwarded."""
    return [
        policy
        for policy in state.policies.values()
        if not policy.internal and any((":" in subnet) == (version == 6) for subnet in policy.subnets)
    ]


def _forwarding_keys(state: State, version: int) -> list[str]:
    """Return the sysctls that have to be 1: the host's own; or those of bridges and uplinks only, where every network
    declares uplinks and the kernel supports it."""
    networks = _forwarded(state, version)
    if not networks:
        return []
    if not all(policy.uplinks for policy in networks) or sysctls.read(_OF_LINK[version] % "all") is None:
        return [sysctls.FORWARDING[version]]
    names = {name for policy in networks for name in (policy.bridge, *policy.uplinks)}
    return [_OF_LINK[version] % name for name in sorted(names)]


def _is_bridges(key: str, state: State) -> bool:
    """Return whether the sysctl is one of a network's bridge, deleted with it."""
    return any(key == of_link % name for of_link in _OF_LINK.values() for name in state.policies)


def _forwarding_on(state: State, host: Host) -> Iterator[Action[Setting]]:
    for version, of_host in sysctls.FORWARDING.items():
        for key in _forwarding_keys(state, version):
            now = _after_closing(key, version, state, host)
            if now is None and _is_bridges(key, state) and host.will_have_link(link_of_sysctl(key) or ""):
                now = "0"  # a bridge to be created
            if now in ("1", None):
                continue
            if _is_bridges(key, state):
                yield _change(key, now, "1", Setting())
            elif key != of_host:
                yield _remember(key, now, "1")
            else:
                if version == 6:
                    yield from _keep_accepting(host)
                yield _remember(key, now, "1", beside=_beside(version, host))
    if sysctls.FORWARDING[4] in _forwarding_keys(state, 4) and sysctls.read(sysctls.FORWARDING[4]) == "1":
        yield from _bridges_on(state)


def _bridges_on(state: State) -> Iterator[Action[Setting]]:
    """Yield a change for each bridge whose forwarding was disabled out of band: the host's own sysctl sets every link
    only when it is written."""
    for policy in _forwarded(state, 4):
        key = _OF_LINK[4] % policy.bridge
        if sysctls.read(key) == "0":
            yield _change(key, "0", "1", Setting())


def _after_closing(key: str, version: int, state: State, host: Host) -> str | None:
    """Return the value after closing: what the kernel sets along with the host's own sysctl is 0, or restored."""
    now, of_host = sysctls.read(key), sysctls.FORWARDING[version]
    falls = of_host in _remembered(host) and of_host not in _forwarding_keys(state, version)
    if version == 4 and falls and now == "1" and sysctls.read(of_host) == "1":
        beside: dict[str, str] = host.memory["sysctls"].get(of_host, {}).get("beside", {})
        return beside.get(key, "0")
    return now


def _forwarding_off(state: State, host: Host) -> Iterator[Action[Setting]]:
    remembered = _remembered(host)
    needed = {key for version in sysctls.FORWARDING for key in _forwarding_keys(state, version)}
    for key in sorted(key for key in remembered if key not in needed and not key.endswith("/accept_ra")):
        yield _give_back(key, remembered)
    if sysctls.FORWARDING[6] not in needed:
        for key in sorted(key for key in remembered if key.endswith("/accept_ra")):
            yield _give_back(key, remembered)
        yield from _links_that_came(host, remembered)
    yield from _bridges_off(needed, host)


def _bridges_off(needed: set[str], host: Host) -> Iterator[Action[Setting]]:
    """Yield a change for each bridge that stays and no longer needs forwarding of its own."""
    for version, of_host in sysctls.FORWARDING.items():
        if version == 4 and (of_host in needed or sysctls.read(of_host) == "1"):
            continue  # the host's own sysctl applies to all links
        with_uplinks = [name for name, policy in host.firewall.state.policies.items() if policy.uplinks]
        for name in sorted(name for name in with_uplinks if (None, name) not in host.links_to_delete):
            key = _OF_LINK[version] % name
            if key not in needed and sysctls.read(key) == "1":
                yield _change(key, "1", "0", Setting(closes=True))


def _keep_accepting(host: Host) -> Iterator[Action[Setting]]:
    """Yield changes of accept_ra to 2: a link with 1 ignores router advertisements, and loses its default route, once
    forwarding is enabled. Also for links created later."""
    values = _accept_ra(host)
    for key in sorted(key for key, value in values.items() if value == "1"):
        yield _remember(key, "1", "2")
    if sysctls.read(_RA_OF_LINKS_TO_COME) == "1":
        own = sorted(key for key, value in values.items() if value == "2")
        yield _remember(_RA_OF_LINKS_TO_COME, "1", "2", own=own)


def _links_that_came(host: Host, remembered: dict[str, Any]) -> Iterator[Action[Setting]]:
    """Yield changes back for links created since, or NICs moved back, that inherited accept_ra from conf/default; not
    for those that had this value before. Where the old values are missing, nothing is changed."""
    own = remembered.get(_RA_OF_LINKS_TO_COME, {}).get("own")
    for key, value in sorted(_accept_ra(host).items()):
        if own is not None and value == "2" and key not in own and key not in remembered:
            yield _change(key, "2", "1", Setting(closes=True))


def _accept_ra(host: Host) -> dict[str, str | None]:
    """Return accept_ra of each unmanaged link, by its sysctl, without links to be deleted."""
    links = [
        link.name
        for link in host.stack(None).links.values()
        if not link.ours and link.name != "lo" and (None, link.name) not in host.links_to_delete
    ]
    keys = [f"{_CONF[6]}/{name}/accept_ra" for name in links]
    return {key: sysctls.read(key) for key in keys}


def _localnet(state: State, host: Host, value: str) -> Iterator[Action[Setting]]:
    """Yield changes to route_localnet of bridges with ports that this host reaches through 127.0.0.1. Ports of a bridge
    that was deleted out of band stay, for the one created in its place."""
    names = set(firewall.loopback_bridges(state)[4])
    if value == "1":
        names = set(filter(host.will_have_link, names))
    else:
        ours = {link.name for link in host.stack(None).links.values() if link.switch and link.ours}
        names = ours - names - {name for netns, name in host.links_to_delete if netns is None}
    for name in sorted(names):
        key = f"{_CONF[4]}/{name}/route_localnet"
        now = sysctls.read(key)
        if (now or "0") != value:
            yield _change(key, now, value, Setting(closes=value == "0"))


def _loopback6(state: State, host: Host) -> Iterator[Action[Setting]]:
    """Yield a local route to ::1 on each bridge with ports that this host reaches through ::1."""
    stack = host.stack(None)
    for name in sorted(filter(host.will_have_link, firewall.loopback_bridges(state)[6])):
        link = stack.links.get(name)
        if link is None or (link.index, _LOOPBACK6) not in stack.local_routes:
            yield Action(
                Phase.GATEWAY_OPEN,
                "create",
                ROUTE,
                "local ::1 dev " + name,
                {},
                {"metric": _LOOPBACK6_METRIC},
                Setting(bridge=name),
            )


def _remember(key: str, before: str | None, after: str, **besides: Any) -> Action[Setting]:
    """Return a change whose old value is recorded, together with ``besides``."""
    return _change(key, before, after, Setting(remember=True, besides=besides))


def _give_back(key: str, remembered: dict[str, Any]) -> Action[Setting]:
    """Return a change to the old value; if the value was changed out of band it stays, and the record is deleted."""
    was, ours = remembered[key]["was"], remembered[key]["set"]
    now = sysctls.read(key)
    return _change(key, now, was if now == ours else now, Setting(closes=True, remember=False))


def _change(key: str, before: str | None, after: str | None, about: Setting) -> Action[Setting]:
    phase = Phase.GATEWAY_CLOSE if about.closes else Phase.GATEWAY_OPEN
    return Action(phase, "change", SYSCTL, key, {"value": before}, {"value": after}, about)


def _set(action: Action[Setting], host: Host) -> None:
    key, before, after, remember = action.name, action.before["value"], action.after["value"], action.desired.remember
    if remember:
        host.memory["sysctls"].setdefault(key, {"was": before, "set": after, **(action.desired.besides or {})})
        host.memory.save()  # before the value changes: a crash in between must not lose the old one
    if after is not None and after != before:
        sysctls.write(key, after)
    if remember is False:
        beside = host.memory["sysctls"].get(key, {}).get("beside", {})
        for other, value in beside.items():
            if sysctls.read(other) not in (None, value):  # None: deleted with its link
                sysctls.write(other, value)
        host.memory["sysctls"].pop(key, None)


def _beside(version: int, host: Host) -> dict[str, str]:
    """Return the values that differ from the kernel's when it disables forwarding for the host: forwarding of single
    links, unless enabled by us, and whether redirects are accepted."""
    folder, live = _CONF[version], host.firewall.state
    links = {name for policy in live.policies.values() for name in (policy.bridge, *policy.uplinks)} - live.routers
    ours = {*host.memory["sysctls"], *(_OF_LINK[version] % name for name in links)}
    keys = [f"{folder}/{name}/forwarding" for name in sorted(os.listdir("/proc/sys/" + folder)) if name != "all"]
    found = {key: "1" for key in keys if key not in ours and sysctls.read(key) == "1"}
    redirects = folder + "/all/accept_redirects"
    return {**found, redirects: "0"} if version == 4 and sysctls.read(redirects) == "0" else found
