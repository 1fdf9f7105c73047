"""The seam of programs that run another: what is asked of them, and what they pass on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from inspector.python.environment import Environment
from inspector.python.which import Found
from inspector.rootfs import Rootfs
from inspector.unknown import Unknown


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """The command that is run in the end, and what it finds. `doubt` says what isn't known of that."""

    argv: tuple[str, ...]
    environment: Environment
    doubt: str = ""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A wrapper that was found, its words behind its own name, and what it finds."""

    fs: Rootfs
    found: Found
    words: tuple[str, ...]
    environment: Environment


Wrapper = Callable[[Asked], Passed | Unknown | None]
"""None where the words hold no command: then the wrapper is a program as others."""


def skip_options(words: Sequence[str], valued: frozenset[str] = frozenset()) -> tuple[dict[str, str], list[str]]:
    """Return the options with their values, by name, and the words from the first that is none."""
    options: dict[str, str] = {}
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        name, equals, value = word.partition("=")
        if not equals and name not in valued and name[:2] != "--" and name[:2] in valued:
            name, value, equals = name[:2], name[2:], "="
        if not equals and name in valued and rest:
            value = rest.pop(0)
        options[name] = value
    return options, rest
