# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names, what they may look like, and what is derived from them.

Plain data that the planner (on the controller) and the engine (on a managed host) both need;
the only file that both import.
"""

from __future__ import annotations

import functools
import hashlib
import ipaddress
import re
from collections.abc import Iterable, Mapping

# dev_valid_name() in net/core/dev.c forbids '/', ':', white space, '.', '..' and 16 bytes or more. The alphabet here is
# narrower, so that a name can stand in a file's path, a link's alias and an nft statement without quoting.
_INTERFACE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}\Z")
# A container's name and its aliases are host names in files hosts(5): labels between single dots. A NAME.HOST of an
# overlay is one too, and longer.
_HOST = r"[A-Za-z0-9][A-Za-z0-9_-]*(\.[A-Za-z0-9][A-Za-z0-9_-]*)*\Z"
_HOST_NAME = re.compile(r"(?=.{1,255}\Z)" + _HOST)
_OBJECT = re.compile(r"(?=.{1,63}\Z)" + _HOST)
_LABEL_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]*\Z")
_ENCODED = re.compile(rb"[^A-Za-z0-9_.:/@+,=~-]")  # bytes of a label's value that are percent-encoded (RFC 3986, 2.1)
_DECODED = re.compile(rb"%([0-9A-F]{2})")

MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}\Z")
GATEWAY_MODES = ("nat", "routed", "isolated")
PROTOCOLS = ("tcp", "udp", "sctp")  # of published ports
VNI_LAST = (1 << 24) - 1
TUNNEL_OVERHEAD = {4: 50, 6: 70}  # bytes of the outer headers: Ethernet 14, IP 20 or 40, UDP 8, VXLAN 8

# Under net.ipv4.conf and net.ipv6.conf these mean other things than a link, so the kernel makes none of this name.
_NO_LINKS = ("all", "default")
SYSCTL_OF_A_LINK = re.compile(r"net[./](ipv4|ipv6)[./](conf|neigh)[./](.+)[./](\w+)\Z")

# What each container's file hosts begins with, and the names in it, which are nobody else's.
HOSTS_HEAD = """127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
"""
HOSTS_NAMES = frozenset(name for line in HOSTS_HEAD.splitlines() for name in line.split()[1:])

INTERFACE_RULE = "1 to 15 of the characters A-Z a-z 0-9 _ . - and no . or - in front; and not all or default"
_HOST_RULE = "of the characters A-Z a-z 0-9 _ . - with a letter or digit in front and after each dot"
OBJECT_RULE = "1 to 63 " + _HOST_RULE
HOST_RULE = "1 to 255 " + _HOST_RULE
LABEL_RULE = "keys of the characters A-Z a-z 0-9 _ . / - with a letter or digit in front, and values of printable text"

# The labels that say what an object is to the collection. Roles take none of these from those who declare.
OWN_LABELS = frozenset((
    "role", "network", "container", "mode", "aliases", "interface", "addresses", "mac", "joins", "cable", "vni",
    "ip_range", "ip_range6", "aux_addresses", "host_binding_ipv4", "host_binding_ipv6", "unprivileged_ports",
))  # fmt: skip

_MARK = "virtnet"
_ONCE = 1 << 16  # a run looks at the same few thousand names and labels several times each
_ALIAS_BYTES = 255  # IFALIASZ less its terminating zero, include/uapi/linux/if.h


def is_interface_name(name: object) -> bool:
    """Whether the name is one that every part of the collection can carry for a link."""
    return isinstance(name, str) and _is_interface_name(name)


def is_object_name(name: object) -> bool:
    """Whether the name can be a container's (a file in /run/netns) or a network's."""
    return isinstance(name, str) and _is_object_name(name)


def is_host_name(name: str) -> bool:
    """Whether a file of names can have the name: an object's, or a container's with its host's behind it."""
    return bool(_HOST_NAME.match(name))


def bridge_device(network: str) -> str:
    """The bridge's name on a host: br-NETWORK, or br- and a hash where that is over 15 bytes."""
    return _device("br-", network)


def tunnel_device(network: str) -> str:
    """The VXLAN tunnel's name on a host: vx-NETWORK, or vx- and a hash where that is over 15 bytes."""
    return _device("vx-", network)


