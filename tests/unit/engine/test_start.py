# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module starts from a ZIP file, as Ansible sends it: each source is compiled once, and those of undeclared kinds are
not compiled.
"""

from __future__ import annotations

import json
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from kit import pythons
from kit.checkout import HOME

FIRST = ("ansible/zipped.py", "ansible/__init__.py", "__init__.py")  # they come before what zipped.py does
PACKAGE = "ansible_collections/virtnet/linux/plugins/module_utils"
START = """
import json, sys
compiled = []
sys.addaudithook(lambda event, given: event == "compile" and compiled.append(str(given[1])))
sys.path.insert(0, sys.argv[1])
from ansible_collections.virtnet.linux.plugins.module_utils.ansible.zipped import read_once
%s
from ansible_collections.virtnet.linux.plugins.module_utils.engine import converge, registry
from ansible_collections.virtnet.linux.plugins.module_utils.nft import firewall
from ansible_collections.virtnet.linux.plugins.module_utils.persist import persistence
before = list(compiled)
assert registry.KINDS["veth"].KIND
print(json.dumps([before, compiled, firewall.__file__, firewall.__spec__.loader.get_source(firewall.__name__)]))
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("start") / "payload.zip"
    engine = HOME / "plugins" / "module_utils"
    with zipfile.ZipFile(file, "w") as made:
        for depth in range(1, PACKAGE.count("/") + 2):
            made.writestr("/".join(PACKAGE.split("/")[:depth]) + "/__init__.py", "")
        for source in sorted(engine.rglob("*.py")):
            if source != engine / "__init__.py":
                made.write(source, PACKAGE + "/" + str(source.relative_to(engine)))
    return file


def start(python: Path, archive: Path, first: str) -> Any:
    done = subprocess.run([python, "-c", START % first, archive], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def ours(compiled: list[str]) -> list[str]:
    return sorted(name.split(PACKAGE + "/")[1] for name in compiled if PACKAGE + "/" in name)


@pytest.mark.parametrize("version", pythons.found())
def test_each_source_is_compiled_once_and_when_it_is_used(archive, version):
    before, compiled, file, source = start(pythons.found()[version], archive, "read_once()")
    late = [name for name in ours(compiled) if name not in FIRST]
    assert len(set(late)) == len(late)
    assert "engine/converge.py" in late and "kinds/veth.py" in late
    if version != "3.9":
        assert "kinds/vxlan_tunnel.py" not in late and "kinds/veth.py" not in ours(before)
    assert file == "%s/%s/nft/firewall.py" % (archive, PACKAGE)
    assert source == (HOME / "plugins/module_utils/nft/firewall.py").read_text()


def test_python_by_itself_compiles_twice(archive):
    """The reason for zipped.py."""
    counts = []
    for python in pythons.found().values():
        _before, compiled, _file, _source = start(python, archive, "")
        counts.append(ours(compiled).count("engine/converge.py"))
    assert max(counts) == 2
