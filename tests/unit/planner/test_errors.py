# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every error names the object, the field, the value and the rule; all are reported at once."""

from __future__ import annotations

import datetime

import pytest
from unit.planner.simulated_host import DUAL, EMPTY, INSIDE, WEB, errors, live_after, plan, topology

from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.options import OPTIONS


def network(**fields):
    return [{"name": "web", "subnet": "172.30.0.0/24", **fields}]


def container(**fields):
    return [{"name": "c", "networks": ["web"], **fields}]


def on_web(name, **options):
    return {"name": name, "networks": [{"name": "web", **options}]}


LONG = "a" * 64

NETWORKS = [
    (network(subnet="172.30.0.1/24"), "network web: subnet '172.30.0.1/24'", "host bits set; write 172.30.0.0/24"),
    (network(subnet="172.30.0.0"), "network web: subnet '172.30.0.0'", "CIDR notation, like 172.30.0.0/16"),
    (network(subnet="172.30.0.0/33"), "network web: subnet '172.30.0.0/33'", "must be an IPv4 subnet"),
    (network(subnet="fd00::/64"), "network web: subnet 'fd00::/64'", "must be an IPv4 subnet"),
    (network(subnet=17), "network web: subnet 17", "must be an IPv4 subnet"),
    (network(subnet="127.0.0.0/8"), "network web: subnet '127.0.0.0/8'", "neither loopback"),
    (network(subnet="0.0.0.0/0"), "network web: subnet '0.0.0.0/0'", "unicast"),
    (network(subnet6="fd00::1/64"), "network web: subnet6 'fd00::1/64'", "host bits set; write fd00::/64"),
    (
        network(subnet6="::ffff:10.0.0.0/120"),
        "network web: subnet6 '::ffff:10.0.0.0/120'",
        "an IPv4-mapped",
    ),
    (network(subnet6="fe80::/64"), "network web: subnet6 'fe80::/64'", "link-local"),
    ([{"name": "web"}], "network web: subnet (not given)", "needs a subnet"),
    (network(enable_ipv6=False, subnet6="fd00::/64"), "network web: subnet6 'fd00::/64'", "enable_ipv6: false"),
    (network(gateway="172.31.0.1"), "network web: gateway '172.31.0.1'", "inside subnet 172.30.0.0/24"),
    (network(gateway="172.30.0.0"), "network web: gateway '172.30.0.0'", "network or broadcast address"),
    (network(gateway="172.30.0.255"), "network web: gateway '172.30.0.255'", "network or broadcast address"),
    (network(gateway="fd00::1"), "network web: gateway 'fd00::1'", "must be an IPv4 address"),
    (network(gateway="172.30.0.1/24"), "network web: gateway '172.30.0.1/24'", "must be an IPv4 address"),
    (network(gateway6="fd00::1"), "network web: gateway6 'fd00::1'", "has no subnet6"),
    (network(ip_range="172.30.1.0/28"), "network web: ip_range '172.30.1.0/28'", "inside subnet 172.30.0.0/24"),
    (network(ip_range="172.30.0.9/28"), "network web: ip_range '172.30.0.9/28'", "write 172.30.0.0/28"),
    (network(ip_range="172.30.0.255/32"), "network web: ip_range '172.30.0.255/32'", "has no address"),
    (network(ip_range6="fd00::/80"), "network web: ip_range6 'fd00::/80'", "has no subnet6"),
    (network(aux_addresses={"x": "10.0.0.1"}), "network web: aux_addresses: x '10.0.0.1'", "inside subnet"),
    (
        network(aux_addresses={"x": "172.30.0.1"}),
        "network web: aux_addresses.x '172.30.0.1'",
        "taken on network web by the gateway",
    ),
    (network(aux_addresses={"a b": "172.30.0.9"}), "network web: aux_addresses: a b '172.30.0.9'", "the name must be"),
    (network(aux_addresses=["172.30.0.9"]), "network web: aux_addresses ['172.30.0.9']", "must be a mapping"),
    (network(mtu=60), "network web: mtu 60", "from 68 to 65535"),
    (network(mtu=1000, subnet6="fd00::/64"), "network web: mtu 1000", "from 1280 to 65535"),
    (network(mtu="big"), "network web: mtu 'big'", "must be a number"),
    (network(internal="perhaps"), "network web: internal 'perhaps'", "must be true or false"),
    (network(state="gone"), "network web: state 'gone'", "one of present, absent"),
    (network(subnett="172.30.0.0/16"), "network web: subnett '172.30.0.0/16'", "is no field"),
    (network(bridge="a-name-too-long-1"), "network web: bridge 'a-name-too-long-1'", "1 to 15 of the characters"),
    (network(bridge="default"), "network web: bridge 'default'", "not all or default"),
    (network(bridge="br/0"), "network web: bridge 'br/0'", "1 to 15 of the characters"),
    (network(name=LONG), f"network {LONG}: name '{LONG}'", "1 to 63 of the characters"),
    (network(name="we b"), "network we b: name 'we b'", "1 to 63 of the characters"),
    (network(name=None), "bridge_network_networks[0]: name (not given)", "needs a name"),
    (network(labels={"role": "mine"}), "network web: labels: role 'mine'", "set by the role itself"),
    (network(labels={"ip_range": "x"}), "network web: labels: ip_range 'x'", "set by the role itself"),
    (network(labels={"a b": "x"}), "network web: labels {'a b': 'x'}", "keys of the characters A-Z a-z 0-9 _ . / -"),
    (network(labels={"a": "x\ny"}), "network web: labels {'a': 'x\\ny'}", "values of printable text"),
    (network(labels={"vni": "5"}), "network web: labels: vni '5'", "set by the role itself"),
    (network(labels={"mode": "eth0"}), "network web: labels: mode 'eth0'", "set by the role itself"),
    (network(labels={"container": "c1"}), "network web: labels: container 'c1'", "set by the role itself"),
    (network(routes=[{"to": "10.0.0.0/8"}]), "network web: routes[0]: via (not given)", "needs both"),
    (
        network(routes=[{"to": "10.0.0.0/8", "via": "10.0.0.1"}]),
        "network web: routes[0].via '10.0.0.1'",
        "in 172.30.0.0/24",
    ),
    (
        network(routes=[{"to": "10.0.0.1/8", "via": "172.30.0.2"}]),
        "network web: routes[0]: to '10.0.0.1/8'",
        "host bits",
    ),
    (
        network(routes=[{"to": "0.0.0.0/0", "via": "172.30.0.2"}]),
        "network web: routes[0]: to '0.0.0.0/0'",
        "default route",
    ),
    (
        network(routes=[{"to": "172.30.0.0/24", "via": "172.30.0.2"}]),
        "network web: routes[0].to '172.30.0.0/24'",
        "lies in 172.30.0.0/24 of network web itself",
    ),
    (
        network(
            routes=[{"to": "10.0.0.0/8", "via": "172.30.0.2"}, {"to": "10.0.0.0/8", "via": "172.30.0.3", "metric": 0}]
        ),
        "network web: routes[1]: to '10.0.0.0/8'",
        "duplicate route: same destination and metric",
    ),
    (network() + network(), "network web: name 'web'", "declared twice"),
    (
        [*network(), {"name": "db", "subnet": "172.30.0.128/25"}],
        "network db: subnet '172.30.0.128/25'",
        "overlaps with 172.30.0.0/24 of network web",
    ),
    (
        [*network(bridge="sw0"), {"name": "db", "subnet": "10.0.0.0/24", "bridge": "sw0"}],
        "network db: bridge 'sw0'",
        "is network web's bridge",
    ),
    (["web"], "bridge_network_networks[0]: as a whole 'web'", "must be a mapping"),
    (network(name="we..b"), "network we..b: name 'we..b'", "a letter or digit in front and after each dot"),
]

