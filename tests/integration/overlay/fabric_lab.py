# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lab of hosts reached over SSH, the role overlay_network run on them, and real packets between their containers."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from kit import checkout

FABRIC = {"name": "fabric", "vni": 4242, "subnet": "10.42.0.0/16", "subnet6": "fd42::/64"}
OTHER = {"name": "other", "vni": 77, "subnet": "10.43.0.0/16"}
PLAY = "virtnet.linux.overlay_network"
FILES = checkout.HOME / "playbooks" / "files"
PATIENCE_SECONDS = 15


def on(*networks, name, **more):
    """A container."""
    return {"name": name, "networks": list(networks), **more}


class Lab:
    """Hosts of a lab and what they declare. `networks` are the group's, `declared` each host's own variables."""

    def __init__(self, directory: Path, hosts=("h1", "h2", "h3"), **options) -> None:
        self.directory = directory
        self.networks = [FABRIC, OTHER]
        self.declared = {name: {"overlay_network_containers": []} for name in hosts}
        self.make(hosts=[{"name": name} for name in hosts], **options)

    def make(self, **options) -> None:
        arguments = {**options, "name": self.directory.name, "directory": str(self.directory)}
        text = json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, "python_interpreter": sys.executable}})
        module = checkout.HOME / "plugins" / "modules" / "lab_hosts.py"
        run([sys.executable, str(module)], input=text)

    def containers(self, host, *containers) -> None:
        self.declared[host]["overlay_network_containers"] = list(containers)

    def play(self, *arguments, fails=False, playbook=PLAY, **variables):
        """What ansible-playbook prints, without colours; the run has to succeed, or to fail."""
        inventory = self.directory / "declared.json"
        group = {"hosts": self.declared, "vars": {"overlay_network_networks": self.networks, **variables}}
        inventory.write_text(json.dumps({"overlay": group}))
        command = ["ansible-playbook", "-i", str(self.directory / "inventory.json"), "-i", str(inventory)]
        done = run([*command, *arguments, playbook], check=False)
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    def enter(self, host, *command, check=True):
        return run([str(self.directory / "enter"), host, *command], check=check)

    def sh(self, host, script, check=True):
        return self.enter(host, "sh", "-ec", script, check=check).stdout

    def watch(self, host, command) -> None:
        """Let a command append to /run/changes for as long as the host lives."""
        self.sh(host, f"setsid {command} >>/run/changes 2>&1 </dev/null &")

    def within(self, host, container, *command, check=True):
        """A command in a container, or with None in the host itself."""
        prefix = ["ip", "netns", "exec", container] if container else []
        return self.enter(host, *prefix, *command, check=check)

    def ping(self, host, container, address, *options) -> bool:
        command = ["ping", "-nqc1", "-W2", *options, address]
        return self.within(host, container, *command, check=False).returncode == 0

    def address(self, host, container, network="fabric", version=4) -> str:
        live = self.live(host)
        one = next(one for one in live["containers"] if one["name"] == container)
        endpoint = next(one for one in one["endpoints"] if one["network"] == network)
        return next(text for text in endpoint["addresses"] if (":" in text) == (version == 6)).split("/")[0]

    def live(self, host):
        """What network_info returns there."""
        script = (
            "import json; from ansible_collections.virtnet.linux.plugins.module_utils.inspect.report import report;"
            "print(json.dumps(report(True)))"
        )
        root = str(checkout.collections_root())
        return json.loads(self.enter(host, "env", f"PYTHONPATH={root}", sys.executable, "-c", script).stdout)

    @contextlib.contextmanager
    def server(self, host, container, file, *words) -> Iterator[None]:
        """A program of the playbooks that serves in a container while a with block lasts."""
        command = [str(self.directory / "enter"), host, *(["ip", "netns", "exec", container] if container else [])]
        script = (FILES / file).read_text()
        process = subprocess.Popen([*command, sys.executable, "-c", script, *words], stdin=subprocess.DEVNULL)
        try:
            port = words[-1]
            wait(lambda: f":{port} " in self.within(host, container, "ss", "-Hltn", f"sport = :{port}").stdout)
            yield
        finally:
            self.within(host, container, "sh", "-c", f"ss -Hltnp 'sport = :{words[-1]}' | grep -o 'pid=[0-9]*' | "
                        "cut -d= -f2 | xargs -r kill", check=False)  # fmt: skip
            process.wait(PATIENCE_SECONDS)

    def ask(self, host, container, url) -> str | None:
        """The line that hello.py's server answers; None where there is no answer."""
        script = (FILES / "hello.py").read_text()
        done = self.within(host, container, sys.executable, "-c", script, "get", url, check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    @contextlib.contextmanager
    def capture(self, expression="udp port 4789", at="underlay") -> Iterator[list[str]]:
        """The lines that tcpdump has of what passes on the underlay while a with block lasts."""
        file, log, lines = "/run/capture.pcap", "/run/capture.log", []
        command = ["tcpdump", "--immediate-mode", "-Uni", at, "-w", file, *expression.split()]
        script = " ".join(command) + f" 2>{log}"
        script = f"echo $$ >{log}.pid; exec {script}"
        process = subprocess.Popen([str(self.directory / "enter"), "outside", "sh", "-c", script])
        try:
            wait(lambda: "listening on" in self.sh("outside", f"cat {log} 2>/dev/null || true"))
            yield lines
        finally:
            self.sh("outside", f"kill -INT $(cat {log}.pid)")
            process.wait(PATIENCE_SECONDS)
            lines += self.sh("outside", f"tcpdump -enr {file} 2>/dev/null").splitlines()


def wait(condition, seconds=PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def run(command, check=True, **options):
    done = subprocess.run(command, text=True, capture_output=True, check=False, **options)
    assert not check or done.returncode == 0, (command, done.stdout, done.stderr)
    return done


def recap(output) -> dict[str, dict[str, int]]:
    """The play recap: {"h1": {"ok": 3, "changed": 0, ...}}."""
    lines = re.findall(r"^(\S+)\s+: (ok=.*)$", output, re.MULTILINE)
    return {host: {key: int(number) for key, number in re.findall(r"(\w+)=(\d+)", rest)} for host, rest in lines}


@contextlib.contextmanager
def lab_in(directory, *arguments, **options) -> Iterator[Lab]:
    lab = None
    try:
        # a name that no other lab has: SSH shares its connections by it
        lab = Lab(directory.with_name(f"{directory.name}-{secrets.token_hex(4)}"), *arguments, **options)
        yield lab
    finally:
        if lab is not None:
            lab.make(state="absent")
