# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Read declared containers: mode, attachments, NICs, ports, sysctls, resolver settings."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ansible_collections.virtnet.linux.plugins.module_utils.rules import names, values
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare import compose
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.fields import Fields, not_quoted
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.nics import read_nics
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.policy import (
    read_allowed_addresses,
)
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.ports import Port, PortError, parse_port
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.routes import read_routes
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.spec import (
    Attachment,
    Container,
    Dns,
)
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.switches import read_trunks

ATTACHMENT_FIELDS = (
    "name", "ipv4_address", "ipv6_address", "mac_address", "interface_name", "aliases",
    "allowed_addresses", "anti_spoofing", "trunks",
)  # fmt: skip


_OF_A_NAMESPACE = (
    "networks", "interfaces", "ports", "forwarding", "sysctls", "unprivileged_ports", "routes", "dns", "dns_search",
    "dns_opt", "pid",
)  # fmt: skip


_SYSCTL = re.compile(r"net[./][A-Za-z0-9_./-]+\Z")


def read_container(fields: Fields, name: str, unprivileged: bool) -> Container:
    fields.only(elsewhere=compose.CONTAINER)
    check_container_name(fields, name)
    mode = read_mode(fields, name)
    container = Container(
        name=name,
        mode=mode[0] if mode else "none",
        target=mode[1] if mode else None,
        attachments=_read_attachments(fields, name),
        nics=read_nics(fields),
        ports=_read_ports(fields),
        forwarding=fields.boolean("forwarding"),
        sysctls=_read_sysctls(fields),
        routes=read_routes(fields),
        dns=_read_dns(fields),
        pid=fields.integer("pid", 1, 2**22),  # PID_MAX_LIMIT, include/linux/threads.h
        force=bool(fields.boolean("force")),
    )
    if container.owns_namespace and container.pid is None:
        own = fields.boolean("unprivileged_ports")
        container.unprivileged_ports = unprivileged if own is None else own
    elif container.pid is not None and fields.given("unprivileged_ports"):
        fields.refuse("unprivileged_ports", "cannot be combined with pid, whose namespace exists already; set sysctls")
    if mode:
        _check_mode(fields, container)
    for key, value in container.sysctls.items():
        if names.sysctl(key) in names.FORWARDING and container.forwarding not in (None, str(value) != "0"):
            rule = f"contradicts forwarding: {str(container.forwarding).lower()}; leave one of the two out"
            fields.problems.refuse(fields.thing, f"sysctls.{key}", value, rule)
    return container


def check_container_name(fields: Fields, name: str) -> None:
    if name == "host":
        fields.refuse("name", "means the host's own namespace here; choose another name")
    if fields.to_be_present and name in names.HOSTS_NAMES:
        fields.refuse("name", "is in each container's file hosts already; choose another name")


def read_mode(fields: Fields, name: str) -> tuple[str, str | None] | None:
    """The mode and the container to join; None where the field is invalid."""
    mode = fields.text("network_mode")
    if mode is None:
        return None
    if mode in ("bridge", "none", "host"):
        return mode, None
    word, _colon, target = mode.partition(":")
    if word != "container":
        fields.refuse("network_mode", "must be bridge, none, host or container:NAME")
    elif not names.is_object_name(target):
        fields.refuse("network_mode", "a container's name follows after 'container:', as in container:nginx")
    elif target == name:
        fields.refuse("network_mode", "a container cannot join its own namespace; name another one")
    else:
        return "container", target
    return None


def _read_attachments(fields: Fields, container: str) -> list[Attachment]:
    found: dict[str, Attachment] = {}
    for number, value in enumerate(fields.listing("networks")):
        network = read_network_name(fields, number, value)
        if isinstance(value, Mapping):
            record = Fields(value, f"{fields.thing}: networks[{number}]", fields.problems, number)
            attachment = _read_attachment(record, network or "", container)
        else:
            attachment = Attachment(network or "", number)
        if network is None:
            continue
        if network in found:
            rule = "is named twice; name a network once"
            fields.problems.refuse(fields.thing, f"networks[{number}]", network, rule)
            continue
        found[network] = attachment
    return list(found.values())


def read_network_name(fields: Fields, number: int, value: object) -> str | None:
    """The network name of an entry of a container's `networks`: the entry itself, or its field `name`."""
    place = f"networks[{number}]"
    if isinstance(value, Mapping):
        record, word = Fields(value, f"{fields.thing}: {place}", fields.problems, number), "name"
    else:
        record, word = Fields({place: value}, fields.thing, fields.problems), place
    network = record.raw.get(word)
    if not isinstance(network, str):
        record.refuse(word, not_quoted(network) or "must be a network's name, or a mapping with its name")
        return None
    if not names.is_object_name(network):
        record.refuse(word, f"a network's name is {names.OBJECT_RULE}")
        return None
    return network