CONTAINERS = [
    (container(name="x/y"), "container x/y: name 'x/y'", "1 to 63 of the characters"),
    (container(name="host"), "container host: name 'host'", "choose another name"),
    (container(name={}), "bridge_network_containers[0]: name {}", "must be text"),
    (container() + container(), "container c: name 'c'", "declared twice"),
    (container(state="gone"), "container c: state 'gone'", "one of present, absent"),
    (container(image="nginx"), "container c: image 'nginx'", "is no field"),
    (container(networks=["db"]), "container c: networks[0] 'db'", "is unknown"),
    (container(networks=["web", "web"]), "container c: networks[1] 'web'", "named twice"),
    (container(networks="web"), "container c: networks 'web'", "must be a list"),
    (container(networks=True), "container c: networks True", "must be a list"),
    (container(networks=[["web"]]), "container c: networks[0] ['web']", "a network's name"),
    (container(networks=[]), "container c: networks []", "network_mode: none"),
    (
        container(networks=[{"ipv4_address": "172.30.0.9"}]),
        "container c: networks[0]: name (not given)",
        "a network's name",
    ),
    (
        container(networks=[{"name": "web", "ip": "172.30.0.9"}]),
        "container c: networks[0]: ip '172.30.0.9'",
        "is no field",
    ),
    (
        [on_web("c", ipv4_address="172.31.0.9")],
        "container c: ipv4_address '172.31.0.9'",
        "inside subnet 172.30.0.0/24 of network web",
    ),
    ([on_web("c", ipv4_address="172.30.9.255")], "container c: ipv4_address '172.30.9.255'", "inside subnet"),
    (
        [on_web("c", ipv4_address="fd00::1")],
        "container c: networks[0]: ipv4_address 'fd00::1'",
        "must be an IPv4 address",
    ),
    ([on_web("c", ipv6_address="fd00::9")], "container c: ipv6_address 'fd00::9'", "network web has no IPv6 subnet"),
    (
        [on_web("c", ipv4_address="172.30.0.1")],
        "container c: ipv4_address '172.30.0.1'",
        "taken on network web by the gateway",
    ),
    (
        [on_web("a", ipv4_address="172.30.0.9"), on_web("c", ipv4_address="172.30.0.9")],
        "container c: ipv4_address '172.30.0.9'",
        "taken on network web by container a",
    ),
    (
        [on_web("a", mac_address="02:42:00:00:00:09"), on_web("c", mac_address="02-42-00-00-00-09")],
        "container c: mac_address '02:42:00:00:00:09'",
        "taken on network web by container a",
    ),
    ([on_web("c", mac_address="02:42:ac:1e:00:01")], "container c: mac_address '02:42:ac:1e:00:01'", "by the gateway"),
    (
        [on_web("c", mac_address="03:42:ac:1e:00:02")],
        "container c: networks[0]: mac_address '03:42:ac:1e:00:02'",
        "unicast",
    ),
    (
        [on_web("c", mac_address="02:42:ac")],
        "container c: networks[0]: mac_address '02:42:ac'",
        "like 02:42:ac:1e:00:02",
    ),
    ([on_web("c", mac_address=1693510273)], "container c: networks[0]: mac_address 1693510273", "quote it"),
    ([on_web("c", interface_name="lo")], "container c: networks[0]: interface_name 'lo'", "not lo"),
    ([on_web("c", interface_name="a" * 16)], "container c: networks[0]: interface_name 'aaaaaaaaaaaaaaaa'", "1 to 15"),
    (
        [
            {
                "name": "c",
                "networks": [{"name": "web", "interface_name": "x0"}, {"name": "dual", "interface_name": "x0"}],
            }
        ],
        "container c: interface_name 'x0'",
        "taken by another network",
    ),
    ([on_web("c", aliases=["www", "a b"])], "container c: networks[0]: aliases[1] 'a b'", "1 to 63 of the characters"),
    *(
        ([on_web("c", aliases=[alias])], f"container c: networks[0]: aliases[0] '{alias}'", "after each dot")
        for alias in ("al.", ".al", "a..b", "a.-b")
    ),
    *((container(name=name), f"container {name}: name '{name}'", "after each dot") for name in ("x.", "a..b", "a.-b")),
    (container(ports=[133342]), "container c: ports[0] 133342", 'quote it, as in "2222:22"'),
    (container(ports=["80"]), "container c: ports[0] '80'", "a host port is required"),
    (container(ports="80:80"), "container c: ports '80:80'", "must be a list"),
    (container(ports=["[::1]:80:80"]), "container c: ports[0] '[::1]:80:80'", "no IPv6 address"),
    (
        container(ports=["80:80", "80:81"]),
        "container c: ports[1] '80:81'",
        "host port 80/tcp is published by container c already",
    ),
    (
        container(ports=["127.0.0.1:80:80", "80:80"]),
        "container c: ports[1] '80:80'",
        "host port 80/tcp is published by container c already",
    ),
    (
        [*container(ports=["8000-8005:80-85"]), {"name": "d", "networks": ["dual"], "ports": ["8005:80"]}],
        "container d: ports[0] '8005:80'",
        "host port 8005/tcp is published by container c already",
    ),
    (
        [{"name": name, "networks": ["web"], "ports": ["90-91:80"]} for name in ("a", "b", "c")],
        "container c: ports[0] '90-91:80'",
        "no port of the range is free",
    ),
    (container(forwarding="si"), "container c: forwarding 'si'", "must be true or false"),
    (container(sysctls={"kernel.panic": 1}), "container c: sysctls.kernel.panic 1", "only net.*"),
    (
        container(sysctls={"net.ipv4.conf.eth7.rp_filter": 1}),
        "container c: sysctls.net.ipv4.conf.eth7.rp_filter 1",
        "no interface eth7; it has eth0, lo",
    ),
    (
        container(sysctls={"net.ipv4.tcp_rmem": [1, 2]}),
        "container c: sysctls.net.ipv4.tcp_rmem [1, 2]",
        "number or text",
    ),
    (
        container(routes=[{"to": "10.0.0.0/8", "via": "9.9.9.9"}]),
        "container c: routes[0].via '9.9.9.9'",
        "on one of its networks",
    ),
    (
        container(routes=[{"to": "10.0.0.0/8", "via": "fd00::1"}]),
        "container c: routes[0]: via 'fd00::1'",
        "same family",
    ),
    (
        container(routes=[{"to": "172.30.0.128/25", "via": "172.30.0.9"}]),
        "container c: routes[0].to '172.30.0.128/25'",
        "lies in the subnet of its own network web, which it reaches without a route",
    ),
    (
        container(
            routes=[{"to": "192.0.2.0/24", "via": "172.30.0.9"}],
            interfaces=[{"device": "enp3s0", "addresses": ["192.0.2.7/24"]}],
        ),
        "container c: routes[0].to '192.0.2.0/24'",
        "lies in the subnet of its own interface enp3s0",
    ),
    (
        container(
            routes=[{"to": "10.0.0.0/8", "via": "172.30.0.9"}],
            interfaces=[
                {
                    "device": "enp3s0",
                    "addresses": ["192.0.2.7/24"],
                    "routes": [{"to": "10.0.0.0/8", "via": "192.0.2.1"}],
                }
            ],
        ),
        "container c: routes[0].to '10.0.0.0/8'",
        "is there with the same metric in interfaces",
    ),
    (
        [{"name": "c", "networks": [{"name": "web", "allowed_addresses": ["10.1.0.0/16", "10.0.0.0/8"]}]}],
        "container c: networks[0]: allowed_addresses[0] '10.1.0.0/16'",
        "lies in allowed_addresses[1], 10.0.0.0/8",
    ),
    (
        [{"name": "c", "networks": [{"name": "web", "allowed_addresses": ["172.30.0.7", "172.30.0.7/32"]}]}],
        "container c: networks[0]: allowed_addresses[1] '172.30.0.7/32'",
        "lies in allowed_addresses[0], 172.30.0.7/32",
    ),
    (container(pid=0), "container c: pid 0", "from 1 to"),
    (
        container(forwarding=False, sysctls={"net.ipv4.ip_forward": True}),
        "container c: sysctls.net.ipv4.ip_forward 1",
        "contradicts forwarding: false",
    ),
    (
        container(forwarding=True, sysctls={"net/ipv6/conf/all/forwarding": "0"}),
        "container c: sysctls.net/ipv6/conf/all/forwarding '0'",
        "contradicts forwarding: true",
    ),
    *(
        (
            [{"name": "c", "networks": ["web", "dual"], "sysctls": {f"net.ipv6.conf.{where}.disable_ipv6": 1}}],
            f"container c: sysctls.net.ipv6.conf.{where}.disable_ipv6 1",
            "cannot be combined with network dual, which has subnet6 fd00:31::/64; leave one of the two out",
        )
        for where in ("all", "default", "eth1")
    ),
    ([{"name": "c", "pid": "many"}], "container c: pid 'many'", "must be a number"),
    (
        [{"name": "localhost", "networks": ["web"]}],
        "container localhost: name 'localhost'",
        "is in each container's file hosts already",
    ),
    (
        [{"name": "c", "networks": [{"name": "web", "aliases": ["www", "localhost"]}]}],
        "container c: networks[0]: aliases[1] 'localhost'",
        "is in each container's file hosts already",
    ),
    (container(ports=["255.255.255.255:80:80"]), "container c: ports[0] '255.255.255.255:80:80'", "a unicast address"),
    *(
        (
            [{"name": "c", "networks": [{"name": "web", "ipv4_address": f"172.30.0.{last}"}]}],
            f"container c: ipv4_address '172.30.0.{last}'",
            "is the network or broadcast address of subnet 172.30.0.0/24 of network web; choose one between them",
        )
        for last in (0, 255)
    ),
    (container(network_mode="nat"), "container c: network_mode 'nat'", "must be bridge, none, host or container:NAME"),
    ([{"name": "c", "network_mode": "container:"}], "container c: network_mode 'container:'", "as in container:nginx"),
    ([{"name": "c", "network_mode": "container:c"}], "container c: network_mode 'container:c'", "its own namespace"),
    (
        [{"name": "c", "network_mode": "container:x"}],
        "container c: network_mode 'container:x'",
        "there is no container x",
    ),
    (container(network_mode="none"), "container c: networks ['web']", "cannot be combined with network_mode none"),
    ([{"name": "c", "network_mode": "none", "ports": ["80:80"]}], "container c: ports ['80:80']", "network_mode none"),
    (container(network_mode="host"), "container c: networks ['web']", "cannot be combined with network_mode host"),
    ([{"name": "c", "network_mode": "host", "ports": ["80:80"]}], "container c: ports ['80:80']", "network_mode host"),
    ([{"name": "c", "network_mode": "host", "forwarding": True}], "container c: forwarding True", "network_mode host"),
    (
        [{"name": "c", "network_mode": "host", "unprivileged_ports": False}],
        "container c: unprivileged_ports False",
        "network_mode host",
    ),
    ([{"name": "c", "pid": 7, "unprivileged_ports": True}], "container c: unprivileged_ports True", "set sysctls"),
    (container(unprivileged_ports="maybe"), "container c: unprivileged_ports 'maybe'", "must be true or false"),
    (
        [*container(), {"name": "d", "network_mode": "container:c", "ports": ["80:80"]}],
        "container d: ports ['80:80']",
        "cannot be combined with network_mode container:c",
    ),
    (["c"], "bridge_network_containers[0]: as a whole 'c'", "must be a mapping"),
]


