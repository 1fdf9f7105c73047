"""The patterns of policies (`*`, `?`, `[…]`), compiled once each, and how exact each is."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache

from inspector.names import familiar, tag_in

MAX_COMPILED = 20_000
"""Patterns kept, as many as a policy may have: the standard library keeps 256, and compiles others at each name."""

Exactness = tuple[int, int, int]
"""The class of a pattern, the characters before its first wildcard, and its wildcards, less than none: more is more
exact."""
_ONE = 3
"""Characters of a set of one, `[x]`, which stands for that character and is no wildcard."""
_WILDCARD = r"(?s)[*?]|\[!?.[^\]]*\]"


@lru_cache(MAX_COMPILED)
def pattern_of(glob: str) -> re.Pattern[str]:
    """Return the expression for a whole name; each `*` takes the nearest fit and no other, so time stays linear."""
    return re.compile(translate(glob))


@lru_cache(MAX_COMPILED)
def exactness(glob: str) -> Exactness:
    """Say how exact a pattern over names of images is: of two that fit one name, the greater one is meant.

    A whole name comes first, then a name whose tag has wildcards, then all others, at last wildcards alone; of two of
    a kind, the one with more characters before its first wildcard, then the one with fewer wildcards.

    >>> exactness("api:prod") > exactness("api:release-*") > exactness("api:*") > exactness("team/*") > exactness("*")
    True
    """
    wildcards = [each for each in re.finditer(_WILDCARD, glob) if len(each[0]) != _ONE or each[0][1] == "!"]
    if not wildcards:
        return 3, 0, 0
    head = glob[: wildcards[0].start()]
    letters = len(glob) - sum(len(each[0]) for each in wildcards)
    is_name = (tag_in(head) is not None or "@" in head) and "/" not in glob[len(head) :]
    return 2 if is_name else 1 if letters else 0, len(familiar(head)), -len(wildcards)
