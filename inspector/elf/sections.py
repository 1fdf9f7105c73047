"""An ELF file's sections by name (gABI, "Sections"): where in the file they lie.

A loader looks at none of them, so a file may lack the table; what is no code or table of a loader's is found only here.
"""

from __future__ import annotations

import struct
from collections.abc import Collection

import msgspec

from inspector.elf.dynamic import Damaged
from inspector.elf.layout import MAGIC
from inspector.elf.source import Source

MAX_SECTIONS = 1024
"""Section headers that are read; libraries have 35."""
MAX_NAMES = 1 << 20
"""Bytes of the table of names that are read; those of libraries have 500."""

_BITS = {1: 32, 2: 64}
_ORDER = {1: "<", 2: ">"}
_TABLES = {
    (bits, order): (struct.Struct(order + places), struct.Struct(order + fields))
    for bits, places, fields in ((32, "16x16xI10xHHH", "10I"), (64, "16x24xQ10xHHH", "2I4Q2I2Q"))
    for order in "<>"
}
"""Of the header, where the section headers begin, their size, count, and which of them has the names; and a header."""
_HEADER = 64
"""Bytes that are read of a header; the 52 of 32 bits are followed by at least as many."""
_NOBITS = 8


class Section(msgspec.Struct, frozen=True):
    """Where the content of a section lies, in bytes of the file."""

    offset: int
    size: int


def find_sections(source: Source, names: Collection[str]) -> dict[str, Section]:
    """Find sections that have content in the file, the first of each name.

    Raises `Damaged` where there is no whole table of sections, and `Absent`.
    """
    head = source.read_at(0, min(_HEADER, source.size))
    known = head.startswith(MAGIC) and len(head) == _HEADER
    layout = _TABLES.get((_BITS.get(head[4], 0), _ORDER.get(head[5], ""))) if known else None
    if layout is None:
        raise Damaged("it is not an ELF file")
    start, size, count, place = layout[0].unpack_from(head)
    row = layout[1]
    if not start or size != row.size or not 0 < count <= MAX_SECTIONS or place >= count:
        raise Damaged("it has no table of sections")
    table = source.read_at(start, count * row.size)
    if len(table) < count * row.size:
        raise Damaged("its table of sections is cut")
    return _named(source, list(row.iter_unpack(table)), place, names)


def _named(source: Source, rows: list[tuple[int, ...]], place: int, names: Collection[str]) -> dict[str, Section]:
    texts = source.read_at(rows[place][4], min(rows[place][5], MAX_NAMES))
    found: dict[str, Section] = {}
    wanted = {name.encode(): name for name in names}
    longest = max(map(len, wanted), default=0)
    for at, kind, _, _, offset, size, *_ in rows:
        name = wanted.get(texts[at : at + longest + 1].partition(b"\0")[0])
        if name is None or kind == _NOBITS or not size:
            continue
        if offset + size > source.size:
            raise Damaged(f"its section {name} lies beyond its end")
        found.setdefault(name, Section(offset, size))
    return found
