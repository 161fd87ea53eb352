# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module network_info: the words of `docker network inspect` and the columns of `brctl show`, from the kernel."""

from __future__ import annotations

import pytest

from kit import packets, snapshot, towns
from kit.towns import policy

MAC = "02:42:ac:1e:00:01"


@pytest.fixture
def web(host):
    """One network with two containers, one of the two published, beside things of others."""
    document = towns.with_outside()
    document["netns"] += [
        {"name": "nginx", "labels": {"role": "bridge_network"}},
        {"name": "client"},
        {"name": "batch", "labels": {"mode": "none"}},
        {"name": "sidecar", "join": "nginx"},
        {"name": "agent", "join": "host"},
    ]
    bridge = {"name": "br-web", "mac": MAC, "addresses": ["172.30.0.1/16", "fd00:30::1/64"], "mtu": 1400}
    document["bridge"] = [{**bridge, "labels": {"network": "web", "role": "bridge_network"}}]
    for name, number in (("nginx", 2), ("client", 3)):
        peer = {"name": "eth0", "netns": name, "mac": "02:42:ac:1e:00:%02d" % number,
                "addresses": ["172.30.0.%d/16" % number, "fd00:30::%d/64" % number]}  # fmt: skip
        labels = {"network": "web", "container": name}
        document["veth"].append(
            {"name": "veth-" + name, "bridge": "br-web", "labels": labels, "peer": peer, "mtu": 1400}
        )
    document["bridge_policy"] = [{"bridge": "br-web", "subnets": ["172.30.0.0/16", "fd00:30::/64"]}]
    document["nat_port"] = [
        {"host_port": "8080", "to_address": "172.30.0.2", "to_port": "80", "bridge": "br-web"},
        {"host_port": "8443", "host_ip": "::1", "to_address": "fd00:30::2", "to_port": "443", "bridge": "br-web"},
    ]
    result = host.module("topology", **document)
    assert not result.get("failed"), result
    return host


def test_a_bridge_that_never_had_rules_lacks_none(host):
    host.module("bridge", name="br-lab", addresses=["10.77.0.1/24"])
    assert host.module("network_info")["host"]["warnings"] == []


def test_an_empty_host(host):
    before = host.snapshot()
    live = host.module("network_info")
    assert live["networks"] == live["bridges"] == live["containers"] == live["nat_ports"] == []
    assert live["host"]["interfaces"][0]["name"] == "lo"
    assert not live["changed"]
    snapshot.same(before, host.snapshot())


def test_networks_in_dockers_words(web):
    (network,) = web.module("network_info")["networks"]
    assert {key: network[key] for key in ("Name", "Id", "Scope", "Driver", "EnableIPv4", "EnableIPv6", "Internal")} == {
        "Name": "web", "Id": "br-web", "Scope": "local", "Driver": "bridge",
        "EnableIPv4": True, "EnableIPv6": True, "Internal": False,
    }  # fmt: skip
    assert network["IPAM"]["Config"] == [
        {"Subnet": "172.30.0.0/16", "Gateway": "172.30.0.1"},
        {"Subnet": "fd00:30::/64", "Gateway": "fd00:30::1"},
    ]
    assert network["Options"]["mtu"] == 1400 and network["Options"]["icc"] and network["Options"]["masquerade"]
    assert network["Labels"] == {"role": "bridge_network"}
    assert network["Containers"]["nginx"] == {
        "Name": "nginx", "EndpointID": "veth-nginx", "InterfaceName": "eth0", "MacAddress": "02:42:ac:1e:00:02",
        "IPv4Address": "172.30.0.2/16", "IPv6Address": "fd00:30::2/64",
    }  # fmt: skip
    assert sorted(network["Containers"]) == ["client", "nginx"]
    assert {"Protocol": "tcp", "HostIp": "", "HostPort": 8080, "Address": "172.30.0.2", "Port": 80,
            "Container": "nginx"} in network["Ports"]  # fmt: skip
    assert {"Protocol": "tcp", "HostIp": "::1", "HostPort": 8443, "Address": "fd00:30::2", "Port": 443,
            "Container": "nginx"} in network["Ports"]  # fmt: skip


def test_bridges_in_brctls_columns(web):
    web.module("bridge", name="lab", netns="batch", stp=True)
    assert web.module("network_info")["bridges"] == [
        {"name": "br-web", "netns": None, "id": "8000.0242ac1e0001", "stp": False,
         "interfaces": ["veth-client", "veth-nginx"]},
        {"name": "lab", "netns": "batch", "id": "8000." + web.links("batch")["lab"]["address"].replace(":", ""),
         "stp": True, "interfaces": []},
    ]  # fmt: skip


def test_a_bridges_id_begins_with_its_priority(web):
    web.change("bridge", name="sw0", stp=True, priority=4096)
    ids = {one["name"]: one["id"] for one in web.module("network_info")["bridges"]}
    for name, told in ids.items():
        assert told == web.sh("cat /sys/class/net/%s/bridge/bridge_id" % name).strip()
    assert ids["sw0"].startswith("1000.")


