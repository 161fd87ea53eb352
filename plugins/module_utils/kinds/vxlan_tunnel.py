# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""VXLAN tunnels: a bridge port to the containers of other hosts (VTEPs).

Static by default: FDB entries are declared, MAC learning and flooding of BUM traffic are off, and the bridge answers
ARP and neighbour discovery for the endpoints (neigh_suppress). With ``flood`` BUM traffic is sent to each listed VTEP
(head-end replication). Sources: RFC 7348, Documentation/networking/vxlan.rst, include/uapi/linux/if_link.h.
"""

from __future__ import annotations

import errno
import itertools
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.facts import options, renamed
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.links import settings
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action, difference
from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import Port, State, Tunnel
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import VxlanTunnel
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages, namespaces, neighbours
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.neighbours import ALL_ZERO_MAC, Tables
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import Request, number
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import Link, Stack
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip
from ansible_collections.virtnet.linux.plugins.module_utils.rules.names import (
    TUNNEL_OVERHEAD,
    VNI_LAST,
    entry_number,
    fingerprint,
    mark,
)
from ansible_collections.virtnet.linux.plugins.module_utils.system import sysctls

KIND = "vxlan_tunnel"
_VXLAN_PORT = 4789  # RFC 7348, section 5


# IFLA_VXLAN_*
_ID, _LINK, _LOCAL, _LEARNING, _PORT, _GROUP6, _LOCAL6 = 1, 3, 4, 7, 15, 16, 17
_FLAGS = {
    20: "zero checksums",
    22: "remote checksums",
    23: "GBP",
    25: "metadata collection",
    27: "GPE",
    30: "VNI filter",
}
# IFLA_BRPORT_*
_PORT_FLAGS = {
    "IFLA_BRPORT_LEARNING": 8,
    "IFLA_BRPORT_UNICAST_FLOOD": 9,
    "IFLA_BRPORT_MCAST_FLOOD": 27,
    "IFLA_BRPORT_BCAST_FLOOD": 30,
    "IFLA_BRPORT_NEIGH_SUPPRESS": 32,
}


def check(desired: VxlanTunnel, host: Host, problems: options.Problems) -> None:
    """Validate one tunnel; reject changes to a link that this collection does not manage, unless ``adopt`` is set."""
    name = desired.name
    problems.interface_name(KIND, name, "name", name)
    problems.object_name(KIND, name, "netns", desired.netns)
    if desired.is_present:
        readable = _check_values(desired, problems)
    if not host.is_known_namespace(desired.netns):
        if desired.is_present:
            problems.refer(KIND, name, "netns", desired.netns, "namespace")
            _check_is_whole(desired, problems)
        return
    link = host.link(desired.netns, name, "vxlan", desired.is_present)
    if link is not None and link.kind != "vxlan":
        what = link.kind or "a card"
        problems.add(KIND, name, "name", name, f"a link of this name exists and is not a VXLAN tunnel but {what}")
        return
    if link is not None and not link.ours and not desired.adopt and not host.is_made_here(desired.netns):
        problems.foreign(KIND, name)
    if desired.is_present:
        if link is None or (readable and _is_replaced(_asked(desired, link), _found(host.stack(desired.netns), link))):
            _check_is_whole(desired, problems)
        _check_references(desired, host, problems)
        if readable and (desired.local is not None or link is not None):
            _check_families(desired, link, problems)
            _check_local(desired, host, problems)
            _check_neighbouring_tunnels(desired, host, problems)


def identities(desired: VxlanTunnel) -> list[tuple[Any, ...]]:
    """Return the keys that must be unique in a document: the name, and the VNI on a UDP port."""
    link: list[tuple[Any, ...]] = [("link", desired.netns, desired.name)]
    if desired.vni is None or not desired.is_present:
        return link
    return [*link, ("vni", desired.netns, desired.dstport, desired.vni)]


def predict(desired: VxlanTunnel, host: Host) -> None:
    """Record in ``host`` that the tunnel is to be created or deleted."""
    links = host.links_to_create if desired.is_present else host.links_to_delete
    links.add((desired.netns, desired.name))


def plan(desired: VxlanTunnel, host: Host) -> list[Action[VxlanTunnel]]:
    """Return the actions that bring one tunnel to its desired state; none if it already is (idempotent)."""
    name, stack = desired.name, host.stack(desired.netns)
    link = host.link(desired.netns, name, "vxlan", desired.is_present)
    if not desired.is_present:
        if link is None:
            return []
        before = {key: value for key, value in _found(stack, link).items() if key in ("vni", "local", "dstport")}
        return [Action(Phase.DELETE_TUNNELS, "delete", KIND, name, before, {}, desired)]
    if link is None:
        return [Action(Phase.TUNNELS, "create", KIND, name, {}, _shown(desired), desired)]
    found, asked = _found(stack, link), _asked(desired, link)
    if _is_replaced(asked, found):
        before = {key: found[key] for key in ("vni", "local", "dstport", "device") if found[key] is not None}
        return [Action(Phase.TUNNELS, "replace", KIND, name, before, _shown(desired), desired)]
    before, after = difference(asked, found)
    more_before, more_after = _entries_that_differ(desired, stack, link)
    before.update(more_before)
    after.update(more_after)
    renamed.note(name, link, before, after)
    if desired.anycast_gateway is not None and desired.netns is None:
        is_anycast = _is_anycast(desired, host)
        if is_anycast != desired.anycast_gateway:
            before["anycast_gateway"], after["anycast_gateway"] = is_anycast, desired.anycast_gateway
    return [Action(Phase.TUNNELS, "change", KIND, name, before, after, desired)] if after else []


def renew(desired: VxlanTunnel, host: Host) -> list[Action[VxlanTunnel]]:
    """Return the action that restores the neighbour entries of an unchanged tunnel whose bridge loses them."""
    link = host.link(desired.netns, desired.name, "vxlan", False)
    if not desired.is_present or link is None or not desired.endpoints:
        return []
    endpoints = _endpoint_words(_desired_by_mac(desired, desired.local or _local(link)))
    return [Action(Phase.TUNNELS, "change", KIND, desired.name, {"endpoints": []}, {"endpoints": endpoints}, desired)]


def apply(actions: list[Action[VxlanTunnel]], host: Host) -> None:
    """Create, replace and change tunnels."""
    renamed.rename(actions, host)
    delete([action for action in actions if action.verb == "replace"], host)
    for action in actions:
        desired, stack = action.desired, host.stack(action.desired.netns)
        if action.verb != "change":
            stack.still_free(action.name, f"{KIND} {action.name}")
            stack.make([action.name], _create(desired, stack))
            stack.forget()
        elif "bridge" in action.after:
            _forget_neighbours(action.name, stack)
        _set(desired, stack)


def delete(actions: list[Action[VxlanTunnel]], host: Host) -> None:
    """Delete tunnels, and their endpoints' neighbour entries on the bridges."""
    for action in actions:
        stack = host.stack(action.desired.netns)
        _forget_neighbours(action.name, stack)
        stack.send([Request(messages.delete_link(action.name), f"{KIND} {action.name}", ignore=(errno.ENODEV,))])
        stack.forget()


