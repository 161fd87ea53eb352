# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The molecule scenarios pass; the one that takes longest is in tests/full/test_molecule.py."""

from __future__ import annotations

import pytest

from kit import scenarios


@pytest.mark.slow
@pytest.mark.parametrize("scenario", scenarios.SHORT)
def test_scenario(scenario, tmp_path):
    scenarios.run(scenario, tmp_path)
