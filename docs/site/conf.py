# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How Sphinx makes the site.

`make docs` hands it the pages as they stand in the repository, README.md as index.md, and below reference/ what
antsibull-docs makes of the modules', roles' and plugins' own documentation.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from docutils import nodes

HOME = Path(__file__).resolve().parents[2]
REPOSITORY = "https://github.com/ansible-collections/virtnet.linux"
CORE = "https://docs.ansible.com/ansible/latest"
CORE_PAGES = {
    "action_plugins": "plugins/action",
    "callback_plugins": "plugins/callback",
    "common_return_values": "reference_appendices/common_return_values",
    "ansible_configuration_settings": "reference_appendices/config",
}

project = "virtnet.linux"
copyright = "The virtnet.linux authors"
extensions = ["myst_parser", "sphinx_antsibull_ext"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = project
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "footer_icons": [{"name": "Source", "url": REPOSITORY, "html": "Source", "class": ""}],
}

# The theme has a table of contents of its own at each page's side.
_CONTENTS = re.compile(r"^\.\. contents::.*\n(?: +\S.*\n)*", re.MULTILINE)
_LINK = re.compile(r"(?<=\]\()(?![a-z]+:)([^)#\s]+)(?=[)#])")
# How pages link to what the collection's tarball lacks, which may be a page here.
_ABSOLUTE = re.compile(re.escape(REPOSITORY) + r"/(?:blob|tree)/main/([^)#\s]+)")


def _page(app, docname, source):
    """Links to pages of the site stay in it; those to what is none lead to the repository, as long as it is there."""

    def kept(link):
        page = next((page for page in (link.group(1), link.group(1) + "/README.md") if _is_page(app, page)), None)
        return os.path.relpath(page, os.path.dirname(docname) or ".") if page else link.group()

    def resolved(link):
        path = os.path.normpath(os.path.join(os.path.dirname(docname), link.group(1)))
        if path == "README.md":
            return os.path.relpath("index.md", os.path.dirname(docname) or ".")
        if not _is_page(app, path) and (HOME / path).exists():
            return "%s/%s/main/%s" % (REPOSITORY, "tree" if (HOME / path).is_dir() else "blob", path)
        return link.group(1)

    source[0] = _CONTENTS.sub("", _LINK.sub(resolved, _ABSOLUTE.sub(kept, source[0])))


def _is_page(app, path):
    return (Path(app.srcdir) / path).is_file()


def _core(app, env, node, contnode):
    """What the modules' documentation refers to in Ansible's own; the site is built without asking that."""
    label = node["reftarget"]
    plugin = re.fullmatch(r"ansible_collections\.ansible\.builtin\.(\w+)", label)
    page = "collections/ansible/builtin/" + plugin.group(1) if plugin else CORE_PAGES.get(label)
    return nodes.reference("", "", contnode, refuri="%s/%s.html" % (CORE, page)) if page else None


def setup(app):
    """Called by Sphinx."""
    app.connect("source-read", _page)
    app.connect("missing-reference", _core)
