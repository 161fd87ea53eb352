# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes this checkout importable as ansible_collections.virtnet.linux, here and in every process a test starts."""

from __future__ import annotations

import os
import sys

from hypothesis import settings

from kit import checkout

ROOT = str(checkout.collections_root())

# No deadline: how long an example takes is the machine's affair, which may have others to serve.
settings.register_profile("usual", deadline=None)
settings.register_profile("full", deadline=None, max_examples=2000)
settings.load_profile("usual")

sys.path.insert(0, ROOT)
# ansible-playbook and molecule of the environment that runs pytest, however that was started
os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)])
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [ROOT, os.environ.get("PYTHONPATH")]))
os.environ["ANSIBLE_COLLECTIONS_PATH"] = ROOT
