# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One address space over all hosts: the address and MAC of each container on each overlay network.

Existing endpoints keep their values; then static addresses are assigned; the others get the lowest free address, of
their host's slice where there are slices. The result is idempotent, in whatever order the hosts are run.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems, enumerate_names
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.addresses import Address, Pool, Subnet
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.spec import Attachment, Network
from ansible_collections.virtnet.linux.plugins.plugin_utils.ipam import allocation
from ansible_collections.virtnet.linux.plugins.plugin_utils.ipam.allocation import Claimant, warn_of_lost_address
from ansible_collections.virtnet.linux.plugins.plugin_utils.ipam.endpoints import bridge_mac
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.members import ROLE, Member
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.observed import LiveEndpoint

_GOES = ", which is being deleted"


@dataclass
class FabricEndpoint:
    """One container of one host on one overlay network. Without a attachment (desired attachment) it is undeclared."""

    member: Member
    container: str
    network: str
    attachment: Attachment | None
    live: LiveEndpoint | None
    addresses: dict[int, Address] = field(default_factory=dict)  # by IP version
    mac: str = ""
    is_settled: bool = False  # it has an address of each family, and a MAC

    @property
    def stays(self) -> bool:
        """Whether this run leaves it unchanged."""
        return self.live is not None and (self.attachment is None or not self.member.in_run)

    @property
    def undeclared(self) -> bool:
        """Whether it is neither declared present nor absent, and this role made it, so that it could remove it."""
        live = self.member.live.containers if self.member.live is not None else {}
        role = live[self.container].role if self.container in live else None
        return (
            self.attachment is None and self.container not in self.member.declaration.absent_containers and role == ROLE
        )

    @property
    def who(self) -> str:
        return f"container {self.container}"

    def __str__(self) -> str:
        return f"container {self.container} on {self.member.name}"


def endpoints_of(members: Iterable[Member], network: str) -> list[FabricEndpoint]:
    """The network's endpoints after the run, declared and undeclared ones; by host, in inventory order."""
    found = []
    for member in members:
        live = member.live.containers if member.live is not None else {}
        declared = {**member.others.containers, **member.declaration.containers}
        for name, container in declared.items():
            for attachment in container.attachments:
                if attachment.network == network:
                    there = live.get(name) or member.moved_here.get(name)
                    before = there.endpoints.get(network) if there is not None else None
                    found.append(FabricEndpoint(member, name, network, attachment, before))
        for name, running in live.items():
            if name in member.moved_away:
                continue
            if network in running.endpoints and not _leaves(member, name, network):
                found.append(FabricEndpoint(member, name, network, None, running.endpoints[network]))
    return found


def deleted_from(members: Iterable[Member], network: str) -> Iterator[tuple[str, LiveEndpoint]]:
    """Yield the endpoints to delete; their addresses are not assigned again in the same run."""
    for member in members:
        for name, running in (member.live.containers if member.live is not None else {}).items():
            if (
                network in running.endpoints
                and name not in member.moved_away
                and _leaves(member, name, network)
                and not _is_attached(member, name, network)
            ):
                yield f"container {name} on {member.name}{_GOES}", running.endpoints[network]


def settle_addresses(
    members: list[Member],
    network: Network,
    endpoints: list[FabricEndpoint],
    held: dict[Address, str],
    problems: Problems,
) -> None:
    """Settle every endpoint's addresses; `held` has those of members that could not be read, with their holders."""
    for subnet in network.subnets.values():
        _settle_family(members, network, subnet, endpoints, held, problems)
    for endpoint in endpoints:
        endpoint.addresses = dict(sorted(endpoint.addresses.items()))


def settle_macs(network: Network, endpoints: list[FabricEndpoint], held: Iterable[str]) -> None:
    """Settle every endpoint's MAC: existing endpoints keep theirs, then declared ones, then those derived."""
    holders = {bridge_mac(network): f"the gateway of {network}"}
    holders.update((mac, "a host that could not be read") for mac in held)
    for endpoint in endpoints:
        if endpoint.live is not None and endpoint.live.mac and (endpoint.stays or not _declared_mac(endpoint)):
            endpoint.mac = endpoint.live.mac
            holders.setdefault(endpoint.mac, str(endpoint))
    for endpoint in endpoints:
        attached_to = _declared_mac(endpoint)
        if attached_to and not endpoint.mac:
            holder = holders.setdefault(attached_to, str(endpoint))
            if holder != str(endpoint):
                rule = f"is taken on {network} by {holder}; choose another, or none{_or_remove(holder, endpoints)}"
                endpoint.member.problems.refuse(endpoint.who, "mac_address", attached_to, rule)
            endpoint.mac = attached_to
    for endpoint in endpoints:
        if not endpoint.mac or (holders.get(endpoint.mac) != str(endpoint) and not endpoint.stays):
            endpoint.mac = next(mac for mac in _possible_macs(endpoint) if mac not in holders)
            holders[endpoint.mac] = str(endpoint)
        endpoint.is_settled = len(endpoint.addresses) == len(network.subnets)