def update_firewall(desired: VxlanTunnel, state: State, host: Host) -> None:
    """Apply the tunnel to the desired firewall state."""
    if desired.netns is None:
        state.ports.pop(desired.name, None)
        before = state.tunnels.pop(desired.name, None)
        if desired.is_present:
            port = _port(desired, host)
            if port is not None:
                state.ports[port.name] = port
            tunnel = _with_known_vteps(desired, before is not None, host)
            if tunnel is not None:
                state.tunnels[tunnel.name] = tunnel


def _port(desired: VxlanTunnel, host: Host) -> Port | None:
    """Return the tunnel as the firewall's port, like any bridge port: icc: false applies across hosts."""
    stack = host.stack(desired.netns)
    link = host.link(desired.netns, desired.name, "vxlan", False)
    bridge = desired.bridge or (_bridge_name(stack, link) if link is not None else None)
    if bridge is None:
        return None
    anycast = desired.anycast_gateway
    if anycast is None:
        anycast = _is_anycast(desired, host)
    return Port(desired.name, bridge, anycast=anycast)


def _with_known_vteps(desired: VxlanTunnel, were_known: bool, host: Host) -> Tunnel | None:
    """Return the tunnel with the VTEPs that its FDB is going to have, if those are all of its remote VTEPs; else None.

    They are not where no endpoints were declared (BGP or another program fills the FDB), and where the tunnel learns
    without a flood list, from any sender.
    """
    if desired.endpoints is None and not were_known:
        return None
    stack = host.stack(None)
    link = stack.links.get(desired.name)
    local = desired.local or (_local(link) if link is not None else None)
    vni = desired.vni or (number(link.data[_ID]) if link is not None and _ID in link.data else None)
    if local is None or vni is None:
        return None  # reported as missing by check()
    found = Tables(set(), set(), set())
    stays = link is not None and not _is_replaced(_asked(desired, link), _found(stack, link))
    if link is not None and stays and (desired.endpoints is None or desired.flood is None):
        found = neighbours.read(stack, link.index, None, set())
    forwarding = _tables(desired, local, found).forwarding
    learns = desired.learning if desired.learning is not None else link is not None and _is_learning(link)
    if learns and not any(mac == ALL_ZERO_MAC for mac, _vtep in forwarding):
        return None
    vteps = sorted({vtep for _mac, vtep in forwarding})
    return Tunnel(desired.name, 6 if ":" in local else 4, desired.dstport, vni, tuple(vteps))


