# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The driver of Open vSwitch. Its switches, ports and flows are changed as a whole, in one transaction of the database
and one bundle of flows for each switch (changes.py); what is left for an object is its link.

With the datapath in user space (netdev) ovs-vswitchd reads a copy of what a port's veth receives, and the host's own
stack receives it too. So the host's end is closed to it: IPv4 by the map ``ingress`` of table inet virtnet, ARP and
IPv6 by sysctls of the link. And what a container sends has its checksum computed before, because ovs-vswitchd passes on
the packet as it is in memory: the container's end has no transmit checksum offload.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.facts.options import Checks
from ansible_collections.virtnet.linux.plugins.module_utils.facts.switches import OPEN_VSWITCH
from ansible_collections.virtnet.linux.plugins.module_utils.links import settings
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import difference
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Bridge, Uplink, Veth
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages, namespaces
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.link import Link
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import Request
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import Stack, is_link_local
from ansible_collections.virtnet.linux.plugins.module_utils.ovs.database import Database
from ansible_collections.virtnet.linux.plugins.module_utils.system import offloads, sysctls

NAME = OPEN_VSWITCH
CLOSES_PORTS = True
HAS_VLANS = True
DELETION = Phase.SWITCHES

USER_SPACE = "netdev"  # Bridge datapath_type, ovs-vswitchd.conf.db(5)
_CLOSED = {"net/ipv4/conf/%s/arp_ignore": "8", "net/ipv6/conf/%s/disable_ipv6": "1"}
UPLINK = {"uplink": "yes"}  # the labels of the port of a NIC
_HAS = ("name", "driver", "switch", "vlan", "uplinks", "addresses", "mac", "mtu", "interfaces", "up", "labels", "adopt",
        "state")  # fmt: skip
_LACKS = {
    "netns": "driver openvswitch has switches in the host's namespace only",
    **dict.fromkeys(
        ("stp", "forward_delay", "priority"),
        "driver openvswitch does not run the spanning tree protocol here; leave it out",
    ),
}
_IN_DATABASE = ("mac", "mtu", "labels")  # settings of a switch that ovs-vswitchd enforces, not netlink


def check(desired: Bridge, host: Host, problems: Checks) -> None:
    """Reject what this driver does not have, and a host on which Open vSwitch does not run."""
    kind, name = Bridge.KIND, desired.name
    for field in desired.fields:
        if field not in _HAS and getattr(desired, field) not in (None, False):
            rule = _LACKS.get(field, "is not an option of driver openvswitch; leave it out")
            problems.add(kind, name, field, getattr(desired, field), rule)
    if host.switches.found is None:
        why = host.switches.error or "Open vSwitch does not run on this host"
        problems.add(kind, name, "driver", NAME, why + "; virtnet.linux.prepare_host installs and starts it")
    problems.number(kind, name, "vlan", desired.vlan, 1, 4094)
    if (desired.switch is None) != (desired.vlan is None):
        lacking = "vlan" if desired.vlan is None else "switch"
        problems.add(kind, name, lacking, "", "is required: a network on a shared switch has switch and vlan")
    if desired.switch is not None and not host.is_known_bridge(None, desired.switch):
        problems.refer(kind, name, "switch", desired.switch, "switch")
    for uplink in desired.uplinks or []:
        _check_uplink(name, uplink, host, problems)
    for interface in desired.interfaces or []:
        problems.interface_name(kind, name, "interfaces", interface)
        if interface not in host.stack(None).links and (None, interface) not in host.links_to_create:
            problems.refer(kind, name, "interfaces", interface, "link")


def _check_uplink(switch: str, uplink: Uplink, host: Host, problems: Checks) -> None:
    """Reject a NIC that is not there, is another's port, or has addresses: the host would lose them."""
    kind, name, stack = Bridge.KIND, uplink.interface, host.stack(None)
    problems.interface_name(kind, switch, "uplinks", name)
    for vlan in uplink.vlans or []:
        problems.number(kind, switch, "uplinks", vlan, 1, 4094)
    link = stack.links.get(name)
    if link is None:
        problems.refer(kind, switch, "uplinks", name, "link")
        return
    bridge = stack.link_at(link.master)
    observed = _database(host).ports.get(name)
    if bridge is not None and (observed is None or observed.switch != switch):
        problems.add(kind, switch, "uplinks", name, f"is a port of {bridge.name}; remove it from there first")
    addresses = [address for address in stack.addresses_of(link.index) if not is_link_local(address)]
    if addresses:
        rule = "has %s: the host would lose it, because a port of a switch has no addresses; remove it first"
        problems.add(kind, switch, "uplinks", name, rule % ", ".join(addresses))


