# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Netlink attributes: reading with the cached layout of an earlier message gives what a walk gives."""

from __future__ import annotations

import struct

from hypothesis import example, given
from hypothesis import strategies as st

from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import Alike, attributes, with_flags

WANTED = with_flags(1, 3, 5)
kinds = st.sampled_from([1, 2, 3, 4, 5, 0x8001, 0x4003])


def _message(held: list[tuple[int, bytes]]) -> bytes:
    message = b"head"
    for kind, value in held:
        message += struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)
    return message


messages = st.lists(st.tuples(kinds, st.binary(max_size=6)), max_size=5).map(_message)


@given(st.lists(messages | st.binary(max_size=24), max_size=12))
@example([b"", b"he", b"head", b"head\0\0\0\0", b"head\xff\0\1\0"])
@example([_message([(1, b"ab"), (2, b"c")]), _message([(2, b"ab"), (1, b"c")])])  # as long, and in another order
def test_cached_layouts_equal_the_walk(some):
    alike = Alike(4, WANTED)
    for message in some:
        for _once_and_again in range(2):
            assert alike.attributes(message) == attributes(message, 4, WANTED)
