# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rtnetlink requests, in the formats of pyroute2's message classes.

Only the message classes are imported: importing the whole package takes three times as long (asyncio, NDB), so an empty
parent module replaces it while they load. Works with pyroute2 0.7 and later. Sources:
rtnetlink(7), include/uapi/linux/rtnetlink.h, if_link.h, if_addr.h, neighbour.h, fib_rules.h.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import sys
import types
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.netlink import encoder
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip

Attributes = encoder.Attributes
encode = encoder.encode

PYROUTE2_MISSING: str | None = None

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK = 16, 17, 18
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH = 28, 29, 30
RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE = 32, 33, 34
RTM_GETNSID, RTM_NEWLINKPROP, RTM_DELLINKPROP = 90, 108, 109
NLM_F_REQUEST, NLM_F_ROOT_MATCH = 0x1, 0x300
NLM_F_REPLACE, NLM_F_EXCL, NLM_F_CREATE, NLM_F_APPEND = 0x100, 0x200, 0x400, 0x800
IFF_UP, IFF_RUNNING = 0x1, 0x40
BR_STATE_FORWARDING = 3  # include/uapi/linux/if_bridge.h
RTEXT_FILTER_SKIP_STATS = 0x8
IN6_ADDR_GEN_MODE_NONE = 1
IFA_F_NODAD = 0x2
RT_TABLE_UNSPEC, RT_TABLE_DEFAULT, RT_TABLE_MAIN, RT_TABLE_LOCAL = 0, 253, 254, 255
RTPROT_STATIC = 4
RT_SCOPE_UNIVERSE, RT_SCOPE_LINK = 0, 253
RTN_UNICAST, RTN_LOCAL, RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT, RTN_THROW = 1, 2, 6, 7, 8, 9
FR_ACT_TO_TBL = 1
AF_UNSPEC, AF_INET, AF_BRIDGE, AF_INET6 = 0, 2, 7, 10


def _load(*names: str) -> tuple[Any, ...]:
    """Import the message classes of these names, without running pyroute2/__init__.py."""
    stand_in = None
    if "pyroute2" not in sys.modules:
        spec = importlib.util.find_spec("pyroute2")
        if spec is None:
            raise ImportError("No module named 'pyroute2'")
        stand_in = types.ModuleType("pyroute2")
        stand_in.__path__ = list(spec.submodule_search_locations or [])
        sys.modules["pyroute2"] = stand_in
    try:
        modules = [importlib.import_module("pyroute2.netlink.rtnl." + name) for name in names]
        return tuple(getattr(module, name) for module, name in zip(modules, names))
    finally:
        if stand_in is not None and sys.modules.get("pyroute2") is stand_in:
            del sys.modules["pyroute2"]


try:
    _ifinfmsg, _ifaddrmsg, _rtmsg, _fibmsg = _load("ifinfmsg", "ifaddrmsg", "rtmsg", "fibmsg")
except ImportError as missing:
    PYROUTE2_MISSING = str(missing)


@functools.cache
def get_links(name: str | None = None) -> bytes:
    """Encode a request for all links (a dump), or for one by name; without statistics, which are most of a reply."""
    attrs: Attributes = [("IFLA_EXT_MASK", RTEXT_FILTER_SKIP_STATS)]
    if name is None:
        return encode(_ifinfmsg, RTM_GETLINK, NLM_F_ROOT_MATCH, attrs)
    return encode(_ifinfmsg, RTM_GETLINK, 0, [*attrs, ("IFLA_IFNAME", name)])


@functools.cache
def get_links_of(kind: str) -> bytes:
    """Encode a dump request for the links of a kind; a kernel before 4.6 returns all."""
    info = [("IFLA_INFO_KIND", kind)]
    attrs: Attributes = [("IFLA_EXT_MASK", RTEXT_FILTER_SKIP_STATS), ("IFLA_LINKINFO", {"attrs": info})]
    return encode(_ifinfmsg, RTM_GETLINK, NLM_F_ROOT_MATCH, attrs)


@functools.cache
def get_addresses() -> bytes:
    """Encode a dump request for all addresses."""
    return encode(_ifaddrmsg, RTM_GETADDR, NLM_F_ROOT_MATCH, [])


@functools.cache
def get_routes(table: int) -> bytes:
    """Encode a dump request for the routes of a table, of both families; a kernel before 4.20 returns those of all
    tables, as does every kernel for RT_TABLE_UNSPEC."""
    return encode(_rtmsg, RTM_GETROUTE, NLM_F_ROOT_MATCH, [("RTA_TABLE", table)], family=AF_UNSPEC)


