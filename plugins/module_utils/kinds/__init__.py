# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The kinds of object, each read when something of it is first used.

A host gets a module as source and compiles at each start what is imported; the kinds are a third of that, and nobody
needs all of them at once. ``from PACKAGE import KIND`` is as usual, and gives a kind that is still to be read.
"""

from __future__ import annotations

import importlib.util
import pkgutil
import sys


def _read_later(name: str) -> None:
    """As `import name`, but for the reading; Python 3.9 reads at once what comes in a ZIP file, as modules do."""
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.loader is not None and hasattr(spec.loader, "exec_module"):
        spec.loader = importlib.util.LazyLoader(spec.loader)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        globals()[name.rpartition(".")[2]] = module


for _kind in pkgutil.iter_modules(__path__):
    _read_later(__name__ + "." + _kind.name)