def udp_ports(declared: list[VxlanTunnel], host: Host) -> frozenset[int]:
    """Return the desired UDP ports of the host's tunnels, and VXLAN's own. Used to drop packets of containers to
    another host's VTEP: masqueraded, they would have this host's address, which may be a VTEP's."""
    here = {link.name: _dstport(link) for link in host.stack(None).links.values() if link.kind == "vxlan" and link.ours}
    for desired in declared:
        if desired.netns is None:
            here.pop(desired.name, None)
            if desired.is_present:
                here[desired.name] = desired.dstport
    return frozenset({_VXLAN_PORT, *here.values()})


def shown(stack: Stack, link: Link, with_endpoints: bool) -> dict[str, Any]:
    """Return a tunnel of the host, managed or not, in the form of network_info."""
    found = _found(stack, link)
    told = {key: found[key] for key in ("vni", "local", "dstport", "device", "mtu", "bridge", "learning")}
    told.update(name=link.name, ours=link.ours, labels=link.labels or {}, extensions=_extensions(link))
    if link.ours:
        tables = neighbours.read(stack, link.index, link.master, set())
        complete = [(mac, entry) for mac, entry in sorted(_by_mac(tables).items()) if entry[0] and entry[2]]
        entries = [(mac, sorted(addresses), min(vteps)) for mac, (vteps, addresses, _known) in complete]
        told["flood"] = _flooded(tables)
        told["entries"] = len(entries)
        told["fingerprint"] = fingerprint(entry_number(*entry) for entry in entries)
        if with_endpoints:
            told["endpoints"] = [dict(zip(("mac", "addresses", "vtep"), entry)) for entry in entries]
    return told


def _check_values(desired: VxlanTunnel, problems: options.Problems) -> bool:
    """Validate the values without looking at the host; return whether the addresses are valid."""
    name = desired.name
    problems.number(KIND, name, "vni", desired.vni, 1, VNI_LAST)
    problems.number(KIND, name, "dstport", desired.dstport, 1, 65535)
    problems.mtu(KIND, name, "mtu", desired.mtu)
    problems.labels(KIND, name, desired.labels)
    found_before = len(problems.found)
    problems.address(KIND, name, "local", desired.local)
    for vtep in desired.flood or []:
        problems.address(KIND, name, "flood", vtep)
    seen: set[str] = set()
    for endpoint in desired.endpoints or []:
        problems.mac(KIND, name, "endpoints.mac", endpoint.mac)
        problems.address(KIND, name, "endpoints.vtep", endpoint.vtep)
        for address in endpoint.addresses:
            problems.address(KIND, name, "endpoints.addresses", address)
        for field, value in [("mac", endpoint.mac.lower()), *(("addresses", one) for one in endpoint.addresses)]:
            if value in seen:
                problems.add(KIND, name, "endpoints." + field, value, "two endpoints have it: each has its own")
            seen.add(value)
    return len(problems.found) == found_before


