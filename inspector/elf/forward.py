"""One ELF file read as its bytes go by, forward and once, with a bound on what is kept of it.

Linkers put the tables in front and .dynamic, which leads to them, behind the code; tools that patch files move single
tables to the end. So the beginning is kept until .dynamic is there, and then only what lies ahead.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import msgspec

from inspector.elf.dynamic import (
    DT_GNU_HASH,
    DT_HASH,
    DT_STRSZ,
    DT_STRTAB,
    DT_SYMTAB,
    DT_VERDEF,
    DT_VERNEED,
    DT_VERSYM,
    MAX_TABLE,
    Dynamic,
    dynamic_range,
    read_dynamic,
)
from inspector.elf.layout import PT_GNU_PROPERTY, PT_INTERP, Layout, read_layout
from inspector.elf.model import NotElf, Skeleton, Symbols
from inspector.elf.opened import Opened
from inspector.elf.relocations import relocation_ranges
from inspector.elf.source import Absent, Window
from inspector.elf.symbols import Wanted, both_of

PREFIX = 24 << 20
"""Bytes kept of a file's beginning until its dynamic section is there."""
BEFORE_DYNAMIC = 1 << 20
"""Bytes kept before the dynamic section, where tools put the tables that they move."""
MAX_HELD = PREFIX + BEFORE_DYNAMIC + (1 << 20)
"""Bytes kept of one file, in all."""
SMALL = 4 << 20
"""Bytes that are kept of any file without asking."""

_HEAD = 4096
_EXECUTE, _READ = 1, 4
_CODE_FIRST = 8 << 20  # of a first segment with code, where a segment without any follows
_UNSIZED = 8 << 20  # of tables whose size only their content tells
_SIZED_BY_CONTENT = {DT_SYMTAB, DT_GNU_HASH, DT_HASH, DT_VERSYM}

Range = tuple[int, int]
Pieces = Callable[[int], Iterator[bytes]]
"""Gives the next bytes in chunks of any size, so many in all; fewer at the end."""
Hold = Callable[[int], AbstractContextManager[bool]]
"""Holds so many bytes of memory, and says whether they are to be had."""
Skip = Callable[[int], object]
"""Goes forward by so many bytes."""


class Passed(msgspec.Struct, frozen=True):
    """What was read of a file, and its first 4 KiB."""

    head: bytes
    skeleton: Skeleton | NotElf
    symbols: Symbols | None


def read_forward(size: int, pieces: Pieces, skip: Skip, hold: Hold, wanted: Wanted = lambda *_: True) -> Passed:
    """Read a file of `size` bytes as it goes by, not always to its end; `partial` says what could not be had.

    `hold` is entered before more than `SMALL` bytes are kept, and says whether they may be.
    """
    with contextlib.ExitStack() as stack:
        passing = _Passing(size, pieces, skip, lambda: stack.enter_context(hold(MAX_HELD)))
        layout = _head(passing)
        window = passing.window
        head = window.read_at(0, _HEAD) if window.held else b""
        if isinstance(layout, NotElf):
            return Passed(head, layout, Symbols(partial=layout.reason))
        opened = Opened(window, layout, _follow(passing, layout))
        return Passed(head, *both_of(opened, wanted))


def _head(passing: _Passing) -> Layout | NotElf:
    """Read the headers; program headers that lie further on, as no linker puts them, are looked for up to a point."""
    size = passing.window.size
    for end in (_HEAD, BEFORE_DYNAMIC):
        passing.keep([(0, min(size, end))])
        with contextlib.suppress(Absent):
            return read_layout(passing.window)
    return NotElf("cannot read file data")


def _follow(passing: _Passing, layout: Layout) -> Dynamic | None:
    """Keep the beginning, the dynamic section, and the tables that it leads to; return the section, if it was had."""
    size = passing.window.size
    read = filter(None, map(layout.find, (PT_INTERP, PT_GNU_PROPERTY)))
    named = [(segment.offset, segment.offset + min(segment.size, _HEAD)) for segment in read]
    dynamic = dynamic_range(layout, size)
    if dynamic is None:
        passing.keep(named)
        return None
    start, end = dynamic
    passing.keep([*_beginning(layout, start), *named, (max(start - BEFORE_DYNAMIC, 0), end)], until=end)
    try:
        tags = read_dynamic(passing.window, layout)
    except Absent:
        return None
    tables = [*named, (0, _HEAD), *_tables(layout, tags, size)]
    passing.window.prune([dynamic, *tables])
    passing.keep(tables)
    return tags


def _beginning(layout: Layout, dynamic: int) -> list[Range]:
    """Return where the tables are likely to lie before .dynamic: in the first segment, or behind the code in it."""
    loads = [(one.offset, one.offset + one.size, one.flags) for one in layout.loads]
    if not loads:
        return []
    start, end, flags = loads[0]
    behind = [
        (begin, min(until, begin + PREFIX)) for begin, until, rights in loads[1:] if rights == _READ and begin < dynamic
    ]
    if flags & _EXECUTE and behind:
        return [(start, min(end, start + _CODE_FIRST, dynamic)), behind[0]]
    return [(start, min(end, start + PREFIX, dynamic))]


def _tables(layout: Layout, dynamic: Dynamic, size: int) -> list[Range]:
    """Return where the tables lie that are read; those of unknown size end where the next one begins."""
    found: list[tuple[int, int, bool]] = []
    for tag in (DT_STRTAB, DT_VERNEED, DT_VERDEF, *_SIZED_BY_CONTENT):
        place = layout.place(dynamic.tags.get(tag, -1))
        if place is None:
            continue
        start, end = place
        if tag == DT_STRTAB:
            end = min(end, start + dynamic.tags.get(DT_STRSZ, 0))
        elif tag in _SIZED_BY_CONTENT:
            end = min(end, start + _UNSIZED)
        else:
            end = min(end, start + MAX_TABLE)
        found.append((start, end, tag in _SIZED_BY_CONTENT))
    for ranges in relocation_ranges(layout, dynamic):
        found += [(start, end, False) for start, end, _ in ranges]
    starts = sorted(start for start, _, _ in found)
    return [(start, min(end, _next(starts, start, end) if unsized else end, size)) for start, end, unsized in found]


def _next(starts: list[int], start: int, end: int) -> int:
    return next((one for one in starts if one > start), end)


class _Passing:
    """The bytes of one file that go by. Those kept are in `window`."""

    def __init__(self, size: int, pieces: Pieces, skip: Skip, hold: Callable[[], bool]) -> None:
        self.window = Window(size)
        self._at = 0
        self._pieces = pieces
        self._skip = skip
        self._hold = hold
        self._most: int | None = None

    def keep(self, ranges: list[Range], until: int = 1 << 63) -> None:
        """Keep the ranges as far as they still come, before `until`, and as far as there is room."""
        for start, last in sorted(ranges):
            begin, end = max(start, self._at), min(last, until, self.window.size)
            end = min(end, begin + self._room(end - begin))
            if begin >= end:
                continue
            if begin > self._at:
                self._skip(begin - self._at)
            self._at = begin
            for piece in self._pieces(end - begin):
                self.window.add(self._at, piece)
                self._at += len(piece)

    def _room(self, wanted: int) -> int:
        """Return how many bytes more may be kept where so many are wanted."""
        held = self.window.held
        if self._most is None and held + wanted > SMALL:
            self._most = MAX_HELD if self._hold() else SMALL
        return (self._most or SMALL) - held
