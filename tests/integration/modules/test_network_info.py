# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module network_info: the keys of `docker network inspect` and the columns of `brctl show`, from the kernel."""

from __future__ import annotations

import calendar
import json
import re
import subprocess
import time

import pytest

from kit import packets, snapshot, topologies
from kit.topologies import policy

MAC = "02:42:ac:1e:00:01"
ID = re.compile(r"[0-9a-f]{64}")
# what scripts for `docker network inspect web` do, found in public repositories, and what they get of the network below
JQ = {
    ".[0].Id[:12] | test(\"^[0-9a-f]{12}$\")": "true",
    ".[0].IPAM.Config[0].Gateway": "172.30.0.1",
    ".[].IPAM.Config[].Subnet": "172.30.0.0/16\nfd00:30::/64",
    ".[0].Containers | to_entries[] | select(.value.Name == \"nginx\") | .value.IPv4Address | sub(\"/.*\"; \"\")":
        "172.30.0.2",
    ".[0].Containers | length": "2",
    ".[0].Options.\"com.docker.network.bridge.name\"": "br-web",
    ".[0].Options[\"com.docker.network.driver.mtu\"] | tonumber": "1400",
    ".[] | select(.Internal == false and .Driver == \"bridge\") | .Name": "web",
    ".[0].Created | fromdateiso8601 | . > 1700000000": "true",
    ".[0] | .Attachable, .Ingress, .ConfigOnly, .ConfigFrom.Network == \"\"": "false\nfalse\nfalse\ntrue",
}  # fmt: skip


@pytest.fixture
def web(host):
    """One network with two containers, one of them published, beside foreign objects."""
    document = topologies.with_outside()
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


def test_a_bridge_without_rules_is_not_reported_as_missing_them(host):
    host.module("bridge", name="br-lab", addresses=["10.77.0.1/24"])
    assert host.module("network_info")["host"]["warnings"] == []


def test_an_empty_host(host):
    before = host.snapshot()
    live = host.module("network_info")
    assert live["networks"] == live["bridges"] == live["containers"] == live["nat_ports"] == []
    assert live["host"]["interfaces"][0]["name"] == "lo"
    assert not live["changed"]
    snapshot.same(before, host.snapshot())


def test_networks_have_dockers_keys(web):
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


def test_bridges_have_brctls_columns(web):
    web.module("bridge", name="lab", netns="batch", stp=True)
    assert web.module("network_info")["bridges"] == [
        {"name": "br-web", "netns": None, "id": "8000.0242ac1e0001", "stp": False,
         "driver": "linux", "labels": {"network": "web", "role": "bridge_network"},
         "interfaces": ["veth-client", "veth-nginx"]},
        {"name": "lab", "netns": "batch", "id": "8000." + web.links("batch")["lab"]["address"].replace(":", ""),
         "stp": True, "driver": "linux", "labels": {}, "interfaces": []},
    ]  # fmt: skip


def test_a_bridges_id_begins_with_its_priority(web):
    web.change("bridge", name="sw0", stp=True, priority=4096)
    ids = {one["name"]: one["id"] for one in web.module("network_info")["bridges"]}
    for name, reported in ids.items():
        assert reported == web.sh("cat /sys/class/net/%s/bridge/bridge_id" % name).strip()
    assert ids["sw0"].startswith("1000.")


def test_containers_with_mode_and_labels(web):
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


def test_a_router_forwards_between_two_networks_or_a_network_and_a_nic(web):
    web.sh("ip link add enp3s0 type veth peer name far; ip link set enp3s0 up")
    web.module("netns", name="client", forwarding=True)
    web.module("netns", name="nginx", forwarding=True)
    web.module("interface", device="enp3s0", netns="nginx", name="wan", addresses=["203.0.113.7/24"])
    containers = {one["name"]: one for one in web.module("network_info")["containers"]}
    assert containers["nginx"]["forwarding"], "between web and the NIC"
    assert not containers["client"]["forwarding"], "there is nothing behind it"


def test_published_ports(web):
    ports = web.module("network_info")["nat_ports"]
    assert {"protocol": "tcp", "host_ip": None, "host_port": 8080, "to_address": "172.30.0.2", "to_port": 80,
            "bridge": "br-web"} in ports  # fmt: skip
    assert len(ports) == 2


