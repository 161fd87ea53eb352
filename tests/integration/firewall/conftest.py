# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One lab for all tests of a file; each of them loads the firewall that it needs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from integration.firewall import lab as kit


@pytest.fixture
def host() -> Iterator[kit.Agent]:
    """A host with nothing but a firewall."""
    agent = kit.Agent("host")
    agent.hear()
    yield agent
    agent.close()


@pytest.fixture(scope="module")
def lab() -> Iterator[kit.Lab]:
    with kit.made() as lab:
        yield lab
