# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks that read and change nothing: inspect, topology, check."""

from __future__ import annotations

import json
import xml.etree.ElementTree

import pytest

from kit.checkout import HOME

DECLARED = {
    "lab": {
        "vars": {"bridge_network_networks": [{"name": "web", "subnet": "172.30.0.0/16"}]},
        "hosts": {
            "h1": {
                "bridge_network_containers": [
                    {"name": "nginx", "networks": ["web"], "ports": ["8080:80"]},
                    {"name": "client", "networks": ["web"]},
                ]
            },
            "h2": {"bridge_network_containers": [{"name": "batch", "network_mode": "none"}]},
        },
    }
}
UP = [{"hosts": "lab", "gather_facts": False, "roles": ["virtnet.linux.bridge_network"]}]
# h1's containers are those above, and one on a network of each kind
OVERLAY = {
    "overlay": {
        "vars": {
            "overlay_network_group": "overlay",
            "overlay_network_networks": [{"name": "fabric", "subnet": "10.42.0.0/24", "vni": 42}],
        },
        "hosts": {
            "h1": {
                "bridge_network_containers": [
                    *DECLARED["lab"]["hosts"]["h1"]["bridge_network_containers"],
                    {"name": "front", "networks": ["fabric", "web"]},
                ]
            },
            "h2": {},
        },
    }
}
STATE = "ip link; ip -o address; ip route; nft -s list ruleset; ip netns; sysctl net.ipv4.ip_forward"


@pytest.fixture(scope="module")
def made(fleet):
    """The fleet with what its inventory declares."""
    fleet.inventories.append(fleet.write("declared.yml", DECLARED))
    fleet.play(UP)
    return fleet


def state_of(fleet):
    """What a run could change on the hosts, without counters and clocks."""
    return [fleet.ssh(host, STATE) for host in ("h1", "h2")]


def test_inspect_prints_a_table_of_all_hosts_for_each_kind(made):
    before = state_of(made)
    output = made.play("virtnet.linux.inspect", "--limit", "lab")
    lines = output.splitlines()
    assert "h1     web       bridge   172.30.0.0/16   172.30.0.1   br-web   2" in lines, "a table, not JSON"
    assert "h1     nginx       bridge   web 172.30.0.2               0.0.0.0:8080->80/tcp" in lines
    assert "h2     batch       none" in lines
    assert any(line.startswith("h1     br-web   8000.0242ac1e0001   no    2       veth") for line in lines), output
    assert output.count("HOST") == 3 and "Subnet" not in output, "a table for each kind that there is"
    assert "changed=1" not in output and state_of(made) == before
    output = made.play("virtnet.linux.inspect", "--limit", "lab", "--tags", "inspect")
    assert "            - Subnet 172.30.0.0/16, Gateway 172.30.0.1" in output.splitlines() and "HOST" not in output


def test_json_is_the_whole_output_with_the_callback_quiet(made, monkeypatch):
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "virtnet.linux.quiet")
    live = json.loads(made.play("virtnet.linux.inspect", "--tags", "json"))
    assert set(live) == {"h1", "h2", "outside"}
    assert live["h1"]["networks"][0]["Containers"]["nginx"]["IPv4Address"] == "172.30.0.2/16"


def test_the_callback_quiet_prints_errors(made, monkeypatch):
    monkeypatch.setenv("ANSIBLE_STDOUT_CALLBACK", "virtnet.linux.quiet")
    tasks = [
        {"name": "Fail", "ansible.builtin.fail": {"msg": "on purpose"}, "ignore_errors": True},
        {"name": "Fail again", "ansible.builtin.command": "false", "changed_when": False},
    ]
    output = made.play([{"hosts": "h1", "gather_facts": False, "tasks": tasks}], fails=True)
    (line,) = [line for line in output.splitlines() if line.startswith("h1: ")]
    assert line.startswith("h1: failed: Fail again: ") and "on purpose" not in output.partition(line)[2]
    ssh = made.write("ssh", "#!/bin/sh\nexit 255\n")
    ssh.chmod(0o755)
    tasks = [{"ansible.builtin.ping": None}]
    gone = {"hosts": "h1", "gather_facts": False, "vars": {"ansible_ssh_executable": str(ssh)}, "tasks": tasks}
    assert "h1: unreachable: " in made.play([gone], fails=True)


def test_inspect_writes_one_json_document(made):
    output = made.play("virtnet.linux.inspect", "--tags", "json", "-e", "inspect_file=%s/live.json" % made.directory)
    live = json.loads((made.directory / "live.json").read_text())
    assert set(live) == {"h1", "h2", "outside"}
    assert live["h1"]["networks"][0]["Containers"]["nginx"]["IPv4Address"] == "172.30.0.2/16"
    assert "NETWORK" not in output


