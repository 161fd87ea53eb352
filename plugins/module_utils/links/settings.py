# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of a link (MAC, MTU, bridge, addresses, routes, ownership label): observed state, difference to the desired
state, and the netlink requests that apply it; the same for every kind of link."""

from __future__ import annotations

import errno
import functools
from collections.abc import Callable, Iterable
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.model import objects
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import difference
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.link import Link
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import Request, number
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import Route, Stack, is_link_local
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip
from ansible_collections.virtnet.linux.plugins.module_utils.rules.names import mark

_DEFAULT, _DEFAULT6 = "0.0.0.0/0", "::/0"
_IFLA_BRPORT_MODE, _IFLA_BRPORT_GUARD = 4, 5  # include/uapi/linux/if_link.h

_ROUTES = ("gateway", "gateway6", "routes")
_FIELDS = {_DEFAULT: "gateway", _DEFAULT6: "gateway6"}  # of a route: any other is in routes

# Bridge port flags of include/uapi/linux/if_link.h: number, name, default of a new port. Without learning, frames for
# the port are flooded to all ports; without flooding, or with proxy ARP or neighbour suppression, its hosts are not
# found; an isolated port exchanges no frames with other isolated ones; a locked port drops ingress frames of unknown
# MACs.
_FLAGS = (
    (8, "IFLA_BRPORT_LEARNING", True),
    (9, "IFLA_BRPORT_UNICAST_FLOOD", True),
    (27, "IFLA_BRPORT_MCAST_FLOOD", True),
    (30, "IFLA_BRPORT_BCAST_FLOOD", True),
    (32, "IFLA_BRPORT_NEIGH_SUPPRESS", False),
    (10, "IFLA_BRPORT_PROXYARP", False),
    (33, "IFLA_BRPORT_ISOLATED", False),
    (39, "IFLA_BRPORT_LOCKED", False),
)

_FLAG_NUMBERS = tuple(at for at, _name, _on in _FLAGS)

Settings = dict[str, Any]  # the keys are those of _READERS


@functools.lru_cache(1 << 16)
def normal_address(address: str) -> str:
    """Normalize ADDRESS/LENGTH to the kernel's notation."""
    return "%s/%d" % (ip.normal(address.partition("/")[0]), ip.interface(address).network.prefixlen)


@functools.lru_cache(1 << 16)
def normal_host(address: str | None) -> str | None:
    """Normalize an address without prefix length to the kernel's notation; return an empty value unchanged."""
    return ip.normal(address) if address else address


@functools.lru_cache(1 << 16)
def normal_network(network: str) -> str:
    """Normalize NETWORK/LENGTH to ipaddress's notation; a lone address is a network of one."""
    return str(ip.network(network))


def normal_routes(routes: list[objects.Route] | None) -> list[dict[str, Any]] | None:
    """Normalize routes to the shape that read() returns: sorted, values in the kernel's notation."""
    if routes is None:
        return None
    plain = []
    for route in routes:
        network = ip.network(route.to)
        via = None if route.via is None else ip.normal(route.via)
        plain.append({"to": str(network), "via": via, "metric": _metric(network.version, route.metric)})
    return sorted(plain, key=str)


def routes_of_end(end: objects.Addressed) -> list[tuple[str, str, str | None, int | None]]:
    """Return the desired routes of an object's end of a link, as (option, network, gateway, metric)."""
    asked = {"gateway": normal_host(end.gateway), "gateway6": normal_host(end.gateway6)}
    routes = _routes_of({**asked, "routes": normal_routes(end.routes)})
    return [(_FIELDS.get(to, "routes"), to, via, metric) for to, via, metric in routes]


def link_local_of(mac: str) -> str:
    """Return the link-local address (EUI-64) that the kernel derives from a MAC, with its prefix length."""
    return ip.link_local(mac) + "/64"


def read(stack: Stack, link: Link, keys: Iterable[str]) -> Settings:
    """Return the observed settings of the link for these keys, in the format of the desired settings."""
    return {key: _READERS[key](stack, link) for key in keys}


def compare(desired: Settings, stack: Stack, link: Link, own_link_local: str | None) -> tuple[Settings, Settings]:
    """Compare desired settings with the observed link; return the difference as (before, after), empty where a second
    run is idempotent.

    ``own_link_local`` is the link-local address that goes with IPv6 addresses. A missing link-local address, or a
    missing connected route of an address, is reported as a change of addresses.
    """
    found = read(stack, link, [key for key, value in desired.items() if value is not None])
    unrouted = _unrouted(desired, stack, link)
    if unrouted:
        found["addresses"] = [address for address in found["addresses"] if address not in unrouted]
    before, after = difference(desired, found)
    if _lacks_link_local(desired, stack, link, own_link_local):
        before.setdefault("addresses", found["addresses"])
        after["addresses"] = [*sorted(desired["addresses"]), own_link_local]
    return before, after


