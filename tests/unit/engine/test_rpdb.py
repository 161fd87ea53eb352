# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which routing rules divert packets to a subnet, and by which route a container's replies leave."""

from __future__ import annotations

import ipaddress

import pytest

from ansible_collections.virtnet.linux.plugins.module_utils.netlink import rpdb
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.rpdb import Rule, TableRoute

SUBNET = ipaddress.ip_network("172.30.0.0/16")
LOCAL, MAIN = Rule(4, 0, "lookup", 255), Rule(4, 32766, "lookup", 254)
WIDE = {52: [("0.0.0.0/0", "unicast")]}


def tables(routes):
    def table(number):
        found = routes.get(number, [])
        return [TableRoute(ipaddress.ip_network(to), kind, (number,)) for to, kind in found]

    return table


def lookup(table=52, **selectors):
    return Rule(4, 5270, "lookup", table, **selectors)


@pytest.mark.parametrize(
    ("rules", "routes"),
    [
        ([lookup()], WIDE),
        ([lookup(source="192.0.2.2/32")], WIDE),
        ([lookup(iif="eth0")], WIDE),
        ([lookup(fwmark=(7, 255))], WIDE),
        ([lookup(to="172.16.0.0/12")], WIDE),
        ([lookup(to="172.30.5.0/24")], WIDE),
        ([lookup(to="10.0.0.0/8", inverted=True)], WIDE),
        ([lookup(fwmark=(7, 255), inverted=True)], WIDE),
        ([lookup(to="172.16.0.0/12", iif="eth0", inverted=True)], WIDE),
        ([lookup(only_some=True)], WIDE),
        ([lookup()], {52: [("172.30.5.0/24", "unicast")]}),
        ([lookup()], {52: [("172.30.0.0/16", "blackhole")]}),
        ([lookup()], {52: [("0.0.0.0/0", "throw"), ("172.0.0.0/8", "unicast")]}),
        ([lookup()], {52: [("172.16.0.0/12", "throw"), ("172.30.5.0/24", "unicast")]}),
        ([lookup(suppress_prefixlength=0)], {52: [("0.0.0.0/1", "unicast"), ("128.0.0.0/1", "unicast")]}),
        ([lookup(254, fwmark=(7, 255)), lookup()], WIDE),
        ([lookup(254, suppress_prefixlength=16), lookup()], WIDE),
    ],
)
def test_rules_that_divert_packets_to_containers(rules, routes):
    assert rpdb.diverting([LOCAL, *rules, MAIN], SUBNET, tables(routes)) == rules[-1]


@pytest.mark.parametrize(
    ("rules", "routes"),
    [
        ([], WIDE),
        ([lookup()], {52: [("100.64.0.0/10", "unicast")]}),
        ([lookup()], {52: [("0.0.0.0/0", "unicast"), ("172.16.0.0/12", "throw")]}),
        ([lookup(suppress_prefixlength=0)], WIDE),
        ([lookup(254, suppress_prefixlength=0), lookup()], WIDE),
        ([lookup(254, to="172.16.0.0/12"), lookup()], WIDE),
        ([lookup(254, to="10.0.0.0/8", inverted=True), lookup()], WIDE),
        ([lookup(to="10.0.0.0/8")], WIDE),
        ([lookup(to="172.16.0.0/12", inverted=True)], WIDE),
        ([lookup(inverted=True)], WIDE),
        ([lookup(oif="eth0")], WIDE),
        ([lookup(l3mdev=True)], WIDE),
        ([Rule(4, 100, "prohibit", 0, source="10.0.0.0/8"), Rule(4, 100, "nop", 0)], WIDE),
    ],
)
def test_rules_that_divert_nothing(rules, routes):
    assert rpdb.diverting([LOCAL, *rules, MAIN], SUBNET, tables(routes)) is None


def test_no_rule_precedes_the_lookup_of_table_local():
    after, before = lookup(), Rule(4, 50, "lookup", 52)
    assert rpdb.can_be_preceded(after, [LOCAL, after, MAIN])
    assert not rpdb.can_be_preceded(before, [before, LOCAL._replace(preference=100), MAIN])
    assert not rpdb.can_be_preceded(after._replace(preference=0), [LOCAL, after._replace(preference=0), MAIN])


@pytest.mark.parametrize(
    ("rules", "routes", "by"),
    [
        ([], {}, (254,)),
        ([lookup()], WIDE, (52,)),
        ([lookup()], {52: [("0.0.0.0/1", "unicast"), ("128.0.0.0/1", "unicast")]}, (52,)),
        ([lookup()], {52: [("0.0.0.0/1", "unicast")]}, (254,)),
        ([lookup()], {52: [("0.0.0.0/0", "throw")]}, (254,)),
        ([lookup()], {52: [("0.0.0.0/0", "unreachable")]}, ()),
        ([lookup(source="192.0.2.2/32")], WIDE, (254,)),
        ([lookup(source="172.16.0.0/12")], WIDE, (52,)),
        ([lookup(source="172.16.0.0/12", inverted=True)], WIDE, (254,)),
        ([lookup(iif="br-web")], WIDE, (52,)),
        ([lookup(iif="lo")], WIDE, (254,)),
        ([lookup(fwmark=(7, 255))], WIDE, (254,)),
        ([lookup(fwmark=(7, 255), inverted=True)], WIDE, (52,)),
        ([lookup(to="10.0.0.0/8")], WIDE, (254,)),
        ([lookup(254, suppress_prefixlength=0), lookup()], WIDE, (52,)),
        ([Rule(4, 100, "prohibit", 0, iif="br-web")], {}, ()),
    ],
)
def test_egress_route(rules, routes, by):
    known = tables({254: [("0.0.0.0/0", "unicast")], **routes})
    found = rpdb.egress_route([LOCAL, *rules, MAIN], str(SUBNET), "br-web", known)
    assert found is not None and found.indices == by


def test_no_rule_has_an_egress_route():
    assert rpdb.egress_route([LOCAL, MAIN], str(SUBNET), "br-web", tables({})) is None


def test_only_rules_of_the_collections_protocol_are_managed():
    ours = rpdb.for_subnet("172.30.0.0/16", 5269)
    assert ours.is_ours and str(ours) == "rule 5269 (to 172.30.0.0/16 lookup main)"
    others = (
        dict(protocol=4),
        dict(to=None),
        dict(iif="eth0"),
        dict(table=52),
        dict(inverted=True),
        dict(source="::/0"),
    )
    assert not any(ours._replace(**one).is_ours for one in others)
