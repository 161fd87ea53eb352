# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names: their syntax, and the device names, MACs and ownership labels derived from them.

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
# narrower, so that a name needs no quoting in a file's path, a link's alias and an nft statement.
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

# Under net.ipv4.conf and net.ipv6.conf these are no links, so the kernel creates no link of this name.
_NO_LINKS = ("all", "default")
SYSCTL_OF_A_LINK = re.compile(r"net[./](ipv4|ipv6)[./](conf|neigh)[./](.+)[./](\w+)\Z")

# The first lines of each container's hosts(5) file, and the reserved names in them.
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

# Labels reserved for the collection: they identify an object. Roles do not accept them in a declaration.
OWN_LABELS = frozenset((
    "role", "network", "container", "mode", "aliases", "interface", "addresses", "mac", "joins", "patch", "vni",
    "ip_range", "ip_range6", "aux_addresses", "host_binding_ipv4", "host_binding_ipv6", "unprivileged_ports",
))  # fmt: skip

_MARK = "virtnet"
_ONCE = 1 << 16  # a run looks at the same few thousand names and labels several times each
_ALIAS_BYTES = 255  # IFALIASZ less its terminating zero, include/uapi/linux/if.h


def is_interface_name(name: object) -> bool:
    """Whether the name is valid for a link in every part of the collection."""
    return isinstance(name, str) and _is_interface_name(name)


def is_object_name(name: object) -> bool:
    """Whether the name is valid for a container (a file in /run/netns) or a network."""
    return isinstance(name, str) and _is_object_name(name)


def is_host_name(name: str) -> bool:
    """Whether the name is valid in a hosts(5) file: an object's name, or NAME.HOST of an overlay's container."""
    return bool(_HOST_NAME.match(name))


def bridge_device(network: str) -> str:
    """Return the bridge's name on a host: br-NETWORK, or br- and a hash where that is over 15 bytes."""
    return _device("br-", network)


def tunnel_device(network: str) -> str:
    """Return the VXLAN tunnel's name on a host: vx-NETWORK, or vx- and a hash where that is over 15 bytes."""
    return _device("vx-", network)


def veth_device(container: str, network: str) -> str:
    """Return the name of the host end of a container's endpoint: veth and 11 hex digits, 15 bytes in all."""
    return "veth" + _hash(container + "/" + network, 11)


def patch_device(bridge_of: str, to: str) -> str:
    """Return the name of a patch link's end (inter-bridge veth): on one network's bridge, leading to the other's; 15
    bytes."""
    return "patch" + _hash(bridge_of + "/" + to, 10)


def mac_of_ipv4(address: str) -> str:
    """Derive a MAC from an IPv4 address as Docker did, 02:42 and four bytes: 172.30.0.2 gives 02:42:ac:1e:00:02."""
    return _mac(b"\x02\x42" + ipaddress.IPv4Address(address).packed)


def mac_of_names(*names: str) -> str:
    """Derive a stable, locally administered unicast MAC for an endpoint or bridge without an IPv4 address."""
    return _mac(b"\x06" + hashlib.sha256("/".join(names).encode()).digest()[:5])


FORWARDING = ("net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding", "net.ipv6.conf.all.forwarding")  # 1 and 2 alias


def link_of_sysctl(key: str) -> str | None:
    """Return the link that a sysctl belongs to; None for one of a whole namespace.

    >>> link_of_sysctl("net.ipv4.conf.eth0.rp_filter"), link_of_sysctl("net.ipv4.conf.all.rp_filter")
    ('eth0', None)
    """
    found = SYSCTL_OF_A_LINK.match(key)
    return None if found is None or found.group(3) in _NO_LINKS else found.group(3)


def sysctl(key: str) -> str:
    """Format a sysctl's name with dots, or with slashes where a link's name in it has a dot (sysctl(8)).

    >>> sysctl("net/ipv6/conf/eth0/accept_ra"), sysctl("net/ipv6/conf/eth0.7/accept_ra")
    ('net.ipv6.conf.eth0.accept_ra', 'net/ipv6/conf/eth0.7/accept_ra')
    """
    return key if "." in key else key.replace("/", ".")


