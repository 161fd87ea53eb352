# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints at the top of a run which Pythons and versions of ansible-core are tested: those that this machine has."""

from __future__ import annotations

from kit import pythons


def pytest_report_header() -> list[str]:
    """Two lines for a person."""
    hosts = ["%s%s" % (version, "" if version in pythons.found() else " MISSING") for version in pythons.VERSIONS]
    cores = [
        "%s on %s" % (core, pythons.controllers().get(core) or "NOTHING: no Python " + ", ".join(desired))
        for core, desired in pythons.CONTROLLERS.items()
    ]
    return ["managed hosts' Python: " + ", ".join(hosts), "controllers' ansible-core: " + "; ".join(cores)]