def get_nsid(namespace_fd: int) -> bytes:
    """Encode a request for the nsid (IFLA_LINK_NETNSID of links) of the open file's namespace in the socket's one."""
    return encoder.encode(_nsid_class(), RTM_GETNSID, 0, [("NETNSA_FD", namespace_fd)])


@functools.cache
def _nsid_class() -> Any:
    (found,) = _load("nsidmsg")
    return found


def create_link(name: str, kind: str, data: Attributes, attrs: Attributes) -> bytes:
    """Encode: create a link of the kind (bridge, veth, vxlan, macvlan); EEXIST when one of that name exists."""
    info = [("IFLA_INFO_KIND", kind)] + ([("IFLA_INFO_DATA", {"attrs": data})] if data else [])
    every = [("IFLA_IFNAME", name), *attrs, ("IFLA_LINKINFO", {"attrs": info})]
    return encode(_ifinfmsg, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, every)


def veth_peer(name: str, namespace_fd: int | None, mac: str | None, mtu: int | None) -> Attributes:
    """Return the data of a veth: its peer, created in the namespace of the open file (None: the socket's own)."""
    attrs: Attributes = [("IFLA_IFNAME", name)]
    if mac is not None:
        attrs.append(("IFLA_ADDRESS", mac))
    if mtu is not None:
        attrs.append(("IFLA_MTU", mtu))
    if namespace_fd is not None:
        attrs.append(("IFLA_NET_NS_FD", namespace_fd))
    return [("VETH_INFO_PEER", {"attrs": attrs})]


def change_link(name: str, attrs: Attributes, up: bool | None = None) -> bytes:
    """Encode: change the link of that name."""
    flags = {} if up is None else {"flags": IFF_UP if up else 0, "change": IFF_UP}
    return encode(_ifinfmsg, RTM_NEWLINK, 0, [("IFLA_IFNAME", name), *attrs], **flags)


def set_up(index: int) -> bytes:
    """Encode: set the link of that index up."""
    return encode(_ifinfmsg, RTM_NEWLINK, 0, [], index=index, flags=IFF_UP, change=IFF_UP)


def set_down(index: int) -> bytes:
    """Encode: set the link of that index down."""
    return encode(_ifinfmsg, RTM_NEWLINK, 0, [], index=index, change=IFF_UP)


def move_link(index: int, name: str, namespace_fd: int) -> bytes:
    """Encode: move the link of that index to the namespace of the open file, under a name that is free there."""
    return encode(_ifinfmsg, RTM_NEWLINK, 0, [("IFLA_NET_NS_FD", namespace_fd), ("IFLA_IFNAME", name)], index=index)


def rename_link(index: int, name: str) -> bytes:
    """Encode: rename the link of that index, which has to be down."""
    return encode(_ifinfmsg, RTM_NEWLINK, 0, [("IFLA_IFNAME", name)], index=index)


def add_altname(index: int, name: str) -> bytes:
    """Encode: give the link of that index an alternative name."""
    return encode(_ifinfmsg, RTM_NEWLINKPROP, NLM_F_CREATE | NLM_F_EXCL, _altname(name), index=index)


def delete_altname(index: int, name: str) -> bytes:
    """Encode: delete an alternative name of the link of that index."""
    return encode(_ifinfmsg, RTM_DELLINKPROP, 0, _altname(name), index=index)


def _altname(name: str) -> Attributes:
    return [("IFLA_PROP_LIST", {"attrs": [("IFLA_ALT_IFNAME", name)]})]


def change_link_data(name: str, kind: str, data: Attributes) -> bytes:
    """Encode: change the attributes of the link's kind, for instance a bridge's STP."""
    info = [("IFLA_INFO_KIND", kind), ("IFLA_INFO_DATA", {"attrs": data})]
    return change_link(name, [("IFLA_LINKINFO", {"attrs": info})])


def bridge_port(attrs: Attributes) -> tuple[str, Any]:
    """Return the attribute that sets a link's bridge port options (IFLA_BRPORT_*)."""
    info = [("IFLA_INFO_SLAVE_KIND", "bridge"), ("IFLA_INFO_SLAVE_DATA", {"attrs": attrs})]
    return ("IFLA_LINKINFO", {"attrs": info})


def silent() -> tuple[str, Any]:
    """Return the attribute that turns off automatic link-local addresses, and so unsolicited IPv6 packets of a link."""
    return (
        "IFLA_AF_SPEC",
        {"attrs": [("AF_INET6", {"attrs": [("IFLA_INET6_ADDR_GEN_MODE", IN6_ADDR_GEN_MODE_NONE)]})]},
    )


