# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real NIC returns to the host with its name, also after its namespace was deleted out of band."""

from __future__ import annotations

import pytest

from kit import guest

PROGRAM = """
import json, time
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Topology
from ansible_collections.virtnet.linux.plugins.module_utils.inspect import report
from ansible_collections.virtnet.linux.plugins.module_utils.engine.converge import converge
from ansible_collections.virtnet.linux.plugins.module_utils.kinds import interface, netns

def run(kind, **given):
    document = Topology.read({kind.KIND: [given]})
    predicted = [action.verb for action in converge(document, check=True).actions]
    done = [action.verb for action in converge(document).actions]
    assert predicted == done and converge(document).actions == [], (predicted, done)
    return done

def links():
    shown = json.loads(sh("ip -json -details link show"))
    return {one["ifname"]: [one.get("ifalias"), "UP" in one["flags"]] for one in shown if one["ifname"] != "lo"}

def back(name):
    deadline = time.monotonic() + 10
    while name not in links() and time.monotonic() < deadline:
        time.sleep(0.05)
    return links()

def stray():
    return [one for one in report.report()["host"]["interfaces"] if one["device"]]

# two NICs on one wire: the neighbour's, and the one that is moved
nics = sorted(links())
found["nics"] = len(nics)
sh("ip link set dev lo up")
sh("ip netns add lan")
sh("ip link set dev %s netns lan name eth0" % nics[0])
sh("ip -n lan address add 203.0.113.1/24 dev eth0")
sh("ip -n lan link set dev eth0 up")
sh("ip link set dev %s down" % nics[1])
sh("ip link set dev %s name enp3s0" % nics[1])
sh("ip link set dev enp3s0 up")
found["home"] = links()

run(netns, name="c")
given = dict(device="enp3s0", netns="c", name="wan", addresses=["203.0.113.7/24"])
run(interface, **given)
found["away"] = links()
found["ping"] = " 0% packet loss" in sh("ip netns exec c ping -n -c 1 -w 10 203.0.113.1")
found["absent"] = run(interface, device="enp3s0", state="absent")
found["came home"] = links()

run(interface, **given)
sh("ip netns delete c")
found["left"] = back("wan")
found["stray"] = [[one["name"], one["device"]] for one in stray()]
found["sent home"] = run(interface, device="enp3s0", state="absent")
found["home again"] = links()

run(netns, name="d")
run(interface, **{**given, "netns": "d"})
sh("ip netns delete d")
back("wan")
run(netns, name="e")
found["given again"] = run(interface, **{**given, "netns": "e"})
found["ping again"] = " 0% packet loss" in sh("ip netns exec e ping -n -c 1 -w 10 203.0.113.1")

# in the container it has a name that is in use on the host, so the kernel gives it another
sh("ip link add name wan type veth peer name other")
sh("ip netns delete e")
deadline = time.monotonic() + 10
while not stray() and time.monotonic() < deadline:
    time.sleep(0.05)
found["renamed"] = [[one["name"].startswith("dev"), one["device"]] for one in stray()]
run(interface, device="enp3s0", state="absent")
sh("ip link delete dev wan")
found["home at last"] = links()
run(netns, name="f")
run(interface, **{**given, "netns": "f"})
run(netns, name="f", state="absent")
found["with its namespace"] = links()
"""


@pytest.mark.slow
def test_a_nic_returns_to_the_initial_namespace():
    found = guest.run(PROGRAM, nics=2)
    home = {"enp3s0": [None, True]}
    assert found == {
        "nics": 2,
        "home": home,
        "away": {},
        "ping": True,
        "absent": ["delete"],
        "came home": home,
        "left": found["left"],
        "stray": [["wan", "enp3s0"]],
        "sent home": ["delete"],
        "home again": home,
        "given again": ["create"],
        "ping again": True,
        "renamed": [[True, "enp3s0"]],
        "home at last": home,
        "with its namespace": home,
    }
    assert list(found["left"]) == ["wan"]
