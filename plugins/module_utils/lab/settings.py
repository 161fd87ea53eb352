# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lab's data: its hosts, their addresses on the underlay, and the validation of the module's options."""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Union

Network = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

OUTSIDE = "outside"  # the host with the underlay's bridge, which acts as the rest of the network
BRIDGE = "underlay"  # that bridge
LABS = Path("/run/virtnet-lab")  # default parent directory of labs; empty after a reboot, as labs do not survive one

# A host's name is also its port's on the bridge (15 bytes at most), with .1 to .8 appended for NICs after eth0.
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]{0,11}[a-z0-9])?\Z")
_HOST_RULE = "a host's name is 1 to 13 of the characters a-z 0-9 - with a letter or digit at both ends"
_LAB = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?\Z")
_LAB_RULE = "a lab's name is 1 to 32 of the characters a-z 0-9 - with a letter or digit at both ends"
_TAKEN = (OUTSIDE, BRIDGE, "lo", "localhost", "all", "lab")  # existing devices, and reserved words of inventories
_PATH = re.compile(r"/[A-Za-z0-9/._-]*\Z")
_PATH_RULE = "an absolute path of the characters A-Z a-z 0-9 / . _ - (it is used in mount options and in an ssh_config)"
_OUTSIDE6 = 0xFFFF  # the outside's number in the IPv6 subnet; the hosts' are lower


@dataclass(frozen=True)
class Host:
    """One host: its addresses on the underlay without prefix length, its NICs' MTU, and its number of NICs."""

    name: str
    address: str | None
    address6: str | None
    mtu: int
    uplinks: int

    def nics(self) -> dict[str, str]:
        """Return the host's NICs by their ports on the underlay's bridge: {"h1": "eth0", "h1.1": "eth1"}."""
        return {self.name + (".%d" % i if i else ""): "eth%d" % i for i in range(self.uplinks)}


@dataclass(frozen=True)
class Lab:
    """The desired lab, or the one last declared, from its inventory."""

    name: str
    directory: Path
    subnet: str | None
    subnet6: str | None
    python_interpreter: str
    outside: Host
    hosts: tuple[Host, ...]

    def all_hosts(self) -> tuple[Host, ...]:
        """Return all hosts, the outside first: the others' NICs need its bridge."""
        return (self.outside, *self.hosts)


def problems(options: dict[str, Any]) -> list[str]:
    """Return an error for each invalid option of the module, with the field, the value and the rule."""
    found = []
    if not _LAB.match(options["name"]):
        found.append("name: '%s': %s" % (options["name"], _LAB_RULE))
    for field in ("directory", "python_interpreter"):
        value = options[field]
        if value and (not _PATH.match(value) or ".." in value.split("/")):
            found.append("%s: '%s': %s" % (field, value, _PATH_RULE))
    if not os.access(options["python_interpreter"], os.X_OK):
        found.append("python_interpreter: '%s': no such program on this machine" % options["python_interpreter"])
    if (options["count"] or 0) < 0:
        found.append("count: '%d': a number of hosts is 0 or more" % options["count"])
    found += _wrong_subnets(options)
    seen = set()
    for host in options["hosts"]:
        name = host["name"]
        if not _HOST.match(name):
            found.append("host %s: name: '%s': %s" % (name, name, _HOST_RULE))
        if name in _TAKEN:
            found.append("host %s: name: '%s': is taken, as %s are; choose another" % (name, name, ", ".join(_TAKEN)))
        if name in seen:
            found.append("host %s: name: '%s': is in the list twice" % (name, name))
        seen.add(name)
        for field, least, most in (("mtu", 1280 if options["subnet6"] else 576, 65535), ("uplinks", 1, 9)):
            value = host[field] if host[field] is not None else options[field]
            if not least <= value <= most:
                found.append("host %s: %s: '%s': is %d to %d" % (name, field, value, least, most))
    return found


def directory(options: dict[str, Any]) -> Path:
    """Return the directory of the lab's files."""
    return Path(options["directory"] or LABS / options["name"])


def declare(options: dict[str, Any], before: Lab | None) -> Lab:
    """Return the lab declared by valid options. Known hosts keep their addresses, others get the lowest free."""
    same = before if before and (before.subnet or "", before.subnet6 or "") == _subnets(options) else None
    hosts = [
        Host(
            name=host["name"],
            address=None,
            address6=None,
            mtu=options["mtu"] if host["mtu"] is None else host["mtu"],
            uplinks=options["uplinks"] if host["uplinks"] is None else host["uplinks"],
        )
        for host in options["hosts"]
    ]
    outside = Host(OUTSIDE, None, None, options["mtu"], 0)
    if options["subnet"]:
        network: Network = ipaddress.ip_network(options["subnet"])
        outside = replace(outside, address=str(network[-2]))
        kept = {host.name: host.address for host in same.hosts} if same else {}
        hosts = [replace(host, address=address) for host, address in zip(hosts, _addresses(network, hosts, kept))]
    if options["subnet6"]:
        network = ipaddress.ip_network(options["subnet6"])
        outside = replace(outside, address6=str(network[_OUTSIDE6]))
        kept = {host.name: host.address6 for host in same.hosts} if same else {}
        hosts = [replace(host, address6=address) for host, address in zip(hosts, _addresses(network, hosts, kept))]
    return Lab(
        name=options["name"],
        directory=directory(options),
        subnet=options["subnet"] or None,
        subnet6=options["subnet6"] or None,
        python_interpreter=options["python_interpreter"],
        outside=outside,
        hosts=tuple(hosts),
    )


def _subnets(options: dict[str, Any]) -> tuple[str, str]:
    return options["subnet"] or "", options["subnet6"] or ""


def _wrong_subnets(options: dict[str, Any]) -> list[str]:
    found = []
    if not any(_subnets(options)):
        found.append("subnet, subnet6: '': the underlay needs one of them")
    for field, version, longest in (("subnet", 4, 29), ("subnet6", 6, 112)):
        value = options[field]
        if not value:
            continue
        rule = "an IPv%d network and its length, %d at most, as %s" % (
            version,
            longest,
            {4: "10.99.0.0/16", 6: "fd99::/64"}[version],
        )
        try:
            network = ipaddress.ip_network(value if "%" not in value else "")  # a zone may be any text
        except ValueError as error:
            found.append("%s: '%s': %s; desired is %s" % (field, value, error, rule))
            continue
        if network.version != version or network.prefixlen > longest:
            found.append("%s: '%s': desired is %s" % (field, value, rule))
            continue
        room, desired = _room(network), len(options["hosts"])
        if desired > room:
            found.append("%s: '%s': has room for %d hosts, %d are declared" % (field, value, room, desired))
    return found


def _room(network: Network) -> int:
    """Return how many hosts fit: all addresses but the network's own, the outside's and IPv4's broadcast address."""
    return network.num_addresses - 3 if network.version == 4 else _OUTSIDE6 - 1


def _addresses(network: Network, hosts: list[Host], kept: dict[str, str | None]) -> list[str]:
    taken = {kept[host.name] for host in hosts if host.name in kept}
    free = (address for address in map(str, (network[i] for i in range(1, _room(network) + 1))) if address not in taken)
    return [kept.get(host.name) or next(free) for host in hosts]
