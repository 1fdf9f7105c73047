"""Numbers and lists in sentences."""

from __future__ import annotations

import doctest

from inspector import words


def test_the_examples() -> None:
    tried = doctest.testmod(words)
    assert tried.attempted > 0
    assert tried.failed == 0
