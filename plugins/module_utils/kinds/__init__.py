# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of object, each imported when it is first used (importlib.util.LazyLoader).

A host receives a module as source and compiles every import at each start; the kinds are a third of that, and no run
needs all of them. ``from PACKAGE import KIND`` works as usual and gives a module that is loaded on first access.
"""

from __future__ import annotations

import importlib.util
import pkgutil
import sys


def _read_later(name: str) -> None:
    """Import a module lazily; Python 3.9 loads modules from a ZIP file at once."""
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.loader is not None and hasattr(spec.loader, "exec_module"):
        spec.loader = importlib.util.LazyLoader(spec.loader)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        globals()[name.rpartition(".")[2]] = module


for _kind in pkgutil.iter_modules(__path__):
    _read_later(__name__ + "." + _kind.name)
