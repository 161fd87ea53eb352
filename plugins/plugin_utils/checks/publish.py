# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Published ports: the endpoint of each, and conflicts with other published ports and with listening processes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.addresses import Address
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.policy import BINDINGS
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.ports import Port, PortRange
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.spec import Container, Network
from ansible_collections.virtnet.linux.plugins.plugin_utils.ipam.endpoints import Endpoint
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.observed import (
    Listener,
    Live,
    LiveAllowedPort,
    LivePort,
    Place,
)
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.scope import Scope


@dataclass(frozen=True)
class Published:
    """A port of the host, or a range, translated to an endpoint; host_ip None is every address of the family."""

    protocol: str
    host_ip: Address | None
    host: PortRange
    to: PortRange
    endpoint: Endpoint
    version: int

    @property
    def to_address(self) -> Address | None:
        """None where the endpoint got no address, which is reported separately."""
        return self.endpoint.addresses.get(self.version)

    @property
    def bridge(self) -> str:
        """The bridge by which the host reaches the endpoint: its segment's gateway bridge."""
        return self.endpoint.network.segment.bridge

    def one_by_one(self) -> list[LivePort]:
        return [
            LivePort(self.protocol, self.host_ip, place, self.to_address, port, self.bridge)
            for place, port in zip(self.host, self.to)
            if self.to_address is not None
        ]


@dataclass
class _Request:
    """One entry of a container's `ports`, with its target endpoint for each family."""

    container: Container
    port: Port
    exits: dict[int, Endpoint]

    def host_ip(self, version: int) -> Address | None:
        """The host address on which it is published; None for every address, as 0.0.0.0 and :: mean."""
        address = self.port.host_ip or self.exits[version].network.segment.policy.bindings.get(version)
        return None if address is None or address.is_unspecified else address

    @property
    def demand(self) -> object:
        """A key, equal for requests that compete for the ports of one range."""
        return self.port.protocol, self.port.host, tuple((version, self.host_ip(version)) for version in self.exits)

    def published(self, host: PortRange) -> list[Published]:
        return [
            Published(self.port.protocol, self.host_ip(version), host, self.port.container, endpoint, version)
            for version, endpoint in self.exits.items()
        ]

    def refuse(self, problems: Problems, rule: str) -> None:
        problems.refuse(str(self.container), f"ports[{self.port.number}]", str(self.port), rule)


class _Places:
    """The published ports of the host and their holders. A port on every address conflicts with it on any address."""

    def __init__(self, listeners: Iterable[Listener]) -> None:
        self._holders: dict[tuple[str, int, int], dict[Address | None, str]] = {}
        self._listeners: dict[tuple[str, int], list[Listener]] = {}
        for listener in listeners:
            self._listeners.setdefault((listener.protocol, listener.port), []).append(listener)

    def holder(self, protocol: str, version: int, host_ip: Address | None, port: int) -> str | None:
        holders = self._holders.get((protocol, version, port), {})
        if host_ip is None:
            return next(iter(holders.values()), None)
        return holders.get(host_ip) or holders.get(None)

    def hold(self, protocol: str, version: int, host_ip: Address | None, port: int, holder: str) -> None:
        self._holders.setdefault((protocol, version, port), {}).setdefault(host_ip, holder)

    def listener(self, protocol: str, version: int, host_ip: Address | None, port: int) -> Listener | None:
        """The listening process of the host that receives packets to this port now."""
        for listener in self._listeners.get((protocol, port), []):
            address = listener.address
            # A socket on :: receives IPv4 too, unless it has IPV6_V6ONLY.
            if address.is_unspecified and (address.version == version or (version == 4 and not listener.v6only)):
                return listener
            if address.version == version and host_ip in (None, address):
                return listener
        return None


