# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names on overlays: every container on every host, as NAME and as NAME.HOST."""

from __future__ import annotations

from unit.fabric.simulated_fabric import Fabric


def entries(topology, network="fabric"):
    (found,) = [one for one in topology["network_names"] if one["network"] == network]
    return {entry["address"]: entry["names"] for entry in found["entries"]}


def test_a_name_on_several_hosts_resolves_to_all_and_qualified_to_one():
    fabric = Fabric(2)
    for name, declared in fabric.declared.items():
        declared["containers"] = [{"name": "web", "networks": [{"name": "fabric", "aliases": ["www"]}]}]
        declared["bridge_containers"] = [{"name": f"own-{name}", "networks": ["fabric"]}]
    planned = fabric.run()
    names = {
        "10.42.0.2": ["own-h1", "own-h1.h1"],
        "10.42.0.3": ["web", "web.h1", "www"],
        "10.42.0.4": ["own-h2", "own-h2.h2"],
        "10.42.0.5": ["web", "web.h2", "www"],
    }
    assert {host: entries(topology) for host, topology in planned["hosts"].items()} == {"h1": names, "h2": names}
    assert planned["hosts"]["h1"]["resolver"] == [{"containers": ["web"], "networks": ["fabric"], "state": "present"}]


def test_containers_of_hosts_outside_the_run_keep_names_and_aliases():
    fabric = Fabric(2)
    for declared in fabric.declared.values():
        declared["containers"] = [{"name": "web", "networks": [{"name": "fabric", "aliases": ["www"]}]}]
    fabric.run()
    fabric.declared["h2"]["containers"] = []
    found = entries(fabric.run(["h1"])["hosts"]["h1"])
    assert found["10.42.0.3"] == ["web", "web.h2", "www"]


def test_inventory_names_that_are_no_hostnames_are_not_qualifiers():
    fabric = Fabric(1)
    fabric.live, fabric.declared = {"[::1]:22": fabric.live["h1"]}, {"[::1]:22": fabric.declared["h1"]}
    fabric.declared["[::1]:22"]["containers"] = [{"name": "web", "networks": ["fabric"]}]
    assert list(entries(fabric.run()["hosts"]["[::1]:22"]).values()) == [["web"]]