def _leaves(member: Member, name: str, network: str) -> bool:
    """Whether an existing endpoint is not undeclared: it is to be deleted, or has a desired attachment."""
    if _is_attached(member, name, network):
        return True
    if not member.in_run or member.live is None:
        return False
    declaration = member.declaration
    if name in declaration.containers or name in declaration.absent_containers:
        return True
    return declaration.purge and member.live.containers[name].role == ROLE


def _is_attached(member: Member, name: str, network: str) -> bool:
    for declaration in (member.declaration, member.others):
        container = declaration.containers.get(name)
        if container is not None and any(attachment.network == network for attachment in container.attachments):
            return True
    return False


def _settle_family(
    members: list[Member],
    network: Network,
    subnet: Subnet,
    endpoints: list[FabricEndpoint],
    held: dict[Address, str],
    problems: Problems,
) -> None:
    version = subnet.version
    pool = Pool(subnet)
    for address, holder in held.items():
        if address.version == version:
            pool.hold(address, holder)
    claimants = [_claimant(one, version) for one in endpoints]
    allocation.keep_existing(pool, claimants)
    for who, gone in deleted_from(members, network.name):
        if version in gone.addresses:
            pool.hold(gone.addresses[version], who)
    allocation.claim(pool, network, claimants, problems, lambda holder: _or_remove(holder, endpoints))
    for member in members:
        for container in member.declaration.absent_containers.values():
            for attachment in container.attachments:
                if attachment.network == network.name and version in attachment.addresses:
                    address = attachment.addresses[version]
                    pool.hold(address, str(container))
                    # for holders on its own host, the host's own plan warns
                    if not str(pool.holder(address)).removesuffix(_GOES).endswith(f" on {member.name}"):
                        warn_of_lost_address(container, address, pool, member.problems)
    of_member: dict[str, list[Claimant]] = {member.name: [] for member in members}
    for endpoint, claimant in zip(endpoints, claimants, strict=True):
        of_member[endpoint.member.name].append(claimant)
    needy = {name: allocation.needy(some) for name, some in of_member.items()}
    _give_free(members, pool, network, needy, problems)
    for endpoint, claimant in zip(endpoints, claimants, strict=True):
        if claimant.address is not None:
            endpoint.addresses[version] = claimant.address


def _claimant(endpoint: FabricEndpoint, version: int) -> Claimant:
    """Existing addresses that this run cannot change come first, then those with anti-spoofing, then others. Undeclared
    endpoints keep their own."""
    live, attachment = endpoint.live, endpoint.attachment
    return Claimant(
        holder=str(endpoint),
        thing=endpoint.who,
        live=live.addresses.get(version) if live is not None else None,
        declared=attachment.addresses.get(version) if attachment is not None else None,
        problems=endpoint.member.problems,
        precedence=(not endpoint.stays, live is None or not live.guarded),
        is_fixed=endpoint.stays,
        may_get=attachment is not None and (live is None or endpoint.member.in_run),
    )


def _or_remove(holder: str, endpoints: list[FabricEndpoint]) -> str:
    """As Scope.or_remove(); an address that an overlay endpoint leaves is assigned again by the next run only."""
    return f", or declare {holder} absent first" if holder in {str(one) for one in endpoints if one.undeclared} else ""


def _give_free(
    members: list[Member], pool: Pool, network: Network, needy: dict[str, list[Claimant]], problems: Problems
) -> None:
    version = pool.subnet.version
    unread = [member for member in members if member.live is None]
    waiting = sorted(one.holder for member in members if member.live is not None for one in needy[member.name])
    # Without slices, an address is known to be free only if every member could be read.
    if unread and waiting and any((network.name, version) not in member.slices for member in members):
        problems.refuse(
            str(network), "hosts", enumerate_names([one.name for one in unread]),
            f"could not be read ({unread[0].unread}), so addresses that they hold are not known and none is given out "
            f"for {enumerate_names(waiting)}; make them reachable, or give every host a slice with {ROLE}_ip_ranges",
        )  # fmt: skip
        return
    for member in members:
        block = member.slices.get((network.name, version))
        own = pool.part(block) if block is not None else pool
        left_out = allocation.give_free(own, needy[member.name])
        if left_out:
            _refuse_full(own, block is not None, network, member.name, [one.holder for one in left_out], problems)


def _refuse_full(pool: Pool, sliced: bool, network: Network, host: str, who: list[str], problems: Problems) -> None:
    suffix = "6" if pool.subnet.version == 6 else ""
    if sliced:
        thing, word = f"host {host}", f"{ROLE}_ip_ranges.{network.name}"
    else:
        thing, word = str(network), ("ip_range" if pool.subnet.ip_range is not None else "subnet") + suffix
    problems.refuse(
        thing, word, str(pool.subnet),
        f"is full: {len(pool.holders())} addresses are held; none is left for {enumerate_names(who)}; "
        "give a wider one, or remove containers",
    )  # fmt: skip


def _declared_mac(endpoint: FabricEndpoint) -> str | None:
    return endpoint.attachment.mac if endpoint.attachment is not None else None


def _possible_macs(endpoint: FabricEndpoint) -> Iterator[str]:
    # a container's name may repeat on another host
    return allocation.possible_macs(endpoint.addresses, endpoint.member.name, endpoint.container, endpoint.network)
