# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests as pyroute2 reads them back, and replies as its own decoder would have read them: the same."""

from __future__ import annotations

import os
import struct
import subprocess

import pytest
from pyroute2.netlink.rtnl.fibmsg import fibmsg
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.ndmsg import ndmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages, neighbours, socket, stack
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.neighbours import Tables

REQUEST, EXCL, CREATE, REPLACE, APPEND = 0x1, 0x200, 0x400, 0x100, 0x800


def decoded(message_class, raw):
    """A message by pyroute2's decoder; attributes as a dictionary."""
    message = message_class(raw)
    message.decode()
    return message, dict(message["attrs"])


def test_veth_creation_sets_peer_namespace_and_bridge():
    data = messages.veth_peer("eth0", 7, "02:42:ac:1e:00:02", 1400)
    raw = messages.create_link("v1", "veth", data, [("IFLA_MASTER", 3), ("IFLA_MTU", 1400)])
    message, attributes = decoded(ifinfmsg, raw)
    assert message["header"]["type"] == messages.RTM_NEWLINK
    assert message["header"]["flags"] == REQUEST | CREATE | EXCL
    assert (attributes["IFLA_IFNAME"], attributes["IFLA_MASTER"], attributes["IFLA_MTU"]) == ("v1", 3, 1400)
    info = dict(attributes["IFLA_LINKINFO"]["attrs"])
    assert info["IFLA_INFO_KIND"] == "veth"
    peer = dict(dict(info["IFLA_INFO_DATA"]["attrs"])["VETH_INFO_PEER"]["attrs"])
    assert (peer["IFLA_IFNAME"], peer["IFLA_ADDRESS"], peer["IFLA_NET_NS_FD"]) == ("eth0", "02:42:ac:1e:00:02", 7)


def test_bridge_creation_sets_the_stp_state():
    raw = messages.create_link("br0", "bridge", [("IFLA_BR_STP_STATE", 1)], [])
    _message, attributes = decoded(ifinfmsg, raw)
    info = dict(attributes["IFLA_LINKINFO"]["attrs"])
    assert dict(info["IFLA_INFO_DATA"]["attrs"])["IFLA_BR_STP_STATE"] == 1


@pytest.mark.parametrize(("up", "flags", "change"), [(True, 1, 1), (False, 0, 1), (None, 0, 0)])
def test_up_and_down_change_only_iff_up(up, flags, change):
    message, attributes = decoded(ifinfmsg, messages.change_link("v1", [("IFLA_IFALIAS", "virtnet a=b")], up))
    assert (message["flags"], message["change"]) == (flags, change)
    assert attributes["IFLA_IFALIAS"] == "virtnet a=b"
    assert message["header"]["flags"] == REQUEST


def test_links_are_deleted_by_name():
    message, attributes = decoded(ifinfmsg, messages.delete_link("v1"))
    assert (message["header"]["type"], attributes) == (messages.RTM_DELLINK, {"IFLA_IFNAME": "v1"})


@pytest.mark.parametrize(
    ("address", "family", "length", "broadcast"),
    [("172.30.0.2/16", 2, 16, "172.30.255.255"), ("10.0.0.0/31", 2, 31, None), ("fd00::2/64", 10, 64, None)],
)
def test_address_messages_match_pyroute2(address, family, length, broadcast):
    message, attributes = decoded(ifaddrmsg, messages.add_address(5, address))
    assert (message["family"], message["prefixlen"], message["index"]) == (family, length, 5)
    assert attributes["IFA_LOCAL"] == attributes["IFA_ADDRESS"] == address.split("/")[0]
    assert attributes.get("IFA_BROADCAST") == broadcast
    assert attributes.get("IFA_FLAGS") == (messages.IFA_F_NODAD if family == 10 else None)
    message, _attributes = decoded(ifaddrmsg, messages.delete_address(5, address))
    assert message["header"]["type"] == messages.RTM_DELADDR


@pytest.mark.parametrize(
    ("to", "via", "metric", "family", "scope"),
    [
        ("0.0.0.0/0", "172.30.0.1", None, 2, 0),
        ("10.0.0.0/8", "172.30.0.9", 50, 2, 0),
        ("10.0.0.0/8", None, None, 2, 253),
        ("::/0", "fd00::1", 1024, 10, 0),
        ("fd09::/16", None, 1024, 10, 0),
    ],
)
def test_route_messages_match_pyroute2(to, via, metric, family, scope):
    message, attributes = decoded(rtmsg, messages.replace_route(5, to, via, metric))
    assert message["header"]["flags"] == REQUEST | CREATE | REPLACE
    network, length = to.split("/")
    assert (message["family"], message["dst_len"], message["scope"]) == (family, int(length), scope)
    assert attributes.get("RTA_DST") == (network if length != "0" else None)
    assert (attributes["RTA_OIF"], attributes.get("RTA_GATEWAY"), attributes.get("RTA_PRIORITY")) == (5, via, metric)
    message, _attributes = decoded(rtmsg, messages.delete_route(5, to, via, metric))
    assert message["header"]["type"] == messages.RTM_DELROUTE


def test_a_local_route_is_appended():
    message, attributes = decoded(rtmsg, messages.append_local_route(5, "::1/128", 2048))
    assert message["header"]["flags"] == REQUEST | CREATE | APPEND
    assert (message["table"], message["type"], attributes["RTA_PRIORITY"]) == (255, 2, 2048)