# What YAML 1.1 makes of 010, yes, 1.10 and 2026-01-01 without quotes.
UNQUOTED = [(8, "a number"), (True, "true or false"), (1.1, "a number"), (datetime.date(2026, 1, 1), "a date")]
TEXTS_OF_A_NETWORK = [
    "name", "bridge", "subnet", "gateway", "ip_range", "subnet6", "gateway6", "ip_range6", "gateway_mode",
    "snat_address", "state",
]  # fmt: skip
TEXTS_OF_AN_ATTACHMENT = ["name", "ipv4_address", "ipv6_address", "mac_address", "interface_name"]
PLACES_OF_A_NETWORK = [
    *(
        (f" {field}", lambda value, field=field: network(**{"subnet6": "fd00::/64", field: value}))
        for field in TEXTS_OF_A_NETWORK
    ),
    (" connect[0]", lambda value: network(connect=[value])),
    (" uplinks[0]", lambda value: network(uplinks=[value])),
    (" trusted_interfaces[0]", lambda value: network(trusted_interfaces=[value])),
    (" labels: tier", lambda value: network(labels={"tier": value})),
    (" labels: the name {} of 'x'", lambda value: network(labels={value: "x"})),
    (" aux_addresses: nas", lambda value: network(aux_addresses={"nas": value})),
    (" aux_addresses: the name {} of '172.30.0.9'", lambda value: network(aux_addresses={value: "172.30.0.9"})),
    (" routes[0]: to", lambda value: network(routes=[{"to": value, "via": "172.30.0.9"}])),
    (" routes[0]: via", lambda value: network(routes=[{"to": "10.0.0.0/8", "via": value}])),
]
PLACES_OF_A_CONTAINER = [
    (" name", lambda value: container(name=value)),
    (" networks[0]", lambda value: container(networks=[value])),
    *((f" networks[0]: {field}", lambda value, field=field: container(networks=[{"name": "web", field: value}]))
      for field in TEXTS_OF_AN_ATTACHMENT),
    (" networks[0]: aliases[0]", lambda value: [on_web("c", aliases=[value])]),
    (" networks[0]: allowed_addresses[0]", lambda value: [on_web("c", allowed_addresses=[value])]),
    (" ports[0]", lambda value: container(ports=[value])),
    (" network_mode", lambda value: container(network_mode=value)),
    (" dns[0]", lambda value: container(dns=[value])),
    (" dns_search[0]", lambda value: container(dns_search=[value])),
    (" dns_opt[0]", lambda value: container(dns_opt=[value])),
    (" interfaces[0]: device", lambda value: container(interfaces=[{"device": value}])),
    (" interfaces[0]: name", lambda value: container(interfaces=[{"device": "enp3s0", "name": value}])),
    (" interfaces[0]: mac", lambda value: container(interfaces=[{"device": "enp3s0", "mac": value}])),
    (" interfaces[0]: addresses[0]", lambda value: container(interfaces=[{"device": "enp3s0", "addresses": [value]}])),
]  # fmt: skip


