# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The examples and commands of the documentation work, and print what is on the page."""

from __future__ import annotations

import pytest
from integration.docs.pages import LANGUAGES, PAGES, blocks, differences, name_of, unfenced, unused
from integration.docs.session import Session
from integration.robust import engine

from kit import openvswitch
from kit.checkout import HOME

# What a page requires of its reader's machine. A veth acts as a NIC.
REQUIRED = {
    "README.md": "ansible-galaxy collection build --output-path build {HOME}",
    "roles/bridge_network/README.md": """
        for nic in enp3s0 enp4s0; do ip link add $nic type veth peer name far-$nic; ip link set far-$nic up; done
    """,
    "docs/open-vswitch.md": openvswitch.START + "ip link add enp3s0 type veth peer name far; ip link set far up",
}


# They play whole playbooks, and some against several hosts.
LONG = ("docs/seeing-it.md", "docs/how-it-works.md", "docs/containers-as-hosts.md", "docs/services.md",
        "roles/overlay_network/README.md", "roles/lab_hosts/README.md", "roles/prepare_host/README.md")  # fmt: skip
FOLLOWED = [
    pytest.param(page, id=name_of(page), marks=[pytest.mark.long] if name_of(page) in LONG else [])
    for page in PAGES
    if blocks(page)
]


@pytest.mark.parametrize("page", FOLLOWED)
def test_a_page_can_be_followed(page, host, tmp_path):
    engine.own_disks(host)
    session = Session(host, tmp_path)
    session.run("sh", "-ec", REQUIRED.get(name_of(page), "true").replace("{HOME}", str(HOME)))
    found = [line for section in session.read(blocks(page)) for line in differences(*section)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_code_block_is_fenced_and_used(page):
    assert unfenced(page) == [] and unused(page) == []
    assert {block.language for block in blocks(page)} <= set(LANGUAGES)


def test_blocks_that_are_not_run_are_known():
    """Each block that is not run, with its reason."""
    reasons = {(name_of(page), block.why_not_run) for page in PAGES for block in blocks(page)}
    assert {"%s: %s" % found for found in reasons if found[1]} == {
        "docs/architecture.md: not run: every option there is; held against the engine by a test",
        "docs/architecture.md: not run: a report; held against a real one by a test",
        "docs/what-survives.md: not run: it takes two uplinks; tests/integration/robust/test_policy_routing.py runs it",
        "docs/services.md: in the long run: needs Podman and an image",
        "docs/services.md: in the long run: needs Docker and an image",
        "roles/prepare_host/README.md: not run: the limits are the machine's",
    }
