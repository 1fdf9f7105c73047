"""The command line of a shell: its text or its script, and the options that matter."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

import msgspec

from inspector.python.shell.options import take_options
from inspector.unknown import Unknown


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A shell's command line: its text or its script, if any; the words that become `$0` and the arguments.

    `rc` is the file that bash reads in place of ~/.bashrc. `skips` are the options that keep bash from reading files.
    """

    text: str | None = None
    script: str | None = None
    arguments: tuple[str, ...] = ()
    login: bool = False
    options: frozenset[str] = frozenset()
    rc: str | None = None
    skips: frozenset[str] = frozenset()


_WITHOUT_VALUE = frozenset(["--login", "--norc", "--noprofile", "--posix", "--noediting", "--verbose", "--restricted"])
_RC_FILE = ("--rcfile", "--init-file")


def read_call(words: Sequence[str]) -> Call | Unknown:
    """Return what a shell is asked to do by its words."""
    rest = list(words[1:])
    if posixpath.basename(words[0]) == "busybox":
        if rest[:1] not in (["sh"], ["ash"]):
            return Unknown("busybox runs a command of its own")
        rest = rest[1:]
    options: frozenset[str] = frozenset()
    letters = set("l") if words[0].startswith("-") else set()
    skips: set[str] = set()
    rc = None
    while rest and rest[0][:1] in ("-", "+") and rest[0] not in ("-", "--"):
        word = rest.pop(0)
        if word in _WITHOUT_VALUE:
            skips.add(word)
            continue
        if word in _RC_FILE and rest:
            rc = rest.pop(0)
            continue
        if word.startswith("--") or "s" in word.removeprefix("-o"):
            return Unknown(f"the shell has the option {word!r}, which is not followed")
        letters |= set(word[1:]) if word[0] == "-" else set()
        given = [word, rest.pop(0)] if word[-1] in "oO" and rest else [word]
        options, _ = take_options(given if word[-1] != "O" else [], options)
    rest = rest[1:] if rest[:1] in (["--"], ["-"]) else rest
    text = "c" in letters
    if text and not rest:
        return Unknown("no text for `-c`")
    arguments = tuple(rest[1:] if text else rest)
    return Call(
        text=rest[0] if text else None,
        script=rest[0] if rest and not text else None,
        arguments=arguments,
        login="l" in letters or "--login" in skips,
        options=options | letters & {"i", "p"},
        rc=rc,
        skips=frozenset(skips),
    )
