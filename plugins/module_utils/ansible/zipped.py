# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The engine out of the ZIP file in which Ansible sends a module, with each source compiled once.

Python's zipimport compiles a source to learn its file's name (zipimporter.get_filename(), for the module's __spec__),
and once more to run it; for the engine that is half of what the start of a module takes. The name is plain from the
path on which the package was found.
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
    """Finds the parts of this package where they lie in a ZIP file; for Python's sys.meta_path."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        """How to load a module; None for what is no part of this package, or in no ZIP file."""
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
    """From now on compile what is imported of this package once, if it comes in a ZIP file."""
    if any(isinstance(pkgutil.get_importer(place), zipimporter) for place in sys.modules[PACKAGE].__path__):
        sys.meta_path.insert(0, Finder)
