# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host with two uplinks, six networks and their containers, made of network namespaces and nothing else.

    lan -- up0 host up1 -- lan2          a  nat, two containers, trusts up1
               |                         b  nat with snat_address, two containers
               +-- bra  a1 a2 m          i  internal, two containers
               +-- brb  b1 b2 m          n  icc off, three containers
               +-- bri  i1 i2            r  routed, one container
               +-- brn  n1 n2 n3         s  isolated, one container
               +-- brr  r1               m  on a and b, and forwards between them
               +-- brs  s1

There is a foreign bridge, too: brx with x1 and x2, which is not in the firewall's state.

The firewall is the one thing under test: links, addresses, routes and sysctls are set here as the engine would.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.virtnet.linux.plugins.module_utils.model.firewall_state import (
    Guard,
    NatPort,
    Policy,
    Port,
    State,
)
from ansible_collections.virtnet.linux.plugins.module_utils.nft import firewall

LEAST, MOST = 0.7, 6.0  # seconds: how long to wait for an answer that should not come, and for one that should
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


class Agent:
    """A process in a network namespace of its own (see agent.py); the namespace ends with it."""

    def __init__(self, name: str) -> None:
        self.name = name
        command = ["unshare", "--net", "--mount", sys.executable, str(Path(__file__).with_name("agent.py")), name]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self._process.pid  # unshare becomes the command

    def send(self, command: str, **arguments: Any) -> None:
        """Give a command without waiting for its answer."""
        self._process.stdin.write(json.dumps([command, arguments]) + "\n")
        self._process.stdin.flush()

    def hear(self) -> Any:
        """The answer to the oldest command that has none yet (the first reports that the agent is ready)."""
        answer = json.loads(self._process.stdout.readline())
        assert "error" not in answer, "%s: %s" % (self.name, answer["error"])
        return answer["answer"]

    def ask(self, command: str, **arguments: Any) -> Any:
        self.send(command, **arguments)
        return self.hear()

    def run(self, *argv: str, text: str | None = None) -> str:
        done = self.ask("run", argv=argv, text=text)
        assert done["code"] == 0, "%s: %s: %s" % (self.name, " ".join(argv), done["err"])
        return done["out"]

    def ip(self, *lines: str) -> None:
        """Lines for `ip`, all in one process."""
        self.run("ip", "-batch", "-", text="\n".join(lines) + "\n")

    def sysctl(self, key: str, value: object) -> None:
        self.ask("write", path="/proc/sys/net/" + key, value=str(value))

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """This process in the agent's network namespace, for as long as the block lasts."""
        with open("/proc/thread-self/ns/net") as home, open("/proc/%d/ns/net" % self.pid) as there:
            _setns(there.fileno())
            try:
                yield
            finally:
                _setns(home.fileno())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


