# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver of Linux bridges: the kernel's bridge(8), set by netlink, guarded by table bridge virtnet."""

from __future__ import annotations

import os
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.facts.options import Checks
from ansible_collections.virtnet.linux.plugins.module_utils.links import settings
from ansible_collections.virtnet.linux.plugins.module_utils.links.veth_ports import is_reflecting
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import difference
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Bridge, Veth
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.link import Link
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import Request, number
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import Stack

NAME = "linux"
CLOSES_PORTS = False
HAS_VLANS = False
DELETION = Phase.DELETE_CONTAINERS

# include/uapi/linux/if_link.h
_IFLA_BR_FORWARD_DELAY, _IFLA_BR_PRIORITY, _IFLA_BR_MCAST_SNOOPING = 1, 6, 23
_TICKS = 100  # clock ticks per second in netlink messages: USER_HZ
# STP forward delay and max age in seconds: the kernel's minimum, because patch links have no delay.
_FORWARD_DELAY, _MAX_AGE = 2, 6

TREE = {"stp": "IFLA_BR_STP_STATE", "forward_delay": "IFLA_BR_FORWARD_DELAY", "priority": "IFLA_BR_PRIORITY"}
# Multicast snooping loses groups without a querier, and with one the bridge itself sends queries (MLD); a network is
# small enough to flood.
_SNOOPING = {"mcast_snooping": False}


def check(desired: Bridge, host: Host, problems: Checks) -> None:
    """Reject what only other drivers have, and ports of other bridges."""
    for field in ("switch", "vlan", "uplinks"):
        if getattr(desired, field):
            rule = "requires driver openvswitch: a Linux bridge here has one network, without VLANs"
            problems.add(Bridge.KIND, desired.name, field, getattr(desired, field), rule)
    if host.is_known_namespace(desired.netns):
        for interface in desired.interfaces or []:
            _check_port(desired, interface, host, problems)


def differences(desired: Bridge, host: Host, link: Link) -> tuple[dict[str, Any], dict[str, Any]]:
    """Compare spanning tree, multicast snooping and declared ports with the observed bridge; undeclared ports are
    ignored: only a declared port that is missing, or does not forward, is a difference."""
    stack, asked = host.stack(desired.netns), desired.interfaces or []
    ports = [port.name for port in stack.links.values() if port.master == link.index]
    found = {
        "stp": link.stp,
        "forward_delay": number(link.data[_IFLA_BR_FORWARD_DELAY]) // _TICKS,
        "priority": number(link.data[_IFLA_BR_PRIORITY]),
        "mcast_snooping": bool(number(link.data.get(_IFLA_BR_MCAST_SNOOPING, b""))),
        "interfaces": sorted(
            port for port in asked if port in ports and not settings.is_port_disabled(stack, stack.links[port])
        ),
    }
    interfaces = None if desired.interfaces is None else sorted(desired.interfaces)
    return difference({**desired.values(*TREE), **_SNOOPING, "interfaces": interfaces}, found)


def apply(desired: Bridge, link: Link | None, after: dict[str, Any], asked: settings.Settings, host: Host) -> None:
    """Create the bridge (``link`` None) with its ownership label in one batch, so that a killed run leaves no bridge
    without an owner; or set its own attributes where they differ."""
    stack, about = host.stack(desired.netns), f"{Bridge.KIND} {desired.name}"
    if link is None:
        stack.still_free(desired.name, about)
        marked = settings.setup(desired.name, about, {"labels": asked["labels"], "silent": True}, None)
        stack.make([desired.name], [_create(desired, about), *marked])
    elif {*TREE, *_SNOOPING} & set(after):
        data = [*_tree(desired), ("IFLA_BR_MCAST_SNOOPING", 0)]
        stack.send([Request(messages.change_link_data(desired.name, "bridge", data), about)])
    if link is not None and "mtu" in after:  # below IPv6's minimum MTU the link has no IPv6 sysctls
        stack.send([Request(messages.change_link(desired.name, [("IFLA_MTU", desired.mtu)]), about)])


