# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Properties of every fabric, whatever its hosts declare and in whatever order they run."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.fabric.simulated_fabric import FABRIC, OTHER, SIX, Fabric, known, own

pytestmark = pytest.mark.slow

NETWORKS = [FABRIC, OTHER, SIX]
HOSTS = ["h1", "h2", "h3"]
NAMES = ["a", "b", "c", "d"]


@st.composite
def containers(draw):
    """One host's containers: some of four names, each on some networks, a few with a static address or MAC."""
    found = []
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True)):
        attachments = []
        for network in draw(st.lists(st.sampled_from(["fabric", "other", "six"]), unique=True, min_size=1, max_size=2)):
            attachment = {"name": network}
            if network == "fabric" and draw(st.integers(0, 4)) == 0:
                attachment["ipv4_address"] = f"10.42.0.{draw(st.integers(2, 9))}"
            if draw(st.integers(0, 6)) == 0:
                attachment["mac_address"] = f"02:42:0a:2a:00:{draw(st.integers(2, 9)):02x}"
            attachments.append(attachment)
        found.append({"name": name, "networks": attachments})
    return found


declarations = st.fixed_dictionaries({name: containers() for name in HOSTS})
steps = st.tuples(declarations, st.sets(st.sampled_from(HOSTS), min_size=1))
histories = st.lists(steps, min_size=1, max_size=4)


def lives(history, sliced=False):
    """The fabric after each run of a history; a refused run changes nothing. Yields (fabric, before, plan)."""
    fabric = Fabric(3, NETWORKS)
    for declared, hosts in history:
        for number, name in enumerate(HOSTS):
            fabric.declared[name]["containers"] = declared[name]
            fabric.declared[name]["purge"] = True
            if sliced:
                fabric.declared[name]["ip_ranges"] = {"fabric": f"10.42.0.{number * 32 + 32}/27"}
        planned = fabric.plan(sorted(hosts))
        if planned["errors"]:
            continue
        before = fabric.addresses()
        fabric.run(sorted(hosts))
        yield fabric, before, planned


@given(histories, st.booleans())
def test_addresses_and_macs_are_unique_in_the_fabric(history, sliced):
    for fabric, _before, _planned in lives(history, sliced):
        for found in (fabric.addresses(), {where: [mac] for where, mac in fabric.macs().items()}):
            pairs = [(where[2], one) for where, held in found.items() for one in held]
            assert len(pairs) == len(set(pairs))


@given(histories)
def test_existing_endpoints_keep_their_addresses(history):
    for fabric, before, _planned in lives(history):
        static = {
            (name, container["name"], attachment["name"])
            for name, declared in fabric.declared.items()
            for container in declared["containers"]
            for attachment in container["networks"]
            if "ipv4_address" in attachment
        }
        for where, addresses in fabric.addresses().items():
            assert where in static or where not in before or before[where] == addresses


@given(histories)
def test_every_host_has_exactly_the_others_entries(history):
    for fabric, _before, _planned in lives(history):
        planned = fabric.plan(HOSTS)
        if planned["errors"]:
            continue
        assert planned["lacking"] == []
        for network in ("fabric", "other", "six"):
            mine = {name: own(planned["hosts"][name], f"192.0.2.{name[1]}", network) for name in HOSTS}
            for name in HOSTS:
                others = set().union(*(mine[other] for other in HOSTS if other != name))
                assert known(planned["hosts"][name], network) == others


@given(declarations, st.permutations(HOSTS))
def test_the_order_of_hosts_does_not_matter(declared, order):
    at_once, one_by_one = Fabric(3, NETWORKS), Fabric(3, NETWORKS)
    for fabric in (at_once, one_by_one):
        for name in HOSTS:
            fabric.declared[name]["containers"] = declared[name]
    if at_once.plan()["errors"]:
        return
    at_once.run()
    for name in order:
        one_by_one.run([name])
    assert one_by_one.addresses() == at_once.addresses()
    assert one_by_one.macs() == at_once.macs()


@given(histories)
def test_planning_is_idempotent(history):
    for fabric, _before, _planned in lives(history):
        first = fabric.plan(HOSTS)
        if not first["errors"]:
            fabric.run(HOSTS)
            addresses, macs = fabric.addresses(), fabric.macs()
            fabric.run(HOSTS)
            assert (fabric.addresses(), fabric.macs()) == (addresses, macs)
