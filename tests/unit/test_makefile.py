# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the Makefile would run, without running it."""

from __future__ import annotations

import os
import subprocess

from kit.checkout import HOME


def test_the_quickstart_builds_nothing_but_the_collection():
    """A folder among its sources that is a target's name too would be made each time, as docs would."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    would = subprocess.run(
        ["make", "--dry-run", "quickstart"], cwd=HOME, env=plain, capture_output=True, text=True, check=True
    ).stdout
    assert "ansible-playbook virtnet.linux.quickstart" in would
    assert "sphinx" not in would and "pytest" not in would
