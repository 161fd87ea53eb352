# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes this checkout importable as ansible_collections.virtnet.linux, here and in every process a test starts."""

from __future__ import annotations

import os
import sys

from kit import checkout

ROOT = str(checkout.collections_root())

sys.path.insert(0, ROOT)
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [ROOT, os.environ.get("PYTHONPATH")]))
os.environ["ANSIBLE_COLLECTIONS_PATH"] = ROOT
