# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Pythons of this machine that managed hosts and controllers may have, with the packages that a test asks for."""

from __future__ import annotations

import functools
import itertools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from kit.alone import alone_with
from kit.checkout import CACHE

VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13")  # of managed hosts
PYROUTE2 = ("0.7.2", "newest")  # as Debian 12 packages it, and as PyPI has it today
UBUNTU = ("3.12", "0.7.11")  # as Ubuntu 24.04 packages the two
CONTROLLERS = {  # ansible-core, and what its controller runs on, in the order in which it is looked for
    "2.18": ("3.11", "3.12", "3.13"),
    "2.19": ("3.11", "3.12", "3.13"),
    "2.20": ("3.12", "3.13", "3.14"),
    "2.21": ("3.14", "3.13", "3.12"),
}


@functools.cache
def found() -> dict[str, Path]:
    """The interpreters of this machine by their version: {"3.11": Path("/usr/bin/python3.11")}."""
    return {version: python for version in VERSIONS if (python := find(version))}


@functools.cache
def controllers() -> dict[str, str]:
    """The versions of ansible-core for which there is a Python here, and that Python's version: {"2.19": "3.11"}."""
    return {core: here[0] for core, desired in CONTROLLERS.items() if (here := [one for one in desired if find(one)])}


def pairs() -> list[tuple[str, str]]:
    """Each of this machine's Pythons with each pyroute2."""
    every = [*itertools.product(found(), PYROUTE2), UBUNTU]
    return [(version, pyroute2) for version, pyroute2 in every if version in found()]


def ends() -> list[tuple[str, str]]:
    """The oldest with the oldest, and the newest with the newest."""
    return [pairs()[0], [pair for pair in pairs() if pair[1] == PYROUTE2[-1]][-1]]


def with_pyroute2(version: str, pyroute2: str) -> Path:
    """The interpreter of an environment of that Python, with pyroute2 of that version, or the newest."""
    requirement = "pyroute2" if pyroute2 == "newest" else "pyroute2==" + pyroute2
    return _environment("%s-pyroute2-%s" % (version, pyroute2), version, requirement)


def with_ansible(core: str) -> Path:
    """The interpreter of an environment with that version of ansible-core, the newest of its bug fixes."""
    return _environment("ansible-core-" + core, controllers()[core], "ansible-core==%s.*" % core, "pyroute2")


def _environment(name: str, version: str, *requirements: str) -> Path:
    """The interpreter of a virtual environment of that Python with these packages.

    It is made once; tests that run at the same time wait for the first of them to make it. It has no pip of its own,
    which would take longer to install than the rest; only Python 3.9 has, for which today's pip installs nothing.
    """
    home = CACHE / "pythons" / name
    python = home / "bin" / "python"
    with alone_with(home):
        made = home / "made"
        if not made.exists():
            shutil.rmtree(home, ignore_errors=True)
            own_pip = version == "3.9"
            _run(find(version), "-m", "venv", *(() if own_pip else ("--without-pip",)), home)
            pip = (python, "-m", "pip") if own_pip else (sys.executable, "-m", "pip", "--python", python)
            _run(*pip, "--quiet", "--disable-pip-version-check", "install", *requirements)
            made.touch()
    return python


@functools.cache
def find(version: str) -> Path | None:
    """The interpreter of that version on this machine."""
    for directory in _directories():
        python = directory / ("python" + version)
        if python.exists() and _version_of(python) == version and _makes_venvs(python):
            return python
    return None


def _directories() -> Iterator[Path]:
    """Where interpreters may be. pyenv's own come before PATH, on which its stand-ins fail for most versions."""
    if shutil.which("pyenv"):
        root = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=True).stdout.strip()
        yield from sorted(Path(root).glob("versions/*/bin"))
    yield from map(Path, os.environ.get("PATH", os.defpath).split(os.pathsep))
    yield Path("/usr/local/bin")
    yield Path("/usr/bin")


def _version_of(python: Path) -> str | None:
    answer = _ask(python, "import sys; print('%d.%d' % sys.version_info[:2])")
    return answer.stdout.strip() if answer.returncode == 0 else None


def _makes_venvs(python: Path) -> bool:
    """Debian has the interpreter and what `python -m venv` needs in two packages."""
    return _ask(python, "import ensurepip, venv").returncode == 0


def _ask(python: Path, program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([python, "-I", "-c", program], capture_output=True, text=True, check=False)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
