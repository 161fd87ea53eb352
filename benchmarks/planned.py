# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""`python -m benchmarks.planned`: from a role's declaration on stdin to the topology that the role would hand over,
complete as the module makes it, on stdout."""

from __future__ import annotations

import json
import sys
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.inspect.report import report
from ansible_collections.virtnet.linux.plugins.plugin_utils.plan.host import plan


def planned(declared: dict[str, Any]) -> dict[str, Any]:
    """The topology; SystemExit with all that is wrong with the declaration."""
    whole = {
        "role": "bridge_network",
        "networks": [],
        "containers": [],
        "purge": False,
        "host": "localhost",
        **declared,
    }
    found = plan(whole, report()).plain()
    if found["errors"]:
        raise SystemExit("\n".join(found["errors"]))
    topology: dict[str, Any] = found["topology"]
    return topology


if __name__ == "__main__":
    print(json.dumps(planned(json.load(sys.stdin))))
