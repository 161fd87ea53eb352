# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fabric over three hosts: reachability, and the traffic on the underlay, IPv4 and IPv6."""

from __future__ import annotations

import ipaddress
import itertools
import sys

import pytest
from integration.firewall import frames
from integration.overlay.fabric_lab import FILES, lab_in, on, recap, wait

ALL = [("h1", "c1"), ("h1", "c3"), ("h2", "c4"), ("h2", "c5"), ("h3", "c1")]
VNI, GATEWAY_MAC = 4242, "02:42:0a:2a:00:01"
MTU = {4: 1350, 6: 1330}


UNDERLAYS = [pytest.param(4, id="IPv4 underlay"), pytest.param(6, id="IPv6 underlay", marks=pytest.mark.long)]


@pytest.fixture(scope="module", params=UNDERLAYS)
def fabric(request, tmp_path_factory):
    """The second host's NIC has an MTU of 1400."""
    hosts = [{"name": "h1"}, {"name": "h2", "mtu": 1400}, {"name": "h3"}]
    with lab_in(tmp_path_factory.mktemp("overlay") / "fabric") as lab:
        lab.version = request.param
        lab.make(hosts=hosts)
        lab.containers("h1", on("fabric", name="c1"), on("fabric", "other", name="c3"))
        lab.containers(
            "h2", on("fabric", name="c4"), on("fabric", name="c5", ports=["8080:80"]), on("other", name="c9")
        )
        lab.containers("h3", on("fabric", name="c1"), on("other", name="c9"))
        for number, name in enumerate(lab.declared, start=1):
            vtep = f"10.99.0.{number}" if lab.version == 4 else f"fd99::{number}"
            lab.declared[name]["overlay_network_vtep"] = vtep
        lab.first = lab.play()
        lab.addresses = {
            (host, container, version): lab.address(host, container, "fabric", version)
            for (host, container), version in itertools.product(ALL, (4, 6))
        }
        yield lab


def pairs():
    return [(one, other) for one in ALL for other in ALL if one != other]


def test_runs_are_idempotent(fabric):
    assert all(host["changed"] for name, host in recap(fabric.first).items())
    for options in ((), ("--check", "--diff"), ("--forks", "1")):
        assert not any(host["changed"] for host in recap(fabric.play(*options)).values())


@pytest.mark.parametrize("version", [4, 6])
def test_every_container_pings_every_other(fabric, version):
    for (host, container), other in pairs():
        assert fabric.ping(host, container, fabric.addresses[(*other, version)]), (host, container, other)


@pytest.mark.parametrize("version", [4, 6])
def test_every_container_reaches_a_server_in_every_other(fabric, version):
    for there in ALL:
        address = fabric.addresses[(*there, version)]
        shown = f"[{address}]" if version == 6 else address
        with fabric.server(*there, "hello.py", "serve", "-".join(there), "::" if version == 6 else "0.0.0.0", "80"):
            for here in ALL:
                if here != there:
                    output = f"Hello from {'-'.join(there)}, you are {fabric.addresses[(*here, version)]}"
                    assert fabric.ask(*here, f"http://{shown}/") == output


def test_a_hundred_megabytes_arrive_intact(fabric):
    with fabric.server("h2", "c5", "pour.py", "take", "0.0.0.0", "9999"):
        script = (FILES / "pour.py").read_text()
        to = fabric.addresses["h2", "c5", 4]
        done = fabric.within("h1", "c3", sys.executable, "-c", script, "give", to, "9999", "100")
        assert "100 MiB, checksum right" in done.stdout


def test_frames_are_encapsulated_between_vteps(fabric):
    here, there = fabric.addresses["h1", "c3", 4], fabric.addresses["h2", "c5", 4]
    with fabric.capture("udp") as lines:
        assert fabric.ping("h1", "c3", there)
    outer, inner = lines[:2]
    hosts = ("10.99.0.1", "10.99.0.2") if fabric.version == 4 else ("fd99::1", "fd99::2")
    assert f"{hosts[0]}." in outer and f"> {hosts[1]}.4789: VXLAN, flags [I] (0x08), vni {VNI}" in outer
    assert f"{here} > {there}: ICMP echo request" in inner
    assert "vni 77" not in "".join(lines)


def test_no_bum_traffic_leaves_a_host(fabric):
    """ARP, neighbour discovery, unknown unicast, multicast, and the gateway's own frames: none of them."""
    expression = "udp port 4789" if fabric.version == 4 else "ip6 and udp port 4789"
    for host, _container in ALL:
        fabric.sh(host, "for one in $(ls /run/netns); do ip -n $one neigh flush all; done")
    with fabric.capture(expression) as lines:
        for (host, container), other in itertools.islice(pairs(), 6):
            for version in (4, 6):
                assert fabric.ping(host, container, fabric.addresses[(*other, version)])
        for address in ("10.42.200.200", "fd42::200", "ff02::1%eth0", "10.42.0.1", "fd42::1"):
            fabric.ping("h1", "c1", address, "-W0.3")
        fabric.within("h1", "c1", "ping", "-bc1", "-W0.3", "10.42.255.255", check=False)
        # a host reaches its own containers only
        assert fabric.ping("h1", None, fabric.addresses["h1", "c1", 4])
        assert not fabric.ping("h1", None, fabric.addresses["h2", "c5", 4], "-W0.3")
    text = "\n".join(lines)
    assert "ICMP echo reply" in text and "echo reply" in text
    for word in (
        "ARP",
        "neighbor",
        "router",
        "multicast",
        "ff:ff:ff:ff:ff:ff",
        "33:33:",
        "10.42.200",
        "fd42::200",
        GATEWAY_MAC,
    ):
        assert word not in text


