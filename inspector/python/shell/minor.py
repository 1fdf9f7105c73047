"""Builtins of which little matters: what they set is not known, or changes how words are read."""

from __future__ import annotations

from inspector.python.shell.lexer import assigned
from inspector.python.shell.seam import Shell
from inspector.python.shell.state import HOLE, State
from inspector.python.shell.syntax import Simple

_OFTEN = frozenset(
    {"ls", "ll", "la", "l", "dir", "vdir", "grep", "fgrep", "egrep", "alert", "rm", "cp", "mv", "vi", "tree", "cls"}
)
"""Aliases that scripts for people set, and that start no Python."""

_MATTER = frozenset({"execfail", "expand_aliases", "failglob", "lastpipe", "nocasematch", "restricted_shell"})
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
    """Return `ulimit -v 1000`: too little memory keeps libraries from being loaded."""
    del command
    if set("".join(words[1:-1])) & set("vdm") and words[-1].isdigit():
        shell.stop(state.copy(), f"{' '.join(words)!r} may leave too little memory", certain=False)
    state.status = "yes"
    return [state]


def read(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Set variables to what is not known; where no option stands, `getopts` is done at once."""
    del shell, command
    first = state.arguments[:1]
    begins = words[0] == "getopts" and len(words) == 3 and "OPTIND" not in state.variables and HOLE not in first
    if begins and (not first or first[0] in ("-", "--") or not first[0].startswith("-")):
        state.set("OPTIND", "2" if first == ["--"] else "1")
        state.status = "no"
        return [state]
    for name in (*words[1:], *(("OPTARG", "OPTIND") if words[0] == "getopts" else ())):
        if not name.startswith("-"):
            state.set(name, HOLE)
    state.status = "unknown"
    return [state]


def alias(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Take a name for others: a shell of bash that runs a script, and not as sh, makes no use of it."""
    unused = state.dialect == "bash" and not (state.posix or state.interactive)
    names = [word.partition("=")[0] for word in words[1:] if "=" in word]
    if not unused and not _OFTEN.issuperset(names):
        return not_followed(shell, words, command, state)
    state.status = "yes"
    return [state]


def shopt(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Change how bash behaves, of which little matters."""
    del shell, command
    for name in _MATTER.intersection(words) if "-s" in words else ():
        state.doubt(f"`shopt -s {name}` is not followed")
    state.status = "yes"
    return [state]


def not_followed(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Note a doubt for what is not followed."""
    del shell, command
    state.doubt(f"the shell's own {words[0]!r} is not followed")
    return [state]
