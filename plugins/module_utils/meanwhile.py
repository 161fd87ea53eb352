# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the kernel, or another program, is busy with on another core while this process goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Meanwhile(threading.Thread, Generic[T]):
    """Something that is done in a thread of its own, from now on until its result is asked for, or for the length of a
    with block.

    The thread is in the network namespace in which the process is now, wherever that goes meanwhile (setns(2)).
    """

    def __init__(self, work: Callable[[], T]) -> None:
        super().__init__()
        self._work = work
        self._done: list[T] = []
        self._failed: Exception | None = None
        self.start()

    def __enter__(self) -> None:
        """It is at work already."""

    def __exit__(self, kind: object, error: object, where: object) -> None:
        """Wait for it; what it failed with is raised where the block has not failed itself."""
        self.join()
        if error is None:
            self.result()

    def run(self) -> None:
        """Do it."""
        try:
            self._done.append(self._work())
        except Exception as error:  # raised where the result is asked for
            self._failed = error

    def result(self) -> T:
        """What it came to, or what it failed with."""
        self.join()
        if self._failed is not None:
            raise self._failed
        return self._done[0]
