# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bridges: what the switches of all drivers (switch/) share."""

from __future__ import annotations

from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.facts import options, renamed
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.links import settings
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action, difference
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Bridge
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import namespaces
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.link import Link
from ansible_collections.virtnet.linux.plugins.module_utils.switch import drivers
from ansible_collections.virtnet.linux.plugins.module_utils.system import sysctls

KIND = "bridge"

LINK_LOCAL = "fe80::1/64"  # static: without a link-local address neighbour discovery of forwarded IPv6 packets fails

# include/uapi/linux/if_link.h
_IFLA_BR_BRIDGE_ID = 11
# accept_ra 0: an accepted router advertisement would add an undeclared address. arp_ignore 1: the bridge does not
# answer ARP for another bridge's address; on two bridges with a patch link both would answer, and only one of them is
# the gateway. (IPv6 does so by default.)
_SYSCTLS = {"accept_ra": ("net/ipv6/conf/%s/accept_ra", "0"), "arp_ignore": ("net/ipv4/conf/%s/arp_ignore", "1")}
_NOT_SHOWN = ("name", "adopt", "state")  # in the diff of a new bridge
_SHOWN = ("addresses", "mac", "mtu", "labels")  # keys of the diff of a bridge to be deleted


def check(desired: Bridge, host: Host, problems: options.Checks) -> None:
    """Validate one bridge; reject changes to a link that this collection does not manage, unless ``adopt`` is set."""
    name = desired.name
    problems.interface_name(KIND, name, "name", name)
    problems.object_name(KIND, name, "netns", desired.netns)
    if desired.is_present:
        _check_values(desired, problems)
    if not host.is_known_namespace(desired.netns):
        if desired.is_present:
            problems.refer(KIND, name, "netns", desired.netns, "namespace", host.known_namespaces())
        return
    link = host.link(desired.netns, name, "bridge", desired.is_present)
    if link is not None and link.switch is None:
        problems.add(KIND, name, "name", name, f"a link of this name exists and is not a bridge but {_a(link.kind)}")
    elif link is not None and desired.is_present and desired.driver not in (None, link.switch):
        exists = f"exists with driver {link.switch}; remove it first (state: absent), then create it with this one"
        problems.add(KIND, name, "driver", desired.driver, exists)
    elif link is not None and not link.ours and not desired.adopt and not host.is_made_here(desired.netns):
        problems.foreign(KIND, name)
    if desired.is_present:
        if link is not None:
            problems.existing_mtu(KIND, name, desired.mtu, link.mtu, desired.addresses or ())
        drivers.of(host, desired.netns, name).check(desired, host, problems)


def _check_values(desired: Bridge, problems: options.Checks) -> None:
    """Validate the values without looking at the host."""
    name = desired.name
    problems.mac(KIND, name, "mac", desired.mac)
    problems.mtu(KIND, name, "mtu", desired.mtu, desired.addresses or ())
    problems.labels(KIND, name, desired.labels)
    for field, first, last in (("forward_delay", 2, 30), ("priority", 0, 65535)):
        problems.number(KIND, name, field, getattr(desired, field), first, last)
    for address in desired.addresses or []:
        problems.interface_address(KIND, name, "addresses", address)


def identities(desired: Bridge) -> list[tuple[Any, ...]]:
    """Return the keys that must be unique in a document."""
    return [("link", desired.netns, desired.name)]


def predict(desired: Bridge, host: Host) -> None:
    """Record in ``host`` that the bridge is to be created or deleted."""
    key = (desired.netns, desired.name)
    if desired.is_present:
        link = host.stack(desired.netns).links.get(desired.name) if host.is_known_namespace(desired.netns) else None
        host.bridges[key] = desired.driver or (link.switch if link is not None else None) or "linux"
        host.links_to_create.add(key)
    else:
        host.links_to_delete.add(key)


