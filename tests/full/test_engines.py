# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Podman and Docker themselves: their containers on managed networks, as in docs/services.md, and Docker's own networks
on the same host.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import pytest
from integration.docker_scenarios.declarations import APP, HOST, LAN, WEB, absent, lan_knows, on
from integration.docs.pages import blocks
from integration.docs.session import Session
from integration.role_l2l3.conftest import LAN as ON_A_LAN
from integration.role_l2l3.conftest import Role

from kit import snapshot, unpacked
from kit.checkout import HOME
from kit.host import Host
from kit.packets import arrives, is_lost, seen

PROGRAMS = {
    "podman": "/usr/bin/podman", "crun": "/usr/bin/crun", "conmon": "/usr/bin/conmon",
    "docker.io": "/usr/sbin/dockerd", "busybox-static": "/usr/bin/busybox",
}  # fmt: skip
# Images and containers lie in memory. The cgroups are the machine's, and Docker's below one that goes with the test.
ROOM = """
mount -t tmpfs tmpfs /var/lib
mount -t cgroup2 cgroup2 /sys/fs/cgroup
mkdir {cgroup} /run/image /run/image/www
cat >/etc/containers/containers.conf <<'END'
[containers]
cgroups = "disabled"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
END
cp /usr/bin/busybox /run/image/
echo '{hello}' >/run/image/www/index.html
tar -C /run/image -c . >/run/image.tar
"""
DOCKERD = """
echo $$ >{cgroup}/cgroup.procs
exec unshare --cgroup --mount sh -ec '
umount /sys/fs/cgroup
mount -t cgroup2 cgroup2 /sys/fs/cgroup
exec dockerd >/run/dockerd.log 2>&1'
"""
IMPORT = """%s import --change 'CMD ["/busybox","httpd","-f","-h","/www"]' /run/image.tar docker.io/library/nginx"""
HELLO = "Hello from an image"
# its clients are the distribution's, whatever else this machine calls docker
PATH = os.pathsep.join([os.path.dirname(sys.executable), "/usr/sbin", "/usr/bin", "/sbin", "/bin"])


class Docker:
    """Docker's daemon on a host."""

    def __init__(self, host, cgroup):
        self.host, self.cgroup = host, cgroup

    def start(self):
        self._pid = self.host.start("sh", "-ec", DOCKERD.format(cgroup=self.cgroup))
        self.host.sh("for try in $(seq 300); do /usr/bin/docker version >/dev/null 2>&1 && exit; sleep 0.1; done;"
                     " tail /run/dockerd.log; exit 1")  # fmt: skip

    def stop(self):
        self.host.sh("kill %d; timeout 60 tail --pid=%d -f /dev/null" % (self._pid, self._pid))

    def __call__(self, words):
        return self.host.sh("/usr/bin/docker " + words).strip()

    def remove_everything(self):
        self.host.try_sh("/usr/bin/docker rm -f $(/usr/bin/docker ps -aq)")
        self.stop()
        gone = "until find %s -depth -type d -exec rmdir {} +; do sleep 0.05; done 2>/dev/null" % self.cgroup
        self.host.sh("timeout 60 sh -c '%s'" % gone)


@pytest.fixture
def host():
    with Host() as made:
        made.sh(ON_A_LAN)
        unpacked.merge(made, "engines", PROGRAMS)
        yield made


@pytest.fixture
def docker(host):
    cgroup = "/sys/fs/cgroup/virtnet-test-%d" % os.getpid()
    host.sh(ROOM.format(cgroup=cgroup, hello=HELLO))
    daemon = Docker(host, cgroup)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.remove_everything()


def is_warned_of_docker(plan):
    return any("DOCKER-USER" in warning for warning in plan["warnings"])


