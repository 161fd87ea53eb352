# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gratuitous ARP and unsolicited neighbour advertisements: an address may have moved to another container's MAC.

The kernel sends one of each when a link with arp_notify and ndisc_notify is given a MAC, even the one that it has
(Documentation/networking/ip-sysctl.rst). Setting the link up would do so, too, but its bridge port forwards only some
milliseconds later, when the kernel's linkwatch work has run.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Iterable

from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.links.veth_ports import plain_addresses
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Veth
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages, namespaces
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import Request
from ansible_collections.virtnet.linux.plugins.module_utils.rules import names
from ansible_collections.virtnet.linux.plugins.module_utils.system import sysctls

_SYSCTLS = ("net/ipv4/conf/%s/arp_notify", "net/ipv6/conf/%s/ndisc_notify")
_NOT_WHILE_UP = (errno.EBUSY, errno.EOPNOTSUPP)  # of some NICs' drivers
_PATIENCE = 0.2  # seconds for a port to forward
# An announcement is flooded to every port of the bridge: those of a thousand endpoints are a million packets. Of more
# endpoints than this only those are announced for which a neighbour may have a stale MAC.
_ANNOUNCED = 64


def announce_endpoints(pairs: list[Veth], host: Host) -> None:
    """Announce the addresses of containers whose pairs are new, or have another bridge, MAC or address."""
    endpoints = [one for one in pairs if one.is_endpoint]
    if len(endpoints) > _ANNOUNCED:
        endpoints = [one for one in endpoints if one.bridge not in host.bridges_made and not _has_usual_mac(one)]
    links = [(one.far.netns, one.far.name) for one in endpoints if one.far.netns is not None]
    announce(links, host, endpoints[-1].name if endpoints else None)


def _has_usual_mac(desired: Veth) -> bool:
    """Return whether the MAC is the one derived from the IPv4 address, so that neighbour entries for it stay valid."""
    usual = {names.mac_of_ipv4(address) for address in plain_addresses(desired) if ":" not in address}
    return desired.far.mac is not None and desired.far.mac.lower() in usual


def announce(links: Iterable[tuple[str, str]], host: Host, last_port: str | None = None) -> None:
    """Announce the addresses of links (namespace, name), once the bridge port that was created last forwards."""
    by_netns: dict[str, list[str]] = {}
    for netns, name in links:
        by_netns.setdefault(netns, []).append(name)
    if by_netns and last_port is not None:
        _wait_for(last_port, host)
    for netns, inside in by_netns.items():
        with namespaces.entered(netns):
            for key in (path % name for name in inside for path in _SYSCTLS):
                if sysctls.read(key) == "0":
                    sysctls.write(key, "1")
        stack = host.stack(netns)
        requests = []
        for name in inside:
            link = stack.lookup(name)
            if link is not None and link.mac is not None:
                same = messages.change_link(name, [("IFLA_ADDRESS", link.mac)])
                requests.append(Request(same, f"link {name} of namespace {netns}", ignore=_NOT_WHILE_UP))
        stack.send(requests)
        stack.release()


def _wait_for(port: str, host: Host) -> None:
    """Wait for a bridge port, which is disabled until the kernel has noticed its carrier. Does not wait for the
    listening and learning states of STP."""
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        link = host.stack(None).lookup(port)
        if link is None or not link.is_disabled:
            return
        time.sleep(0.001)
