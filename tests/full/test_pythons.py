# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every Python that a managed host may have, with the oldest and the newest pyroute2, but those that `make test` runs:
the two ends, and the Python that runs all other tests."""

from __future__ import annotations

import sys

import pytest
from integration.test_pythons import make_and_remove_a_container

from kit import pythons

RUN = "%d.%d" % sys.version_info[:2]
PAIRS = [pair for pair in pythons.pairs() if pair not in pythons.ends() and pair[0] != RUN]


@pytest.mark.parametrize("version, pyroute2", PAIRS)
def test_a_container_comes_and_goes(version, pyroute2, tmp_path):
    make_and_remove_a_container(version, pyroute2, tmp_path)