def test_internal_and_icc_are_reported(web):
    web.module("bridge_policy", bridge="br-web", subnets=["172.30.0.0/16"], internal=True, icc=False, masquerade=False)
    (network,) = web.module("network_info")["networks"]
    assert network["Internal"] and not network["Options"]["icc"] and not network["Options"]["masquerade"]
    assert not network["EnableIPv6"]


def test_host_interfaces_routes_and_listeners(web):
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


def test_state_is_read_from_the_kernel(web):
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


def test_unexpected_host_state_is_tolerated(web):
    before = web.module("network_info")
    web.sh(
        ": >/run/netns/leftover; mkdir /run/netns/folder; ln -s /nowhere /run/netns/dangling; nft add table inet theirs"
    )
    web.sh("ip link add v9 type veth peer name eth9 netns batch; ip link set v9 alias 'virtnet not=ours really'")
    web.sh('ip link set br-web alias "$(cat /sys/class/net/br-web/ifalias) aux_addresses=a/b+c ip_range=nonsense"')
    after = web.module("network_info")
    for one in (*before["bridges"], *after["bridges"]):
        del one["labels"]  # of the alias that was just changed
    for what in ("networks", "bridges", "nat_ports"):
        assert after[what] == before[what]
    assert sorted(one["name"] for one in after["containers"]) == sorted(one["name"] for one in before["containers"])
    assert policy("br0")["bridge"] not in str(after)


@pytest.fixture
def docker(web):
    """The same as Docker prints it."""
    return web.module("network_info", docker_format=True)["docker"]


def is_text(things):
    return all(isinstance(key, str) and isinstance(value, str) for key, value in things.items())


def test_docker_format_returns_dockers_documents(web):
    plain, both = web.module("network_info"), web.module("network_info", docker_format=True)
    both.pop("docker")
    assert plain == both, "what others read stays as it is"


