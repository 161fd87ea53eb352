# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Search for a host's programs."""

from __future__ import annotations

import os
import shutil

_SBIN = ("/usr/sbin", "/sbin", "/usr/local/sbin")  # not in the PATH of every user who may become root


def find(name: str) -> str | None:
    """Return the path of a program; None where the host has none of this name."""
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", os.defpath), *_SBIN]))
