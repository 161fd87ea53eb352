# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who reaches whom over the lab's hosts, whichever of them and whatever containers there are, as seen over SSH."""

from __future__ import annotations

import functools
import itertools
import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest
import testinfra

LAB = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"], "lab")
HOSTS = sorted(json.loads((LAB / "inventory.json").read_text())["lab"]["hosts"])
OUTSIDE = "10.99.255.254"
SERVE = "import http.server as h; h.HTTPServer(('', {}), h.SimpleHTTPRequestHandler).serve_forever()"
ASK = "import urllib.request as u; print(u.urlopen('http://{}/', timeout=3).status)"
SEES = (
    "import socket as s; l = s.create_server(('', {port})); open('/run/{port}.ready', 'w').close(); c, a = l.accept();"
    "open('/run/{port}.seen', 'w').write(a[0])"
)


@functools.cache
def over_ssh(name):
    return testinfra.get_host(f"ssh://{name}", ssh_config=str(LAB / "ssh_config"))


@functools.cache
def containers(network):
    """(host, container) -> address, of all containers on the network."""
    found = {}
    for name in HOSTS:
        for one in json.loads(over_ssh(name).check_output("ip -json netns list") or "[]"):
            link = json.loads(over_ssh(name).check_output(f"ip -netns {one['name']} -json -4 address show dev eth0"))
            address = link[0]["addr_info"][0]["local"]
            if address.startswith(network):
                found[name, one["name"]] = address
    return found


@functools.cache
def vtep(host):
    """The host's address on the underlay, as its tunnel has it: IPv6 in the end."""
    shown = json.loads(over_ssh(host).check_output("ip -json -details link show dev vx-fabric"))
    tunnel = shown[0]["linkinfo"]["info_data"]
    return tunnel.get("local") or tunnel["local6"]


def is_over_ipv6():
    return ":" in vtep("h1")


def within(who, command):
    host, container = who
    prefix = f"ip netns exec {container} " if container else ""
    return over_ssh(host).run(prefix + command)


def pings(who, address, options="-W2"):
    return within(who, f"ping -nqc1 {options} {address}").rc == 0


def serve(who, port=80):
    """A server in a container; it stays."""
    host, container = who
    run = f"ip netns exec {container} python3 -c {shlex.quote(SERVE.format(port))}"
    if within(who, f"ss -Hltn sport = :{port}").stdout.strip() == "":
        over_ssh(host).run_test(f"setsid {run} >/dev/null 2>&1 </dev/null &")
        listens = f"ip netns exec {container} ss -Hltn sport = :{port} | grep -q ."
        over_ssh(host).run_test(f"until {listens}; do sleep 0.05; done")


def asks(who, where):
    return within(who, f"python3 -c {shlex.quote(ASK.format(where))}").stdout.strip() == "200"


def on(host):
    """Some container of the host."""
    return next(who for who in containers("10.42.") if who[0] == host)


@pytest.fixture
def capture():
    """A function that starts tcpdump on the underlay, and one that ends it and gives its lines."""
    outside = over_ssh("outside")

    def start(expression):
        outside.run_test("rm -f /run/frames.*")
        command = f"tcpdump --immediate-mode -Uni underlay -w /run/frames.pcap {expression} 2>/run/frames.log"
        outside.run_test(f"setsid sh -c 'echo $$ >/run/frames.pid; exec {command}' >/dev/null 2>&1 </dev/null &")
        outside.run_test("until grep -q 'listening on' /run/frames.log; do sleep 0.05; done")

    def stop():
        outside.run_test("kill $(cat /run/frames.pid); while kill -0 $(cat /run/frames.pid); do sleep 0.05; done")
        return outside.run("tcpdump -enr /run/frames.pcap 2>/dev/null").stdout

    return start, stop


def lost(command):
    """The pairs of containers, both ways, for which a command of the one with the other's address fails."""
    found = []
    addresses = containers("10.42.")
    for name in HOSTS:
        lines = []
        for one, other in itertools.permutations(addresses, 2):
            if one[0] == name:
                asked = f"ip netns exec {one[1]} {command.format(addresses[other])} >/dev/null 2>&1"
                lines.append(f"{asked} || echo {one[1]} {'/'.join(other)}")
        found += [f"{name}/{line}" for line in over_ssh(name).check_output("\n".join(lines)).splitlines()]
    return found


def test_all_pairs_ping_both_ways():
    assert len(containers("10.42.")) >= 5
    assert lost("ping -nqc1 -W2 {}") == []


def test_all_pairs_reach_a_server():
    for other in containers("10.42."):
        serve(other)
    assert lost(f"python3 -c {shlex.quote(ASK)}") == []


def test_a_hundred_megabytes_and_their_checksum():
    one, other = on("h1"), on("h2")
    over_ssh("h2").run_test("mkdir -p /srv && head -c 100000000 /dev/urandom >/srv/file")
    script = "import os; os.chdir('/srv'); " + SERVE.format(81)
    run = f"ip netns exec {other[1]} python3 -c {shlex.quote(script)}"
    over_ssh("h2").run_test(f"setsid {run} >/dev/null 2>&1 </dev/null &")
    over_ssh("h2").run_test(f"until ip netns exec {other[1]} ss -Hltn sport = :81 | grep -q .; do sleep 0.05; done")
    take = f"import urllib.request as u; u.urlretrieve('http://{containers('10.42.')[other]}:81/file', '/run/file')"
    assert within(one, f"python3 -c {shlex.quote(take)}").rc == 0
    sums = [over_ssh("h1").check_output("sha256sum </run/file"), over_ssh("h2").check_output("sha256sum </srv/file")]
    assert sums[0] == sums[1]
    over_ssh("h1").run_test("rm /run/file")


