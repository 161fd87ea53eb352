# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ports and port ranges of TCP, UDP and SCTP."""

from __future__ import annotations

import functools
import re

_RANGE = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?\Z", re.ASCII)


@functools.lru_cache(1 << 16)
def port_range(text: str) -> range | None:
    """Return the ports that '80' or '8000-8005' names; None for any other text.

    >>> list(port_range("8000-8002"))
    [8000, 8001, 8002]
    """
    match = _RANGE.match(text)
    if match is None:
        return None
    first = int(match.group(1))
    last = int(match.group(2) or first)
    return range(first, last + 1) if 1 <= first <= last <= 65535 else None
