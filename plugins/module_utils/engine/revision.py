# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A digest of the managed state of a host, by which a run detects that another one has changed it since.

A role reads a host, plans on the controller, and applies the plan. Only the last step holds the host's lock, so two
controllers may plan on the same state and assign one address, or one port, twice. The digest is taken when the host is
read, and compared under the lock.
"""

from __future__ import annotations

import hashlib
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host


def revision(host: Host) -> str:
    """Return 16 hex digits over what a plan depends on and a run may change: the firewall's elements (policies, guarded
    MACs and addresses, published ports), managed links, managed namespaces, NICs moved into namespaces."""
    digest = hashlib.sha256()
    for (family, name), values in sorted(host.firewall.elements.items()):
        lines = ["%s %s %s" % (key, value, comment) for key, (value, comment) in values.items()]
        _add(digest, "%s %s" % (family, name), lines)
    links = [link for link in host.stack(None).links.values() if link.ours]
    _add(digest, "links", ["%s %s" % (link.name, sorted((link.labels or {}).items())) for link in links])
    for topic in ("handles", "namespaces", "nics"):
        records = host.memory[topic].items()
        _add(digest, topic, ["%s %s" % (name, sorted(_planned(record).items())) for name, record in records])
    return digest.hexdigest()[:16]


def _planned(record: dict[str, Any]) -> dict[str, Any]:
    """Return what a plan depends on: not the id of a namespace or NIC, which differs when it is created again."""
    return {word: value for word, value in record.items() if word != "id"}


def _add(digest: hashlib._Hash, topic: str, lines: list[str]) -> None:
    digest.update("\n".join([topic, *sorted(lines), ""]).encode("utf-8", "surrogateescape"))
