# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Background work: blocking calls in a thread, in parallel with the main thread."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Background(threading.Thread):
    """Runs a function in a background thread during a with block.

    The thread stays in the network namespace in which it was started: setns(2) affects the calling thread only.
    """

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__()
        self._work = work
        self._failed: Exception | None = None

    def __enter__(self) -> None:
        """Start the thread."""
        self.start()

    def __exit__(self, _kind: object, error: object, _where: object) -> None:
        """Wait for the thread; raise its exception unless the block has raised one."""
        self.join()
        if self._failed is not None and error is None:
            raise self._failed

    def run(self) -> None:
        """Call the function, and keep its exception."""
        try:
            self._work()
        except Exception as failed:  # raised at the end of the block
            self._failed = failed
