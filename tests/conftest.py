# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes this checkout importable as ansible_collections.virtnet.linux, here and in every process a test starts; spreads
tests over processes."""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import settings

from kit import checkout, spread

ROOT = str(checkout.collections_root())

# No deadline: how long an example takes is the machine's affair, which may have others to serve.
settings.register_profile("usual", deadline=None, max_examples=50)
settings.register_profile("long", deadline=None, max_examples=150)  # what holds for every plan, in `make test-full`
settings.register_profile("full", deadline=None, max_examples=2000)  # junk, there too
settings.load_profile("usual")

sys.path.insert(0, ROOT)
# ansible-playbook and molecule of the environment that runs pytest, however that was started
os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [ROOT, os.environ.get("PYTHONPATH")]))
os.environ["ANSIBLE_COLLECTIONS_PATH"] = ROOT


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long comes first."""
    items.sort(key=lambda item: spread.place(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> spread.Scheduling:
    """With -n: by this order, and not by how many tests a file has."""
    config.option.loadscopereorder = False
    return spread.Scheduling(config, log)
