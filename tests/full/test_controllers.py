# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every version of ansible-core that the collection is for, but the newest, with which `make test` runs the same."""

from __future__ import annotations

import pytest
from integration.controllers.test_controllers import run_everything

from kit import checkout, pythons


@pytest.fixture(scope="session")
def tarball(tmp_path_factory):
    return checkout.build(tmp_path_factory.mktemp("tarball"))


@pytest.mark.parametrize("core", list(pythons.controllers())[:-1])
def test_everything_runs_without_a_warning(core, tarball, tmp_path):
    run_everything(core, tarball, tmp_path)
