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
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages, namespaces
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import Request, number
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import Link
from ansible_collections.virtnet.linux.plugins.module_utils.system import sysctls

KIND = "bridge"
OPTIONS: dict[str, Any] = dict(
    name=dict(type="str", required=True),
    netns=dict(type="str"),
    addresses=dict(type="list", elements="str"),
    mac=dict(type="str"),
    mtu=dict(type="int"),
    stp=dict(type="bool"),
    forward_delay=dict(type="int"),
    priority=dict(type="int"),
    interfaces=dict(type="list", elements="str"),
    up=dict(type="bool", default=True),
    labels=options.LABELS,
    adopt=options.ADOPT,
    state=options.STATE,
)

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


def check(wanted: dict[str, Any], host: Host, problems: options.Problems) -> None:
    """Validate one bridge; reject changes to a link that this collection does not manage, unless ``adopt`` is set."""
    name = wanted["name"]
    problems.interface_name(KIND, name, "name", name)
    problems.object_name(KIND, name, "netns", wanted["netns"])
    if wanted["state"] == "present":
        _check_values(wanted, problems)
    if not host.is_known_namespace(wanted["netns"]):
        if wanted["state"] == "present":
            problems.refer(KIND, name, "netns", wanted["netns"], "namespace")
        return
    link = host.link(wanted["netns"], name, "bridge", wanted["state"] == "present")
    if link is not None and link.kind != "bridge":
        problems.add(KIND, name, "name", name, f"a link of this name stands there and is no bridge but {_a(link.kind)}")
    elif link is not None and not link.ours and not wanted["adopt"] and not host.is_made_here(wanted["netns"]):
        problems.foreign(KIND, name)
    if wanted["state"] == "present":
        if link is not None:
            problems.standing_mtu(KIND, name, wanted["mtu"], link.mtu, wanted["addresses"] or ())
        for interface in wanted["interfaces"] or []:
            _check_port(wanted, interface, host, problems)


def _check_values(wanted: dict[str, Any], problems: options.Problems) -> None:
    """Validate the values without looking at the host."""
    name = wanted["name"]
    problems.mac(KIND, name, "mac", wanted["mac"])
    problems.mtu(KIND, name, "mtu", wanted["mtu"], wanted["addresses"] or ())
    problems.labels(KIND, name, wanted["labels"])
    for field, first, last in (("forward_delay", 2, 30), ("priority", 0, 65535)):
        if wanted[field] is not None and not first <= wanted[field] <= last:
            problems.add(KIND, name, field, wanted[field], f"a number from {first} to {last}")
    for address in wanted["addresses"] or []:
        problems.interface_address(KIND, name, "addresses", address)


