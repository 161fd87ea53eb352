# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Routes of containers besides the default route."""

from __future__ import annotations

from dataclasses import dataclass, field

from ansible_collections.virtnet.linux.plugins.module_utils.model import objects
from ansible_collections.virtnet.linux.plugins.module_utils.rules import values
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.addresses import Address, IPNetwork
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.fields import Fields


@dataclass
class Route:
    """A route of a container: to a subnet, via a next hop in one of its networks."""

    to: IPNetwork
    via: Address
    metric: int | None = None
    number: int = field(default=0, compare=False)  # its index in the list, for messages

    @property
    def place(self) -> tuple[IPNetwork, int]:
        """The key of a route, unique in a namespace: destination and metric; IPv6's default metric is 1024."""
        return self.to, self.metric or (1024 if self.to.version == 6 else 0)

    def desired(self) -> objects.Route:
        """The route as a topology document has it."""
        return objects.Route(to=str(self.to), via=str(self.via), metric=self.metric)


def read_routes(fields: Fields) -> list[Route]:
    """Read the field `routes` of a network, a container or a NIC."""
    routes: dict[tuple[IPNetwork, int], Route] = {}
    for record in fields.records("routes"):
        record.only()
        for word in ("to", "via"):
            if not record.given(word):
                record.refuse(word, "a route needs both: to, a subnet, and via, an address")
        to, via, metric = record.subnet("to"), record.address("via"), record.integer("metric", 0, 2**32 - 1)
        if to is None or via is None:
            continue
        if to.version != via.version:
            record.refuse("via", f"must be of the same family as {to}")
        elif to.prefixlen == 0:
            record.refuse(
                "to", "the default route is the gateway's; to have another, see DefaultGatewayIPv4 in aux_addresses"
            )
        elif (route := Route(to, via, metric, record.number)).place in routes:
            record.refuse("to", values.DUPLICATE_ROUTE)
        else:
            routes[route.place] = route
    return list(routes.values())
