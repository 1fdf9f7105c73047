"""An answer for every processor: the same question at each x86-64 level that matters, and whether the answers agree."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from inspector.loader.hwcaps import LEVELS

R = TypeVar("R")


def at_each_level(attempt: Callable[[int], tuple[R, Iterable[int]]], same: Callable[[R, R], bool]) -> tuple[R, str]:
    """Return the answer at the lowest level, and, where another level answers otherwise, a clause that says so.

    `attempt` answers for one level, and returns the levels at which other files would be found.
    """
    answer, levels = attempt(LEVELS[0])
    todo, done = sorted(set(levels)), {LEVELS[0]}
    while todo:
        level = todo.pop(0)
        if level in done:
            continue
        done.add(level)
        other, more = attempt(level)
        if not same(answer, other):
            return answer, f"it depends on the processor: x86-64-v{level} loads other libraries"
        todo = sorted({*todo, *more} - done)
    return answer, ""
