"""The braces of bash: `x{a,b}` stands for `xa xb`, and `{1..3}` for three numbers."""

from __future__ import annotations

import re

from inspector.python.shell.state import HOLE
from inspector.python.shell.syntax import Text, Word

MAX_WORDS = 64
"""Words that one stands for."""

_BRACES = re.compile(r"\{([^{}\s]*)\}")
_RANGE = re.compile(r"(\d{1,4})\.\.(\d{1,4})", re.ASCII)


def expanded(word: Word) -> list[Word]:
    """Return the words that a word with braces stands for; others stand for themselves."""
    todo, done = [word], []
    while todo:
        one = todo.pop(0)
        at, found = next(((at, found) for at, part in enumerate(one) if (found := _braces(part))), (0, None))
        if found is None:
            done.append(one)
            continue
        choices = _choices(found[1])
        if len(todo) + len(done) + len(choices) > MAX_WORDS:
            return [(Text(HOLE, quoted=True),)]
        texts = [f"{found.string[: found.start()]}{choice}{found.string[found.end() :]}" for choice in choices]
        todo = [*((*one[:at], *([Text(text)] if text else []), *one[at + 1 :]) for text in texts), *todo]
    return done


def _braces(part: object) -> re.Match[str] | None:
    """Return the first braces of a part that are expanded; None where there are none."""
    if not isinstance(part, Text) or part.quoted:
        return None
    return next((found for found in _BRACES.finditer(part.value) if _choices(found[1])), None)


def _choices(text: str) -> list[str]:
    """Return what stands between commas, or the numbers of a range; nothing where a text is neither."""
    if "," in text:
        return text.split(",", MAX_WORDS)
    found = _RANGE.fullmatch(text)
    if found is None:
        return []
    first, last = int(found[1]), int(found[2])
    step = 1 if first <= last else -1
    return [str(number) for number in range(first, last + step, step)][: MAX_WORDS + 1]
