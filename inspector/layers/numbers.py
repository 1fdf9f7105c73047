"""Columns of numbers as they are kept: little-endian on every machine."""

from __future__ import annotations

import sys
from array import array


def little(numbers: array[int]) -> array[int]:
    """Swap the bytes of a column that was read or is to be written, on a machine that is not little-endian."""
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
