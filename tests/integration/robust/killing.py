# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kill a run, or let a step of it fail, let the next run repair it, and check that nothing is left."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from typing import Any

from integration.robust import engine
from integration.robust.documents import Document, absent, changed, containers, names_of, overlay, together

from kit import snapshot
from kit.host import Host

SMALL = together(containers(range(1, 6)), overlay([1], range(3)), names_of("web", range(1, 6)))
OTHER = together(
    containers([2, 3, 6], mtu=1400, first_port=8100, icc=False),
    overlay([2], range(1, 6), vni=4343),
    names_of("web", [3, 2, 6]),
)
WAYS = {  # what stands before, the run that is killed
    "create": (None, SMALL),
    "change": (SMALL, changed(SMALL, OTHER)),
    "remove": (SMALL, absent(SMALL)),
}
_NAMES, _OTHER_NAMES = names_of("web", range(1, 4)), names_of("web", [3, 2, 6])
NAMES = {  # the same for files alone, of which each step takes a moment
    "create names": (None, _NAMES),
    "change names": (_NAMES, changed(_NAMES, _OTHER_NAMES)),
    "remove names": (_NAMES, absent(_NAMES)),
}
_ALL = {**WAYS, **NAMES}

# what an error can be about: an object of the document, or of the host
NAMED = {
    *(one.get("name") or one.get("bridge") for way in (SMALL, OTHER) for some in way.values() for one in some),
    *(
        "/run/",
        "/etc/netns",
        ".virtnet/",
        "/proc/sys/net",
        "nft refused the transaction",
        "conntrack",
        "route ",
        "links of kind",
    ),
} - {None}


def at_steps(host: Host, way: str, steps: Iterable[int]) -> int:
    """Kill a run at each of these steps in turn, if it has so many; how many times it was killed."""
    return _each(host, way, steps, lambda document, step: engine.killed(host, document, step) is not None)


def then_removed(host: Host, way: str, steps: Iterable[int]) -> int:
    """Kill a run at each of these steps, and let the next one remove everything; how many times it was killed."""
    before, document = _ALL[way]
    empty = host.snapshot()
    for done, step in enumerate(steps):
        if before:
            engine.run(host, before)
        killed = engine.killed(host, document, step)
        _clean(host)
        snapshot.same(empty, host.snapshot())
        if killed is None:
            return done
    return len(list(steps))


def after_actions(host: Host, way: str, counts: Iterable[int]) -> int:
    """End a run after so many of its actions, as a crash would; how many times it was ended."""

    def ended(document: Document, count: int) -> bool:
        return len(engine.run(host, document, stop_after=count)) > count

    return _each(host, way, counts, ended)


def with_errors(host: Host, way: str, steps: Iterable[int]) -> int:
    """Let each of these steps of a run fail in turn, if it has so many; how many times one did.

    The error names its object.
    """

    def failed(document: Document, step: int) -> bool:
        message = engine.refused(host, document, step, (errno.EBUSY, errno.ENOMEM)[step % 2])
        assert not message or any(name in message for name in NAMED), message
        _is_consistent(host)
        return message is not None

    return _each(host, way, steps, failed)


def _is_consistent(host: Host) -> None:
    """The observed state can be read, and no port leads to a missing bridge."""
    found = engine.read_back(host)
    assert {one["bridge"] for one in found["nat_ports"]} <= {one["name"] for one in found["bridges"]}, found


def _each(host: Host, way: str, points: Iterable[int], killed: Callable[[Document, int], bool]) -> int:
    before, document = _ALL[way]
    empty = host.snapshot()
    desired = _declared(host, before, document)
    done = 0
    for point in points:
        if before:
            engine.run(host, before)
        if not killed(document, point):
            _clean(host)
            break
        done += 1
        engine.run(host, document)
        assert engine.run(host, document, check=True) == [], (way, point)
        assert engine.read_back(host) == desired, (way, point)
        _clean(host)
        snapshot.same(empty, host.snapshot())
    return done


def _declared(host: Host, before: Document | None, document: Document) -> dict[str, Any]:
    """What is read back after an undisturbed run."""
    for one in filter(None, (before, document)):
        engine.run(host, one)
    desired = engine.read_back(host)
    _clean(host)
    return desired


def _clean(host: Host) -> None:
    for one in (SMALL, OTHER):
        engine.run(host, absent(one))