def test_frames_are_encapsulated_between_vteps(capture):
    start, stop = capture
    one, other = on("h1"), on("h2")
    start("udp port 4789")
    assert pings(one, containers("10.42.")[other])
    output = stop()
    assert f"{vtep('h1')}." in output and f"> {vtep('h2')}.4789: VXLAN, flags [I] (0x08), vni 4242" in output
    assert f"{containers('10.42.')[one]} > {containers('10.42.')[other]}: ICMP echo request" in output


def test_no_arp_on_the_underlay(capture):
    start, stop = capture
    for name in HOSTS:
        over_ssh(name).run_test("for one in $(ls /run/netns); do ip -n $one neigh flush all; done")
    start("udp port 4789")
    for one, other in itertools.permutations([on(name) for name in HOSTS], 2):
        assert pings(one, containers("10.42.")[other])
    assert not pings(on("h1"), "10.42.77.77", "-W0.5")
    output = stop()
    assert "ICMP echo request" in output
    assert "ARP" not in output and "10.42.77.77" not in output and "ff:ff:ff:ff:ff:ff" not in output


def test_overlays_are_isolated():
    apart = containers("10.43.")
    assert pings(("h2", "apart"), apart["h3", "apart"])
    assert not pings(on("h1"), apart["h3", "apart"], "-W0.5")
    assert not pings(("h2", "apart"), containers("10.42.")[on("h1")], "-W0.5")


def test_the_mtu_is_exact():
    there = containers("10.42.")[on("h2")]
    fits = 1400 - (70 if is_over_ipv6() else 50) - 28  # of the third host's NIC: the tunnel's headers, and the ping's
    assert pings(on("h1"), there, f"-Mdo -s{fits}")
    assert not pings(on("h1"), there, f"-Mdo -w1 -s{fits + 1}")


def test_egress_uses_the_hosts_address():
    outside = over_ssh("outside")
    outside.run_test("rm -f /run/7000.*")
    outside.run_test(f"setsid python3 -c {shlex.quote(SEES.format(port=7000))} >/dev/null 2>&1 </dev/null &")
    outside.run_test("until test -e /run/7000.ready; do sleep 0.05; done")
    connect = f"import socket; socket.create_connection(('{OUTSIDE}', 7000), 3)"
    assert within(on("h3"), f"python3 -c {shlex.quote(connect)}").rc == 0
    outside.run_test("until test -s /run/7000.seen; do sleep 0.05; done")
    assert outside.check_output("cat /run/7000.seen") == "10.99.0.3"


def test_a_published_port():
    serve(("h2", "c5"))
    assert asks(("outside", None), "10.99.0.2:8080")
    assert asks(on("h1"), "10.99.0.2:8080")
    assert not asks(("outside", None), "10.99.0.1:8080")


def test_an_isolated_host_recovers():
    one, near, far = on("h1"), containers("10.42.")[on("h2")], containers("10.42.")[on("h3")]
    outside = over_ssh("outside")
    outside.run_test("ip link set dev h3 down")
    try:
        assert not pings(one, far, "-W0.5")
        assert pings(one, near)
    finally:
        outside.run_test("ip link set dev h3 up")
    assert any(pings(one, far, "-W0.5") for _attempt in range(20))


def play(directory, extra, limit):
    """What a run on some hosts prints, with one container more, or less, on the first."""
    declared = [{"name": name, "networks": ["fabric"]} for host, name in containers("10.42.") if host == "h1"]
    (directory / "host_vars").mkdir(parents=True, exist_ok=True)
    (directory / "host_vars" / "h1.json").write_text(json.dumps({"overlay_network_containers": [*declared, extra]}))
    (directory / "hosts.yml").write_text("overlay:")
    inventories = (LAB / "inventory.json", Path(__file__).parents[1] / "inventory", directory)
    underlay = {"overlay_network_vtep": "{{ lab_address6 }}" if is_over_ipv6() else "{{ lab_address }}"}
    command = ["ansible-playbook", *(f"--inventory={one}" for one in inventories), "-e", json.dumps(underlay)]
    command += ["--limit", limit, "virtnet.linux.overlay_network"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return " ".join((done.stdout + done.stderr).split())  # older versions of ansible-core wrap a warning's lines


def test_a_limited_run_reports_hosts_that_lack_entries_and_their_run_completes(tmp_path):
    extra, others = {"name": "more", "networks": ["fabric"]}, HOSTS[1:]
    there = containers("10.42.")[on("h2")]
    try:
        output = play(tmp_path, extra, "h1")
        assert f"now lacking entries: {', '.join(others)}." in output and f"--limit {','.join(others)}" in output
        assert not pings(("h1", "more"), there, "-W0.5")
        assert pings(on("h1"), there)
        assert "now lacking" not in play(tmp_path, extra, ",".join(others))
        assert pings(("h1", "more"), there)
    finally:
        play(tmp_path, {"name": "more", "state": "absent"}, "all")
