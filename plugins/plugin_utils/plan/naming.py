# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names by which the containers of a network resolve each other, and their nameservers."""

from __future__ import annotations

from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import NetworkName, NetworkNames, Resolver
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.addresses import Address
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.declaration import Container, Network
from ansible_collections.virtnet.linux.plugins.plugin_utils.ipam.endpoints import Endpoint
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.scope import Scope

Names = dict[Address, dict[str, None]]  # by address, in order, each once


def network_names(scope: Scope, endpoints: list[Endpoint]) -> list[NetworkNames]:
    """The objects of the kind `network_names`: one for each segment, whose endpoints all reach each other."""
    by_segment: dict[str, Names] = {}
    for endpoint in endpoints:
        names = by_segment.setdefault(endpoint.network.segment.name, {})
        for address in endpoint.addresses.values():
            add_names(names, address, [endpoint.container.name, *endpoint.attachment.aliases])
    found = []
    for network in scope.networks.values():
        if network.segment is not network or scope.live.roles.get(network.name) not in (None, scope.role):
            continue  # the role that made it writes its names
        names = by_segment.setdefault(network.name, {})
        for container, live in scope.undeclared_on(network):
            for address in live.addresses.values():
                add_names(names, address, [container, *live.aliases])
        found.append(as_object(network.name, names))
    # where the bridge was deleted out of band, the persisted names may still exist
    gone = sorted({*scope.networks_to_delete, *scope.absent_networks} - {*scope.networks})
    return found + [NetworkNames(network=name, state="absent") for name in gone]


def resolvers(scope: Scope, joins: dict[str, str]) -> list[Resolver]:
    """The objects of the kind `resolver`: one for all containers with the same networks and nameservers."""
    groups: dict[tuple[Any, ...], list[str]] = {}
    without = sorted({*scope.containers_to_delete, *scope.absent})
    for name, container in scope.declared.items():
        owner = joins.get(name, name)
        if owner == "host":
            without.append(name)  # it uses the host's resolver files
            continue
        dns = scope.declared.get(owner, container).dns
        key = (tuple(_networks_of(scope, owner)), tuple(map(str, dns.servers)), tuple(dns.search), tuple(dns.options))
        groups.setdefault(key, []).append(name)
    found = []
    for (networks, servers, search, options), containers in groups.items():
        found.append(
            Resolver(
                containers=containers,
                networks=list(networks),
                nameservers=list(servers) or None,
                search=list(search) or None,
                options=list(options) or None,
                state="present",
            )
        )
    return found + ([Resolver(containers=without, state="absent")] if without else [])


def add_names(names: Names, address: Address, known_as: list[str]) -> None:
    """Add names to an address."""
    names.setdefault(address, {}).update(dict.fromkeys(known_as))


def as_object(network: str, names: Names) -> NetworkNames:
    """The names of a network as an object of a topology document."""
    entries = [
        NetworkName(address=str(address), names=list(names[address]))
        for address in sorted(names, key=lambda address: (address.version, int(address)))
    ]
    return NetworkNames(network=network, entries=entries, state="present")


def _networks_of(scope: Scope, name: str) -> list[str]:
    """The segments of a container, declared or undeclared."""
    declared: Container | None = scope.declared.get(name)
    if declared is not None:
        attached_to = [attachment.network for attachment in declared.attachments]
    else:
        attached_to = list(scope.undeclared[name].endpoints) if name in scope.undeclared else []
    on: list[Network] = [scope.networks[network].segment for network in attached_to if network in scope.networks]
    return sorted({network.name for network in on})
