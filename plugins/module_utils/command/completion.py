# Copyright (c) 2026, The virtnet.linux authors
# GNU General Public License v3.0-or-later (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Completion of the command line for bash, zsh and fish, made of the parser's own subcommands and options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

SHELLS = ("bash", "zsh", "fish")

_BASH = """\
_virtnet() {
    local current=${COMP_WORDS[COMP_CWORD]} words
    if [ "$COMP_CWORD" -eq 1 ]; then
        words="%(commands)s"
    else
        case ${COMP_WORDS[1]} in
%(cases)s
        esac
    fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _virtnet virtnet
"""
_CASE = '        %s) words="%s%s" ;;'
_CONTAINERS, _NETWORKS = "ls /run/netns 2>/dev/null", "virtnet ls 2>/dev/null | tail -n +2 | cut -d ' ' -f 1"
_NAMES = {"container": [_CONTAINERS], "name": [_CONTAINERS, _NETWORKS], "network": [_NETWORKS]}  # by argument


def script(shell: str, parser: argparse.ArgumentParser) -> str:
    """Return the completion script of a shell."""
    commands = _commands(parser)
    if shell == "fish":
        return "".join(_fish(name, one) for name, one in commands.items())
    cases = "\n".join(_CASE % (name, " ".join(_options(one)), _words(one)) for name, one in commands.items())
    text = _BASH % {"commands": " ".join(commands), "cases": cases}
    return "autoload -U +X bashcompinit && bashcompinit\n" + text if shell == "zsh" else text


def _commands(parser: argparse.ArgumentParser) -> dict[str, Any]:
    found: dict[str, Any] = next(one.choices for one in parser._actions if isinstance(one.choices, dict))
    return found


def _options(parser: Any) -> list[str]:
    return [word for one in parser._actions for word in one.option_strings if word.startswith("--")]


def _names(parser: Any) -> list[str]:
    """Return the shell commands that list the names which a subcommand takes."""
    return [command for one in parser._actions if not one.option_strings for command in _NAMES.get(one.dest, [])]


def _choices(parser: Any) -> list[str]:
    return [word for one in parser._actions if not one.option_strings for word in one.choices or ()]


def _words(parser: Any) -> str:
    return "".join([" " + word for word in _choices(parser)] + [" $(%s)" % command for command in _names(parser)])


def _fish(name: str, parser: Any) -> str:
    lines = ["complete -c virtnet -f -n __fish_use_subcommand -a %s -d %s" % (name, _quoted(parser.description))]
    seen = "-n '__fish_seen_subcommand_from %s'" % name
    lines += ["complete -c virtnet %s -l %s" % (seen, word[2:]) for word in _options(parser)]
    lines += ["complete -c virtnet %s -a %s" % (seen, word) for word in _choices(parser)]
    lines += ["complete -c virtnet %s -a %s" % (seen, _quoted("(%s)" % command)) for command in _names(parser)]
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return "'%s'" % text.replace("'", "\\'")
