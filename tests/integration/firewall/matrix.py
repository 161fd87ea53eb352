# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reachability on the lab's host when everything is published and protected: a row a path, as data.

"a1:80 as lan" is an answer of container a1 on its port 80, which saw the client as lan; NOTHING is no answer at all.
Names are those of lab.ADDRESSES. The rows are tested over TCP and UDP, those without a port by ping.
"""

from __future__ import annotations

from typing import NamedTuple

NOTHING = ""
PING = 0


class Row(NamedTuple):
    group: str
    way: str
    client: str
    to: str
    port: int
    answer: str
    open_without: bool = False  # without any rule it is reached: so the row can fail


def blocked(group: str, way: str, client: str, to: str, port: int) -> Row:
    """A path that the rules, and nothing else, block."""
    return Row(group, way, client, to, port, NOTHING, open_without=True)


ROWS = [
    Row("publish", "all: host, own address", "host", "host", 8080, "a1:80 as host"),
    Row("publish", "all: host, loopback", "host", "lo", 8080, "a1:80 as gw.a"),
    Row("publish", "all: host, bridge's address", "host", "gw.a", 8080, "a1:80 as gw.a"),
    Row("publish", "all: neighbour", "lan", "host", 8080, "a1:80 as lan"),
    Row("publish", "all: other LAN", "lan2", "host2", 8080, "a1:80 as lan2"),
    Row("publish", "all: same network, host's address", "a2", "host", 8080, "a1:80 as gw.a"),
    Row("publish", "all: same network, gateway", "a2", "gw.a", 8080, "a1:80 as gw.a"),
    Row("publish", "all: other network, host's address", "b1", "host", 8080, "a1:80 as b1"),
    Row("publish", "all: other network, own gateway", "b1", "gw.b", 8080, "a1:80 as b1"),
    Row("publish", "all: other network, server's gateway", "b1", "gw.a", 8080, "a1:80 as b1"),
    Row("publish", "all: itself (hairpin)", "a1", "host", 8080, "a1:80 as gw.a"),
    Row("publish", "all: itself (hairpin), gateway", "a1", "gw.a", 8080, "a1:80 as gw.a"),
    Row("publish", "one address: neighbour, that one", "lan", "host.9", 8081, "a1:80 as lan"),
    Row("publish", "one address: neighbour, another", "lan", "host", 8081, NOTHING),
    Row("publish", "one address: host, that one", "host", "host.9", 8081, "a1:80 as host.9"),
    Row("publish", "one address: host, another", "host", "host", 8081, NOTHING),
    Row("publish", "one address: host, loopback", "host", "lo", 8081, NOTHING),
    Row("publish", "one address: same network", "a2", "host.9", 8081, "a1:80 as gw.a"),
    Row("publish", "one address: other network", "b1", "host.9", 8081, "a1:80 as b1"),
    Row("publish", "loopback only: host", "host", "lo", 8082, "a1:82 as gw.a"),
    Row("publish", "loopback only: host, own address", "host", "host", 8082, NOTHING),
    Row("publish", "loopback only: neighbour, host's address", "lan", "host", 8082, NOTHING),
    Row("publish", "range 9100 to 9000: neighbour", "lan", "host", 9100, "a1:9000 as lan"),
    Row("publish", "range 9102 to 9002: host", "host", "host", 9102, "a1:9002 as host"),
    Row("publish", "range: one past its end", "lan", "host", 9103, NOTHING),
    Row("publish", "icc off: neighbour", "lan", "host", 8085, "n1:80 as lan"),
    Row("publish", "icc off: host", "host", "host", 8085, "n1:80 as host"),
    Row("publish", "icc off: host, loopback", "host", "lo", 8085, "n1:80 as gw.n"),
    Row("publish", "icc off: same network", "n2", "host", 8085, "n1:80 as gw.n"),
    Row("publish", "icc off: itself (hairpin)", "n1", "host", 8085, "n1:80 as gw.n"),
    Row("publish", "icc off: other network", "a1", "host", 8085, "n1:80 as a1"),
    Row("publish", "icc off: client to another network's", "n2", "host", 8080, "a1:80 as n2"),
    Row("publish", "server on two networks: neighbour", "lan", "host", 8087, "m:80 as lan"),
    Row("publish", "server on two networks: client on the other", "a1", "host", 8087, "m:80 as gw.b"),
    Row("publish", "server on two networks: client on neither", "n1", "host", 8087, "m:80 as n1"),
    Row("egress", "network to LAN", "a1", "lan", 7, "lan:7 as host"),
    Row("egress", "icc off to LAN", "n1", "lan", 7, "lan:7 as host"),
    Row("egress", "snat_address to LAN", "b1", "lan", 7, "lan:7 as host.9"),
    Row("egress", "routed to LAN", "r1", "lan", 7, "lan:7 as r1"),
    Row("egress", "network to LAN, a port that is published here", "a1", "lan", 8080, "lan:8080 as host"),
    Row("egress", "ping to LAN", "a1", "lan", PING, "pong"),
    Row("egress", "same network", "a1", "a2", 81, "a2:81 as a1"),
    Row("egress", "through a router container", "a2", "b2", 81, "b2:81 as a2"),
    Row("egress", "host to container, unpublished", "host", "a1", 81, "a1:81 as gw.a"),
    Row("egress", "host to icc off", "host", "n1", 81, "n1:81 as gw.n"),
    blocked("protect", "LAN to container, unpublished", "lan", "a1", 81),
    blocked("protect", "LAN to container, published port", "lan", "a1", 80),
    blocked("protect", "LAN to container, port published on loopback", "lan", "a1", 82),
    blocked("protect", "LAN to container, ping", "lan", "a1", PING),
    blocked("protect", "LAN to gateway's service", "lan", "gw.a", 2222),
    blocked("protect", "LAN to gateway, ping", "lan", "gw.a", PING),
    Row("protect", "LAN to host's service", "lan", "host", 2222, "host:2222 as lan"),
    Row("protect", "host to its own service, loopback", "host", "lo", 2222, "host:2222 as lo"),
    Row("protect", "host to its own service, a gateway's address", "host", "gw.a", 2222, "host:2222 as gw.a"),
    blocked("protect", "network to another's gateway's service", "a1", "gw.b", 2222),
    blocked("protect", "network to an internal one's gateway's service", "a1", "gw.i", 2222),
    Row("protect", "network to its own gateway's service", "a1", "gw.a", 2222, "host:2222 as a1"),
    Row("protect", "icc off to its own gateway's service", "n1", "gw.n", 2222, "host:2222 as n1"),
    Row("protect", "network to its own gateway, ping", "a1", "gw.a", PING, "pong"),
    Row("protect", "icc off to its own gateway, ping", "n1", "gw.n", PING, "pong"),
    blocked("protect", "network to another's gateway, ping", "a1", "gw.b", PING),
    blocked("protect", "network to an internal one's gateway, ping", "a1", "gw.i", PING),
    blocked("protect", "network to another's container", "a1", "b1", 81),
    blocked("protect", "network to another's container, published port", "b1", "a1", 80),
    blocked("protect", "network to another's container, ping", "b1", "a1", PING),
    blocked("protect", "network to an icc off container", "a1", "n1", 81),
    blocked("protect", "host is no router: LAN to the other LAN", "lan", "lan2", 7),
    blocked("protect", "host is no router: and back", "lan2", "lan", 7),
    blocked("protect", "host is no router: ping", "lan", "lan2", PING),
    Row("protect", "trusted interface to container, unpublished", "lan2", "a1", 81, "a1:81 as lan2"),
    blocked("protect", "trusted interface to another network", "lan2", "b1", 81),
    Row("internal", "among themselves", "i1", "i2", 81, "i2:81 as i1"),
    blocked("internal", "to LAN", "i1", "lan", 7),
    blocked("internal", "to another network", "i1", "a1", 81),
    blocked("internal", "from another network", "a1", "i1", 81),
    blocked("internal", "from LAN", "lan", "i1", 81),
    Row("internal", "to another network's published port", "i1", "host", 8080, NOTHING),
    Row("internal", "to another network's published port, own gateway", "i1", "gw.i", 8080, NOTHING),
    Row("internal", "host to container", "host", "i1", 81, "i1:81 as gw.i"),
    Row("internal", "to its own gateway's service", "i1", "gw.i", 2222, "host:2222 as i1"),
    Row("internal", "to its own gateway, ping", "i1", "gw.i", PING, "pong"),
    blocked("internal", "to another network's gateway, ping", "i1", "gw.a", PING),
    blocked("icc off", "neighbour", "n1", "n2", 81),
    blocked("icc off", "neighbour, published port", "n2", "n1", 80),
    blocked("icc off", "neighbour by way of the gateway", "n3", "n1", 81),
    blocked("icc off", "neighbour, ping", "n1", "n2", PING),
    Row("routed", "LAN to container, published port", "lan", "r1", 80, "r1:80 as lan"),
    Row("routed", "LAN to host, published port", "lan", "host", 8088, "r1:80 as lan"),
    Row("routed", "LAN to container, ping", "lan", "r1", PING, "pong"),
    Row("routed", "network to container, published port", "a1", "r1", 80, "r1:80 as a1"),
    Row("routed", "to its own gateway, ping", "r1", "gw.r", PING, "pong"),
    blocked("routed", "to another network's gateway, ping", "r1", "gw.a", PING),
    blocked("routed", "LAN to container, unpublished", "lan", "r1", 81),
    blocked("routed", "container to a network", "r1", "a1", 81),
    blocked("isolated", "to the host", "s1", "host", 2222),
    blocked("isolated", "to its bridge's address", "s1", "gw.s", 2222),
    blocked("isolated", "to its bridge's address, ping", "s1", "gw.s", PING),
    blocked("isolated", "to LAN", "s1", "lan", 7),
    blocked("isolated", "from LAN", "lan", "s1", 81),
    Row("not ours", "among themselves", "x1", "x2", 81, "x2:81 as x1"),
    Row("not ours", "to its gateway's service", "x1", "gw.x", 2222, "host:2222 as x1"),
    Row("not ours", "to a published port", "x1", "host", 8080, "a1:80 as x1"),
    blocked("not ours", "to a network of ours", "x1", "a1", 81),
    blocked("not ours", "host is no router: to LAN", "x1", "lan", 7),
]
