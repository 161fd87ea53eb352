# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files and listings that are well-formed and wrong: mutations of right ones, given to the engine in a host."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import random
import signal
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from integration.robust.documents import Document

from ansible_collections.virtnet.linux.plugins.module_utils.command import main as command
from ansible_collections.virtnet.linux.plugins.module_utils.engine.converge import Refused, converge
from ansible_collections.virtnet.linux.plugins.module_utils.inspect.report import report
from ansible_collections.virtnet.linux.plugins.module_utils.model.objects import Topology
from ansible_collections.virtnet.linux.plugins.module_utils.netlink.socket import NetlinkError
from ansible_collections.virtnet.linux.plugins.module_utils.nft.firewall import FirewallError
from ansible_collections.virtnet.linux.plugins.module_utils.persist import documents, persistence
from ansible_collections.virtnet.linux.plugins.module_utils.system.files import Unreadable
from ansible_collections.virtnet.linux.plugins.module_utils.system.runtime_state import Locked, Memory

SENTENCES = (Refused, Unreadable, FirewallError, Locked, NetlinkError, OSError)  # as module.py puts them into words
SECONDS = 20  # in which a run of so little is over, also on a busy machine
VALUES = [
    *(None, True, False, 0, -1, 7, 65536, 1 << 64, 10**40, 1.5, float("nan"), float("inf")),
    *("", " ", "x", "..", "../../x", "a/b", "a b", "\n", "\x00", "\ud800", "\u202e", "\u00e4", "a" * 300, "host", "1"),
    *("10.0.0.1", "10.0.0.0/33", "::1", "fe80::1%eth0", "zz/24", "net.ipv4.ip_forward", "net/../../kernel/panic"),
    *([], [[]], [None], ["x", 7], {}, {"a": {}}, {"elem": {}}, {"concat": []}, {"prefix": 1}, {"range": [1]}),
    functools.reduce(lambda inner, _level: [inner], range(60), []),
]
TEXTS = ["", "{", "null", "[]", "5", '"x"', "[" * 100_000, '{"a":' * 100_000, "9" * 10_000, "\x00", "\ufffe"]


class Hangs(BaseException):
    """A run that does not end; no code of the engine catches it."""


def mutations(original: Any, count: int = 25) -> Any:
    """Texts that are each a mutation of a JSON document, or now and then another document."""
    one = st.integers(0, 2**32).map(lambda seed: _mutated(original, random.Random(seed)))
    text = st.sampled_from(TEXTS)
    return st.lists(st.one_of(one, one, one, one, one, text), min_size=count, max_size=count)


def with_memory(texts: list[str], document: Document) -> list[str]:
    """The errors of runs with one of these as runtime state; a run that succeeds has repaired it."""
    file = Path("/run/virtnet/memory.json")
    good = file.read_bytes()

    def run() -> None:
        report()
        converge(Topology.read(document), check=True)
        converge(Topology.read(document))
        if Memory().lost:
            raise AssertionError("not mended")

    try:
        return list(_wrong(texts, file, run))
    finally:
        file.write_bytes(good)


def with_document(texts: list[str], document: Document, role: str) -> list[str]:
    """The errors of runs with one of these as a document of /var/lib/virtnet."""
    file = Path("/var/lib/virtnet/%s.web.json" % role)
    good = file.read_bytes()

    def run() -> None:
        for word in ("check", "restore"):
            message = io.StringIO()
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(message):
                status = command.main([word])
            if status == 2 and len(message.getvalue()) < 20:
                raise AssertionError("no sentence: " + message.getvalue())
        documents.remembered()
        converge(Topology.read(document), check=True, also=functools.partial(persistence.plan, role, True))

    try:
        return list(_wrong(texts, file, run))
    finally:
        file.write_bytes(good)


def with_listing(texts: list[str], document: Document, name: str) -> list[str]:
    """The errors of runs with one of these as nft's listing (see LISTINGS)."""

    def run() -> None:
        report()
        converge(Topology.read(document), check=True)

    file = Path("/run/listings/" + name)
    good = file.read_text()
    try:
        return list(_wrong([text.replace("\n", " ") + "\n" for text in texts], file, run))
    finally:
        file.write_text(good)


LISTINGS = {
    "inet": "-j -p list table inet virtnet",
    "bridge": "-j -p list table bridge virtnet",
    "ruleset": "-j -t list ruleset",
    "tables": "-j list tables",
}
FAKE_NFT = """
nft=$(readlink -f $(command -v nft)); cp $nft /run/nft; mkdir /run/listings
%s
cat > /run/fake <<'END'
#!/bin/sh
case "$*" in
%s
*) exec /run/nft "$@" ;;
esac
END
chmod +x /run/fake; mount -n --bind /run/fake $nft
""" % (
    "\n".join("nft %s > /run/listings/%s" % (words, name) for name, words in LISTINGS.items()),
    "\n".join('"%s") exec cat /run/listings/%s ;;' % (words, name) for name, words in LISTINGS.items()),
)


def _wrong(texts: list[str], file: Path, run: Callable[[], None]) -> Iterator[str]:
    for text in texts:
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        signal.signal(signal.SIGALRM, _hang)
        signal.alarm(SECONDS)
        try:
            run()
        except SENTENCES as error:
            if not str(error):
                yield "%.2000s\nno sentence: %r" % (text, error)
        except BaseException:
            yield "%.2000s\n%s" % (text, traceback.format_exc())
        finally:
            signal.alarm(0)


def _hang(*_signal: Any) -> None:
    raise Hangs


def _mutated(original: Any, chance: random.Random) -> str:
    tree = json.loads(json.dumps(original))
    for _time in range(chance.randint(1, 3)):
        places = list(_places(tree))
        if not places:
            break
        inside, key = chance.choice(places)
        value = chance.choice([*VALUES, "gone", "renamed"])
        if value == "gone":
            del inside[key]
        elif value == "renamed" and isinstance(inside, dict):
            inside[chance.choice([one for one in VALUES if isinstance(one, str)])] = inside.pop(key)
        else:
            inside[key] = value
    return json.dumps(tree)


def _places(tree: Any) -> Iterator[tuple[Any, Any]]:
    for key in tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ():
        yield tree, key
        yield from _places(tree[key])
