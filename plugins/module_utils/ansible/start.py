# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Entry points of modules. The engine is imported inside the functions, after read_once() has set up its import."""

from __future__ import annotations

from ansible_collections.virtnet.linux.plugins.module_utils.ansible.zipped import read_once


def run_object(kind: str) -> None:
    """Run a kind's module."""
    read_once()
    from ansible_collections.virtnet.linux.plugins.module_utils.ansible import module

    module.run_object(kind)


def run_topology() -> None:
    """Run the module for a whole topology."""
    read_once()
    from ansible_collections.virtnet.linux.plugins.module_utils.ansible import module

    module.run_topology()


def run_limits() -> None:
    """Run the module that raises the kernel's limits."""
    read_once()
    from ansible_collections.virtnet.linux.plugins.module_utils.ansible import module

    module.run_limits()


def run_info() -> None:
    """Run the module that gathers facts."""
    read_once()
    from ansible_collections.virtnet.linux.plugins.module_utils.ansible import module
    from ansible_collections.virtnet.linux.plugins.module_utils.inspect.report import report

    module.run_info(report)


def run_command() -> None:
    """Run the module that installs the command virtnet."""
    read_once()
    from ansible_collections.virtnet.linux.plugins.module_utils.ansible import module

    module.run_command()
