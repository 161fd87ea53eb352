# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Limits of the whole machine, set in a QEMU guest, whose initial network namespace is the test's own."""

from __future__ import annotations

import json

import pytest
from full import test_neighbour_table
from full.test_load import many

from kit import guest

COUNT = 80
PROGRAM = """
import contextlib, io, json, os, select, socket, struct, time
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Topology
from ansible_collections.virtnet.linux.plugins.module_utils.system import limits
from ansible_collections.virtnet.linux.plugins.module_utils.engine.converge import converge
from ansible_collections.virtnet.linux.plugins.module_utils.inspect.report import report
from ansible_collections.virtnet.linux.plugins.module_utils.command import main as command
_SECONDS, _SO_RCVBUFFORCE = 4, 33
%(functions)s
document = json.loads(%(document)r)
os.makedirs("/etc", exist_ok=True)
open("/etc/protocols", "w").write("icmp 1\\ntcp 6\\nudp 17\\nipv6-icmp 58\\nsctp 132\\n")  # which nft reads
ASKED = {"neighbour_entries": 4096, "receive_backlog": 5000}
KEYS = sorted(key for option in ASKED for key in limits._keys(option))

def now():
    return {key: limits.number(key) for key in KEYS}

def put(key, value):
    open("/proc/sys/" + key.replace(".", "/"), "w").write(str(value))

def run(**given):
    options = {**dict.fromkeys(ASKED), **given}
    assert limits.problems(options) == []
    actions = limits.plan(options)
    limits.apply(actions)
    again = limits.plan(options)
    assert again == [], again
    return [(one.verb, one.kind, one.name, one.after.get("value")) for one in actions]

def text():
    return open(limits.FILE).read() if os.path.exists(limits.FILE) else None

found["before"] = now()
found["wrong"] = limits.problems({"neighbour_entries": 5, "receive_backlog": -1})
found["nothing"] = [run(), run(neighbour_entries=0, receive_backlog=0), text()]
found["raise"], found["raised"], found["file"] = run(**ASKED), now(), text()
found["half"], found["halved"] = run(neighbour_entries=2048), now()
found["one back"], found["one"] = run(receive_backlog=0), now()
put("net.ipv4.neigh.default.gc_thresh3", 9999)  # by hand, and higher: it stays
put("net.ipv6.neigh.default.gc_thresh3", 1500)  # lower: it rises
found["by hand"], found["hand"] = run(neighbour_entries=2048), now()
found["back"], found["after"], found["gone"] = run(neighbour_entries=0), now(), text()
put("net.ipv4.neigh.default.gc_thresh3", 1024)
put("net.core.netdev_max_backlog", 8000)
found["high"] = [run(receive_backlog=5000), text()]

limits.apply(limits.plan({"neighbour_entries": 4096, "receive_backlog": None})[:1])  # killed after the file
found["killed"] = [run(neighbour_entries=4096), run(neighbour_entries=0), now()]

for version in (4, 6):
    put("net.ipv%%d.neigh.default.gc_thresh3" %% version, %(few)d)
converge(Topology.read(document))
addresses = {pair["peer"]["addresses"][0].split("/")[0] for pair in document["veth"]}
found["few"] = len(_answering(addresses))
found["warned"] = report()["host"]["warnings"]
run(neighbour_entries=1024)
time.sleep(1.1)  # a neighbour that was not found is asked for again after a second
found["all"] = len(_answering(addresses))
found["silent"] = report()["host"]["warnings"]
run(**ASKED)
put("net.ipv4.neigh.default.gc_thresh3", 2000)
put("net.core.netdev_max_backlog", 1000)
found["lowered"] = report()["host"]["warnings"]
with contextlib.redirect_stderr(io.StringIO()) as printed:
    found["checked"] = [command.main(["check"]), printed.getvalue()]
found["mended"] = [run(**ASKED), report()["host"]["warnings"]]
"""


@pytest.mark.slow
def test_limits_are_raised_recorded_and_restored():
    functions = test_neighbour_table.source()
    document = json.dumps(many(1, COUNT, 1))
    values = {"functions": functions, "document": document, "few": COUNT // 2}
    found = guest.run(PROGRAM % values, nics=1)
    before = found["before"]
    thresholds = {"net.ipv%d.neigh.default.gc_thresh%d" % (version, level) for version in (4, 6) for level in (1, 2, 3)}
    assert before.keys() == thresholds | {"net.core.netdev_max_backlog"}
    assert [messages.split(":")[0] for messages in found["wrong"]] == ["neighbour_entries", "receive_backlog"]
    assert found["nothing"] == [[], [], None]

    for version in (4, 6):
        levels = [found["raised"]["net.ipv%d.neigh.default.gc_thresh%d" % (version, level)] for level in (1, 2, 3)]
        assert levels == [512, 2048, 4096]
    assert found["raised"]["net.core.netdev_max_backlog"] == 5000
    assert found["raise"][0][:2] == ["create", "file"] and {one[1] for one in found["raise"][1:]} == {"sysctl"}
    assert "# was 1024\nnet.ipv4.neigh.default.gc_thresh3 = 4096\n" in found["file"]
    assert found["halved"]["net.ipv6.neigh.default.gc_thresh3"] == 2048
    assert found["one"] == {**found["halved"], "net.core.netdev_max_backlog": before["net.core.netdev_max_backlog"]}
    assert found["by hand"] == [["change", "sysctl", "net.ipv6.neigh.default.gc_thresh3", "2048"]]
    assert found["after"] == {**before, "net.ipv4.neigh.default.gc_thresh3": 9999} and found["gone"] is None
    assert found["high"] == [[], None]
    assert {one[1] for one in found["killed"][0]} == {"sysctl"}
    assert found["killed"][2] == {**before, "net.core.netdev_max_backlog": 8000}

    assert found["few"] < COUNT and found["all"] == COUNT
    (warning,) = found["warned"]
    assert "%d IPv4 endpoints" % COUNT in warning and "gc_thresh3 is %d" % (COUNT // 2) in warning
    assert "prepare_host_neighbour_entries" in warning and found["silent"] == []

    # in this guest the backlog was 8000 before, so that the file has none of it
    lowered = (
        "/etc/sysctl.d/60-virtnet-linux.conf: net.ipv4.neigh.default.gc_thresh3 is 2000, not 4096: lowered since the "
        "role prepare_host has raised them; run it again, or `sysctl -p /etc/sysctl.d/60-virtnet-linux.conf`"
    )
    assert found["lowered"] == [lowered] and found["checked"] == [0, "virtnet: %s\n" % lowered]
    assert ["change", "sysctl", "net.ipv4.neigh.default.gc_thresh3", "4096"] in found["mended"][0]
    assert found["mended"][1] == []
