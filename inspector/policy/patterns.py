"""The patterns of policies (`*`, `?`, `[…]`), compiled once each."""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache

MAX_COMPILED = 20_000
"""Patterns kept, as many as a policy may have: the standard library keeps 256, and compiles others at each name."""


@lru_cache(MAX_COMPILED)
def pattern_of(glob: str) -> re.Pattern[str]:
    """Return the expression for a whole name; each `*` takes the nearest fit and no other, so time stays linear."""
    return re.compile(translate(glob))