@pytest.mark.parametrize("value, made", UNQUOTED)
@pytest.mark.parametrize("where, typed", PLACES_OF_A_NETWORK)
def test_yaml_numbers_in_network_fields_are_refused(where, typed, value, made):
    _is_to_be_quoted(errors(typed(value), []), where, value, made)


@pytest.mark.parametrize("value, made", UNQUOTED)
@pytest.mark.parametrize("where, typed", PLACES_OF_A_CONTAINER)
def test_yaml_numbers_in_container_fields_are_refused(where, typed, value, made):
    _is_to_be_quoted(errors([*network(), DUAL], typed(value)), where, value, made)


def _is_to_be_quoted(found, where, value, made):
    """Whether the first error says so of this place, and no other error does."""
    place = where if "{}" in where else where + " {}"
    assert place.format(value) + ": " in found[0]
    assert "quote it" in found[0]
    assert where == " ports[0]" or f"YAML made {made} of it" in found[0]
    assert not any("quote it" in error for error in found[1:])


def test_sysctls_may_be_integers_only():
    assert not errors(network(), container(sysctls={"net.ipv4.ip_default_ttl": 65, "net.ipv4.ip_forward": True}))
    (error,) = errors(network(), container(sysctls={"net.ipv4.ip_default_ttl": 1.1}))
    assert error == "container c: sysctls.net.ipv4.ip_default_ttl 1.1: YAML made a number of it: quote it"


