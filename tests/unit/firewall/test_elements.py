# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The firewall's desired state, and the set and map elements that encode it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.firewall.strategies import states

from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import (
    Guard,
    NatPort,
    Policy,
    Port,
    State,
)
from ansible_collections.virtnet.linux.plugins.module_utils.nft import ruleset
from ansible_collections.virtnet.linux.plugins.module_utils.nft.elements import elements, parse
from ansible_collections.virtnet.linux.plugins.module_utils.nft.firewall import Live, loopback_bridges, transaction
from ansible_collections.virtnet.linux.plugins.module_utils.nft.listing import Elements

WEB = Policy("br-web", ("172.30.0.0/16", "fd00:30::/64"))
POLICIES = {"br-web": WEB}
JUNK = st.text(min_size=1).filter(lambda text: not re.fullmatch(r"[A-Za-z0-9_.:/-]*", text))


def published(*ports: NatPort) -> dict:
    return {port.key: port for port in ports}


def carried_out(text: str, held: Elements) -> Elements:
    """The elements of a set after a transaction: a model of nft for the statements that the transactions use."""
    after = {key: dict(values) for key, values in held.items()}
    for family in re.findall(r"^delete table (\w+) virtnet$", text, re.MULTILINE):
        after = {key: values for key, values in after.items() if key[0] != family}
    for verb, family, name, body in re.findall(
        r"^(add|delete) element (\w+) virtnet (\w+) \{\n(.*?)\n\}$", text, re.M | re.S
    ):
        values = after.setdefault((family, name), {})
        for line in body.split(",\n"):
            key, comment, value = re.fullmatch(r'(.*?)(?: comment "([^"]*)")?(?: : (.*))?', line).groups()
            assert (key in values) == (verb == "delete"), line
            if verb == "delete":
                del values[key]
            else:
                values[key] = (value, comment)
    return {key: values for key, values in after.items() if values}


def filled(found: Elements) -> Elements:
    return {key: values for key, values in found.items() if values}


def live(state: State) -> Live:
    return Live(elements(state), ruleset.FAMILIES if state != State() else ())


@given(states())
def test_elements_decode_to_the_same_state(state):
    assert parse(elements(state)) == state


@given(states(), states())
def test_a_transaction_converges_from_any_state_to_any_other(before, after):
    text = transaction(live(before), after)

    assert carried_out(text, elements(before)) == filled(elements(after))


@given(states(), states())
def test_damaged_tables_are_recreated_in_full(before, after):
    damaged = Live(elements(before), ruleset.FAMILIES, ["table inet virtnet: chain forward is missing"])

    text = transaction(damaged, after)

    assert carried_out(text, elements(before)) == filled(elements(after))
    assert (ruleset.TEXT["inet"] in text) == (after != State())
    assert ruleset.TEXT["bridge"] not in text


@given(states())
def test_equal_states_need_no_transaction(state):
    assert transaction(live(state), state) == ""


def test_a_transaction_contains_only_differences():
    before = State(POLICIES, nat_ports=published(NatPort("tcp", None, 80, "172.30.0.2", 80, "br-web")))
    after = State(POLICIES, nat_ports=published(NatPort("tcp", None, 80, "172.30.0.3", 80, "br-web")))

    assert transaction(live(before), after) == (
        "delete element inet virtnet pub4 {\ntcp . 80 : 172.30.0.2 . 80\n}\n"
        'add element inet virtnet pub4 {\ntcp . 80 comment "br-web" : 172.30.0.3 . 80\n}\n'
    )


def test_an_empty_state_has_no_tables():
    text = transaction(live(State(POLICIES)), State())

    assert text == "delete table bridge virtnet\ndelete table inet virtnet\n"
    assert transaction(Live({}), State()) == ""


def test_every_rule_has_a_comment():
    for family in ruleset.FAMILIES:
        rules = re.findall(r"^ {8}(?!type )(.*)$", ruleset.TEXT[family], re.MULTILINE)

        assert [rule for rule in rules if 'comment "' not in rule] == []


