"""The options of a shell that count, as `set` and its command line take them."""

from __future__ import annotations

_LETTERS = {"allexport": "a", "errexit": "e", "noglob": "f", "nounset": "u"}


def take_options(words: list[str], options: frozenset[str]) -> tuple[frozenset[str], list[str] | None]:
    """Return the options after `set` has read its words, and the arguments that stand behind; None where none do."""
    rest = list(words)
    while rest and rest[0][:1] in ("-", "+") and rest[0] not in ("-", "--"):
        word = rest.pop(0)
        letters = set(word[1:]) & set(_LETTERS.values())
        if "o" in word and rest:
            letters.add(_LETTERS.get(rest.pop(0), ""))
        options = options | letters if word[0] == "-" else options - letters
    if not rest:
        return options, None
    return options, rest[1:] if rest[0] in ("-", "--") else rest
