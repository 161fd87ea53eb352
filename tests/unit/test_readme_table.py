# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The README's numbers are those of the published run."""

from __future__ import annotations

import json

from benchmarks.readme import BEGIN, END, NOTHING, PUBLISHED, README, text

MEASURED = {
    "machine": {"cores": 2, "kernel": "6.1", "system": "Debian 12", "Python": "3.11", "nftables": "nftables v1.0.6"},
    "endpoints": {
        "runs": {
            "engine": {"100": {"create": [300.0, 120.0, 130.0], "again": [40.0], "remove_all, gone": [100.0]}},
            "CNI": {"100": {"create": [9104.0], "remove_all, gone": [19512.0]}},
            "naive shell": {"10": {"create": [1.0]}},
        }
    },
    "ports": {"pairs": {"ours 1": [20000.0], "ours 5000": [18000.0, 19000.0], "iptables list 5000": [7000.0]}},
}


def test_a_row_for_each_peer_that_was_measured():
    rows = text(MEASURED).splitlines()
    assert rows[0].count("|") == rows[1].count("|")
    assert rows[2] == "| virtnet.linux, its engine in a Python that has it loaded | 0.13 s | 0.04 s |  | 0.10 s |"
    assert rows[3] == "| CNI plugins | 9.1 s |  |  | 20 s |"
    assert "on 2 cores, kernel 6.1, Debian 12" in text(MEASURED)


def test_the_readme_has_the_published_run():
    between = README.read_text().partition(BEGIN)[2].partition(END)[0]
    assert between == (text(json.loads(PUBLISHED.read_text())) if PUBLISHED.exists() else NOTHING)
