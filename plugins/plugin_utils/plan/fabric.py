# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fabric planner: from the desired and observed state of every host to a topology for each host of the run.

    read_members                 desired state and VTEP of each host
    check_*                      VTEPs, VNIs, slices, conflicts on a host
    settle_addresses, _macs      one address space over all hosts
    plan                         bridge_network's planner, a host at a time, with those addresses
    remote_endpoints             the endpoints of each overlay (FDB and neighbour entries), once for all hosts
    topology_of                  one host's topology: its own part of the plan, and the endpoints on other hosts

An overlay network is a bridge network on each host and a VXLAN tunnel between them. Pure functions; the plan grows
linearly with the number of endpoints, although each host gets FDB entries for all endpoints on the others.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import VxlanTunnel
from ansible_collections.virtnet.linux.plugins.module_utils.rules import names
from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems, enumerate_names
from ansible_collections.virtnet.linux.plugins.plugin_utils.checks.fabric_checks import check_fabric
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.addresses import Address
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.spec import Container, Network
from ansible_collections.virtnet.linux.plugins.plugin_utils.ipam.fabric_addresses import (
    FabricEndpoint,
    endpoints_of,
    settle_addresses,
    settle_macs,
)
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.members import (
    ROLE,
    Member,
    Overlay,
    read_members,
)
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.moves import settle_moves
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.observed import Live
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.vteps import settle_vteps, underlay_mtu
from ansible_collections.virtnet.linux.plugins.plugin_utils.plan.host import Plan, plan_declaration
from ansible_collections.virtnet.linux.plugins.plugin_utils.plan.naming import Names, add_names, as_object

Entry = dict[str, Any]  # an endpoint of vxlan_tunnel, by which FDB entries are made: mac, addresses, vtep


@dataclasses.dataclass
class Fabric:
    """The desired state of an overlay network: its endpoints, host by host."""

    network: Network
    overlay: Overlay
    mtu: int | None
    vteps: dict[str, str]  # by host
    endpoints: dict[str, list[FabricEndpoint]]
    entries: dict[str, list[Entry]]  # by host: its endpoints, for the FDBs of the others


def plan_fabric(raw: Mapping[str, Mapping[str, Any]], hosts: Iterable[str], group: str = "overlay") -> dict[str, Any]:
    """Plan the desired state of each host of the run.

    :param raw: the members of the fabric, in the inventory's order, as members.read_members() takes them
    :param hosts: those that this run changes
    :param group: the inventory group of the members, for messages
    :return: {errors: [sentence], warnings: [sentence], hosts: {NAME: topology without what topology_of() adds},
        remote_endpoints: {NETWORK: {endpoints, names, flood}}, addresses: {NAME: {CONTAINER: {NETWORK: {ipv4_address,
        ipv6_address, mac_address}}}} of the containers that bridge_network declares, lacking: [NAME] of members that
        the run does not change and that do not have all entries, revisions: {NAME: that of the state planned on},
        duplicates: {NAME: [sentence]} of containers that are live there and declared on other members only}
    """
    problems = Problems()
    asked = list(hosts)
    members = read_members(raw, asked)
    settle_vteps(members.values())
    outsiders = [name for name in asked if name not in members]
    if outsiders:
        none = "is no group of the inventory, or an empty one"
        fact = f"has {enumerate_names(list(members))}" if members else none
        rule = f"{fact}; the role runs on {enumerate_names(outsiders)} as well: run it on members only, or add them"
        problems.refuse("fabric", f"{ROLE}_group", group, rule)
    everyone = list(members.values())
    settle_moves(everyone)
    check_fabric(everyone, problems)
    fabrics = [_fabric(on_it, name, problems) for name, on_it in _networks(everyone).items()]
    _check_unknown(everyone, fabrics)
    for member in everyone:
        _check_bridge_networks(member)
    read = {name: members[name].live for name in asked if name in members}
    own = {name: _own_plan(members[name], live, fabrics) for name, live in read.items() if live is not None}
    errors, warnings = _messages(problems, everyone, own)
    result: dict[str, Any] = {"errors": errors, "warnings": warnings, "hosts": {}, "remote_endpoints": {}}
    revisions = {member.name: member.live.revision for member in everyone if member.live is not None}
    result.update(addresses={}, lacking=[], revisions=revisions)
    result["duplicates"] = {member.name: member.duplicates for member in everyone if member.duplicates}
    for name in [] if errors else own:
        tunnels = [_tunnel(members[name], fabric) for fabric in fabrics if name in fabric.endpoints]
        topology = own[name].topology
        topology.vxlan_tunnel = tunnels + _old_tunnels(members[name], fabrics)
        result["hosts"][name] = topology.plain()
        result["addresses"][name] = _addresses_of_others(members[name], fabrics)
    if not errors:
        result["remote_endpoints"] = {fabric.network.name: _remote_endpoints(fabric) for fabric in fabrics}
        result["lacking"] = _lacking(everyone, fabrics)
        _warn_of_unread(everyone, result["warnings"])
    return result


