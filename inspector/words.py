"""Numbers and lists in sentences for people."""

from __future__ import annotations

from collections.abc import Sequence

FEW = 20
"""Names that are told one by one, unless a sentence has room for less."""


def count(number: int, noun: str, plural: str = "") -> str:
    """Return `1 layer`, `12,345 layers`; `plural` where an `s` does not make it.

    >>> count(1, "layer"), count(12_345, "layer"), count(0, "entry", "entries")
    ('1 layer', '12,345 layers', '0 entries')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def first_few(names: Sequence[str], most: int = FEW, joint: str = ", ") -> str:
    """Return names joined, of many the first, and how many more there are.

    >>> first_few(["a", "b", "c"], 2), first_few(["a", "b"], 2), first_few(["a", "b", "c"], 2, "; ")
    ('a, b and 1 more', 'a, b', 'a; b; and 1 more')
    """
    more = f"{joint.rstrip(', ')} and {len(names) - most:,} more" if len(names) > most else ""
    return joint.join(names[:most]) + more