def differences(desired: Bridge, host: Host, link: Link) -> tuple[dict[str, Any], dict[str, Any]]:
    """Compare declared ports and the VLAN with the observed switch; undeclared ports are ignored."""
    observed = _database(host)
    segment = observed.segment_of(link.name)
    here = [name for name, port in observed.ports.items() if segment and port.switch == segment[0]]
    found: dict[str, Any] = {
        "switch": segment[0] if segment and segment[1] is not None else None,
        "vlan": segment[1] if segment else None,
        "interfaces": sorted(one for one in desired.interfaces or [] if one in here),
    }
    asked: dict[str, Any] = {**desired.values("switch", "vlan"), "interfaces": None}
    if desired.interfaces is not None:
        asked["interfaces"] = sorted(desired.interfaces)
    if desired.uplinks is not None:
        asked["uplinks"] = sorted((_uplink(one.interface, one.vlans or ()) for one in desired.uplinks), key=str)
        found["uplinks"] = sorted((_uplink(*one) for one in uplinks(observed, link.name)), key=str)
    return difference(asked, found)


def uplinks(observed: Database, switch: str) -> list[tuple[str, tuple[int, ...]]]:
    """Return the uplinks of a switch: their interfaces and VLANs."""
    ports = [port for port in observed.ports.values() if port.switch == switch and port.labels == UPLINK]
    return [(port.name, port.trunks) for port in ports]


def _uplink(interface: str, vlans: Iterable[int]) -> dict[str, Any]:
    return {"interface": interface, "vlans": sorted(vlans)}


def apply(_desired: Bridge, _link: Link | None, _after: dict[str, Any], _asked: settings.Settings, _host: Host) -> None:
    """Create or change the switch: the transaction of the database has done it."""


def by_netlink(asked: settings.Settings) -> settings.Settings:
    """Return the settings of a switch that netlink sets."""
    return {key: value for key, value in asked.items() if key not in _IN_DATABASE}


def by_port(asked: settings.Settings) -> settings.Settings:
    """Return the settings of a port that netlink sets: all but its switch."""
    return {key: value for key, value in asked.items() if key != "bridge"}


def attach(desired: Bridge, _index: int, _host: Host) -> list[Request]:
    """Return the requests that set the declared ports up; that they are ports is in the database."""
    ports = [*(desired.interfaces or []), *(uplink.interface for uplink in desired.uplinks or [])]
    about = f"{Bridge.KIND} {desired.name}: "
    return [Request(messages.change_link(name, [], up=True), about + name, (errno.ENODEV,)) for name in ports]


def port_settings(_desired: Veth, _end: Any, _link: Link | None, _host: Host) -> settings.Settings:
    """Return the settings that the end of a pair has as a port: none besides those of each link."""
    return {}


def port_differences(desired: Veth, near: Link, host: Host) -> tuple[dict[str, Any], dict[str, Any]]:
    """Compare the VLANs of a port, whether the host's own stack is closed to it, and the container's offload."""
    port = _database(host).ports.get(desired.name)
    asked = {"trunks": None if desired.trunks is None else sorted(desired.trunks), "host_stack": "closed"}
    found = {"trunks": list(port.trunks) if port is not None else [], "host_stack": _stack_state(near.name)}
    if desired.is_endpoint and is_in_user_space(desired.on_bridge, host):
        asked["tx_checksum"] = "off"
        with namespaces.entered(desired.far.netns):
            found["tx_checksum"] = "on" if offloads.has_tx_checksum(desired.far.name) else "off"
    return difference(asked, found)


def set_ports(desired: list[Veth], host: Host) -> None:
    """Close the host's own stack to these ports, switch off the transmit checksum offload of their containers, and add
    the ports to their switches."""
    for one in desired:
        for path, value in _CLOSED.items():
            if sysctls.read(path % one.name) not in (None, value):
                sysctls.write(path % one.name, value)
        if one.is_endpoint and is_in_user_space(one.on_bridge, host):
            with namespaces.entered(one.far.netns):
                offloads.disable_tx_checksum(one.far.name)
    host.switches.attach()


def master(_bridge: str | None, _stack: Stack) -> int | None:
    """Return the index to give as IFLA_MASTER: none, ports are in the database."""
    return None


def is_in_user_space(bridge: str, host: Host) -> bool:
    """Whether the switch of a network has the datapath in user space."""
    observed = _database(host)
    segment = observed.segment_of(bridge)
    if segment is not None:
        return observed.switches[segment[0]].datapath == USER_SPACE
    return datapath(observed) == USER_SPACE


def datapath(observed: Database) -> str:
    """Return the type of datapath of a new switch: the kernel's where ovs-vswitchd found it, else the one in user
    space."""
    return "system" if "system" in observed.datapaths else USER_SPACE


def _database(host: Host) -> Database:
    return host.switches.found or Database({}, {}, {}, ())


def _stack_state(name: str) -> str:
    return "closed" if all(sysctls.read(path % name) in (None, value) for path, value in _CLOSED.items()) else "open"
