# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A digest of what this collection has made on a host, by which a run notices that another one came in between.

A role reads a host, plans on the controller, and applies the plan. Only the last is done under the host's lock, so two
controllers may plan on the same state, and give one address, or one port, twice. The digest is taken when the host is
read, and compared under the lock.
"""

from __future__ import annotations

import hashlib
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.facts.host import Host


def revision(host: Host) -> str:
    """Sixteen hex digits over what a plan rests on and a run may change: the firewall's elements (policies, guarded
    MACs and addresses, published ports), the host's links with our marks, our namespaces, the NICs given away."""
    digest = hashlib.sha256()
    for (family, name), values in sorted(host.firewall.elements.items()):
        lines = ["%s %s %s" % (key, value, comment) for key, (value, comment) in values.items()]
        _add(digest, "%s %s" % (family, name), lines)
    links = [link for link in host.stack(None).links.values() if link.ours]
    _add(digest, "links", ["%s %s" % (link.name, link.alias) for link in links])
    for topic in ("handles", "namespaces", "nics"):
        records = host.memory[topic].items()
        _add(digest, topic, ["%s %s" % (name, sorted(_planned(record).items())) for name, record in records])
    return digest.hexdigest()[:16]


def _planned(record: dict[str, Any]) -> dict[str, Any]:
    """What a plan rests on: not which namespace or NIC it is, which is another one when it was made anew."""
    return {word: value for word, value in record.items() if word != "id"}


def _add(digest: hashlib._Hash, topic: str, lines: list[str]) -> None:
    digest.update("\n".join([topic, *sorted(lines), ""]).encode("utf-8", "surrogateescape"))
