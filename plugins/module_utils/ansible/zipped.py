# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Import the engine from the ZIP file in which Ansible sends a module, and compile each source once.

Python's zipimport compiles a source to find its file name (zipimporter.get_filename(), for the module's __spec__), and
again to run it; for the engine that is half of a module's start time. The name is known from the path on which the
package was found.
"""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from zipimport import ZipImportError, zipimporter

PACKAGE = __name__.rsplit(".", 2)[0]  # module_utils


class Finder:
    """Finds the modules of this package in a ZIP file; for Python's sys.meta_path."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        """Return the spec of a module; None for one that is not of this package, or not in a ZIP file."""
        if not name.startswith(PACKAGE + ".") or not path:
            return None
        importer = pkgutil.get_importer(path[0])
        if not isinstance(importer, zipimporter):
            return None
        try:
            is_package = importer.is_package(name)
        except ZipImportError:
            return None
        file = "%s/%s" % (path[0], name.rpartition(".")[2])
        origin = file + ("/__init__.py" if is_package else ".py")
        spec = ModuleSpec(name, importer, origin=origin, is_package=is_package)  # type: ignore[arg-type] # it is a loader
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations = [file]
        return spec


def read_once() -> None:
    """Compile each module of this package that is imported from now on once, if it is in a ZIP file."""
    if any(isinstance(pkgutil.get_importer(place), zipimporter) for place in sys.modules[PACKAGE].__path__):
        sys.meta_path.insert(0, Finder)