def veth_device(container: str, network: str) -> str:
    """The name of the host end of a container's endpoint: veth and 11 hex digits, 15 bytes in all."""
    return "veth" + _hash(container + "/" + network, 11)


def cable_device(bridge_of: str, to: str) -> str:
    """The name of a cable's end: on the bridge of the one network, plugged into the other's; 15 bytes."""
    return "cable" + _hash(bridge_of + "/" + to, 10)


def mac_of_ipv4(address: str) -> str:
    """02:42 and the four bytes of the address, as Docker derived it: 172.30.0.2 gives 02:42:ac:1e:00:02."""
    return _mac(b"\x02\x42" + ipaddress.IPv4Address(address).packed)


def mac_of_names(*names: str) -> str:
    """A stable, locally administered unicast MAC for what has no IPv4 address."""
    return _mac(b"\x06" + hashlib.sha256("/".join(names).encode()).digest()[:5])


FORWARDING = ("net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding", "net.ipv6.conf.all.forwarding")  # two are one


def link_of_sysctl(key: str) -> str | None:
    """The link that a sysctl belongs to; None for one of a whole namespace.

    >>> link_of_sysctl("net.ipv4.conf.eth0.rp_filter"), link_of_sysctl("net.ipv4.conf.all.rp_filter")
    ('eth0', None)
    """
    found = SYSCTL_OF_A_LINK.match(key)
    return None if found is None or found.group(3) in _NO_LINKS else found.group(3)


def sysctl(key: str) -> str:
    """A sysctl's name as people write it, with dots, unless a link's name in it has one (sysctl(8)).

    >>> sysctl("net/ipv6/conf/eth0/accept_ra"), sysctl("net/ipv6/conf/eth0.7/accept_ra")
    ('net.ipv6.conf.eth0.accept_ra', 'net/ipv6/conf/eth0.7/accept_ra')
    """
    return key if "." in key else key.replace("/", ".")


def mark(labels: dict[str, str]) -> str:
    """The text that marks an object as ours: 'virtnet' and the labels as key=value, sorted.

    >>> mark({"network": "web", "com.example.tier": "front end"})
    'virtnet com.example.tier=front%20end network=web'
    """
    return " ".join([_MARK] + ["%s=%s" % (key, _encoded(value)) for key, value in sorted(labels.items())])


def labels_of(alias: str | None) -> dict[str, str] | None:
    """The labels that a mark carries; None where the alias is no mark of ours."""
    if not alias:
        return None
    first, *words = alias.split(" ")
    if first != _MARK:
        return None
    try:
        found = dict([word.split("=", 1) for word in words])
    except ValueError:  # a word without =
        return None
    return {key: _decoded(value) for key, value in found.items()} if "%" in alias else found


def addresses_mark(named: dict[str, str]) -> str:
    """Addresses by name as one label's value.

    >>> addresses_mark({"nas": "172.30.0.9", "printer": "172.30.0.10"})
    'nas/172.30.0.9+printer/172.30.0.10'
    """
    return "+".join("%s/%s" % item for item in named.items())


def addresses_of(value: str) -> dict[str, str]:
    """What addresses_mark() was given."""
    return dict(item.split("/", 1) for item in value.split("+") if "/" in item)


def labels_fit(labels: object) -> bool:
    """Whether a link's alias can hold the labels and give them back unchanged."""
    return labels_problem(labels) is None


def labels_problem(labels: object, own: dict[str, str] | None = None) -> str | None:
    """Why a link's alias cannot hold the labels, besides the collection's ``own``; None where it can."""
    if not isinstance(labels, dict):
        return "labels are a dictionary"
    for key, value in labels.items():
        if not (isinstance(key, str) and isinstance(value, str) and _is_label(key, value)):
            return "labels are %s: %r: %r is none" % (LABEL_RULE, key, value)
    room = _ALIAS_BYTES - (len(mark(own)) if own else len(_MARK))
    needed = sum(_label_bytes(key, value) for key, value in labels.items() if key not in (own or ()))
    if needed <= room:
        return None
    return (
        "they take %d bytes of the link's alias (key, value and two for each), and %d are left: give fewer, or "
        "shorter ones" % (needed, room)
    )


