# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reading one declared object's fields: the right type, or an error and None.

A role's variables reach the planner as they were typed, so what Ansible would convert is converted here by the same
rules: 'yes' is true, '1500' is 1500, a name that looks like a number is text.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping

from ansible_collections.virtnet.linux.plugins.plugin_utils.addresses import Address, IPNetwork
from ansible_collections.virtnet.linux.plugins.plugin_utils.problems import Problems

_TRUE = ("yes", "on", "true", "t", "y", "1")
_FALSE = ("no", "off", "false", "f", "n", "0")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}\Z")


class Fields:
    """The fields of one declared object, `thing` in messages."""

    def __init__(self, raw: Mapping, thing: str, problems: Problems) -> None:
        self.raw = raw
        self.thing = thing
        self.problems = problems

    def refuse(self, field: str, rule: str) -> None:
        self.problems.refuse(self.thing, field, self.raw.get(field), rule)

    def given(self, field: str) -> bool:
        return self.raw.get(field) is not None

    def only(self, *known: str) -> None:
        """Refuse fields that nobody reads: they are misspelt."""
        for field in self.raw:
            if field not in known:
                self.problems.refuse(
                    self.thing, str(field), self.raw[field], f"is no field; there are {', '.join(known)}"
                )

    def text(self, field: str) -> str | None:
        value = self.raw.get(field)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if value is None or isinstance(value, str):
            return value
        return self.refuse(field, "must be text")

    def choice(self, field: str, default: str, choices: tuple[str, ...]) -> str:
        value = self.text(field)
        if value is not None and value not in choices:
            self.refuse(field, f"must be one of {', '.join(choices)}")
        return value if value in choices else default

    def boolean(self, field: str, default: bool | None) -> bool | None:
        value = self.raw.get(field)
        if value is None or isinstance(value, bool):
            return default if value is None else value
        word = str(value).lower() if isinstance(value, (str, int)) else None
        if word in _TRUE or word in _FALSE:
            return word in _TRUE
        self.refuse(field, "must be true or false")
        return default

    def integer(self, field: str, first: int, last: int) -> int | None:
        value = self.raw.get(field)
        if value is None:
            return None
        if isinstance(value, str) and re.match(r"[0-9]{1,10}\Z", value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not first <= value <= last:
            return self.refuse(field, f"must be a number from {first} to {last}")
        return value

    def listing(self, field: str) -> list:
        value = self.raw.get(field)
        if value is None or isinstance(value, (list, tuple)):
            return list(value or ())
        self.refuse(field, "must be a list")
        return []

    def mapping(self, field: str) -> Mapping:
        value = self.raw.get(field)
        if value is None or isinstance(value, Mapping):
            return value or {}
        self.refuse(field, "must be a dictionary")
        return {}

    def records(self, field: str) -> list[Fields]:
        """A list of dictionaries, each as Fields."""
        found = []
        for number, value in enumerate(self.listing(field)):
            if isinstance(value, Mapping):
                found.append(Fields(value, f"{self.thing}: {field}[{number}]", self.problems))
            else:
                self.problems.refuse(self.thing, f"{field}[{number}]", value, "must be a dictionary")
        return found

    def address(self, field: str, version: int | None = None) -> Address | None:
        return self._ip(field, ipaddress.ip_address, version, "address")

    def subnet(self, field: str, version: int | None = None) -> IPNetwork | None:
        """An address range in CIDR notation without host bits."""
        interface = self._ip(field, _interface, version, "subnet in CIDR notation, like 172.30.0.0/16 or fd00:30::/64,")
        if interface is None:
            return None
        if interface.ip != interface.network.network_address:
            return self.refuse(field, f"has host bits set; write {interface.network}")
        return interface.network

    def mac(self, field: str) -> str | None:
        value = self.raw.get(field)
        if value is None:
            return None
        if isinstance(value, int):  # 02:42:10:11:12:13 is a number to the base of 60 in YAML 1.1
            return self.refuse(field, "YAML made a number of it: quote it")
        mac = value.strip().lower().replace("-", ":") if isinstance(value, str) else ""
        if not _MAC.match(mac):
            return self.refuse(field, "must be a MAC address like 02:42:ac:1e:00:02")
        if int(mac[:2], 16) & 1 or mac == "00:00:00:00:00:00":
            return self.refuse(field, "must be a unicast MAC address: an even first byte, and not all zeros")
        return mac

    def _ip(self, field: str, parse, version: int | None, what: str):
        value = self.raw.get(field)
        if value is None:
            return None
        wanted = f"an IPv{version} {what}" if version else f"an {what}" if what == "address" else f"a {what}"
        try:
            found = parse(value.strip()) if isinstance(value, str) else None
        except ValueError:
            found = None
        if found is None:
            return self.refuse(field, f"must be {wanted.rstrip(',')}")
        if version and found.version != version:
            return self.refuse(field, f"must be {wanted.rstrip(',')}; this one is IPv{found.version}")
        if found.version == 6 and (found.scope_id or found.ipv4_mapped):
            return self.refuse(field, f"must be {wanted} without a scope and not mapped from IPv4")
        return found


def _interface(text: str):
    if "/" not in text:
        raise ValueError(text)
    return ipaddress.ip_interface(text)
