# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Downloads and builds that tests of several processes share and make once."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def alone_with(path: Path) -> Iterator[None]:
    """Hold the lock of a path in a with block, to check for it and create it: other processes wait."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open("%s.lock" % path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
