"""Numbers of one size in a row, as tables have them, in the byte order of whichever machine wrote them."""

from __future__ import annotations

import sys
from array import array
from collections.abc import Iterable

_OWN = "<" if sys.byteorder == "little" else ">"
_EVEN = bytes(byte & 0xFE for byte in range(256))


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


def halved(numbers: array[int]) -> array[int]:
    """Return numbers of 32 bits without their lowest bits, as one large number that is shifted once."""
    data = bytearray(bytes_of(numbers))
    data[::4] = data[::4].translate(_EVEN)  # or it would come into the number before
    return words_of((int.from_bytes(data, "little") >> 1).to_bytes(len(data), "little"))
