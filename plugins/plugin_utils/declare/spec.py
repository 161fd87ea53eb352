# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A declaration's objects: networks, containers and their attachments, as declared and parsed."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.addresses import (
    Address,
    Subnet,
)
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.nics import Nic
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.policy import (
    Policy,
)
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.ports import Port
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.routes import Route
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.switches import Placement, Switch


@dataclass(frozen=True)
class AddressPool:
    """A block from which networks get subnets; size is the prefix length of each."""

    base: ipaddress.IPv4Network
    size: int


@dataclass
class Network:
    """A bridge network of one host; `declared` in this run, or only observed there from an earlier one.

    `connect` names the networks to whose bridges it has a patch link. One that `joins` another shares its subnets,
    gateway and network policy; `primary` is that other (the primary network of the segment), once it is settled.
    """

    name: str
    bridge: str
    subnets: dict[int, Subnet] = field(default_factory=dict)  # by IP version
    mtu: int | None = None
    internal: bool = False
    icc: bool = True
    masquerade: bool = True
    policy: Policy = field(default_factory=Policy)
    anti_spoofing: bool = True
    routes: list[Route] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    connect: dict[str, int] = field(default_factory=dict)  # each with its index in the list, for messages
    stp: bool | None = None
    placement: Placement = field(default_factory=Placement)
    automatic: bool = False  # it names no subnet
    segment_options: dict[str, object] = field(
        default_factory=dict
    )  # the fields that apply to its whole segment, as declared
    joins: str | None = None
    primary: Network | None = field(default=None, repr=False)
    declared: bool = True
    is_valid: bool = True  # False: its subnets are invalid, so no further errors about addresses in it are reported

    @property
    def segment(self) -> Network:
        """The network that owns the subnet and the gateway: this one, or the one that it joins."""
        return self.primary or self

    def __str__(self) -> str:
        return f"network {self.name}"


@dataclass
class Attachment:
    """A container's desired attachment to a network."""

    network: str
    number: int = 0  # its index in the list, for messages
    addresses: dict[int, Address] = field(default_factory=dict)  # by IP version: static ones
    mac: str | None = None
    interface: str | None = None
    aliases: list[str] = field(default_factory=list)
    allowed_addresses: list[str] = field(default_factory=list)  # anti-spoofing: allowed besides its own addresses
    trunks: list[int] = field(default_factory=list)  # VLANs that the container sends and receives tagged
    anti_spoofing: bool | None = None  # None: inherit the network's setting


@dataclass
class Dns:
    """Resolver settings of a container for names outside its networks; empty fields inherit those of the host."""

    servers: list[Address] = field(default_factory=list)
    search: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)


@dataclass
class Container:
    """A container: its mode (bridge, none, host or container, which has a target) and its settings."""

    name: str
    mode: str = "bridge"
    target: str | None = None
    attachments: list[Attachment] = field(default_factory=list)
    whole: bool = (
        True  # False: some of its networks are left out, each with an error of its own: none that follow are reported
    )
    nics: list[Nic] = field(default_factory=list)
    ports: list[Port] = field(default_factory=list)
    forwarding: bool | None = None
    sysctls: dict[str, object] = field(default_factory=dict)
    unprivileged_ports: bool | None = None  # None: it shares a namespace, whose owner sets it
    routes: list[Route] = field(default_factory=list)
    dns: Dns = field(default_factory=Dns)
    pid: int | None = None
    force: bool = False

    @property
    def network_mode(self) -> str:
        """The mode as it is declared: 'bridge' or 'container:nginx'."""
        return f"{self.mode}:{self.target}" if self.target else self.mode

    @property
    def owns_namespace(self) -> bool:
        return self.mode in ("bridge", "none")

    def __str__(self) -> str:
        return f"container {self.name}"


@dataclass
class Declaration:
    """The desired state of one host; present and absent objects apart, each by name in declared order."""

    role: str
    purge: bool
    manage_foreign_firewall: bool
    networks: dict[str, Network]
    absent_networks: dict[str, Network]
    containers: dict[str, Container]
    absent_containers: dict[str, Container]
    purge_force: bool = False  # purge containers in whose namespaces processes run, too
    switches: dict[str, Switch] = field(default_factory=dict)
    absent_switches: dict[str, Switch] = field(default_factory=dict)
    address_pools: list[AddressPool] | None = None  # None: every network has to name its subnet
    # not planned, because they have an error or warning already; their observed state is kept, and not undeclared
    omitted_containers: set[str] = field(default_factory=set)
