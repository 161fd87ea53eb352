# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`python -m benchmarks.converge FILE`: the engine, on a topology that lies in a file; prints its milliseconds.

It imports what the engine needs and nothing else, for that counts where the clock is around the process.
"""

from __future__ import annotations

import json
import sys
import time

from ansible_collections.virtnet.linux.plugins.module_utils.engine.converge import converge
from ansible_collections.virtnet.linux.plugins.module_utils.engine.registry import KINDS
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Topology


def main(path: str) -> None:
    """Converge once."""
    for kind in KINDS.values():  # which else are read when they are first used
        assert kind.KIND
    with open(path) as file:
        document = Topology.read(json.load(file))
    began = time.perf_counter()
    converge(document)
    print((time.perf_counter() - began) * 1000)


if __name__ == "__main__":
    main(sys.argv[1])
