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
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.facts import options, renamed
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.links import settings
from ansible_collections.virtnet.linux.plugins.module_utils.links.fdb import (
    desired_by_mac,
    desired_tables,
    flooded_vteps,
    format_endpoints,
    observed_by_mac,
)
from ansible_collections.virtnet.linux.plugins.module_utils.links.vxlan_links import (
    IFLA_ID,
    IFLA_LINK,
    PORT_FLAGS,
    addresses_of_host,
    bridge_of,
    extensions_of,
    fitting_mtu,
    format_flags,
    is_learning,
    port_attributes,
    udp_port_of,
    version_of,
    vtep_of,
)
from ansible_collections.virtnet.linux.plugins.module_utils.model.actions import Action, difference
from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import Port, State, Tunnel
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import VxlanTunnel
from ansible_collections.virtnet.linux.plugins.module_utils.model.phases import Phase
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages, namespaces, neighbours
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.link import Link
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.neighbours import ALL_ZERO_MAC, Tables
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import Request, number
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import Stack
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip
from ansible_collections.virtnet.linux.plugins.module_utils.rules.names import (
    VNI_LAST,
    entry_number,
    fingerprint,
    mark,
)
from ansible_collections.virtnet.linux.plugins.module_utils.system import sysctls

KIND = "vxlan_tunnel"
_VXLAN_PORT = 4789  # RFC 7348, section 5


def check(desired: VxlanTunnel, host: Host, problems: options.Checks) -> None:
    """Validate one tunnel; reject changes to a link that this collection does not manage, unless ``adopt`` is set."""
    name = desired.name
    problems.interface_name(KIND, name, "name", name)
    problems.object_name(KIND, name, "netns", desired.netns)
    if desired.is_present:
        readable = _check_values(desired, problems)
    if not host.is_known_namespace(desired.netns):
        if desired.is_present:
            problems.refer(KIND, name, "netns", desired.netns, "namespace", host.known_namespaces())
            _check_is_whole(desired, problems)
        return
    link = host.link(desired.netns, name, "vxlan", desired.is_present)
    if link is not None and link.kind != "vxlan":
        what = link.kind or "a NIC"
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
    endpoints = format_endpoints(desired_by_mac(desired, desired.local or vtep_of(link)))
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
    bridge = desired.bridge or (bridge_of(stack, link) if link is not None else None)
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
    local = desired.local or (vtep_of(link) if link is not None else None)
    vni = desired.vni or (number(link.data[IFLA_ID]) if link is not None and IFLA_ID in link.data else None)
    if local is None or vni is None:
        return None  # reported as missing by check()
    found = Tables(set(), set(), set())
    stays = link is not None and not _is_replaced(_asked(desired, link), _found(stack, link))
    if link is not None and stays and (desired.endpoints is None or desired.flood is None):
        found = neighbours.read(stack, link.index, None, set())
    forwarding = desired_tables(desired, local, found).forwarding
    learns = desired.learning if desired.learning is not None else link is not None and is_learning(link)
    if learns and not any(mac == ALL_ZERO_MAC for mac, _vtep in forwarding):
        return None
    vteps = sorted({vtep for _mac, vtep in forwarding})
    return Tunnel(desired.name, 6 if ":" in local else 4, desired.dstport, vni, tuple(vteps))


def udp_ports(declared: list[VxlanTunnel], host: Host) -> frozenset[int]:
    """Return the desired UDP ports of the host's tunnels, and VXLAN's own. Used to drop packets of containers to
    another host's VTEP: masqueraded, they would have this host's address, which may be a VTEP's."""
    here = {
        link.name: udp_port_of(link) for link in host.stack(None).links.values() if link.kind == "vxlan" and link.ours
    }
    for desired in declared:
        if desired.netns is None:
            here.pop(desired.name, None)
            if desired.is_present:
                here[desired.name] = desired.dstport
    return frozenset({_VXLAN_PORT, *here.values()})


def shown(stack: Stack, link: Link, with_endpoints: bool) -> dict[str, Any]:
    """Return a tunnel of the host, managed or not, in the form of network_info."""
    found = _found(stack, link)
    fields = {key: found[key] for key in ("vni", "local", "dstport", "device", "mtu", "bridge", "learning")}
    fields.update(name=link.name, ours=link.ours, labels=link.labels or {}, extensions=extensions_of(link))
    if link.ours:
        tables = neighbours.read(stack, link.index, link.master, set())
        complete = [(mac, entry) for mac, entry in sorted(observed_by_mac(tables).items()) if entry[0] and entry[2]]
        entries = [(mac, sorted(addresses), min(vteps)) for mac, (vteps, addresses, _known) in complete]
        fields["flood"] = flooded_vteps(tables)
        fields["entries"] = len(entries)
        fields["fingerprint"] = fingerprint(entry_number(*entry) for entry in entries)
        if with_endpoints:
            fields["endpoints"] = [dict(zip(("mac", "addresses", "vtep"), entry)) for entry in entries]
    return fields


def _check_values(desired: VxlanTunnel, problems: options.Checks) -> bool:
    """Validate the values without looking at the host; return whether the addresses are valid."""
    name = desired.name
    problems.number(KIND, name, "vni", desired.vni, 1, VNI_LAST)
    problems.number(KIND, name, "dstport", desired.dstport, 1, 65535)
    problems.mtu(KIND, name, "mtu", desired.mtu)
    problems.labels(KIND, name, desired.labels)
    before = problems.refusals
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
                problems.add(
                    KIND,
                    name,
                    "endpoints." + field,
                    value,
                    "already used by another endpoint; must be unique in a network",
                )
            seen.add(value)
    return problems.refusals == before