def topology_of(planned: Mapping[str, Any], host: str) -> dict[str, Any]:
    """Build the topology document of one host of the plan."""
    own, remote_endpoints = planned["hosts"][host], planned["remote_endpoints"]
    tunnels = [
        _with_remote_endpoints(one, remote_endpoints[one["labels"]["network"]]) if one["state"] == "present" else one
        for one in own["vxlan_tunnel"]
    ]
    named = [
        remote_endpoints[one["network"]]["names"]
        if one["state"] == "present" and one["network"] in remote_endpoints
        else one
        for one in own["network_names"]
    ]
    return {**own, "vxlan_tunnel": tunnels, "network_names": named}


def _with_remote_endpoints(tunnel: Mapping[str, Any], remote_endpoints: Mapping[str, Any]) -> dict[str, Any]:
    """Add the endpoints on other hosts to a tunnel."""
    local = tunnel["local"]
    flood = [vtep for vtep in remote_endpoints["flood"] if vtep != local]
    return {
        **tunnel,
        "flood": flood,
        "endpoints": [one for one in remote_endpoints["endpoints"] if one["vtep"] != local],
    }


def _remote_endpoints(fabric: Fabric) -> dict[str, Any]:
    return {
        "endpoints": [entry for entries in fabric.entries.values() for entry in entries],
        "names": _names(fabric),
        "flood": list(fabric.vteps.values()) if fabric.overlay.flood else [],
    }


def _names(fabric: Fabric) -> dict[str, Any]:
    """The names of all endpoints of an overlay, the same on all its hosts: NAME, which several hosts may use,
    NAME.HOST, and aliases."""
    found: Names = {}
    for host, endpoints in fabric.endpoints.items():
        for endpoint in endpoints:
            aliases = endpoint.attachment.aliases if endpoint.attachment is not None else []
            if endpoint.attachment is None and endpoint.live is not None:
                aliases = endpoint.live.aliases
            for address in endpoint.addresses.values():
                known_as = [endpoint.container, f"{endpoint.container}.{host}", *aliases]
                # inventory host names may be any text
                add_names(found, address, [name for name in known_as if names.is_host_name(name)])
    return as_object(fabric.network.name, found).plain()


def _networks(members: list[Member]) -> dict[str, list[Member]]:
    """The overlay networks by name, each with the members that have it: all but those that declare it absent."""
    found: dict[str, list[Member]] = {}
    for member in members:
        for name in member.declaration.networks:
            if name in member.overlays:
                found.setdefault(name, []).append(member)
    return found


def _fabric(members: list[Member], name: str, problems: Problems) -> Fabric:
    network, overlay = members[0].declaration.networks[name], members[0].overlays[name]
    mtu = _mtu(members, network, problems)
    for version, subnet in network.subnets.items():
        if subnet.gateway is None and network.is_valid and not network.policy.isolated:
            kept = _live_gateway(members, name, version)
            gateway = kept if kept is not None and subnet.has(kept) else subnet.first()
            network.subnets[version] = dataclasses.replace(subnet, gateway=gateway)
    known = {member.name: _known_entries(member, members, name) for member in members if member.live is None}
    # for an unreadable host, use the FDB entries that other hosts have for it; without any, its declaration
    endpoints = [one for one in endpoints_of(members, name) if not known.get(one.member.name)]
    held = {address: f"host {host}" for host, entries in known.items() for address in _addresses_in(entries)}
    if network.is_valid:
        settle_addresses(members, network, endpoints, held, problems)
        if names.is_object_name(name):
            macs = [entry["mac"] for entries in known.values() for entry in entries]
            settle_macs(network, endpoints, macs)
    by_host: dict[str, list[FabricEndpoint]] = {member.name: [] for member in members}
    for endpoint in endpoints:
        by_host[endpoint.member.name].append(endpoint)
    entries = {
        member.name: known.get(member.name) or [_entry(one) for one in by_host[member.name] if one.addresses]
        for member in members
        if member.vtep is not None
    }
    vteps = {member.name: str(member.vtep) for member in members if member.vtep is not None}
    return Fabric(network, overlay, mtu, vteps, by_host, entries)


