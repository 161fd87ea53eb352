# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Linux bridges."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.facts import options, renamed
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.links import settings
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action, difference
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Bridge
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages, namespaces
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import Request, number
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import Link
from ansible_collections.virtnet.linux.plugins.module_utils.system import sysctls

KIND = "bridge"

LINK_LOCAL = "fe80::1/64"  # static: without a link-local address neighbour discovery of forwarded IPv6 packets fails

# include/uapi/linux/if_link.h
_IFLA_BR_FORWARD_DELAY, _IFLA_BR_PRIORITY, _IFLA_BR_BRIDGE_ID, _IFLA_BR_MCAST_SNOOPING = 1, 6, 11, 23
_TICKS = 100  # clock ticks per second in netlink messages: USER_HZ
# STP forward delay and max age in seconds: the kernel's minimum, because patch links have no delay.
_FORWARD_DELAY, _MAX_AGE = 2, 6

# accept_ra 0: an accepted router advertisement would add an undeclared address. arp_ignore 1: the bridge does not
# answer ARP for another bridge's address; on two bridges with a patch link both would answer, and only one of them is
# the gateway. (IPv6 does so by default.)
_SYSCTLS = {"accept_ra": ("net/ipv6/conf/%s/accept_ra", "0"), "arp_ignore": ("net/ipv4/conf/%s/arp_ignore", "1")}
_TREE = {"stp": "IFLA_BR_STP_STATE", "forward_delay": "IFLA_BR_FORWARD_DELAY", "priority": "IFLA_BR_PRIORITY"}
# Multicast snooping loses groups without a querier, and with one the bridge itself sends queries (MLD); a network is
# small enough to flood.
_SNOOPING = {"mcast_snooping": False}
_SHOWN = ("addresses", "mac", "mtu", "labels")  # keys of the diff of a bridge to be deleted


def check(desired: Bridge, host: Host, problems: options.Problems) -> None:
    """Validate one bridge; reject changes to a link that this collection does not manage, unless ``adopt`` is set."""
    name = desired.name
    problems.interface_name(KIND, name, "name", name)
    problems.object_name(KIND, name, "netns", desired.netns)
    if desired.is_present:
        _check_values(desired, problems)
    if not host.is_known_namespace(desired.netns):
        if desired.is_present:
            problems.refer(KIND, name, "netns", desired.netns, "namespace")
        return
    link = host.link(desired.netns, name, "bridge", desired.is_present)
    if link is not None and link.kind != "bridge":
        problems.add(KIND, name, "name", name, f"a link of this name exists and is not a bridge but {_a(link.kind)}")
    elif link is not None and not link.ours and not desired.adopt and not host.is_made_here(desired.netns):
        problems.foreign(KIND, name)
    if desired.is_present:
        if link is not None:
            problems.existing_mtu(KIND, name, desired.mtu, link.mtu, desired.addresses or ())
        for interface in desired.interfaces or []:
            _check_port(desired, interface, host, problems)


def _check_values(desired: Bridge, problems: options.Problems) -> None:
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
        host.bridges.add(key)
        host.links_to_create.add(key)
    else:
        host.links_to_delete.add(key)


def plan(desired: Bridge, host: Host) -> list[Action[Bridge]]:
    """Return the actions that bring one bridge to its desired state; none if it already is (idempotent)."""
    name, stack = desired.name, host.stack(desired.netns)
    link = host.link(desired.netns, name, "bridge", desired.is_present)
    if not desired.is_present:
        return (
            []
            if link is None
            else [
                Action(Phase.DELETE_CONTAINERS, "delete", KIND, name, settings.read(stack, link, _SHOWN), {}, desired)
            ]
        )
    asked = _settings(desired, link)
    if link is None:
        keys = ("netns", "addresses", "mac", "mtu", *_TREE, "interfaces", "up", "labels")
        after = desired.values(*keys)
        return [
            Action(
                Phase.BRIDGES,
                "create",
                KIND,
                name,
                {},
                {key: value for key, value in after.items() if value is not None},
                desired,
            )
        ]
    before, after = settings.compare(asked, stack, link, LINK_LOCAL)
    more_before, more_after = difference(_own(desired), _found(desired, host, link))
    before.update(more_before)
    after.update(more_after)
    renamed.note(name, link, before, after)
    return [Action(Phase.BRIDGES, "change", KIND, name, before, after, desired)] if after else []


