# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the checkout is, and where its tests keep what they may throw away."""

from __future__ import annotations

import contextlib
from pathlib import Path

HOME = Path(__file__).resolve().parents[2]
CACHE = HOME / ".cache"


def collections_root() -> Path:
    """A directory below which the checkout stands as ansible_collections/virtnet/linux, by a symbolic link."""
    link = CACHE / "tree" / "ansible_collections" / "virtnet" / "linux"
    link.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        link.symlink_to(HOME, target_is_directory=True)
    return CACHE / "tree"
