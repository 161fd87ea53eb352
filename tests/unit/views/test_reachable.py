# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Adjacent ports are shown as one range, and nothing else is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from unit.views.fleets import allowed_port, port

from ansible_collections.virtnet.linux.plugins.plugin_utils.views.reachable import reachable

A, B, V6 = "172.30.0.2", "172.30.0.3", "fd30::2"
NUMBERS = st.integers(1, 12)
ADDRESSES = st.sampled_from([A, B, V6])
HOSTS, PROTOCOLS = st.sampled_from([None, "::1"]), st.sampled_from(["tcp", "udp"])
PUBLISHED = st.builds(port, NUMBERS, ADDRESSES, NUMBERS, HOSTS, PROTOCOLS)


def shown(ports):
    """Each range as text."""
    found = reachable({"nat_ports": ports})
    return ["%s %s→%s/%s" % (one.at, one.host, one.to, one.protocol) for ports in found.values() for one in ports]


def test_adjacent_ports_are_one_range():
    assert shown([port(9000 + number, A, 80 + number) for number in (2, 0, 1, 4)]) == [
        "0.0.0.0 9000-9002→80-82/tcp",
        "0.0.0.0 9004→84/tcp",
    ]


def test_two_host_ports_for_one_container_port_are_two():
    assert shown([port(8080, A, 80), port(8081, A, 80)]) == ["0.0.0.0 8080→80/tcp", "0.0.0.0 8081→80/tcp"]


def test_allowed_ports_are_ranges_too():
    found = reachable({"allowed_ports": [allowed_port(V6, number) for number in (80, 81, 443)]})[V6]
    assert [(one.host, str(one.to)) for one in found] == [(None, "80-81"), (None, "443")]


def test_ranges_are_sorted_by_host_port():
    assert shown([port(8080, A, 80), port(53, A, 5353), port(443, A, 443)]) == [
        "0.0.0.0 53→5353/tcp",
        "0.0.0.0 443→443/tcp",
        "0.0.0.0 8080→80/tcp",
    ]


@given(st.lists(PUBLISHED))
def test_ranges_contain_exactly_the_ports(ports):
    unfolded = {
        (one.address, one.protocol, one.host_ip, host, to)
        for ranges in reachable({"nat_ports": ports}).values()
        for one in ranges
        for host, to in zip(one.host, one.to)
    }
    words = ("to_address", "protocol", "host_ip", "host_port", "to_port")
    assert unfolded == {tuple(one[word] for word in words) for one in ports}
