# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A declared network policy (ingress and egress), and the allowed addresses of anti-spoofing."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from ansible_collections.virtnet.linux.plugins.module_utils.rules import names
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.addresses import Address, IPNetwork, overlaps
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.fields import Fields
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.ports import HOST_ADDRESS_RULE, is_host_address

BINDINGS = {4: "host_binding_ipv4", 6: "host_binding_ipv6"}
POLICY_FIELDS = (
    "gateway_mode", "gateway_mode6", "snat_address", "snat_address6", "trusted_interfaces", "uplinks",
    *BINDINGS.values(),
)  # fmt: skip


@dataclass
class Policy:
    """Ingress and egress of a network. Docker's gateway modes: nat; routed, without translation; isolated, whose bridge
    has no address."""

    gateway_mode: str = "nat"
    gateway_mode6: str = "nat"
    snat: dict[int, Address] = field(default_factory=dict)  # by IP version: the source address of egress
    trusted: list[str] = field(default_factory=list)  # interfaces whose ingress to the containers is not filtered
    uplinks: list[str] = field(default_factory=list)  # interfaces for egress and ingress; empty: all of the host
    # by IP version: the host address of published ports that name none; with one set, no other family is published
    bindings: dict[int, Address] = field(default_factory=dict)

    def mode(self, version: int) -> str:
        return self.gateway_mode6 if version == 6 else self.gateway_mode

    def routed(self, version: int) -> bool:
        return self.mode(version) == "routed"

    @property
    def isolated(self) -> bool:
        return self.gateway_mode == "isolated"


def read_policy(fields: Fields) -> Policy:
    """Read a network's policy fields, and check them as far as possible without the rest of the network."""
    mode = fields.choice("gateway_mode") or "nat"
    policy = Policy(mode, fields.choice("gateway_mode6") or mode)
    if policy.isolated != (policy.gateway_mode6 == "isolated"):
        fields.refuse("gateway_mode6", "must match the other one: isolated applies to both IP versions or to none")
    for version, word in ((4, "snat_address"), (6, "snat_address6")):
        address = fields.address(word, version)
        if address is not None:
            policy.snat[version] = address
            _check_snat(fields, word, policy.mode(version))
    for version, word in BINDINGS.items():
        address = fields.address(word, version)
        if address is None:
            continue
        policy.bindings[version] = address
        if not is_host_address(address):
            fields.refuse(word, HOST_ADDRESS_RULE)
        elif policy.mode(version) != "nat":
            fields.refuse(
                word, f"cannot be combined with gateway_mode {policy.mode(version)}, which ignores host ports"
            )
    for word, interfaces in (("trusted_interfaces", policy.trusted), ("uplinks", policy.uplinks)):
        for number, value in fields.texts(word):
            if names.is_interface_name(value) and value != "lo":
                interfaces.append(value)
            else:
                rule = f"must be the name of one of the host's interfaces: {names.INTERFACE_RULE}; and not lo"
                fields.problems.refuse(fields.thing, f"{word}[{number}]", value, rule)
    if policy.isolated:
        if not fields.boolean("internal"):
            fields.refuse("gateway_mode", "can only be used for an internal network; set internal: true too")
        for word in ("gateway", "gateway6"):
            if fields.given(word):
                fields.refuse(
                    word, "cannot be combined with gateway_mode isolated: the bridge has no address; leave it out"
                )
    return policy


def read_allowed_addresses(fields: Fields) -> list[str]:
    """Read the source addresses and subnets that anti-spoofing allows an endpoint besides its own addresses."""
    found: dict[int, IPNetwork] = {}
    for number, value in fields.texts("allowed_addresses"):
        try:
            # ipaddress accepts a zone in a network, fd00::%eth0/64, which may be any text
            found[number] = ipaddress.ip_network("" if "%" in value else value)
        except ValueError:
            rule = "must be an IP address, or a subnet in CIDR notation without host bits"
            fields.problems.refuse(fields.thing, f"allowed_addresses[{number}]", value, rule)
    for wide, narrow in overlaps([(block, str(number)) for number, block in found.items()]):
        rule = f"lies in allowed_addresses[{wide[1]}], {wide[0]}, and is allowed by that; leave it out"
        fields.problems.refuse(fields.thing, f"allowed_addresses[{narrow[1]}]", str(narrow[0]), rule)
    return [str(block) for block in found.values()]


def _check_snat(fields: Fields, word: str, mode: str) -> None:
    if mode != "nat":
        fields.refuse(word, f"cannot be combined with gateway_mode {mode}, which translates nothing")
    elif fields.boolean("masquerade") is False:
        fields.refuse(
            word, "cannot be combined with masquerade: false, which translates nothing; leave one of the two out"
        )