def _entry(endpoint: FabricEndpoint) -> Entry:
    addresses = [str(address) for address in endpoint.addresses.values()]
    return {"mac": endpoint.mac, "addresses": addresses, "vtep": str(endpoint.member.vtep)}


def _mtu(members: list[Member], network: Network, problems: Problems) -> int | None:
    """The MTU: the smallest of the underlay devices less the outer headers; or the declared one, if it fits."""
    found = [(mtu, member.name) for member in members for mtu in [underlay_mtu(member)] if mtu is not None]
    vtep = next((member.vtep for member in members if member.vtep is not None), None)
    if not found or vtep is None:
        return network.mtu
    smallest, where = min(found)
    most = smallest - names.TUNNEL_OVERHEAD[vtep.version]
    if network.mtu is not None and network.mtu > most:
        problems.refuse(
            str(network), "mtu", network.mtu,
            f"is too much: host {where}'s underlay device has {smallest}, of which the tunnel takes "
            f"{names.TUNNEL_OVERHEAD[vtep.version]}; give {most} or less, or nothing",
        )  # fmt: skip
    if network.mtu is None and 6 in network.subnets and most < 1280:
        rule = f"host {where}'s underlay device has {smallest}; with the tunnel IPv6's least, 1280, does not fit"
        problems.refuse(str(network), "mtu", None, rule)
    if any(member.live is None for member in members):  # its underlay may be the smallest: do not raise the MTU
        most = min([most, *_live_mtus(members, network.name)])
    return network.mtu or most


def _live_mtus(members: list[Member], name: str) -> list[int]:
    live = [member.live.networks.get(name) for member in members if member.live is not None]
    return [one.mtu for one in live if one is not None and one.mtu is not None]


def _live_gateway(members: list[Member], name: str, version: int) -> Address | None:
    for member in members:
        live = member.live.networks.get(name) if member.live is not None else None
        if live is not None and version in live.subnets and live.subnets[version].gateway is not None:
            return live.subnets[version].gateway
    return None


def _known_entries(unread: Member, members: list[Member], network: str) -> list[Entry]:
    """The endpoints on an unreadable host, according to the VXLAN FDB entries of the other hosts."""
    found: dict[str, Entry] = {}
    for member in members:
        for tunnel in member.tunnels:
            if (tunnel.get("labels") or {}).get("network") == network:
                for entry in tunnel.get("endpoints") or []:
                    if entry["vtep"] == str(unread.vtep):
                        found[entry["mac"]] = dict(entry)
    return [found[mac] for mac in sorted(found)]


def _addresses_in(entries: list[Entry]) -> list[Address]:
    return [ipaddress.ip_address(address) for entry in entries for address in entry["addresses"]]


def _check_unknown(members: list[Member], fabrics: list[Fabric]) -> None:
    """Refuse attachments to an undeclared overlay of an earlier run: it has no plan, and so no free addresses."""
    declared = {fabric.network.name for fabric in fabrics}
    for member in members:
        if member.live is None or not member.in_run:
            continue
        roles = member.live.roles
        for container in member.declaration.containers.values():
            for attachment in container.attachments:
                if attachment.network in member.declaration.absent_networks:
                    continue  # refused by the host's own plan
                if roles.get(attachment.network) == ROLE and attachment.network not in declared:
                    rule = f"is an overlay that {ROLE}_networks does not declare any more; declare it"
                    member.problems.refuse(str(container), f"networks[{attachment.number}]", attachment.network, rule)


