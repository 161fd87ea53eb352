# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The pages of the documentation, and the examples on them. Every block of code is fenced and says its language:

yaml
    A block that begins with ``# NAME`` is the file NAME. Others are played: plays, or a role's variables.
ini
    The file that its first line names.
sh
    Commands, one after the other.
console
    Commands after a prompt and what they print: ``$ `` on the controller, ``h1# `` on the lab's host h1. What differs
    each time (ports that the kernel chooses, identifiers, random MACs) is compared by where else it stands; a line
    ``...`` is any lines.
text
    Pictures, and what is not to be typed.

``<!-- not run: why -->`` in the line before a block says that the tests cannot run it, and
``<!-- in the long run: why -->`` that tests/full/test_engines.py does.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import yaml

from kit.checkout import HOME

LANGUAGES = ("yaml", "ini", "sh", "console", "text")
PAGES = [HOME / "README.md", *sorted((HOME / "docs").glob("*.md")), *sorted((HOME / "roles").glob("*/README.md"))]

_ROLES = ("bridge_network", "overlay_network", "lab_hosts", "prepare_host")
_NOT_RUN = re.compile(r"<!-- ((?:not run|in the long run): .+) -->")
_FENCE = re.compile(r" *```(\w*)\s*")
_FILE = re.compile(r"# ([\w./-]+\.\w+)\s*")
_PROMPT = re.compile(r"(\$|\w+#) (.+)")
# what is another one each time: source ports and identifiers that the kernel draws, and MACs that are not derived
_CHANGING = re.compile(
    r"(?P<port>(?<=\.)(?:3[2-9]|[45]\d|6[0-5])\d{3}\b)|(?P<id>\bid \d+)|(?P<time>time=[\d.]+ ms)"
    r"|(?P<mac>(?!02:42)\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b)"
)


class Command(NamedTuple):
    """A command on a page: on which of the lab's hosts it is typed (None: here), and what the page says it prints."""

    line: int
    host: str | None
    text: str
    printed: tuple[str, ...]

    @property
    def is_started(self) -> bool:
        """Whether it runs in the background."""
        return self.text.partition("  #")[0].rstrip().endswith("&")


class Block(NamedTuple):
    """A fenced block, whose first line is line ``line`` of the page, counted from 0."""

    language: str
    lines: list[str]
    line: int
    section: str
    why_not_run: str | None

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    @property
    def is_for_the_long_run(self) -> bool:
        """Whether tests/full runs it."""
        return (self.why_not_run or "").startswith("in the long run")

    @property
    def file(self) -> str | None:
        """The name of the file that it is."""
        named = _FILE.fullmatch(self.lines[0]) if self.language in ("yaml", "ini") else None
        return named.group(1) if named else None

    def commands(self) -> list[Command]:
        """What is typed."""
        if self.language == "sh":
            return [Command(self.line + at, None, line, ()) for at, line in enumerate(self.lines) if line]
        return list(self._console()) if self.language == "console" else []

    def _console(self) -> Iterator[Command]:
        starts = [at for at, line in enumerate(self.lines) if _PROMPT.fullmatch(line)]
        for at, end in zip(starts, [*starts[1:], len(self.lines)]):
            prompt, text = _PROMPT.fullmatch(self.lines[at]).groups()  # type: ignore[union-attr]
            host = None if prompt == "$" else prompt[:-1]
            yield Command(self.line + at, host, text, tuple(self.lines[at + 1 : end]))


def name_of(page: Path) -> str:
    """The name of a page in messages."""
    return str(page.relative_to(HOME))


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found, section, start, language = [], "", 0, ""
    lines = page.read_text().splitlines()
    for number, line in enumerate(lines):
        fence = _FENCE.fullmatch(line)
        if start and fence:
            above = _NOT_RUN.fullmatch(lines[start - 2])
            found.append(Block(language, lines[start:number], start, section, above.group(1) if above else None))
            start = 0
        elif fence:
            start, language = number + 1, fence.group(1)
        elif line.startswith("#") and not start:
            section = line
    return found


def unfenced(page: Path) -> list[str]:
    """Code without a fence, by its indentation alone, whose language is unknown."""
    found, is_fenced, before = [], False, ""
    for number, line in enumerate(page.read_text().splitlines(), 1):
        is_fenced ^= bool(_FENCE.fullmatch(line))
        if line.startswith("    ") and not is_fenced and not before:
            found.append("%s:%d: %s" % (name_of(page), number, line))
        before = line
    return found


def unused(page: Path) -> list[str]:
    """The files of a page that no later command uses, so that nothing tests them."""
    every = [block for block in blocks(page) if not block.why_not_run]
    found = []
    for at, block in enumerate(every):
        later = [word for other in every[at:] for command in other.commands() for word in command.text.split()]
        if block.file and block.file.partition("/")[0] not in ["", *later]:
            found.append("%s:%d: %s" % (name_of(page), block.line, block.file))
    return found


def role_of(block: Block) -> str | None:
    """The role whose variables a block of yaml has; None: it has plays."""
    content = yaml.safe_load(block.text)
    if isinstance(content, list) and all({"hosts", "import_playbook"} & set(one) for one in content):
        return None
    for role in _ROLES:
        if isinstance(content, dict) and all(key.startswith(role) for key in content):
            return role
    raise AssertionError("neither a file with a name, nor plays, nor a role's variables:\n" + block.text)


def hosts_in(content: object) -> dict[str, dict[str, object]]:
    """The hosts of an inventory with their variables, which may be added to; of anything else nothing."""
    found: dict[str, dict[str, object]] = {}
    for group in content.values() if isinstance(content, dict) else []:
        if isinstance(group, dict):
            hosts = group.get("hosts") or {}
            for name in hosts:
                hosts[name] = found.setdefault(name, hosts[name] or {})
            found.update(hosts_in(group.get("children")))
    return found


def differences(commands: list[Command], printed: list[list[str]]) -> list[str]:
    """What commands printed and the page does not say, or the other way round, as a diff."""
    on_page = _shape(list(zip(commands, [command.printed for command in commands])))
    found = _shape(list(zip(commands, printed)))
    pattern = "\n".join(".*" if line == "..." else re.escape(line) for line in on_page)
    if re.fullmatch(pattern, "\n".join(found), re.DOTALL):
        return []
    return list(difflib.unified_diff(on_page, found, "the page", "what was printed", lineterm=""))


def _shape(session: Iterable[tuple[Command, Iterable[str]]]) -> list[str]:
    """Commands and what they printed, in which what differs each time is numbered by its first appearance."""
    seen: dict[str, str] = {}

    def numbered(found: re.Match[str]) -> str:
        kind = str(found.lastgroup)
        number = sum(one.startswith(kind) for one in seen.values()) + 1
        return seen.setdefault(found.group(), "<%s %d>" % (kind, number))

    lines = [line for command, printed in session for line in (command.text, *printed)]
    return [_CHANGING.sub(numbered, line.rstrip()) for line in lines]
