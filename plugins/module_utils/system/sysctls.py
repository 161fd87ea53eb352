# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sysctls of the process's network namespace: files under /proc/sys/net."""

from __future__ import annotations

import errno
import os
import re

from ansible_collections.virtnet.linux.plugins.module_utils.rules.names import SYSCTL_OF_A_LINK, link_of_sysctl

INVALID_VALUE, NOT_PER_NAMESPACE = (
    "this host's kernel refuses this value",
    "is not a per-network-namespace sysctl",
)
FORWARDING = {4: "net.ipv4.ip_forward", 6: "net.ipv6.conf.all.forwarding"}  # of a whole namespace, by IP version

_KEY = re.compile(r"net[./][A-Za-z0-9_@-][A-Za-z0-9_.@/-]*\Z")


def is_key(key: object) -> bool:
    """Whether the key names a network sysctl, as net.ipv4.ip_forward or net/ipv4/conf/eth0.5/rp_filter."""
    return isinstance(key, str) and bool(_KEY.match(key)) and ".." not in key.replace("/", ".")


def is_known(key: str) -> bool:
    """Whether the kernel has the sysctl; that of a link is looked up for future links (`default`)."""
    return os.path.exists(_path(_of_links_to_come(key)))


def read(key: str) -> str | None:
    """Read the value, words separated by one blank; None where the sysctl does not exist or cannot be read."""
    try:
        with open(_path(key), encoding="ascii") as file:
            return " ".join(file.read().split())
    except OSError:
        return None


def write(key: str, value: str) -> None:
    """Set the value; an OSError names the file."""
    try:
        with open(_path(key), "w", encoding="ascii") as file:
            file.write(value)
    except OSError as error:  # the error of the write itself does not name the file
        raise OSError(error.errno, error.strerror, _path(key)) from error


def refusal(key: str, value: str) -> str | None:
    """Return why the kernel rejects the value; None where it accepts it. Call it in a scratch namespace: it sets the
    value."""
    try:
        write(_of_links_to_come(key), value)
    except UnicodeEncodeError:
        return INVALID_VALUE
    except OSError as error:
        return {errno.EINVAL: INVALID_VALUE, errno.ERANGE: INVALID_VALUE, errno.EACCES: NOT_PER_NAMESPACE,
                errno.EPERM: NOT_PER_NAMESPACE, errno.ENOENT: NOT_PER_NAMESPACE}.get(error.errno or 0)  # fmt: skip
    return None


def are_said_otherwise(now: dict[str, str], asked: dict[str, str]) -> bool:
    """Whether setting the desired values would leave the observed ones unchanged: the kernel reports 8080,8081 as
    8080-8081, and keeps the remaining numbers of a list that is set in part. Call it in a scratch namespace: it sets
    the values."""
    try:
        for values in (now, asked):
            for key, value in values.items():
                write(_of_links_to_come(key), value)
    except OSError:
        return False
    return all(read(_of_links_to_come(key)) == value for key, value in now.items())


def _of_links_to_come(key: str) -> str:
    return key if link_of_sysctl(key) is None else SYSCTL_OF_A_LINK.sub(r"net/\1/\2/default/\4", key)


def _path(key: str) -> str:
    return "/proc/sys/" + (key if "/" in key else key.replace(".", "/"))
