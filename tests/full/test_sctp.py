# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An SCTP association through SNAT and through a published port outlives packets that conntrack calls invalid.

They are not translated, so they reach the host, whose SCTP answers an out-of-the-blue packet with an ABORT that has the
verification tag of that packet (RFC 9260, 8.4). What conntrack calls invalid has another tag than the association (see
nf_conntrack_sctp_packet() in net/netfilter/nf_conntrack_proto_sctp.c), and the peer discards such an ABORT (8.5.1).

In a guest, for few kernels of test machines have SCTP.
"""

from __future__ import annotations

import pytest

from kit import guest

PROGRAM = '''
import select, socket, struct, time
from ansible_collections.virtnet.linux.plugins.module_utils.engine.converge import converge
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Topology

PEER = {"name": "eth0", "netns": "c", "mac": "02:42:ac:1e:00:02", "addresses": ["172.30.0.2/16"],
        "gateway": "172.30.0.1"}
NETWORK = {
    "netns": [{"name": "c"}],
    "bridge": [{"name": "br-web", "addresses": ["172.30.0.1/16"]}],
    "veth": [{"name": "vc", "bridge": "br-web", "peer": PEER}],
    "bridge_policy": [{"bridge": "br-web", "subnets": ["172.30.0.0/16"]}],
    "nat_port": [{"protocol": "sctp", "host_port": "8080", "to_address": "172.30.0.2", "to_port": "80",
                  "bridge": "br-web"}],
}
HOST, LAN = "198.51.100.2", "198.51.100.1"
SECONDS = 40  # the guest is computed, and may be slow

def lines(text):
    for line in text.strip().splitlines():
        sh(line)

def opened(where, *kind):
    """A socket of a namespace."""
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open("/run/netns/" + where, os.O_RDONLY)
    setns = ctypes.CDLL(None, use_errno=True).setns
    try:
        assert setns(there, 0) == 0
        return socket.socket(*kind)
    finally:
        assert setns(own, 0) == 0
        os.close(own)
        os.close(there)

def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _bit in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF

def packet(source, to, tag, chunk):
    made = struct.pack("!HHII", source, to, tag, 0) + chunk
    return made[:8] + struct.pack("<I", crc32c(made)) + made[12:]

def heard(wire, seconds):
    """SCTP packets on the wire: source, port of it, destination, port of it, tag, types of the first chunk."""
    seen, until = [], time.monotonic() + seconds
    while select.select([wire], [], [], max(0, until - time.monotonic()))[0]:
        frame = wire.recv(2000)[14:]
        if frame[:1] == b"E" and frame[9] == 132:
            data = frame[20:]
            here, there, tag = struct.unpack("!HHI", data[:8])
            seen.append((socket.inet_ntoa(frame[12:16]), here, socket.inet_ntoa(frame[16:20]), there, tag, data[12]))
    return seen

def talks(one, other):
    """Whether each hears the other."""
    for sender, receiver in ((one, other), (other, one)):
        try:
            sender.sendall(b"hello")
            receiver.settimeout(SECONDS)
            if receiver.recv(100) != b"hello":
                return False
        except OSError as error:
            return str(error)
    return True

def associated(caller, listener, address, port):
    """Both ends of an association."""
    server = opened(listener, socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP)
    server.bind(("0.0.0.0", 80))
    server.listen(1)
    client = opened(caller, socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP)
    client.settimeout(SECONDS)
    client.connect((address, port))
    other = server.accept()[0]
    server.close()
    return client, other

def attacked(name, caller, listener, address, port):
    wire = opened("lan", socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    client, other = associated(caller, listener, address, port)
    before = talks(client, other)
    # the packets of the association to the host: its port there, and the tag that they have
    _source, here, _to, there, tag, _chunk = [one for one in heard(wire, 3) if one[2] == HOST and one[4]][-1]
    raw = opened("lan", socket.AF_INET, socket.SOCK_RAW, 132)
    data = struct.pack("!BBHIHHI", 0, 3, 17, 1, 0, 0, 0) + b"x" + bytes(3)
    abort, cookie, init_ack = (struct.pack("!BBH", kind, 0, 4) for kind in (6, 11, 2))
    for wrong in (tag ^ 1, 1, 0xFFFFFFFF):
        for chunk in (data, cookie, init_ack, abort):
            raw.sendto(packet(here, there, wrong, chunk), (HOST, 0))
    replies = [one for one in heard(wire, 5) if one[0] == HOST and one[5] == 6]
    found[name] = {"before": before, "after": talks(client, other),
                   "aborts": len(replies), "with its tag": sum(one[4] == tag for one in replies)}
    for one in (client, other, raw, wire):
        one.close()

os.makedirs("/etc", exist_ok=True)
with open("/etc/protocols", "w") as file:  # nft knows ipv6-icmp from there
    file.write("icmp 1\\ntcp 6\\nudp 17\\nipv6-icmp 58\\nsctp 132\\n")
lines("""
modprobe sctp
ip link set lo up
ip address add 198.51.100.2/24 dev eth0
ip link set eth0 up
ip route add default via 198.51.100.1
ip netns add lan
ip link set eth1 netns lan
ip -n lan link set lo up
ip -n lan address add 198.51.100.1/24 dev eth1
ip -n lan link set eth1 up
""")
converge(Topology.read(NETWORK))
sh("ip -n c link set lo up")
attacked("SNAT", "c", "lan", LAN, 80)
attacked("published port", "lan", "c", HOST, 8080)
'''


@pytest.mark.slow
def test_invalid_packets_do_not_end_an_association():
    found = guest.run(PROGRAM, nics=2)
    for name in ("SNAT", "published port"):
        assert found[name]["before"] is True and found[name]["after"] is True, found
        assert found[name]["aborts"] > 0 and found[name]["with its tag"] == 0, found
