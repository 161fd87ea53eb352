# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run fails in the middle: the error names the reason, and the next run repairs the host."""

from __future__ import annotations

import pytest
from integration.robust import engine, killing
from integration.robust.documents import absent

from kit import snapshot

VETH = next(one["name"] for one in killing.SMALL["veth"] if one["labels"]["container"] == "c3")
FILL = "mount -n -o remount,size=%s /run && dd if=/dev/zero of=/run/full bs=4096 2>/dev/null || true"

# What happens after a run has planned and before it acts; how it is undone; what its error has to name.
CREATE = {
    "a namespace's name is taken": ("ip netns add c3", "ip netns del c3", ["c3"]),
    "a bridge's name is taken": (
        "ip link add br-web type bridge",
        "ip link del br-web",
        ["bridge br-web", "another program"],
    ),
    "a veth's name is taken": (
        f"ip link add {VETH} type bridge",
        f"ip link del {VETH}",
        [f"veth {VETH}", "another program"],
    ),
    "a tunnel's name is taken": (
        "ip link add vx-fabric type bridge",
        "ip link del vx-fabric",
        ["vxlan_tunnel vx-fabric", "another program"],
    ),
    "a VNI is taken": (
        "ip link add other type vxlan id 4242 dstport 4789 local 192.0.2.11",
        "ip link del other",
        ["vxlan_tunnel vx-fabric"],
    ),
    "sysctls become read-only": (
        "mount -n -o remount,bind,ro /proc/sys/net",
        "mount -n -o remount,bind,rw /proc/sys/net",
        ["/proc/sys/net/", "Read-only"],
    ),
    "no space is left": (FILL % "256k", "rm /run/full; mount -n -o remount,size=50% /run", ["No space left", "/run/"]),
    "no file can be opened": ("ulimit", "true", ["Too many open files"]),
    "nft fails": (
        "printf '#!/bin/sh\\necho out of order >&2; exit 1\\n' > /run/nft && chmod +x /run/nft"
        " && mount -n --bind /run/nft $(readlink -f $(command -v nft))",
        "umount -n $(readlink -f $(command -v nft)); rm /run/nft",
        ["nft refused the transaction", "out of order"],
    ),
}
CHANGE = {
    "a namespace goes": ("ip netns del c2", "true", ["/run/netns/c2"]),
    "a veth goes": (f"ip link del {VETH}", "true", [f"link {VETH}"]),
    "sysctls become read-only": (
        "mount -n -o remount,bind,ro /proc/sys/net",
        "mount -n -o remount,bind,rw /proc/sys/net",
        ["/proc/sys/net/", "Read-only"],
    ),
}


def fails(host, way, happens, undo, words):
    before, document = killing.WAYS[way]
    host.sh("ip netns add any && ip netns del any")  # for what happens may need /run/netns too
    for one in filter(None, (before, document)):
        engine.run(host, one)
    desired = engine.read_back(host)
    for one in (killing.SMALL, killing.OTHER):
        engine.run(host, absent(one))
    empty = host.snapshot()
    if before:
        engine.run(host, before)
    message = engine.error_after(host, document, happens)
    print(message)
    assert message is not None and all(word in message for word in words), message
    host.sh(undo)
    engine.run(host, document)
    assert engine.run(host, document, check=True) == []
    assert engine.read_back(host) == desired
    for one in (killing.SMALL, killing.OTHER):
        engine.run(host, absent(one))
    snapshot.same(empty, host.snapshot())


@pytest.mark.parametrize("cause", CREATE)
def test_kernel_errors_while_creating(host, cause):
    fails(host, "create", *CREATE[cause])


@pytest.mark.parametrize("cause", CHANGE)
def test_kernel_errors_while_changing(host, cause):
    fails(host, "change", *CHANGE[cause])


@pytest.mark.parametrize("way", killing.WAYS)
def test_kernel_errors_at_random_steps(host, way):
    """A few here; tests/full has each step fail."""
    assert killing.with_errors(host, way, range(3, 1000, 19)) > 1
