# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every situation in which Docker has an error or a warning has an error here with at least as much information.

That is the object, the field, the value and the remedy. With errors nothing is planned, so nothing is touched.
"""

from __future__ import annotations

import pytest
from unit.planner.simulated_host import DUAL, EMPTY, INSIDE, WEB, errors, live_after, plan, topology

A, B = ({"name": name, "networks": ["web"]} for name in "ab")
SMALL = {"name": "web", "subnet": "172.30.0.0/30"}
POOL = {"base": "172.18.0.0/16", "size": 16}


def web(**fields):
    return [{**WEB, **fields}]


def a(**fields):
    return [{"name": "a", "networks": ["web"], **fields}]


def on_web(name="a", **options):
    return {"name": name, "networks": [{"name": "web", **options}]}


LISTENER = {"protocol": "tcp", "address": "0.0.0.0", "port": 8000, "pid": 4711, "process": "httpd", "v6only": None}

# In Docker's words what is wrong; then networks, containers and more; the start of our error, and what else it says.
SITUATIONS = {
    "Bind for 0.0.0.0:8000 failed: port is already allocated": (
        (web(), [{**A, "ports": ["8000:80"]}, {**B, "ports": ["8000:80"]}]),
        ("container b: ports[0] '8000:80': ", "8000/tcp is published by container a already", "choose another"),
    ),
    "failed to bind host port 0.0.0.0:8000/tcp: address already in use": (
        (web(), [{**A, "ports": ["8000:80"]}], {"live": {**EMPTY, "host": {"listeners": [LISTENER]}}}),
        ("container a: ports[0] '8000:80': ", "httpd (pid 4711) listens on 0.0.0.0 port 8000/tcp", "or stop it"),
    ),
    "all ports are allocated": (
        (web(), [{**A, "ports": ["8000:80"]}, {**B, "ports": ["8000-8000:81", "8000:82"]}]),
        ("container b: ports[0] '8000:81': ", "published by container a already", ""),
    ),
    "all ports of a range are allocated": (
        (web(), [{**A, "ports": ["8000-8001:80-81"]}, {**B, "ports": ["8000-8001:80"]}]),
        ("container b: ports[0] '8000-8001:80': ", "no port of the range is free", "give a wider one"),
    ),
    "invalid port range: 9090-9089": (
        (web(), a(ports=["9090-9089:80"])),
        ("container a: ports[0] '9090-9089:80': ", "ends before it begins", ""),
    ),
    "Pool overlaps with other one on this address space": (
        ([*web(), {"name": "other", "subnet": "172.30.8.0/24"}], []),
        ("network other: subnet '172.30.8.0/24': ", "overlaps with 172.30.0.0/16 of network web", "choose another"),
    ),
    "networks have same bridge name": (
        ([{**WEB, "bridge": "sw0"}, {**DUAL, "bridge": "sw0"}], []),
        ("network dual: bridge 'sw0': ", "is network web's bridge", "choose another name"),
    ),
    "existing interface X is not a bridge": (
        (web(bridge="eth0"), [], {"live": {**EMPTY, "host": {"interfaces": [{"name": "eth0", "ours": False}]}}}),
        ("network web: bridge 'eth0': ", "was not made here", "give the network another"),
    ),
    "all predefined address pools have been fully subnetted": (
        ([{"name": "one"}, {"name": "two"}], [], {"address_pools": [POOL]}),
        ("network two: ", "one", ""),
    ),
    "invalid subnet 10.0.0.1/24: it should be 10.0.0.0/24": (
        (web(subnet="10.0.0.1/24"), []),
        ("network web: subnet '10.0.0.1/24': ", "has host bits set", "write 10.0.0.0/24"),
    ),
    "invalid gateway 10.9.9.9: parent subnet doesn't contain this address": (
        (web(gateway="10.9.9.9"), []),
        ("network web: gateway '10.9.9.9': ", "inside subnet 172.30.0.0/16", ""),
    ),
    "parent subnet is an IPv4 block": (
        (web(gateway="fd00::1"), []),
        ("network web: gateway 'fd00::1': ", "must be an IPv4 address", ""),
    ),
    "default gateway ip must be part of the network": (
        (web(aux_addresses={"DefaultGatewayIPv4": "10.0.0.1"}), []),
        ("network web: aux_addresses: DefaultGatewayIPv4 '10.0.0.1': ", "inside subnet 172.30.0.0/16", ""),
    ),
    "invalid auxiliary address": (
        (web(aux_addresses={"printer": "10.0.0.1"}), []),
        ("network web: aux_addresses: printer '10.0.0.1': ", "inside subnet 172.30.0.0/16", ""),
    ),
    "invalid ip-range: CIDR block is bigger than its parent subnet": (
        (web(ip_range="172.0.0.0/8"), []),
        ("network web: ip_range '172.0.0.0/8': ", "must lie inside subnet 172.30.0.0/16", ""),
    ),
    "invalid ip-range: it should be": (
        (web(ip_range="172.30.1.7/24"), []),
        ("network web: ip_range '172.30.1.7/24': ", "host bits", "write 172.30.1.0/24"),
    ),
    "parent subnet doesn't contain ip-range": (
        (web(ip_range="10.0.0.0/24"), []),
        ("network web: ip_range '10.0.0.0/24': ", "must lie inside subnet 172.30.0.0/16", ""),
    ),
    "network with name X already exists": (
        (web() + web(), []),
        ("network web: name 'web': ", "is declared twice", "bridge_network_networks[1] is the second"),
    ),
    "network X not found": (
        (web(), a(networks=["wbe"])),
        ("container a: networks[0] 'wbe': ", "is unknown", "known: web"),
    ),
    "conflicting options: port publishing and the container type network mode": (
        (web(), [A, {"name": "b", "network_mode": "container:a", "ports": ["80:80"]}]),
        ("container b: ports ['80:80']: ", "cannot be combined with network_mode container:a", "set it there"),
    ),
    "container sharing network namespace cannot be connected to any other network": (
        (web(), [A, {"name": "b", "network_mode": "container:a", "networks": ["web"]}]),
        ("container b: networks ['web']: ", "it uses the namespace of a", "set it there"),
    ),
    "Published ports are discarded when using host network mode": (
        (web(), [{"name": "b", "network_mode": "host", "ports": ["80:80"]}]),
        ("container b: ports ['80:80']: ", "cannot be combined with network_mode host", "the host's own namespace"),
    ),
    "conflicting options: mac-address and the network mode": (
        (web(), [{**on_web(mac_address="02:42:00:00:00:07"), "network_mode": "host"}]),
        ("container a: networks [{", "cannot be combined with network_mode host", ""),
    ),
    "none and ports, of which Docker says nothing": (
        (web(), [{"name": "b", "network_mode": "none", "ports": ["80:80"]}]),
        ("container b: ports ['80:80']: ", "cannot be combined with network_mode none", "no address to translate to"),
    ),
    "cannot be connected to multiple networks with one of the networks in private (none) mode": (
        (web(), a(network_mode="none")),
        ("container a: networks ['web']: ", "cannot be combined with network_mode none", ""),
    ),
    "invalid container format container:<name|id>": (
        (web(), [{"name": "b", "network_mode": "container:"}]),
        ("container b: network_mode 'container:': ", "a container's name follows", "as in container:nginx"),
    ),
    "cannot join own network namespace": (
        (web(), [{"name": "b", "network_mode": "container:b"}]),
        ("container b: network_mode 'container:b': ", "cannot join its own namespace", "name another one"),
    ),
    "cannot join network namespace of a non running container": (
        (web(), [{"name": "b", "network_mode": "container:gone"}]),
        ("container b: network_mode 'container:gone': ", "there is no container gone", "nor existing on the host"),
    ),
    "user-specified IP address is supported on user-defined networks only": (
        (web(), [{**on_web(ipv4_address="172.30.0.9"), "network_mode": "none"}]),
        ("container a: networks [{", "cannot be combined with network_mode none", ""),
    ),
    "no configured subnet contains IP address X": (
        (web(), [on_web(ipv4_address="10.0.0.7")]),
        ("container a: ipv4_address '10.0.0.7': ", "inside subnet 172.30.0.0/16 of network web", ""),
    ),
    "no configured subnet contains IPv6 address X": (
        (web(), [on_web(ipv6_address="fd00::7")]),
        ("container a: ipv6_address 'fd00::7': ", "network web has no IPv6 subnet", "enable_ipv6: true or subnet6"),
    ),
    "Address already in use": (
        (web(), [on_web(ipv4_address="172.30.0.7"), on_web("b", ipv4_address="172.30.0.7")]),
        ("container b: ipv4_address '172.30.0.7': ", "is taken on network web by container a", "choose another"),
    ),
    "Address already in use by the gateway": (
        (web(), [on_web(ipv4_address="172.30.0.1")]),
        ("container a: ipv4_address '172.30.0.1': ", "by the gateway", "choose another"),
    ),
    "no available IPv4 addresses on this network's address pools": (
        ([SMALL], [A, B, {"name": "c", "networks": ["web"]}]),
        ("network web: subnet '172.30.0.0/30': ", "held by the gateway, container a", "give a wider one"),
    ),
    "is already attached to network N": (
        (web(), a(networks=["web", "web"])),
        ("container a: networks[1] 'web': ", "is named twice", "name a network once"),
    ),
    "failed to parse com.docker.network.bridge.enable_icc value": (
        (web(icc="perhaps"), []),
        ("network web: icc 'perhaps': ", "must be true or false", ""),
    ),
    "unknown gateway mode X": (
        (web(gateway_mode="bridged"), []),
        ("network web: gateway_mode 'bridged': ", "must be one of nat, routed, isolated", ""),
    ),
    "gateway mode 'isolated' can only be used for an internal network": (
        (web(gateway_mode="isolated"), []),
        ("network web: gateway_mode 'isolated': ", "can only be used for an internal network", "set internal: true"),
    ),
    "invalid MTU number: -1": (
        (web(mtu=-1), []),
        ("network web: mtu -1: ", "must be a number from 68 to 65535", ""),
    ),
    "adding interface vethX to bridge br failed: exchange full": (
        (web(), [{"name": f"c{number}", "networks": ["web"]} for number in range(1024)]),
        ("network web: bridge 'br-web': ", "would have 1024 containers, and a bridge has 1023 ports", "connect:"),
    ),
    "host ::1 published for an IPv4-only container": (
        (web(), a(ports=["[::1]:8080:80"])),
        ("container a: ports[0] '[::1]:8080:80': ", "the container has no IPv6 address", "a subnet6"),
    ),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_errors_where_docker_reports_one(situation):
    given, (start, why, remedy) = SITUATIONS[situation]
    networks, containers, more = (*given, {})[:3]
    found = errors(networks, containers, **more)
    assert any(error.startswith(start) and why in error and remedy in error for error in found), found


def test_network_has_active_endpoints():
    live = live_after(topology([WEB], [A, B]))
    (error,) = errors([{"name": "web", "state": "absent"}], live=live)
    assert error.startswith("network web: state 'absent': ") and "a, b" in error and "remove them first" in error


def test_removable_networks_do_not_hide_one_in_use():
    live = live_after(topology([WEB, DUAL, INSIDE], [A]))
    gone = [{"name": name, "state": "absent"} for name in ("dual", "web", "inside")]
    assert [error.split(":")[0] for error in errors(gone, live=live)] == ["network web"]


def test_publishing_on_an_internal_network_warns():
    (warning,) = plan([INSIDE], [{"name": "a", "networks": ["inside"], "ports": ["80:80"]}])["warnings"]
    assert warning.startswith("container a: ports[0] '80:80': ") and "internal" in warning


def test_all_errors_are_reported_together():
    networks = [{"name": "web", "subnet": "10.0.0.1/24", "mtu": 1, "ip_range": "x", "aux_addresses": {"y": "z"}}]
    found = errors(networks, a(ports=["x", "y"], networks=["nowhere"]))
    subjects = [error.partition(": ")[2].split("'")[0].split(":")[0].strip() for error in found]
    assert sorted(subjects) == ["aux_addresses", "mtu 1", "networks[0]", "ports[0]", "ports[1]", "subnet"]
