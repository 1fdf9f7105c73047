"""The command line of a shell: its text or its script, and the options that matter."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

import msgspec

from inspector.python.shell.builtins import take_options
from inspector.unknown import Unknown


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A shell's command line: its text or its script, if any; the words that become `$0` and the arguments."""

    text: str | None = None
    script: str | None = None
    arguments: tuple[str, ...] = ()
    login: bool = False
    options: frozenset[str] = frozenset()


def read_call(words: Sequence[str]) -> Call | Unknown:
    """Return what a shell is asked to do by its words."""
    rest = list(words[1:])
    if posixpath.basename(words[0]) == "busybox":
        if rest[:1] not in (["sh"], ["ash"]):
            return Unknown("busybox runs a command of its own")
        rest = rest[1:]
    login = text = False
    options: frozenset[str] = frozenset()
    while rest and rest[0][:1] in ("-", "+") and rest[0] not in ("-", "--"):
        word = rest.pop(0)
        if word in ("--login", "--norc", "--noprofile", "--posix"):
            login = login or word == "--login"
            continue
        if word.startswith("--") or "i" in word or "s" in word.removeprefix("-o"):
            return Unknown(f"the shell has the option {word!r}, which is not followed")
        login, text = login or "l" in word, text or "c" in word
        given = [word, rest.pop(0)] if word[-1] in "oO" and rest else [word]
        options, _ = take_options(given if word[-1] != "O" else [], options)
    rest = rest[1:] if rest[:1] == ["--"] else rest
    if text and not rest:
        return Unknown("no text for `-c`")
    arguments = tuple(rest[1:] if text else rest)
    return Call(
        text=rest[0] if text else None,
        script=rest[0] if rest and not text else None,
        arguments=arguments,
        login=login,
        options=options,
    )