def delete_link(name: str) -> bytes:
    """Encode: delete the link of that name."""
    return encode(_ifinfmsg, RTM_DELLINK, 0, [("IFLA_IFNAME", name)])


def delete_group(group: int) -> bytes:
    """Encode: delete every link of that group."""
    return encode(_ifinfmsg, RTM_DELLINK, 0, [("IFLA_GROUP", group)])


def add_address(index: int, address: str) -> bytes:
    """Encode: add an address (ADDRESS/LENGTH) to the link, without duplicate address detection in IPv6."""
    return _address(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, index, address)


def delete_address(index: int, address: str) -> bytes:
    """Encode: delete an address (ADDRESS/LENGTH) of the link."""
    return _address(RTM_DELADDR, 0, index, address)


def replace_route(index: int, to: str, via: str | None, metric: int | None) -> bytes:
    """Encode: create or replace a static route of the main table through the link; ``to`` is NETWORK/LENGTH."""
    return _route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, index, to, via, metric)


def delete_route(index: int, to: str, via: str | None, metric: int | None) -> bytes:
    """Encode: delete a route of replace_route()."""
    return _route(RTM_DELROUTE, 0, index, to, via, metric)


def append_local_route(index: int, to: str, metric: int) -> bytes:
    """Encode: append a route of the local table: the address is local also for packets that ingress by the link."""
    network = ip.network(to)
    attrs: Attributes = [("RTA_DST", str(network.network_address)), ("RTA_OIF", index), ("RTA_PRIORITY", metric)]
    return encode(
        _rtmsg,
        RTM_NEWROUTE,
        NLM_F_CREATE | NLM_F_APPEND,
        attrs,
        family=_family(network),
        dst_len=network.prefixlen,
        table=RT_TABLE_LOCAL,
        proto=RTPROT_STATIC,
        scope=RT_SCOPE_UNIVERSE,
        type=RTN_LOCAL,
    )


@functools.cache
def get_rules() -> bytes:
    """Encode a dump request for the routing policy rules, of all families."""
    return encode(_fibmsg, RTM_GETRULE, NLM_F_ROOT_MATCH, [], family=AF_UNSPEC)


def add_rule(to: str, preference: int, protocol: int) -> bytes:
    """Encode: add a rule `to NETWORK lookup main`, after existing ones of the same preference."""
    return _rule(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, to, preference, protocol)


def delete_rule(to: str, preference: int, protocol: int) -> bytes:
    """Encode: delete a rule of add_rule()."""
    return _rule(RTM_DELRULE, 0, to, preference, protocol)


def _rule(kind: int, flags: int, to: str, preference: int, protocol: int) -> bytes:
    network = ip.network(to)
    attrs: Attributes = [("FRA_DST", str(network.network_address)), ("FRA_PRIORITY", preference)]
    attrs += [("FRA_TABLE", RT_TABLE_MAIN), ("FRA_PROTOCOL", protocol)]
    family, length = _family(network), network.prefixlen
    return encode(_fibmsg, kind, flags, attrs, family=family, dst_len=length, table=RT_TABLE_MAIN, action=FR_ACT_TO_TBL)


def _address(kind: int, flags: int, index: int, address: str) -> bytes:
    interface = ip.interface(address)
    attrs: Attributes = [("IFA_LOCAL", str(interface.ip)), ("IFA_ADDRESS", str(interface.ip))]
    if interface.version == 6:
        attrs.append(("IFA_FLAGS", IFA_F_NODAD))
    elif kind == RTM_NEWADDR and interface.network.prefixlen < 31:
        attrs.append(("IFA_BROADCAST", str(interface.network.broadcast_address)))
    return encode(
        _ifaddrmsg, kind, flags, attrs, family=_family(interface), prefixlen=interface.network.prefixlen, index=index
    )


def _route(kind: int, flags: int, index: int, to: str, via: str | None, metric: int | None) -> bytes:
    network = ip.network(to)
    attrs: Attributes = [("RTA_OIF", index)]
    if network.prefixlen:
        attrs.append(("RTA_DST", str(network.network_address)))
    if via is not None:
        attrs.append(("RTA_GATEWAY", via))
    if metric is not None:
        attrs.append(("RTA_PRIORITY", metric))
    scope = RT_SCOPE_LINK if via is None and network.version == 4 else RT_SCOPE_UNIVERSE
    return encode(
        _rtmsg,
        kind,
        flags,
        attrs,
        family=_family(network),
        dst_len=network.prefixlen,
        table=RT_TABLE_MAIN,
        proto=RTPROT_STATIC,
        scope=scope,
        type=RTN_UNICAST,
    )


def _family(address: Any) -> int:
    return AF_INET if address.version == 4 else AF_INET6