def _read_attachment(fields: Fields, network: str, container: str) -> Attachment:
    fields.only(*ATTACHMENT_FIELDS)
    interface = fields.text("interface_name")
    if interface is not None and (interface == "lo" or not names.is_interface_name(interface)):
        fields.refuse("interface_name", f"must be {names.INTERFACE_RULE}; and not lo, which is there already")
    addresses = {4: fields.address("ipv4_address", 4), 6: fields.address("ipv6_address", 6)}
    aliases = _read_aliases(fields)
    own = {"network": network, "container": container, "interface": "x" * 15}
    wrong = names.labels_problem({"aliases": "+".join(aliases)}, own) if aliases else None
    if wrong is not None and names.labels_fit(own):
        fields.refuse("aliases", "are too many: " + wrong)
    return Attachment(
        network=network,
        number=fields.number,
        addresses={version: address for version, address in addresses.items() if address is not None},
        mac=fields.mac("mac_address"),
        interface=interface,
        aliases=aliases,
        allowed_addresses=read_allowed_addresses(fields),
        anti_spoofing=fields.boolean("anti_spoofing"),
        trunks=read_trunks(fields),
    )


def _read_aliases(fields: Fields) -> list[str]:
    """Read the aliases; return the valid ones."""
    found = []
    for number, alias in fields.texts("aliases"):
        if not names.is_object_name(alias):
            rule = values.OBJECT_NAME
        elif alias in names.HOSTS_NAMES:
            rule = "is in each container's file hosts already; choose another alias"
        else:
            found.append(alias)
            continue
        fields.problems.refuse(fields.thing, f"aliases[{number}]", alias, rule)
    return found


def _read_dns(fields: Fields) -> Dns:
    dns = Dns()
    for number, value in enumerate(fields.listing("dns")):
        one = Fields({f"dns[{number}]": value}, fields.thing, fields.problems)
        address = one.address(f"dns[{number}]")
        if address is not None:
            dns.servers.append(address)
    for word, words in (("dns_search", dns.search), ("dns_opt", dns.options)):
        for number, value in fields.texts(word):
            if len(value.split()) == 1:
                words.append(value)
            else:
                fields.problems.refuse(fields.thing, f"{word}[{number}]", value, values.ONE_WORD)
    return dns


def _read_ports(fields: Fields) -> list[Port]:
    found = []
    for number, value in enumerate(fields.listing("ports")):
        try:
            found.append(parse_port(value, number))
        except PortError as error:
            fields.problems.refuse(fields.thing, f"ports[{number}]", value, str(error))
    return found


def _read_sysctls(fields: Fields) -> dict[str, object]:
    found: dict[str, object] = {}
    for key, value in fields.mapping("sysctls").items():
        if not isinstance(key, str) or not _SYSCTL.match(key) or ".." in key:
            fields.problems.refuse(fields.thing, f"sysctls.{key}", value, "only net.* belongs to a network namespace")
        elif isinstance(value, bool):
            found[key] = int(value)
        elif isinstance(value, (int, str)):
            found[key] = value
        else:
            rule = not_quoted(value) or "must be a number or text"
            fields.problems.refuse(fields.thing, f"sysctls.{key}", value, rule)
    return found


def _check_mode(fields: Fields, container: Container) -> None:
    """Refuse fields that conflict with the container's mode."""
    mode = container.network_mode
    if container.mode == "bridge":
        connected = fields.raw.get("networks") or fields.raw.get("interfaces") or fields.given("pid")
        if fields.to_be_present and not connected:
            fields.refuse("networks", "network_mode bridge requires at least one; or set network_mode: none")
        _check_interface_names(fields, container)
        return
    if container.mode == "none":
        no_interface = "it has no interface but lo"
        unfit = {"networks": no_interface, "interfaces": no_interface, "ports": "it has no address to translate to"}
    elif container.mode == "host":
        unfit = dict.fromkeys(_OF_A_NAMESPACE, "it uses the host's own namespace, as it is")
    else:
        unfit = dict.fromkeys(_OF_A_NAMESPACE, f"it uses the namespace of {container.target}; set it there")
    for word, reason in unfit.items():
        if fields.raw.get(word) not in (None, [], {}):
            fields.refuse(word, f"cannot be combined with network_mode {mode}: {reason}")


def _check_interface_names(fields: Fields, container: Container) -> None:
    taken = {nic.name for nic in container.nics}
    for attachment in container.attachments:
        if attachment.interface in taken:
            rule = f"is a name in its interfaces already; choose another on {attachment.network}"
            fields.problems.refuse(fields.thing, "interface_name", attachment.interface, rule)
