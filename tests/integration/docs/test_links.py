# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every link of the tarball's pages resolves: what the tarball lacks has a full address."""

from __future__ import annotations

import os
import re
import tarfile

import pytest

from kit import checkout

REPOSITORY = re.compile(r"https://github\.com/ansible-collections/virtnet\.linux/(?:blob|tree)/main/([^)#\s]+)")
# [words](TARGET), ![picture](TARGET) and [words]: TARGET
LINK = re.compile(r"\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """The files of the tarball, with their texts where they are pages."""
    with tarfile.open(checkout.build(tmp_path_factory.mktemp("built"))) as tarball:
        names = [name for name in tarball.getnames() if name.endswith((".md", ".rst"))]
        return dict.fromkeys(tarball.getnames()) | {name: tarball.extractfile(name).read().decode() for name in names}


def pages(shipped):
    """Each page, and what it says outside of examples."""
    return [(name, FENCE.sub("", text)) for name, text in shipped.items() if text]


def anchors(text):
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_tarball_has_the_pages(shipped):
    read = {name for name, _text in pages(shipped)}
    assert {"README.md", "CHANGELOG.rst", "docs/services.md", "roles/bridge_network/README.md"} <= read


def test_relative_links_resolve_in_the_tarball(shipped):
    lost = []
    for page, text in pages(shipped):
        for link in ("".join(found) for found in LINK.findall(text)):
            path, _hash, anchor = link.partition("#")
            target = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
            is_there = target in shipped and (not anchor or anchor in anchors(shipped[target] or ""))
            if not is_there and not re.match(r"[a-z]+:", link):
                lost.append("%s: %s" % (page, link))
    assert lost == []


def test_links_to_the_repository_resolve(shipped):
    links = [link for _page, text in pages(shipped) for link in REPOSITORY.findall(text)]
    assert "examples/infra" in links
    assert [link for link in links if not (checkout.HOME / link).exists()] == []
