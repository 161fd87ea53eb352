# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The rules of the two nftables tables. They are the same on every host; only the elements of their sets and maps vary.

So the number of rules that a packet traverses does not grow with networks, containers or ports, and a change is a few
elements in one transaction. firewall.py fills the sets and maps; `nft list table inet virtnet` lists the comments, and
a chain whose comments are not these, in this order, was changed out of band.

The order of the hooks: bridge prerouting -300 (anti-spoofing), inet prerouting -300 (loopback addresses from the wire),
nat -100 (published ports), inet prerouting -99 (the packet mark), bridge forward, input and output -200, inet forward
(network policy), input and output 0, postrouting 100.

Two bits of the packet mark pass on what one table cannot match and the other needs:

* TRANSLATED: where bridge-nf-call-iptables is 1, a packet translated to a port of its ingress bridge is not routed but
  bridged, and the bridge family has no `ct` to distinguish it from one sent straight to the neighbour (icc: false).
* BRIDGED: with the same sysctl bridged packets traverse inet forward too, where those of foreign bridges must not be
  treated as packets that this host routes.

The other bits of the mark, which policy routing may use, are unchanged on egress. A container cannot set the two bits:
the kernel clears a packet's mark when it crosses namespaces.
"""

from __future__ import annotations

import hashlib
import re

TABLE = "virtnet"
FAMILIES = ("inet", "bridge")

MARKS = 0x10000000, 0x20000000
_TRANSLATED, _BRIDGED = ("0x%08x" % mark for mark in MARKS)
_GATEWAY = "02:76:69:72:74:00"  # source MAC of a frame that the gateway reflects (hairpin); no frame is sent to it

_INET = """
table inet virtnet {
    map pub4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
    map pub6 { type inet_proto . inet_service : ipv6_addr . inet_service; }
    map puba4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
    map puba6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
    set open4 { type ipv4_addr . inet_proto . inet_service; }
    set open6 { type ipv6_addr . inet_proto . inet_service; }
    set bridges { type ifname; }
    set isolated { type ifname; }
    map ingress { type ifname : verdict; }
    set subnets4 { type ipv4_addr; flags interval; }
    set subnets6 { type ipv6_addr; flags interval; }
    set own4 { type ifname . ipv4_addr; flags interval; }
    set own6 { type ifname . ipv6_addr; flags interval; }
    set near4 { type ipv4_addr . ipv4_addr; flags interval; }
    set near6 { type ipv6_addr . ipv6_addr; flags interval; }
    set masq4 { type ipv4_addr; flags interval; }
    set masq6 { type ipv6_addr; flags interval; }
    map snat4 { type ipv4_addr : ipv4_addr; flags interval; }
    map snat6 { type ipv6_addr : ipv6_addr; flags interval; }
    map pairs { type ifname . ifname : verdict; }
    map from { type ifname : verdict; }
    map to { type ifname . nf_proto : verdict; }
    set uplinks { type ifname . ifname; }
    set norouter { type nf_proto; }
    set routers { type ifname; }
    set tunnel_ports { type inet_service; }
    set vnis { typeof meta nfproto . udp dport . @th,96,24; }
    set vteps4 { typeof ip saddr . udp dport . @th,96,24; }
    set vteps6 { typeof ip6 saddr . udp dport . @th,96,24; }

    chain raw {
        type filter hook prerouting priority -300; policy accept;
        iifname "lo" accept comment "this host speaks to itself"
        iifname vmap @ingress comment "isolated networks; ports of Open vSwitch, which reads a copy before this"
        ip daddr 127.0.0.0/8 drop \
            comment "ports published on 127.0.0.1, and this host's services there, are not for the wire"
        ip saddr 127.0.0.0/8 drop comment "only this host has 127.0.0.1"
        ip6 daddr ::1 drop \
            comment "ports published on ::1, and this host's services there, are not for the wire"
        ip6 saddr ::1 drop comment "only this host has ::1"
    }

    chain untracked {
        notrack comment "no gateway, no translation; by a patch link it may still come to a network that has both"
    }

    chain publish_prerouting {
        type nat hook prerouting priority -100; policy accept;
        jump publish comment "published ports, for every source but this host"
    }

    chain publish_output {
        type nat hook output priority -100; policy accept;
        jump publish comment "published ports, for this host itself"
    }

    chain publish {
        fib daddr type != local return comment "only this host's own addresses"
        meta l4proto { tcp, udp, sctp } dnat ip to ip daddr . meta l4proto . th dport map @puba4 \
            comment "published on one address"
        meta l4proto { tcp, udp, sctp } dnat ip6 to ip6 daddr . meta l4proto . th dport map @puba6 \
            comment "published on one IPv6 address"
        ip6 daddr fe80::/10 return \
            comment "link-local addresses publish nothing: answers could not be forwarded"
        meta l4proto { tcp, udp, sctp } dnat ip to meta l4proto . th dport map @pub4 \
            comment "published on all addresses"
        meta l4proto { tcp, udp, sctp } dnat ip6 to meta l4proto . th dport map @pub6 \
            comment "published on all IPv6 addresses"
    }

    chain marking {
        type filter hook prerouting priority -99; policy accept;
        ct status dnat iifname @bridges meta mark != 0 ip saddr . ip daddr @near4 \
            meta mark set meta mark | %(translated)s \
            comment "what others have marked only within a network: else their policy routing would miss it"
        ct status dnat iifname @bridges meta mark != 0 ip6 saddr . ip6 daddr @near6 \
            meta mark set meta mark | %(translated)s comment "the same for IPv6"
        ct status dnat iifname @bridges meta mark 0 meta mark set %(translated)s \
            comment "signals the translation to table bridge virtnet"
    }

    chain input {
        type filter hook input priority 0; policy accept;
        udp dport @tunnel_ports jump tunnels comment "frames in packets: before all that would let them in"
        ct state established,related accept comment "answers"
        iifname "lo" accept comment "this host speaks to itself"
        iifname @isolated drop comment "isolated networks do not reach this host"
        iifname != @bridges ip saddr @subnets4 fib saddr . iif oif missing drop \
            comment "spoofed source: a container's address on another interface"
        iifname != @bridges ip6 saddr @subnets6 fib saddr . iif oif missing drop comment "the same for IPv6"
        ip daddr @subnets4 iifname . ip daddr != @own4 drop \
            comment "a gateway, and its broadcast address, are for their own network"
        ip6 daddr @subnets6 iifname . ip6 daddr != @own6 drop comment "an IPv6 gateway is for its own network"
    }

    chain tunnels {
        iifname @bridges drop comment "a container is no VTEP"
        ip saddr . udp dport . @th,96,24 @vteps4 accept comment "from a known VTEP of the VNI"
        ip6 saddr . udp dport . @th,96,24 @vteps6 accept comment "the same over IPv6"
        meta nfproto . udp dport . @th,96,24 @vnis drop comment "from an unknown VTEP; other VNIs are others' business"
    }

    chain output {
        type filter hook output priority 0; policy accept;
        tcp flags & (rst | ack) == rst ct state invalid drop \
            comment "a reset for an invalid segment of a translated connection: the peer would take it for an answer"
        ct status dnat ct direction original ip daddr @subnets4 rt ip nexthop != @subnets4 drop \
            comment "the bridge of the published port's container is missing"
        ct status dnat ct direction original ip6 daddr @subnets6 rt ip6 nexthop != @subnets6 drop \
            comment "the same for IPv6"
    }

    chain forward {
        type filter hook forward priority 0; policy accept;
        ct state established goto under_way comment "a flow that is answered"
        ct state new ct status confirmed goto under_way comment "one that is not, and of which a packet was let through"
        iifname . oifname vmap @pairs comment "within a network; from trusted interfaces"
        iifname @bridges udp dport @tunnel_ports drop comment "nor does it speak to another host's"
        iifname != @bridges meta mark & %(bridged)s == 0 ip saddr @subnets4 fib saddr . iif oif missing drop \
            comment "spoofed source: a container's address on another interface"
        iifname != @bridges meta mark & %(bridged)s == 0 ip6 saddr @subnets6 fib saddr . iif oif missing drop \
            comment "the same for IPv6"
        iifname @bridges ct state invalid drop comment "a stray packet is not translated back"
        iifname vmap @from comment "internal networks: no egress, not for ICMP errors about others' flows either"
        oifname vmap @from comment "and no way in"
        ct state related goto under_way comment "ICMP errors about a flow, and what a flow has announced"
        oifname . meta nfproto vmap @to comment "networks: no way in but published ports"
        jump leaving comment "by an interface that is no bridge of ours"
        iifname @bridges accept comment "networks: egress"
        jump norouter comment "all else is not ours"
    }

    chain under_way {
        ct status & (snat | dnat) == snat ct direction original accept \
            comment "out by SNAT; what follows looks for bridges that are missing, by as few look-ups as it takes"
        ct status & (snat | dnat) == dnat ct direction reply accept comment "a published port's answer"
        oifname @bridges accept comment "to a container"
        ct status & dnat == 0 iifname @bridges accept comment "from a container, not translated"
        jump leaving comment "by an interface that is no bridge of ours"
        accept comment "flows of others"
    }

    chain leaving {
        ct direction reply iifname @bridges accept comment "a container's answer, where a route of its own leads"
        meta mark & %(bridged)s == 0 ip daddr @subnets4 drop \
            comment "to a container whose bridge is missing: it would leave by another route"
        meta mark & %(bridged)s == 0 ip6 daddr @subnets6 drop comment "the same for IPv6"
    }

    chain in_nat {
        ct status dnat accept comment "came to a published port"
        drop comment "came straight to the container"
    }

    chain in_routed {
        ct status dnat accept comment "came to a published port"
        meta l4proto { 1, 58 } accept comment "ping"
        meta l4proto { tcp, udp, sctp } ip daddr . meta l4proto . th dport @open4 accept \
            comment "the container's side of a published port"
        meta l4proto { tcp, udp, sctp } ip6 daddr . meta l4proto . th dport @open6 accept \
            comment "the same for IPv6"
        drop comment "nothing else of the container"
    }

    chain norouter {
        meta mark & %(bridged)s != 0 return comment "bridged, not routed"
        meta nfproto ipv4 iifname @routers return comment "by these interfaces it was one"
        meta nfproto @norouter drop \
            comment "this host was no router before it had networks, and is none between its interfaces"
    }

    chain postrouting {
        type nat hook postrouting priority 100; policy accept;
        oifname "lo" accept comment "this host speaks to itself"
        ct status dnat oifname != @bridges ip daddr @subnets4 drop \
            comment "this host's own call of a published port: the bridge of its container is missing"
        ct status dnat oifname != @bridges ip6 daddr @subnets6 drop comment "the same for IPv6"
        ct status dnat ip saddr . ip daddr @near4 masquerade \
            comment "client and server share a network: else the answer would go past us"
        ct status dnat ip6 saddr . ip6 daddr @near6 masquerade comment "the same for IPv6"
        oifname @bridges ip saddr 127.0.0.0/8 masquerade comment "from 127.0.0.1 to a published port"
        oifname @bridges ip6 saddr ::1 masquerade comment "from ::1 to a published port"
        oifname @bridges accept comment "a server sees the client's own address"
        snat ip to ip saddr map @snat4 comment "networks that go out with an address of their own"
        snat ip6 to ip6 saddr map @snat6 comment "the same for IPv6"
        ip saddr @masq4 masquerade comment "networks that go out with this host's address"
        ip6 saddr @masq6 masquerade comment "the same for IPv6"
    }
}
"""

_BRIDGE = """
table bridge virtnet {
    set guarded { type ifname; }
    set unchecked { type ifname; }
    set macs { type ifname . ether_addr; }
    set ip4s { type ifname . ipv4_addr; }
    set ip6s { type ifname . ipv6_addr; }
    set na { typeof iifname . @th,64,128; }
    set net4s { type ifname . ipv4_addr; flags interval; }
    set net6s { type ifname . ipv6_addr; flags interval; }
    set nanets { typeof iifname . @th,64,128; flags interval; }
    set self { type ifname . ifname; }
    set nopeer { type ifname; }
    set anycast { type ifname; }
    set reflecting { type ifname; }

    chain prerouting {
        type filter hook prerouting priority -300; policy accept;
        iifname != @guarded accept comment "ports that are not guarded"
        iifname . ether saddr != @macs drop comment "a MAC that is not the port's"
        ether daddr 01:80:c2:00:00:00 drop \
            comment "a container is no switch; where this bridge is in a spanning tree, the port's own guard sees to it"
        iifname @unchecked accept comment "ports that may send for others"
        ether type { 8021q, 8021ad } drop \
            comment "tagged: whose addresses are in it is not looked at, and a tag without VLAN is as good as none"
        ether type arp jump sent_arp comment "what it says of its addresses"
        iifname . ip saddr != @ip4s iifname . ip saddr != @net4s drop \
            comment "an address that is not the port's"
        ether type ip6 jump sent_ip6 comment "and the same for IPv6"
    }

    chain sent_arp {
        iifname . arp saddr ether != @macs drop comment "claims a MAC that is not the port's"
        arp saddr ip 0.0.0.0 accept comment "asks whether an address is free"
        iifname . arp saddr ip != @ip4s iifname . arp saddr ip != @net4s drop \
            comment "claims an address that is not the port's"
    }

    chain sent_ip6 {
        icmpv6 type { nd-router-advert, nd-redirect } drop comment "a container must not act as a router"
        icmpv6 type nd-neighbor-advert iifname . @th,64,128 != @na iifname . @th,64,128 != @nanets drop \
            comment "claims an address that is not the port's"
        ip6 saddr :: icmpv6 type nd-neighbor-solicit iifname . @th,64,128 != @na \
            iifname . @th,64,128 != @nanets drop comment "claims an address while asking whether it is free"
        ip6 saddr :: icmpv6 type { nd-neighbor-solicit, nd-router-solicit, mld-listener-report, mld2-listener-report } \
            accept comment "has no address yet"
        iifname . ip6 saddr != @ip6s iifname . ip6 saddr != @net6s drop \
            comment "an address that is not the port's"
    }

    chain forward {
        type filter hook forward priority -200; policy accept;
        meta mark set meta mark | %(bridged)s \
            comment "signals to table inet virtnet that this host does not route it"
        meta mark & %(translated)s != 0 iifname @anycast drop \
            comment "a published port is called by this host's address, and that is not behind the tunnel"
        meta mark & %(translated)s != 0 oifname @reflecting ether saddr set %(gateway)s \
            comment "hairpin: back by the patch link of its ingress, where the sender's own MAC is on the far side"
        meta mark & %(translated)s != 0 accept comment "came to a published port"
        iifname . oifname @self drop \
            comment "no broadcast returns to its sender, although the port reflects (hairpin)"
        iifname @nopeer oifname @nopeer drop comment "icc: false"
    }

    chain input {
        type filter hook input priority -200; policy accept;
        iifname @anycast drop \
            comment "each host is the gateway of its own containers: nothing comes to it by the tunnel, not even ARP"
    }

    chain output {
        type filter hook output priority -200; policy accept;
        oifname @anycast drop comment "a gateway that every host has: none of them speaks through the tunnel"
    }
}
"""


def _finished(text: str) -> str:
    """Fill in the numbers, and append a chain without a hook whose comment is the rules' version: a hash."""
    text = text.strip() % {"translated": _TRANSLATED, "bridged": _BRIDGED, "gateway": _GATEWAY}
    version = hashlib.sha256(text.encode()).hexdigest()[:12]
    about = 'return comment "made by virtnet.linux, rules %s: do not edit"' % version
    about = "\n    chain about {\n        %s\n    }\n}\n" % about
    return text[: text.rindex("\n}")] + "\n" + about


