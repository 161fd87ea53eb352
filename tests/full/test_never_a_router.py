# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host that was no router is none at any moment of a run that creates or removes networks, wherever the run is
killed.

Two neighbours try to route through it, each with a route to the other via the host.
"""

from __future__ import annotations

import itertools

import pytest
from integration.robust import engine
from integration.robust.documents import absent
from integration.robust.test_no_router import LANS, NETWORKS, routed
from integration.robust.test_uplinks import by

from kit import snapshot

SWITCHES = {kind: NETWORKS[kind] for kind in ("bridge", "bridge_policy")}
OF_BOTH = {kind: [one for one in objects if "two" in str(one)] for kind, objects in SWITCHES.items()}
BY_UPLINK = {**SWITCHES, "bridge_policy": by("to-left")["bridge_policy"]}
WAYS = {  # what stands before, the run that is killed
    "the first networks": (absent(SWITCHES), SWITCHES),
    "the last networks": (SWITCHES, absent(SWITCHES)),
    "the last of IPv6": (SWITCHES, absent(OF_BOTH)),
    "from the host to uplinks": (SWITCHES, BY_UPLINK),
}


@pytest.mark.parametrize("way", WAYS)
def test_the_host_is_no_router_at_any_moment_of_a_run(host, way, record_property):
    before, document = WAYS[way]
    host.sh(LANS)
    empty = host.snapshot()
    for step in itertools.count():
        engine.run(host, before)
        where = engine.killed(host, document, step)
        assert routed(host) == set(), where
        if where is None:
            break
        engine.run(host, document)
    record_property("count: runs killed at a step, while others try to route through the host", step)
    assert step > 10
    engine.run(host, absent(SWITCHES))
    assert routed(host) == set()
    snapshot.same(empty, host.snapshot())
