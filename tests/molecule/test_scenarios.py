# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The molecule scenarios pass."""

from __future__ import annotations

import pytest

from kit import scenarios

LONG = ("overlay", "nat_between_hosts")


@pytest.mark.slow
@pytest.mark.parametrize(
    "scenario",
    [pytest.param(one, marks=[pytest.mark.long] if one in LONG else []) for one in scenarios.SCENARIOS],
)
def test_scenario(scenario, tmp_path):
    scenarios.run(scenario, tmp_path)
