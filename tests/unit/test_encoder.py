# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Messages of the encoder cache equal what pyroute2 encodes, byte for byte; all messages of the engine use it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.virtnet.linux.plugins.module_utils.netlink import encoder, messages

names = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,14}", fullmatch=True)
texts = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF), max_size=60)
macs = st.lists(st.integers(0, 255), min_size=6, max_size=6).map(lambda octets: ":".join("%02x" % o for o in octets))
numbers = st.integers(0, 2**31 - 1)
addresses = st.ip_addresses(v=4).map("{}/24".format) | st.ip_addresses(v=6).map("{}/64".format)

PORT = [("IFLA_BRPORT_MODE", 1), ("IFLA_BRPORT_ISOLATED", 0)]

MESSAGES = {
    "a pair of links": st.builds(
        lambda name, peer, fd, mac, mtu, master: messages.create_link(
            name, "veth", messages.veth_peer(peer, fd, mac, mtu), [("IFLA_MASTER", master), ("IFLA_ADDRESS", mac)]
        ),
        names, names, numbers, macs, st.none() | st.integers(68, 65535), numbers,
    ),
    "a mark": st.builds(
        lambda name, mark, up: messages.change_link(name, [("IFLA_IFALIAS", mark), messages.silent()], up),
        names, texts, st.none() | st.booleans(),
    ),
    "a bridge's port": st.builds(lambda name: messages.change_link(name, [messages.bridge_port(PORT)]), names),
    "a bridge": st.builds(
        lambda name, mac: messages.create_link(name, "bridge", [("IFLA_BR_STP_STATE", 1)], [("IFLA_ADDRESS", mac)]),
        names, macs,
    ),
    "a move": st.builds(messages.move_link, numbers, names, numbers),
    "an address": st.builds(messages.add_address, numbers, addresses),
    "an address that goes": st.builds(messages.delete_address, numbers, addresses),
    "a route": st.builds(
        messages.replace_route, numbers, st.just("0.0.0.0/0"), st.ip_addresses(v=4).map(str), st.none() | numbers
    ),
    "a question": st.builds(messages.get_links, names),
}  # fmt: skip


@pytest.mark.parametrize("message", MESSAGES.values(), ids=list(MESSAGES))
def test_encoding_equals_pyroute2s(message: st.SearchStrategy[bytes]) -> None:
    encoded = []

    def compare(*arguments: object, **fields: int) -> bytes:
        from_cache = encoder.encode(*arguments, **fields)
        assert from_cache == encoder.encode_by_pyroute2(*arguments, **fields)
        encoded.append(from_cache)
        return from_cache

    @given(st.data())
    def draw(data: st.DataObject) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(messages, "encode", compare)
            data.draw(message)

    messages.get_links.cache_clear()
    draw()
    messages.get_links.cache_clear()
    assert encoded
    assert None not in encoder._cache.values(), "a form of message is encoded the long way each time"


def test_a_value_of_the_same_length_reuses_the_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    messages.change_link("veth1", [("IFLA_IFALIAS", "virtnet a=1")])
    monkeypatch.setattr(encoder, "encode_by_pyroute2", None)
    assert b"veth2\0" in messages.change_link("veth2", [("IFLA_IFALIAS", "virtnet a=2")])
