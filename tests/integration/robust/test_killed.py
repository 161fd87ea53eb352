# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that is killed: the next one ends in the declared state and the one after it has no work; nothing is left.

A few points each here; tests/full kills at every one.
"""

from __future__ import annotations

import pytest
from integration.robust import killing


@pytest.mark.parametrize("way", killing.WAYS)
def test_killed_at_a_step(host, way):
    assert killing.at_steps(host, way, range(5, 1000, 13)) > 3


@pytest.mark.parametrize("way", killing.WAYS)
def test_ended_after_an_action(host, way):
    assert killing.after_actions(host, way, range(1, 100, 7)) > 3