@pytest.mark.parametrize(("vtep", "address"), [("192.0.2.2", "10.42.0.3"), ("2001:db8::2", "fd42::3")])
def test_vxlan_fdb_and_neighbour_entries_match_pyroute2(vtep, address):
    """Of these messages alone none is encoded by pyroute2."""
    mac, family = "02:42:0a:2a:00:03", 10 if ":" in address else 2
    none, some = Tables(set(), set(), set()), Tables({(mac, vtep)}, {mac}, {(address, mac)})
    marked = {"NDA_PROTOCOL": 4}  # static
    comes = [(messages.RTM_NEWNEIGH, REQUEST | CREATE | REPLACE)] * 3
    goes = [(messages.RTM_DELNEIGH, REQUEST)] * 3
    for requests, headers, mark in (
        (neighbours.requests(none, some, 5, 4, "vx"), comes, marked),
        (neighbours.requests(some, none, 5, 4, "vx"), goes, {}),
    ):
        read = [decoded(ndmsg, request.message) for request in requests]
        assert [(message["header"]["type"], message["header"]["flags"]) for message, _attributes in read] == headers
        found = [
            (message["family"], message["ifindex"], message["state"], message["flags"], attributes)
            for message, attributes in read
        ]
        assert sorted(found, key=str) == sorted(
            [
                (7, 5, 0x80, 0x02, {"NDA_LLADDR": mac, "NDA_DST": vtep}),
                (7, 5, 0x40, 0x04, {"NDA_LLADDR": mac}),
                (family, 4, 0x80, 0x00, {"NDA_LLADDR": mac, "NDA_DST": address, **mark}),
            ],
            key=str,
        )


@pytest.mark.parametrize("address", ["10.42.0.3", "fd42::3"])
def test_endpoint_neighbour_entries_match_pyroute2(address):
    entry = (address, "02:42:0a:2a:00:03")
    for before, after, kind, mark in ((set(), {entry}, 28, {"NDA_PROTOCOL": 118}), ({entry}, set(), 29, {})):
        (request,) = neighbours.endpoint_requests(neighbours.Permanent(before, set()), after, 4, "br0")
        message, attributes = decoded(ndmsg, request.message)
        assert (message["header"]["type"], message["family"], message["ifindex"]) == (
            kind,
            10 if ":" in address else 2,
            4,
        )
        assert (message["state"], message["flags"]) == (0x80, 0)
        assert attributes == {"NDA_DST": address, "NDA_LLADDR": entry[1], **mark}


def test_link_messages_are_decoded_as_pyroute2_does():
    """Of this process's own namespace, whatever is there; nothing is changed."""
    ours = socket.Socket()
    try:
        replies = list(ours.dump(messages.get_links()))
    finally:
        ours.close()
    assert replies
    for kind, payload in replies:
        link = stack.Link(payload)
        header = struct.pack("=IHHII", len(payload) + 16, kind, 0, 0, 0)
        message, attributes = decoded(ifinfmsg, header + bytes(payload))
        assert (link.index, link.name) == (message["index"], attributes["IFLA_IFNAME"])
        assert (link.mtu, link.up) == (attributes["IFLA_MTU"], bool(message["flags"] & 1))
        assert link.mac == attributes.get("IFLA_ADDRESS")
        info = dict(attributes["IFLA_LINKINFO"]["attrs"]) if "IFLA_LINKINFO" in attributes else {}
        assert link.kind == info.get("IFLA_INFO_KIND")


def test_kernel_errors_name_the_object_and_quote_the_extack():
    ours = socket.Socket()
    try:
        with pytest.raises(socket.NetlinkError) as refused:
            ours.send([socket.Request(messages.delete_link("no-such-link"), "veth no-such-link")])
        assert str(refused.value).startswith("veth no-such-link: ") and "ENODEV" in str(refused.value)
        ours.send([socket.Request(messages.delete_link("no-such-link"), "veth no-such-link", ignore=(19,))])
    finally:
        ours.close()


def test_only_pyroute2_message_classes_are_imported():
    """Its package brings asyncio and databases, which cost more than a run of a module."""
    program = (
        "import sys; from ansible_collections.virtnet.linux.plugins.module_utils.netlink import messages;"
        "assert messages.PYROUTE2_MISSING is None; print('asyncio' in sys.modules, 'pyroute2.ndb' in sys.modules)"
    )
    answer = subprocess.run(["python3", "-c", program], capture_output=True, text=True, env=os.environ, check=True)
    assert answer.stdout.split() == ["False", "False"]


@pytest.mark.parametrize(("to", "family"), [("172.30.0.0/16", 2), ("fd00:30::/64", 10)])
def test_routing_rules_are_added_and_deleted(to, family):
    for raw, kind, flags in (
        (messages.add_rule(to, 5269, 118), 32, REQUEST | CREATE | EXCL),
        (messages.delete_rule(to, 5269, 118), 33, REQUEST),
    ):
        message, attributes = decoded(fibmsg, raw)
        assert (message["header"]["type"], message["header"]["flags"]) == (kind, flags)
        assert (message["family"], message["dst_len"], message["action"]) == (family, int(to.partition("/")[2]), 1)
        assert attributes["FRA_DST"] == to.partition("/")[0]
        assert (attributes["FRA_PRIORITY"], attributes["FRA_TABLE"], attributes["FRA_PROTOCOL"]) == (5269, 254, 118)
