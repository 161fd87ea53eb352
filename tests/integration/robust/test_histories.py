# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A few random histories; tests/full has two hundred."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from integration.robust.histories import History

TestHistory = History.TestCase
TestHistory.settings = settings(
    max_examples=4, stateful_step_count=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
