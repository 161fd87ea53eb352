# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Allocation of one subnet's addresses, of one host's network or of a fabric.

Existing addresses are kept, then the gateway, auxiliary and static ones are claimed, then the other endpoints get the
lowest free ones. The result is idempotent.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from ansible_collections.virtnet.linux.plugins.module_utils.rules import names
from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.addresses import Address, Pool, outside
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.spec import Container, Network

ADDRESS_FIELDS = {4: "ipv4_address", 6: "ipv6_address"}
THE_GATEWAY = "the gateway"


@dataclass
class Claimant:
    """An endpoint that has, or is to have, an address of the subnet."""

    holder: str  # in messages
    thing: str  # in messages about its own fields
    live: Address | None  # its existing address
    declared: Address | None  # its static address
    problems: Problems
    precedence: tuple[bool, ...] = ()  # of existing addresses: the lowest keeps it where two endpoints have the same
    is_fixed: bool = False  # this run does not change it
    may_get: bool = True  # it gets a free address where it has none
    address: Address | None = None  # settled


def keep_existing(pool: Pool, claimants: Iterable[Claimant]) -> None:
    """Keep existing addresses. Of two endpoints with the same one, the second gets another."""
    for one in sorted(claimants, key=lambda one: one.precedence):
        kept = one.live
        if kept is None or (one.declared not in (None, kept) and not one.is_fixed) or not pool.subnet.has(kept):
            continue
        if one.is_fixed or pool.holder(kept) is None:
            pool.hold(kept, one.holder)
            one.address = kept


def claim(
    pool: Pool,
    network: Network,
    claimants: Iterable[Claimant],
    problems: Problems,
    or_remove: Callable[[str], str],
) -> None:
    """Assign the gateway, auxiliary and static addresses; refuse addresses in use. ``or_remove`` returns the second
    remedy where a holder could be removed."""
    subnet = pool.subnet
    version, suffix = subnet.version, "6" if subnet.version == 6 else ""

    def is_free(address: Address, holder: str, thing: str, field: str, log: Problems) -> bool:
        other = pool.holder(address)
        if other is not None and other != holder:
            rule = f"is taken on {network} by {other}; choose another{or_remove(other)}"
            log.refuse(thing, field, str(address), rule)
            return False
        pool.hold(address, holder)
        return True

    if subnet.gateway is not None:
        is_free(subnet.gateway, THE_GATEWAY, str(network), "gateway" + suffix, problems)
    for key, auxiliary in subnet.auxiliary.items():
        is_free(auxiliary, f"aux_addresses {key}", str(network), f"aux_addresses.{key}", problems)
    for one in claimants:
        address = one.declared
        if address is None:
            continue
        if not subnet.has(address):
            rule = outside(subnet, address, f" of {network}")
            one.problems.refuse(one.thing, ADDRESS_FIELDS[version], str(address), rule)
        elif is_free(address, one.holder, one.thing, ADDRESS_FIELDS[version], one.problems) and one.address is None:
            one.address = address


def needy(claimants: Iterable[Claimant]) -> list[Claimant]:
    """Return those that get a free address."""
    return [one for one in claimants if one.address is None and one.declared is None and one.may_get]


def give_free(pool: Pool, claimants: Iterable[Claimant]) -> list[Claimant]:
    """Assign free addresses: after a change of the subnet that with the same host part, else the lowest; return those
    for which none is left."""
    left_out = []
    given = list(claimants)
    for one in given:
        if one.live is not None and not pool.subnet.has(one.live):
            one.address = pool.give_like(one.live, one.holder)
    for one in given:
        one.address = one.address or pool.give(one.holder)
        if one.address is None:
            left_out.append(one)
    return left_out


def warn_of_lost_address(container: Container, address: Address, pool: Pool, problems: Problems) -> None:
    """Warn where another container has an absent container's static address, as after a renaming."""
    holder = pool.holder(address)
    if holder is not None and holder != str(container):
        remark = f"the container is absent, and {holder} has its address; it cannot come back with this one"
        problems.warn(str(container), ADDRESS_FIELDS[pool.subnet.version], str(address), remark)


def possible_macs(addresses: dict[int, Address], *who: str) -> Iterator[str]:
    """Yield the MACs for a new endpoint: that of its IPv4 address, then those of its names, which ``who`` are."""
    if 4 in addresses:
        yield names.mac_of_ipv4(str(addresses[4]))
    yield names.mac_of_names(*who)
    for number in itertools.count(2):
        yield names.mac_of_names(*who, str(number))
