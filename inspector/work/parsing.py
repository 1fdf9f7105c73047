"""Parsing Python's syntax in threads."""

from __future__ import annotations

import ast

TRIES = 5
"""How often a source is parsed before it counts as one that can't be."""


def parse_python(text: str | bytes, version: tuple[int, int] | None = None, tries: int = TRIES) -> ast.Module:
    """Parse a source; once more where other threads made CPython lose count of its recursion (gh-106905).

    Raises as `ast.parse`, `ValueError` where that happens in all `tries`.
    """
    try:
        return ast.parse(text, feature_version=version)
    except SystemError as error:
        if tries < 2:
            raise ValueError(f"it can't be parsed: {error}") from error
    return parse_python(text, version, tries - 1)
