# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The drivers of switches: what the kinds bridge and veth leave to the kind of switch that holds a network."""

from __future__ import annotations

from typing import Any, Protocol

from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.facts.options import Checks
from ansible_collections.virtnet.linux.plugins.module_utils.links.settings import Settings
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Bridge, Peer, Veth
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.link import Link
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import Request
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import Stack
from ansible_collections.virtnet.linux.plugins.module_utils.switch.linux import driver as linux

Difference = tuple[dict[str, Any], dict[str, Any]]  # before and after


class Driver(Protocol):
    """The module driver.py of a folder of switch/."""

    NAME: str
    CLOSES_PORTS: bool  # whether the host's own stack must be closed to its ports, which the kernel does not enslave
    HAS_VLANS: bool
    DELETION: Phase  # in which its switches are deleted

    def check(self, desired: Bridge, host: Host, problems: Checks, /) -> None:
        """Reject what the driver does not have."""

    def differences(self, desired: Bridge, host: Host, link: Link, /) -> Difference:
        """Compare what is the switch's own, beside the settings of every link."""

    def apply(self, desired: Bridge, link: Link | None, after: dict[str, Any], asked: Settings, host: Host, /) -> None:
        """Create (``link`` None) or change the switch; its link exists afterwards."""

    def by_netlink(self, asked: Settings, /) -> Settings:
        """Return those of a switch's link's settings that netlink sets."""

    def by_port(self, asked: Settings, /) -> Settings:
        """Return those of a port's settings that netlink sets."""

    def attach(self, desired: Bridge, index: int, host: Host, /) -> list[Request]:
        """Return the requests that make the declared interfaces ports of it."""

    def master(self, bridge: str | None, stack: Stack, /) -> int | None:
        """Return the index that a new port gets as its master."""

    def port_settings(self, desired: Veth, end: Veth | Peer, link: Link | None, host: Host, /) -> Settings:
        """Return the link settings that one end of a pair has as a port."""

    def port_differences(self, desired: Veth, near: Link, host: Host, /) -> Difference:
        """Compare what a port has besides."""

    def set_ports(self, desired: list[Veth], host: Host, /) -> None:
        """Set what port_differences() compares."""


def named(name: str | None) -> Driver:
    """Return a driver by its name; the default is the kernel's bridge."""
    if name in (None, linux.NAME):
        return linux
    # few hosts need it
    from ansible_collections.virtnet.linux.plugins.module_utils.switch.openvswitch import driver as openvswitch

    return openvswitch


def of(host: Host, netns: str | None, bridge: str | None) -> Driver:
    """Return the driver of a bridge: the declared one, else that of the observed bridge."""
    return named(None if bridge is None else host.driver_of(netns, bridge))
