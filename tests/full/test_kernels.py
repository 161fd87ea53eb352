# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A kernel that lacks a feature is reported before anything is touched."""

from __future__ import annotations

import pytest

from kit import guest

PROGRAM = """
import glob, os
from ansible_collections.virtnet.linux.plugins.module_utils.inspect import report
from ansible_collections.virtnet.linux.plugins.module_utils.engine.converge import Refused, converge
from ansible_collections.virtnet.linux.plugins.module_utils.nft.firewall import FirewallError
from ansible_collections.virtnet.linux.plugins.module_utils.kinds import bridge, vxlan_tunnel
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Topology

def run(document, check=False):
    return converge(Topology.read(document), check)

def message_of(work, *arguments):
    before = sh("ip -o link")
    try:
        work(*arguments)
        return "no error"
    except (Refused, FirewallError) as error:
        assert sh("ip -o link") == before and not os.path.exists("/run/virtnet")
        return str(error)

def one(kind, **given):
    return {kind.KIND: [given]}

sh("ip link set dev lo up")
sh("ip address add 192.0.2.1/32 dev lo")
network = one(bridge, name="br-fabric")
tunnel = {**network, **one(vxlan_tunnel, name="vx-fabric", vni=4242, local="192.0.2.1", bridge="br-fabric")}
(path,) = glob.glob("/lib/modules/*/kernel/**/LACKING.ko*", recursive=True)
os.unlink(path)
found["network"] = [message_of(run, network, True), message_of(run, network)]
found["tunnel"] = [message_of(run, tunnel, True), message_of(run, tunnel)]
found["report"] = message_of(report.report)
sh("modprobe nfnetlink")  # without which nft says something else
found["again"] = message_of(report.report)
"""


@pytest.mark.slow
def test_a_kernel_without_nf_tables():
    found = guest.run(PROGRAM.replace("LACKING", "nf_tables"), nics=1)
    for sentence in (*found["network"], *found["tunnel"], found["report"], found["again"]):
        assert "this host's kernel has no nf_tables" in sentence, found


@pytest.mark.slow
def test_a_kernel_without_vxlan():
    found = guest.run(PROGRAM.replace("LACKING", "vxlan"), nics=1)
    for sentence in found["tunnel"]:
        assert "kernel cannot make links of kind vxlan: load or install its module vxlan" in sentence, found
    assert [*found["network"], found["report"], found["again"]] == ["no error"] * 4
