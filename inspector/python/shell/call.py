"""The command line of a shell: its text or its script, and the options that matter."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence

import msgspec

from inspector.unknown import Unknown


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A shell's command line: its text or its script, if any; the words that become `$0` and the arguments."""

    text: str | None = None
    script: str | None = None
    arguments: tuple[str, ...] = ()
    login: bool = False
    letters: str = ""


def read_call(words: Sequence[str]) -> Call | Unknown:  # noqa: C901 - one arm an option
    """Return what a shell is asked to do by its words."""
    rest = list(words[1:])
    if posixpath.basename(words[0]) == "busybox":
        if rest[:1] not in (["sh"], ["ash"]):
            return Unknown("busybox runs a command of its own")
        rest = rest[1:]
    login = text = False
    letters = ""
    while rest and rest[0][:1] in ("-", "+") and rest[0] not in ("-", "--"):
        word = rest.pop(0)
        if word in ("--login", "--norc", "--noprofile", "--posix"):
            login = login or word == "--login"
            continue
        if word.startswith("--") or "i" in word or "s" in word.removeprefix("-o"):
            return Unknown(f"the shell has the option {word!r}, which is not followed")
        login, text = login or "l" in word, text or "c" in word
        letters += word[1:] if word[0] == "-" else ""
        if word[-1] in "oO" and rest:
            letters += {"errexit": "e", "nounset": "u"}.get(rest.pop(0), "")
    if rest[:1] == ["--"]:
        rest = rest[1:]
    if text:
        if not rest:
            return Unknown("no text for `-c`")
        return Call(text=rest[0], arguments=tuple(rest[1:]), login=login, letters=letters)
    if rest:
        return Call(script=rest[0], arguments=tuple(rest), login=login, letters=letters)
    return Call(login=login)
