# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two hundred random histories, in four parts that may run in parallel."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from integration.robust.histories import History

FIFTY = settings(max_examples=50, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck))


class Counted:
    """Records how many histories were completed."""

    @pytest.fixture(autouse=True)
    def recorder(self, record_property):
        self.record = record_property

    def runTest(self):
        before = History.ended
        super().runTest()
        self.record("count: histories", History.ended - before)


class TestFirst(Counted, History.TestCase):
    settings = FIFTY


class TestSecond(Counted, History.TestCase):
    settings = FIFTY


class TestThird(Counted, History.TestCase):
    settings = FIFTY


class TestFourth(Counted, History.TestCase):
    settings = FIFTY