def _check_bridge_networks(member: Member) -> None:
    """Refuse attachments to missing networks of bridge_network; in check mode, before a first run, omit them."""
    to_create = _bridge_networks_to_create(member)
    for container in member.declaration.containers.values() if member.in_run else []:
        for attachment in container.attachments:
            if attachment.network not in to_create:
                continue
            thing, field = str(container), f"networks[{attachment.number}]"
            if member.raw.get("check_mode"):
                remark = "is bridge_network's and not there yet; left out of the forecast"
                member.problems.warn(thing, field, attachment.network, remark)
            else:
                member.problems.refuse(
                    thing, field, attachment.network,
                    "is bridge_network's and not there yet; run that role before this one, or declare the container in "
                    "bridge_network_containers and run that role after this one",
                )  # fmt: skip


def _bridge_networks_to_create(member: Member) -> set[str]:
    """The networks that bridge_network declares and has not created yet."""
    declared = member.raw.get("bridge_networks")
    listed = [one for one in declared if isinstance(one, Mapping)] if isinstance(declared, (list, tuple)) else []
    found = {str(one.get("name")) for one in listed if one.get("state") != "absent"}
    there = member.live.networks if member.live is not None else {}
    return found - set(there) - set(member.declaration.networks)


# ---- one host ----


def _own_plan(member: Member, live: Live, fabrics: list[Fabric]) -> Plan:
    """Plan one host with bridge_network's planner; every address on an overlay is settled already."""
    settled = {
        (endpoint.container, fabric.network.name): endpoint
        for fabric in fabrics
        for endpoint in fabric.endpoints.get(member.name, [])
        if endpoint.attachment is not None
    }
    by_name = {fabric.network.name: fabric for fabric in fabrics}
    declared, omitted = member.declaration, set()
    to_create = _bridge_networks_to_create(member)
    containers = {}
    for name, container in declared.containers.items():
        own = _settled_container(container, settled, to_create)
        if own is None:
            omitted.add(name)
        else:
            containers[name] = own
    declaration = dataclasses.replace(
        declared,
        networks={name: _settled_network(one, by_name.get(name)) for name, one in declared.networks.items()},
        containers=containers,
        omitted_containers=declared.omitted_containers | omitted,
    )
    problems = Problems()
    problems.errors.update(member.problems.errors)  # with any of them there is no plan to apply
    return plan_declaration(declaration, live, problems)


def _settled_network(network: Network, fabric: Fabric | None) -> Network:
    """A copy of the network with the fabric's MTU and gateways. The fabric alone gives addresses."""
    if fabric is None or not fabric.network.is_valid:
        return dataclasses.replace(network, subnets=dict(network.subnets))
    subnets = {version: dataclasses.replace(one, ip_range=None) for version, one in fabric.network.subnets.items()}
    own = {key: value for key, value in network.labels.items() if key not in ("ip_range", "ip_range6")}
    segment_options = {
        key: value
        for key, value in network.segment_options.items()
        if key not in ("ip_range", "ip_range6", "enable_ipv6")
    }
    segment_options["mtu"] = fabric.mtu
    for version, subnet in subnets.items():
        if subnet.gateway is not None:
            segment_options["gateway6" if version == 6 else "gateway"] = str(subnet.gateway)
    return dataclasses.replace(
        network, subnets=subnets, mtu=fabric.mtu, labels=own, segment_options=segment_options, automatic=False
    )


def _settled_container(
    container: Container, settled: dict[tuple[str, str], FabricEndpoint], to_create: set[str]
) -> Container | None:
    """A copy of the container with its addresses on overlays, without the networks that were reported already: those on
    which it got no address, and those that do not exist yet. None where none is left."""
    kept = []
    for attachment in container.attachments:
        endpoint = settled.get((container.name, attachment.network))
        if endpoint is None and attachment.network not in to_create:
            kept.append(attachment)
        elif endpoint is not None and endpoint.is_settled:
            kept.append(dataclasses.replace(attachment, addresses=dict(endpoint.addresses), mac=endpoint.mac))
    if container.attachments and not kept:
        return None
    whole = container.whole and len(kept) == len(container.attachments)
    return dataclasses.replace(container, attachments=kept, whole=whole)