def settle_ports(scope: Scope, endpoints: list[Endpoint], problems: Problems) -> list[Published]:
    """Settle the ports that the declared containers publish, in declared order; refuse conflicts."""
    places = _Places(scope.live.listeners)
    owners = _owners(scope.live)
    for port in scope.live.ports:
        if owners.get(port.to_address) in scope.undeclared:
            holder = f"container {owners[port.to_address]}"
            places.hold(port.protocol, port.to_address.version, port.host_ip, port.host_port, holder)
    ours = {port.place for port in scope.live.ports}
    requests = list(_requests(scope, endpoints, problems))
    fixed: dict[int, PortRange] = {}
    for request in requests:
        if not request.port.floating:
            fixed[id(request)] = request.port.host
            _claim(scope, request, places, ours, problems)
    floating = [request for request in requests if request.port.floating]
    by_target: dict[tuple[str, Address, int], list[LivePort]] = {}
    for port in scope.live.ports if floating else []:
        by_target.setdefault((port.protocol, port.to_address, port.to_port), []).append(port)
    for request in floating:
        kept = _live_choice(request, by_target, places)
        if kept is not None:
            fixed[id(request)] = _take(request, kept, places)
    passed: dict[object, int] = {}  # ports below are taken; keeps a range shared by many containers linear
    for request in floating:
        if id(request) not in fixed:
            first = passed.get(request.demand, request.port.host.first)
            candidates = range(first, request.port.host.last + 1)
            free = next((port for port in candidates if _is_free(request, port, places)), None)
            passed[request.demand] = request.port.host.last + 1 if free is None else free
            if free is None:
                request.refuse(problems, "no port of the range is free; give a wider one")
            else:
                fixed[id(request)] = _take(request, free, places)
    return [one for request in requests if id(request) in fixed for one in request.published(fixed[id(request)])]


def allowed_ports(endpoints: list[Endpoint]) -> list[LiveAllowedPort]:
    """The allowed ports (ingress) of containers in routed networks; host ports and addresses do not apply."""
    found = {}
    for endpoint in endpoints:
        network = endpoint.network.segment
        routed = [
            address
            for version, address in endpoint.addresses.items()
            if network.policy.routed(version) and not network.internal
        ]
        for port in endpoint.container.ports:
            for address in routed:
                for number in port.container:
                    allowed_port = LiveAllowedPort(port.protocol, address, number, network.bridge)
                    found[allowed_port.protocol, address, number] = allowed_port
    return list(found.values())


def allowed_ports_to_delete(scope: Scope, desired: list[LiveAllowedPort]) -> list[LiveAllowedPort]:
    """Observed allowed ports that are no longer desired."""
    owners = _owners(scope.live)
    places = {(one.protocol, one.address, one.port) for one in desired}
    return [
        one
        for one in scope.live.allowed_ports
        if owners.get(one.address) not in scope.undeclared and (one.protocol, one.address, one.port) not in places
    ]


def ports_to_delete(scope: Scope, published: list[Published], endpoints: list[Endpoint]) -> list[LivePort]:
    """Observed ports that are no longer desired; one whose host port another container takes is overwritten instead."""
    desired = {port.place for one in published for port in one.one_by_one()}
    owners = _owners(scope.live)
    given = {address for endpoint in endpoints for address in endpoint.addresses.values()}
    # also those whose bridge was deleted out of band
    containers_to_delete = {
        network.bridge for network in [*scope.networks_to_delete.values(), *scope.absent_networks.values()]
    }
    to_delete = []
    for port in scope.live.ports:
        owner = owners.get(port.to_address)
        # A port without an owner is left from a container that was deleted out of band. It must not lead to another
        # container that gets the address.
        if owner is None and port.to_address not in given and port.bridge not in containers_to_delete:
            continue
        if owner not in scope.undeclared and port.place not in desired:
            to_delete.append(port)
    return to_delete


def _owners(live: Live) -> dict[Address, str]:
    """The container of each address, which is unique because the subnets of a host do not overlap. Of two with the same
    address, the endpoint with anti-spoofing owns it: its address is verified."""
    found = [(one, container.name) for container in live.containers.values() for one in container.endpoints.values()]
    found.sort(key=lambda pair: pair[0].guarded)
    return {address: name for endpoint, name in found for address in endpoint.addresses.values()}