def _check_is_whole(desired: VxlanTunnel, problems: options.Problems) -> None:
    for field in ("vni", "local"):
        if getattr(desired, field) is None:
            problems.add(KIND, desired.name, field, "", "is required to create a tunnel")


def _check_references(desired: VxlanTunnel, host: Host, problems: options.Problems) -> None:
    name = desired.name
    if desired.bridge is not None and not host.is_known_bridge(desired.netns, desired.bridge):
        problems.refer(KIND, name, "bridge", desired.bridge, "bridge")
    if desired.device is not None and desired.device not in host.stack(desired.netns).links:
        problems.refer(KIND, name, "device", desired.device, "link")


def _check_families(desired: VxlanTunnel, link: Link | None, problems: options.Problems) -> None:
    """Validate that all VTEPs are of one address family."""
    local = desired.local or (_local(link) if link is not None else None)
    if local is None:
        return
    version = ip.address(local).version
    others = [("flood", vtep) for vtep in desired.flood or []]
    others += [("endpoints.vtep", endpoint.vtep) for endpoint in desired.endpoints or []]
    for field, vtep in others:
        if ip.address(vtep).version != version:
            rule = f"local is {local}: all VTEPs are of one family, IPv4 or IPv6"
            problems.add(KIND, desired.name, field, vtep, rule)


def _check_local(desired: VxlanTunnel, host: Host, problems: options.Problems) -> None:
    if desired.local is None:
        return
    local, stack = ip.normal(desired.local), host.stack(desired.netns)
    if local not in _own_addresses(stack):
        where = desired.netns or "this host"
        text = f"{KIND} {desired.name}: local: '{local}': no interface of {where} has this address"
        problems.missing.append(text)


def _check_neighbouring_tunnels(desired: VxlanTunnel, host: Host, problems: options.Problems) -> None:
    """Validate against tunnels on the same UDP port, which share a socket: VNIs must differ, socket flags must not."""
    name, stack = desired.name, host.stack(desired.netns)
    own = host.link(desired.netns, name, "vxlan", False)
    vni = desired.vni or (number(own.data[_ID]) if own is not None else None)
    local = desired.local or (_local(own) if own is not None else None)
    version = ip.address(local).version if local else 4
    for link in stack.links.values():
        if link.kind != "vxlan" or link is own or (desired.netns, link.name) in host.links_to_delete:
            continue
        if _dstport(link) != desired.dstport or _version(link) != version:
            continue
        if _extensions(link):
            problems.add(KIND, name, "dstport", desired.dstport,
                         "{} receives on this UDP port with {}: choose another".format(
                             link.name, ", ".join(_extensions(link))))  # fmt: skip
        elif number(link.data[_ID]) == vni:
            problems.add(KIND, name, "vni", vni, f"the tunnel {link.name} has it on the same UDP port: choose another")


def _asked(desired: VxlanTunnel, link: Link | None) -> dict[str, Any]:
    """Return the desired attributes, without FDB and neighbour entries, in the form of _found()."""
    asked = desired.values("vni", "dstport", "device", "mtu", "bridge", "learning")
    asked["local"] = None if desired.local is None else ip.normal(desired.local)
    asked["labels"] = desired.labels
    if asked["labels"] is None and (link is None or not link.ours):
        asked["labels"] = {}
    asked["up"] = asked["silent"] = True
    if desired.bridge is not None:
        asked["port"] = _words(_port_attributes(desired, link))
        asked["shut"] = False
    return asked