def _check_is_whole(desired: VxlanTunnel, problems: options.Checks) -> None:
    for field in ("vni", "local"):
        if getattr(desired, field) is None:
            problems.add(KIND, desired.name, field, "", "is required to create a tunnel")


def _check_references(desired: VxlanTunnel, host: Host, problems: options.Checks) -> None:
    name = desired.name
    if desired.bridge is not None and not host.is_known_bridge(desired.netns, desired.bridge):
        problems.refer(KIND, name, "bridge", desired.bridge, "bridge")
    if desired.device is not None and desired.device not in host.stack(desired.netns).links:
        problems.refer(KIND, name, "device", desired.device, "link")


def _check_families(desired: VxlanTunnel, link: Link | None, problems: options.Checks) -> None:
    """Validate that all VTEPs are of one address family."""
    local = desired.local or (vtep_of(link) if link is not None else None)
    if local is None:
        return
    version = ip.address(local).version
    others = [("flood", vtep) for vtep in desired.flood or []]
    others += [("endpoints.vtep", endpoint.vtep) for endpoint in desired.endpoints or []]
    for field, vtep in others:
        if ip.address(vtep).version != version:
            rule = f"local is {local}: all VTEPs are of one family, IPv4 or IPv6"
            problems.add(KIND, desired.name, field, vtep, rule)


def _check_local(desired: VxlanTunnel, host: Host, problems: options.Checks) -> None:
    if desired.local is None:
        return
    local, stack = ip.normal(desired.local), host.stack(desired.netns)
    if local not in addresses_of_host(stack):
        where = desired.netns or "this host"
        text = f"{KIND} {desired.name}: local: '{local}': no interface of {where} has this address"
        problems.missing.append(text)


def _check_neighbouring_tunnels(desired: VxlanTunnel, host: Host, problems: options.Checks) -> None:
    """Validate against tunnels on the same UDP port, which share a socket: VNIs must differ, socket flags must not."""
    name, stack = desired.name, host.stack(desired.netns)
    own = host.link(desired.netns, name, "vxlan", False)
    vni = desired.vni or (number(own.data[IFLA_ID]) if own is not None else None)
    local = desired.local or (vtep_of(own) if own is not None else None)
    version = ip.address(local).version if local else 4
    for link in stack.links.values():
        if link.kind != "vxlan" or link is own or (desired.netns, link.name) in host.links_to_delete:
            continue
        if udp_port_of(link) != desired.dstport or version_of(link) != version:
            continue
        if extensions_of(link):
            problems.add(KIND, name, "dstport", desired.dstport,
                         "{} receives on this UDP port with {}: choose another".format(
                             link.name, ", ".join(extensions_of(link))))  # fmt: skip
        elif number(link.data[IFLA_ID]) == vni:
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
        asked["port"] = format_flags(port_attributes(desired, link))
        asked["disabled"] = False
    return asked


def _found(stack: Stack, link: Link) -> dict[str, Any]:
    device = stack.link_at(number(link.data[IFLA_LINK])) if IFLA_LINK in link.data else None
    flags = {name: bool(number(link.port[at])) for name, at in PORT_FLAGS.items() if at in link.port}
    return {
        "vni": number(link.data[IFLA_ID]) if IFLA_ID in link.data else None,
        "local": vtep_of(link),
        "dstport": udp_port_of(link),
        "device": None if device is None else device.name,
        "mtu": link.mtu,
        "bridge": bridge_of(stack, link),
        "learning": is_learning(link),
        "labels": link.labels,
        "up": link.up,
        "silent": link.silent,
        "port": format_flags(flags),
        "disabled": settings.is_port_disabled(stack, link),
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
    fields = desired.given(*(desired.fields.keys() - {"name", "endpoints", "adopt", "state"}))
    if desired.endpoints is not None:
        fields["endpoints"] = format_endpoints(desired_by_mac(desired))
    return fields


# ---- FDB and neighbour entries ----


def _entries_that_differ(desired: VxlanTunnel, stack: Stack, link: Link) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the flood list and the endpoints that differ, before and after; unchanged ones may be thousands."""
    local = desired.local or vtep_of(link)
    found = neighbours.read(stack, link.index, link.master, set(desired_by_mac(desired, local)))
    tables = desired_tables(desired, local, found)
    before: dict[str, Any] = {}
    after: dict[str, Any] = {}
    if flooded_vteps(found) != flooded_vteps(tables):
        before["flood"], after["flood"] = flooded_vteps(found), flooded_vteps(tables)
    was, to_be = observed_by_mac(found), observed_by_mac(tables)
    if was != to_be:
        differing = {mac for mac in was.keys() | to_be.keys() if was.get(mac) != to_be.get(mac)}
        before["endpoints"] = format_endpoints({mac: was[mac] for mac in differing if mac in was})
        after["endpoints"] = format_endpoints({mac: to_be[mac] for mac in differing if mac in to_be})
    return before, after


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
    mtu = desired.mtu or fitting_mtu(stack, local, version)
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
    flags = port_attributes(desired, link)  # read before the port exists: a new one floods
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
    local = desired.local or vtep_of(link)
    found = neighbours.read(stack, link.index, bridge, set(desired_by_mac(desired, local)))
    tables = desired_tables(desired, local, found)
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
    if desired.learning is not None and desired.learning != is_learning(link):
        data.append(("IFLA_VXLAN_LEARNING", int(desired.learning)))
    if desired.local is not None and ip.normal(desired.local) != vtep_of(link):
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
