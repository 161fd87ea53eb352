# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The result of the role on the lab host, as seen over SSH."""

from __future__ import annotations

import json
import os

import pytest
import testinfra

LAB = os.environ["MOLECULE_EPHEMERAL_DIRECTORY"] + "/lab"
SERVER = "setsid ip netns exec nginx python3 -m http.server --directory /etc/netns 80 >/dev/null 2>&1 </dev/null &"
ASK = "python3 -c 'import urllib.request as u; print(u.urlopen(\"http://%s/\", timeout=5).status)'"


@pytest.fixture(scope="module")
def host():
    return testinfra.get_host("ssh://h1", ssh_config=LAB + "/ssh_config")


@pytest.fixture(scope="module")
def nginx(host):
    """The host, with a server in the container nginx."""
    host.run_test("mkdir -p /etc/netns; " + SERVER)
    host.run_test("until ip netns exec nginx ss -Hltn sport = 80 | grep -q .; do :; done")
    return host


def answers(host, who, where):
    within = "ip netns exec %s " % who if who else ""
    return host.run(within + ASK % where).stdout.strip() == "200"


def test_every_container_has_a_namespace_by_its_name(host):
    found = {one["name"] for one in json.loads(host.check_output("ip -json netns list"))}
    assert found == {"nginx", "client", "db", "batch", "sidecar", "agent"}


def test_the_bridges_and_their_addresses(host):
    assert "172.30.0.1" in host.interface("br-web").addresses
    assert "172.31.0.1" in host.interface("br-back").addresses


def test_addresses_in_order(host):
    links = json.loads(host.check_output("ip -netns nginx -json address"))
    found = {link["ifname"]: link["addr_info"][0]["local"] for link in links}
    assert found == {"lo": "127.0.0.1", "eth0": "172.30.0.2", "eth1": "172.31.0.2"}
    assert next(link for link in links if link["ifname"] == "eth0")["address"] == "02:42:ac:1e:00:02"


@pytest.mark.parametrize(
    ("who", "where"),
    [
        ("client", "172.30.0.2"),
        ("db", "172.31.0.2"),
        ("sidecar", "127.0.0.1"),
        ("agent", "127.0.0.1:8080"),
        (None, "127.0.0.1:8080"),
        ("client", "172.30.0.1:8080"),
    ],
)
def test_sources_that_reach_the_server(nginx, who, where):
    assert answers(nginx, who, where)


@pytest.mark.parametrize(("who", "where"), [("batch", "172.30.0.2"), ("db", "172.30.0.2"), ("client", "172.31.0.2")])
def test_sources_that_do_not_reach_the_server(nginx, who, where):
    assert not answers(nginx, who, where)


def test_the_external_host_reaches_the_published_port(nginx):
    address = nginx.interface("eth0").addresses[0]
    outside = testinfra.get_host("ssh://outside", ssh_config=LAB + "/ssh_config")
    assert answers(outside, None, address + ":8080")


def test_egress_has_the_hosts_address(host):
    gateway = host.check_output("ip -4 route show default").split()[2]
    assert host.run("ip netns exec client ping -c 1 -w 5 " + gateway).rc == 0
    assert host.run("ip netns exec db ping -c 1 -W 1 " + gateway).rc != 0