@given(JUNK, st.data())
def test_malformed_values_are_refused_in_every_field(junk, data):
    """Nothing that could end a statement, or begin another, gets into nft's text."""
    good = [
        Policy(
            "br0", ("10.0.0.0/8",), snat_address="192.0.2.1", snat_address6="2001:db8::1", trusted_interfaces=("eth0",)
        ),
        Guard("veth0", "br0", "02:00:00:00:00:01", ("10.0.0.2",), ("10.1.0.0/16",)),
        Port("veth0", "br0", ("10.0.0.2",), ("br1",)),
        NatPort("tcp", "192.0.2.1", 80, "10.0.0.2", 80, "br0"),
    ]
    item = data.draw(st.sampled_from(good))
    texts = [name for name in item._fields if not isinstance(getattr(item, name), bool)]
    field = data.draw(st.sampled_from(texts))
    bad = item._replace(**{field: (junk,) if isinstance(getattr(item, field), tuple) else junk})
    state = State()
    if isinstance(bad, Policy):
        state.policies[bad.bridge] = bad
    elif isinstance(bad, Guard):
        state.guards[bad.port] = bad
    elif isinstance(bad, Port):
        state.ports[bad.name] = bad
    else:
        state.nat_ports[bad.key] = bad

    with pytest.raises(ValueError, match=re.escape(repr(junk))):
        elements(state)


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        (
            State({"b": Policy("b", ("10.0.0.1/8",))}),
            "policy of bridge 'b': subnets: '10.0.0.1/8': must be",
        ),
        (
            State({"b": Policy("b", ("10.0.0.0/8",)), "c": Policy("c", ("10.2.0.0/16",))}),
            "policy of bridge 'c': subnets: 10.2.0.0/16 overlaps 10.0.0.0/8 of bridge 'b'",
        ),
        (State({"b": Policy("b", gateway_mode="open")}), "gateway_mode: 'open' is none of nat, routed, isolated"),
        (State({"b": Policy("b", snat_address="::1")}), "snat_address: '::1': must be an IPv4 address"),
        (State({"b": Policy("b", trusted_interfaces=("b",))}), "trusted_interfaces: 'b' is the bridge itself"),
        (
            State(guards={"v": Guard("v", "b", "02:0:0:0:0:1")}),
            "mac: '02:0:0:0:0:1': must be a MAC",
        ),
        (
            State(guards={"v": Guard("v", "b", "02:00:00:00:00:01", (), ("10.0.0.0/8", "10.1.0.0/16"))}),
            "allowed_addresses: 10.1.0.0/16 overlaps 10.0.0.0/8",
        ),
        (
            State(nat_ports=published(NatPort("tcp", None, 0, "10.0.0.2", 80))),
            "host_port: 0: must be a number",
        ),
        (
            State(nat_ports=published(NatPort("tcp", None, 80, "10.0.0.2", True))),
            "to_port: True: must be a number",
        ),
        (
            State(nat_ports=published(NatPort("icmp", None, 80, "10.0.0.2", 80))),
            "protocol: 'icmp' is none of tcp, udp, sctp",
        ),
        (
            State(nat_ports=published(NatPort("tcp", "::1", 80, "10.0.0.2", 80))),
            "host_ip: '::1': must be a unicast address",
        ),
        (State(nat_ports=published(NatPort("tcp", "fe80::1", 80, "fd00::2", 80))), "host_ip: 'fe80::1'"),
        (
            State(nat_ports={("tcp", "0.0.0.0", 1): NatPort("tcp", "0.0.0.0", 1, "10.0.0.2", 80)}),
            "leave it out for all addresses",
        ),
        (State(norouter=frozenset({5})), "norouter: 5"),
    ],
)
def test_invalid_states_are_refused_with_the_rule(state, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        elements(state)


def test_all_errors_are_reported_at_once():
    state = State({"b": Policy("b", ("x", "y"), gateway_mode="z")}, nat_ports=published(NatPort("a", None, 0, "c", 0)))

    with pytest.raises(ValueError) as raised:
        elements(state)

    assert len(str(raised.value).splitlines()) == 7


def test_route_localnet_is_needed_only_for_ports_reachable_from_loopback():
    state = State(
        {**POLICIES, "br-app": Policy("br-app", ("10.1.0.0/24", "fd00:1::/64"))},
        nat_ports=published(
            NatPort("tcp", None, 80, "172.30.0.2", 80, "br-web"),
            NatPort("tcp", "192.0.2.1", 81, "10.1.0.2", 80, "br-app"),
            NatPort("tcp", "::1", 82, "fd00:1::2", 80),
        ),
    )

    assert loopback_bridges(state) == {4: {"br-web"}, 6: {"br-app"}}
