# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The command virtnet as one file: a zipapp of this engine's sources and of their bytecode.

With sources alone each start would compile them, which takes five times as long as to load the bytecode. Another Python
than that of the run ignores the bytecode and compiles the sources: zipimport, PEP 552.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import marshal
import re
import sys
import zipfile
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from typing import Any

_PACKAGE = __name__.rsplit(".", 2)[0]  # module_utils
_ENTRY = _PACKAGE + ".command.main"
_IMPORT = re.compile(r"^ *from (%s[\w.]*) import (?:\(([^)]*)\)|(.*))$" % re.escape(_PACKAGE), re.MULTILINE)
_MAIN = f"import sys\nfrom {_ENTRY} import main\nsys.exit(main(sys.argv[1:]))\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)  # fixed, so that the same sources give the same file
_UNCHECKED = (1).to_bytes(4, "little")  # PEP 552: hash-based, and not compared with the source at import


def packed(path: str, installed: bytes) -> bytes:
    """Return the archive as it is to be at the path. Bytecode of the installed one is kept where it is that of these
    sources and this Python, because to compile all takes a third of a second, and may give other bytes each time."""
    before = _compiled_in(installed)
    buffer = io.BytesIO()
    buffer.write(b"#!%s\n" % sys.executable.encode())
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("__main__.py", _EPOCH), _MAIN)  # runpy reads its source in any case
        for name, source in sorted(_sources().items()):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), source)
            header = importlib.util.MAGIC_NUMBER + _UNCHECKED + importlib.util.source_hash(source)
            kept = before.get(name + "c", b"")
            code = kept if kept.startswith(header) else header + _compiled(source, "%s/%s" % (path, name))
            archive.writestr(zipfile.ZipInfo(name + "c", _EPOCH), code)
    return buffer.getvalue()


def _compiled(source: bytes, path: str) -> bytes:
    return marshal.dumps(compile(source, path, "exec", dont_inherit=True))


def _compiled_in(installed: bytes) -> dict[str, bytes]:
    """Return the bytecode of an archive by its name; nothing where it is damaged."""
    try:
        with zipfile.ZipFile(io.BytesIO(installed)) as archive:
            return {name: archive.read(name) for name in archive.namelist() if name.endswith(".pyc")}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return {}


def _sources() -> dict[str, bytes]:
    """Return the sources of the command and of the modules that it imports, by path below the packages."""
    found: dict[str, bytes] = {}
    waiting = [_ENTRY]
    while waiting:
        name = waiting.pop()
        spec = _spec(name)
        if spec is None:  # not a module, but a name in one
            continue
        path = name.replace(".", "/") + (".py" if spec.submodule_search_locations is None else "/__init__.py")
        if path in found:
            continue
        loader: Any = spec.loader
        source = loader.get_source(name) or ""
        found[path] = source.encode()
        waiting += _imports(source)
    for path in list(found):  # the packages above each file; those not imported by name have nothing of their own
        folders = path.split("/")[:-1]
        for end in range(1, len(folders) + 1):
            found.setdefault("/".join([*folders[:end], "__init__.py"]), b"")
    return found


def _imports(source: str) -> Iterator[str]:
    """Yield the modules of this engine that a source imports, in functions too; also names that are not modules."""
    for package, some, one in _IMPORT.findall(source):
        yield package
        for name in (some or one).replace("\n", "").split(","):
            yield package + "." + name.strip().split(" ")[0]


def _spec(name: str) -> ModuleSpec | None:
    above = name.rpartition(".")[0]
    parent = sys.modules.get(above) or (importlib.import_module(above) if _spec(above) is not None else None)
    return importlib.util.find_spec(name) if hasattr(parent, "__path__") else None
