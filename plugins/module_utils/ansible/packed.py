# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command virtnet travels with the modules that install it: Ansible sends a module with what it imports, and the
command is packed from these sources (persist/persistence.py)."""

from __future__ import annotations


def command() -> object:
    """Return the command's function main; it is imported when this is called, and packed in any case."""
    from ansible_collections.virtnet.linux.plugins.module_utils.command import main

    return main.main
