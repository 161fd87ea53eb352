# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes this checkout importable as ansible_collections.virtnet.linux, here and in every process a test starts; spreads
tests over processes."""

from __future__ import annotations

import collections
import os
import sys

import pytest
from hypothesis import settings

from kit import checkout, spread

ROOT = str(checkout.collections_root())

# No deadline: how long an example takes depends on the machine's other load. A run tries new examples; CI's tries the
# same ones each time, because it has to judge the change.
SAME = {"derandomize": True, "database": None} if "CI" in os.environ else {}
settings.register_profile("all", deadline=None, **SAME)
settings.register_profile("usual", settings.get_profile("all"), max_examples=50)
settings.register_profile("long", settings.get_profile("all"), max_examples=150)  # what holds for every plan
settings.register_profile("full", settings.get_profile("all"), max_examples=2000)  # junk
settings.load_profile("usual")

sys.path.insert(0, ROOT)
# ansible-playbook and molecule of the environment that runs pytest, however that was started
os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [ROOT, os.environ.get("PYTHONPATH")]))
os.environ["ANSIBLE_COLLECTIONS_PATH"] = ROOT


@pytest.hookimpl(tryfirst=True)  # before -m selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of full/ as long, and run the slowest first."""
    for item in items:
        if item.nodeid.startswith("tests/full/"):
            item.add_marker("long")
    items.sort(key=lambda item: spread.place(item.nodeid))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the counts that passing tests have recorded by record_property("count: …", n)."""
    counts: collections.Counter[str] = collections.Counter()
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name.startswith("count: "):
                counts[name.removeprefix("count: ")] += int(str(value))
    for what, number in counts.items():
        terminalreporter.write_line("%s: %d" % (what, number))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> spread.Scheduling:
    """With -n: schedule files in the order of kit/spread.py."""
    config.option.loadscopereorder = False
    return spread.Scheduling(config, log)