@pytest.mark.parametrize("networks, where, rule", NETWORKS)
def test_invalid_networks_are_refused(networks, where, rule):
    (error,) = errors(networks, [])
    assert error.startswith(where + ": ")
    assert rule in error


@pytest.mark.parametrize("containers, where, rule", CONTAINERS)
def test_invalid_containers_are_refused(containers, where, rule):
    (error,) = errors([*network(), DUAL], containers)
    assert error.startswith(where + ": ")
    assert rule in error


def test_labels_that_exceed_the_alias_report_the_bytes_left():
    (found,) = errors([{**WEB, "labels": {"com.example.a": "x" * 250}}], [])
    own = len("virtnet network=web role=bridge_network")
    needed, left = len("com.example.a") + 250 + 2, 255 - own
    assert f"they take {needed} bytes of the link's alias (key, value and two for each), and {left} are left" in found
    joining = {"name": "n" * 60, "connect": ["w" * 60], "labels": {"a": "x" * 100}}
    (found,) = errors([{**WEB, "name": "w" * 60}, joining], [])
    assert found.startswith(f"network {'n' * 60}: labels {{") and "of the link's alias" in found


def test_a_cycle_of_shared_namespaces_is_reported_for_each_container():
    containers = [{"name": "c", "network_mode": "container:d"}, {"name": "d", "network_mode": "container:c"}]
    one, other = errors([], containers)
    assert one.startswith(
        "container c: network_mode 'container:d': the containers share namespaces in a circle: c -> d -> c"
    )
    assert other.startswith("container d: network_mode 'container:c': ")


def test_a_full_subnet_reports_its_endpoints_and_who_gets_none():
    containers = [{"name": name, "networks": ["tiny"]} for name in ("a", "b", "c")]
    (error,) = errors([{"name": "tiny", "subnet": "172.30.0.0/30"}], containers)
    assert error.startswith("network tiny: subnet '172.30.0.0/30': is full")
    assert "2 addresses are held by the gateway, container a" in error
    assert "none is left for b, c" in error


