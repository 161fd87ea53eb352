# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A lab waits for its processes, which write their identity to files."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path

import pytest

from ansible_collections.virtnet.linux.plugins.module_utils.lab import process

SAY = 'read -r stat < /proc/self/stat; set -- "$1" ${stat##*) }; shift 20; echo "$$ $1" > "$0"; exec sleep infinity'


def test_a_process_has_started_when_it_reports_ready(tmp_path):
    """Also between two reads of its file: such a process was once considered ended."""
    stat = Path("/proc/self/stat").read_text()
    own = "%d %s\n" % (os.getpid(), stat.rpartition(")")[2].split()[19])
    for number in range(300):
        file = tmp_path / str(number)
        later = threading.Timer(0.004 + number / 1e5, file.write_text, [own])
        later.start()
        assert process.wait(file, "/", tmp_path / "log", 10) == os.getpid()
        later.join()


def test_an_ended_process_is_not_waited_for(tmp_path):
    file = tmp_path / "pid"
    subprocess.run(["sh", "-c", SAY.replace("exec sleep infinity", "echo no network >&2"), str(file), "-"],
                   stderr=(tmp_path / "log").open("w"), check=True)  # fmt: skip
    with pytest.raises(process.LabError, match="no network"):
        process.wait(file, "/", tmp_path / "log", 60)
