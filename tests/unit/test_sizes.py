# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file has one reason to change: no file of plugins/ exceeds the limit."""

from __future__ import annotations

import pytest

from kit.checkout import HOME

MOST = 500  # lines


@pytest.mark.parametrize("source", sorted((HOME / "plugins").rglob("*.py")), ids=lambda source: source.name)
def test_no_file_is_too_long(source):
    assert len(source.read_text().splitlines()) <= MOST