def by_netlink(asked: settings.Settings) -> settings.Settings:
    """Return the settings of a bridge that netlink sets: all."""
    return asked


def by_port(asked: settings.Settings) -> settings.Settings:
    """Return the settings of a port that netlink sets: all."""
    return asked


def attach(desired: Bridge, index: int, host: Host) -> list[Request]:
    """Return the requests that make the declared interfaces ports of the bridge with that index."""
    stack, about, requests = host.stack(desired.netns), f"{Bridge.KIND} {desired.name}", []
    for interface in desired.interfaces or []:
        port = stack.links.get(interface) or stack.lookup(interface)
        if port is not None:  # None: a veth of the same document, created later with this bridge as its master
            requests += settings.reopening(stack, port, about + ": " + interface)
            requests.append(
                Request(messages.change_link(interface, [("IFLA_MASTER", index)]), about + ": " + interface)
            )
    return requests


def port_settings(desired: Veth, end: Any, link: Link | None, host: Host) -> settings.Settings:
    """Return the flags of one end of a pair as a port, those included that no option sets: changed out of band they
    would isolate the port, or deliver other endpoints' frames to it."""
    asked: settings.Settings = {"disabled": False, "port": settings.port_as_made(link)}
    if desired.is_patch_link:
        other = desired.far if end is desired else desired
        asked["hairpin"] = is_reflecting(end.bridge, other.bridge, host)
    else:
        asked["hairpin"] = True  # for a container's call to its own published port, with br_netfilter
        # a port that sends BPDUs is disabled; netfilter does not see such frames
        asked["bpdu_guard"] = desired.anti_spoofing
    return asked


def port_differences(_desired: Veth, _near: Link, _host: Host) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the differences of a port that are none of its settings: none."""
    return {}, {}


def set_ports(_desired: list[Veth], _host: Host) -> None:
    """Set what netlink does not: nothing."""


def master(bridge: str | None, stack: Stack) -> int | None:
    """Return the index to give as IFLA_MASTER."""
    return settings.bridge_of(bridge, stack)


def _check_port(desired: Bridge, interface: str, host: Host, problems: Checks) -> None:
    name, stack = desired.name, host.stack(desired.netns)
    port = stack.links.get(interface)
    if port is None:
        if (desired.netns, interface) not in host.links_to_create:
            problems.refer(Bridge.KIND, name, "interfaces", interface, "link")
        return
    bridge = stack.link_at(port.master)
    if bridge is not None and bridge.name != name and not desired.adopt:
        problems.add(
            Bridge.KIND, name, "interfaces", interface, f"is a port of {bridge.name}; remove it from there first"
        )


def _create(desired: Bridge, about: str) -> Request:
    # always set a MAC: without one the bridge takes the lowest MAC of its ports, and when that changes neighbours lose
    # the gateway
    mac = (desired.mac or random_mac()).lower()
    attrs: messages.Attributes = [("IFLA_ADDRESS", mac)]
    if desired.mtu is not None:
        attrs.append(("IFLA_MTU", desired.mtu))
    data = [*_tree(desired), ("IFLA_BR_MCAST_SNOOPING", 0)]
    return Request(messages.create_link(desired.name, "bridge", data, attrs), about)


def _tree(desired: Bridge) -> messages.Attributes:
    """Return the desired spanning tree attributes (IFLA_BR_*)."""
    asked = [
        (TREE[key], int(getattr(desired, key))) for key in ("stp", "priority") if getattr(desired, key) is not None
    ]
    delay = desired.forward_delay or (_FORWARD_DELAY if desired.stp else None)
    if delay is not None:
        asked.append(("IFLA_BR_FORWARD_DELAY", delay * _TICKS))
    if desired.stp:
        asked.append(("IFLA_BR_MAX_AGE", _MAX_AGE * _TICKS))
    return asked


def random_mac() -> str:
    """Return a random, locally administered MAC (IEEE 802c: bits 06)."""
    return ":".join(f"{octet:02x}" for octet in b"\x06" + os.urandom(5))
