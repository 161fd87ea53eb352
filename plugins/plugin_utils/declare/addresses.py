# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Address pools: the addresses that a subnet can assign, and the holder of each."""

from __future__ import annotations

import dataclasses
import hashlib
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass, field

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
Named = tuple[IPNetwork, str]


@dataclass(frozen=True)
class Subnet:
    """One address family of a network: the subnet, and how it is divided.

    Containers get addresses out of ip_range, or out of the whole subnet where there is none. The gateway is the
    bridge's address; None until the planner has settled it. Auxiliary addresses are reserved for other devices.
    """

    network: IPNetwork
    ip_range: IPNetwork | None = None
    gateway: Address | None = None
    auxiliary: dict[str, Address] = field(default_factory=dict)

    @property
    def version(self) -> int:
        return self.network.version

    @property
    def default_route(self) -> Address | None:
        """The next hop of the default route: the router that aux_addresses names, else the gateway."""
        return self.auxiliary.get(f"DefaultGatewayIPv{self.version}", self.gateway)

    def has(self, address: Address) -> bool:
        """Whether an endpoint can have the address."""
        first, last = bounds(self.network)
        return address.version == self.version and first <= int(address) <= last

    def first(self) -> Address:
        """The lowest assignable address; it becomes the gateway where none is declared, as in Docker."""
        return _address(self.version, _dynamic_bounds(self)[0])

    def __str__(self) -> str:
        return str(self.network if self.ip_range is None else self.ip_range)


class Pool:
    """The holder of each address of a subnet; assigns the lowest free address."""

    def __init__(self, subnet: Subnet) -> None:
        self.subnet = subnet
        self._holders: dict[int, str] = {}
        self._next, self._last = _dynamic_bounds(subnet)

    def part(self, ip_range: IPNetwork) -> Pool:
        """A pool that assigns from a part of the subnet only; shares the holders of this one and its other parts."""
        pool = Pool(dataclasses.replace(self.subnet, ip_range=ip_range))
        pool._holders = self._holders
        return pool

    def holder(self, address: Address) -> str | None:
        return self._holders.get(int(address))

    def hold(self, address: Address, holder: str) -> None:
        """Reserve an address; the first holder keeps it."""
        self._holders.setdefault(int(address), holder)

    def give(self, holder: str) -> Address | None:
        """Assign the lowest free address to the holder; None when there is none."""
        # Addresses are never released, so all below the last find are taken and the search is linear in total.
        while self._next <= self._last and self._next in self._holders:
            self._next += 1
        if self._next > self._last:
            return None
        self._holders[self._next] = holder
        return _address(self.subnet.version, self._next)

    def give_like(self, address: Address, holder: str) -> Address | None:
        """Assign the address with the same host part as one of the former subnet; None where it is not free,
        or not among those that are assigned dynamically."""
        number = int(self.subnet.network.network_address) | (int(address) & int(self.subnet.network.hostmask))
        first, last = _dynamic_bounds(self.subnet)
        if not first <= number <= last or number in self._holders:
            return None
        self._holders[number] = holder
        return _address(self.subnet.version, number)

    def holders(self) -> list[str]:
        """The holders of the dynamically assigned addresses, lowest address first."""
        first, last = _dynamic_bounds(self.subnet)
        return [holder for number, holder in sorted(self._holders.items()) if first <= number <= last]


def bounds(network: IPNetwork) -> tuple[int, int]:
    """The first and the last address that an endpoint can have, as numbers.

    The network's own address and IPv4's broadcast are left out, but not of /31, /32, /127 and /128 (RFC 3021, 6164).
    """
    first, last = int(network.network_address), int(network.broadcast_address)
    if network.num_addresses > 2:
        first += 1
        if network.version == 4:
            last -= 1
    return first, last


def outside(subnet: Subnet, address: Address, of: str = "") -> str:
    """The message for an address that no endpoint of a subnet can have; `of` names the owner of the subnet."""
    what = f"subnet{'6' if subnet.version == 6 else ''} {subnet.network}{of}"
    if address in subnet.network:
        return f"is the network or broadcast address of {what}; choose one between them"
    return f"must be an address inside {what}"


def overlaps(networks: list[Named]) -> Iterator[tuple[Named, Named]]:
    """Yield pairs of (network, name) that overlap: each network that lies in a wider or equal one, once."""
    for version in (4, 6):
        widest = None
        # Two networks are disjoint or nested, so in this order comparing with the widest so far suffices.
        own = [pair for pair in networks if pair[0].version == version]
        for pair in sorted(own, key=lambda pair: (int(pair[0].network_address), pair[0].prefixlen)):
            if widest is not None and lies_in(pair[0], widest[0]):
                yield widest, pair
            else:
                widest = pair


def lies_in(block: IPNetwork, other: IPNetwork) -> bool:
    """Whether a block of addresses lies in the other one."""
    return block.version == other.version and other.supernet_of(block)  # type: ignore[arg-type]


def unique_local_subnet(*names: str) -> ipaddress.IPv6Network:
    """A stable /64 out of fd00::/8 for a network that has IPv6 and names no subnet (RFC 4193)."""
    digest = hashlib.sha256("/".join(names).encode("utf-8", "surrogatepass")).digest()[:7]
    return ipaddress.IPv6Network((b"\xfd" + digest + bytes(8), 64))


def _dynamic_bounds(subnet: Subnet) -> tuple[int, int]:
    first, last = bounds(subnet.network)
    if subnet.ip_range is not None:
        first = max(first, int(subnet.ip_range.network_address))
        last = min(last, int(subnet.ip_range.broadcast_address))
    return first, last


def _address(version: int, number: int) -> Address:
    return ipaddress.IPv4Address(number) if version == 4 else ipaddress.IPv6Address(number)