def setup(name: str, about: str, desired: Settings, index_of_bridge: int | None) -> list[Request]:
    """Return the requests that bring the link itself (not its addresses and routes) to the desired settings; None is
    not enforced."""
    attrs: messages.Attributes = []
    if desired.get("mac") is not None:
        attrs.append(("IFLA_ADDRESS", desired["mac"]))
    if desired.get("mtu") is not None:
        attrs.append(("IFLA_MTU", desired["mtu"]))
    if desired.get("bridge") is not None:
        attrs.append(("IFLA_MASTER", index_of_bridge or 0))
    if desired.get("labels") is not None:
        attrs.append(("IFLA_IFALIAS", mark(desired["labels"])))
    requests = [Request(messages.change_link(name, attrs, desired.get("up")), about)]
    if desired.get("silent"):  # in an earlier message: within one message the kernel sets a link up first
        # a link with an MTU below IPv6's minimum (1280) has no IPv6 settings; it gets them when the MTU is raised
        requests.insert(0, Request(messages.change_link(name, [messages.silent()]), about, (errno.EAFNOSUPPORT,)))
        if desired.get("mtu") is not None:
            requests.insert(0, Request(messages.change_link(name, [("IFLA_MTU", desired["mtu"])]), about))
    port = _port_attributes(desired)
    if port:  # in a message of its own: the kernel looks up the current master before it applies IFLA_MASTER
        requests.append(Request(messages.change_link(name, [messages.bridge_port(port)]), about))
    return requests


def addressing(
    stack: Stack, link: Link | None, index: int, about: str, desired: Settings, own_link_local: str | None
) -> list[Request]:
    """Return the requests for the link's addresses and routes; ``link`` is None for a new one, which has none yet."""
    found = read(stack, link, _ROUTES) if link is not None else None
    have = [] if link is None else stack.addresses_of(link.index)
    requests = []
    if desired.get("addresses") is not None:
        asked = desired["addresses"] + ([own_link_local] if own_link_local and has_ipv6(desired) else [])
        unrouted = [] if link is None else _unrouted(desired, stack, link)
        gone = [address for address in have if address not in asked and not is_link_local(address)] + unrouted
        requests += [
            # ENXIO: with an MTU below IPv6's minimum the kernel has already deleted its IPv6 addresses
            Request(messages.delete_address(index, address), about, (errno.EADDRNOTAVAIL, errno.ENXIO))
            for address in gone
        ]
        # delete first, then add: deleting an IPv4 primary address deletes the secondary ones of its subnet
        lost = [address for address in have if ":" not in address] if any(":" not in one for one in gone) else []
        new = [address for address in asked if address not in have or address in [*unrouted, *lost]]
        requests += [Request(messages.add_address(index, address), about) for address in new]
    return requests + _routing(index, about, desired, found)


def is_port_disabled(stack: Stack, link: Link) -> bool:
    """Whether the link is a bridge port that does not forward although it and its bridge are up. With STP the kernel
    has disabled it (BPDU guard); without STP every port forwards, unless an administrator changed its state
    (`bridge link set dev X state 0`)."""
    if link.is_forwarding or not link.running:
        return False
    bridge = stack.link_at(link.master)
    return bridge is not None and bridge.up and (link.is_disabled or not bridge.stp)


def reopening(stack: Stack, link: Link, about: str) -> list[Request]:
    """Return the requests, to be sent before those of setup(), that make a disabled port forward again. With STP it has
    to go down and up: the kernel does not accept a port state from user space then."""
    if not is_port_disabled(stack, link):
        return []
    bridge = stack.link_at(link.master)
    if bridge is not None and bridge.stp:
        return [Request(messages.change_link(link.name, [], up=False), about)]
    forwards = messages.bridge_port([("IFLA_BRPORT_STATE", messages.BR_STATE_FORWARDING)])
    return [Request(messages.change_link(link.name, [forwards]), about)]


def port_as_made(link: Link | None) -> str | None:
    """Return the default flags of a bridge port, in the format of "port"; only those that this kernel supports."""
    return None if link is None else _flag_words(_flags(link), as_made=True)


def bridge_of(desired: str | None, stack: Stack) -> int | None:
    """Return the current index of the bridge to enslave to; None where none is desired. Raises NetlinkError where the
    bridge was deleted since it was observed."""
    if not desired:
        return None
    return (stack.links.get(desired) or stack.fresh(desired)).index


def _routing(index: int, about: str, desired: Settings, found: Settings | None) -> list[Request]:
    asked = _routes_of(desired)
    requests = []
    for route in _routes_of(found) if found else []:
        if desired.get(_FIELDS.get(route[0], "routes")) is not None and route not in asked:
            requests.append(Request(messages.delete_route(index, *route), about, (errno.ESRCH,)))
    # replaced even where they exist: a change of addresses in the same batch may have deleted them
    return requests + [Request(messages.replace_route(index, *route), about) for route in asked]


def _routes_of(settings: Settings) -> list[tuple[str, str | None, int | None]]:
    routes = [(route["to"], route["via"], route["metric"]) for route in settings.get("routes") or []]
    if settings.get("gateway"):
        routes.append((_DEFAULT, settings["gateway"], None))
    if settings.get("gateway6"):
        routes.append((_DEFAULT6, settings["gateway6"], _metric(6, None)))
    return routes