def test_inspect_in_dockers_format(made):
    before = state_of(made)
    docker = ["-e", "inspect_format=docker"]
    made.play("virtnet.linux.inspect", "--tags", "json", "-e", "inspect_file=%s/docker.json" % made.directory, *docker)
    live = json.loads((made.directory / "docker.json").read_text())
    assert set(live) == {"h1", "h2", "outside"} and live["outside"]["networks"] == []
    net = live["h1"]["networks"]
    assert net[0]["IPAM"]["Config"][0]["Gateway"] == "172.30.0.1"
    assert sorted(one["IPv4Address"].split("/")[0] for one in net[0]["Containers"].values()) == [
        "172.30.0.2", "172.30.0.3"
    ]  # fmt: skip
    assert net[0]["Options"]["com.docker.network.bridge.name"] == "br-web"

    output = made.play("virtnet.linux.inspect", "--limit", "h1", "--tags", "all,inspect", *docker)
    assert '"Id": "%s"' % net[0]["Id"] in output, "the same at each run"
    assert '"ID": "%s"' % net[0]["Id"][:12] in output
    assert '"Ports": "0.0.0.0:8080->80/tcp"' in output and "br-web   8000.0242ac1e0001" in output
    assert state_of(made) == before
    output = made.play("virtnet.linux.inspect", "-e", "inspect_format=podman", fails=True)
    assert "has no attribute 'podman'" in output


def test_topology_draws_the_fleet_in_one_page(made):
    made.play("virtnet.linux.topology", "-e", "topology_directory=%s/docs" % made.directory, "-e", "topology_title=A&B")
    page = (made.directory / "docs" / "topology.html").read_text()
    svg = (made.directory / "docs" / "topology.svg").read_text()
    assert "<title>A&amp;B</title>" in page and "src=" not in page and "href=" not in page
    drawn = " ".join(xml.etree.ElementTree.fromstring(svg).itertext())
    for shown in ("h1", "h2", "nginx", "172.30.0.2", "host:8080 → 80/tcp", "batch", "br-web"):
        assert shown in drawn, shown
    assert svg[svg.index("<svg") :].strip().replace("<svg", '<svg role="img" aria-label="A&amp;B"', 1) in page
    assert "as found on the hosts" in page
    assert (made.directory / "docs" / "topology.dot").read_text().startswith("digraph")


def test_a_tall_drawing_is_not_scaled_to_one_page(made):
    page = {"src": str(HOME / "playbooks/templates/topology.html.j2"), "dest": "%s/{{ item }}.html" % made.directory}
    drawing = {"topology_title": "", "topology_svg": {"stdout": '<svg width="800pt" height="{{ item }}pt"></svg>'}}
    live = {"ansible.builtin.set_fact": {"topology_live": {"containers": []}}}
    task = {"ansible.builtin.template": page, "loop": [1000, 2000], "delegate_to": "localhost", "vars": drawing}
    made.play([{"hosts": "h1", "gather_facts": False, "tasks": [live, task]}])
    assert ["max-height: 90vh" in (made.directory / name).read_text() for name in ("1000.html", "2000.html")] == [
        True,
        False,
    ]


def test_check_passes_without_differences(made):
    before = state_of(made)
    made.play("virtnet.linux.check", "--diff")
    assert state_of(made) == before


def test_check_reports_differences_and_changes_nothing(made):
    made.ssh("h1", "ip netns delete client; ip link set br-web mtu 1400")
    made.ssh("h1", "rm /etc/netns/nginx/hosts")
    made.ssh("h2", "ip netns delete batch")
    absent = {"host_port": "8080", "to_address": "172.30.0.2", "state": "absent"}
    made.play([{"hosts": "h1", "gather_facts": False, "tasks": [{"virtnet.linux.nat_port": absent}]}])
    before = state_of(made)
    try:
        output = made.play("virtnet.linux.check", "--diff", fails=True)
        assert state_of(made) == before
    finally:
        made.play(UP)
    assert output.count("h1: port 8080 → nginx:80 missing") == 1, "once, with its host"
    assert "h1: container client missing" in output
    assert "h2: container batch missing" in output
    assert "container nginx: names and nameservers in /etc/netns/nginx" in output
    assert "network web: mtu is 1400, should be 1500" in output
    assert "veth" not in output and "nat_port" not in output
    assert "changed=1" not in output
    made.play("virtnet.linux.check")


def test_check_reports_what_is_unknown_after_an_error(made):
    wrong = {"bridge_network_networks": [{"name": "web", "subnet": "172.30.0.0/16", "mtu": 5}]}
    output = made.play("virtnet.linux.check", "--limit", "h1", "-e", json.dumps(wrong), fails=True)
    failed = output.partition("TASK [Report differences")[2]
    assert "Differences from what is declared: 1" in failed and "network web: mtu 5" in failed, output
    assert "h1: what else differs in bridge networks is not known until that is mended" in failed


