# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the host would lose with a link: its default route, the way to the controller, a tunnel's underlay address."""

from __future__ import annotations

import ipaddress
import os
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import Link, Route, Stack

_IFLA_VXLAN_LOCAL, _IFLA_VXLAN_LOCAL6 = 4, 17  # include/uapi/linux/if_link.h


def lifelines(stack: Stack, controller: str | None) -> dict[int, str]:
    """What the host would lose with its links, by their index, where that is more than one should: the words for an
    error. With a link it loses what rests on it too: the bridge or bond that it is in, the VLANs and macvlans on it."""
    carried = [(route.index, "the host's default route goes through") for route in stack.routes if _is_default(route)]
    if controller is not None:
        words = "the way to the controller (%s) goes through" % controller
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
    """The address that this run is driven from over SSH (sshd sets SSH_CONNECTION; become may have dropped it)."""
    pid = os.getpid()
    while pid > 1:
        connection = _environment(pid).get("SSH_CONNECTION")
        if connection:
            address = connection.split()[0]
            return None if address == "UNKNOWN" else address  # so sshd says it where it was not reached by a network
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
    """Whether it is a default route, or one of the two halves that VPNs put over it."""
    return ipaddress.ip_network(route.to).prefixlen <= 1


def _ways_to(stack: Stack, address: str) -> set[int | None]:
    """The links through which the most specific route to the address goes, the best of equally specific ones."""
    wanted: Any = ipaddress.ip_address(address)
    covering = [route for route in stack.routes if wanted in ipaddress.ip_network(route.to)]

    def distance(route: Route) -> tuple[int, int]:
        return -ipaddress.ip_network(route.to).prefixlen, route.metric or 0

    best = min(map(distance, covering), default=None)
    return {route.index for route in covering if distance(route) == best}


def _underlays(stack: Stack) -> list[tuple[int | None, str]]:
    """The links that have the address of a tunnel's end."""
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
    """What a link rests on: a bridge's ports, a bond's cards, a VLAN's or macvlan's card, a veth's other end; and what
    these rest on."""
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
