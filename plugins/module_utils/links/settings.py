# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a link is set to (MAC, MTU, bridge, addresses, routes, mark): read, compared and set alike for every kind of
link."""

from __future__ import annotations

import errno
import functools
from collections.abc import Callable, Iterable
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import difference
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import Request, number
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import Link, Route, Stack, is_link_local
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip
from ansible_collections.virtnet.linux.plugins.module_utils.rules.names import mark

_DEFAULT, _DEFAULT6 = "0.0.0.0/0", "::/0"
_IFLA_BRPORT_MODE, _IFLA_BRPORT_GUARD, _IFLA_BRPORT_ISOLATED = 4, 5, 33  # include/uapi/linux/if_link.h

_ROUTES = ("gateway", "gateway6", "routes")
_FIELDS = {_DEFAULT: "gateway", _DEFAULT6: "gateway6"}  # of a route: any other is in routes

# What a port forwards, and how it answers, from include/uapi/linux/if_link.h: number, name, whether it is on in a port
# that is newly made. Without learning what is for the port is flooded to all; without flooding, or where the bridge
# answers ARP itself, it is not found; locked, nothing comes in by it.
_FLAGS = (
    (8, "IFLA_BRPORT_LEARNING", True),
    (9, "IFLA_BRPORT_UNICAST_FLOOD", True),
    (27, "IFLA_BRPORT_MCAST_FLOOD", True),
    (30, "IFLA_BRPORT_BCAST_FLOOD", True),
    (32, "IFLA_BRPORT_NEIGH_SUPPRESS", False),
    (10, "IFLA_BRPORT_PROXYARP", False),
    (39, "IFLA_BRPORT_LOCKED", False),
)

_FLAG_NUMBERS = tuple(at for at, _name, _on in _FLAGS)

Settings = dict[str, Any]  # the keys are those of _READERS


@functools.lru_cache(1 << 16)
def normal_address(address: str) -> str:
    """ADDRESS/LENGTH as the kernel writes it."""
    return "%s/%d" % (ip.normal(address.partition("/")[0]), ip.interface(address).network.prefixlen)


@functools.lru_cache(1 << 16)
def normal_host(address: str | None) -> str | None:
    """An address without a length as the kernel writes it; what is empty stays so."""
    return ip.normal(address) if address else address


@functools.lru_cache(1 << 16)
def normal_network(network: str) -> str:
    """NETWORK/LENGTH as ipaddress writes it; a lone address is a network of one."""
    return str(ip.network(network))


def normal_routes(routes: list[dict[str, Any]] | None) -> list[dict[str, Any]] | None:
    """Routes as read() gives them: network, gateway and metric as the kernel writes them, sorted."""
    if routes is None:
        return None
    plain = []
    for route in routes:
        network = ip.network(route["to"])
        via = None if route.get("via") is None else ip.normal(route["via"])
        plain.append({"to": str(network), "via": via, "metric": _metric(network.version, route.get("metric"))})
    return sorted(plain, key=str)


def routes_of_end(end: dict[str, Any]) -> list[tuple[str, str, str | None, int | None]]:
    """The routes that an object's end of a link asks for, as (option, network, gateway, metric)."""
    asked = {key: normal_host(end[key]) for key in ("gateway", "gateway6")}
    routes = _routes_of({**asked, "routes": normal_routes(end["routes"])})
    return [(_FIELDS.get(to, "routes"), to, via, metric) for to, via, metric in routes]


def link_local_of(mac: str) -> str:
    """The link-local address that a kernel derives from a MAC, with its length."""
    return ip.link_local(mac) + "/64"


def read(stack: Stack, link: Link, keys: Iterable[str]) -> Settings:
    """What the link is set to now, as far as it is asked for, in the words that wanted settings use."""
    return {key: _READERS[key](stack, link) for key in keys}


def compare(wanted: Settings, stack: Stack, link: Link, own_link_local: str | None) -> tuple[Settings, Settings]:
    """What differs between wanted settings and the link, as (before, after).

    ``own_link_local`` is the link-local address that goes with IPv6 addresses; its absence shows as a change of
    addresses, and so does that of the route which comes with an address.
    """
    found = read(stack, link, [key for key, value in wanted.items() if value is not None])
    unrouted = _unrouted(wanted, stack, link)
    if unrouted:
        found["addresses"] = [address for address in found["addresses"] if address not in unrouted]
    before, after = difference(wanted, found)
    if _lacks_link_local(wanted, stack, link, own_link_local):
        before.setdefault("addresses", found["addresses"])
        after["addresses"] = [*sorted(wanted["addresses"]), own_link_local]
    return before, after


