# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The scope of a run: desired state merged with observed state; what is kept and what is deleted."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from ansible_collections.virtnet.linux.plugins.module_utils.rules.problems import Problems, enumerate_names
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.addresses import Address
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.spec import Container, Declaration, Network
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.switches import Switch
from ansible_collections.virtnet.linux.plugins.plugin_utils.observe.observed import Live, LiveContainer, LiveEndpoint

_SHOWN = 10  # containers of a cycle, in a message


@dataclass
class Scope:
    """One host's run. `networks` are those that exist afterwards, declared or undeclared; containers are `declared`, or
    `undeclared`: existing, undeclared, and left unchanged."""

    role: str
    declared: dict[str, Container]
    absent: dict[str, Container]
    networks: dict[str, Network]
    networks_to_delete: dict[str, Network]
    absent_networks: dict[str, Network]  # as declared, whether they exist or not
    undeclared: dict[str, LiveContainer]
    omitted: set[str]  # of `undeclared`: the ones that are declared, but have errors
    containers_to_delete: dict[str, LiveContainer]
    live: Live
    purge_force: bool = False
    switches: dict[str, Switch] = field(default_factory=dict)  # those that exist afterwards
    switches_to_delete: dict[str, Switch] = field(default_factory=dict)

    def is_forced(self, name: str) -> bool:
        """Whether a container is deleted although processes run in its namespace."""
        declared = self.absent.get(name)
        return self.purge_force if declared is None else declared.force

    def undeclared_on(self, segment: Network) -> Iterator[tuple[str, LiveEndpoint]]:
        """Yield the undeclared endpoints on a segment, with their containers' names."""
        for name, container in self.undeclared.items():
            for network, endpoint in container.endpoints.items():
                if network in self.networks and self.networks[network].segment is segment:
                    yield name, endpoint

    def foreign_role(self, container: LiveContainer) -> str | None:
        """The role that made an existing container, where it is not this run's; else None."""
        return container.role if container.role != self.role else None

    def or_remove(self, holder: str) -> str:
        """The second remedy where `holder`, as messages name it, has a desired value: an undeclared container may be
        the desired one under its old name, and can be declared absent."""
        name = holder.removeprefix("container ")
        is_removable = name != holder and name in self.undeclared and name not in self.omitted
        return (
            f", or declare {holder} absent" if is_removable and self.foreign_role(self.undeclared[name]) is None else ""
        )

    def has_interface(self, name: str) -> bool:
        """Whether the host has an interface of this name after the run; True where its interfaces are unknown."""
        made = [network.bridge for network in self.networks.values()]
        return not self.live.interfaces or name in self.live.interfaces or name in made

    def has_address(self, address: Address) -> bool:
        """Whether the host has the address after the run; True where its interfaces are unknown."""
        known = self.live.addresses
        made = (subnet.gateway for network in self.networks.values() for subnet in network.subnets.values())
        return not self.live.interfaces or address in known or address in made

    def attached(self, container: str, network: str) -> bool:
        """Whether a declared container has a desired attachment to the network."""
        declared = self.declared.get(container)
        return declared is not None and any(attachment.network == network for attachment in declared.attachments)


def merge(declaration: Declaration, live: Live, problems: Problems) -> Scope:
    """Merge desired and observed state: objects to keep and objects to delete; refuse deletions with dependents."""

    def leaves(name: str, role: str | None, present: Collection[str], absent: Collection[str]) -> bool:
        return name not in present and (name in absent or (declaration.purge and role == declaration.role))

    def role_of(container: LiveContainer) -> str | None:
        if container.named:
            return container.role
        return next((live.roles.get(network) for network in container.endpoints), None)

    networks = dict(declaration.networks)
    networks_to_delete = {}
    for name, network in live.networks.items():
        if leaves(name, live.roles.get(name), declaration.networks, declaration.absent_networks):
            networks_to_delete[name] = network
        else:
            networks.setdefault(name, network)
    undeclared, containers_to_delete = {}, {}
    for name, container in live.containers.items():
        if name in declaration.omitted_containers:
            undeclared[name] = container
        elif leaves(name, role_of(container), declaration.containers, declaration.absent_containers):
            containers_to_delete[name] = container
        elif name not in declaration.containers:
            undeclared[name] = container
    scope = Scope(
        role=declaration.role,
        declared=declaration.containers,
        absent=declaration.absent_containers,
        networks=networks,
        networks_to_delete=networks_to_delete,
        absent_networks=declaration.absent_networks,
        undeclared=undeclared,
        omitted=declaration.omitted_containers,
        containers_to_delete=containers_to_delete,
        live=live,
        purge_force=declaration.purge_force,
    )
    for name, switch in {**live.switches, **declaration.switches}.items():
        leaving = name in live.switches and leaves(name, switch.role, declaration.switches, declaration.absent_switches)
        (scope.switches_to_delete if leaving else scope.switches)[name] = switch
    _check_owners(declaration, live, problems)
    _check_known(scope, declaration, problems)
    _check_networks_to_delete(scope, declaration, problems)
    _check_containers_to_delete(scope, problems)
    _check_namespaces(scope, problems)
    return scope