def _metric(version: int, metric: int | None) -> int | None:
    """Return the metric that a dump reports: 1024 for an IPv6 route without one (IP6_RT_PRIO_USER), None for 0 in
    IPv4."""
    if version == 6:
        return metric or 1024
    return metric or None


def _unrouted(desired: Settings, stack: Stack, link: Link) -> list[str]:
    """Return the desired addresses that the link has without their connected route. The kernel adds that route with
    the address only; it stays missing once deleted out of band. (A link that is down has none, one in a VRF has it in
    the VRF's table.)"""
    asked = desired.get("addresses") or []
    if not asked or not link.up or link.master is not None:
        return []
    networks = {address: _network_of(address) for address in asked if address in stack.addresses_of(link.index)}
    return [one for one, network in networks.items() if network and (link.index, network) not in stack.connected]


def _network_of(address: str) -> str | None:
    """Return the network of ADDRESS/LENGTH, for which the kernel adds a connected route; None for a /32 or /128 and for
    an IPv4-mapped address."""
    interface = ip.interface(address)
    if interface.network.prefixlen == interface.network.max_prefixlen or getattr(interface.ip, "ipv4_mapped", None):
        return None
    return interface.network_text


def _lacks_link_local(desired: Settings, stack: Stack, link: Link, own_link_local: str | None) -> bool:
    return bool(own_link_local and has_ipv6(desired) and own_link_local not in stack.addresses_of(link.index))


def has_ipv6(desired: Settings) -> bool:
    """Whether an IPv6 address is among the desired ones."""
    return any(":" in address for address in desired.get("addresses") or [])


def _bridge(stack: Stack, link: Link) -> str | None:
    bridge = stack.link_at(link.master)
    return None if bridge is None else bridge.name


def _addresses(stack: Stack, link: Link) -> list[str]:
    return sorted(address for address in stack.addresses_of(link.index) if not is_link_local(address))


def _static_routes(stack: Stack, link: Link) -> list[Route]:
    """Return the static routes through the link; next hops of multipath routes (ECMP) are never this collection's."""
    through = [route for route in stack.routes if route.index == link.index and not route.shared]
    return [route for route in through if route.protocol == messages.RTPROT_STATIC]


def _default_gateway(stack: Stack, link: Link, to: str) -> str | None:
    return next((route.via for route in _static_routes(stack, link) if route.to == to), None)


def _other_routes(stack: Stack, link: Link) -> list[dict[str, Any]]:
    others = [route for route in _static_routes(stack, link) if route.to not in (_DEFAULT, _DEFAULT6)]
    return sorted(({"to": route.to, "via": route.via, "metric": route.metric} for route in others), key=str)


def _port_flag(link: Link, attribute: int) -> bool | None:
    return bool(number(link.port[attribute])) if attribute in link.port else None


def _port_attributes(desired: Settings) -> messages.Attributes:
    named = (
        ("hairpin", "IFLA_BRPORT_MODE"),
        ("bpdu_guard", "IFLA_BRPORT_GUARD"),
    )
    words = (desired.get("port") or "").split()
    flags = dict(zip(words[::2], words[1::2]))
    found = [(attribute, int(desired[key])) for key, attribute in named if desired.get(key) is not None]
    return found + [(name, int(flags[_word(name)] == "on")) for _at, name, _on in _FLAGS if _word(name) in flags]


def _flags(link: Link) -> tuple[bytes | None, ...]:
    return tuple(map(link.port.get, _FLAG_NUMBERS))


@functools.lru_cache(64)
def _flag_words(values: tuple[bytes | None, ...], as_made: bool) -> str:
    """Format the flags as `bridge link` does: 'learning on unicast_flood on ...'."""
    found = []
    for (_at, name, on), value in zip(_FLAGS, values):
        if value is not None:
            found.append(_word(name) + (" on" if (on if as_made else number(value)) else " off"))
    return " ".join(found)


def _word(name: str) -> str:
    return name[len("IFLA_BRPORT_") :].lower()


_READERS: dict[str, Callable[[Stack, Link], Any]] = {
    "mac": lambda _stack, link: link.mac,
    "mtu": lambda _stack, link: link.mtu,
    "bridge": _bridge,
    "hairpin": lambda _stack, link: _port_flag(link, _IFLA_BRPORT_MODE),
    "bpdu_guard": lambda _stack, link: _port_flag(link, _IFLA_BRPORT_GUARD),
    "port": lambda _stack, link: _flag_words(_flags(link), as_made=False),
    "disabled": is_port_disabled,
    "up": lambda _stack, link: link.up,
    "silent": lambda _stack, link: link.silent,
    "labels": lambda _stack, link: link.labels,
    "addresses": _addresses,
    "gateway": lambda stack, link: _default_gateway(stack, link, _DEFAULT),
    "gateway6": lambda stack, link: _default_gateway(stack, link, _DEFAULT6),
    "routes": _other_routes,
}
