"""How long property tests look for examples: shortly in `make test`, thoroughly where CI asks for it."""

from __future__ import annotations

import os
from collections.abc import Iterable

from hypothesis import settings

THOROUGH = os.environ.get("INSPECTOR_TESTS") == "thorough"


def examples(most: int, *, least: int = 10) -> settings:
    """Return settings for up to `most` examples, or a tenth of them (at least `least`) unless all are asked for."""
    return settings(max_examples=most if THOROUGH else min(most, max(least, most // 10)), deadline=None)


def some(names: Iterable[str]) -> list[str]:
    """Return all names of cases that repeat one test at length, or every fourth unless all are asked for."""
    return list(names)[:: 1 if THOROUGH else 4]