def _found(stack: Stack, link: Link) -> dict[str, Any]:
    device = stack.link_at(number(link.data[_LINK])) if _LINK in link.data else None
    flags = {name: bool(number(link.port[at])) for name, at in _PORT_FLAGS.items() if at in link.port}
    return {
        "vni": number(link.data[_ID]) if _ID in link.data else None,
        "local": _local(link),
        "dstport": _dstport(link),
        "device": None if device is None else device.name,
        "mtu": link.mtu,
        "bridge": _bridge_name(stack, link),
        "learning": _is_learning(link),
        "labels": link.labels,
        "up": link.up,
        "silent": link.silent,
        "port": _words(flags),
        "shut": settings.is_shut(stack, link),
    }


def _is_anycast(desired: VxlanTunnel, host: Host) -> bool:
    port_now = host.firewall.state.ports.get(desired.name)
    return port_now is not None and port_now.anycast


def _is_replaced(asked: dict[str, Any], found: dict[str, Any]) -> bool:
    """Return whether an attribute differs that the kernel cannot change in an existing tunnel."""
    fixed = any(asked[key] is not None and asked[key] != found[key] for key in ("vni", "dstport", "device"))
    if asked["local"] is None:
        return fixed
    here, there = asked["local"], found["local"]
    return fixed or there is None or (":" in here) != (":" in there)


def _shown(desired: VxlanTunnel) -> dict[str, Any]:
    told = desired.given(*(desired.fields.keys() - {"name", "endpoints", "adopt", "state"}))
    if desired.endpoints is not None:
        told["endpoints"] = _endpoint_words(_desired_by_mac(desired))
    return told


# ---- FDB and neighbour entries ----

ByMac = dict[str, tuple[frozenset[str], frozenset[str], bool]]  # MAC: VTEPs, addresses, whether the bridge FDB has it


def _desired_by_mac(desired: VxlanTunnel, local: str | None = None) -> ByMac:
    """Return the declared endpoints; those at this host's own VTEP get no entries."""
    local = ip.normal(local or desired.local) if local or desired.local else None
    found: ByMac = {}
    for endpoint in desired.endpoints or []:
        vtep = ip.normal(endpoint.vtep)
        if vtep != local:
            addresses = frozenset(ip.normal(address) for address in endpoint.addresses)
            found[endpoint.mac.lower()] = (frozenset([vtep]), addresses, True)
    return found


def _by_mac(tables: Tables) -> ByMac:
    vteps: dict[str, set[str]] = {}
    addresses: dict[str, set[str]] = {}
    for mac, vtep in tables.forwarding:
        vteps.setdefault(mac, set()).add(vtep)
    for address, mac in tables.neighbours:
        addresses.setdefault(mac, set()).add(address)
    macs = (set(vteps) | set(addresses) | tables.static) - {ALL_ZERO_MAC}
    return {
        mac: (frozenset(vteps.get(mac, ())), frozenset(addresses.get(mac, ())), mac in tables.static) for mac in macs
    }


def _tables(desired: VxlanTunnel, local: str | None, found: Tables) -> Tables:
    """Return the desired VXLAN FDB, bridge FDB and neighbour entries; what is not declared stays as observed."""
    flood = {(mac, vtep) for mac, vtep in found.forwarding if mac == ALL_ZERO_MAC}
    if desired.flood is not None:
        own = ip.normal(local) if local else None
        flood = {(ALL_ZERO_MAC, ip.normal(vtep)) for vtep in desired.flood} - {(ALL_ZERO_MAC, own or "")}
    if desired.endpoints is None:
        return Tables(
            {one for one in found.forwarding if one[0] != ALL_ZERO_MAC} | flood, found.static, found.neighbours
        )
    endpoints = _desired_by_mac(desired, local)
    forwarding = {(mac, vtep) for mac, (vteps, _addresses, _known) in endpoints.items() for vtep in vteps}
    answers = {(address, mac) for mac, (_vteps, addresses, _known) in endpoints.items() for address in addresses}
    return Tables(forwarding | flood, set(endpoints), answers)


