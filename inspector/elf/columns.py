"""A symbol table by columns, and which of its symbols others may bind to."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import msgspec

_ABSOLUTE, _TLS = 0xFFF1, 6
_TYPES, _BINDINGS, SHOWN = (0, 1, 2, 5, _TLS, 10), (1, 2, 10), (0, 3)
_DEFINING = bytes(binding << 4 | kind for binding in _BINDINGS for kind in _TYPES)
_VISIBLE = bytes(other for other in range(256) if other & 3 in SHOWN)


class Columns(msgspec.Struct, frozen=True):
    """The symbol table: places of names, bindings and types, visibility, sections and values."""

    names: array[int]
    infos: bytes
    others: bytes
    sections: array[int]
    values: array[int]


def _all_define(columns: Columns, first: int, last: int) -> bool:
    """Tell whether all symbols of a range are definitions that others may bind to: nearly always they are."""
    return not (
        columns.infos[first:last].translate(None, _DEFINING)
        or columns.others[first:last].translate(None, _VISIBLE)
        or _has_zero(columns.sections[first:last])
        or _has_zero(columns.values[first:last])
    )


def _has_zero(numbers: array[int]) -> bool:
    """Tell whether a number is 0: seldom are there as many bytes of 0, and only then is each looked at."""
    return bytes(numbers.itemsize) in numbers.tobytes() and 0 in numbers


def defining_in(columns: Columns, first: int, last: int) -> Sequence[int]:
    """Return the symbols of a range that are definitions which others may bind to."""
    if _all_define(columns, first, last):
        return range(first, last)
    rows = zip(
        range(first, last),
        columns.infos[first:last],
        columns.others[first:last],
        columns.sections[first:last],
        columns.values[first:last],
        strict=True,
    )
    return [
        number
        for number, info, other, section, value in rows
        if section and (value or section == _ABSOLUTE or info & 15 == _TLS) and info in _DEFINING and other & 3 in SHOWN
    ]
