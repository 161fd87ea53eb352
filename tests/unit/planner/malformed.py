# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Malformed input for a planner."""

from __future__ import annotations

import math

from hypothesis import strategies as st

from ansible_collections.virtnet.linux.plugins.plugin_utils.declare.containers import ATTACHMENT_FIELDS

WORDS = [
    *(
        "web",
        "db",
        "host",
        "none",
        "present",
        "absent",
        "container:a",
        "br-web",
        "lo",
        "eth0",
        "yes",
        "1500",
        "8080:80",
    ),
    *(
        "172.30.0.0/16",
        "172.30.0.5",
        "172.30.0.1/33",
        "10.0.0.0/31",
        "0.0.0.0/0",
        "fd00::/64",
        "fd00::1",
        "fe80::1%eth0",
    ),
    *("::ffff:1.2.3.4", "02:42:ac:1e:00:02", "net.ipv4.ip_forward", "a" * 64, "\ud800", ""),
]

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(WORDS)
junk = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            scalars.filter(lambda key: not isinstance(key, float) or not math.isnan(key)), inner, max_size=3
        )
        | st.dictionaries(st.sampled_from(["to", "via", "metric", *ATTACHMENT_FIELDS]), inner, max_size=4)
    ),
    max_leaves=6,
)


def objects(fields):
    return st.lists(st.dictionaries(st.sampled_from([*fields, "odd"]), junk, max_size=8) | junk, max_size=4)
