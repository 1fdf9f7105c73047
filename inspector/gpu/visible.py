"""`CUDA_VISIBLE_DEVICES` as the driver reads it: which GPUs of a container are left.

Tried on an H100 with driver 580.159.04 under 30 values.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_NUMBER = re.compile(r"\s*([+-]?\d+)")
_UUID = re.compile(r"\s*(GPU-[0-9A-Fa-f-]*|MIG-\S*)", re.ASCII)


class Visible(NamedTuple):
    """The positions of the GPUs that are left, in order; `error` is the driver's error where it refuses the value.

    `positions` is None where a UUID decides, which a description of a host does not have.
    """

    positions: tuple[int, ...] | None
    error: int | None = None


INVALID_ORDINAL = 101


def visible(value: str | None, count: int) -> Visible:
    """Return which of `count` GPUs a value leaves.

    Numbers are read as strtol reads them, up to the first item that is none or names no GPU. One that stands twice is
    an error.

    >>> visible("0,-1,1", 2).positions, visible("", 2).positions, visible(None, 2).positions
    ((0,), (), (0, 1))
    """
    if value is None:
        return Visible(tuple(range(count)))
    found: list[int] = []
    for item in value.split(","):
        if _UUID.match(item):
            return Visible(None)
        number = _NUMBER.match(item)
        if number is None:
            break
        digits = number[1].lstrip("+")
        position = int(digits) if len(digits) <= 6 else count
        if not 0 <= position < count:
            break
        if position in found:
            return Visible((), INVALID_ORDINAL)
        found.append(position)
    return Visible(tuple(found))
