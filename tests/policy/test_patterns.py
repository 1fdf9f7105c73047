"""Patterns fit whole names, in time that grows with the name alone."""

from __future__ import annotations

import pytest

from inspector.policy.patterns import pattern_of


@pytest.mark.parametrize(
    ("glob", "name", "fits"),
    [
        ("api:*", "api:prod", True),
        ("api:*", "API:prod", False),
        ("api", "api:prod", False),
        ("a?c", "abc", True),
        ("[a-c]*", "beta", True),
        ("[!a-c]*", "beta", False),
        ("a*", "a\nb", True),
        ("a.c", "abc", False),
    ],
)
def test_pattern(glob: str, name: str, fits: bool) -> None:  # noqa: FBT001 - a table
    assert bool(pattern_of(glob).match(name)) is fits


@pytest.mark.parametrize("glob", ["*a" * 149 + "b", "*[ab]" * 59 + "c", "?*" * 149 + "b", "*" * 300 + "b"])
def test_many_stars_end(glob: str) -> None:
    assert pattern_of(glob).match("a" * 100_000) is None
