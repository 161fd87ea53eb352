# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""More endpoints than half of the kernel's neighbour table, whose thresholds (gc_thresh1 to 3, by default 128, 512 and
1024) count the entries of all namespaces of a machine."""

from __future__ import annotations

import inspect
import select
import socket
import struct
import time

import pytest
from full.test_load import many

from ansible_collections.virtnet.linux.plugins.module_utils.engine.converge import converge
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Topology

_COUNT = 600  # entries of 600 containers for their gateway, and 600 of the host for them, are more than 1024
_SECONDS = 4  # the kernel drops entries that are older than five where it needs room
_SO_RCVBUFFORCE = 33  # include/uapi/asm-generic/socket.h


def _sum_of(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def _answering(addresses):
    """Which of the addresses reply to the host's echo requests, of which each gets up to three."""
    head = struct.pack("!BBHHH", 8, 0, 0, 1, 1)
    request = head[:2] + struct.pack("!H", _sum_of(head)) + head[4:]
    answered = set()
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as own:
        own.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 1 << 24)
        deadline = time.monotonic() + _SECONDS
        for part in range(3):
            for address in addresses:
                if address not in answered:
                    own.sendto(request, (address, 0))
            until = deadline if part == 2 else time.monotonic() + _SECONDS / 3
            while len(answered) < len(addresses) and select.select([own], [], [], max(0, until - time.monotonic()))[0]:
                packet, (sender, _port) = own.recvfrom(2048)
                if packet[(packet[0] & 15) * 4] == 0:
                    answered.add(sender)
    return answered


def source():
    """The source of a function that cannot be imported where it runs."""
    return "\n".join(map(inspect.getsource, (_sum_of, _answering)))


def _made_and_asked(document):
    converge(Topology.read(document))
    return _answering({pair["peer"]["addresses"][0].split("/")[0] for pair in document["veth"]})


@pytest.mark.parametrize("networks", [1, 3])
def test_every_container_replies_with_the_default_neighbour_table(host, networks):
    document = many(networks, _COUNT // networks)
    assert len(host.call(_made_and_asked, document)) == _COUNT