@pytest.mark.parametrize("version", [4, 6])
def test_the_mtu_is_exact(fabric, version):
    there = fabric.addresses["h2", "c5", version]
    fits = MTU[fabric.version] - (28 if version == 4 else 48)
    assert fabric.ping("h1", "c3", there, "-Mdo", f"-s{fits}")
    assert not fabric.ping("h1", "c3", there, "-Mdo", "-w1", f"-s{fits + 1}")


def test_two_overlays_are_isolated(fabric):
    other = fabric.address("h2", "c9", "other")
    assert fabric.ping("h1", "c3", other)  # is on both
    assert fabric.ping("h3", "c9", other)
    assert not fabric.ping("h1", "c1", other, "-W0.3")
    assert not fabric.ping("h2", "c5", other, "-W0.3")
    assert not fabric.ping("h3", "c9", fabric.addresses["h1", "c1", 4], "-W0.3")


def test_egress_uses_the_containers_own_host(fabric):
    with fabric.server("outside", None, "hello.py", "serve", "outside", "0.0.0.0", "8000"):
        for number, (host, container) in enumerate([("h1", "c1"), ("h2", "c5"), ("h3", "c1")], start=1):
            assert (
                fabric.ask(host, container, "http://10.99.255.254:8000/")
                == f"Hello from outside, you are 10.99.0.{number}"
            )


def test_a_published_port_works_on_the_host_that_has_the_container(fabric):
    with fabric.server("h2", "c5", "hello.py", "serve", "c5", "0.0.0.0", "80"):
        assert fabric.ask("outside", None, "http://10.99.0.2:8080/") == "Hello from c5, you are 10.99.255.254"
        assert fabric.ask("h2", None, "http://127.0.0.1:8080/")
        assert fabric.ask("h1", None, "http://10.99.0.2:8080/") == "Hello from c5, you are 10.99.0.1"
        assert fabric.ask("h3", "c1", "http://10.99.0.2:8080/") == "Hello from c5, you are 10.99.0.3"
        assert fabric.ask("outside", None, "http://10.99.0.1:8080/") is None


SEND = "import socket, sys; socket.socket({4: socket.AF_INET, 6: socket.AF_INET6}[int(sys.argv[1])], " \
       "socket.SOCK_DGRAM).sendto(bytes.fromhex(sys.argv[3]), (sys.argv[2], 4789))"  # fmt: skip


def test_frames_of_a_host_outside_the_group_are_dropped(fabric):
    """A datagram for a container's port, in a frame for the network, from a host and from another host's container."""
    there, near = fabric.addresses["h1", "c1", 4], fabric.addresses["h3", "c1", 4]
    inner = frames.udp(near, there, "02:42:0a:2a:00:99", "02:42:" + ipaddress.ip_address(there).packed.hex(":"), 9)
    vtep = "10.99.0.1" if fabric.version == 4 else "fd99::1"
    sent = [str(fabric.version), vtep, frames.vxlan(VNI, inner).hex()]

    def refused():
        """Datagrams for ports of c1's without a process."""
        head, numbers = (line.split() for line in
                         fabric.within("h1", "c1", "grep", "^Udp:", "/proc/net/snmp").stdout.splitlines())  # fmt: skip
        return int(numbers[head.index("NoPorts")])

    before = refused()
    fabric.within("outside", None, sys.executable, "-c", SEND, *sent)
    fabric.within("h2", "c5", sys.executable, "-c", SEND, *sent, check=False)
    assert fabric.ping("h2", "c5", there)  # later than what was sent
    assert refused() == before
    fabric.within("h2", None, sys.executable, "-c", SEND, *sent)
    wait(lambda: refused() == before + 1)


def test_an_isolated_host_affects_no_other_and_recovers(fabric):
    """Its link down, and up again: nothing is run after that."""
    far, near = fabric.addresses["h3", "c1", 4], fabric.addresses["h2", "c5", 4]
    fabric.sh("outside", "ip link set dev h3 down")
    assert not fabric.ping("h1", "c1", far, "-W0.5")
    assert fabric.ping("h1", "c1", near)
    fabric.sh("outside", "ip link set dev h3 up")
    wait(lambda: fabric.ping("h1", "c1", far, "-W0.5"))
    assert not any(host["changed"] for host in recap(fabric.play()).values())


def test_the_gateway_is_the_same_on_every_host(fabric):
    for host in ("h1", "h2", "h3"):
        shown = fabric.sh(host, "ip -o link show br-fabric; ip -o address show br-fabric")
        assert GATEWAY_MAC in shown and "10.42.0.1/16" in shown and "fd42::1/64" in shown


def test_the_gateway_replies_to_its_own_hosts_containers_only(fabric):
    for host, container in ALL:
        assert fabric.ping(host, container, "10.42.0.1") and fabric.ping(host, container, "fd42::1"), (host, container)
    for host in ("h2", "h3"):  # c9 is on the network other alone
        assert fabric.ping(host, "c9", "10.43.0.1")
        assert not fabric.ping(host, "c9", "10.42.0.1", "-W0.5")
    assert not fabric.ping("h1", "c1", "10.43.0.1", "-W0.5")


def test_network_info_reports_an_overlay(fabric):
    live = fabric.live("h1")
    network = next(one for one in live["networks"] if one["Name"] == "fabric")
    assert (network["Driver"], network["Scope"], network["Labels"]["vni"]) == ("overlay", "global", "4242")
    tunnel = next(one for one in live["tunnels"] if one["name"] == "vx-fabric")
    assert tunnel["entries"] == 3
