# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a name is not found and a known one is like it, the error asks whether that was meant."""

from __future__ import annotations

import time

import pytest
from unit.planner.simulated_host import WEB, errors, live_after, topology

NGINX = {"name": "nginx", "networks": ["web"]}
NEAR_MISSES = [
    # networks, containers, the end of the error
    ([WEB], [{"name": "c", "networks": ["wbe"]}], "known: web; did you mean web?"),
    ([WEB], [NGINX, {"name": "c", "network_mode": "container:ngnix"}], "existing on the host; did you mean nginx?"),
    ([WEB, {"name": "db", "subnet": "10.1.0.0/24", "connect": ["Web"]}], [], "none that exists; did you mean web?"),
    ([{**WEB, "subnett": "10.0.0.0/24"}], [], "is no field; did you mean subnet?"),
]


@pytest.mark.parametrize(("networks", "containers", "end"), NEAR_MISSES)
def test_an_error_names_what_may_be_meant(networks, containers, end):
    (error,) = errors(networks, containers)
    assert error.endswith(end)


def test_an_undeclared_container_may_be_meant_too():
    live = live_after(topology([WEB], [NGINX]))
    (error,) = errors([WEB], [{"name": "c", "network_mode": "container:nginxx"}], live=live)
    assert error.endswith("did you mean nginx?")


@pytest.mark.parametrize("name", ["database", "x" * 63, "z"])
def test_nothing_is_guessed_where_no_name_is_near(name):
    (error,) = errors([WEB], [{"name": "c", "networks": [name]}])
    assert error.endswith("known: web")


def test_thousands_of_misspelt_names_among_thousands_take_no_longer():
    networks = [{"name": "network-%d" % n, "subnet": "10.%d.%d.0/24" % divmod(n, 256)} for n in range(2000)]
    containers = [{"name": "c%d" % n, "networks": ["nteworx-%d" % n]} for n in range(2000)]
    start = time.process_time()
    assert "did you mean network-0?" in errors(networks, containers)[0]
    assert time.process_time() - start < 10, "each with each other takes minutes"