def test_podman_and_docker_containers_on_managed_networks(host, docker, tmp_path):
    for engine in ("podman", "/usr/bin/docker"):
        host.sh(IMPORT % engine)
    page = blocks(HOME / "docs" / "services.md")
    session = Session(host, tmp_path)
    session.environment["PATH"] = PATH
    first, *theirs = [page[0], *(block._replace(why_not_run=None) for block in page if block.is_for_the_long_run)]
    assert len(theirs) == 2

    for block in (first, *theirs):
        assert list(session.read([block])) == []
    says = "curl --silent --max-time 5 --retry 9 --retry-all-errors http://%s/"
    assert session.run("ip", "netns", "exec", "client", "curl", "--silent", "http://nginx/").strip() == HELLO
    inside = "podman exec web /busybox wget -q -O - http://%s/"
    assert session.run(*(inside % "nginx").split()).strip() == HELLO, "the volume: Podman's own file has no names"
    Role(host).run([{"name": "web", "subnet": "172.30.0.0/16"}], [on("web", "late")], manage_foreign_firewall=True)
    host.sh("ip netns exec late sh -c 'cd /run/image/www && exec /usr/bin/busybox httpd -p 80'")
    assert session.run(*(inside % "late").split()).strip() == HELLO, "and names that come later are in it"
    for port in (8080, 8081):
        assert host.sh(says % ("127.0.0.1:%d" % port)).strip() == HELLO
        assert host.sh(says % ("%s:%d" % (HOST, port)), "lan").strip() == HELLO

    host.sh("podman rm --all --force --time 1")
    gone = [*(absent(name) for name in ("nginx", "client", "shop")), {**absent("late"), "force": True}]
    Role(host).run([{"name": "web", "state": "absent"}], gone, manage_foreign_firewall=True)
    assert docker("inspect --format '{{.State.Running}}' shop") == "true"


def test_coexists_with_dockers_own_networks(host, docker):
    role, ours = Role(host), ([WEB, APP], [on("web", "a", "8080:80"), on("app", "b")])
    gone = [{"name": name, "state": "absent"} for name in ("web", "app")], [absent("a"), absent("b")]
    host.sh(IMPORT % "/usr/bin/docker")
    docker("network create --subnet 172.25.0.0/24 theirs")
    for name in ("d1 --publish 7000:80", "d2"):
        docker("run --detach --network theirs --restart always --name %s docker.io/library/nginx" % name)
    theirs = "curl --silent --max-time 5 --retry 9 --retry-all-errors http://%s:7000/" % HOST
    assert host.sh(theirs, "lan").strip() == HELLO
    lan_knows(host, WEB["subnet"])
    before = host.snapshot()

    role.run(*ours)
    assert is_warned_of_docker(role.plan(*ours))
    assert is_lost(host, "lan", HOST, 8080, "a", 80), "the control: Docker drops what is forwarded"
    assert host.sh(theirs, "lan").strip() == HELLO
    role.run(*gone)
    snapshot.same(before, host.snapshot())

    role.run(*ours, manage_foreign_firewall=True)
    assert not is_warned_of_docker(role.plan(*ours))
    assert arrives(host, "lan", HOST, 8080, "a", 80) and seen(host, "a", LAN, 80, "lan") == HOST
    assert is_lost(host, "lan", "172.30.0.2", 80, "a"), "only what is published, whatever Docker's chain accepts"
    assert host.sh(theirs, "lan").strip() == HELLO
    role.run(*gone, manage_foreign_firewall=True)
    snapshot.same(before, host.snapshot())

    role.run(*ours, manage_foreign_firewall=True)
    docker.stop()
    docker.start()
    assert host.sh(theirs, "lan").strip() == HELLO
    assert arrives(host, "lan", HOST, 8080, "a", 80), "Docker makes its chains anew and leaves DOCKER-USER"
    role.run(*gone, manage_foreign_firewall=True)


# What later versions have besides what Debian's does, and the labels that the role gives.
LATER = {"/EnableIPv4", "/IPv4", "/NetworkSettings/Networks/NAME/DNSNames", "/IPAM/Config/Gateway", "/Labels/role",
         "/Config/Labels/role", "/Config/Labels/mode"}  # fmt: skip
