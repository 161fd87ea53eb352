# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Links are removed together by a link group; foreign links are kept, whatever group they are in."""

from __future__ import annotations

FOREIGN = ("ip link add own%d group %d type veth peer name peer%d", (1, 2, 7, 2147483647))


def pairs(numbers, **options):
    ends = {"netns": None, "mac": None}
    return [{"name": "veth%d" % n, "peer": {"name": "far%d" % n, **ends}, **options} for n in numbers]


def test_foreign_link_groups_are_kept(host):
    command, groups = FOREIGN
    for number, group in enumerate(groups):
        host.sh(command % (number, group, number))
    host.change("veth", config=pairs(range(3)))
    host.change("veth", config=pairs((0, 1), state="absent"))
    left = host.links()
    assert {name for name in left if name.startswith(("veth", "far"))} == {"veth2", "far2"}
    assert all("own%d" % number in left for number in range(len(groups)))


def test_more_links_than_one_message_holds(host):
    many = range(520)
    host.change("veth", config=pairs(many))
    host.change("veth", config=pairs(many, state="absent"))
    assert not [name for name in host.links() if name.startswith("veth")]


def test_a_link_deleted_concurrently_is_no_error(host):
    host.change("veth", config=pairs(range(2)))
    host.sh("ip link del far0")
    done = host.change("veth", config=pairs(range(2), state="absent"))
    assert [action["name"] for action in done["actions"]] == ["veth1"]