TEXT = {"inet": _finished(_INET), "bridge": _finished(_BRIDGE)}


def chains(family: str) -> dict[str, tuple[str, list[str]]]:
    """Return a table's chains by name: the hook of each ("filter forward 0 accept" or ""), its comments in order."""
    found = {}
    for name, body in re.findall(r"    chain (\w+) \{\n(.*?)\n    \}", TEXT[family], re.DOTALL):
        hook = re.search(r"type (\w+) hook (\w+) priority (-?\d+); policy (\w+);", body)
        found[name] = (" ".join(hook.groups()) if hook else "", re.findall(r'comment "([^"]*)"', body))
    return found


def fields(family: str) -> dict[str, tuple[str, ...]]:
    """Return the types of the parts of an element's key, by set or map: {"own4": ("ifname", "ipv4_addr"), ...}."""
    found = re.findall(r"    (?:set|map) (\w+) \{ type(?:of)? ([^:;]+)", TEXT[family])
    return {name: tuple(part.strip() for part in types.split(" . ")) for name, types in found}


def values(family: str) -> dict[str, tuple[str, ...]]:
    """Return the types of the parts of an element's value, by map: {"pub4": ("ipv4_addr", "inet_service"), ...}."""
    found = re.findall(r"    map (\w+) \{ type [^:;]+ : ([^;]+)", TEXT[family])
    return {name: tuple(types.split(" . ")) for name, types in found}
