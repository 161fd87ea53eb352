# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs the commands of pages, and writes their output into each section where it differs.

Sections with a line `...` are not changed.

    PYTHONPATH=tests python -m integration.docs.renew docs/how-it-works.md
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from integration.docs.pages import blocks, differences
from integration.docs.session import Session

from kit import checkout
from kit.host import Host


def renew(page: Path) -> None:
    """Run the commands of a page and write their output into it."""
    lines = page.read_text().splitlines()
    with Host() as host, tempfile.TemporaryDirectory() as directory:
        sections = list(Session(host, Path(directory)).read(blocks(page)))
    found = [pair for section in sections if differences(*section) for pair in zip(*section)]
    for command, printed in sorted(found, key=lambda pair: pair[0].line, reverse=True):
        if "..." not in command.printed:
            lines[command.line + 1 : command.line + 1 + len(command.printed)] = [line.rstrip() for line in printed]
    page.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    root = str(checkout.collections_root())
    sys.path.insert(0, root)
    os.environ.update(ANSIBLE_COLLECTIONS_PATH=root, PYTHONPATH=root)
    for name in sys.argv[1:]:
        renew(Path(name).resolve())
