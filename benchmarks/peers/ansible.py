# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How peers that are playbooks are run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.host import run
from benchmarks.peers.peer import command_missing

_BIN = Path(sys.executable).parent


def playbook_missing() -> str | None:
    """Why no playbook can be run; None where one can."""
    return command_missing(str(_BIN / "ansible-playbook"))


def playbook(folder: Path, name: str) -> None:
    """Run a playbook against this host."""
    (folder / "ansible.cfg").touch()  # and none of the folder that we are in
    environment = {
        **os.environ,
        "ANSIBLE_HOME": str(folder / "ansible"),
        "ANSIBLE_LOCAL_TEMP": str(folder / "ansible"),
        "ANSIBLE_REMOTE_TEMP": str(folder / "ansible"),
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_PYTHON_INTERPRETER": sys.executable,
        "LC_ALL": "C.UTF-8",
    }
    run(
        str(_BIN / "ansible-playbook"), "-i", "localhost,", "--connection", "local", str(folder / name), env=environment
    )
