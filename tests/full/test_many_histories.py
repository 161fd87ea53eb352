# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two hundred random histories, in four parts that may be told at the same time."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from integration.robust.histories import History

FIFTY = settings(max_examples=50, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck))


class TestFirst(History.TestCase):
    settings = FIFTY


class TestSecond(History.TestCase):
    settings = FIFTY


class TestThird(History.TestCase):
    settings = FIFTY


class TestFourth(History.TestCase):
    settings = FIFTY
