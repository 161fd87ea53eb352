# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Debian's programs for throwaway hosts: downloaded and unpacked once, not installed, for a daemon that comes with a
package would begin to change the machine's network."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from kit.alone import alone_with
from kit.checkout import CACHE
from kit.host import Host


def merge(host: Host, name: str, programs: Mapping[str, str]) -> None:
    """Let a host have programs, by package and path; what they write to /etc goes with it."""
    folder = _unpacked(name, programs)
    host.sh("mount -t overlay -o lowerdir=%s/usr:/usr overlay /usr; cp -an %s/etc/. /etc/" % (folder, folder))


def _unpacked(name: str, programs: Mapping[str, str]) -> Path:
    """Of these programs what the machine lacks, with all that they need."""
    folder = CACHE / name
    with alone_with(folder):
        if not folder.exists():
            new = folder.with_suffix(".new")
            shutil.rmtree(new, ignore_errors=True)
            for part in ("usr", "etc", "archives"):
                (new / part).mkdir(parents=True)
            _download([package for package, path in programs.items() if not os.path.exists(path)], new / "archives")
            for archive in (new / "archives").glob("*.deb"):
                subprocess.run(["dpkg", "-x", str(archive), str(new)], check=True)
            for outside in ("bin", "sbin", "lib"):  # of a package that does not know yet that they are in /usr
                if (new / outside).exists():
                    shutil.copytree(new / outside, new / "usr" / outside, dirs_exist_ok=True, symlinks=True)
            os.replace(new, folder)
    return folder


def _download(packages: list[str], folder: Path) -> None:
    simulated = _out("apt-get", "--simulate", "--no-install-recommends", "install", *packages) if packages else ""
    needed = [line.split()[1] for line in simulated.splitlines() if line.startswith("Inst ")]
    if needed:
        subprocess.run(["apt-get", "download", *needed], cwd=folder, check=True, capture_output=True)


def _out(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
