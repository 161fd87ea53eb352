# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The syntax of published ports, which is that of docker run -p."""

from __future__ import annotations

import ipaddress
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.ports import Port, PortError, PortRange, parse_port

PORTS = st.integers(1, 65535)


@st.composite
def ranges(draw, length):
    first = draw(st.integers(1, 65536 - length))
    return PortRange(first, first + length - 1)


@st.composite
def ports(draw):
    length = draw(st.integers(1, 1000))
    host = draw(ranges(length))
    container = draw(ranges(draw(st.sampled_from([1, length]))))
    host_ip = draw(
        st.none()
        | st.ip_addresses().filter(
            lambda ip: (
                not (
                    ip.is_multicast
                    or ip.is_link_local
                    or getattr(ip, "ipv4_mapped", None)
                    or str(ip) == "255.255.255.255"
                )
            )
        )
    )
    return Port(host_ip, host, container, draw(st.sampled_from(["tcp", "udp", "sctp"])))


@given(ports())
def test_parsing_undoes_printing(published):
    assert parse_port(str(published)) == published


@given(ports())
def test_printing_undoes_parsing(published):
    text = str(published)
    assert str(parse_port(text)) == text


@given(st.text() | st.text("0123456789.:-/[]tcpu", max_size=30) | st.integers() | st.floats() | st.none())
def test_invalid_ports_are_refused_with_the_rule(junk):
    try:
        parsed = parse_port(junk)
    except PortError as error:
        assert str(error)
    else:
        assert parse_port(str(parsed)) == parsed


def port(host_ip, host, container, protocol="tcp"):
    return Port(host_ip and ipaddress.ip_address(host_ip), PortRange(*host), PortRange(*container), protocol)


@pytest.mark.parametrize(
    "text, expected",
    [
        ("8080:80", port(None, (8080, 8080), (80, 80))),
        ("127.0.0.1:8080:80/udp", port("127.0.0.1", (8080, 8080), (80, 80), "udp")),
        ("[::1]:53:53/UDP", port("::1", (53, 53), (53, 53), "udp")),
        ("9800-9803:80-83", port(None, (9800, 9803), (80, 83))),
        ("0.0.0.0:1-65535:1-65535/sctp", port("0.0.0.0", (1, 65535), (1, 65535), "sctp")),
    ],
)
def test_syntax_of_docker_run(text, expected):
    assert parse_port(text) == expected


def test_a_range_for_one_container_port_is_one_of_its_ports():
    assert parse_port("9090-9092:80").floating
    assert not parse_port("9090-9092:80-82").floating


@pytest.mark.parametrize(
    "value, rule",
    [
        ("80", "a host port is required"),
        ("127.0.0.1::80", "a host port is required"),
        ("[::1]:80", "a host port is required"),
        (":80", "a host port is required"),
        (133342, 'quote it, as in "2222:22"'),
        (80, 'is one port: give the host port too, and quote it: "HOST_PORT:80", as in "8080:80"'),
        (1342, 'quote it, as in "22:22" if that was it; a host port is required'),
        ({"target": 80, "published": 8080}, 'is the long form of compose; write "8080:80"'),
        ({"target": 53, "published": "53", "protocol": "udp"}, 'write "53:53/udp"'),
        ({"target": 80}, 'write "8080:80"'),
        (8080.8, "quote it"),
        (True, "quote it"),
        (None, "must be text"),
        ("8080:80/icmp", "not one of tcp, udp, sctp"),
        ("8080:80/", "not one of tcp, udp, sctp"),
        ("0:80", "outside 1-65535"),
        ("8080:65536", "outside 1-65535"),
        ("9090-9089:80", "ends before it begins"),
        ("9090-:80", "neither a number nor a range"),
        ("-9090:80", "neither a number nor a range"),
        ("http:80", "neither a number nor a range"),
        ("8000-8005:80-81", "6 host ports cannot be translated to 2 container ports"),
        ("8000:80-81", "1 host ports cannot be translated to 2 container ports"),
        ("::1:8080:80", "in brackets"),
        ("[127.0.0.1]:8080:80", "an IPv4 address must not"),
        ("[::ffff:192.0.2.1]:8080:80", "write the IPv4 address 192.0.2.1"),
        ("192.0.2.256:8080:80", "is no IP address"),
        ("[fe80::1]:8080:80", "not link-local"),
        ("[fd00::1%eth0]:8080:80", "is no IP address"),
        ("224.0.0.1:8080:80", "a unicast address"),
        ("", "write [HOST_IP:]HOST_PORT:CONTAINER_PORT"),
        ("8080:80:90:100", "in brackets"),
    ],
)
def test_refused_ports(value, rule):
    with pytest.raises(PortError, match=re.escape(rule)):
        parse_port(value)
