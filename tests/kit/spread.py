# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which tests run in one process, and in which order, so that all processes finish at about the same time.

The tests of a file stay together, because many share expensive fixtures. The slowest run first.
"""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

ALONE = (  # they share nothing
    "tests/molecule/",
    "tests/integration/controllers/",
    "tests/integration/test_pythons.py",
    "tests/full/test_many_histories.py",
    "tests/full/test_killed_everywhere.py",
    "tests/full/test_never_a_router.py",
    "tests/full/test_much_bad_input.py",
)
ORDER = (
    "tests/full/test_reboot.py",
    "tests/full/test_nic_return.py",
    "tests/full/test_kernels.py",
    "tests/full/test_engines.py",
    "tests/full/test_load.py",
    "tests/full/test_f",
    "tests/full/test_netavark.py",
    *ALONE,
    "tests/integration/examples/",
    "tests/integration/role_l2l3/test_connect.py",
    "tests/integration/overlay/",
    "tests/integration/lab_hosts/",
    "tests/integration/playbooks/",
    "tests/integration/robust/",
    "tests/integration/",
)


def place(nodeid: str) -> int:
    """The position of a test in the order."""
    return next((number for number, start in enumerate(ORDER) if nodeid.startswith(start)), len(ORDER))


class Scheduling(LoadScopeScheduling):
    """Gives files to processes in the order of place()."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(ALONE) else nodeid.split("::", 1)[0]
