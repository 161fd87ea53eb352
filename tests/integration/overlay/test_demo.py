# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `make overlay` shows."""

from __future__ import annotations

import pytest
from integration.overlay.fabric_lab import PLAY, recap, run

from kit import checkout

INVENTORY = checkout.HOME / "playbooks" / "inventory" / "overlay_demo.yml"


@pytest.mark.long
def test_one_screen_shows_reachability_a_frame_and_the_overhead(lab):
    sources = [f"--inventory={lab.directory / 'inventory.json'}", f"--inventory={INVENTORY}"]
    predicted = run(["ansible-playbook", *sources, PLAY, "virtnet.linux.overlay_demo_show", "--check"], check=False)
    assert predicted.returncode == 0, predicted.stdout + predicted.stderr
    for changed in (True, False):
        done = run(["ansible-playbook", *sources, PLAY, "virtnet.linux.overlay_demo_show"], check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert any(host["changed"] for host in recap(done.stdout).values()) == changed
        screen = done.stdout[done.stdout.index("One network over three hosts") :]
        for words in (
            "10.99.0.2    c4 10.42.0.4, c5 10.42.0.5       3",
            "Hello from c6 on h3, you are 10.42.0.5",
            "> 10.99.0.2.4789: VXLAN, flags [I] (0x08), vni 4242",
            "10.42.0.2 > 10.42.0.4: ICMP echo request",
            "Hello from c5 on h2, you are 10.99.255.254",
            "between containers through the tunnel",
            "make overlay-down",
        ):
            assert words in screen, screen
        assert screen.count("Hello from") == 5 * 4 + 1
