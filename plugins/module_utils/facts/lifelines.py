# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Connectivity that the host would lose with a link: its default route, the route to the controller, a tunnel's
underlay address (VTEP)."""

from __future__ import annotations

import ipaddress
import os
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import Link, Route, Stack

_IFLA_VXLAN_LOCAL, _IFLA_VXLAN_LOCAL6 = 4, 17  # include/uapi/linux/if_link.h


def lifelines(stack: Stack, controller: str | None) -> dict[int, str]:
    """Return, by link index, an error text for each link that must not be moved or deleted, for it carries the host's
    connectivity; also for its lower links: a bridge's or bond's ports, a VLAN's or macvlan's parent interface."""
    carried = [(route.index, "the host's default route goes through") for route in stack.routes if _is_default(route)]
    if controller is not None:
        words = "the connection to the controller (%s) goes through" % controller
        carried += [(index, words) for index in _ways_to(stack, controller)]
    carried += _underlays(stack)
    found: dict[int, str] = {}
    for index, words in carried:
        top = stack.link_at(index)
        if top is not None:
            found.setdefault(top.index, words + " it")
            for link in _below(top, stack):
                found.setdefault(link.index, "%s %s, which rests on it" % (words, top.name))
    return found


def controller_address() -> str | None:
    """Return the controller's address: the SSH client that this run came from (sshd sets SSH_CONNECTION; become may
    drop it, so the parents' environments are read too)."""
    pid = os.getpid()
    while pid > 1:
        connection = _environment(pid).get("SSH_CONNECTION")
        if connection:
            address = connection.split()[0]
            return None if address == "UNKNOWN" else address  # sshd's value for a connection without a network
        pid = _parent(pid)
    return None


def _environment(pid: int) -> dict[str, str]:
    try:
        with open("/proc/%d/environ" % pid, encoding="utf-8", errors="replace") as file:
            return dict(entry.split("=", 1) for entry in file.read().split("\0") if "=" in entry)
    except OSError:
        return {}


def _parent(pid: int) -> int:
    try:
        with open("/proc/%d/stat" % pid, encoding="utf-8", errors="replace") as file:
            return int(file.read().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _is_default(route: Route) -> bool:
    """Whether it is a default route, or one of the two /1 routes with which VPNs override it."""
    return ipaddress.ip_network(route.to).prefixlen <= 1


def _ways_to(stack: Stack, address: str) -> set[int | None]:
    """Return the links of the most specific route to the address, of equally specific ones of the lowest metric."""
    desired: Any = ipaddress.ip_address(address)
    covering = [route for route in stack.routes if desired in ipaddress.ip_network(route.to)]

    def distance(route: Route) -> tuple[int, int]:
        return -ipaddress.ip_network(route.to).prefixlen, route.metric or 0

    best = min(map(distance, covering), default=None)
    return {route.index for route in covering if distance(route) == best}


def _underlays(stack: Stack) -> list[tuple[int | None, str]]:
    """Return the links that have a tunnel's local address (VTEP), as (index, text)."""
    tunnels = {_local_of(link): link.name for link in stack.links.values() if link.kind == "vxlan"}
    if not tunnels:
        return []
    return [
        (index, "the underlay address of the tunnel " + tunnels[address] + " is on")
        for index, held in stack.addresses.items()
        for address in (one.split("/")[0] for one in held)
        if address in tunnels
    ]


def _below(top: Link, stack: Stack) -> list[Link]:
    """Return the lower links of a link: a bridge's or bond's ports, a VLAN's or macvlan's parent interface, a veth's
    peer; and the lower links of these."""
    found = [top]
    for upper in found:
        below = [link for link in stack.links.values() if link.master == upper.index]
        lower = stack.link_at(upper.peer_index) if upper.peer_namespace is None else None
        found += [link for link in [*below, lower] if link is not None and link not in found]
    return found[1:]


def _local_of(tunnel: Link) -> str | None:
    for attribute in (_IFLA_VXLAN_LOCAL, _IFLA_VXLAN_LOCAL6):
        if attribute in tunnel.data:
            return str(ipaddress.ip_address(bytes(tunnel.data[attribute])))
    return None