def test_containers_with_how_they_came_to_be(web):
    pid = web.start("sleep", "infinity", netns="nginx")
    containers = {one["name"]: one for one in web.module("network_info")["containers"]}
    assert sorted(containers) == ["agent", "batch", "client", "nginx", "outside", "sidecar"]
    assert containers["nginx"]["pids"] == [pid]
    assert containers["nginx"]["labels"] == {"role": "bridge_network"}
    (endpoint,) = containers["nginx"]["endpoints"]
    assert (endpoint["network"], endpoint["bridge"], endpoint["veth"]) == ("web", "br-web", "veth-nginx")
    assert sorted(endpoint["addresses"]) == ["172.30.0.2/16", "fd00:30::2/64"]
    modes = {name: one["mode"] for name, one in containers.items()}
    assert (modes["batch"], modes["sidecar"], modes["agent"]) == ("none", "container:nginx", "host")
    assert (modes["client"], modes["outside"]) == ("bridge", "none"), "as they are, where no label says it"
    assert containers["sidecar"]["endpoints"] == containers["agent"]["endpoints"] == []


def test_a_router_is_one_between_two_networks_or_a_network_and_a_card(web):
    web.sh("ip link add enp3s0 type veth peer name far; ip link set enp3s0 up")
    web.module("netns", name="client", forwarding=True)
    web.module("netns", name="nginx", forwarding=True)
    web.module("interface", device="enp3s0", netns="nginx", name="wan", addresses=["203.0.113.7/24"])
    containers = {one["name"]: one for one in web.module("network_info")["containers"]}
    assert containers["nginx"]["forwarding"], "between web and the card"
    assert not containers["client"]["forwarding"], "there is nothing behind it"


def test_published_ports(web):
    ports = web.module("network_info")["nat_ports"]
    assert {"protocol": "tcp", "host_ip": None, "host_port": 8080, "to_address": "172.30.0.2", "to_port": 80,
            "bridge": "br-web"} in ports  # fmt: skip
    assert len(ports) == 2


def test_internal_and_icc_are_told(web):
    web.module("bridge_policy", bridge="br-web", subnets=["172.30.0.0/16"], internal=True, icc=False, masquerade=False)
    (network,) = web.module("network_info")["networks"]
    assert network["Internal"] and not network["Options"]["icc"] and not network["Options"]["masquerade"]
    assert not network["EnableIPv6"]


def test_what_else_the_host_has(web):
    web.sh(
        "ip netns add foreign; ip link add theirs type bridge; ip address add 192.0.2.1/24 dev theirs;"
        "ip link set theirs up"
    )
    web.sh("ip route add 203.0.113.0/24 via 192.0.2.9 dev theirs onlink")
    pid = packets.listen(web, 9999)
    live = web.module("network_info")
    interfaces = {one["name"]: one for one in live["host"]["interfaces"]}
    assert interfaces["theirs"]["addresses"] == ["192.0.2.1/24"] and not interfaces["theirs"]["ours"]
    assert interfaces["br-web"]["ours"]
    routes = [(one["to"], one["via"], one["dev"]) for one in live["host"]["routes"]]
    assert ("203.0.113.0/24", "192.0.2.9", "theirs") in routes and ("192.0.2.0/24", None, "theirs") in routes
    assert [(one["protocol"], one["port"], one["pid"]) for one in live["host"]["listeners"]] == [("tcp", 9999, pid)]
    assert "foreign" in live["host"]["namespaces"]
    assert "foreign" not in [one["name"] for one in live["containers"]]
    assert "theirs" not in [one["name"] for one in live["bridges"]] + [one["Id"] for one in live["networks"]]


def test_it_is_read_from_the_kernel(web):
    before = web.module("network_info")
    web.sh("mv /run/virtnet /run/gone")
    after = web.module("network_info")
    assert (after["networks"], after["bridges"], after["nat_ports"]) == (
        before["networks"],
        before["bridges"],
        before["nat_ports"],
    )
    web.sh("ip -n nginx address flush dev eth0; ip -n nginx address add 172.30.0.77/16 dev eth0")
    (network,) = web.module("network_info")["networks"]
    assert network["Containers"]["nginx"]["IPv4Address"] == "172.30.0.77/16"


def test_rubbish_on_the_host_is_no_harm(web):
    before = web.module("network_info")
    web.sh(
        ": >/run/netns/leftover; mkdir /run/netns/folder; ln -s /nowhere /run/netns/dangling; nft add table inet theirs"
    )
    web.sh("ip link add v9 type veth peer name eth9 netns batch; ip link set v9 alias 'virtnet not=ours really'")
    web.sh("ip link set br-web alias \"$(cat /sys/class/net/br-web/ifalias) aux_addresses=a/b+c ip_range=nonsense\"")
    after = web.module("network_info")
    for what in ("networks", "bridges", "nat_ports"):
        assert after[what] == before[what]
    assert sorted(one["name"] for one in after["containers"]) == sorted(one["name"] for one in before["containers"])
    assert policy("br0")["bridge"] not in str(after)