def _settled(endpoint: FabricEndpoint) -> dict[str, str]:
    fact = {f"ipv{version}_address": str(address) for version, address in endpoint.addresses.items()}
    return {**fact, "mac_address": endpoint.mac}


def _tunnel(member: Member, fabric: Fabric) -> VxlanTunnel:
    network, overlay = fabric.network, fabric.overlay
    return VxlanTunnel(
        name=names.tunnel_device(network.name),
        vni=overlay.vni,
        local=str(member.vtep),
        dstport=overlay.dstport,
        mtu=fabric.mtu,
        bridge=network.bridge,
        learning=overlay.flood,
        anycast_gateway=True,
        labels={"role": ROLE, "network": network.name},
        state="present",
    )


def _old_tunnels(member: Member, fabrics: list[Fabric]) -> list[VxlanTunnel]:
    """Tunnels of this role to delete: the network is deleted or missing, or its tunnel has another name."""
    present = {names.tunnel_device(fabric.network.name) for fabric in fabrics}
    kept = member.live.networks if member.live is not None else {}
    containers_to_delete = set(member.declaration.absent_networks)
    if member.declaration.purge:
        containers_to_delete |= set(kept) - set(member.declaration.networks)
    old = []
    for tunnel in member.tunnels:
        labels = tunnel.get("labels") or {}
        gone = labels.get("network") in containers_to_delete or labels.get("network") not in kept
        if labels.get("role") == ROLE and tunnel["name"] not in present and gone:
            old.append(VxlanTunnel(name=tunnel["name"], state="absent"))
    return old


def _addresses_of_others(member: Member, fabrics: list[Fabric]) -> dict[str, dict[str, dict[str, str]]]:
    """The settled addresses on overlays of bridge_network's containers, whose planner knows one host only."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for fabric in fabrics:
        for endpoint in fabric.endpoints.get(member.name, []):
            if endpoint.attachment is not None and endpoint.container in member.others.containers:
                found.setdefault(endpoint.container, {})[fabric.network.name] = _settled(endpoint)
    return found


# ---- messages ----


def _messages(problems: Problems, members: list[Member], own: dict[str, Plan]) -> tuple[list[str], list[str]]:
    """Errors and warnings: once where they are common to all hosts, with the names of the hosts where not."""
    sides = []
    for side in ("errors", "warnings"):
        hosts: dict[str, dict[str, None]] = {}
        for member in members:
            of_plan = getattr(own[member.name], side) if member.name in own else []
            for message in [*getattr(member.problems, side), *of_plan]:
                hosts.setdefault(message, {})[member.name] = None
        fact = []
        for message, where in hosts.items():
            everywhere = len(where) > 1 and len(where) >= len(own)
            named = len(where) == 1 and message.startswith(f"host {next(iter(where))}:")
            fact.append(message if everywhere or named else f"{enumerate_names(list(where))}: {message}")
        sides.append([*getattr(problems, side), *fact])
    return sides[0], sides[1]


def _lacking(members: list[Member], fabrics: list[Fabric]) -> list[str]:
    """Members outside this run whose VXLAN FDB entries, or VTEPs for BUM traffic, differ from the plan."""
    found: dict[str, None] = {}
    for fabric in fabrics:
        numbers = {
            host: sum(names.entry_number(one["mac"], one["addresses"], one["vtep"]) for one in entries)
            for host, entries in fabric.entries.items()
        }
        everything = sum(numbers.values())
        device = names.tunnel_device(fabric.network.name)
        flood = set(fabric.vteps.values()) if fabric.overlay.flood else set()
        for member in members:
            if member.in_run or member.name not in numbers:
                continue
            expected = names.fingerprint([everything - numbers[member.name]])
            have: Mapping[str, Any] = next((one for one in member.tunnels if one["name"] == device), {})
            flooded = flood - {str(member.vtep)}
            if have.get("fingerprint") != expected or set(have.get("flood") or []) != flooded:
                found[member.name] = None
    return [member.name for member in members if member.name in found]


def _warn_of_unread(members: list[Member], warnings: list[str]) -> None:
    for member in members:
        if member.live is None:
            warnings.append(
                f"host {member.name}: could not be read ({member.unread}); the others keep what they know of it"
            )