def _entries_that_differ(desired: VxlanTunnel, stack: Stack, link: Link) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the flood list and the endpoints that differ, before and after; unchanged ones may be thousands."""
    local = desired.local or _local(link)
    found = neighbours.read(stack, link.index, link.master, set(_desired_by_mac(desired, local)))
    tables = _tables(desired, local, found)
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    if _flooded(found) != _flooded(tables):
        before["flood"], after["flood"] = _flooded(found), _flooded(tables)
    was, to_be = _by_mac(found), _by_mac(tables)
    if was != to_be:
        differing = {mac for mac in was.keys() | to_be.keys() if was.get(mac) != to_be.get(mac)}
        before["endpoints"] = _endpoint_words({mac: was[mac] for mac in differing if mac in was})
        after["endpoints"] = _endpoint_words({mac: to_be[mac] for mac in differing if mac in to_be})
    return before, after


def _endpoint_words(endpoints: ByMac) -> list[str]:
    words = []
    for mac, (vteps, addresses, known) in sorted(endpoints.items()):
        parts = [mac, *sorted(addresses), "by " + " ".join(sorted(vteps) or ["none"])]
        words.append(" ".join(parts) + ("" if known else " (flooded)"))
    return words


def _flooded(tables: Tables) -> list[str]:
    return sorted(vtep for mac, vtep in tables.forwarding if mac == ALL_ZERO_MAC)


# ---- netlink requests ----


def _create(desired: VxlanTunnel, stack: Stack) -> list[Request]:
    local = ip.normal(desired.local)
    version = 6 if ":" in local else 4
    data: messages.Attributes = [
        ("IFLA_VXLAN_ID", desired.vni),
        ("IFLA_VXLAN_LOCAL6" if version == 6 else "IFLA_VXLAN_LOCAL", local),
        ("IFLA_VXLAN_PORT", desired.dstport),
        ("IFLA_VXLAN_LEARNING", int(desired.learning or False)),
    ]
    if desired.device is not None:
        data.append(("IFLA_VXLAN_LINK", stack.links[desired.device].index))
    attrs: messages.Attributes = []
    mtu = desired.mtu or _fitting_mtu(stack, local, version)
    if mtu is not None:
        attrs.append(("IFLA_MTU", mtu))
    about = "{} {}".format(KIND, desired.name)
    # one batch, but two messages: a link that is being created takes no alias, and without the ownership label a tunnel
    # of a run killed in between would be unmanaged
    marked = messages.change_link(desired.name, [("IFLA_IFALIAS", mark(desired.labels or {}))])
    return [Request(messages.create_link(desired.name, "vxlan", data, attrs), about), Request(marked, about)]


def _set(desired: VxlanTunnel, stack: Stack) -> None:
    """Configure an existing tunnel as desired: attributes first, then FDB and neighbour entries."""
    name, about = desired.name, "{} {}".format(KIND, desired.name)
    link = stack.fresh(name)
    requests = settings.reopening(stack, link, about)
    changed = _change_data(desired, link)
    if changed:
        requests.append(Request(messages.change_link_data(name, "vxlan", changed), about))
    asked = desired.values("mtu", "bridge", "labels")
    if asked["labels"] is None and not link.ours:
        asked["labels"] = {}
    asked["silent"] = True
    flags = _port_attributes(desired, link)  # read before the port exists: a new one floods
    index_of_bridge = settings.bridge_of(desired.bridge, stack)
    requests += settings.setup(name, about, asked, index_of_bridge)
    if desired.bridge is not None:
        as_port = [(flag, int(on)) for flag, on in flags.items()]
        requests.append(Request(messages.change_link(name, [messages.bridge_port(as_port)]), about))
    with namespaces.entered(desired.netns):
        _keep_silent(name)
    # last: nothing is sent through it before the port's flags are set
    requests.append(Request(messages.change_link(name, [], up=True), about))
    stack.send(requests)
    stack.forget()
    bridge = index_of_bridge if desired.bridge is not None else link.master
    local = desired.local or _local(link)
    found = neighbours.read(stack, link.index, bridge, set(_desired_by_mac(desired, local)))
    tables = _tables(desired, local, found)
    if bridge is None:
        tables = Tables(tables.forwarding, set(), set())
    stack.send(neighbours.requests(found, tables, link.index, bridge, about))


def _keep_silent(name: str) -> None:
    """Disable IPv6 on the link: a bridge port needs none, and other VTEPs would learn from its MLD reports."""
    key = f"net/ipv6/conf/{name}/disable_ipv6"
    if sysctls.read(key) == "0":
        sysctls.write(key, "1")


def _change_data(desired: VxlanTunnel, link: Link) -> messages.Attributes:
    data: messages.Attributes = []
    if desired.learning is not None and desired.learning != _is_learning(link):
        data.append(("IFLA_VXLAN_LEARNING", int(desired.learning)))
    if desired.local is not None and ip.normal(desired.local) != _local(link):
        key = "IFLA_VXLAN_LOCAL6" if ":" in desired.local else "IFLA_VXLAN_LOCAL"
        data.append((key, ip.normal(desired.local)))
    return data


def _forget_neighbours(name: str, stack: Stack) -> None:
    """Delete a tunnel's neighbour entries before it leaves its bridge: only its FDB tells them from others."""
    link = stack.links.get(name)
    if link is None or link.kind != "vxlan" or link.master is None:
        return
    found = neighbours.read(stack, link.index, link.master, set())
    without = Tables(found.forwarding, found.static, set())
    stack.send(neighbours.requests(found, without, link.index, link.master, f"{KIND} {name}"))


