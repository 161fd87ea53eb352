# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses are read as Python's ipaddress reads them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip

_ADDRESSES = st.one_of(
    st.tuples(st.ip_addresses(v=4), st.integers(0, 33)), st.tuples(st.ip_addresses(v=6), st.integers(0, 129))
)


def _read(reader: Callable[[str], Any], text: str) -> tuple[Any, ...] | None:
    try:
        found = reader(text)
    except ValueError:
        return None
    return found.ip, found.network, found.version


@given(st.ip_addresses())
def test_addresses_are_parsed_as_ipaddress_does(address: Any) -> None:
    for text in (str(address), address.exploded):
        assert ip.address(text) == address
        assert ipaddress.ip_address(ip.normal(text)) == address


@pytest.mark.parametrize(
    "text", ["1.2.3", "01.2.3.4", "1.2.3.256", "1.2.3.4 ", "1.2.3.4\0", "\u0661.2.3.4", "\ud800", "x", ""]
)
def test_invalid_addresses_are_refused(text: str) -> None:
    for reader in (ip.address, ip.normal):
        with pytest.raises(ValueError):
            reader(text)


@pytest.mark.parametrize("text", ["1.2.3.4", "fd00::1", "::ffff:1.2.3.4", "::1"])
def test_addresses_are_formatted_as_iproute2_does(text: str) -> None:
    assert ip.normal(text) == ip.unpacked(ip.packed(text)) == text


@given(_ADDRESSES)
def test_an_interface_has_its_network_as_text(pair: tuple[Any, int]) -> None:
    text = "%s/%d" % pair
    if _read(ip.interface, text) is not None:
        assert ip.interface(text).network_text == str(ipaddress.ip_interface(text).network)


@given(_ADDRESSES)
def test_interface_addresses_are_parsed_as_ipaddress_does(pair: tuple[Any, int]) -> None:
    text = "%s/%d" % pair
    assert _read(ip.interface, text) == _read(ipaddress.ip_interface, text)


@pytest.mark.parametrize(
    "text", ["1.2.3.4", "::1", "1.2.3.4/", "1.2.3.4/255.255.0.0", "1.2.3.4/016", "1.2.3.4/-1", "1.2.3.4/8/8", "x", ""]
)
def test_other_and_invalid_interface_addresses_are_parsed_as_ipaddress_does(text: str) -> None:
    assert _read(ip.interface, text) == _read(ipaddress.ip_interface, text)


@pytest.mark.parametrize("reader", [ip.address, ip.interface, ip.network])
@pytest.mark.parametrize("text", ["fe80::1%eth0", "fd00::%a/64", "fd00::%a }\nflush ruleset\n/64"])
def test_a_scope_zone_is_refused(reader: Callable[[str], Any], text: str) -> None:
    with pytest.raises(ValueError, match="zone"):
        reader(text)
