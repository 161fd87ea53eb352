# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which namespaces are managed, and which links of the host lead into them: by the runtime state, or by what only the
host's root can write."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.link import Link


def host_ends(host: Host, to_delete: Iterable[str]) -> list[str]:
    """Return the host's ends of managed veths whose other ends are in namespaces to be deleted, by the kernel's nsid
    and the ownership label of the host's end; nothing inside the namespaces is trusted.

    The kernel destroys a namespace, and its veths, asynchronously after its last handle. Until then the names of the
    host's ends would not be free.
    """
    ends = [link for link in host.stack(None).links.values() if link.peer_namespace is not None and _is_our_veth(link)]
    names_to_delete = {name for name in to_delete if name not in host.memory["handles"] and name in host.handles}
    if not ends or not names_to_delete:
        return []
    nsids = {host.nsid(None, name) for name in names_to_delete}
    return [end.name for end in ends if end.peer_namespace in nsids or _is_moved_on(end, names_to_delete, host)]


def _is_moved_on(end: Link, to_delete: set[str], host: Host) -> bool:
    """Return whether the other end was in one of the namespaces, by the host end's ownership label, and the container
    has moved it to a namespace without a handle."""
    return (end.labels or {}).get("container") in to_delete and not any(
        host.is_peer_in(end, None, other) for other in host.handles
    )


def namespace_labels(host: Host, name: str) -> dict[str, str] | None:
    """Return the labels of a managed namespace; None for any other. They are in the runtime state, which only the
    host's root writes: the inside of a namespace is writable by its container."""
    for topic in ("handles", "namespaces"):
        record = host.memory[topic].get(name)
        if record is not None:
            return dict(record["labels"])
    return _recovered(host, name)


def _recovered(host: Host, name: str) -> dict[str, str] | None:
    """Return the labels where the runtime state is missing: a namespace is managed if a managed veth, by its host end's
    ownership label, leads to it."""
    outside = host.stack(None)
    for end in outside.links.values():
        if _is_our_veth(end) and (end.labels or {}).get("container", name) == name and host.is_peer_in(end, None, name):
            bridge = outside.link_at(end.master)
            role = ((bridge.labels if bridge is not None else None) or {}).get("role")
            return {} if role is None else {"role": role}
    return None


def is_managed(host: Host, name: str) -> bool:
    return namespace_labels(host, name) is not None


def _is_our_veth(link: Link) -> bool:
    """Return whether the link is the host's end of a managed veth pair."""
    return link.kind == "veth" and link.ours