def plan(desired: Bridge, host: Host) -> list[Action[Bridge]]:
    """Return the actions that bring one bridge to its desired state; none if it already is (idempotent)."""
    name, stack = desired.name, host.stack(desired.netns)
    link = host.link(desired.netns, name, "bridge", desired.is_present)
    if not desired.is_present:
        if link is None:
            return []
        phase, before = drivers.of(host, desired.netns, name).DELETION, settings.read(stack, link, _SHOWN)
        return [Action(phase, "delete", KIND, name, before, {}, desired)]
    asked = _settings(desired, link)
    if link is None:
        after = desired.given(*(field for field in desired.fields if field not in _NOT_SHOWN))
        return [Action(Phase.BRIDGES, "create", KIND, name, {}, after, desired)]
    before, after = settings.compare(asked, stack, link, LINK_LOCAL)
    driver = drivers.of(host, desired.netns, name)
    for more_before, more_after in (driver.differences(desired, host, link), _sysctl_differences(desired, link)):
        before.update(more_before)
        after.update(more_after)
    renamed.note(name, link, before, after)
    return [Action(Phase.BRIDGES, "change", KIND, name, before, after, desired)] if after else []


def apply(actions: list[Action[Bridge]], host: Host) -> None:
    """Create and change bridges."""
    renamed.rename(actions, host)
    for action in actions:
        desired, stack = action.desired, host.stack(action.desired.netns)
        about, driver = f"{KIND} {action.name}", drivers.of(host, desired.netns, action.name)
        link = stack.links.get(action.name)
        asked = _settings(desired, link)
        driver.apply(desired, link, action.after, asked, host)
        if action.verb == "create":
            host.bridges_made.add(action.name)
        index = stack.fresh(action.name).index
        with namespaces.entered(desired.netns):  # before the link is up
            _set_sysctls(desired)
        requests = settings.setup(action.name, about, driver.by_netlink(asked), None)
        requests += settings.addressing(stack, link, index, about, asked, LINK_LOCAL)
        stack.send(requests + driver.attach(desired, index, host))
        stack.forget()


def identity(link: Link) -> str:
    """Return the bridge ID as `brctl show` prints it: priority and MAC. A switch without a spanning tree has the
    default priority."""
    if _IFLA_BR_BRIDGE_ID not in link.data:
        return "8000." + (link.mac or "").replace(":", "")
    found = bytes(link.data[_IFLA_BR_BRIDGE_ID]).hex()
    return found[:4] + "." + found[4:]


def _settings(desired: Bridge, link: Link | None) -> settings.Settings:
    asked: settings.Settings = desired.values("mac", "mtu", "up", "labels")
    if desired.addresses is not None:
        asked["addresses"] = sorted({settings.normal_address(address) for address in desired.addresses})
    if asked["mac"] is not None:
        asked["mac"] = asked["mac"].lower()
    if asked["labels"] is None and (link is None or not link.ours):
        asked["labels"] = {}
    asked["silent"] = True
    return asked


def _sysctls_of(desired: Bridge) -> dict[str, tuple[str, str]]:
    """Return the desired sysctls of the bridge, as path and value. IPv6 is enabled on a bridge with IPv6 addresses also
    where the host disables it by default."""
    needs_ipv6 = any(":" in address for address in desired.addresses or [])
    return {**_SYSCTLS, "disable_ipv6": ("net/ipv6/conf/%s/disable_ipv6", "0")} if needs_ipv6 else _SYSCTLS


def _sysctl_differences(desired: Bridge, link: Link) -> tuple[dict[str, Any], dict[str, Any]]:
    asked = _sysctls_of(desired)
    with namespaces.entered(desired.netns):
        found = {key: sysctls.read(path % link.name) or value for key, (path, value) in asked.items()}
    return difference({key: value for key, (_path, value) in asked.items()}, found)


def _set_sysctls(desired: Bridge) -> None:
    for path, value in _sysctls_of(desired).values():
        if sysctls.read(path % desired.name) not in (None, value):
            sysctls.write(path % desired.name, value)


def _a(kind: str | None) -> str:
    return "a " + kind if kind else "a NIC or the like"