def mark(labels: dict[str, str]) -> str:
    """Format the ownership label of an object: 'virtnet' and the labels as key=value, sorted.

    >>> mark({"network": "web", "com.example.tier": "front end"})
    'virtnet com.example.tier=front%20end network=web'
    """
    return " ".join([_MARK] + ["%s=%s" % (key, _encoded(value)) for key, value in sorted(labels.items())])


def labels_of(alias: str | None) -> dict[str, str] | None:
    """Parse the labels of an ownership label; None where the alias is not one."""
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
    """Format addresses by name as one label's value.

    >>> addresses_mark({"nas": "172.30.0.9", "printer": "172.30.0.10"})
    'nas/172.30.0.9+printer/172.30.0.10'
    """
    return "+".join("%s/%s" % item for item in named.items())


def addresses_of(value: str) -> dict[str, str]:
    """Parse the value that addresses_mark() returned."""
    return dict(item.split("/", 1) for item in value.split("+") if "/" in item)


def labels_fit(labels: object) -> bool:
    """Whether the labels fit into a link's alias and can be read back unchanged."""
    return labels_problem(labels) is None


def labels_problem(labels: object, own: dict[str, str] | None = None) -> str | None:
    """Return why the labels, besides the collection's ``own``, do not fit into a link's alias; None where they do."""
    if not isinstance(labels, dict):
        return "labels are a mapping"
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
    """Return a number that identifies a remote endpoint behind a VTEP (its FDB and neighbour entries)."""
    line = " ".join([mac, *sorted(addresses), vtep])
    return int.from_bytes(hashlib.sha256(line.encode()).digest()[:16], "big")


def fingerprint(numbers: Iterable[int]) -> str:
    """Combine the numbers of all entries of a tunnel: the planner compares it to detect missing entries of a host
    without reading all of them.

    A sum: a host needs all entries less its own, so the planner adds up all of them only once.
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


# The kernel's defaults (net/ipv4/arp.c, net/ipv6/ndisc.c, net/core/dev.c); the initial network namespace's values apply
# to all namespaces.
NEIGHBOUR_ENTRIES = {version: "net.ipv%d.neigh.default.gc_thresh3" % version for version in (4, 6)}
RECEIVE_BACKLOG = "net.core.netdev_max_backlog"
LIMITS = {**dict.fromkeys(NEIGHBOUR_ENTRIES.values(), 1024), RECEIVE_BACKLOG: 1000}
_ENTRIES_EACH = 2  # neighbour entries of an endpoint's address: its gateway, and one neighbour


def limits_exceeded(
    addresses: Mapping[int, int], ports: Mapping[str, int], found: Mapping[str, int | None]
) -> list[str]:
    """Return a warning for each kernel limit that is too low for the endpoints: given their number of addresses by IP
    version, and of ports by bridge. A limit of None cannot be read here; the kernel's default is assumed."""
    warnings = []
    for version, key in NEIGHBOUR_ENTRIES.items():
        count = addresses.get(version, 0)
        limit, is_ = _limit(key, found)
        if count * _ENTRIES_EACH > limit:
            raised = 1 << (4 * count - 1).bit_length()
            warnings.append(
                f"this host's {count} IPv{version} endpoints need {_ENTRIES_EACH * count} neighbour entries, each one "
                f"for its gateway and one for a neighbour, and {is_}, for all namespaces of the machine: those beyond "
                f"it get no answer; set prepare_host_neighbour_entries: {raised} of the role prepare_host"
            )
    limit, is_ = _limit(RECEIVE_BACKLOG, found)
    for bridge, count in sorted(ports.items()):
        if count > limit:
            warnings.append(
                f"bridge {bridge} has {count} endpoints, and {is_}: a broadcast, as ARP asks by, does not reach all of "
                f"them; set prepare_host_receive_backlog: {1 << (2 * count - 1).bit_length()} of the role prepare_host"
            )
    return warnings


def _limit(key: str, found: Mapping[str, int | None]) -> tuple[int, str]:
    """Return a limit, and a phrase that reports it."""
    value, usual = found.get(key), LIMITS[key]
    if value is None:
        return usual, f"{key}, which cannot be seen in this network namespace, is {usual} unless it was raised"
    return value, f"{key} is {value}"
