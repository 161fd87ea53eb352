# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One observed link, decoded from RTM_NEWLINK (rtnetlink(7), include/uapi/linux/if_link.h)."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import (
    Alike,
    attribute,
    attributes,
    every_attribute,
    number,
    text,
    with_flags,
)
from ansible_collections.virtnet.linux.plugins.module_utils.rules.names import labels_of

# include/uapi/linux/if_link.h
_IFLA_ADDRESS, _IFLA_IFNAME, _IFLA_MTU, _IFLA_LINK, _IFLA_MASTER, _IFLA_LINKINFO = 1, 3, 4, 5, 10, 18


_IFLA_IFALIAS, _IFLA_AF_SPEC, _IFLA_GROUP, _IFLA_LINK_NETNSID = 20, 26, 27, 37


_IFLA_PROP_LIST, _IFLA_ALT_IFNAME = 52, 53


_IFLA_INFO_KIND, _IFLA_INFO_DATA, _IFLA_INFO_SLAVE_DATA = 1, 2, 5


_WANTED = with_flags(_IFLA_ADDRESS, _IFLA_MTU, _IFLA_LINK, _IFLA_MASTER, _IFLA_LINKINFO, _IFLA_IFALIAS, _IFLA_AF_SPEC,
                     _IFLA_LINK_NETNSID)  # fmt: skip


# the used ones of the forty attributes of a bridge port (IFLA_BRPORT_*): state, mode, guard, learning, unicast
# flooding, proxy ARP, multicast and broadcast flooding, neighbour suppression, isolated, locked
_WANTED_OF_PORT = with_flags(1, 4, 5, 8, 9, 10, 27, 30, 32, 33, 39)


_IFLA_BR_STP_STATE, _IFLA_BRPORT_STATE = 5, 1  # include/uapi/linux/if_link.h


_DISABLED = 0  # BR_STATE_DISABLED, include/uapi/linux/if_bridge.h


_IFLA_INET6_ADDR_GEN_MODE = 8


# The type of a property list as encoded in a message (NLA_F_NESTED): few links have one, and searching for these two
# bytes takes a hundredth of the time of parsing the attributes.
_HAS_PROPERTIES = struct.pack("=H", _IFLA_PROP_LIST | 0x8000)


_LINK = struct.Struct("=BxHiII")  # struct ifinfomsg: family, type, index, flags, change


_LINKS, _PORTS = Alike(_LINK.size, _WANTED), Alike(0, _WANTED_OF_PORT)


_Value = TypeVar("_Value")


class Once(Generic[_Value]):
    """functools.cached_property without the lock that it has up to Python 3.11, which takes half of the access time."""

    def __init__(self, compute: Callable[[Any], _Value]) -> None:
        self._compute = compute
        self._name = compute.__name__
        self.__doc__ = compute.__doc__

    def __get__(self, instance: Any, _owner: type) -> _Value:
        value = self._compute(instance)
        instance.__dict__[self._name] = value
        return value