def test_a_full_ip_range_is_reported():
    containers = [{"name": name, "networks": ["web"]} for name in ("a", "b")]
    (error,) = errors(network(ip_range="172.30.0.8/31"), containers)
    assert error.startswith("network web: ip_range '172.30.0.8/31': is full")


def test_all_errors_are_reported_at_once():
    networks = [
        {"name": "web", "subnet": "172.30.0.1/16"},
        {"name": "db", "subnet": "10.0.0.0/24", "gateway": "10.1.0.1"},
    ]
    containers = [
        {"name": "a", "networks": ["nowhere"], "ports": [133342, "80"]},
        {"name": "b", "network_mode": "host", "ports": ["80:80"]},
        {"name": "c", "network_mode": "container:missing"},
        on_web("d", mac_address="x"),
    ]
    found = errors(networks, containers)
    for where in (
        "network web: subnet",
        "network db: gateway",
        "container a: networks[0]",
        "container a: ports[0]",
        "container a: ports[1]",
        "container b: ports",
        "container c: network_mode",
        "container d: networks[0]: mac_address",
    ):
        assert len([error for error in found if error.startswith(where + " ")]) == 1, (where, found)
    assert len(found) == 8, "and one mistake is one error"


def live(**host):
    return {**EMPTY, "host": host}


@pytest.mark.parametrize(
    "route, refused",
    [
        ({"to": "172.30.0.0/24", "dev": "eth0"}, True),
        ({"to": "172.16.0.0/12", "dev": "tun0"}, True),
        ({"to": "172.30.0.7/32", "via": "192.0.2.1", "dev": "eth0"}, True),
        ({"to": "172.30.1.0/24", "dev": "eth0"}, False),
        ({"to": "0.0.0.0/0", "dev": "eth0"}, False),
        ({"to": "128.0.0.0/1", "dev": "tun0"}, False),
        ({"to": "172.30.0.0/24", "dev": "br-web"}, False),
    ],
)
def test_a_subnet_that_overlaps_a_host_route_is_refused(route, refused):
    found = errors(network(), live=live(routes=[route]))
    if refused:
        assert found[0].startswith("network web: subnet '172.30.0.0/24': overlaps with the host's route to")
        assert route["to"] in found[0]
        assert route["dev"] in found[0]
    else:
        assert found == []


def test_a_subnet_with_a_host_address_is_refused():
    there = [{"name": "lo", "ours": False, "addresses": ["127.0.0.1/8", "172.30.0.9/32", "::1/128"]}]
    (error,) = errors(network(), live=live(interfaces=there))
    assert error.startswith("network web: subnet '172.30.0.0/24': has the host's own address 172.30.0.9, which lo has")
    routed = [{"to": "172.30.0.0/24", "dev": "eth0"}]
    (error,) = errors(network(), live=live(interfaces=[{**there[0], "name": "eth0"}], routes=routed))
    assert "route" in error, "one mistake is one error"


def test_an_existing_network_keeps_a_subnet_that_overlaps_a_later_route():
    after = live_after(topology([WEB]))
    after["host"]["routes"] = [{"to": "172.30.5.0/24", "dev": "tun0"}, {"to": "172.30.0.0/16", "dev": "br-web"}]
    assert errors([WEB], live=after) == []


def test_a_subnet_of_an_undeclared_network_is_refused():
    after = live_after(topology([WEB]))
    (error,) = errors([{"name": "db", "subnet": "172.30.1.0/24"}], live=after)
    assert error.startswith("network db: subnet '172.30.1.0/24': overlaps with 172.30.0.0/16 of network web")
    (error,) = errors([{"name": "db", "subnet": "172.16.0.0/12"}], live=after)
    assert error.startswith("network db: subnet '172.16.0.0/12': overlaps with 172.30.0.0/16 of network web")
    assert errors([{"name": "db", "subnet": "172.30.1.0/24"}, {"name": "web", "state": "absent"}], live=after) == []


def test_an_unmanaged_interface_with_the_bridges_name_is_refused():
    (error,) = errors(
        network(), live=live(interfaces=[{"name": "br-web", "kind": "bridge", "mtu": 1500, "ours": False}])
    )
    assert error.startswith("network web: bridge 'br-web': the host has a bridge of this name that was not made here")


def test_an_unmanaged_namespace_with_the_containers_name_is_refused():
    (error,) = errors(network(), container(), live=live(namespaces=["c", "other"]))
    assert error.startswith("container c: name 'c': /run/netns has this name already")


def listening(address, port=80, protocol="tcp"):
    return live(listeners=[{"protocol": protocol, "address": address, "port": port, "pid": 411, "process": "sshd"}])


