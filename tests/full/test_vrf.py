# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""An uplink in a VRF: ports on its addresses are refused with a message; the host's other uplink works as usual.

In a guest, because few kernels of test machines have VRFs.
"""

from __future__ import annotations

import pytest

from ansible_collections.virtnet.linux.plugins.filter.bridge_network_plan import FilterModule
from kit import guest

PROGRAM = '''
import contextlib, io, time
from ansible_collections.virtnet.linux.plugins.module_utils.inspect import report
from ansible_collections.virtnet.linux.plugins.module_utils.engine.converge import converge
from ansible_collections.virtnet.linux.plugins.module_utils.command import main as command
from ansible_collections.virtnet.linux.plugins.module_utils.kinds import bridge, bridge_policy, nat_port, netns, veth
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Topology

PEER = {"name": "eth0", "netns": "c", "mac": "02:42:ac:1e:00:02", "addresses": ["172.30.0.2/16"],
        "gateway": "172.30.0.1", "bridge": None, "gateway6": None, "routes": None}
NETWORK = [
    (netns, dict(name="c")),
    (bridge, dict(name="br-web", addresses=["172.30.0.1/16"], labels={"role": "bridge_network", "network": "web"})),
    (veth, dict(name="vc", bridge="br-web", peer=PEER)),
    (bridge_policy, dict(bridge="br-web", subnets=["172.30.0.0/16"])),
    (nat_port, dict(host_port="8080", to_address="172.30.0.2", to_port="80", bridge="br-web")),
]
SERVER = "import socket; s = socket.create_server(('', %d))\\nwhile True: s.accept()[0].sendall(b'x')"
CALL = "import socket; s = socket.create_connection(('%s', %d), 3); s.settimeout(3); print(s.recv(1))"

def lines(text):
    for line in text.strip().splitlines():
        sh(line)

def serve(where, port):
    inside = ["ip", "netns", "exec", where] if where else []
    started = subprocess.Popen([*inside, sys.executable, "-S", "-c", SERVER % port])
    while started.poll() is None and call(where, "127.0.0.1", port) != "answered":
        pass

def call(where, address, port):
    inside = ["ip", "netns", "exec", where] if where else []
    done = subprocess.run([*inside, sys.executable, "-S", "-c", CALL % (address, port)], capture_output=True, text=True)
    return "answered" if "x" in done.stdout else "lost"

def run(check=False):
    document = {}
    for kind, given in NETWORK:
        document[kind.KIND] = [given]
    result = converge(Topology.read(document), check)
    return [action.line() for action in result.actions], result.warnings

def checked():
    with contextlib.redirect_stderr(io.StringIO()) as printed, contextlib.redirect_stdout(io.StringIO()):
        assert command.main(["check"]) == 0
    return printed.getvalue().splitlines()

os.makedirs("/etc", exist_ok=True)
with open("/etc/protocols", "w") as file:  # nft knows ipv6-icmp from there
    file.write("icmp 1\\ntcp 6\\nudp 17\\nipv6-icmp 58\\nsctp 132\\n")
with open("/proc/sys/net/ipv4/conf/all/arp_ignore", "w") as file:
    file.write("1")  # on the one wire eth0 would answer for eth1's address, too
lines("""
modprobe vrf
ip link set lo up
ip link add red type vrf table 100
ip link set red up
ip link set eth0 master red
ip address add 192.0.2.2/24 dev eth0
ip link set eth0 up
ip address add 198.51.100.2/24 dev eth1
ip link set eth1 up
ip route add default via 192.0.2.1 vrf red
ip route add default via 198.51.100.1
ip netns add lan
ip link set eth2 netns lan
ip -n lan link set lo up
ip -n lan address add 192.0.2.1/24 dev eth2
ip -n lan address add 198.51.100.1/24 dev eth2
ip -n lan link set eth2 up
""")
found["before"] = report.report()
predicted = run(check=True)
done = run()
found["check mode says the same"] = predicted == done
found["a second run"], found["warnings"] = run()
sh("ip -n c link set lo up")
serve("c", 80)
serve("lan", 81)
for name, where, address, port in (("by the other", "lan", "198.51.100.2", 8080),
                                   ("from the host", None, "172.30.0.2", 80), ("out", "c", "198.51.100.1", 81)):
    deadline = time.monotonic() + 60  # the guest is computed, and may be slow
    while found.get(name) != "answered" and time.monotonic() < deadline:
        found[name] = call(where, address, port)
found["by the uplink in the VRF"] = call("lan", "192.0.2.2", 8080)
found["after"] = report.report()
sh("ip link set eth0 nomaster")
found["out of the VRF"] = report.report()["host"]["routing_warnings"], checked()
sh("ip link set eth0 master red")
sh("ip address flush dev eth1")
found["in the VRF alone"] = report.report()
found["in the VRF alone, by virtnet check"] = checked()
'''
WEB = {"name": "web", "subnet": "172.30.0.0/16"}


def plan(live, networks, *ports):
    containers = [{"name": "c", "networks": [networks[0]["name"]], "ports": list(ports)}]
    declared = {"networks": networks, "containers": containers, "purge": False, "role": "bridge_network", "host": "h1"}
    return FilterModule().filters()["bridge_network_plan"](declared, live)


@pytest.mark.slow
def test_an_uplink_in_a_vrf():
    found = guest.run(PROGRAM, nics=3)
    assert found["check mode says the same"] and found["a second run"] == []
    outcomes = [found[name] for name in ("by the uplink in the VRF", "by the other", "from the host", "out")]
    assert outcomes == ["lost", "answered", "answered", "answered"]
    assert found["warnings"] == [
        "host port 8080/tcp of network web: not published on 192.0.2.2, for eth0 is in the VRF red, whose table has no "
        "route to containers; call another address of the host, or take the interface out of the VRF"
    ]
    assert found["after"]["host"]["warnings"] == []
    assert found["after"]["host"]["routing_warnings"] == found["warnings"], "those of a run, also where none was"
    assert found["out of the VRF"] == [[], []]
    no_egress = (
        "network web: the host's only uplinks are in the VRF red, where no network's packets get in or out; take them "
        "out of it"
    )
    assert found["in the VRF alone"]["host"]["routing_warnings"] == [no_egress, *found["warnings"]]
    assert "virtnet: " + no_egress in found["in the VRF alone, by virtnet check"]
    vrfs = {one["name"]: one["vrf"] for one in found["before"]["host"]["interfaces"]}
    assert vrfs == {"eth0": "red", "eth1": None, "lo": None, "red": None}
    assert any(rule["l3mdev"] for rule in found["before"]["host"]["rules"])
    assert plan(found["before"], [WEB], "8080:80")["errors"] == []
    (refused,) = plan(found["before"], [WEB], "192.0.2.2:8080:80")["errors"]
    assert "192.0.2.2 is on eth0, which is in the VRF red, and nothing is published there" in refused
    new = {"name": "new", "subnet": "172.31.0.0/16"}
    (refused,) = plan(found["in the VRF alone"], [new])["errors"]
    assert "network new: internal False: the host's only uplinks are in the VRF red" in refused
    assert plan(found["in the VRF alone"], [{**new, "internal": True}])["errors"] == []
