# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers of an overlay resolve each other by name, on any host."""

from __future__ import annotations

from integration.overlay.fabric_lab import on


def found(lab, host, container, name):
    """The addresses that a container resolves for a name."""
    output = lab.sh(host, "ip netns exec %s getent ahostsv4 %s | cut -d' ' -f1 | sort -u" % (container, name))
    return set(output.split())


def test_a_name_resolves_to_all_hosts_and_qualified_to_one(lab):
    lab.containers("h1", on("fabric", name="c1"))
    lab.containers("h2", on("fabric", name="c1"), on({"name": "fabric", "aliases": ["www"]}, name="c5"))
    lab.play()
    ones = {host: lab.address(host, "c1") for host in ("h1", "h2")}
    assert found(lab, "h1", "c1", "c1") == found(lab, "h2", "c5", "c1") == set(ones.values())
    for host, address in ones.items():
        assert found(lab, "h1", "c1", "c1." + host) == found(lab, "h2", "c5", "c1." + host) == {address}
    assert found(lab, "h1", "c1", "c5") == found(lab, "h1", "c1", "www") == {lab.address("h2", "c5")}
    lab.sh("h1", "ip netns exec c1 ping -c 1 -w 5 www")
