"""Structured input from the bytes that a fuzzer makes up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Cursor:
    """Bytes that are used up from the front; behind their end everything is zero or empty."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._content)

    def byte(self) -> int:
        """The next byte."""
        return (self.take(1) or b"\0")[0]

    def take(self, count: int) -> bytes:
        """The next bytes, at most `count` of them."""
        taken = self._content[self._at : self._at + count]
        self._at += len(taken)
        return taken

    def one_of(self, choices: Sequence[T]) -> T:
        """A choice, made by the next byte."""
        return choices[self.byte() % len(choices)]

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(len(self._content))
