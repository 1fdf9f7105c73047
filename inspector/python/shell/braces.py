"""The braces of bash: `x{a,b}` stands for `xa xb`, and `{1..3}` for three numbers."""

from __future__ import annotations

import re

from inspector.python.shell.state import HOLE
from inspector.python.shell.syntax import Text, Word

MAX_WORDS = 64
"""Words that one stands for."""

_BRACES = re.compile(r"\{([^{}\s]*,[^{}\s]*)\}|\{(\d{1,4})\.\.(\d{1,4})\}")


def expanded(word: Word) -> list[Word]:
    """Return the words that a word with braces stands for; others stand for themselves."""
    todo, done = [word], []
    while todo:
        one = todo.pop(0)
        at = next((at for at, part in enumerate(one) if _has_braces(part)), None)
        if at is None:
            done.append(one)
            continue
        part = one[at]
        assert isinstance(part, Text)
        found = _BRACES.search(part.value)
        assert found is not None
        texts = [f"{part.value[: found.start()]}{choice}{part.value[found.end() :]}" for choice in _choices(found)]
        todo = [*((*one[:at], *([Text(text)] if text else []), *one[at + 1 :]) for text in texts), *todo]
        if len(todo) + len(done) > MAX_WORDS:
            return [(Text(HOLE, quoted=True),)]
    return done


def _has_braces(part: object) -> bool:
    return isinstance(part, Text) and not part.quoted and _BRACES.search(part.value) is not None


def _choices(found: re.Match[str]) -> list[str]:
    if found[1] is not None:
        return found[1].split(",")
    first, last = int(found[2]), int(found[3])
    step = 1 if first <= last else -1
    return [str(number) for number in range(first, last + step, step)][: MAX_WORDS + 1]
