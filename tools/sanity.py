# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs `ansible-test sanity` in a copy of the collection, on every Python of this machine that a managed host may have.

Usage: python tools/sanity.py TREE [ARGUMENT ...]

The ansible-core of this environment runs all tests; every other version that has a Python here runs those that compare
the collection with what that version supports.

TREE is a git repository at .../ansible_collections/virtnet/linux; ansible-test looks nowhere else and
leaves its reports there. What it caches stays in .cache/ansible-test, because it gets that for a home directory.
"""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

HOME = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOME / "tests"))

from kit import pythons  # noqa: E402

CACHE = HOME / ".cache" / "ansible-test"

# ansible-test makes virtual environments without pip and then fetches get-pip.py from a server of its own, which a
# machine behind a mirror of PyPI does not reach. It takes a cached script instead: this one, with the same arguments.
GET_PIP = """
import runpy, sys
sys.path.insert(0, {wheel!r})
given = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
sys.argv[1:] = ["install", "--no-index", "--find-links", {wheels!r}] + given
runpy.run_module("pip", run_name="__main__")
"""
# Which pip it wants, by the Python whose ansible-test it is.
WANTED_PIP = """
import sys, types
from ansible_test._internal.python_requirements import get_venv_packages
print(get_venv_packages(types.SimpleNamespace(version="%d.%d" % sys.version_info[:2]))["pip"])
"""
# What differs from one version of ansible-core to the next: its idea of documentation, metadata and module code.
OF_EACH_CORE = ("ansible-doc", "import", "runtime-metadata", "validate-modules")


def main(tree: str, arguments: list[str]) -> int:
    prepare_pip_settings()
    failed = sanity(Path(sys.executable), tree, arguments)
    own = ".".join(version("ansible-core").split(".")[:2])
    for core in pythons.controllers():
        if core != own:
            print("ansible-core %s" % core, flush=True)
            failed |= sanity(pythons.with_ansible(core), tree, ["--test=" + test for test in OF_EACH_CORE])
    return failed


def sanity(python: Path, tree: str, arguments: list[str]) -> int:
    """Run the ansible-test of that Python's environment; 0 if it reports nothing."""
    prepare_pip(python)
    interpreters = [str(other.parent) for other in pythons.found().values()]
    path = [str(python.parent), *interpreters, os.environ["PATH"]]
    environment = {**os.environ, "HOME": str(CACHE), "PATH": os.pathsep.join(path)}
    return subprocess.run(
        ["ansible-test", "sanity", *arguments], cwd=tree, env=environment, stdin=subprocess.DEVNULL, check=False
    ).returncode


def prepare_pip(python: Path) -> None:
    """Put the pip that the environment's ansible-test wants where it looks for get-pip.py."""
    asked = subprocess.run([python, "-c", WANTED_PIP], capture_output=True, text=True, check=True)
    wanted = asked.stdout.strip()
    wheels = CACHE / "wheels"
    wheel = wheels / ("pip-%s-py3-none-any.whl" % wanted)
    if not wheel.exists():
        download = ["download", "--quiet", "--disable-pip-version-check", "--no-deps", "--dest", wheels]
        subprocess.run([sys.executable, "-m", "pip", *download, "pip==" + wanted], check=True)
    script = CACHE / ".ansible" / "test" / "cache" / ("get_pip_%s.py" % wanted.replace(".", "_"))
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(GET_PIP.format(wheel=str(wheel), wheels=str(wheels)))


def prepare_pip_settings() -> None:
    """The user's own pip configuration (a mirror, a certificate) holds in the other home directory too, but quietly."""
    settings = configparser.RawConfigParser()
    settings.read(Path.home() / ".config" / "pip" / "pip.conf")
    settings.read_dict({"global": {"quiet": "2"}})
    path = CACHE / ".config" / "pip" / "pip.conf"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        settings.write(file)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