@pytest.mark.parametrize(
    "port, listener, refused",
    [
        ("80:80", listening("0.0.0.0"), True),
        ("80:80", listening("127.0.0.1"), True),
        ("80:80", listening("::"), True),
        ("80:80", listening("::1"), False),
        ("80:80", listening("0.0.0.0", 81), False),
        ("80:80", listening("0.0.0.0", protocol="udp"), False),
        ("80:80/udp", listening("0.0.0.0", protocol="udp"), True),
        ("78-82:78-82", listening("0.0.0.0"), True),
        ("127.0.0.1:80:80", listening("127.0.0.1"), True),
        ("127.0.0.1:80:80", listening("127.0.0.53"), False),
        ("127.0.0.1:80:80", listening("0.0.0.0"), True),
        ("127.0.0.1:80:80", listening("::ffff:127.0.0.1"), True),
    ],
)
def test_a_port_with_a_listener_of_the_host_is_refused(port, listener, refused):
    found = errors(network(), container(ports=[port]), live=listener)
    if refused:
        assert found[0].startswith(f"container c: ports[0] '{port}': sshd (pid 411) listens on")
        assert "choose another host port" in found[0]
        assert len(found) == 1
    else:
        assert found == []


def test_a_range_skips_ports_with_a_listener():
    document = topology(network(), container(ports=["80-81:80"]), live=listening("0.0.0.0"))
    assert [port["host_port"] for port in document["nat_port"]] == ["81"]


def test_a_port_published_by_an_undeclared_container_is_refused():
    after = live_after(topology([WEB], [{"name": "old", "networks": ["web"], "ports": ["80:80"]}]))
    c = {"name": "c", "networks": ["web"], "ports": ["127.0.0.1:80:80"]}
    expected = "host port 80/tcp is published by container old already; choose another"
    expected = f"container c: ports[0] '127.0.0.1:80:80': {expected}"
    assert errors([WEB], [c], live=after) == [f"{expected}, or declare container old absent"]
    assert errors([WEB], [c, {"name": "old", "state": "absent"}], live=after) == []
    old = {"name": "old", "networks": ["web"], "ports": ["80:80"]}
    assert errors([WEB], [old, c], live=after) == [expected], "it is declared"
    after["containers"][0]["labels"]["role"] = "overlay_network"
    assert errors([WEB], [c], live=after) == [expected], "it is another role's"


def test_an_address_of_an_undeclared_container_is_refused():
    after = live_after(topology([WEB], [{"name": "old", "networks": ["web"]}]))
    (error,) = errors([WEB], [on_web("c", ipv4_address="172.30.0.2")], live=after)
    expected = "is taken on network web by container old; choose another, or declare container old absent"
    assert error == f"container c: ipv4_address '172.30.0.2': {expected}"
    error = errors([{**WEB, "gateway": "172.30.0.2"}], live=after)[-1]
    assert error == f"network web: gateway '172.30.0.2': {expected}"


def test_a_mac_of_an_undeclared_container_is_refused():
    after = live_after(topology([WEB], [{"name": "old", "networks": ["web"]}]))
    (error,) = errors([WEB], [on_web("c", mac_address="02:42:ac:1e:00:02")], live=after)
    expected = "is taken on network web by container old; choose another, or none, or declare container old absent"
    assert error == f"container c: mac_address '02:42:ac:1e:00:02': {expected}"


def test_a_network_with_containers_is_not_removed():
    after = live_after(topology([WEB, DUAL], [on_web("a"), on_web("b"), {"name": "d", "networks": ["dual"]}]))
    absent = {"name": "web", "state": "absent"}
    (error,) = errors([absent], live=after)
    assert error.startswith("network web: state 'absent': containers are still attached: a, b;")
    (error,) = errors([absent], [{"name": "a", "state": "absent"}], live=after)
    assert "containers are still attached: b;" in error
    (error,) = errors([absent], [{"name": "a", "state": "absent"}, on_web("b")], live=after)
    assert "containers are still attached: b;" in error


def test_a_container_on_a_missing_absent_network_is_refused():
    (error,) = errors([{"name": "web", "state": "absent"}], container())
    assert error.startswith("container c: networks[0] 'web': is declared with state: absent")


def test_purge_keeps_a_network_that_a_container_declares():
    after = live_after(topology([WEB, INSIDE], [on_web("a")]))
    (error,) = errors([], [on_web("a")], purge=True, live=after)
    assert error.startswith("network web: bridge_network_purge True: no list declares it")
    assert "a;" in error


def test_a_new_subnet_under_an_undeclared_container_is_refused():
    after = live_after(topology([WEB], [on_web("a")]))
    (error,) = errors([{"name": "web", "subnet": "10.0.0.0/24"}], live=after)
    assert error.startswith("network web: subnet '10.0.0.0/24': container a exists with 172.30.0.2")


@pytest.mark.parametrize(("field", "other", "expected"), [
    ("gateway", "172.31.0.9", "container a exists with 172.31.0.1 for its gateway and no list declares it; "
     "declare it, so that it gets the new one, or remove it"),
    ("gateway6", "fd00:31::9", "container a exists with fd00:31::1 for its gateway and no list declares it; "
     "declare it, so that it gets the new one, or remove it"),
    ("bridge", "sw0", "container a is attached to br-dual and no list declares it; declare it, so that it is attached "
     "to the new one, or remove it"),
])  # fmt: skip
def test_a_new_gateway_or_bridge_under_an_undeclared_container_is_refused(field, other, expected):
    a = {"name": "a", "networks": ["dual"]}
    after = live_after(topology([DUAL], [a]))
    assert errors([{**DUAL, field: other}], live=after) == [f"network dual: {field} {other!r}: {expected}"]
    assert errors([{**DUAL, field: other}], [a], live=after) == []
    assert errors([{**DUAL, field: other}], [{"name": "a", "state": "absent"}], live=after) == []