def _setns(descriptor: int) -> None:
    if libc.setns(descriptor, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@dataclass(frozen=True)
class Network:
    """A bridge of the lab: its address .1 or ::1 in both subnets, and its containers from .2 on."""

    bridge: str
    number: int
    containers: tuple[str, ...]
    policy: dict[str, Any] | None  # None: not one of ours

    @property
    def subnets(self) -> tuple[str, str]:
        return "172.20.%d.0/24" % self.number, "fd00:%d::/64" % self.number

    def addresses(self, last: int) -> tuple[str, str]:
        return "172.20.%d.%d" % (self.number, last), "fd00:%d::%x" % (self.number, last)

    def address_of(self, container: str) -> tuple[str, str]:
        return self.addresses(self.containers.index(container) + 2)


NETWORKS = {
    "a": Network("bra", 1, ("a1", "a2", "m"), {"trusted_interfaces": ("up1",)}),
    "b": Network("brb", 2, ("b1", "b2", "m"), {"snat_address": "192.0.2.9", "snat_address6": "2001:db8:1::9"}),
    "i": Network("bri", 3, ("i1", "i2"), {"internal": True}),
    "n": Network("brn", 4, ("n1", "n2", "n3"), {"icc": False}),
    "r": Network("brr", 5, ("r1",), {"gateway_mode": "routed"}),
    "s": Network("brs", 6, ("s1",), {"gateway_mode": "isolated", "internal": True}),
    "x": Network("brx", 7, ("x1", "x2"), None),
}
UPLINKS = {"lan": ("up0", "192.0.2.%d", "2001:db8:1::%d"), "lan2": ("up1", "198.51.100.%d", "2001:db8:2::%d")}
CONTAINERS = sorted({name for network in NETWORKS.values() for name in network.containers})

ADDRESSES = {  # IPv4 and IPv6 by the name that the tests use
    "host": ("192.0.2.1", "2001:db8:1::1"),
    "host2": ("198.51.100.1", "2001:db8:2::1"),
    "host.9": ("192.0.2.9", "2001:db8:1::9"),
    "lo": ("127.0.0.1", "::1"),
    "lan": ("192.0.2.2", "2001:db8:1::2"),
    "lan2": ("198.51.100.2", "2001:db8:2::2"),
    **{"gw." + name: network.addresses(1) for name, network in NETWORKS.items()},
    **{name: network.address_of(name) for network in reversed(NETWORKS.values()) for name in network.containers},
    "m.b": NETWORKS["b"].address_of("m"),
}
SERVED = {
    "host": [2222, 2223, 9100],
    "lan": [7, 4789, 8080],
    "lan2": [7],
    **{name: [80, 81, 82] for name in CONTAINERS},
    "a1": [80, 81, 82, 9000, 9001, 9002],
}
PUBLISHED = (  # host address, host port, server, port
    (None, 8080, "a1", 80),
    ("host.9", 8081, "a1", 80),
    ("lo", 8082, "a1", 82),
    (None, 8085, "n1", 80),
    (None, 8087, "m.b", 80),
    (None, 8088, "r1", 80),
    (None, 9100, "a1", 9000),
    (None, 9101, "a1", 9001),
    (None, 9102, "a1", 9002),
)


def mac(network: Network, container: str) -> str:
    return "02:42:ac:14:%02x:%02x" % (network.number, network.containers.index(container) + 2)


def port_name(network: Network, container: str) -> str:
    return "v%s-%s" % (network.bridge, container)


def full_state() -> State:
    """The firewall's state of the matrix: every managed network, every port guarded, TCP and UDP ports published."""
    state = State(norouter=frozenset({4, 6}))
    for network in NETWORKS.values():
        if network.policy is None:
            continue
        state.policies[network.bridge] = Policy(network.bridge, network.subnets, **network.policy)
        for container in network.containers:
            name, addresses = port_name(network, container), network.address_of(container)
            others = tuple(n.bridge for n in NETWORKS.values() if container in n.containers and n != network)
            state.ports[name] = Port(name, network.bridge, addresses if others else (), others)
            forwards = container == "m"
            state.guards[name] = Guard(
                name, network.bridge, mac(network, container), addresses, addresses_checked=not forwards
            )
    for host, host_port, server, port in PUBLISHED:
        for protocol in ("tcp", "udp"):
            publish(state, protocol, host, host_port, server, port)
    return state


def publish(state: State, protocol: str, host: str | None, host_port: int, server: str, port: int) -> None:
    """The same port over IPv4 and IPv6."""
    for version in (0, 1):
        host_ip = ADDRESSES[host][version] if host else None
        published = NatPort(protocol, host_ip, host_port, ADDRESSES[server][version], port, bridge_of(server))
        state.nat_ports[published.key] = published


def with_bits(pair: Iterable[str]) -> Iterator[tuple[str, int]]:
    """An IPv4 and an IPv6 address, each with the length of the lab's subnets."""
    return zip(pair, (24, 64), strict=True)


def bridge_of(server: str) -> str:
    container, _dot, network = server.partition(".")
    found = [NETWORKS[network]] if network else [n for n in NETWORKS.values() if container in n.containers]
    return found[0].bridge


def question(protocol: str, to: str, port: int, expected: bool = True) -> dict[str, Any]:
    """A probe of agent.py's; ``expected`` says how long to wait for an answer."""
    return dict(protocol=protocol, to=to, port=port, expected=expected)


class Lab:
    """The namespaces, wired."""

    def __init__(self) -> None:
        self.agents = {name: Agent(name) for name in ("host", *UPLINKS, *CONTAINERS)}
        self.host = self.agents["host"]
        self._hear_all()
        self._prepare()
        self._wire_host()
        self._wire_others()
        for name, agent in self.agents.items():
            agent.send("serve", ports=SERVED[name])
        self._hear_all()

    def close(self) -> None:
        for agent in self.agents.values():
            agent.close()

    def load(self, state: State) -> str:
        """Bring the host's firewall to the state by one transaction, and return that."""
        with self.host.inside():
            text = firewall.transaction(firewall.read(), state)
            firewall.apply(text)
        self._all("run", argv=["ip", "neigh", "flush", "all"])  # who could not be found before may be there now
        return text

    def live(self) -> firewall.Live:
        with self.host.inside():
            return firewall.read()

    def call_iptables(self, on: int) -> None:
        """Whether br_netfilter shows bridged packets to inet chains."""
        for key in ("iptables", "ip6tables", "arptables"):
            self.host.sysctl("bridge/bridge-nf-call-" + key, on)

    def probe(self, questions: list[tuple[str, dict[str, Any]]]) -> list[str | None]:
        """Ask all of (who, what) at once; the answers in the same order."""
        by_agent: dict[str, list[int]] = {}
        for number, (who, _what) in enumerate(questions):
            by_agent.setdefault(who, []).append(number)
        for who, numbers in by_agent.items():
            specs = [questions[number][1] for number in numbers]
            self.agents[who].send("probe", specs=specs, least=LEAST, most=MOST)
        answers: list[str | None] = [None] * len(questions)
        for who, numbers in by_agent.items():
            for number, answer in zip(numbers, self.agents[who].hear(), strict=True):
                answers[number] = answer
        return answers

    def _all(self, command: str, **arguments: Any) -> None:
        for agent in self.agents.values():
            agent.send(command, **arguments)
        self._hear_all()

    def _hear_all(self) -> None:
        for agent in self.agents.values():
            agent.hear()

    def _prepare(self) -> None:
        for agent in self.agents.values():
            agent.sysctl("ipv6/conf/all/accept_dad", 0)  # no link-local address has to be waited for
            agent.sysctl("ipv6/conf/default/accept_dad", 0)
            agent.sysctl("ipv4/ping_group_range", "0 2147483647")
        for key, value in {
            "ipv4/ip_forward": 1,
            "ipv6/conf/all/forwarding": 1,
            "ipv4/conf/all/send_redirects": 0,
            "ipv4/conf/default/send_redirects": 0,
        }.items():
            self.host.sysctl(key, value)
        self.agents["m"].sysctl("ipv4/ip_forward", 1)
        self.agents["m"].sysctl("ipv6/conf/all/forwarding", 1)

    def _wire_host(self) -> None:
        lines = ["link set lo up"]
        for name, (uplink, *forms) in UPLINKS.items():
            lines.append("link add %s type veth peer name eth0 netns %d" % (uplink, self.agents[name].pid))
            lines += ["addr add %s/%d dev %s nodad" % (form % 1, bits, uplink) for form, bits in with_bits(forms)]
            lines.append("link set %s up" % uplink)
        lines += ["addr add 192.0.2.9/32 dev up0", "addr add 2001:db8:1::9/64 dev up0 nodad preferred_lft 0"]
        for network in NETWORKS.values():
            bridge = network.bridge
            lines.append("link add %s type bridge mcast_snooping 0" % bridge)
            lines += ["link set %s addrgenmode none" % bridge, "link set %s up" % bridge]
            gateway = (*with_bits(network.addresses(1)), ("fe80::1", 64))
            lines += ["addr add %s/%d dev %s nodad" % (address, bits, bridge) for address, bits in gateway]
            lines.append("route append local ::1 dev %s table local metric 2048" % bridge)
            for container in network.containers:
                port, at = port_name(network, container), self.agents[container].pid
                inside = "eth%d" % (container == "m" and network.bridge == "brb")
                ends = (port, inside, mac(network, container), at)
                lines.append("link add %s type veth peer name %s address %s netns %d" % ends)
                lines += ["link set %s addrgenmode none" % port, "link set %s master %s up" % (port, bridge)]
                lines.append("link set %s type bridge_slave hairpin on" % port)
        self.host.ip(*lines)
        for network in NETWORKS.values():
            self.host.sysctl("ipv4/conf/%s/route_localnet" % network.bridge, 1)

    def _wire_others(self) -> None:
        for name, (_uplink, *forms) in UPLINKS.items():
            self.agents[name].ip(
                "link set lo up",
                *("addr add %s/%d dev eth0 nodad" % (form % 2, bits) for form, bits in with_bits(forms)),
                "link set eth0 up",
                *("route add default via " + form % 1 for form in forms),
            )
        for network in NETWORKS.values():
            for container in network.containers:
                device = "eth%d" % (container == "m" and network.bridge == "brb")
                addresses = with_bits(network.address_of(container))
                lines = ["link set lo up", "link set %s up" % device]
                lines += ["addr add %s/%d dev %s nodad" % (address, bits, device) for address, bits in addresses]
                if device == "eth0":
                    lines += ["route add default via " + gateway for gateway in network.addresses(1)]
                self.agents[container].ip(*lines)
        # a2 and b2 know the router container; n1 and n3 try the detour by their gateway
        self._routes("a2", "b2", NETWORKS["a"].address_of("m"))
        self._routes("b2", "a2", NETWORKS["b"].address_of("m"))
        self._routes("n1", "n3", NETWORKS["n"].addresses(1))
        self._routes("n3", "n1", NETWORKS["n"].addresses(1))

    def _routes(self, who: str, to: str, via: tuple[str, str]) -> None:
        self.agents[who].ip(*("route add %s via %s" % pair for pair in zip(ADDRESSES[to], via, strict=True)))


@contextlib.contextmanager
def made() -> Iterator[Lab]:
    lab = Lab()
    try:
        yield lab
    finally:
        lab.close()
