# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From c3 on the first host to c5 on the second by SNAT and DNAT, and by no other way."""

from __future__ import annotations

import functools
import os

import pytest
import testinfra

LAB = os.environ["MOLECULE_EPHEMERAL_DIRECTORY"] + "/lab"
ASK = "python3 /run/nat_between_hosts_hello.py get http://{}/"


@functools.cache
def over_ssh(name):
    return testinfra.get_host(f"ssh://{name}", ssh_config=LAB + "/ssh_config")


def asks(host, container, where):
    """What the server answers; empty where it does not."""
    within = f"ip netns exec {container} " if container else ""
    done = over_ssh(host).run(within + ASK.format(where))
    return done.stdout.strip() if done.rc == 0 else ""


@pytest.fixture
def route():
    """A route from the first host to the second one's containers, which a neighbour could always add."""
    over_ssh("h1").run_test("ip route add 172.31.0.0/16 via 10.99.0.2")
    yield
    over_ssh("h1").run_test("ip route del 172.31.0.0/16")


def test_the_published_port_leads_to_c5_which_sees_the_first_host():
    assert asks("h1", "c3", "10.99.0.2:8080") == "Hello from c5, you are 10.99.0.1"


def test_c5_is_not_reachable_directly():
    assert asks("h1", "c3", "172.31.0.2") == ""


def test_c5_is_not_reachable_by_a_neighbour_with_a_route(route):
    assert asks("h1", None, "172.31.0.2") == ""
    assert asks("h1", "c3", "172.31.0.2") == ""
    assert over_ssh("h1").run("ping -nqc1 -W0.5 172.31.0.2").rc != 0


def test_other_ports_of_the_host_are_not_published():
    assert asks("h1", "c3", "10.99.0.2:80") == ""


def test_without_the_published_port_c5_is_unreachable():
    second = over_ssh("h2")
    second.run_test("nft list map inet virtnet pub4 >/run/pub4 && nft flush map inet virtnet pub4")
    try:
        assert asks("h1", "c3", "10.99.0.2:8080") == ""
    finally:
        second.run_test("nft -f /run/pub4")
    assert asks("h1", "c3", "10.99.0.2:8080") == "Hello from c5, you are 10.99.0.1"
