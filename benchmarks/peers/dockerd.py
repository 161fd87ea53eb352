# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Docker's daemon, in the throwaway host: `docker run -d -p`, one after the other, as its users call it.

More than the network is in it: a file system, cgroups and a process for each container.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from benchmarks.host import wait
from benchmarks.peers.peer import Endpoint, Peer, command_missing

_BUSYBOX = "/bin/busybox"


class Dockerd(Peer):
    """docker run -d -p."""

    name = "dockerd"
    about = "docker run -d -p for each endpoint, with all that a container has besides its network"
    largest = 10

    @classmethod
    def missing(cls) -> str | None:
        return command_missing("dockerd", "docker", "containerd", "iptables", _BUSYBOX)

    def prepare(self, endpoints: list[Endpoint], new: Endpoint) -> None:
        self._endpoints, self._new = endpoints, new
        self._socket = self.folder / "docker.sock"
        places = ["--data-root", self.folder / "data", "--exec-root", self.folder / "exec", "-p", self.folder / "pid"]
        options = ["-H", "unix://%s" % self._socket, *map(str, places)]
        with open(self.folder / "log", "w") as log:
            self._daemon = subprocess.Popen(["dockerd", *options], stdout=log, stderr=log)
        wait(lambda: self._daemon.poll() is not None or self._answers(), 60, "dockerd")
        if self._daemon.poll() is not None:
            raise RuntimeError("dockerd ends: %s" % (self.folder / "log").read_text()[-1500:])
        self._docker("import", "-", "bench", stdin=_image())

    def create(self) -> None:
        for endpoint in self._endpoints:
            self._run(endpoint)

    def add_alone(self) -> None:
        self._run(self._new)

    def remove(self) -> None:
        self._docker("rm", "-f", self._new.name)

    def remove_all(self) -> None:
        self._docker("rm", "-f", *[endpoint.name for endpoint in self._endpoints])

    def close(self) -> None:
        self._daemon.terminate()
        self._daemon.wait()

    def netns(self, endpoint: Endpoint) -> Path:
        return Path("/proc", self._inspect(endpoint, "{{ .State.Pid }}"), "ns/net")

    def address(self, endpoint: Endpoint) -> str:
        return self._inspect(endpoint, "{{ .NetworkSettings.IPAddress }}")

    def _run(self, endpoint: Endpoint) -> None:
        ports = "%d:80" % endpoint.port
        self._docker("run", "-d", "--name", endpoint.name, "-p", ports, "bench", "/busybox", "sleep", "100000")

    def _inspect(self, endpoint: Endpoint, what: str) -> str:
        return self._docker("inspect", "--format", what, endpoint.name).strip()

    def _answers(self) -> bool:
        if not self._socket.exists():
            return False
        command = ["docker", "-H", "unix://%s" % self._socket, "version"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def _docker(self, *words: str, stdin: bytes = b"") -> str:
        environment = {**os.environ, "DOCKER_HOST": "unix://%s" % self._socket, "DOCKER_CONFIG": str(self.folder)}
        client = shutil.which("docker", path="/usr/bin") or "docker"
        done = subprocess.run([client, *words], input=stdin, capture_output=True, check=False, env=environment)
        if done.returncode:
            raise RuntimeError("docker %s: %s" % (" ".join(words), done.stderr.decode()[-1500:]))
        return done.stdout.decode()


def _image() -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        archive.add(os.path.realpath(_BUSYBOX), "busybox")
    return whole.getvalue()
