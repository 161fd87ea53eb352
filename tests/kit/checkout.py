# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the checkout is, and where its tests keep caches."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]
CACHE = HOME / ".cache"
OUR_OWN = ("ANSIBLE_COLLECTIONS_PATH", "PYTHONPATH")  # by which tests find the checkout, and an outsider does not


def collections_root() -> Path:
    """A directory below which the checkout stands as ansible_collections/virtnet/linux, by a symbolic link."""
    link = CACHE / "tree" / "ansible_collections" / "virtnet" / "linux"
    link.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        link.symlink_to(HOME, target_is_directory=True)
    return CACHE / "tree"


def outsiders_environment(home: Path) -> dict[str, str]:
    """The environment of a user without the checkout, whose Ansible home is below that directory."""
    environment = {key: value for key, value in os.environ.items() if key not in OUR_OWN}
    return {**environment, "ANSIBLE_HOME": str(home / "ansible"), "NO_COLOR": "1"}


def build(directory: Path) -> Path:
    """The collection's tarball, built from the checkout into that directory."""
    command = ["ansible-galaxy", "collection", "build", "--output-path", str(directory)]
    done = subprocess.run(
        command, cwd=HOME, env=outsiders_environment(directory), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    (tarball,) = directory.glob("virtnet-linux-*.tar.gz")
    return tarball