def test_a_gateway_without_a_default_route_may_change():
    a = {"name": "a", "networks": ["inside"]}
    after = live_after(topology([INSIDE], [a]))
    assert errors([{**INSIDE, "gateway": "172.29.0.9"}], live=after) == []
    router = {**WEB, "aux_addresses": {"DefaultGatewayIPv4": "172.30.0.7"}}
    after = live_after(topology([router], [on_web("a")]))
    assert errors([{**router, "gateway": "172.30.0.9"}], live=after) == []


def test_a_new_subnet_under_a_container_of_another_role_is_refused():
    after = live_after(topology([WEB], [on_web("a")]))
    after["containers"][0]["labels"]["role"] = "overlay_network"
    rule = "and the role overlay_network made it; take it off network web there first"
    assert errors([{**WEB, "bridge": "sw0", "subnet": "10.0.0.0/24"}], live=after) == [
        f"network web: subnet '10.0.0.0/24': container a exists with 172.30.0.2 {rule}",
        f"network web: bridge 'sw0': container a is attached to br-web {rule}",
    ]


def test_undeclared_containers_keep_the_old_mtu():
    after = live_after(topology([{**WEB, "mtu": 1500}], [on_web("a"), on_web("b"), on_web("c")]))
    changed = [{**WEB, "mtu": 9000}]
    planned = plan(changed, [on_web("a")], live=after)
    assert planned["errors"] == []
    assert planned["warnings"] == [
        "network web: mtu 9000: containers that no list declares keep 1500: b, c; larger packets than one of the two "
        "takes get lost between them and others; declare them too"
    ]
    assert plan(changed, [on_web("a"), on_web("b"), on_web("c")], live=after)["warnings"] == []
    assert plan([{**WEB, "mtu": 1500}], live=after)["warnings"] == []


def test_objects_of_another_role_are_refused():
    after = live_after(topology([WEB], [on_web("a")]))
    after["networks"][0]["Labels"]["role"] = after["containers"][0]["labels"]["role"] = "overlay_network"
    found = errors([WEB], [on_web("a")], live=after)
    assert [error.split(": the role")[0] for error in found] == ["network web: name 'web'", "container a: name 'a'"]
    assert errors([], [on_web("b")], live=after) == [], "its networks can be used"


def test_sharing_the_namespace_of_a_removed_container_is_refused():
    after = live_after(topology([WEB], [on_web("a")]))
    joining = {"name": "c", "network_mode": "container:a"}
    (error,) = errors([WEB], [joining, {"name": "a", "state": "absent"}], live=after)
    assert error.startswith("container c: network_mode 'container:a': the container a is removed in the same run")


def test_list_indexes_in_errors_ignore_earlier_errors():
    far = {"to": "10.2.0.0/16", "via": "10.9.0.1"}
    net = {**WEB, "connect": ["web", "far"], "routes": [{"to": "10.1.0.0/16"}, far]}
    c = {
        "name": "c",
        "networks": [True, "web", {"name": "nowhere"}],
        "ports": ["bad:80", "9090:90", "9090:91"],
        "routes": ["junk", far],
    }
    found = [error.split(" ")[2] for error in errors([net], [c])]
    right = ["routes[0]:", "connect[0]", "networks[0]", "ports[0]", "routes[0]"]
    follow_up = ["networks[2]", "connect[1]", "routes[1].via", "routes[1].via", "ports[2]"]
    assert found == right + follow_up


def test_a_misspelt_variable_warns_and_is_refused_with_purge():
    names = [f"bridge_network_{word}" for word in ("network", "containers", "purge", "persist", "zzz")]
    planned = plan(variables=names)
    expected = "is none of the role's; write {}, or choose a name that does not begin with bridge_network_"
    all_of_them = [f"bridge_network_{word}" for word in OPTIONS["bridge_network"]]
    expected = [
        "role bridge_network: variable 'bridge_network_network': " + expected.format("bridge_network_networks"),
        "role bridge_network: variable 'bridge_network_zzz': " + expected.format(", ".join(all_of_them)),
    ]
    assert (planned["errors"], planned["warnings"]) == ([], expected)
    cost = "; with bridge_network_purge: true it would remove what it may be meant to declare"
    assert errors(purge=True, variables=names) == [one + cost for one in expected]


def test_lists_and_purge_of_the_wrong_type():
    found = plan(purge="perhaps", networks=[], containers=[])["errors"]
    assert found == ["role bridge_network: bridge_network_purge 'perhaps': must be true or false"]


def test_equal_sysctls_of_a_shared_namespace_are_accepted():
    agreeing = {"net.ipv4.ip_forward": 1, "net.ipv6.conf.eth0.disable_ipv6": 1, "net.ipv6.conf.eth1.disable_ipv6": 0}
    c = {"name": "c", "networks": ["web", "dual"], "forwarding": True, "sysctls": agreeing}
    assert errors([*network(), DUAL], [c]) == []