class Link:
    """One observed link. Its settings are decoded at first access: of most of a thousand links on a host only the name
    is used."""

    index: int
    _switch: str | None = None  # recorded by as_switch() and as_port_of()
    _gateway_port: int | None = None

    def __init__(self, payload: bytes) -> None:
        _family, _type, self.index, self._flags, _change = _LINK.unpack_from(payload)
        self._payload = payload
        self.name = text(attribute(payload, _LINK.size, _IFLA_IFNAME) or payload[:0])

    @Once
    def _found(self) -> dict[int, bytes]:
        return _LINKS.attributes(self._payload)

    @Once
    def _info(self) -> dict[int, bytes]:
        return attributes(self._found.get(_IFLA_LINKINFO, b""))

    def as_switch(self, driver: str, labels: dict[str, str] | None) -> None:
        """Record that the link is the gateway port of a switch whose driver keeps its labels itself."""
        self._switch, self.__dict__["labels"] = driver, labels

    def as_port_of(self, gateway_port: int) -> None:
        """Record that the link is a port of the switch whose gateway port has that index."""
        self._gateway_port = gateway_port

    @property
    def switch(self) -> str | None:
        """The driver of the switch (see switch/drivers.py) whose gateway port it is; None where it is no switch."""
        return self._switch or ("linux" if self.kind == "bridge" else None)

    @property
    def up(self) -> bool:
        """Whether it is set up (IFF_UP), with or without carrier."""
        return bool(self._flags & messages.IFF_UP)

    @property
    def stp(self) -> bool:
        """Whether it is a bridge that runs the spanning tree protocol (STP)."""
        return bool(number(self.data[_IFLA_BR_STP_STATE])) if _IFLA_BR_STP_STATE in self.data else False

    @property
    def running(self) -> bool:
        """Whether it is up and has carrier (IFF_RUNNING)."""
        return bool(self._flags & messages.IFF_RUNNING)

    @property
    def is_disabled(self) -> bool:
        """Whether it is a disabled bridge port."""
        state = self.port.get(_IFLA_BRPORT_STATE)
        return state is not None and number(state) == _DISABLED

    @property
    def is_forwarding(self) -> bool:
        """Whether it is a forwarding bridge port, or no bridge port."""
        state = self.port.get(_IFLA_BRPORT_STATE)
        return state is None or number(state) == messages.BR_STATE_FORWARDING

    @property
    def mtu(self) -> int:
        """Its MTU in bytes."""
        return number(self._found[_IFLA_MTU])

    @property
    def mac(self) -> str | None:
        """Its MAC, as 02:42:ac:1e:00:02."""
        return _mac(self._found.get(_IFLA_ADDRESS))

    @property
    def master(self) -> int | None:
        """The index of the bridge (or other master) that it is a port of."""
        if self._gateway_port is not None:
            return self._gateway_port
        return optional(self._found.get(_IFLA_MASTER))

    @property
    def group(self) -> int:
        """Its link group; 0 is the default."""
        return optional(attribute(self._payload, _LINK.size, _IFLA_GROUP)) or 0

    @property
    def peer_index(self) -> int | None:
        """The index of a veth's peer, in the peer's namespace; of a macvlan's parent interface."""
        return optional(self._found.get(_IFLA_LINK))

    @property
    def peer_namespace(self) -> int | None:
        """The nsid, in this namespace, of the peer's namespace; None if it is the same one."""
        return optional(self._found.get(_IFLA_LINK_NETNSID))

    @property
    def alias(self) -> str | None:
        """Its alias (IFLA_IFALIAS), which holds the ownership label of a managed link."""
        return text(self._found[_IFLA_IFALIAS]) if _IFLA_IFALIAS in self._found else None

    @property
    def altnames(self) -> list[str]:
        """Its alternative names, which no other link of its namespace can use as a name."""
        if _HAS_PROPERTIES not in self._payload:
            return []
        held = attribute(self._payload, _LINK.size, _IFLA_PROP_LIST) or b""
        return [text(value) for kind, value in every_attribute(held) if kind == _IFLA_ALT_IFNAME]

    @Once
    def labels(self) -> dict[str, str] | None:
        """The labels of its ownership label; None where it has none."""
        return labels_of(self.alias)

    @Once
    def kind(self) -> str | None:
        """IFLA_INFO_KIND: bridge, veth, vxlan and the like; None for a physical NIC."""
        return text(self._info[_IFLA_INFO_KIND]) if _IFLA_INFO_KIND in self._info else None

    @Once
    def data(self) -> dict[int, bytes]:
        """The attributes of its kind (IFLA_INFO_DATA), undecoded."""
        return attributes(self._info[_IFLA_INFO_DATA]) if _IFLA_INFO_DATA in self._info else {}

    @Once
    def port(self) -> dict[int, bytes]:
        """Its attributes as a bridge port (IFLA_BRPORT_*), undecoded."""
        return _PORTS.attributes(self._info.get(_IFLA_INFO_SLAVE_DATA, b""))

    @property
    def silent(self) -> bool:
        """Whether automatic link-local addresses are off."""
        return _silent(self._found.get(_IFLA_AF_SPEC))

    @property
    def ours(self) -> bool:
        """Whether it is managed by this collection: whether it has an ownership label."""
        return self.labels is not None


def _mac(data: bytes | None) -> str | None:
    return None if data is None else data.hex(":")


def optional(data: bytes | None) -> int | None:
    return None if data is None else number(data)


def _silent(af_spec: bytes | None) -> bool:
    """Whether automatic link-local addresses are off; also where the link has no IPv6, as below its minimum MTU."""
    inet6 = None if af_spec is None else attribute(af_spec, 0, socket.AF_INET6)
    if inet6 is None:
        return True
    mode = attribute(inet6, 0, _IFLA_INET6_ADDR_GEN_MODE)
    return mode is not None and number(mode) == messages.IN6_ADDR_GEN_MODE_NONE