def _requests(scope: Scope, endpoints: list[Endpoint], problems: Problems) -> Iterable[_Request]:
    of_container: dict[str, list[Endpoint]] = {}
    for endpoint in endpoints:
        of_container.setdefault(endpoint.container.name, []).append(endpoint)
    for container in scope.declared.values():
        own = of_container.get(container.name, [])
        outer = [one for one in own if not one.network.internal]
        if not container.ports or not own or not all(endpoint.network.is_valid for endpoint in own):
            continue
        exits: dict[int, Endpoint] = {}
        routed: dict[int, Network] = {}
        for endpoint in outer:
            for version in endpoint.network.subnets:
                if endpoint.network.segment.policy.routed(version):
                    routed.setdefault(version, endpoint.network)
                else:
                    exits.setdefault(version, endpoint)
        for version, endpoint in exits.items():
            _check_way_back(container, own, endpoint, version, problems)
        for port in container.ports:
            asked = (4, 6) if port.host_ip is None else (port.host_ip.version,)
            led = {version: exits[version] for version in asked if version in exits}
            reached = {version: one for version, one in led.items() if _is_bound(port, one, version)}
            request = _Request(container, port, reached)
            opened = next((routed[version] for version in asked if version in routed), None)
            if not reached and opened is not None:
                problems.warn(
                    str(container), f"ports[{port.number}]", str(port),
                    f"the host's port is ignored, because {opened} is routed; the container's own is opened",
                )  # fmt: skip
            elif not reached and not container.whole:
                continue
            elif not outer:
                problems.warn(
                    str(container),
                    f"ports[{port.number}]",
                    str(port),
                    "is not published: all networks of the container are internal",
                )
            elif led and not reached:
                network = list(led.values())[0].network.segment  # noqa: RUF015 # of a generator
                words = " and ".join(BINDINGS[version] for version in network.policy.bindings)
                rule = f"{network} publishes on its {words} only, of which family the container has no address"
                request.refuse(problems, f"{rule}; give the network one for IPv{min(led)} too")
            elif not reached:
                word = "subnet6" if asked == (6,) else "subnet"
                request.refuse(
                    problems,
                    f"the container has no IPv{asked[0]} address to translate to; give one of its networks a {word}",
                )
            else:
                _check_host_ip(scope, request, problems)
                _check_loopback(scope, request, problems)
                yield request


def _check_way_back(
    container: Container, own: list[Endpoint], endpoint: Endpoint, version: int, problems: Problems
) -> None:
    """Warn where replies would bypass the host, which has to reverse the DNAT."""
    binding = endpoint.network.segment.policy.bindings.get(version)
    ports = [(one, one.host_ip or binding) for one in container.ports if _is_bound(one, endpoint, version)]
    called = [str(one) for one, host_ip in ports if host_ip is None or not host_ip.is_loopback]
    gateway = endpoint.network.subnets[version].gateway
    back = [endpoint.gateways.get(version), *(route.via for route in endpoint.routes)]
    if not called or gateway in back:
        return
    nics = [nic for nic in container.nics if version in nic.gateways]
    first = next((one for one in own if version in one.gateways), None)
    if nics:
        way, remedy = f"its interface {nics[0].name}, past the host", ""
    elif first is not None and first is not endpoint:
        way, remedy = str(first.network), f", or name {endpoint.network.name} before {first.network.name}"
    elif first is not None:
        way, remedy = f"DefaultGatewayIPv{version} {first.gateways[version]}, past the host", ""
    else:
        return
    problems.warn(
        str(container), "ports", called,
        f"only neighbours on {endpoint.network} and who calls a loopback address of the host get answers: the "
        f"container's default route goes by {way}; give it routes to the callers via {gateway}{remedy}",
    )  # fmt: skip


def _is_bound(port: Port, endpoint: Endpoint, version: int) -> bool:
    """Whether the port is published for the family: by its own host address, else by the network's host binding."""
    if port.host_ip is not None:
        return port.host_ip.version == version
    bindings = endpoint.network.segment.policy.bindings
    return not bindings or version in bindings