def setup(name: str, about: str, wanted: Settings, index_of_bridge: int | None) -> list[Request]:
    """Requests that set the link itself (not its addresses and routes) to the wanted settings; None is left alone."""
    attrs: messages.Attributes = []
    if wanted.get("mac") is not None:
        attrs.append(("IFLA_ADDRESS", wanted["mac"]))
    if wanted.get("mtu") is not None:
        attrs.append(("IFLA_MTU", wanted["mtu"]))
    if wanted.get("bridge") is not None:
        attrs.append(("IFLA_MASTER", index_of_bridge or 0))
    if wanted.get("labels") is not None:
        attrs.append(("IFLA_IFALIAS", mark(wanted["labels"])))
    requests = [Request(messages.change_link(name, attrs, wanted.get("up")), about)]
    if wanted.get("silent"):  # in a message before: the kernel raises a link first, whatever else is in the same one
        # a link with an MTU below IPv6's least has no IPv6 to be kept silent; one that grows gets it with the MTU
        requests.insert(0, Request(messages.change_link(name, [messages.silent()]), about, (errno.EAFNOSUPPORT,)))
        if wanted.get("mtu") is not None:
            requests.insert(0, Request(messages.change_link(name, [("IFLA_MTU", wanted["mtu"])]), about))
    port = _port_attributes(wanted)
    if port:  # in a message of its own: the kernel looks for the bridge before it sets the one given beside it
        requests.append(Request(messages.change_link(name, [messages.bridge_port(port)]), about))
    return requests


def addressing(
    stack: Stack, link: Link | None, index: int, about: str, wanted: Settings, own_link_local: str | None
) -> list[Request]:
    """Requests for the link's addresses and routes; ``link`` is None for one that was just made and has none yet."""
    found = read(stack, link, _ROUTES) if link is not None else None
    have = [] if link is None else stack.addresses_of(link.index)
    requests = []
    if wanted.get("addresses") is not None:
        asked = wanted["addresses"] + ([own_link_local] if own_link_local and has_ipv6(wanted) else [])
        unrouted = [] if link is None else _unrouted(wanted, stack, link)
        gone = [address for address in have if address not in asked and not is_link_local(address)] + unrouted
        requests += [
            # ENXIO: with an MTU below IPv6's least its addresses are gone already
            Request(messages.delete_address(index, address), about, (errno.EADDRNOTAVAIL, errno.ENXIO))
            for address in gone
        ]
        # first away, then new: an IPv4 address that came second in a subnet goes with the first
        lost = [address for address in have if ":" not in address] if any(":" not in one for one in gone) else []
        new = [address for address in asked if address not in have or address in [*unrouted, *lost]]
        requests += [Request(messages.add_address(index, address), about) for address in new]
    return requests + _routing(index, about, wanted, found)


def is_shut(stack: Stack, link: Link) -> bool:
    """Whether the link is a bridge's port that does not forward although it and its bridge are up. With the spanning
    tree it is one that the kernel has disabled (BPDU guard); without it every port forwards, until that is changed by
    hand (`bridge link set dev X state 0`)."""
    if link.is_forwarding or not link.running:
        return False
    bridge = stack.link_at(link.master)
    return bridge is not None and bridge.up and (link.is_disabled or not bridge.stp)


def reopening(stack: Stack, link: Link, about: str) -> list[Request]:
    """Requests before those of setup() that have a port which is shut forward again. With the spanning tree it has to
    come up anew, for the kernel lets nobody else set a state."""
    if not is_shut(stack, link):
        return []
    bridge = stack.link_at(link.master)
    if bridge is not None and bridge.stp:
        return [Request(messages.change_link(link.name, [], up=False), about)]
    forwards = messages.bridge_port([("IFLA_BRPORT_STATE", messages.BR_STATE_FORWARDING)])
    return [Request(messages.change_link(link.name, [forwards]), about)]


def port_as_made(link: Link | None) -> str | None:
    """The flags of a bridge's port as the kernel makes one, in the words of "port"; of those that this kernel has."""
    return None if link is None else _flag_words(_flags(link), as_made=True)


def bridge_of(wanted: str | None, stack: Stack) -> int | None:
    """The index of the bridge to enslave to, as it is now; None where none is wanted. A NetlinkError where it went
    meanwhile."""
    if not wanted:
        return None
    return (stack.links.get(wanted) or stack.fresh(wanted)).index


def _routing(index: int, about: str, wanted: Settings, found: Settings | None) -> list[Request]:
    asked = _routes_of(wanted)
    requests = []
    for route in _routes_of(found) if found else []:
        if wanted.get(_FIELDS.get(route[0], "routes")) is not None and route not in asked:
            requests.append(Request(messages.delete_route(index, *route), about, (errno.ESRCH,)))
    # replaced even where they are there: a change of addresses before this may have taken them
    return requests + [Request(messages.replace_route(index, *route), about) for route in asked]


