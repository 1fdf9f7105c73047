"""Builtins of which little matters: what they set is not known, or changes how words are read."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from inspector.python.shell import aliases
from inspector.python.shell.lexer import assigned
from inspector.python.shell.seam import Shell
from inspector.python.shell.state import HOLE, State
from inspector.python.shell.syntax import Simple

_OFTEN = frozenset(
    {"ls", "ll", "la", "l", "dir", "vdir", "grep", "fgrep", "egrep", "alert", "rm", "cp", "mv", "vi", "tree", "cls"}
)
"""Aliases that scripts for people set, and that start no Python."""

_MATTER = frozenset({"execfail", "failglob", "lastpipe", "nocasematch", "restricted_shell"})
"""Options of bash by which other commands are run, or others fail."""


def printf(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Print, or set a variable to what would be printed."""
    del shell, command
    if words[1:2] == ["-v"] and len(words) > 2 and state.dialect == "bash":
        state.set(words[2], HOLE)
    state.status = "yes"
    return [state]


def let(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Work out `let`: what it sets is not known."""
    del shell, command
    for word in words[1:]:
        for name in assigned(word):
            state.set(name, HOLE)
    state.status = "unknown"
    return [state]


def ulimit(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Return `ulimit -v 1000`: too little of what a process may have keeps Python from its start, or from torch."""
    del command
    state.status = "yes"
    pairs = list(pairwise(words)) if len(words) > 2 else [("-f", words[-1])]
    for option, value in pairs:
        needs = _NEEDS.get(option.lstrip("-HS"))
        if needs is None or not value.isdigit() or int(value) >= needs.ample:
            continue
        certain = int(value) < needs.python
        shell.stop(state.copy(), f"'ulimit {option} {value}' may leave too {needs.what}"[:100], certain=certain)
        if certain:
            return []
    return [state]


class _Needs(NamedTuple):
    """Below `python` no Python comes up; from `ample` on none is kept from torch."""

    python: int
    ample: int
    what: str


_NEEDS = {
    "v": _Needs(4 << 10, 32 << 20, "little memory"),
    "d": _Needs(0, 32 << 20, "little memory"),
    "s": _Needs(0, 4 << 10, "small a stack"),
    "n": _Needs(4, 64, "few descriptors"),
    "t": _Needs(0, 600, "little time"),
}
"""By the letter of `ulimit`: KiB of memory, descriptors, seconds of a processor. Linux ignores the limit `m`."""


def read(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Set variables to what is not known."""
    del shell, command
    for name in words[1:]:
        if not name.startswith("-"):
            state.set(name, HOLE)
    state.status = "unknown"
    return [state]


def alias(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Take a name for others: a shell of bash that runs a script, and not as sh, makes no use of it unless told so."""
    names = [word.partition("=")[0] for word in words[1:] if "=" in word]
    if state.expands and not _OFTEN.issuperset(names) and not aliases.noted(words[1:], state):
        return not_followed(shell, words, command, state)
    state.status = "yes"
    return [state]


def shopt(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Change how bash behaves, of which little matters."""
    del shell, command
    for name in _MATTER.intersection(words) if "-s" in words else ():
        state.doubt(f"`shopt -s {name}` is not followed")
    if "expand_aliases" in words:
        state.expands = "-s" in words
    state.status = "yes"
    return [state]


def not_followed(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Note a doubt for what is not followed."""
    del shell, command
    state.doubt(f"the shell's own {words[0]!r} is not followed")
    return [state]