def _check_host_ip(scope: Scope, request: _Request, problems: Problems) -> None:
    address = request.port.host_ip  # the network's binding has a warning of its own
    vrf = next((one for one in scope.live.interfaces.values() if one.vrf and address in one.addresses), None)
    if vrf is not None and not any(address == port.host_ip for port in scope.live.ports):  # else published already
        request.refuse(
            problems,
            f"{address} is on {vrf.name}, which is in the VRF {vrf.vrf}, and nothing is published there; name an "
            "address outside of it",
        )
    if address is None or address.is_unspecified or address.is_loopback or scope.has_address(address):
        return
    problems.warn(
        str(request.container), f"ports[{request.port.number}]", str(request.port),
        f"no interface of the host has the address {address} now",
    )  # fmt: skip


def _claim(scope: Scope, request: _Request, places: _Places, ours: set[Place], problems: Problems) -> None:
    """Reserve the request's ports, each for every family; refuse a taken port, once for each holder."""
    refused = set()
    for version in request.exits:
        for port in request.port.host:
            place = (request.port.protocol, version, request.host_ip(version), port)
            holder, listener = places.holder(*place), places.listener(*place)
            if holder is not None and holder not in refused:
                refused.add(holder)
                what = f"host port {port}/{request.port.protocol} is published by {holder} already"
                request.refuse(problems, f"{what}; choose another{scope.or_remove(holder)}")
            if listener is not None and str(listener) not in refused:
                refused.add(str(listener))
                if place not in ours:  # else network_info warns of it: this run changes nothing for the process
                    where = f"{listener} listens on {listener.address} port {port}/{request.port.protocol} of the host"
                    rule = "and would get no packets; choose another host port, or stop it"
                    request.refuse(problems, f"{where}, {rule}")
            places.hold(*place, str(request.container))


def _check_loopback(scope: Scope, request: _Request, problems: Problems) -> None:
    """Warn where ports on [::1] do not work: with br_netfilter a reply to ::1 is translated back on the bridge, and
    enters IPv6 input by a device other than lo."""
    if not scope.live.bridge_nf_call.get("ip6tables") or 6 not in request.exits:
        return
    loopback = "through [::1] {} not reached while net.bridge.bridge-nf-call-ip6tables is 1; {}"
    address = request.host_ip(6)
    if address is None and request.port.host_ip is None:
        network = request.exits[6].network
        remark = loopback.format("its published ports are", "use another address of the host, or set it to 0")
        problems.warn(str(network), "subnet6", str(network.subnets[6].network), remark)
    elif address is not None and address.is_loopback:
        remark = loopback.format("it is", "set the sysctl to 0, or publish the port on another address")
        problems.warn(str(request.container), f"ports[{request.port.number}]", str(request.port), remark)


def _is_free(request: _Request, port: int, places: _Places) -> bool:
    return all(
        places.holder(request.port.protocol, version, request.host_ip(version), port) is None
        and places.listener(request.port.protocol, version, request.host_ip(version), port) is None
        for version in request.exits
    )


def _live_choice(
    request: _Request, by_target: dict[tuple[str, Address, int], list[LivePort]], places: _Places
) -> int | None:
    """The host port of the request's range that is translated to the container already."""
    own = [endpoint.addresses.get(version) for version, endpoint in request.exits.items()]
    ports = [(request.port.protocol, address, request.port.container.first) for address in own if address is not None]
    for live in [live for port in ports for live in by_target.get(port, [])]:
        if (
            live.host_ip == request.host_ip(live.to_address.version)
            and request.port.host.first <= live.host_port <= request.port.host.last
            and all(
                places.holder(live.protocol, version, request.host_ip(version), live.host_port) is None
                for version in request.exits
            )
        ):
            return live.host_port
    return None


def _take(request: _Request, port: int, places: _Places) -> PortRange:
    for version in request.exits:
        places.hold(request.port.protocol, version, request.host_ip(version), port, str(request.container))
    return PortRange(port, port)