@pytest.mark.parametrize("query", JQ)
def test_scripts_for_docker_inspect_run_unchanged(docker, query):
    printed = json.dumps(docker["networks"])
    done = subprocess.run(["jq", "-r", query], input=printed, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == JQ[query]


def test_ids_have_dockers_form_and_are_stable(web, docker):
    (network,) = docker["networks"]
    found = [network["Id"], *network["Containers"], *(one["EndpointID"] for one in network["Containers"].values())]
    assert all(ID.fullmatch(one) for one in found) and len(set(found)) == len(found) == 5
    containers = {one["Name"]: one for one in docker["containers"]}
    assert set(network["Containers"]) == {containers["/nginx"]["Id"], containers["/client"]["Id"]}
    (attached,) = containers["/nginx"]["NetworkSettings"]["Networks"].items()
    assert attached[0] == "web" and attached[1]["NetworkID"] == network["Id"]
    assert attached[1]["EndpointID"] == network["Containers"][containers["/nginx"]["Id"]]["EndpointID"]
    web.sh("mv /run/virtnet /run/gone; ip link set br-web down; ip link set br-web up; nft flush ruleset")
    assert web.module("network_info", docker_format=True)["docker"]["networks"][0]["Id"] == network["Id"]
    web.sh("echo another >/run/machine-id; mount --bind /run/machine-id /etc/machine-id")
    assert web.module("network_info", docker_format=True)["docker"]["networks"][0]["Id"] != network["Id"]


def test_created_is_the_creation_time_and_stable(host):
    began = int(time.time()) - 1
    host.module("netns", name="box")
    host.module("bridge", name="br-lab", addresses=["10.77.0.1/24"], labels={"network": "lab"})
    host.module("bridge", name="br-alone", labels={"network": "alone"})

    def created():
        reported = host.module("network_info", docker_format=True)["docker"]
        return {one["Name"]: one["Created"] for one in reported["networks"] + reported["containers"]}

    before = created()
    ended = time.time() + 1
    for name in ("lab", "/box"):
        seconds = calendar.timegm(time.strptime(before[name], "%Y-%m-%dT%H:%M:%SZ"))
        assert began <= seconds <= ended, (name, before)
    assert before["alone"] == "0001-01-01T00:00:00Z", "the kernel remembers no time for it"
    while time.time() < ended + 1:  # a time that is taken anew each time would be another one by now
        time.sleep(0.1)
    host.sh("ip link set br-lab mtu 1400; ip address add 10.77.0.9/24 dev br-lab; ip netns exec box true")
    assert created() == before


def test_labels_and_options_are_strings(web):
    web.module("bridge_policy", bridge="br-web", subnets=["172.30.0.0/16", "fd00:30::/64"], icc=False, masquerade=False,
               gateway_mode6="routed", trusted_interfaces=["outside0", "eth9"])  # fmt: skip
    (network,) = web.module("network_info", docker_format=True)["docker"]["networks"]
    assert is_text(network["Options"]) and is_text(network["Labels"])
    bridge = "com.docker.network.bridge."
    assert {key: value for key, value in network["Options"].items() if key.startswith("com.")} == {
        bridge + "name": "br-web", bridge + "enable_icc": "false", bridge + "enable_ip_masquerade": "false",
        bridge + "host_binding_ipv4": "0.0.0.0", bridge + "gateway_mode_ipv4": "nat",
        bridge + "gateway_mode_ipv6": "routed", bridge + "trusted_host_interfaces": "eth9:outside0",
        "com.docker.network.driver.mtu": "1400",
    }  # fmt: skip
    assert network["Options"]["icc"] == "false" and network["Options"]["trusted_interfaces"] == "eth9:outside0"


def test_published_ports_as_docker_inspect_prints_them(web):
    pid = web.start("sleep", "infinity", netns="nginx")
    docker = web.module("network_info", docker_format=True)["docker"]
    containers = {one["Name"][1:]: one for one in docker["containers"]}
    nginx = containers["nginx"]
    assert nginx["NetworkSettings"]["Ports"] == {
        "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}],
        "443/tcp": [{"HostIp": "::1", "HostPort": "8443"}],
    }
    assert nginx["HostConfig"]["PortBindings"]["80/tcp"] == [{"HostIp": "", "HostPort": "8080"}]
    assert nginx["NetworkSettings"]["IPAddress"] == "172.30.0.2" and nginx["NetworkSettings"]["IPPrefixLen"] == 16
    assert nginx["State"] == {"Status": "running", "Running": True, "Pid": pid}
    inside = web.sh("nsenter --net=%s ip -br address show eth0" % nginx["NetworkSettings"]["SandboxKey"])
    assert " 172.30.0.2/16 " in inside, inside
    assert containers["sidecar"]["HostConfig"]["NetworkMode"] == "container:" + nginx["Id"]
    assert containers["sidecar"]["State"]["Pid"] == pid, "they share the namespace"
    modes = {name: one["HostConfig"]["NetworkMode"] for name, one in containers.items()}
    assert (modes["nginx"], modes["batch"], modes["agent"]) == ("web", "none", "host")
    rows = {row["Names"]: row for row in docker["container_ls"]}
    assert rows["nginx"]["ID"] == nginx["Id"][:12] and is_text(rows["nginx"])
    assert rows["nginx"]["Ports"] == "0.0.0.0:8080->80/tcp, [::1]:8443->443/tcp"
    assert (rows["nginx"]["State"], rows["batch"]["State"]) == ("running", "created")
    (row,) = docker["network_ls"]
    assert is_text(row) and row["ID"] == docker["networks"][0]["Id"][:12]
    assert (row["Name"], row["Driver"], row["Scope"]) == ("web", "bridge", "local")


def test_allowed_ports_of_a_routed_network_have_no_host_port(web):
    web.module("bridge_policy", bridge="br-web", subnets=["172.30.0.0/16", "fd00:30::/64"], gateway_mode="routed")
    for address in ("172.30.0.2", "fd00:30::2"):
        web.module("nat_port", to_address=address, to_port="81", bridge="br-web")
    docker = web.module("network_info", docker_format=True)["docker"]
    (nginx,) = [one for one in docker["containers"] if one["Name"] == "/nginx"]
    assert nginx["NetworkSettings"]["Ports"]["81/tcp"] == [
        {"HostIp": "0.0.0.0", "HostPort": ""}, {"HostIp": "::", "HostPort": ""},
    ]  # fmt: skip
    (row,) = [one for one in docker["container_ls"] if one["Names"] == "nginx"]
    assert "81/tcp" in row["Ports"].split(", ") and "->81" not in row["Ports"]