def apply(actions: list[Action[Bridge]], host: Host) -> None:
    """Create and change bridges."""
    renamed.rename(actions, host)
    for action in actions:
        desired, stack = action.desired, host.stack(action.desired.netns)
        about = f"{KIND} {action.name}"
        link = stack.links.get(action.name)
        asked = _settings(desired, link)
        if link is None:
            stack.still_free(action.name, about)
            # create and set the ownership label in one batch: a killed run leaves no bridge without an owner
            marked = settings.setup(action.name, about, {"labels": asked["labels"], "silent": True}, None)
            stack.make([action.name], [_create(desired, about), *marked])
            host.bridges_made.add(action.name)
        elif {*_TREE, *_SNOOPING} & set(action.after):
            data = [*_tree(desired), ("IFLA_BR_MCAST_SNOOPING", 0)]
            stack.send([Request(messages.change_link_data(action.name, "bridge", data), about)])
        if link is not None and "mtu" in action.after:  # below IPv6's minimum MTU the link has no IPv6 sysctls
            stack.send([Request(messages.change_link(action.name, [("IFLA_MTU", desired.mtu)]), about)])
        index = stack.fresh(action.name).index
        with namespaces.entered(desired.netns):  # before the link is up
            _set_sysctls(desired)
        requests = settings.setup(action.name, about, asked, None)
        requests += settings.addressing(stack, link, index, about, asked, LINK_LOCAL)
        for interface in desired.interfaces or []:
            port = stack.links.get(interface) or stack.lookup(interface)
            if port is not None:  # None: a veth of the same document, created later with this bridge as its master
                requests += settings.reopening(stack, port, about + ": " + interface)
                requests.append(
                    Request(messages.change_link(interface, [("IFLA_MASTER", index)]), about + ": " + interface)
                )
        stack.send(requests)
        stack.forget()


def identity(link: Link) -> str:
    """Return the bridge ID as `brctl show` prints it: priority and MAC."""
    found = bytes(link.data[_IFLA_BR_BRIDGE_ID]).hex()
    return found[:4] + "." + found[4:]


def _check_port(desired: Bridge, interface: str, host: Host, problems: options.Problems) -> None:
    name, stack = desired.name, host.stack(desired.netns)
    port = stack.links.get(interface)
    if port is None:
        if (desired.netns, interface) not in host.links_to_create:
            problems.refer(KIND, name, "interfaces", interface, "link")
        return
    master = stack.link_at(port.master)
    if master is not None and master.name != name and not desired.adopt:
        problems.add(KIND, name, "interfaces", interface, f"is a port of {master.name}; remove it from there first")


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


def _own(desired: Bridge) -> dict[str, Any]:
    interfaces = None if desired.interfaces is None else sorted(desired.interfaces)
    tree = desired.values(*_TREE)
    told = {key: value for key, (_path, value) in _sysctls_of(desired).items()}
    return {**tree, **_SNOOPING, "interfaces": interfaces, **told}


def _found(desired: Bridge, host: Host, link: Link) -> dict[str, Any]:
    stack = host.stack(desired.netns)
    asked = desired.interfaces or []
    ports = [port.name for port in stack.links.values() if port.master == link.index]
    with namespaces.entered(desired.netns):
        now = {key: sysctls.read(path % link.name) or value for key, (path, value) in _sysctls_of(desired).items()}
    # undeclared ports are ignored: only a declared port that is missing, or does not forward, is a difference
    interfaces = sorted(port for port in asked if port in ports and not settings.is_shut(stack, stack.links[port]))
    tree = {
        "stp": link.stp,
        "forward_delay": number(link.data[_IFLA_BR_FORWARD_DELAY]) // _TICKS,
        "priority": number(link.data[_IFLA_BR_PRIORITY]),
        "mcast_snooping": bool(number(link.data.get(_IFLA_BR_MCAST_SNOOPING, b""))),
    }
    return {**tree, "interfaces": interfaces, **now}


def _create(desired: Bridge, about: str) -> Request:
    # always set a MAC: without one the bridge takes the lowest MAC of its ports, and when that changes neighbours lose
    # the gateway
    mac = (desired.mac or _random_mac()).lower()
    attrs: messages.Attributes = [("IFLA_ADDRESS", mac)]
    if desired.mtu is not None:
        attrs.append(("IFLA_MTU", desired.mtu))
    data = [*_tree(desired), ("IFLA_BR_MCAST_SNOOPING", 0)]
    return Request(messages.create_link(desired.name, "bridge", data, attrs), about)


def _tree(desired: Bridge) -> messages.Attributes:
    """Return the desired spanning tree attributes (IFLA_BR_*)."""
    asked = [
        (_TREE[key], int(getattr(desired, key))) for key in ("stp", "priority") if getattr(desired, key) is not None
    ]
    delay = desired.forward_delay or (_FORWARD_DELAY if desired.stp else None)
    if delay is not None:
        asked.append(("IFLA_BR_FORWARD_DELAY", delay * _TICKS))
    if desired.stp:
        asked.append(("IFLA_BR_MAX_AGE", _MAX_AGE * _TICKS))
    return asked


def _random_mac() -> str:
    return ":".join(f"{octet:02x}" for octet in b"\x06" + os.urandom(5))


def _sysctls_of(desired: Bridge) -> dict[str, tuple[str, str]]:
    """Return the desired sysctls of the bridge, as path and value. IPv6 is enabled on a bridge with IPv6 addresses also
    where the host disables it by default."""
    needs_ipv6 = any(":" in address for address in desired.addresses or [])
    return {**_SYSCTLS, "disable_ipv6": ("net/ipv6/conf/%s/disable_ipv6", "0")} if needs_ipv6 else _SYSCTLS


def _set_sysctls(desired: Bridge) -> None:
    for path, value in _sysctls_of(desired).values():
        if sysctls.read(path % desired.name) not in (None, value):
            sysctls.write(path % desired.name, value)


def _a(kind: str | None) -> str:
    return "a " + kind if kind else "a NIC or the like"
