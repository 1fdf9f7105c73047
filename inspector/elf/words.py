"""Numbers of one size in a row, as tables have them, in the byte order of whichever machine wrote them."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable

_OWN = "<" if sys.byteorder == "little" else ">"


def words_of(content: bytes, order: str = "<", code: str = "I") -> array[int]:
    """Return the numbers, of 32 bits unless `code` says otherwise; bytes that make no whole one are left out."""
    numbers: array[int] = array(code)
    rest = len(content) % numbers.itemsize
    numbers.frombytes(content[:-rest] if rest else content)
    return numbers if order == _OWN else swapped(numbers, order)


def bytes_of(numbers: Iterable[int]) -> bytes:
    """Return numbers of 32 bits as bytes, the lowest first."""
    return swapped(array("I", numbers), "<").tobytes()


def swapped(numbers: array[int], order: str) -> array[int]:
    """Turn numbers from this machine's order to `order`, or back; in place."""
    if order != _OWN:
        numbers.byteswap()
    return numbers
