# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nameservers of this host, and upstream ones of a local stub: resolv.conf(5), systemd-resolved.service(8)."""

from __future__ import annotations

import contextlib
import ipaddress

from ansible_collections.virtnet.linux.plugins.module_utils.system import regular

_ASKED = "/etc/resolv.conf"
_BEHIND_THE_STUB = "/run/systemd/resolve/resolv.conf"  # systemd-resolved's upstream nameservers


def nameservers() -> list[str]:
    """Return the nameservers' addresses; systemd-resolved's upstream ones where only its stub (loopback) is listed."""
    return _read(_BEHIND_THE_STUB) if has_stub() else _read(_ASKED)


def has_stub() -> bool:
    """Whether the host uses a local stub, which containers cannot reach, with known upstream nameservers."""
    asked = _read(_ASKED)
    behind = [address for address in _read(_BEHIND_THE_STUB) if not _is_loopback(address)]
    return bool(asked and behind and all(_is_loopback(address) for address in asked))


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.split("%")[0]).is_loopback


def _read(path: str) -> list[str]:
    found = []
    with contextlib.suppress(OSError):  # a FIFO in its place, which open(2) would wait for, is none
        for line in regular.read(path).decode("utf-8", "replace").splitlines():
            words = line.split()
            if len(words) > 1 and words[0] == "nameserver":
                with contextlib.suppress(ValueError):
                    ipaddress.ip_address(words[1].split("%")[0])
                    found.append(words[1])
    return found