def entry_number(mac: str, addresses: Iterable[str], vtep: str) -> int:
    """A number for an endpoint behind a tunnel, different for different ones."""
    line = " ".join([mac, *sorted(addresses), vtep])
    return int.from_bytes(hashlib.sha256(line.encode()).digest()[:16], "big")


def fingerprint(numbers: Iterable[int]) -> str:
    """One for all entries of a tunnel, by which a planner sees that a host lacks some without being told all.

    A sum: all entries less a host's own are those that it needs, so the planner adds up all of them only once.
    """
    return "%032x" % (sum(numbers) % (1 << 128))


@functools.lru_cache(_ONCE)
def _is_interface_name(name: str) -> bool:
    return bool(_INTERFACE.match(name)) and name not in _NO_LINKS


@functools.lru_cache(_ONCE)
def _is_object_name(name: str) -> bool:
    return bool(_OBJECT.match(name))


@functools.lru_cache(_ONCE)
def _is_label(key: str, value: str) -> bool:
    return bool(_LABEL_KEY.match(key)) and value.isprintable()


@functools.lru_cache(_ONCE)
def _label_bytes(key: str, value: str) -> int:
    return len(key) + len(_encoded(value)) + 2


@functools.lru_cache(_ONCE)
def _encoded(value: str) -> str:
    return _ENCODED.sub(lambda found: b"%%%02X" % found.group()[0], value.encode()).decode("ascii")


def _decoded(word: str) -> str:
    return _DECODED.sub(lambda found: bytes.fromhex(found.group(1).decode()), word.encode()).decode("utf-8", "replace")


def _device(prefix: str, network: str) -> str:
    name = prefix + network
    return name if is_interface_name(name) else prefix + _hash(network, 12)


def _hash(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:digits]


def _mac(packed: bytes) -> str:
    return ":".join("%02x" % byte for byte in packed)


# What the kernel has where it is not told otherwise (net/ipv4/arp.c, net/ipv6/ndisc.c, net/core/dev.c), in its first
# network namespace for all.
NEIGHBOUR_ENTRIES = {version: "net.ipv%d.neigh.default.gc_thresh3" % version for version in (4, 6)}
RECEIVE_BACKLOG = "net.core.netdev_max_backlog"
LIMITS = {**dict.fromkeys(NEIGHBOUR_ENTRIES.values(), 1024), RECEIVE_BACKLOG: 1000}
_ENTRIES_EACH = 2  # of an endpoint's address: for its gateway, and for one neighbour


def limits_exceeded(
    addresses: Mapping[int, int], ports: Mapping[str, int], found: Mapping[str, int | None]
) -> list[str]:
    """What is too low of the limits that endpoints count against, a sentence each: given how many addresses they have
    by IP version, and ports by bridge. A limit of None cannot be seen; it is likely to be the kernel's own."""
    said = []
    for version, key in NEIGHBOUR_ENTRIES.items():
        count = addresses.get(version, 0)
        limit, is_ = _limit(key, found)
        if count * _ENTRIES_EACH > limit:
            raised = 1 << (4 * count - 1).bit_length()
            said.append(
                f"this host's {count} IPv{version} endpoints need {_ENTRIES_EACH * count} neighbour entries, each one "
                f"for its gateway and one for a neighbour, and {is_}, for all namespaces of the machine: those beyond "
                f"it get no answer; set prepare_host_neighbour_entries: {raised} of the role prepare_host"
            )
    limit, is_ = _limit(RECEIVE_BACKLOG, found)
    for bridge, count in sorted(ports.items()):
        if count > limit:
            said.append(
                f"bridge {bridge} has {count} endpoints, and {is_}: a broadcast, as ARP asks by, does not reach all of "
                f"them; set prepare_host_receive_backlog: {1 << (2 * count - 1).bit_length()} of the role prepare_host"
            )
    return said


def _limit(key: str, found: Mapping[str, int | None]) -> tuple[int, str]:
    """A limit, and what is known of it."""
    value, usual = found.get(key), LIMITS[key]
    if value is None:
        return usual, f"{key}, which cannot be seen in this network namespace, is {usual} unless it was raised"
    return value, f"{key} is {value}"
