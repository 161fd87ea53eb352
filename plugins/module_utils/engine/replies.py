# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Published ports whose replies, by the host's own routing, do not leave by the link of the request: a warning each.

A container's reply is routed before it is translated back, so a rule for an address of the host (`from 192.0.2.2 lookup
101`) does not match it, and a rule for all traffic (a VPN's exit node) does. Nothing is published in a VRF: ingress
packets there are looked up in the VRF's own table (Documentation/networking/vrf.rst).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ansible_collections.virtnet.linux.plugins.module_utils.engine.routing import View
from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import State
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.link import Link
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.rpdb import Rule
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import Stack, is_link_local
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip
from ansible_collections.virtnet.linux.plugins.module_utils.system import sysctls

_PAGE = (
    "https://github.com/ansible-collections/virtnet.linux/blob/main/docs/what-survives.md"
    "#a-host-with-routing-rules-of-its-own"
)
_MOST = 10  # ports in a message


class _Port(NamedTuple):
    """A published port, or (``opened``) an allowed port of a container in a routed network."""

    bridge: str
    protocol: str
    number: int
    host_ip: str | None = None
    opened: bool = False


class _Fact(NamedTuple):
    """Why hosts beyond a link get no reply."""

    version: int
    link: str
    address: str | None  # set where only requests to this address of the host are affected
    vrf: str | None
    own: Rule | None  # the rule for the host's own replies from the address
    answers: Rule | None  # the rule for containers' replies
    by: tuple[str, ...]  # the egress links of these replies
    opened: bool


def warnings(state: State, host: Host, networks: Mapping[str, str]) -> list[str]:
    """Return warnings on ports whose replies are misrouted. ``networks`` has the networks' names by bridge."""
    stack = host.stack(None)
    found: list[str] = []
    for version in (4, 6):
        ports: dict[str, list[_Port]] = {}
        for port in _ports(state, version):
            ports.setdefault(port.bridge, []).append(port)
        if not ports:
            continue
        view = View(stack, version)
        facts: dict[_Fact, dict[_Port, None]] = {}
        vrfs = _vrfs(view)
        subnets = {bridge: _subnet(state, bridge, version) for bridge in sorted(ports)}
        for bridge, subnet in subnets.items():
            for link in _uplinks(stack):
                for fact, some in _facts(view, vrfs, bridge, subnet, link, ports[bridge]) if subnet else ():
                    facts.setdefault(fact, {}).update(dict.fromkeys(some))
        found += [_sentence(fact, list(some), subnets, networks) for fact, some in facts.items() if some]
    return found


def _ports(state: State, version: int) -> Iterator[_Port]:
    """Yield the ports that other hosts can reach."""
    for _key, port in sorted(state.nat_ports.items()):
        is_loopback = port.host_ip is not None and ip.address(port.host_ip).is_loopback
        if port.bridge in state.policies and ip.version_of(port.to_address) == version and not is_loopback:
            yield _Port(port.bridge, port.protocol, port.host_port, port.host_ip)
    for _key, opening in sorted(state.allowed_ports.items()):
        if opening.bridge in state.policies and ip.version_of(opening.address) == version:
            yield _Port(opening.bridge, opening.protocol, opening.port, opened=True)


def _subnet(state: State, bridge: str, version: int) -> str | None:
    return next((one for one in state.policies[bridge].subnets if ip.version_of(one) == version), None)


def _uplinks(stack: Stack) -> list[Link]:
    """Return the ingress links of the host: those with addresses, without managed ones and lo."""
    links = [stack.link_at(index) for index in stack.raw_addresses]
    return [link for link in links if link is not None and link.up and not link.ours and link.name != "lo"]


def _vrfs(view: View) -> dict[int, str]:
    """Return the VRFs of the host by index; none without the l3mdev rule, which the kernel adds with the first VRF."""
    if not any(rule.l3mdev for rule in view.rules):
        return {}
    return {link.index: link.name for link in view.stack.of_kind("vrf")}


def _facts(
    view: View, vrfs: Mapping[int, str], bridge: str, subnet: str, link: Link, ports: list[_Port]
) -> Iterator[tuple[_Fact, list[_Port]]]:
    held = [one.partition("/")[0] for one in view.stack.addresses_of(link.index)]
    addresses = [one for one in held if ip.version_of(one) == view.version and not is_link_local(one)]
    answers = view.egress_route(subnet, bridge)
    indices = answers.indices if answers is not None else ()
    names = [name for name, one in view.stack.links.items() if one.index in indices]
    fact = _Fact(view.version, link.name, None, None, None, answers.rule if answers else None, tuple(names), False)
    for address in addresses:
        called = [one for one in ports if not one.opened and one.host_ip in (None, address)]
        own = view.egress_route(address, "lo")
        vrf = vrfs.get(link.master or 0)
        if vrf is not None:
            yield fact._replace(address=address, vrf=vrf, answers=None, by=()), called
        elif link.index in indices:
            continue
        elif link.index in view.default_links():
            yield fact, called
            yield fact._replace(opened=True), [one for one in ports if one.opened]
        elif own is None or own.rule.source is None or link.index not in own.indices:
            continue
        elif not view.is_marked(link.index):
            yield fact._replace(address=address, own=own.rule), called


def _sentence(fact: _Fact, ports: list[_Port], subnets: Mapping[str, str | None], networks: Mapping[str, str]) -> str:
    bridges = sorted({port.bridge for port in ports})
    what = _listing(ports, "port" if fact.opened else "host port")
    who = ("network " if len(bridges) == 1 else "networks ") + ", ".join(networks.get(one, one) for one in bridges)
    it = "it" if len(ports) == 1 else "them"
    if fact.vrf is not None:
        return (
            f"{what} of {who}: not published on {fact.address}, for {fact.link} is in the VRF {fact.vrf}, whose table "
            "has no route to containers; call another address of the host, or take the interface out of the VRF"
        )
    leave = "leave by " + ", ".join(fact.by) if fact.by else "leave by no interface"
    if fact.own is not None:
        others = " or ".join(fact.by) or "another interface"
        return (
            f"{what} of {who}: callers beyond {fact.link} get no answer from {fact.address}: {fact.own} sees the "
            f"host's address and not a container's, so answers {leave}{_strictly(fact)}; publish {it} on an address of "
            f"{others}, or mark the connections that come in by {fact.link} ({_PAGE})"
        )
    return (
        f"{what} of {who}: callers beyond {fact.link} get no answer: {fact.answers} has what containers answer "
        f"{leave}; {_remedy(fact, [subnets[one] or '' for one in bridges])}"
    )


def _remedy(fact: _Fact, subnets: list[str]) -> str:
    family = "-6 " if fact.version == 6 else ""
    if fact.answers is None or fact.answers.table == messages.RT_TABLE_MAIN or fact.answers.preference == 0:
        return f"have {', '.join(subnets)} looked up in a table whose default route is by {fact.link} (ip {family}rule)"
    rules = [f"ip {family}rule add preference {fact.answers.preference - 1} from {one} lookup main" for one in subnets]
    return "to have it leave by the main table: " + "; ".join(rules)


def _strictly(fact: _Fact) -> str:
    """Return an addition for a strict reverse path filter, which drops the requests: replies would use another link."""
    keys = [f"net/ipv4/conf/{name}/rp_filter" for name in ("all", fact.link)]
    strict = fact.version == 4 and max(int(sysctls.read(key) or 0) for key in keys) == 1
    return f", and net.ipv4.conf.{fact.link}.rp_filter = 1 drops the calls" if strict else ""


def _listing(ports: list[_Port], word: str) -> str:
    """Return 'host ports 8080/tcp, 9000-9002/tcp'."""
    ranges: list[tuple[str, int, int]] = []
    for protocol, number in sorted({(port.protocol, port.number) for port in ports}, key=lambda one: one[::-1]):
        last = next((one for one in reversed(ranges) if one[0] == protocol), None)
        if last is not None and last[2] == number - 1:
            ranges[ranges.index(last)] = (protocol, last[1], number)
        else:
            ranges.append((protocol, number, number))
    shown = [f"{first}/{protocol}" if first == end else f"{first}-{end}/{protocol}" for protocol, first, end in ranges]
    more = f" and {len(shown) - _MOST} more" if len(shown) > _MOST else ""
    return f"{word}{'s' if len(ports) > 1 else ''} {', '.join(shown[:_MOST])}{more}"