def _check_owners(declaration: Declaration, live: Live, problems: Problems) -> None:
    """Refuse objects that another role made."""
    for name in [*declaration.networks, *declaration.absent_networks]:
        owner = live.roles.get(name)
        if owner not in (None, declaration.role):
            problems.refuse(
                f"network {name}", "name", name, f"the role {owner} made it; change it there, or choose another name"
            )
    for name in [*declaration.containers, *declaration.absent_containers]:
        owner = live.containers[name].role if name in live.containers else None
        if owner not in (None, declaration.role):
            problems.refuse(
                f"container {name}", "name", name, f"the role {owner} made it; change it there, or choose another name"
            )


def _check_known(scope: Scope, declaration: Declaration, problems: Problems) -> None:
    known = enumerate_names(sorted(scope.networks)) or "none"
    for container in scope.declared.values():
        for attachment in container.attachments:
            if attachment.network in scope.networks or attachment.network in scope.networks_to_delete:
                continue
            if attachment.network in declaration.absent_networks:
                rule = "is declared with state: absent; leave it out here, or keep the network"
            else:
                rule = f"is unknown: no network in {scope.role}_networks and none that exists; known: {known}"
                rule += problems.near(attachment.network, scope.networks)
            problems.refuse(str(container), f"networks[{attachment.number}]", attachment.network, rule)


def _check_networks_to_delete(scope: Scope, declaration: Declaration, problems: Problems) -> None:
    for name in scope.networks_to_delete:
        on_it = [other for other, container in scope.undeclared.items() if name in container.endpoints]
        on_it += [other for other in scope.declared if scope.attached(other, name)]
        if not on_it:
            continue
        who = enumerate_names(sorted(on_it))
        if name in declaration.absent_networks:
            problems.refuse(
                f"network {name}",
                "state",
                "absent",
                f"containers are still attached: {who}; remove them first, or with it",
            )
        else:
            problems.refuse(
                f"network {name}", f"{scope.role}_purge", True,
                f"no list declares it, so it would be deleted, but has containers: {who}; declare it, or remove them",
            )  # fmt: skip


def _check_containers_to_delete(scope: Scope, problems: Problems) -> None:
    for name, live in scope.containers_to_delete.items():
        declared = scope.absent.get(name)
        if live.pids and not scope.is_forced(name):
            field, value = ("state", "absent") if declared else (f"{scope.role}_purge", True)
            option = "force: true" if declared else f"{scope.role}_purge_force: true"
            problems.refuse(f"container {name}", field, value, _processes(live, "remove it", option))
        sharing = sorted(other for other, one in scope.undeclared.items() if one.join == name)
        if sharing:
            problems.warn(
                f"container {name}", "state", "absent",
                f"containers that share its namespace lose their network with it: {enumerate_names(sharing)}",
            )  # fmt: skip
    for name, container in scope.declared.items():
        before = scope.live.containers.get(name)
        if before is not None and before.pids and not container.owns_namespace and not container.force:
            rule = _processes(before, "put another in its place", "force: true")
            problems.refuse(str(container), "network_mode", container.network_mode, rule)


def _processes(live: LiveContainer, effect: str, option: str) -> str:
    listed = enumerate_names([f"{pid}{live.program_of(pid)}" for pid in live.pids])
    return f"processes run in its namespace: pid {listed}; stop them, or set {option} to {effect} all the same"


def _check_namespaces(scope: Scope, problems: Problems) -> None:
    for name, container in scope.declared.items():
        live = scope.live.containers.get(name)
        if name in scope.live.namespaces and (live is None or not live.named):
            problems.refuse(
                str(container), "name", name,
                f"/run/netns has this name already, not made here; choose another, or `ip netns delete {name}`",
            )  # fmt: skip


def owners_of_namespaces(scope: Scope, problems: Problems) -> tuple[dict[str, str], dict[str, str]]:
    """The owner of each declared container's namespace (itself, another or 'host'), and the rules that the rest breaks.

    Linear in the number of containers, however long the chains of joins are.
    """
    owners: dict[str, str] = {}
    reasons: dict[str, str] = {}
    for first in scope.declared:
        name, way = first, dict[str, None]()
        while name not in owners and name not in reasons and name not in way:
            way[name] = None
            following, reason = _joined(scope, name, problems)
            if reason is not None:
                reasons[name] = reason
            elif following in (None, "host"):
                owners[name] = following or name
            else:
                name = str(following)
        if name in owners:
            owners.update(dict.fromkeys(way, owners[name]))
        else:
            reasons.update(dict.fromkeys(way, reasons.get(name) or _circle(list(way), name)))
    return owners, reasons


def _joined(scope: Scope, name: str, problems: Problems) -> tuple[str | None, str | None]:
    """The owner of the namespace that a container joins, declared or undeclared; or the error."""
    declared, live = scope.declared.get(name), scope.undeclared.get(name)
    if declared is not None:
        return declared.target if declared.mode == "container" else "host" if declared.mode == "host" else None, None
    if live is not None:
        return live.join, None
    if name in scope.containers_to_delete:
        return None, f"the container {name} is removed in the same run; keep it, or remove this one too"
    rule = f"there is no container {name}, neither declared in {scope.role}_containers nor existing on the host"
    return None, rule + (problems.near(name, scope.declared) or problems.near(name, scope.undeclared))


def _circle(way: list[str], name: str) -> str:
    members = way[way.index(name) :]
    shown = [*members[:_SHOWN], *([f"{len(members) - _SHOWN} more"] if len(members) > _SHOWN else []), name]
    return "the containers share namespaces in a circle: " + " -> ".join(shown)