def _port_attributes(desired: VxlanTunnel, link: Link | None) -> dict[str, bool]:
    """Return the bridge port flags. Without a flood list nothing is flooded and the bridge answers ARP
    (neigh_suppress). With one ARP is flooded too, because flooding is enabled for announcements of moved addresses."""
    learning = desired.learning if desired.learning is not None else link is not None and _is_learning(link)
    floods = bool(desired.flood)
    if desired.flood is None and link is not None:
        floods = _port_flag(link, "IFLA_BRPORT_BCAST_FLOOD")
    values = (learning, floods, floods, floods, not floods)
    return dict(zip(_PORT_FLAGS, values))


def _port_flag(link: Link, name: str) -> bool:
    at = _PORT_FLAGS[name]
    return at in link.port and bool(number(link.port[at]))


def _words(flags: dict[str, bool]) -> str:
    """Return the port's flags in the words of `bridge link`: 'learning off flood off ...'."""
    words = (name[len("IFLA_BRPORT_") :].lower() + (" on" if on else " off") for name, on in flags.items())
    return " ".join(words)


def _fitting_mtu(stack: Stack, local: str, version: int) -> int | None:
    """Return the MTU that leaves room for the outer headers on the underlay's device; None if none has ``local``."""
    for index, addresses in stack.addresses.items():
        if local in (address.split("/")[0] for address in addresses):
            device = stack.link_at(index)
            return None if device is None else device.mtu - TUNNEL_OVERHEAD[version]
    return None


def _own_addresses(stack: Stack) -> set[str]:
    return {address.split("/")[0] for address in itertools.chain.from_iterable(stack.addresses.values())}


def _bridge_name(stack: Stack, link: Link) -> str | None:
    bridge = stack.link_at(link.master) if link.master else None
    return None if bridge is None else bridge.name


def _local(link: Link) -> str | None:
    for at in (_LOCAL, _LOCAL6):
        if at in link.data:
            return ip.unpacked(link.data[at])
    return None


def _version(link: Link) -> int:
    return 6 if _LOCAL6 in link.data or _GROUP6 in link.data else 4


def _dstport(link: Link) -> int:
    return int.from_bytes(link.data[_PORT], "big") if _PORT in link.data else 0


def _is_learning(link: Link) -> bool:
    return bool(number(link.data[_LEARNING])) if _LEARNING in link.data else False


def _extensions(link: Link) -> list[str]:
    """Return the flags of a tunnel's socket that this collection does not set; a flag attribute is present or absent,
    others have a value."""
    found = ((word, link.data.get(at)) for at, word in _FLAGS.items())
    return [word for word, value in found if value is not None and (len(value) == 0 or number(value))]
