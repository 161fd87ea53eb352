# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's tables in the kernel: written, read back, idempotent, repaired."""

from __future__ import annotations

import os
import resource
import shutil
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from integration.firewall import lab as kit
from unit.firewall.strategies import states

from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import NatPort, Policy, State
from ansible_collections.virtnet.linux.plugins.module_utils.nft import firewall
from ansible_collections.virtnet.linux.plugins.module_utils.nft.elements import elements
from ansible_collections.virtnet.linux.plugins.module_utils.nft.firewall import FirewallError

DYING = """#!/bin/sh
case "$*" in *"list table inet"*) printf '{"nftables": ['; kill -9 $$;; esac
exec %s "$@"
"""


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(state=states())
def test_any_state_is_read_back_and_idempotent(host, state):
    """One example after the other in the same tables, so every transaction converges from one state to another."""
    with host.inside():
        firewall.apply(firewall.transaction(firewall.read(), state))
        live = firewall.read()

        assert live.state == state
        assert live.drift == ()
        assert firewall.transaction(live, state) == ""


def test_the_last_network_removes_the_tables(host):
    with host.inside():
        firewall.apply(firewall.transaction(firewall.read(), State({"br0": Policy("br0")})))
        firewall.apply(firewall.transaction(firewall.read(), State()))

    assert host.run("nft", "list", "tables") == ""


TAMPERED = [
    "insert rule inet virtnet forward accept",
    'add rule inet virtnet input drop comment "mine"',
    "flush chain inet virtnet raw",
    "add chain inet virtnet other",
    "delete chain inet virtnet about",
    "add chain inet virtnet forward { policy drop; }",
    "add rule bridge virtnet forward drop",
    "add table inet virtnet { flags dormant; }",
    "add table bridge virtnet { flags dormant; }",
    "delete table inet virtnet",
    "delete table bridge virtnet",
    'delete element inet virtnet to { "bra" . ipv4 }',
    'add element inet virtnet pairs { "eth9" . "bra" : accept }',
    "add element inet virtnet open4 { 172.20.1.2 . tcp . 22 }",
    'add element inet virtnet own4 { "bra" . 172.16.0.0/12 }',
    'add element inet virtnet pub4 { tcp . 1 comment "not a bridge" : 172.20.1.2 . 1 }',
    'add element inet virtnet bridges { "eth9" comment "nat snat a.b.c" }',
    'add element inet virtnet near4 { 10.0.0.0/8 . 10.0.0.0/8 comment "a b c" }',
    'add element bridge virtnet self { "eth9" . "eth9" }',
    'add element bridge virtnet guarded { "eth9" }',
    'add element bridge virtnet net4s { "vbra-a1" . 10.0.0.0-10.0.0.5 }',
    "flush set bridge virtnet unchecked",
    'add element bridge virtnet unchecked { "vbra-a1" }',
    "flush ruleset",
]


@pytest.mark.parametrize("command", TAMPERED)
def test_out_of_band_changes_of_the_tables_are_repaired(host, command):
    state = kit.full_state()
    with host.inside():
        firewall.apply(firewall.transaction(firewall.read(), state))
        whole = [host.run("nft", "-s", "list", "table", family, "virtnet") for family in ("inet", "bridge")]
        host.run("nft", "-f", "-", text=command + "\n")
        live = firewall.read()
        elements(live.state)  # whatever was done, what is left makes sense

        firewall.apply(firewall.transaction(live, state))

    assert [host.run("nft", "-s", "list", "table", family, "virtnet") for family in ("inet", "bridge")] == whole


def test_foreign_tables_are_left_untouched(host):
    host.run(
        "nft", "-f", "-", text="table inet theirs { chain c { accept; }; }\ntable ip virtnet { chain c { drop; }; }\n"
    )
    before = [host.run("nft", "list", "table", *table) for table in (("inet", "theirs"), ("ip", "virtnet"))]

    with host.inside():
        firewall.apply(firewall.transaction(firewall.read(), kit.full_state()))
        firewall.apply(firewall.transaction(firewall.read(), State()))

    assert [host.run("nft", "list", "table", *table) for table in (("inet", "theirs"), ("ip", "virtnet"))] == before


THEIRS = "table inet virtnet { set blocked { type ipv4_addr; }; chain input { ip saddr @blocked drop; }; }\n"


def test_a_foreign_table_of_the_same_name_is_left_untouched(host):
    host.run("nft", "-f", "-", text=THEIRS)
    before = host.run("nft", "list", "ruleset")

    with host.inside():
        live = firewall.read()
        assert firewall.transaction(live, State()) == ""
        with pytest.raises(ValueError, match="table inet virtnet: table exists and was not created"):
            firewall.transaction(live, kit.full_state())

    assert host.run("nft", "list", "ruleset") == before


def test_a_refused_transaction_reports_the_reason_and_changes_nothing(host):
    state = State({"br0": Policy("br0", ("10.0.0.0/8",))})
    with host.inside():
        firewall.apply(firewall.transaction(firewall.read(), state))
        with pytest.raises(FirewallError, match=r"nothing was changed.*File exists(?s:.*)tcp \. 1 : 10\.0\.0\.3"):
            firewall.apply(
                "delete element inet virtnet subnets4 {\n10.0.0.0/8\n}\n"
                "add element inet virtnet pub4 {\ntcp . 1 : 10.0.0.2 . 1,\ntcp . 1 : 10.0.0.3 . 1\n}\n"
            )

        assert firewall.read().state == state


def test_an_nft_killed_while_listing_is_an_error_not_an_empty_table(host, tmp_path, monkeypatch):
    dying = tmp_path / "nft"
    dying.write_text(DYING % shutil.which("nft", path=os.environ["PATH"] + ":/usr/sbin"))
    dying.chmod(0o755)
    with host.inside():
        firewall.apply(firewall.transaction(firewall.read(), State({"br0": Policy("br0")})))
        monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        with pytest.raises(FirewallError, match="could not list table inet virtnet"):
            firewall.read()


def test_a_listing_that_fails_to_start_leaves_no_process(host):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    refused = 0
    with host.inside():
        children = own_children()
        for more in range(16):
            open_now = len(os.listdir("/proc/self/fd"))  # anew: subprocess itself leaves some open where it fails
            resource.setrlimit(resource.RLIMIT_NOFILE, (open_now + more, hard))
            try:
                firewall.Listing(at_once=True).close()
            except OSError:
                refused += 1
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            assert own_children() == children
    assert 5 < refused < 16, "some at the first nft, some at the second, and then none"


def own_children() -> str:
    return Path("/proc/thread-self/children").read_text()


def test_five_thousand_ports_are_quick(host):
    state = State({"br0": Policy("br0", ("10.0.0.0/8",))})
    for port in range(1, 5001):
        published = NatPort("tcp", None, port, "10.0.%d.%d" % (port % 16, port % 250 + 2), 80, "br0")
        state.nat_ports[published.key] = published
    with host.inside():
        begun = time.perf_counter()
        text = firewall.transaction(firewall.read(), state)
        rendered = time.perf_counter()
        firewall.apply(text)
        applied = time.perf_counter()
        live = firewall.read()
        assert live.state == state
        read = time.perf_counter()

    # many times what it takes on a small machine with nothing else to do (0.03, 0.06 and 0.15 s): others may be at work
    assert rendered - begun < 1
    assert applied - rendered < 1
    assert read - applied < 2