def identities(wanted: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the keys that must be unique in a document."""
    return [("link", wanted["netns"], wanted["name"])]


def foretell(wanted: dict[str, Any], host: Host) -> None:
    """Record in ``host`` that the bridge is to be created or deleted."""
    key = (wanted["netns"], wanted["name"])
    if wanted["state"] == "present":
        host.bridges.add(key)
        host.links_coming.add(key)
    else:
        host.links_going.add(key)


def plan(wanted: dict[str, Any], host: Host) -> list[Action]:
    """Return the actions that bring one bridge to its desired state; none if it already is (idempotent)."""
    name, stack = wanted["name"], host.stack(wanted["netns"])
    link = host.link(wanted["netns"], name, "bridge", wanted["state"] == "present")
    if wanted["state"] == "absent":
        return [] if link is None else [Action("delete", KIND, name, settings.read(stack, link, _SHOWN), {}, wanted)]
    asked = _settings(wanted, link)
    if link is None:
        keys = ("netns", "addresses", "mac", "mtu", *_TREE, "interfaces", "up", "labels")
        after = {key: wanted[key] for key in keys}
        return [
            Action("create", KIND, name, {}, {key: value for key, value in after.items() if value is not None}, wanted)
        ]
    before, after = settings.compare(asked, stack, link, LINK_LOCAL)
    more_before, more_after = difference(_own(wanted), _found(wanted, host, link))
    before.update(more_before)
    after.update(more_after)
    renamed.note(name, link, before, after)
    return [Action("change", KIND, name, before, after, wanted)] if after else []


def apply(actions: list[Action], host: Host) -> None:
    """Create and change bridges."""
    renamed.rename(actions, host)
    for action in actions:
        wanted, stack = action.wanted, host.stack(action.wanted["netns"])
        about = f"{KIND} {action.name}"
        link = stack.links.get(action.name)
        asked = _settings(wanted, link)
        if link is None:
            stack.still_free(action.name, about)
            # create and set the ownership label in one batch: a killed run leaves no bridge without an owner
            marked = settings.setup(action.name, about, {"labels": asked["labels"], "silent": True}, None)
            stack.make([action.name], [_create(wanted, about), *marked])
            host.bridges_made.add(action.name)
        elif {*_TREE, *_SNOOPING} & set(action.after):
            data = [*_tree(wanted), ("IFLA_BR_MCAST_SNOOPING", 0)]
            stack.send([Request(messages.change_link_data(action.name, "bridge", data), about)])
        if link is not None and "mtu" in action.after:  # below IPv6's minimum MTU the link has no IPv6 sysctls
            stack.send([Request(messages.change_link(action.name, [("IFLA_MTU", wanted["mtu"])]), about)])
        index = stack.fresh(action.name).index
        with namespaces.entered(wanted["netns"]):  # before the link is up
            _set_sysctls(wanted)
        requests = settings.setup(action.name, about, asked, None)
        requests += settings.addressing(stack, link, index, about, asked, LINK_LOCAL)
        for interface in wanted["interfaces"] or []:
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


def _check_port(wanted: dict[str, Any], interface: str, host: Host, problems: options.Problems) -> None:
    name, stack = wanted["name"], host.stack(wanted["netns"])
    port = stack.links.get(interface)
    if port is None:
        if (wanted["netns"], interface) not in host.links_coming:
            problems.refer(KIND, name, "interfaces", interface, "link")
        return
    master = stack.link_at(port.master)
    if master is not None and master.name != name and not wanted["adopt"]:
        problems.add(KIND, name, "interfaces", interface, f"it is a port of {master.name}: take it off there first")


def _settings(wanted: dict[str, Any], link: Link | None) -> settings.Settings:
    asked: settings.Settings = {key: wanted[key] for key in ("mac", "mtu", "up", "labels")}
    if wanted["addresses"] is not None:
        asked["addresses"] = sorted({settings.normal_address(address) for address in wanted["addresses"]})
    if asked["mac"] is not None:
        asked["mac"] = asked["mac"].lower()
    if asked["labels"] is None and (link is None or not link.ours):
        asked["labels"] = {}
    asked["silent"] = True
    return asked


def _own(wanted: dict[str, Any]) -> dict[str, Any]:
    interfaces = None if wanted["interfaces"] is None else sorted(wanted["interfaces"])
    tree = {key: wanted[key] for key in _TREE}
    told = {key: value for key, (_path, value) in _sysctls_of(wanted).items()}
    return {**tree, **_SNOOPING, "interfaces": interfaces, **told}


def _found(wanted: dict[str, Any], host: Host, link: Link) -> dict[str, Any]:
    stack = host.stack(wanted["netns"])
    asked = wanted["interfaces"] or []
    ports = [port.name for port in stack.links.values() if port.master == link.index]
    with namespaces.entered(wanted["netns"]):
        now = {key: sysctls.read(path % link.name) or value for key, (path, value) in _sysctls_of(wanted).items()}
    # undeclared ports are ignored: only a declared port that is missing, or does not forward, is a difference
    interfaces = sorted(port for port in asked if port in ports and not settings.is_shut(stack, stack.links[port]))
    tree = {
        "stp": link.stp,
        "forward_delay": number(link.data[_IFLA_BR_FORWARD_DELAY]) // _TICKS,
        "priority": number(link.data[_IFLA_BR_PRIORITY]),
        "mcast_snooping": bool(number(link.data.get(_IFLA_BR_MCAST_SNOOPING, b""))),
    }
    return {**tree, "interfaces": interfaces, **now}


def _create(wanted: dict[str, Any], about: str) -> Request:
    # always set a MAC: without one the bridge takes the lowest MAC of its ports, and when that changes neighbours lose
    # the gateway
    mac = (wanted["mac"] or _random_mac()).lower()
    attrs: messages.Attributes = [("IFLA_ADDRESS", mac)]
    if wanted["mtu"] is not None:
        attrs.append(("IFLA_MTU", wanted["mtu"]))
    data = [*_tree(wanted), ("IFLA_BR_MCAST_SNOOPING", 0)]
    return Request(messages.create_link(wanted["name"], "bridge", data, attrs), about)


def _tree(wanted: dict[str, Any]) -> messages.Attributes:
    """Return the desired spanning tree attributes (IFLA_BR_*)."""
    asked = [(_TREE[key], int(wanted[key])) for key in ("stp", "priority") if wanted[key] is not None]
    delay = wanted["forward_delay"] or (_FORWARD_DELAY if wanted["stp"] else None)
    if delay is not None:
        asked.append(("IFLA_BR_FORWARD_DELAY", delay * _TICKS))
    if wanted["stp"]:
        asked.append(("IFLA_BR_MAX_AGE", _MAX_AGE * _TICKS))
    return asked


def _random_mac() -> str:
    return ":".join(f"{octet:02x}" for octet in b"\x06" + os.urandom(5))


def _sysctls_of(wanted: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Return the desired sysctls of the bridge, as path and value. IPv6 is enabled on a bridge with IPv6 addresses also
    where the host disables it by default."""
    needs_ipv6 = any(":" in address for address in wanted["addresses"] or [])
    return {**_SYSCTLS, "disable_ipv6": ("net/ipv6/conf/%s/disable_ipv6", "0")} if needs_ipv6 else _SYSCTLS


def _set_sysctls(wanted: dict[str, Any]) -> None:
    for path, value in _sysctls_of(wanted).values():
        if sysctls.read(path % wanted["name"]) not in (None, value):
            sysctls.write(path % wanted["name"], value)


def _a(kind: str | None) -> str:
    return "a " + kind if kind else "a card or the like"
