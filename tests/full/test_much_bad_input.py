# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""More than ten thousand inputs for the modules: each has the intended result or an error message.

In check mode, so that one host serves for all: what check mode predicts is what a run does (tests/integration/modules).
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from integration.robust import engine, inputs

from kit import snapshot
from kit.host import Host


@pytest.mark.parametrize("module", inputs.MODULES)
def test_bad_input(module, record_property):
    tried = []

    with Host() as host:
        before = host.snapshot()

        @settings(max_examples=60, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
        @given(inputs.several(module))
        def each(some):
            tried.append(len(some))
            assert host.call(inputs.answers, module, some) == []

        each()
        snapshot.same(before, host.snapshot())
    record_property("count: inputs in check mode", sum(tried))


@pytest.mark.parametrize("module", inputs.MODULES)
def test_bad_input_outside_check_mode(module, record_property):
    """Outside check mode, one host after the other."""
    tried = []

    @settings(max_examples=8, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(inputs.several(module, 20))
    def each(some):
        with Host() as host:
            engine.own_disks(host)
            host.sh("ip link add eth0 type veth peer name web")
            tried.append(len(some))
            assert host.call(inputs.carried_out, module, some) == []

    each()
    record_property("count: inputs for real", sum(tried))