# What is about an image or a process; and Docker's own alias of each container, its id.
NOT_OURS = ("/Path", "/Args", "/State/", "/Image", "/ResolvConfPath", "/HostnamePath", "/HostsPath", "/LogPath",
            "/RestartCount", "/Driver", "/Platform", "/MountLabel", "/ProcessLabel", "/AppArmorProfile", "/ExecIDs",
            "/HostConfig/", "/GraphDriver", "/Mounts", "/Config/", "/Command", "/LocalVolumes", "/RunningFor", "/Size",
            "/Status", "/NetworkSettings/Networks/NAME/Aliases")  # fmt: skip


def types_of(value: Any, path: str = "") -> dict[str, set[str]]:
    """The types of the values at each path; ids, networks' names and ports are one key, a list's elements one path."""
    found = {path: {type(value).__name__}}
    below_it = value if isinstance(value, dict) else dict(enumerate(value)) if isinstance(value, list) else {}
    for name, below in below_it.items():
        is_name = len(str(name)) == 64 or path.endswith(("/Ports", "/PortBindings", "/Networks"))
        inner = path if isinstance(name, int) else "%s/%s" % (path, "NAME" if is_name else name)
        for key, types in types_of(below, inner).items():
            found[key] = found.get(key, set()) | types
    return found


def test_docker_format_equals_dockers_output(host, docker):
    """The same networks, container and ports, created by Docker and by this collection, have the same keys, and values
    of the same types.
    """
    host.sh(IMPORT % "/usr/bin/docker")
    docker("network create --subnet 172.25.0.0/24 --ip-range 172.25.0.128/25 --aux-address nas=172.25.0.9 --internal"
           " --label tier=front --opt com.docker.network.driver.mtu=1400 inside")  # fmt: skip
    docker("network create --subnet 172.24.0.0/24 --opt com.docker.network.bridge.enable_icc=false web")
    docker("run --detach --network web --publish 7000:80 --publish 127.0.0.1:7001:81/udp --name d1"
           " docker.io/library/nginx")  # fmt: skip
    docker("network connect inside d1")
    inspected = {
        "networks": json.loads(docker("network inspect inside web")),
        "containers": json.loads(docker("inspect d1")),
        "network_ls": [json.loads(docker("network ls --filter name=web --format '{{json .}}'"))],
        "container_ls": [json.loads(docker("ps --format '{{json .}}'"))],
    }
    inside = {"name": "inside", "subnet": "172.35.0.0/24", "ip_range": "172.35.0.128/25", "internal": True,
              "aux_addresses": {"nas": "172.35.0.9"}, "mtu": 1400, "labels": {"tier": "front"}}  # fmt: skip
    web = {"name": "web", "subnet": "172.34.0.0/24", "icc": False}
    Role(host).run([inside, web], [on(["web", "inside"], "d1", "8000:80", "127.0.0.1:8001:81/udp")])
    ours = host.module("network_info", docker_format=True)["docker"]

    assert set(ours) == set(inspected)
    for what in inspected:
        theirs, found = types_of(inspected[what]), types_of(ours[what])
        asked = {key for key in theirs if not key.startswith(NOT_OURS)}
        assert {key: (theirs[key], found.get(key)) for key in asked if not found.get(key, {""}) <= theirs[key]} == {}
        more = {key for key in found.keys() - theirs.keys() if not key.startswith("/Options/")}
        assert more <= LATER, what
    options = {one["Name"]: one["Options"] for one in ours["networks"]}
    for network in inspected["networks"]:
        assert network["Options"].items() <= options[network["Name"]].items()
    their_ports, our_ports = (one["containers"][0]["NetworkSettings"]["Ports"] for one in (inspected, ours))
    assert set(their_ports) == set(our_ports)
    assert [one["HostIp"] for one in their_ports["81/udp"]] == [one["HostIp"] for one in our_ports["81/udp"]]
    assert our_ports["80/tcp"] == [{"HostIp": "0.0.0.0", "HostPort": "8000"}], "there is no proxy that serves IPv6"
