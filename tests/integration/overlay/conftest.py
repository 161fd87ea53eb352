# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Three hosts for a test that changes them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from integration.overlay.fabric_lab import Lab, lab_in


@pytest.fixture
def lab(tmp_path) -> Iterator[Lab]:
    """Three hosts with nothing on them."""
    with lab_in(tmp_path / "lab") as made:
        yield made
