# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of a lab that a killed run leaves are regenerated or removed by the next."""

from __future__ import annotations

import shutil
from unittest import mock

import pytest

from ansible_collections.virtnet.linux.plugins.module_utils.lab import files


class Killed(BaseException):
    """An exception that no code of the collection catches."""


def kill(*_arguments, **_options):
    raise Killed


def test_a_lab_with_a_killed_removal_is_recognized(tmp_path):
    lab = tmp_path / "lab"
    (lab / "hosts" / "h1").mkdir(parents=True)
    for name in (files.INVENTORY, files.LAB_SCRIPT, files.KEY):
        (lab / name).write_text("{}")
    with mock.patch.object(shutil, "rmtree", kill), pytest.raises(Killed):
        files.remove(lab)
    files.refuse_foreign(lab)
    files.remove(lab)
    assert not lab.exists()


def test_a_key_with_an_empty_public_half_is_regenerated(tmp_path):
    lab = mock.Mock(directory=tmp_path, all_hosts=lambda: [])
    key = tmp_path / files.KEY
    key.write_text("half")
    key.with_name(key.name + ".pub").write_text("")
    assert files.missing_keys(lab) == [key]
    files.make_keys([key])
    assert files.missing_keys(lab) == []
