# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that is killed before and after every one of its changes to the host, and after every one of its actions."""

from __future__ import annotations

import pytest
from integration.robust import killing

APART = 8  # so many tests share the steps


@pytest.mark.parametrize("way", killing.WAYS)
@pytest.mark.parametrize("first", range(APART))
def test_killed_at_every_step(host, way, first):
    assert killing.at_steps(host, way, range(first, 10000, APART)) > 3


@pytest.mark.parametrize("way", killing.WAYS)
def test_ended_after_every_action(host, way):
    assert killing.after_actions(host, way, range(1000)) > 15
