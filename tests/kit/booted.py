# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Machines that systemd boots, as a reboot needs them: Debian trees under systemd-nspawn, on one wire, with SSH.

All of them are in a throwaway host (kit/host.py) and end with it. Their tree is made once, of the packages that this
machine's own apt takes; each has a layer of its own over it, in memory.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from pathlib import Path

from kit.alone import alone_with
from kit.checkout import CACHE
from kit.host import Host

CONTROLLER = "192.0.2.254"
SECONDS = 120  # to boot and to come to rest; a few on an idle machine

_PACKAGES = ("systemd-sysv", "dbus", "udev", "kmod", "openssh-server", "python3", "python3-pyroute2", "iproute2",
             "iputils-ping", "netbase", "nftables", "firewalld", "libpam-systemd")  # fmt: skip
_CGROUPS = ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup")
_NETWORK = "[Match]\nName=host0\n[Network]\nAddress=%s/24\nGateway=" + CONTROLLER + "\n"
# nspawn ends with 133 where the machine wants to be booted again. /sys is this machine's here, with its cgroups.
_RUN = """
umount /sys
for folder in {cgroups}; do
    [ ! -e $folder/cgroup.procs ] || {{ mkdir -p $folder/{cgroup}; echo $$ > $folder/{cgroup}/cgroup.procs; }}
done
while :; do
    systemd-nspawn --quiet --register=no --keep-unit --machine={name} --hostname={name} --network-bridge=wire \\
        --capability=CAP_NET_ADMIN,CAP_SYS_ADMIN,CAP_NET_RAW --directory={root} --boot --console=pipe \\
        < /dev/null > {root}.log 2>&1
    [ $? = 133 ] || break
done
"""


class Machines:
    """Machines by name; use it in a with block. ``inventory`` is for ansible-playbook, which runs in ``room``."""

    def __init__(self, names: list[str], folder: Path) -> None:
        self.addresses = {name: "192.0.2.%d" % (number + 11) for number, name in enumerate(names)}
        self.room = Host()
        self._folder = folder
        self._cgroup = "virtnet-test-%d" % os.getpid()
        self._key = folder / "key"
        self.inventory = folder / "inventory.ini"

    def __enter__(self) -> Machines:
        tree = _tree()
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self._key)], check=True)
        options = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR -o ControlMaster=no"
        self._ssh = "-i %s %s" % (self._key, options)
        self.inventory.write_text(
            "[booted]\n%s[booted:vars]\nansible_user=root\nansible_python_interpreter=/usr/bin/python3\n"
            'ansible_ssh_common_args="%s"\n'
            % ("".join("%s ansible_host=%s\n" % item for item in self.addresses.items()), self._ssh)
        )
        self.room.sh("ip link add wire type bridge && ip link set wire up")
        self.room.sh("ip address add %s/24 dev wire" % CONTROLLER)
        for name in self.addresses:
            self._start(name, tree)
        for name in self.addresses:
            self.wait(name)
        return self

    def __exit__(self, *_exception: object) -> None:
        self.room.__exit__()
        for top in _CGROUPS:
            for folder, _folders, _files in os.walk(os.path.join(top, self._cgroup), topdown=False):
                _remove(folder)

    def sh(self, name: str, script: str) -> str:
        """The output of a shell script on a machine; it must succeed."""
        done = self.try_sh(name, script)
        assert done.returncode == 0, (script, done.stdout, done.stderr)
        return done.stdout

    def try_sh(self, name: str, script: str) -> subprocess.CompletedProcess[str]:
        """A shell script on a machine that may fail."""
        words = "ssh %s -o ConnectTimeout=5 root@%s sh -ec" % (self._ssh, self.addresses[name])
        return self.room.call(_run, [*words.split(), "'%s'" % script.replace("'", "'\\''")])

    def reboot(self, *names: str) -> None:
        """As an administrator does it; returns when they are at rest again."""
        before = {name: self._boot(name) for name in names}
        for name in names:
            self.try_sh(name, "systemctl reboot")
        for name in names:
            self.wait(name, not_in=before[name])

    def wait(self, name: str, not_in: str = "") -> None:
        """Wait until the machine is up, and all of its units that are to start have started."""
        deadline = time.monotonic() + SECONDS
        while (boot := self._boot(name)) in ("", not_in):
            assert time.monotonic() < deadline, "%s: %s" % (name, self.room.sh("cat /run/booted/%s.log" % name))
            time.sleep(0.2)
        state = self.try_sh(name, "systemctl is-system-running --wait").stdout.strip()
        failed = self.sh(name, "systemctl --failed --no-legend --plain || true")
        assert state == "running", (name, boot, state, failed)

    def _boot(self, name: str) -> str:
        return self.try_sh(name, "cat /proc/sys/kernel/random/boot_id").stdout.strip()

    def _start(self, name: str, tree: Path) -> None:
        root = "/run/booted/" + name
        layers = "lowerdir=%s,upperdir=%s.up,workdir=%s.work" % (tree, root, root)
        self.room.sh("mkdir -p %s %s.up %s.work; mount -t overlay overlay -o %s %s" % (root, root, root, layers, root))
        files = {"etc/hostname": name + "\n", "root/.ssh/authorized_keys": self._key.with_suffix(".pub").read_text(),
                 "etc/systemd/network/10-host0.network": _NETWORK % self.addresses[name]}  # fmt: skip
        for path, content in files.items():
            self.room.call(_write, os.path.join(root, path), content)
        script = _RUN.format(name=name, root=root, cgroups=" ".join(_CGROUPS), cgroup=self._cgroup + "/" + name)
        self.room.start("unshare", "--mount", "sh", "-c", script)


def _tree() -> Path:
    """The tree, made by whoever needs it first."""
    made = CACHE / "booted" / "tree"
    with alone_with(made):
        if not made.exists():
            codename, site = _own_release()
            new = made.with_suffix(".new")
            shutil.rmtree(new, ignore_errors=True)
            # its mounts in a mount namespace of its own: a host that a test makes meanwhile would have copies of them
            options = ["--variant=minbase", "--include=" + ",".join(_PACKAGES)]
            command = ["unshare", "--mount", "debootstrap", *options, codename, str(new), site]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout[-4000:] + done.stderr
            script = "systemctl enable systemd-networkd ssh; systemctl disable firewalld nftables; apt-get clean"
            subprocess.run(["chroot", str(new), "sh", "-ec", script], check=True, capture_output=True)
            new.rename(made)
    return made


def _own_release() -> tuple[str, str]:
    """This machine's release, and where its apt has it from."""
    words = ["apt-get", "indextargets", "--format", "$(CODENAME) $(SITE)", "Created-By: Packages", "Component: main"]
    shown = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    with open("/etc/os-release", encoding="utf-8") as file:
        release = dict(line.rstrip().replace('"', "").split("=", 1) for line in file if "=" in line)
    codename = release.get("VERSION_CODENAME", "")
    sites = [line.split(" ")[1] for line in shown if line.split(" ")[0] == codename]
    assert sites, "apt knows no release %s here: this test wants a Debian" % codename
    return codename, sites[0]


def _remove(folder: str) -> None:
    """A cgroup whose processes have just been killed is empty a moment later."""
    deadline = time.monotonic() + 10
    while os.path.isdir(folder) and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            os.rmdir(folder)
            return
        time.sleep(0.01)


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


def _write(path: str, content: str) -> None:
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    Path(path).write_text(content)
