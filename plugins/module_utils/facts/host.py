# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observed state of a managed host: its namespaces' stacks, handles, firewall and runtime state, each read once."""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from ansible_collections.virtnet.linux.plugins.module_utils.facts.switches import OPEN_VSWITCH, Switches
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Netns
from ansible_collections.virtnet.linux.plugins.module_utils.netlink import namespaces, open_files
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.link import Link
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import NetlinkError, Socket
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.stack import Stack
from ansible_collections.virtnet.linux.plugins.module_utils.nft import firewall
from ansible_collections.virtnet.linux.plugins.module_utils.system.runtime_state import Memory

if TYPE_CHECKING:
    from ansible_collections.virtnet.linux.plugins.module_utils.nft import foreign
    from ansible_collections.virtnet.linux.plugins.module_utils.system.name_files import NameFiles


class Host:
    """Observed state of the host, and what the topology document predicts: objects to create and to delete."""

    def __init__(self, waits: bool = False) -> None:
        """Start to gather state. ``waits``: the run has little else to read, so list both nft tables in parallel."""
        self.memory = Memory()
        statuses = namespaces.statuses()
        self.handles = {name: status.st_ino for name, status in statuses.items()}
        _forget_stale(self.memory, statuses)
        self._made_before = set(self.memory["namespaces"])
        self.warnings: list[str] = []  # failures that did not stop the run
        self._nsids: dict[tuple[int, int], int | None] = {}
        # links made inside a container under names that the document needs there, by namespace and name; of the host
        # (None) alternative names that a container gave a NIC
        self.conflicting_links: dict[tuple[str | None, str], str] = {}
        self.own_inode = namespaces.own_inode()
        # predicted from the document: namespaces to create and to delete, and links by namespace and name
        self.namespaces_to_create: dict[str, Netns] = {}
        self.given_by_processes: dict[int, str] = {}  # namespaces of processes (pid): inode to the first name declared
        self.namespaces_to_delete: set[str] = set()
        self.bridges: dict[tuple[str | None, str], str] = {}  # and the driver of each
        self.switches = Switches()
        self.renamed: dict[str, Link] = {}  # by declared name, see renamed.find()
        self.bridges_made: set[str] = set()  # by this run: their endpoints have no neighbour entries of each other yet
        self.links_to_create: set[tuple[str | None, str]] = set()
        self.links_to_delete: set[tuple[str | None, str]] = set()
        self.interfaces_to_move: set[tuple[str | None, str]] = set()  # NICs and macvlans, not among links_to_create
        # modes by parent interface, then by namespace and name: declared macvlans, and existing ones that stay
        self.macvlans_to_create: dict[str, dict[tuple[str | None, str], str | None]] = {}
        self.macvlans_existing: dict[str, dict[tuple[str | None, str], str | None]] = {}
        self.gateway_bridges: dict[str, str] = {}  # of each bridge of a segment (patch links)
        self.bridges_of_containers: dict[str | None, set[str]] = {}  # bridges of a container's declared endpoints
        open_files.allow_many()
        self.open_files = open_files.OpenFiles()
        self._stacks: dict[str | None, Stack] = {}
        self._stacks_to_be: dict[str, Stack] = {}
        self._firewall = firewall.Listing(at_once=waits)  # nft takes as long as reading all links
        self._processes: dict[int, list[int]] | None = None

    def stack(self, name: str | None) -> Stack:
        """Return the stack of a namespace (None: the host's own). ``exists`` is False while no handle has that name."""
        if name is None and name not in self._stacks:
            self._stacks[name] = Stack(name, amend=self.switches.amend)
        elif name not in self._stacks:
            self._stacks[name] = self._stack(name, exists=name in self.handles)
        return self._stacks[name]

    def open_ahead(self) -> None:
        """Read the links of the declared namespaces, to create or to delete, in one pass: a third faster than one by
        one, between other work."""
        asked = dict.fromkeys(
            (*self.namespaces_to_create, *self.namespaces_to_delete)
        )  # a name that is both is refused later
        known = self.memory["handles"].keys() | self._stacks.keys()
        there = [name for name in asked if name in self.handles and name not in known]
        at_once = self.open_files.sockets
        for some in (there[first : first + at_once] for first in range(0, len(there), at_once)):
            self.open_files.make_room(len(some))
            for name, inside in namespaces.open_sockets(some).items():
                self._stacks[name] = self._stack(name, inside=inside)
            self._read("links", some)

    def read_ahead(self) -> None:
        """Read, as open_ahead() does, the addresses and routes that the declared link ends are compared with."""
        names = dict.fromkeys(netns for netns, _name in self.links_to_create if netns in self._stacks and netns)
        for part in ("raw_addresses", "routes"):
            self._read(part, names)

    def _read(self, part: str, names: Iterable[str]) -> None:
        for name in names:
            getattr(self._stacks[name], part)

    def stack_to_be(self, name: str | None) -> Stack:
        """Return the stack that the name will refer to after this run: a new one where the namespace is to be created
        or replaced."""
        if name not in self.namespaces_to_create or (name in self.handles and name not in self.namespaces_to_delete):
            return self.stack(name)
        if name not in self._stacks_to_be:
            pid = self.namespaces_to_create[name].pid
            if pid is None or namespaces.inode_of_pid(pid) is None:
                self._stacks_to_be[name] = self._stack(name, exists=False)
            else:
                self._stacks_to_be[name] = self._stack(name, pid=pid)
        return self._stacks_to_be[name]

    def note_handle(self, name: str, inside: Socket | None = None) -> None:
        """Record a handle that this run has just created, and its socket in the namespace."""
        status = os.stat(namespaces.path(name))
        self.handles[name] = status.st_ino
        self._made_before.discard(name)
        if name in self.memory["namespaces"]:
            self.memory["namespaces"][name]["id"] = namespaces.identity(status)
        self.drop(name)
        self._stacks[name] = self._stack(name, inside=inside)

    def _stack(
        self, name: str | None, exists: bool = True, inside: Socket | None = None, pid: int | None = None
    ) -> Stack:
        """Create the stack of a namespace, whose socket may be closed to stay within RLIMIT_NOFILE; the host's own
        stays open."""
        return Stack(name, exists, inside, pid, self.open_files)

    def drop(self, name: str | None) -> None:
        """Drop a stack, and close its socket so that it does not keep the namespace alive."""
        if name in self._stacks:
            self._stacks.pop(name).release()

    def release(self) -> None:
        """Close every socket, and wait for nft to end."""
        self._firewall.close()
        for stack in itertools.chain(self._stacks.values(), self._stacks_to_be.values()):
            stack.release()

    @property
    def firewall(self) -> firewall.Live:
        """The observed state of this collection's two nftables tables."""
        return self._firewall.live

    @functools.cached_property
    def name_files(self) -> NameFiles:
        """The name files (hosts(5), resolv.conf(5)) of networks and containers."""
        from ansible_collections.virtnet.linux.plugins.module_utils.system.name_files import (
            NameFiles,  # imported only by runs that manage names
        )

        return NameFiles(self.memory)

    @functools.cached_property
    def foreign_tables(self) -> list[foreign.Table]:
        """The foreign nftables tables: those of other programs and of the administrator."""
        from ansible_collections.virtnet.linux.plugins.module_utils.nft import foreign  # few runs need them

        return foreign.tables()

    def processes(self, name: str) -> list[int]:
        """Return the pids of the processes that run in a namespace."""
        if self._processes is None:
            self._processes = namespaces.processes()
        inode = self.handles.get(name)
        return [] if inode is None else sorted(self._processes.get(inode, []))

    def is_made_here(self, name: str | None) -> bool:
        """Whether this collection created the namespace: its objects are declared, or made by the container."""
        return name in self.memory["namespaces"]

    @contextlib.contextmanager
    def tolerated(self, netns: str | None) -> Iterator[None]:
        """Turn a kernel error in a namespace that an earlier run created into a warning, and continue: the cause may be
        rules, routes or links that the container made, and these must not block other containers."""
        try:
            yield
        except NetlinkError as error:
            if netns not in self._made_before:
                raise
            self.warnings.append(
                f"{error}: the kernel refuses this in namespace {netns}; see what its container has configured there "
                f"(ip -n {netns} rule; ip -n {netns} route; ip -n {netns} link), or recreate it"
            )

    def inode(self, name: str | None) -> int | None:
        """Return the inode of a handle's namespace (None: the host's own)."""
        return self.own_inode if name is None else self.handles.get(name)

    def link(self, netns: str | None, name: str, kind: str, is_needed: bool) -> Link | None:
        """Return a link by name. In a namespace created by this collection a link of another kind was made by the
        container: it is not the declared one, and is renamed where the declared one ``is_needed``."""
        found = self.stack(netns).links.get(name)
        if found is None or netns is None or found.kind == kind or not self.is_made_here(netns):
            return found
        if is_needed:
            self.conflicting_links[netns, name] = found.kind or "link"
        return None

    def is_peer_in(self, link: Link, own: str | None, other: str | None) -> bool:
        """Whether the peer of a veth (the parent of a macvlan) in namespace ``own`` is in namespace ``other``,
        by IFLA_LINK_NETNSID; an interface index alone is not unique across namespaces."""
        here, there = self.inode(own), self.inode(other)
        if here is None or there is None:
            return False
        if here == there:
            return link.peer_namespace is None
        return link.peer_namespace is not None and link.peer_namespace == self.nsid(own, other)

    def nsid(self, own: str | None, other: str | None) -> int | None:
        """Return the nsid of namespace ``other`` in namespace ``own``; None where none is assigned."""
        here, there = self.inode(own), self.inode(other)
        if here is None or there is None:
            return None
        if self._nsids.get((here, there)) is None:
            file = os.open(namespaces.file_of(other), os.O_RDONLY | os.O_CLOEXEC)
            try:
                self._nsids[here, there] = self.stack(own).nsid(file)
            finally:
                os.close(file)
        return self._nsids[here, there]

    def known_namespaces(self) -> list[str]:
        """Return the names of the namespaces that exist or are declared."""
        return [*self.handles, *self.namespaces_to_create]

    def is_known_namespace(self, name: str | None) -> bool:
        """Whether the namespace exists or is to be created."""
        return name is None or name in self.handles or name in self.namespaces_to_create

    def will_have_link(self, name: str, netns: str | None = None) -> bool:
        """Whether a namespace (None: the host's own) will have a link of that name after this run."""
        key = (netns, name)
        return key in self.links_to_create or (
            name in self.stack_to_be(netns).links and key not in self.links_to_delete
        )

    def is_known_bridge(self, netns: str | None, name: str) -> bool:
        """Whether the bridge exists or is to be created."""
        if (netns, name) in self.bridges:
            return True
        link = self.stack(netns).links.get(name)
        return link is not None and link.switch is not None

    def driver_of(self, netns: str | None, bridge: str) -> str | None:
        """Return the driver of a bridge that is declared or exists; None where neither is so."""
        if (netns, bridge) in self.bridges:
            return self.bridges[netns, bridge]
        link = self.stack(netns).links.get(bridge)
        if link is not None:
            return link.switch
        observed = self.switches.found if netns is None else None
        return OPEN_VSWITCH if observed is not None and observed.segment_of(bridge) is not None else None


def _forget_stale(memory: Memory, statuses: dict[str, os.stat_result]) -> None:
    """Delete records of handles that a killed run never created or that were deleted out of band. A namespace created
    since under the same name is not managed by this collection."""
    for topic in ("handles", "namespaces"):
        for name in set(memory[topic]) - set(statuses):
            del memory[topic][name]
    for name, held in list(memory["namespaces"].items()):
        if held.get("id") not in (None, namespaces.identity(statuses[name])):
            del memory["namespaces"][name]
