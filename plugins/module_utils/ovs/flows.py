# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The OpenFlow flows of a switch (ovs-fields(7), ovs-ofctl(8)): anti-spoofing (port security) of its ports.

They hold what chain prerouting of table bridge virtnet holds on a Linux bridge, in four tables: 0 the frame, 10 ARP and
neighbour discovery, 11 the IPv6 source, 20 delivery as a learning switch (NORMAL). A port without flows sends nothing:
table 0 ends in drop, so a port is closed until a run has loaded its flows (fail_mode=secure: also after ovs-vswitchd
has lost all of them).
"""

from __future__ import annotations

from collections.abc import Iterator

from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import Guard
from ansible_collections.virtnet.linux.plugins.module_utils.ovs.database import LOCAL, Database, run
from ansible_collections.virtnet.linux.plugins.module_utils.rules import ip

_PROTOCOL = "OpenFlow14"  # the first version with bundles
_FRAME, _NEIGHBOURS, _SOURCE6, _DELIVER = 0, 10, 11, 20
_ADVERT, _SOLICIT, _ROUTER_SOLICIT, _ROUTER_ADVERT, _REDIRECT = 136, 135, 133, 134, 137  # ICMPv6 types, RFC 4861
_MLD_REPORTS = (131, 143)  # RFC 2710 and RFC 3810
_NO_MAC = "00:00:00:00:00:00"  # nd_sll and nd_tll of a message without the option


def of_switch(switch: str, desired: Database, numbers: dict[str, int], guards: dict[str, Guard]) -> list[str]:
    """Return the flows of a switch. ``numbers`` are the numbers of the ports that request none: foreign ones."""
    found = [_flow(_FRAME, 0, "", "drop"), _flow(_DELIVER, 0, "", "NORMAL")]
    found += [_flow(_NEIGHBOURS, 0, "", _go(_DELIVER)), _flow(_SOURCE6, 0, "", "drop")]
    found.append(_flow(_FRAME, 100, "in_port=%d" % LOCAL, _go(_DELIVER)))
    for name, port in sorted(desired.ports.items()):
        number = numbers.get(name) if port.number is None else port.number
        if port.switch == switch and number is not None:
            guard = guards.get(name)
            found += _of_unguarded(number) if guard is None else _of_guarded(number, guard)
    return found


def differences(switch: str, flows: list[str]) -> list[str]:
    """Return observed flows that are not desired (-) and desired ones that are missing (+), in ovs-ofctl's notation.
    Raises OvsError."""
    words = ["-O", _PROTOCOL, "diff-flows", switch, "/dev/stdin"]
    return run("ovs-ofctl", words, "\n".join(flows) + "\n", accepted=(0, 2)).splitlines()


def replace(switch: str, flows: list[str]) -> None:
    """Make these the flows of a switch, all at once (as a bundle). Raises OvsError."""
    run("ovs-ofctl", ["-O", _PROTOCOL, "--bundle", "replace-flows", switch, "-"], "\n".join(flows) + "\n")


def _of_unguarded(number: int) -> Iterator[str]:
    yield _flow(_FRAME, 100, "in_port=%d" % number, _go(_DELIVER))


def _of_guarded(number: int, guard: Guard) -> Iterator[str]:
    port = "in_port=%d" % number
    yield _flow(_FRAME, 200, port + ",dl_dst=01:80:c2:00:00:00/ff:ff:ff:ff:ff:f0", "drop")  # IEEE 802.1D: as a switch
    if not guard.addresses_checked:
        yield _flow(_FRAME, 100, "%s,dl_src=%s" % (port, guard.mac), _go(_DELIVER))
        return
    yield _flow(_FRAME, 200, port + ",vlan_tci=0x1000/0x1000", "drop")  # tagged: the addresses in it are not checked
    yield _flow(_FRAME, 100, "%s,dl_src=%s" % (port, guard.mac), _go(_NEIGHBOURS))
    own = sorted({*guard.addresses, *guard.allowed_addresses})
    yield from _of_ipv4(port, guard.mac, [one for one in own if ":" not in one])
    own6 = [one for one in own if ":" in one]
    yield from _of_ipv6(port, guard.mac, [*own6, ip.link_local(guard.mac)] if own6 else [])


def _of_ipv4(port: str, mac: str, addresses: list[str]) -> Iterator[str]:
    for kind in ("arp", "ip"):
        yield _flow(_NEIGHBOURS, 90, "%s,%s" % (port, kind), "drop")
    for address in [*addresses, "0.0.0.0"]:  # the latter as a probe, RFC 5227
        yield _flow(_NEIGHBOURS, 100, "%s,arp,arp_sha=%s,arp_spa=%s" % (port, mac, address), _go(_DELIVER))
    for address in addresses:
        yield _flow(_NEIGHBOURS, 100, "%s,ip,nw_src=%s" % (port, address), _go(_DELIVER))


def _of_ipv6(port: str, mac: str, addresses: list[str]) -> Iterator[str]:
    yield _flow(_NEIGHBOURS, 90, port + ",ipv6", _go(_SOURCE6))
    of_type = port + ",icmp6,icmp_type=%d"
    for kind in (_ROUTER_ADVERT, _REDIRECT):
        yield _flow(_NEIGHBOURS, 190, of_type % kind, "drop")
    for kind in (_ADVERT, _SOLICIT):
        yield _flow(_NEIGHBOURS, 170, of_type % kind, "drop")
    for option in (mac, _NO_MAC):
        yield _flow(_NEIGHBOURS, 180, of_type % _SOLICIT + ",nd_sll=" + option, _go(_SOURCE6))
        for address in addresses:
            target = ",nd_target=%s,nd_tll=%s" % (address, option)
            yield _flow(_NEIGHBOURS, 180, of_type % _ADVERT + target, _go(_SOURCE6))
    yield _flow(_NEIGHBOURS, 185, of_type % _SOLICIT + ",ipv6_src=::", "drop")
    for address in addresses:
        target = of_type % _SOLICIT + ",ipv6_src=::,nd_target=" + address
        yield _flow(_NEIGHBOURS, 187, target, _go(_DELIVER))  # duplicate address detection of an own address
        yield _flow(_SOURCE6, 100, "%s,ipv6,ipv6_src=%s" % (port, address), _go(_DELIVER))
    for kind in (_ROUTER_SOLICIT, *_MLD_REPORTS):
        yield _flow(_NEIGHBOURS, 160, of_type % kind + ",ipv6_src=::", _go(_DELIVER))


def _flow(table: int, priority: int, match: str, actions: str) -> str:
    return "table=%d,priority=%d%s actions=%s" % (table, priority, "," + match if match else "", actions)


def _go(table: int) -> str:
    return "resubmit(,%d)" % table
