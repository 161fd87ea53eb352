# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel is busy with on another core while this process goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Meanwhile(threading.Thread):
    """Something that is done in a thread of its own for the length of a with block.

    The thread is in the network namespace in which the process is now, wherever that goes meanwhile (setns(2)).
    """

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__()
        self._work = work
        self._failed: Exception | None = None

    def __enter__(self) -> None:
        """Begin."""
        self.start()

    def __exit__(self, _kind: object, error: object, _where: object) -> None:
        """Wait for it; what it failed with is raised where the block has not failed itself."""
        self.join()
        if self._failed is not None and error is None:
            raise self._failed

    def run(self) -> None:
        """Do it."""
        try:
            self._work()
        except Exception as failed:  # raised at the end of the block
            self._failed = failed