def _routes_of(settings: Settings) -> list[tuple[str, str | None, int | None]]:
    routes = [(route["to"], route["via"], route["metric"]) for route in settings.get("routes") or []]
    if settings.get("gateway"):
        routes.append((_DEFAULT, settings["gateway"], None))
    if settings.get("gateway6"):
        routes.append((_DEFAULT6, settings["gateway6"], _metric(6, None)))
    return routes


def _metric(version: int, metric: int | None) -> int | None:
    """The metric as a dump shows it: IPv6 routes have 1024 where none is given (IP6_RT_PRIO_USER), IPv4 ones none for
    0."""
    if version == 6:
        return metric or 1024
    return metric or None


def _unrouted(wanted: Settings, stack: Stack, link: Link) -> list[str]:
    """Those of the addresses wanted that the link has without the route to their network, which the kernel gives with
    an address, and not again where somebody has deleted it. (A link that is down has none, a VRF its own.)"""
    asked = wanted.get("addresses") or []
    if not asked or not link.up or link.master is not None:
        return []
    networks = {address: _network_of(address) for address in asked if address in stack.addresses_of(link.index)}
    return [one for one, network in networks.items() if network and (link.index, network) not in stack.connected]


def _network_of(address: str) -> str | None:
    """The network of ADDRESS/LENGTH, to which the kernel gives a route; None for an address that is alone in it, or
    that holds an IPv4 address."""
    interface = ip.interface(address)
    if interface.network.prefixlen == interface.network.max_prefixlen or getattr(interface.ip, "ipv4_mapped", None):
        return None
    return interface.network_text


def _lacks_link_local(wanted: Settings, stack: Stack, link: Link, own_link_local: str | None) -> bool:
    return bool(own_link_local and has_ipv6(wanted) and own_link_local not in stack.addresses_of(link.index))


def has_ipv6(wanted: Settings) -> bool:
    """Whether an IPv6 address is among those that are wanted."""
    return any(":" in address for address in wanted.get("addresses") or [])


def _bridge(stack: Stack, link: Link) -> str | None:
    bridge = stack.link_at(link.master)
    return None if bridge is None else bridge.name


def _addresses(stack: Stack, link: Link) -> list[str]:
    return sorted(address for address in stack.addresses_of(link.index) if not is_link_local(address))


def _static_routes(stack: Stack, link: Link) -> list[Route]:
    """Those through the link alone: ours are no ways of a route that has several."""
    through = [route for route in stack.routes if route.index == link.index and not route.shared]
    return [route for route in through if route.protocol == messages.RTPROT_STATIC]


def _default_gateway(stack: Stack, link: Link, to: str) -> str | None:
    return next((route.via for route in _static_routes(stack, link) if route.to == to), None)


def _other_routes(stack: Stack, link: Link) -> list[dict[str, Any]]:
    others = [route for route in _static_routes(stack, link) if route.to not in (_DEFAULT, _DEFAULT6)]
    return sorted(({"to": route.to, "via": route.via, "metric": route.metric} for route in others), key=str)


def _port_flag(link: Link, attribute: int) -> bool | None:
    return bool(number(link.port[attribute])) if attribute in link.port else None


def _port_attributes(wanted: Settings) -> messages.Attributes:
    named = (
        ("hairpin", "IFLA_BRPORT_MODE"),
        ("bpdu_guard", "IFLA_BRPORT_GUARD"),
        ("isolated", "IFLA_BRPORT_ISOLATED"),
    )
    words = (wanted.get("port") or "").split()
    flags = dict(zip(words[::2], words[1::2]))
    found = [(attribute, int(wanted[key])) for key, attribute in named if wanted.get(key) is not None]
    return found + [(name, int(flags[_word(name)] == "on")) for _at, name, _on in _FLAGS if _word(name) in flags]


def _flags(link: Link) -> tuple[bytes | None, ...]:
    return tuple(map(link.port.get, _FLAG_NUMBERS))


@functools.lru_cache(64)
def _flag_words(values: tuple[bytes | None, ...], as_made: bool) -> str:
    """As `bridge link` names them: 'learning on unicast_flood on ...'."""
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
    "isolated": lambda _stack, link: _port_flag(link, _IFLA_BRPORT_ISOLATED),
    "port": lambda _stack, link: _flag_words(_flags(link), as_made=False),
    "shut": is_shut,
    "up": lambda _stack, link: link.up,
    "silent": lambda _stack, link: link.silent,
    "labels": lambda _stack, link: link.labels,
    "addresses": _addresses,
    "gateway": lambda stack, link: _default_gateway(stack, link, _DEFAULT),
    "gateway6": lambda stack, link: _default_gateway(stack, link, _DEFAULT6),
    "routes": _other_routes,
}
