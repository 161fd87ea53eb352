# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""For any input a module has the intended result or an error message, never a traceback.

Two hundred inputs here, more than ten thousand in tests/full. In check mode, so that one host serves for all: what
check mode predicts is what a run does (tests/integration/modules).
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from integration.robust import inputs

from kit import snapshot
from kit.host import Host

KNOWN_BAD = {  # over which Ansible's own code ends with a traceback, or once ours did
    "no number": ("bridge", {"name": "br0", "priority": "Inf"}),
    "no number in a topology": ("topology", {"bridge": [{"name": "br0", "priority": "Inf"}]}),
    "half a character": ("netns", {"name": "\ud800"}),
    "no peer, in a namespace that is not there": ("veth", {"name": "v0", "netns": "nosuch"}),
    "no address, in a namespace that is not there": (
        "vxlan_tunnel",
        {"name": "vx0", "netns": "nosuch", "vni": 7, "local": "10.0.0.1", "endpoints": [{"mac": "yes", "vtep": "no"}]},
    ),
}
# One for each kind that may stand in a namespace: what is wrong with it whether that one is there or not.
WRONG = {
    "bridge": {"name": "br0", "addresses": ["no"], "mac": "yes", "mtu": 1},
    "interface": {"device": "eth0", "name": "lan0", "addresses": ["no"], "mac": "yes", "mtu": 1},
    "veth": {"name": "v0", "addresses": ["no"], "mac": "yes", "mtu": 1, "peer": {"name": "v1", "gateway": "no"}},
    "vxlan_tunnel": {"name": "vx0", "vni": 0, "local": "no", "mtu": 1, "flood": ["yes"]},
}


@pytest.mark.parametrize("case", KNOWN_BAD)
def test_known_bad_inputs(host, case):
    module, given = KNOWN_BAD[case]
    for check in (True, False):
        result = host.module(module, check=check, **given)
        assert result.get("problems"), result


@pytest.mark.parametrize("module", WRONG)
def test_errors_are_reported_with_a_missing_namespace(host, module):
    host.sh("ip netns add there")
    there = host.module(module, check=True, netns="there", **WRONG[module])["problems"]
    assert len(there) >= 3, there
    nowhere = host.module(module, check=True, netns="nosuch", **WRONG[module])["problems"]
    assert [problem for problem in nowhere if "no namespace of this name exists" not in problem] == there


def test_an_invalid_address_for_an_existing_tunnel_is_refused(host):
    host.sh("ip addr add 10.0.0.1/24 dev lo")
    host.module("vxlan_tunnel", name="vx0", vni=7, local="10.0.0.1")
    assert host.module("vxlan_tunnel", name="vx0", vni=7, local="no")["problems"]


@pytest.mark.parametrize("module", inputs.MODULES)
def test_bad_input(module):
    with Host() as host:
        before = host.snapshot()

        @settings(max_examples=1, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(inputs.several(module))
        def each(some):
            assert host.call(inputs.answers, module, some) == []

        each()
        snapshot.same(before, host.snapshot())
