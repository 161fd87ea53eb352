# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Render what network_info returned on each host as one graph in Graphviz's DOT language.

From the outside in: containers, bridges, tunnels and NICs of a host are in columns; what connects hosts (overlays, the
underlay networks) is in the middle, with the connected hosts left and right of it. Each network has a colour, which
differs in brightness too, for print without colours; every edge also has a text label.
"""

from __future__ import annotations

import html
import ipaddress
import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.ports import bracketed
from ansible_collections.virtnet.linux.plugins.plugin_utils.views.marks import HOST, Marks, find_marks
from ansible_collections.virtnet.linux.plugins.plugin_utils.views.reachable import Reachable, reachable
from ansible_collections.virtnet.linux.plugins.plugin_utils.views.text import by_number

Report = Mapping[str, Any]
Reports = Mapping[str, Report]

# The qualitative palette of Okabe and Ito, darkened: legible on white, and distinct without colours.
_COLOURS = ("#0b5fa5", "#a34700", "#00734f", "#8a3f76", "#7a6000", "#2f7f95", "#5a4a9c", "#8c2f2f")
_INK, _FAINT, _LINE, _PORT, _WRONG = "#1f2933", "#66727f", "#9aa5b1", "#b03a00", "#c00000"
_FONT = "DejaVu Sans,Verdana,Helvetica,Arial,sans-serif"
_GAP = "\u2002"  # an en space, which SVG keeps where no line begins; also room for a browser's wider letters
_SPACE = '<FONT POINT-SIZE="5"> <BR/></FONT>'  # between a host's frame and its name
_CONTAINER, _BRIDGE = 175, 285  # minimum widths, so that the hosts' columns align
_THICK, _THIN = "penwidth=3.2", "penwidth=1.3"
_NEAR = 6  # hosts per box of what connects them: as many as a screen shows
_LEFT_ONLY = 3  # up to this number, hosts are on one side of what connects them; more are on both

# No invisible edges between hosts to fix their order: with them dot fails to lay out one mixed fleet of ten, and hosts
# on one overlay are in order without them.
_HEAD = f"""digraph virtnet {{
  graph [rankdir=LR, bgcolor=white, fontname="{_FONT}", fontsize=16, fontcolor="{_INK}", nodesep=0.2, ranksep=1.0,
         pad=0.3, outputorder=edgesfirst, tooltip=" "]
  node [fontname="{_FONT}", fontsize=15, fontcolor="{_INK}", shape=plain, tooltip=" "]
  edge [color="{_LINE}", arrowhead=none, penwidth=1.9, tooltip=" "]
"""


def graph(reports: Reports, legend: bool = True, variables: Reports | None = None) -> str:
    """Render the graph as input of ``dot``; deterministic. With the ``variables`` of each host it marks what differs
    from them."""
    hosts = sorted(reports, key=by_number)
    colours = _colours(reports)
    marks = find_marks(reports, variables)
    overlay_boxes = _OverlayBoxes()
    text = [_HEAD]
    for place, host in enumerate(hosts):
        is_right = len(hosts) > _LEFT_ONLY and place % 2 == 1
        overlay_boxes.add(reports[host], place // _NEAR)
        text += _Host(host, reports[host], colours, is_right, place // _NEAR, marks[host]).lines()
    text += overlay_boxes.lines(colours)
    if legend:
        text += _legend(reports, any(marks.values()))
    return "\n".join([*text, "}", ""])


class _OverlayBoxes:
    """What connects the hosts: an overlay for each VNI, and the subnets of the hosts' own NICs.

    Each has a box for every group of hosts, near them, and an edge from box to box.
    """

    def __init__(self) -> None:
        self.overlays: dict[int, tuple[set[str], set[str], set[int]]] = {}  # names, subnets, groups
        self.subnets: dict[str, set[int]] = {}

    def add(self, report: Report, group: int) -> None:
        """Add a host's overlays and subnets."""
        networks = _networks(report)
        for tunnel in _our_tunnels(report):
            names, subnets, groups = self.overlays.setdefault(tunnel["vni"], (set(), set(), set()))
            names.add(str(_labels(tunnel).get("network") or ""))
            if tunnel["bridge"] in networks:
                subnets.update(part["Subnet"] for part in networks[tunnel["bridge"]]["IPAM"]["Config"])
            groups.add(group)
        for _name, _address, subnet in _nics_out(report):
            self.subnets.setdefault(subnet, set()).add(group)

    def lines(self, colours: Mapping[str, str]) -> list[str]:
        found: list[str] = []
        for vni, (names, subnets, groups) in sorted(self.overlays.items()):
            name = min(filter(None, names), default="")
            colour = colours.get(name, _INK)
            rows = [_bold(name or "overlay", colour), _small("overlay, VNI %d" % vni), *map(_escape, sorted(subnets))]
            box = _box(rows, colour, fill="#ffffff", rounded=True, width=3)
            found += _boxes(("overlay", vni), groups, box, colour, _THICK)
        for subnet, groups in sorted(self.subnets.items()):
            box = _box([_small("network of the hosts"), _escape(subnet)], _LINE, fill="#f1f3f5", rounded=True)
            found += _boxes(("subnet", subnet), groups, box, _LINE, _THIN)
        return found


class _Host:
    """One host: a cluster, whose node identifiers begin with the host's name."""

    def __init__(
        self, name: str, report: Report, colours: Mapping[str, str], is_right: bool, group: int, marks: Marks
    ) -> None:
        self.name, self.report, self.colours, self.is_right, self.group = name, report, colours, is_right, group
        self.marks = marks
        self.networks, self.ports = _networks(report), reachable(report)
        self.nics = _nics_out(report)
        self.edges: list[str] = []

    def lines(self) -> list[str]:
        """Render the cluster, and the edges from it to what connects hosts."""
        nodes = [*self._containers(), *self._bridges(), *self._tunnels(), *self._uplinks()]
        if not self.networks and not self.report.get("containers"):
            nodes.append("    %s [label=<%s>]" % (self._id("nothing"), _font("no networks", _FAINT)))
        side = "r" if self.is_right else "l"
        return [
            "  subgraph %s {" % _id("cluster", self.name),
            "    graph [label=<%s>, labeljust=%s, fontsize=20]" % (_SPACE + self._heading(), side),
            '    graph [style="rounded,filled", fillcolor="#fbfcfd", color="%s", margin=14]' % _LINE,
            *nodes,
            "  }",
            *self.edges,
        ]

    def _heading(self) -> str:
        side = "RIGHT" if self.is_right else "LEFT"
        return "".join([_bold(self.name), *('<BR ALIGN="%s"/>%s' % (side, row) for row in self._marks(*HOST))])

    def _marks(self, kind: str, name: str) -> list[str]:
        """The rows of an object that say what differs."""
        return [_wrong(text) for text in self.marks.get((kind, name), [])]

    def _containers(self) -> list[str]:
        """Render all containers as one node, a table of boxes, so that dot keeps their order and width.

        In the order of their bridges, so that few edges cross.
        """
        every = sorted(self.report.get("containers") or [], key=_by_bridges)
        sharing: dict[str, list[str]] = {}
        for container in every:
            if container.get("join"):
                sharing.setdefault(container["join"], []).append(container["name"])
        own = [one for one in every if not one.get("join")]
        boxes = [self._container(at, one, sharing.get(one["name"], [])) for at, one in enumerate(own)]
        if sharing.get("host"):
            rows = [_bold(", ".join(sharing["host"])), _small("the host's own network")]
            boxes.append(_box(rows, _LINE, fill="#ffffff", dashed=True, at_least=_CONTAINER))
        if not boxes:
            return []
        cells = "".join("<TR><TD>%s</TD></TR>" % box for box in boxes)
        table = '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="7" CELLPADDING="0">%s</TABLE>' % cells
        return ["    %s [label=<%s>]" % (self._id("containers"), table)]

    def _container(self, at: int, container: Report, sharing: list[str]) -> str:
        rows: list[str | tuple[str, str]] = []
        rows.append(_bold(container["name"] + _GAP) + _font("router" if container.get("forwarding") else "", _FAINT))
        rows += [_small("and " + ", ".join(sharing))] if sharing else []
        for number, endpoint in enumerate(container.get("endpoints") or []):
            place = "%d/%d" % (at, number)
            addresses = ", ".join(address.split("/")[0] for address in endpoint["addresses"])
            rows.append((_font(endpoint["interface"] + _GAP, _FAINT) + _escape(addresses), place))
            rows += [_font(port, _PORT) for port in self._ports(endpoint)]
            if endpoint["bridge"] in self.networks:
                colour = self._colour(self.networks[endpoint["bridge"]])
                self._edge(self._id("containers"), self._id("bridge", endpoint["bridge"]), colour, row=place)
        for nic in container.get("interfaces") or []:
            addresses = ", ".join(address.split("/")[0] for address in nic["addresses"])
            text = _escape(addresses + _GAP) + _font("NIC " + nic["device"], _FAINT)
            rows.append(_font(nic["name"] + _GAP, _FAINT) + text)
        lonely = _is_lonely(container)
        rows += [_small("no network")] if lonely else []
        marks = self._marks("container", container["name"])
        colour = _WRONG if marks else _LINE if lonely else _INK
        return _box([*rows, *marks], colour, fill="#ffffff", dashed=lonely, at_least=_CONTAINER)

    def _ports(self, endpoint: Report) -> list[str]:
        """The endpoint's published and allowed ports; a port of both address families once."""
        own = [address.split("/")[0] for address in endpoint["addresses"]]
        ports = [port for address in own for port in self.ports.get(address, [])]
        families: dict[Reachable, set[bool]] = {}
        for port in ports:
            families.setdefault(port._replace(address=""), set()).add(":" in port.address)
        every = {":" in address for address in own}
        return list(dict.fromkeys(_port(port, families[port._replace(address="")] == every) for port in ports))

    def _bridges(self) -> list[str]:
        containers = self.report.get("containers") or []
        attached = {endpoint["bridge"] for container in containers for endpoint in container.get("endpoints") or []}
        found = []
        for device, network in sorted(self.networks.items()):
            colour = self._colour(network)
            joins = _joins(network)
            kind, way = ("switch", "joined to " + joins) if joins else ("bridge", _way_out(network))
            rows = [_bold(network["Name"], colour), _small("%s %s, %s" % (kind, device, way))]
            for part in network["IPAM"]["Config"]:
                gateway = "gateway %s" % part["Gateway"] if part.get("Gateway") and not joins else ""
                rows.append(_escape(part["Subnet"] + _GAP) + _font(gateway, _FAINT))
            fill, marks = _tint(colour), self._marks("network", network["Name"])
            box = _box(rows + marks, _WRONG if marks else colour, fill, width=3, at_least=_BRIDGE)
            found.append("    %s [label=<%s>]" % (self._id("bridge", device), box))
            # without any edge it would be ranked outside of the column
            style = "style=dashed" if _has_way_out(network) else "" if device in attached else "style=invis"
            if self.nics and style:
                self._edge(self._id("bridge", device), self._id("nic", self.nics[0][0]), colour, style)
        self._patch_links()
        return found

    def _patch_links(self) -> None:
        """Render the patch links between bridges; both ends have the same label."""
        ends: dict[str, list[str]] = {}
        labels = {one["name"]: one.get("labels") or {} for one in self._interfaces()}
        for bridge in self.report.get("bridges") or []:
            for port in bridge["interfaces"] if bridge["netns"] is None else []:
                patch_link = labels.get(port, {}).get("patch")
                if patch_link:
                    ends.setdefault(patch_link, []).append(bridge["name"])
        for _patch_link, (near, *far) in sorted(ends.items()):
            for other in far:
                ends_of_it = self._id("bridge", near), self._id("bridge", other)
                self._line(*ends_of_it, _INK, "penwidth=3.6", "constraint=false")

    def _tunnels(self) -> list[str]:
        found = []
        for tunnel in _our_tunnels(self.report):
            network = self.networks.get(tunnel["bridge"] or "")
            colour = self._colour(network)
            rows = [_escape(tunnel["name"]), _small("VNI %d" % tunnel["vni"]), _small("VTEP %s" % tunnel["local"])]
            marks = self._marks("tunnel", tunnel["name"])
            box = _box(rows + marks, _WRONG if marks else colour, fill="#ffffff", rounded=True)
            node = self._id("tunnel", tunnel["name"])
            found.append("    %s [label=<%s>]" % (node, box))
            if network is not None:
                self._edge(self._id("bridge", tunnel["bridge"]), node, colour)
            self._joint(node, _id("overlay", tunnel["vni"], self.group), colour, _THICK)
        return found

    def _uplinks(self) -> list[str]:
        found = []
        for nic, addresses, subnet in self.nics:
            box = _box([_font(nic + _GAP, _FAINT) + _escape(addresses)], _LINE, fill="#f1f3f5")
            found.append("    %s [label=<%s>]" % (self._id("nic", nic), box))
            self._joint(self._id("nic", nic), _id("subnet", subnet, self.group), _LINE, _THIN)
        return found

    def _interfaces(self) -> list[Report]:
        return list((self.report.get("host") or {}).get("interfaces") or [])

    def _colour(self, network: Report | None) -> str:
        return self.colours.get(network["Name"], _INK) if network else _INK

    def _id(self, *words: object) -> str:
        return _id(self.name, *words)

    def _edge(self, start: str, end: str, colour: str, *attributes: str, row: str = "") -> None:
        """Add an edge inside the host, outwards, between the middles of two boxes' sides, or from a row."""
        ends = [(start, row + ":" if row else ""), (end, "")]
        (tail, from_row), (primary, to_row) = ends[::-1] if self.is_right else ends
        self._line(tail, primary, colour, 'tailport="%se"' % from_row, 'headport="%sw"' % to_row, *attributes)

    def _joint(self, start: str, end: str, colour: str, *attributes: str) -> None:
        """Add an edge from the host to what connects hosts; dot chooses where it meets the box."""
        if self.is_right:
            self._line(end, start, colour, 'headport="w"', *attributes)
        else:
            self._line(start, end, colour, 'tailport="e"', *attributes)

    def _line(self, tail: str, primary: str, colour: str, *attributes: str) -> None:
        self.edges.append(_line(tail, primary, colour, *attributes))


def _boxes(words: tuple[object, ...], groups: set[int], box: str, colour: str, thickness: str) -> Iterable[str]:
    """Render the same box for each group of hosts, connected in a row."""
    ids = [_id(*words, group) for group in sorted(groups)]
    yield from ("  %s [label=<%s>]" % (one, box) for one in ids)
    yield from (_line(*ends, colour, thickness, "constraint=false") for ends in itertools.pairwise(ids))


def _networks(report: Report) -> dict[str, Report]:
    """The networks, by bridge."""
    return {network["Id"]: network for network in report.get("networks") or []}


def _our_tunnels(report: Report) -> list[Report]:
    return [one for one in report.get("tunnels") or [] if one.get("ours") and one.get("vni") is not None]


def _joins(network: Report) -> str | None:
    """The network whose segment this one joins, and whose gateway is the egress of both; else None."""
    return (network.get("Labels") or {}).get("joins")


def _has_way_out(network: Report) -> bool:
    return bool(network["IPAM"]["Config"]) and not network["Internal"] and not _joins(network)


def _way_out(network: Report) -> str:
    """Format the network's egress, for both address families where they differ."""
    options = network.get("Options") or {}
    mode = options.get("gateway_mode") or "nat"
    if mode == "isolated" or network["Internal"]:
        return "isolated" if mode == "isolated" else "internal"
    modes = {"IPv4": mode, "IPv6": options.get("gateway_mode6") or mode}
    translated = "SNAT" if options.get("masquerade") else "no SNAT"
    used = [family for family in modes if network["Enable" + family]]
    ways = {family: "routed" if modes[family] == "routed" else translated for family in used}
    if len(set(ways.values())) > 1:
        return ", ".join("%s %s" % way for way in ways.items())
    return next(iter(ways.values()), "no subnet")


def _is_lonely(container: Report) -> bool:
    return not container.get("endpoints") and not container.get("interfaces")


def _by_bridges(container: Report) -> tuple[bool, list[str], Any]:
    bridges = sorted(endpoint["bridge"] or "" for endpoint in container.get("endpoints") or [])
    return not bridges, bridges, by_number(container["name"])


def _port(port: Reachable, is_of_all: bool) -> str:
    """Format a port: 'host:8080 → 80/tcp', or 'open 80/tcp' without translation; with the family if not of all."""
    if port.host is None:
        return "open %s%s/%s" % ("" if is_of_all else bracketed(port.address) + ":", port.to, port.protocol)
    at = "host" if is_of_all and port.host_ip is None else port.at
    return "%s:%s → %s/%s" % (at, port.host, port.to, port.protocol)


def _nics_out(report: Report) -> list[tuple[str, str, str]]:
    """The host's own NICs with an address: name, addresses, first subnet; uplinks (default route) first."""
    host = report.get("host") or {}
    out = {route["dev"] for route in host.get("routes") or [] if route["to"] in ("0.0.0.0/0", "::/0")}
    found = []
    for one in host.get("interfaces") or []:
        if one["ours"] or one["name"] == "lo" or one["kind"] == "bridge" or not one["addresses"]:
            continue
        interfaces = [ipaddress.ip_interface(address) for address in one["addresses"]]
        wide = [interface for interface in interfaces if not interface.is_link_local and not interface.is_loopback]
        if wide:
            first = min(wide, key=lambda interface: interface.version)
            found.append((one["name"], str(first.ip), str(first.network)))
    return sorted(found, key=lambda nic: (nic[0] not in out, nic[0]))


def _legend(reports: Reports, is_marked: bool) -> list[str]:
    """Render the legend, below the graph."""
    rows = [
        '<TR><TD ALIGN="LEFT">%s</TD><TD ALIGN="LEFT">%s</TD></TR>' % (sign, _small(meaning + _GAP))
        for is_used, sign, meaning in [*_signs(reports), (is_marked, _wrong("missing"), "what differs")]
        if is_used
    ]
    table = '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="1" CELLPADDING="3">%s</TABLE>' % "".join(rows)
    return ["  graph [labelloc=b, labeljust=l, label=<%s>]" % table]


def _signs(reports: Reports) -> Iterable[tuple[bool, str, str]]:
    every = list(reports.values())
    containers = [container for report in every for container in report.get("containers") or []]
    networks = [network for report in every for network in report.get("networks") or []]
    lonely = any(_is_lonely(container) and container.get("join") in (None, "host") for container in containers)
    colour = _COLOURS[0]
    yield True, _box([_small("name")], _INK, "#ffffff"), "container, with its interfaces and addresses"
    yield lonely, _box([_small("name")], _LINE, "#ffffff", dashed=True), "container without a network of its own"
    is_routed = any(container.get("forwarding") for container in containers)
    yield is_routed, _font("router", _FAINT), "container that forwards between its networks"
    yield any(report.get("nat_ports") for report in every), _font("host:8080 → 80", _PORT), "published port"
    is_open = any(report.get("allowed_ports") for report in every)
    yield is_open, _font("open 80", _PORT), "port of a routed network's container that others may call"
    bridge = _box([_small("network")], colour, _tint(colour), width=3)
    yield bool(networks), bridge, "bridge of a network; each network has its colour"
    yield any(map(_has_way_out, networks)), _font("- - - -", colour), "egress of a network"
    has_patch_links = any("patch" in _labels(one) for one in _all_interfaces(every))
    yield has_patch_links, _font("━━━", _INK), "patch link between two bridges"
    yield any(map(_our_tunnels, every)), _font("━━━", colour), "VXLAN tunnel"


def _all_interfaces(reports: Iterable[Report]) -> Iterable[Report]:
    for report in reports:
        yield from (report.get("host") or {}).get("interfaces") or []


def _colours(reports: Reports) -> dict[str, str]:
    """The colour of each network, by name, the same on every host."""
    names = {network["Name"] for report in reports.values() for network in report.get("networks") or []}
    return {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(sorted(names))}


def _labels(thing: Report) -> Mapping[str, Any]:
    return thing.get("labels") or {}


def _id(*words: object) -> str:
    """A node identifier, unique for the given words."""
    return '"%s"' % _quoted("/".join(str(word).replace("/", "//") for word in words))


def _line(tail: str, primary: str, colour: str, *attributes: str) -> str:
    return "  %s -> %s [%s]" % (tail, primary, ", ".join(['color="%s"' % colour, *attributes]))


def _quoted(text: str) -> str:
    """Escape text for a quoted string of DOT."""
    return text.encode("unicode_escape").decode().replace('"', '\\"')


def _escape(text: str) -> str:
    """Escape text for an HTML-like label."""
    return html.escape("".join(letter if letter.isprintable() else " " for letter in text), quote=True)


def _bold(text: str, colour: str = _INK) -> str:
    return '<FONT COLOR="%s"><B>%s</B></FONT>' % (colour, _escape(text))


def _font(text: str, colour: str) -> str:
    return '<FONT COLOR="%s">%s</FONT>' % (colour, _escape(text)) if text else ""


def _wrong(text: str) -> str:
    """A difference: its sign is also what the page finds it by."""
    return _font("⚠ " + text, _WRONG)


def _small(text: str, colour: str = _FAINT) -> str:
    return '<FONT COLOR="%s" POINT-SIZE="12">%s</FONT>' % (colour, _escape(text))


def _tint(colour: str) -> str:
    """Mix the colour with nine parts of white."""
    parts = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return "#" + "".join("%02x" % (255 - (255 - part) // 8) for part in parts)


def _box(
    rows: Iterable[str | tuple[str, str]],
    colour: str,
    fill: str,
    width: float = 1.5,
    rounded: bool = False,
    dashed: bool = False,
    at_least: int = 0,
) -> str:
    """Render a box with a row for each line of text; a row may have a port name, at which edges end."""
    style = ",".join(word for word, is_on in (("ROUNDED", rounded), ("DASHED", dashed)) if is_on)
    cells = []
    for row in rows:
        text, port = row if isinstance(row, tuple) else (row, "")
        more = (' PORT="%s"' % port if port else "") + (' WIDTH="%d"' % at_least if at_least else "")
        cells.append('<TR><TD ALIGN="LEFT"%s>%s%s</TD></TR>' % (more, text, _GAP))
    more = ' STYLE="%s"' % style if style else ""
    return '<TABLE BORDER="%g" CELLBORDER="0" CELLSPACING="0" CELLPADDING="3" COLOR="%s" BGCOLOR="%s"%s>%s</TABLE>' % (
        width,
        colour,
        fill,
        more,
        "".join(cells),
    )