def test_check_that_has_compared_nothing_fails(fleet, made):
    """Variables of a play are not visible to another playbook."""
    declared = made.inventories.pop()
    try:
        output = made.play("virtnet.linux.check", fails=True)
        assert "nothing was compared: no host of this inventory has bridge_network_networks" in output
    finally:
        made.inventories.append(declared)


def test_a_play_compares_its_own_variables(made):
    play = [{**UP[0], "vars": {"bridge_network_check": True}}]
    made.play(play, "--check")
    made.ssh("h1", "ip link set br-web mtu 1400")
    try:
        output = made.play(play, "--check", fails=True)
        assert "Differences from what is declared: 1" in output and "network web: mtu is 1400, should be 1500" in output
    finally:
        made.play(UP)


def test_check_lists_undeclared_objects(made):
    """On the host outside nothing at all is declared."""
    container = {"name": "left-{{ inventory_hostname }}", "labels": {"role": "bridge_network", "mode": "none"}}
    made.play([{"hosts": "h2:outside", "gather_facts": False, "tasks": [{"virtnet.linux.netns": container}]}])
    made.play([{"hosts": "outside", "gather_facts": False, "tasks": [{"virtnet.linux.host_command": {}}]}])
    made.ssh("outside", "test -x /usr/local/sbin/virtnet")
    output = made.play("virtnet.linux.check")
    assert "h2: container left-h2 is live and declared nowhere" in output
    assert "outside: container left-outside is live and declared nowhere" in output
    lines = made.play("virtnet.linux.inspect", "--tags", "orphans").splitlines()
    assert "h2        container left-h2 is live and declared nowhere" in lines, "a table"
    made.play("virtnet.linux.remove_host", "-e", "virtnet_hosts=outside")
    assert "left-outside" not in made.ssh("outside", "ip netns list")
    made.ssh("outside", "test ! -e /usr/local/sbin/virtnet && test ! -e /var/lib/virtnet")
    made.ssh("h2", "ip netns delete left-h2")


@pytest.mark.long
def test_check_with_purge_reports_undeclared_objects(made):
    """On the external host nothing at all is declared."""
    container = {"name": "from-{{ inventory_hostname }}", "labels": {"role": "bridge_network", "mode": "none"}}
    made.play([{"hosts": "h2:outside", "gather_facts": False, "tasks": [{"virtnet.linux.netns": container}]}])
    made.play("virtnet.linux.check")
    output = made.play("virtnet.linux.check", "-e", "bridge_network_purge=true", fails=True)
    assert "container from-h2 still there" in output and "container from-outside still there" in output, output
    for host in ("h2", "outside"):
        made.ssh(host, "ip netns delete from-" + host)


@pytest.fixture
def with_overlay(made):
    """The fleet with an overlay, on which a container of bridge_network is too."""
    made.inventories.append(made.write("overlay.yml", OVERLAY))
    up = [{"hosts": "overlay", "gather_facts": False, "roles": ["virtnet.linux.overlay_network", *UP[0]["roles"]]}]
    made.play(up)
    yield made
    gone = {"overlay_network_containers": [], "overlay_network_networks": [{"name": "fabric", "state": "absent"}]}
    bridge = {"bridge_network_containers": [{"name": "front", "state": "absent"}]}
    made.play([dict(up[0], roles=["virtnet.linux.bridge_network"], vars=bridge)])
    made.play([dict(up[0], roles=["virtnet.linux.overlay_network"], vars=dict(gone, bridge_network_containers=[]))])
    made.inventories.pop()


@pytest.mark.long
def test_check_reports_a_missing_overlay_of_a_bridge_network_container(with_overlay):
    with_overlay.play("virtnet.linux.check")
    with_overlay.ssh("h1", "ip link delete br-fabric; ip netns delete client")
    output = with_overlay.play("virtnet.linux.check", fails=True)
    assert "network fabric missing" in output and "container client missing" in output, output
    assert "changed=1" not in output and "changed=2" not in output


@pytest.mark.long
def test_check_continues_after_a_roles_errors(with_overlay):
    """A role's errors are reported together with the other differences, in the task that fails."""
    with_overlay.ssh("h1", "ip netns delete client")
    output = with_overlay.play("virtnet.linux.check", "-e", "overlay_network_vtep=missing", fails=True)
    failed = output.partition("TASK [Report differences")[2]
    assert "cannot be built as declared: " in failed and "'missing'" in failed, output
    assert "container client missing" in failed
    assert "what else differs in overlay networks is not known" in failed
