# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Published ports as `docker run -p` writes them: [HOST_IP:]HOST_PORT:CONTAINER_PORT[/PROTOCOL].

Ports may be ranges (8000-8005:80-85); an IPv6 address is in brackets. Unlike in Docker, a host port is required: no
ephemeral port is chosen, so that the result is idempotent. A range of host ports for one container port selects the
lowest free port.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ansible_collections.virtnet.linux.plugins.module_utils.rules import names
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare import compose
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.addresses import Address
from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.fields import not_quoted

FORM = "write [HOST_IP:]HOST_PORT:CONTAINER_PORT[/tcp|udp|sctp], as in '8080:80' or '127.0.0.1:8000-8005:80-85/udp'"

_SPEC = re.compile(
    r"(?:(?P<host_ip>\[[^\]]*\]|[^\[\]:]*):)?(?:(?P<host>[^:\[\]/]*):)?(?P<container>[^:\[\]/]+)(?:/(?P<protocol>[^/]*))?\Z"
)
_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?\Z")


HOST_ADDRESS_RULE = "must be a unicast address that is not link-local"


class PortError(ValueError):
    """An invalid published port: the rule that it breaks and the remedy."""


@dataclass(frozen=True)
class PortRange:
    """Ports from first to last, both included."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.first, self.last + 1))

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


@dataclass(frozen=True)
class Port:
    """One published port, or a range of them; host_ip None: every address of the host."""

    host_ip: Address | None
    host: PortRange
    container: PortRange
    protocol: str = "tcp"
    number: int = field(default=0, compare=False)  # its index in the list, for messages

    @property
    def floating(self) -> bool:
        """Whether the planner chooses one host port of a range."""
        return len(self.host) > len(self.container)

    def __str__(self) -> str:
        host_ip = "" if self.host_ip is None else bracketed(str(self.host_ip)) + ":"
        protocol = "" if self.protocol == "tcp" else f"/{self.protocol}"
        return f"{host_ip}{self.host}:{self.container}{protocol}"


def bracketed(address: str) -> str:
    """Format an address for use in front of a port: IPv6 in brackets."""
    return f"[{address}]" if ":" in address else address


def parse_port(text: object, number: int = 0) -> Port:
    """Read the entry of `ports` at index `number`; raise PortError, which names the broken rule."""
    if not isinstance(text, str):
        raise PortError(_not_text(text))
    if text.count(":") > 2 and "[" not in text:
        raise PortError("an IPv6 address must be in brackets, as in '[::1]:8080:80'")
    match = _SPEC.match(text.strip())
    if not match:
        raise PortError(FORM)
    host_ip, host = match["host_ip"], match["host"]
    if host is None:  # one colon: what precedes it is the host port
        host_ip, host = None, host_ip
    if not host or host.startswith("["):
        raise PortError(f"a host port is required; {FORM}")
    port = Port(
        host_ip=None if host_ip is None else _parse_host_ip(host_ip),
        host=parse_range(host, "host port"),
        container=parse_range(match["container"], "container port"),
        protocol=_parse_protocol(match["protocol"]),
        number=number,
    )
    if len(port.host) != len(port.container) and len(port.container) != 1:
        raise PortError(
            f"{len(port.host)} host ports cannot be translated to {len(port.container)} container ports; "
            "give ranges of the same length, or one container port"
        )
    return port


def parse_range(text: str, what: str = "port") -> PortRange:
    """Read '80' or '8000-8005'; raise PortError where it is neither."""
    match = _RANGE.match(text)
    if not match:
        raise PortError(f"the {what} {text!r} is neither a number nor a range like 8000-8005")
    first, last = int(match[1]), int(match[2] or match[1])
    if not (1 <= first <= 65535 and 1 <= last <= 65535):
        raise PortError(f"the {what} {text!r} is outside 1-65535")
    if last < first:
        raise PortError(f"the {what} range {text!r} ends before it begins")
    return PortRange(first, last)


def _parse_host_ip(text: str) -> Address:
    bracketed = text.startswith("[")
    try:
        address = ipaddress.ip_address(text[1:-1] if bracketed else text)
        if address.version == 6 and address.scope_id:
            raise ValueError(text)
    except ValueError:
        raise PortError(f"the host address {text!r} is no IP address; {FORM}") from None
    if bracketed != (address.version == 6):
        raise PortError("an IPv6 address must be in brackets and an IPv4 address must not, as in '[::1]:8080:80'")
    if address.version == 6 and address.ipv4_mapped:
        raise PortError(f"write the IPv4 address {address.ipv4_mapped} itself, without brackets")
    if not is_host_address(address):
        raise PortError(f"the host address {HOST_ADDRESS_RULE}")
    return address


def is_host_address(address: Address) -> bool:
    """Whether ports can be published on the address; 0.0.0.0 and :: are all addresses of the host."""
    return not (address.is_multicast or address.is_link_local or str(address) == "255.255.255.255")


def _parse_protocol(text: str | None) -> str:
    protocol = "tcp" if text is None else text.lower()
    if protocol not in names.PROTOCOLS:
        raise PortError(f"the protocol {text!r} is not one of {', '.join(names.PROTOCOLS)}")
    return protocol


def _not_text(value: object) -> str:
    # YAML 1.1 reads digits:digits as a sexagesimal number: 2222:22 is 2222 * 60 + 22.
    if isinstance(value, Mapping):
        return compose.of_port(value)
    made = not_quoted(value)
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        host, container = divmod(value, 60)
        if value > 65535 or host == container:
            return f'{made}, as in "{host}:{container}" if that was it; a host port is required'
        return f'is one port: give the host port too, and quote it: "HOST_PORT:{value}", as in "8080:{value}"'
    return f'{made}; a host port is required, as in "8080:80"' if made else f"must be text; {FORM}"
