# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A QEMU guest with NICs of its own, for what a namespace cannot show: a real NIC returns to the machine's
first namespace, not to a test's.

The guest has no disk. Its root is an archive of what it needs (this Python, pyroute2, the engine, `sh`, `ip`, `nft`,
`ping` and Debian's modules), and its first process is a Python program that prints what it found and ends the guest.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kit.alone import alone_with
from kit.checkout import CACHE, HOME

_FOLDER = CACHE / "guest"
_SECONDS = 240  # the guest is computed, not run: half a minute on an idle machine
_PROGRAMS = {"sh": "/bin/sh", "ip": "/sbin/ip", "nft": "/sbin/nft", "ping": "/bin/ping", "kmod": "/sbin/modprobe"}
_LEFT_OUT = ("site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3", "tkinter", "ensurepip",
             "__pycache__", "config-")  # fmt: skip
_MODULES = ("kernel/net", "kernel/lib", "kernel/crypto", "kernel/arch/x86/crypto", "kernel/drivers/virtio",
            "kernel/drivers/net")  # fmt: skip
_INIT = """#!%(python)s -S
import ctypes, json, os, subprocess, sys
def mount(kind, where):
    os.makedirs(where, exist_ok=True)
    assert ctypes.CDLL(None).mount(kind.encode(), where.encode(), kind.encode(), 0, None) == 0
for kind, where in (("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev"), ("tmpfs", "/run"), ("tmpfs", "/tmp")):
    mount(kind, where)
os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
sys.path += ["/python"]
try:
    for module in ("virtio_pci", "virtio_net", "veth", "bridge", "macvlan"):
        subprocess.run(["modprobe", module], check=True)
    def sh(command):
        return subprocess.run(command.split(), check=True, capture_output=True, text=True).stdout
    found = {}
    exec(open("/program").read())
except BaseException as error:
    import traceback
    found = {"failed": traceback.format_exc() + str(getattr(error, "stderr", ""))}
print("\\nFOUND " + json.dumps(found), flush=True)
os.sync()
ctypes.CDLL(None).reboot(0x4321FEDC)
"""


def run(program: str, nics: int) -> dict[str, Any]:
    """Return what a Python program leaves in its dictionary `found`, run in a guest whose NICs are all on one wire.

    It has sh(command), which takes words and no shell, and the collection to import.
    """
    kernel, modules = _kernel()
    archive = _FOLDER / ("guest-%d.cpio" % os.getpid())
    try:
        with open(archive, "wb") as file:
            for name, content, mode in _files(program, modules):
                _add(file, name, content, mode)
            _add(file, "TRAILER!!!", b"", 0)
        return _boot(kernel, archive, nics)
    finally:
        archive.unlink()


def _boot(kernel: Path, archive: Path, nics: int) -> dict[str, Any]:
    command = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", "1500", "-no-reboot"]
    command += ["-nographic", "-nodefaults", "-serial", "stdio", "-kernel", str(kernel), "-initrd", str(archive)]
    command += ["-append", "console=ttyS0 quiet panic=-1 rdinit=/init"]
    for number in range(nics):
        command += ["-netdev", "hubport,id=wire%d,hubid=0" % number]
        command += ["-device", "virtio-net-pci,romfile=,netdev=wire%d,mac=52:54:00:00:00:%02x" % (number, number + 1)]
    talk = dict(stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
    done = subprocess.run(command, timeout=_SECONDS, check=False, **talk)
    lines = [line for line in done.stdout.splitlines() if line.startswith("FOUND ")]
    assert lines, done.stdout + done.stderr
    found = json.loads(lines[-1][len("FOUND ") :])
    assert "failed" not in found, found["failed"]
    return found


def _kernel() -> tuple[Path, Path]:
    """Debian's smallest kernel and its modules, downloaded and unpacked once; nothing is installed."""
    unpacked = _FOLDER / "kernel"
    with alone_with(unpacked):
        if not unpacked.exists():
            shown = _out("apt-cache", "depends", "linux-image-cloud-amd64")
            packages = [line.split()[1] for line in shown.splitlines() if "Depends: linux-image-" in line]
            assert packages, "there is no package linux-image-cloud-amd64 here: this test wants Debian's, on amd64"
            package = packages[0]
            subprocess.run(["apt-get", "download", package], cwd=_FOLDER, check=True, capture_output=True)
            (archive,) = _FOLDER.glob(package + "_*.deb")
            subprocess.run(["dpkg", "-x", str(archive), str(unpacked) + ".new"], check=True)
            archive.unlink()
            os.replace(str(unpacked) + ".new", unpacked)
    (kernel,) = (unpacked / "boot").glob("vmlinuz-*")
    (modules,) = (unpacked / "lib" / "modules").iterdir()
    return kernel, modules


def _files(program: str, modules: Path) -> Iterator[tuple[str, bytes, int]]:
    """Everything in the guest: (name, content, mode)."""
    python = os.path.realpath(sys.executable)
    yield "init", (_INIT % {"python": python}).encode(), stat.S_IFREG | 0o755
    yield "program", program.encode(), stat.S_IFREG | 0o644
    programs = {python: python, **{shutil.which(name, path=_path()): where for name, where in _PROGRAMS.items()}}
    sources: dict[str, str] = {where: str(name) for name, where in programs.items()}
    for name in list(sources.values()):
        sources.update({library: library for library in _libraries(name)})
    standard = Path(sysconfig.get_path("stdlib"))
    sources.update({str(path): str(path) for path in _below(standard)})
    for path in standard.glob("lib-dynload/*.so"):
        sources.update({library: library for library in _libraries(str(path))})
    pyroute2 = Path(importlib.util.find_spec("pyroute2").origin).parent
    sources.update({"/python/pyroute2/%s" % path.relative_to(pyroute2): str(path) for path in _below(pyroute2)})
    for path in _below(HOME / "plugins" / "module_utils"):
        sources["/python/ansible_collections/virtnet/linux/%s" % path.relative_to(HOME)] = str(path)
    for folder in _MODULES:
        for path in _below(modules / folder):
            sources["/lib/modules/%s/%s" % (modules.name, path.relative_to(modules))] = str(path)
    folders = {str(parent) for where in sources for parent in Path(where).parents} - {"/"}
    for folder in sorted(folders):
        yield folder[1:], b"", stat.S_IFDIR | 0o755
    for where, source in sorted(sources.items()):
        yield where[1:], Path(source).read_bytes(), stat.S_IFREG | 0o755
    for name, content in _dependencies(modules, sources):
        yield name, content, stat.S_IFREG | 0o644


def _dependencies(modules: Path, sources: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    """What depmod writes, of the modules that the guest has."""
    base = _FOLDER / ("depmod-%d" % os.getpid())
    try:
        for where, source in sources.items():
            if where.startswith("/lib/modules/"):
                there = base / where[1:]
                there.parent.mkdir(parents=True, exist_ok=True)
                os.link(source, there)
        for name in ("modules.order", "modules.builtin"):
            shutil.copy(modules / name, base / "lib/modules" / modules.name / name)
        subprocess.run([shutil.which("depmod", path=_path()), "-b", str(base), modules.name], check=True)
        for path in (base / "lib/modules" / modules.name).glob("modules.*"):
            yield "lib/modules/%s/%s" % (modules.name, path.name), path.read_bytes()
    finally:
        shutil.rmtree(base, ignore_errors=True)


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(_LEFT_OUT)]
        yield from (Path(parent) / name for name in files)


def _libraries(program: str) -> list[str]:
    """The libraries that a program is linked with, and the loader."""
    words = _out("ldd", program).split()
    return [word for word in words if word.startswith("/")]


def _out(*command: str) -> str:
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


def _path() -> str:
    return os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"


def _add(file: Any, name: str, content: bytes, mode: int) -> None:
    """One entry of a cpio archive of the kind that the kernel unpacks: Documentation/driver-api/early-userspace."""
    fields = (0, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
    file.write(head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4))
