"""`getopts`: the options of a script, one a call (POSIX.1-2017, getopts)."""

from __future__ import annotations

from inspector.python.shell.seam import Shell
from inspector.python.shell.state import HOLE, State
from inspector.python.shell.syntax import Simple

_PLACE = "getopts place"
"""A variable of our own, by a name that no script can use: where in a word of several letters the next option is."""


def getopts(shell: Shell, words: list[str], command: Simple, state: State) -> list[State]:
    """Take the next option."""
    del shell, command
    letters, name = (words[1], words[2]) if len(words) > 2 else (HOLE, "")
    at, place = state.get("OPTIND") or "1", state.get(_PLACE) or "1"
    arguments = words[3:] or state.arguments
    index = int(at) - 1 if at.isdigit() and at != "0" else len(arguments)
    word = arguments[index] if index < len(arguments) else ""
    if HOLE in letters + at + place + word or int(place) >= max(len(word), 2):
        for each in filter(None, (name, "OPTARG", "OPTIND")):
            state.set(each, HOLE)
        state.status = "unknown"
        return [state]
    state.unset("OPTARG")
    if word in ("", "-", "--") or not word.startswith("-"):
        _next(state, index + (word == "--"), 1)
        state.set(name, "?")
        state.status = "no"
        return [state]
    _take(state, letters, name, arguments, (index, int(place)))
    state.status = "yes"
    return [state]


def _take(state: State, letters: str, name: str, arguments: list[str], where: tuple[int, int]) -> None:
    """Set the variables for the option at a place of a word; with a colon first, `letters` ask for what was wrong."""
    index, place = where
    letter, rest = arguments[index][place], arguments[index][place + 1 :]
    known = letter != ":" and letter in letters
    found: str | None = None
    if known and letters.partition(letter)[2].startswith(":"):
        found = rest or (arguments[index + 1] if index + 1 < len(arguments) else None)
        index += 1 if rest or found is None else 2
        _next(state, index, 1)
        if found is None:
            known, letter, found = False, ":" if letters[0] == ":" else "?", letter if letters[0] == ":" else None
    else:
        _next(state, index + (not rest), place + 1 if rest else 1)
        if not known:
            letter, found = "?", letter if letters[:1] == ":" else None
    state.set(name, letter)
    if found is not None:
        state.set("OPTARG", found)


def _next(state: State, index: int, place: int) -> None:
    state.set("OPTIND", str(index + 1))
    state.set(_PLACE, str(place))
