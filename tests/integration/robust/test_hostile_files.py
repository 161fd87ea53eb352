# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runtime state, documents and nft's listing may be well-formed and wrong, or files of another type: each run ends in
success or in an error message, never with a traceback, and never blocks.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from integration.robust import engine, hostile
from integration.robust.documents import absent, containers, names_of, together
from integration.robust.test_persistence import declare, virtnet

from kit import snapshot

MEMORY = "/run/virtnet/memory.json"
WEB = together(containers(range(1, 4)), names_of("web", range(1, 4)))
OTHERS = """nft -f - <<END
table ip filter {
    chain FORWARD {
        type filter hook forward priority 0; policy drop;
        iifname { "a", "b*" } ct state new counter jump more
    }
    chain more { oifname br-web accept; }
}
END
"""
ONE = settings(max_examples=2, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
INSTEAD = {
    "a FIFO": "mkfifo %s",
    "a directory": "mkdir %s",
    "a symbolic link": "ln -s /dev/zero %s",
    "a device": "mknod %s c 1 5",
}


@pytest.fixture
def host(host):
    engine.own_disks(host)
    host.sh("ip netns add theirs")  # so that /run/netns is there before and after
    done = declare(host, WEB)
    assert not done.get("failed"), done
    return host


def test_malformed_runtime_state(host):
    good = json.loads(host.sh("cat " + MEMORY))
    full = {
        **good,
        "to_forget": {"udp 53": ["udp", 53]},
        "networks_to_forget": {"172.31.0.0/16": True},
        "sysctls": {
            **good["sysctls"],
            "net/ipv4/conf/gone/forwarding": {"was": "0", "set": "1", "beside": {"net/ipv4/conf/lo/forwarding": "0"}},
            "net/ipv6/conf/default/accept_ra": {"was": "1", "set": "2", "own": ["net/ipv6/conf/eth0/accept_ra"]},
        },
    }

    @ONE
    @given(hostile.mutations(full))
    def each(texts):
        assert host.call(hostile.with_memory, texts, WEB) == []

    each()


def test_malformed_documents(host):
    good = json.loads(host.sh("cat /var/lib/virtnet/bridge_network.web.json"))

    @ONE
    @given(hostile.mutations(good))
    def each(texts):
        assert host.call(hostile.with_document, texts, WEB, "bridge_network") == []

    each()


@pytest.mark.parametrize("name", hostile.LISTINGS)
def test_malformed_nft_listings(host, name):
    host.sh(OTHERS)
    host.sh(hostile.FAKE_NFT)
    good = json.loads(host.sh("cat /run/listings/" + name))

    @ONE
    @given(hostile.mutations(good))
    def each(texts):
        assert host.call(hostile.with_listing, texts, WEB, name) == []

    each()


def test_discarded_runtime_state_warns_once_and_the_rest_is_kept(host):
    held = json.loads(host.sh("cat " + MEMORY))
    held["sysctls"]["net/../../kernel/panic"] = {"was": "0", "set": "1"}
    held["sysctls"]["net.ipv4.conf.all.rp_filter"] = {"was": ["1"], "set": "1"}
    host.sh("cat > %s <<'END'\n%s\nEND" % (MEMORY, json.dumps(held)))
    drift_messages = [
        f"{MEMORY}: 'sysctls': {key!r}: is nothing that a run remembers, and is forgotten"
        for key in ("net/../../kernel/panic", "net.ipv4.conf.all.rp_filter")
    ]
    assert set(drift_messages) <= set(host.module("network_info")["host"]["warnings"])
    assert set(drift_messages) <= set(host.module("netns", name="c1", check=True)["warnings"])
    assert set(drift_messages) <= set(host.module("netns", name="c1")["warnings"])
    assert not host.module("netns", name="c1").get("warnings")
    assert host.module("network_info")["host"]["warnings"] == []
    del held["sysctls"]["net/../../kernel/panic"], held["sysctls"]["net.ipv4.conf.all.rp_filter"]
    assert json.loads(host.sh("cat " + MEMORY)) == held


@pytest.mark.parametrize("instead", INSTEAD)
def test_a_wrong_file_type_is_reported(host, instead):
    before = host.snapshot()
    for file in (MEMORY, "/var/lib/virtnet/bridge_network.web.json"):
        host.sh(f"mv {file} /root/aside; " + INSTEAD[instead] % file)
        code, _actions, message = virtnet(host, "restore")
        sentence = f"{file} is {instead}, and a regular file belongs there: remove it"
        assert code == 2 and sentence in message, message
        done = declare(host, WEB)
        assert done["failed"] and file in done["msg"], done
        assert file in host.module("network_info")["msg"]
        host.sh(f"rm -r {file}; mv /root/aside {file}")
    snapshot.same(before, host.snapshot())
    host.sh(INSTEAD[instead] % (MEMORY + ".new"))  # where a run writes it, aside
    done = declare(host, absent(WEB))
    assert bool(done.get("failed")) == (instead == "a directory"), done
    assert not done.get("failed") or MEMORY + ".new" in done["msg"], done


@pytest.mark.parametrize("instead", INSTEAD)
def test_a_wrong_file_type_of_the_lock_blocks_no_run(host, instead):
    host.sh("rm /run/virtnet/lock; " + INSTEAD[instead] % "/run/virtnet/lock")
    done = host.module("netns", name="c9", lock_timeout=1)
    assert not done.get("failed") or "/run/virtnet/lock" in done["msg"], done


def test_a_set_of_another_type_is_recreated(host):
    host.sh(
        """
        nft -f - <<END
        table inet virtnet { chain x { }; }
        delete table inet virtnet
        table inet virtnet {
            set own4 { type ipv4_addr; elements = { 10.0.0.1 }; }
            map pub4 { type inet_service : verdict; elements = { 80 : accept }; }
            set bridges { type ifname; elements = { "br-web" comment "nat icc masquerade" }; }
            chain forward { type filter hook forward priority 0; }
        }
END
        """
    )
    assert any("own4 is of another type" in line for line in host.module("network_info")["host"]["warnings"])
    done = declare(host, WEB)
    assert not done.get("failed") and done["changed"], done
    assert declare(host, WEB)["actions"] == []


def test_a_fifo_in_place_of_resolv_conf_does_not_block(host):
    host.sh("mkfifo /run/fifo; mount --bind /run/fifo /etc/resolv.conf")
    assert host.module("network_info")["host"]["nameservers"] == []
