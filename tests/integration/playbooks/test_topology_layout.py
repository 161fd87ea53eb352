# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Graphviz makes of the drawing, whatever the fleet."""

from __future__ import annotations

import random
import subprocess
import xml.etree.ElementTree

import pytest
from unit.views import fleets

from ansible_collections.virtnet.linux.plugins.plugin_utils.views.graph import graph
from kit.checkout import HOME


def drawn(reports, form):
    """What Graphviz makes of it, in one of its forms; it has nothing to complain of."""
    done = subprocess.run(["dot", "-T" + form], input=graph(reports), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def places(reports):
    """Where each box stands, from the left and from the top."""
    words = [line.split() for line in drawn(reports, "plain").splitlines() if line.startswith("node ")]
    return {name.strip('"'): (float(x), -float(y)) for _node, name, x, y, *_rest in words}


def columns(reports):
    """The hosts' numbers as a person reads them: each column from its top."""
    found = {}
    for name, (x, y) in places(reports).items():
        host, _slash, box = name.partition("/")
        if box == "nic/eth0":
            found.setdefault(round(x), []).append((y, int(host.removeprefix("host"))))
    return [[number for _y, number in sorted(column)] for _x, column in sorted(found.items())]


def test_few_hosts_are_stacked():
    assert columns(fleets.overlay(3)) == [[1, 2, 3]]


def test_many_hosts_are_on_both_sides_in_order():
    assert columns(fleets.overlay(20)) == [list(range(1, 21, 2)), list(range(2, 21, 2))]
    assert places(fleets.overlay(20))["host1/nic/eth0"][0] < places(fleets.overlay(20))["overlay/4242/0"][0]


def test_an_overlay_is_near_each_of_its_hosts():
    found = places(fleets.overlay(20))
    for number in range(1, 21):
        tunnel, joint = found["host%d/tunnel/vx-fabric" % number], found["overlay/4242/%d" % ((number - 1) // 6)]
        assert abs(tunnel[1] - joint[1]) < 8, "inches"


def test_bridges_are_in_one_column():
    found = places(fleets.all_modes())
    assert len({round(x) for name, (x, _y) in found.items() if "/bridge/" in name}) == 1


def test_the_documentations_picture_is_current():
    """Made anew by: dot -Tsvg of graph(fleets.overlay(3))."""
    shown = xml.etree.ElementTree.parse(HOME / "docs" / "images" / "topology.svg").getroot()
    now = xml.etree.ElementTree.fromstring(drawn(fleets.overlay(3), "svg"))
    assert "".join(shown.itertext()).split() == "".join(now.itertext()).split()


@pytest.mark.parametrize("is_wild", [False, True], ids=["all on one overlay", "whatever there is"])
def test_random_fleets_can_be_drawn(is_wild):
    for seed in range(40):
        reports = fleets.drawn_by_lot(random.Random(seed), is_wild)
        if is_wild:
            places(reports)
        else:
            assert all(column == sorted(column) for column in columns(reports)), seed
