"""The patterns of a shell: `*`, `?`, `[…]`, and of bash `@(one|other)` and `?(one|other)`."""

from __future__ import annotations

import fnmatch
import re

from inspector.python.shell.state import HOLE
from inspector.unknown import Tri

MAX_VALUE = 4096
"""Characters of a text that is compared with a pattern."""
MAX_STARS = 10
"""Stars of a pattern, since each of them multiplies the work."""
MAX_PLAIN = 64
"""Patterns without groups that one with groups stands for."""

_GROUP = re.compile(r"([@?])\(([^()]*)\)")


def is_pattern(text: str) -> bool:
    """Tell whether a text may stand for several names; a bracket alone is itself, as in the command `[`."""
    return "*" in text or "?" in text or "@(" in text or 0 <= text.find("[") < text.rfind("]") - 1


def fits(value: str, pattern: str) -> Tri:
    """Tell whether a value fits a pattern."""
    if HOLE in pattern:
        return "unknown"
    if HOLE in value:
        return "yes" if pattern == "*" else "unknown"
    plain = _plain(pattern)
    if plain is None or len(value) > MAX_VALUE or max(each.count("*") for each in plain) > MAX_STARS:
        return "unknown"
    return "yes" if any(fnmatch.fnmatchcase(value, each.replace("[^", "[!")) for each in plain) else "no"


def _plain(pattern: str) -> list[str] | None:
    """Return the patterns without groups that a pattern stands for; None for too many of them."""
    todo, done = [pattern], []
    while todo:
        text = todo.pop()
        found = _GROUP.search(text)
        if found is None:
            done.append(text)
        else:
            choices = [*found[2].split("|", MAX_PLAIN), *([""] if found[1] == "?" else [])]
            if len(todo) + len(done) + len(choices) > MAX_PLAIN:
                return None
            todo += [f"{text[: found.start()]}{choice}{text[found.end() :]}" for choice in choices]
    return done
