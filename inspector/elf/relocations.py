"""Which symbols the relocations of an ELF file name, in their order."""

from __future__ import annotations

from array import array
from collections.abc import Container

from inspector.elf.dynamic import (
    DT_JMPREL,
    DT_PLTREL,
    DT_PLTRELSZ,
    DT_REL,
    DT_RELA,
    DT_RELACOUNT,
    DT_RELASZ,
    DT_RELCOUNT,
    DT_RELSZ,
    Dynamic,
)
from inspector.elf.layout import Layout
from inspector.elf.source import Source
from inspector.elf.words import words_of

MAX_BYTES = 96 << 20
"""Bytes of relocations that are read of one file, those aside that name no symbol."""

_STEP = 24 << 14  # bytes read at a time; a multiple of every size that a relocation has
_MIPS = 8


def entry_size(layout: Layout, kind: int) -> int:
    """Return the bytes of one relocation of DT_REL or DT_RELA."""
    return (3 if kind == DT_RELA else 2) * layout.bits // 8


def relocation_ranges(
    layout: Layout, dynamic: Dynamic
) -> tuple[list[tuple[int, int, int]], list[tuple[int, int, int]]]:
    """Return where relocations lie that are done at once, and those that may be late: start, end and bytes of each.

    Those are left out that name no symbol, which linkers put first and count.
    """
    tags = dynamic.tags
    late: list[tuple[int, int, int]] = []
    if DT_JMPREL in tags:
        late += _range(layout, tags[DT_JMPREL], tags.get(DT_PLTRELSZ, 0), tags.get(DT_PLTREL, DT_RELA), 0)
    data: list[tuple[int, int, int]] = []
    for kind, size, count in ((DT_RELA, DT_RELASZ, DT_RELACOUNT), (DT_REL, DT_RELSZ, DT_RELCOUNT)):
        if kind not in tags:
            continue
        for start, end, step in _range(layout, tags[kind], tags.get(size, 0), kind, tags.get(count, 0)):
            inner = late[0][0] if late and start <= late[0][0] and late[0][1] == end else end  # one table for both
            data.append((start, inner, step))
    return data, late


def _range(layout: Layout, address: int, size: int, kind: int, skipped: int) -> list[tuple[int, int, int]]:
    place = layout.place(address)
    step = entry_size(layout, kind)
    if place is None or kind not in (DT_RELA, DT_REL):
        return []
    start, end = place[0], min(place[0] + size, place[1])
    return [(min(start + skipped * step, end), end, step)]


def named(
    source: Source, layout: Layout, ranges: list[tuple[int, int, int]], among: Container[int]
) -> tuple[list[int], int]:
    """Return the symbols, of those that are wanted, that relocations name, each once; and the highest of all.

    Raises `Absent`.
    """
    found: dict[int, None] = {}
    highest = -1
    for start, end, step in ranges:
        for at in range(start, min(end, start + MAX_BYTES), _STEP):
            data = source.read_at(at, min(_STEP, end - at))
            words = words_of(data[: len(data) - len(data) % step], layout.order)
            numbers = dict.fromkeys(_numbers(words, layout, step))  # many name the same one
            highest = max(highest, max(numbers, default=-1))
            found.update(dict.fromkeys(filter(among.__contains__, numbers)))
    return list(found), highest


def _numbers(words: array[int], layout: Layout, step: int) -> array[int]:
    stride = step // 4
    if layout.bits == 32:
        return array("I", [word >> 8 for word in words[1::stride]])
    high = 3 if layout.order == "<" and layout.machine != _MIPS else 2
    return words[high::stride]
