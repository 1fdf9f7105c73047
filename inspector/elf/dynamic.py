"""The dynamic section of an ELF file, and the strings and versions that its tags lead to."""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterator

import msgspec

from inspector.elf.layout import PT_DYNAMIC, Layout
from inspector.elf.model import VersionNeed
from inspector.elf.source import Absent, Source

MAX_TAGS = 4096
"""Entries of the dynamic section that are read."""
MAX_NAME = 4096
"""Bytes of one name; Linux takes no longer path."""
MAX_NAMES = 1 << 20
"""Bytes of all names of one skeleton."""
MAX_STRINGS = 32 << 20
"""Bytes of the names of all symbols of one file."""
MAX_VERSIONS = 4096
"""Versions needed or defined that are read."""
MAX_SYMBOLS = 200_000
"""Symbols of one file; libtorch_cpu has 75,000."""
MAX_TABLE = 64 << 10
"""Bytes that versions needed or defined may take."""

DT_NEEDED, DT_PLTRELSZ, DT_HASH, DT_STRTAB, DT_SYMTAB, DT_RELA, DT_RELASZ, DT_RELAENT = 1, 2, 4, 5, 6, 7, 8, 9
DT_STRSZ, DT_SONAME, DT_RPATH, DT_SYMBOLIC, DT_REL, DT_RELSZ, DT_RELENT, DT_PLTREL = 10, 14, 15, 16, 17, 18, 19, 20
DT_JMPREL, DT_BIND_NOW, DT_RUNPATH, DT_FLAGS, DT_RELR = 23, 24, 29, 30, 36
DT_GNU_HASH, DT_VERSYM, DT_RELACOUNT, DT_RELCOUNT, DT_FLAGS_1 = (
    0x6FFFFEF5,
    0x6FFFFFF0,
    0x6FFFFFF9,
    0x6FFFFFFA,
    0x6FFFFFFB,
)
DT_VERDEF, DT_VERNEED, DT_AUXILIARY, DT_FILTER = 0x6FFFFFFC, 0x6FFFFFFE, 0x7FFFFFFD, 0x7FFFFFFF
_LISTED = {DT_NEEDED, DT_AUXILIARY, DT_FILTER}
_VERNEED = {order: struct.Struct(order + "2H3I") for order in "<>"}
_VERNAUX = {order: struct.Struct(order + "I2H2I") for order in "<>"}
_VERDEF = {order: struct.Struct(order + "4H3I") for order in "<>"}
_ENTRY = {(bits, order): struct.Struct(order + ("qQ" if bits == 64 else "iI")) for bits in (32, 64) for order in "<>"}
_WEAK = 2
_PAGE = 2048
_IN_A_ROW = 64  # records that are read in a row; more than libraries have, and few where they turn out not to be one


class Damaged(Exception):
    """A table that does not hold together; the message is a clause that says which."""


class Dynamic(msgspec.Struct, frozen=True):
    """The tags, of equal ones the last, and those that may be there several times in order."""

    tags: dict[int, int]
    listed: tuple[tuple[int, int], ...]
    cut: str = ""

    def all(self, *kinds: int) -> list[int]:
        """Return the values of tags that may be there several times."""
        return [value for tag, value in self.listed if tag in kinds]


def dynamic_range(layout: Layout, size: int) -> tuple[int, int] | None:
    """Return where in a file of `size` bytes the dynamic section begins and ends, as far as it is read."""
    segment = layout.find(PT_DYNAMIC)
    if segment is None:
        return None
    place = layout.place(segment.address)
    start = segment.offset if place is None else place[0]
    return start, min(start + segment.size, start + MAX_TAGS * _ENTRY[layout.bits, layout.order].size, size)


def read_dynamic(source: Source, layout: Layout) -> Dynamic:
    """Read the tags. Raises `Absent`."""
    place = dynamic_range(layout, source.size)
    if place is None:
        return Dynamic({}, ())
    unpack = _ENTRY[layout.bits, layout.order]
    content = source.read_at(place[0], place[1] - place[0])
    rows = [*unpack.iter_unpack(content[: len(content) - len(content) % unpack.size])]
    tags = [tag for tag, _ in rows]
    cut = "" if 0 in tags else "its dynamic section has no end" if content else "its dynamic section is cut off"
    if not cut:
        del rows[tags.index(0) :]
    return Dynamic(dict(rows), tuple([row for row in rows if row[0] in _LISTED]), cut)


def text_of(name: bytes) -> str:
    """Return a name as text. Raises `Damaged` for one that is no UTF-8: loaders take it, and no index could hold it."""
    try:
        return name.decode()
    except UnicodeDecodeError:
        raise Damaged(f"the name {name[:80]!a} is no UTF-8") from None


class Strings:
    """The names in a string table. Raises `Damaged` for an invalid table, and past `MAX_NAMES` bytes."""

    def __init__(self, source: Source, layout: Layout, dynamic: Dynamic) -> None:
        place = layout.place(dynamic.tags.get(DT_STRTAB, -1))
        self._source = source
        self._start = 0 if place is None else place[0]
        self._size = 0 if place is None else min(dynamic.tags.get(DT_STRSZ, 0), place[1] - place[0])
        self._left = MAX_NAMES
        self._first, self._data = 0, b""  # what was read last, and where in the table it begins

    def whole(self) -> bytes:
        """Return the table. Raises `Absent` too."""
        if self._size > MAX_STRINGS:
            raise Damaged(f"its symbols have names of more than {MAX_STRINGS} bytes")
        if self._first or len(self._data) < self._size:
            self._first, self._data = 0, self._source.read_at(self._start, self._size)
            if len(self._data) < self._size:
                raise Damaged("a table of its symbols is cut off")
        return self._data

    def text(self, at: int) -> str:
        """Return the name that begins at a position of the table. Raises `Absent` too."""
        data, begin = self._data, at - self._first
        end = data.find(b"\0", begin, begin + MAX_NAME) if begin >= 0 and at < self._size else -1
        if end < 0:
            return self._read(at)
        self._spend(end - begin + 1)
        return text_of(data[begin:end])

    def _read(self, at: int) -> str:
        found, size = b"", 128
        while at < self._size and len(found) <= MAX_NAME:
            found = self._read_at(at, min(size, self._size - at))
            self._spend(len(found))
            end = found.find(b"\0")
            if end >= 0:
                return text_of(found[:end])
            if len(found) < size:
                break
            size *= 4
        raise Damaged("a name lies outside its string table")

    def _read_at(self, at: int, size: int) -> bytes:
        """Return so many bytes, which are served from a larger read where that could be had."""
        if not self._first <= at <= at + size <= self._first + len(self._data):
            start = self._start + at
            try:
                self._data = self._source.read_at(start, min(max(size, _PAGE), self._size - at))
            except Absent:
                return self._source.read_at(start, size)
            self._first = at
        return self._data[at - self._first : at - self._first + size]

    def may_have(self, word: re.Pattern[bytes]) -> bool:
        """Tell whether the table has a word, as it may where it can't be had."""
        try:
            return not self._size or word.search(self.whole()) is not None
        except (Absent, Damaged):
            return True

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise Damaged(f"its names have more than {MAX_NAMES} bytes")


Needed = tuple[VersionNeed, list[int]]
"""The versions that are needed of a library, and their numbers."""


def read_needs(source: Source, layout: Layout, dynamic: Dynamic, strings: Strings) -> Iterator[Needed]:
    """Give the versions that are needed. Raises `Absent`, `Damaged`."""
    table = _Table(source, layout, dynamic, DT_VERNEED)
    record, entry, text = _VERNEED[layout.order], _VERNAUX[layout.order], strings.text
    at: int | None = table.start
    while at is not None:
        _, count, file, first, following = table.unpack(record, at)
        rows = table.chain(entry, at + first, count) if count else []
        versions = tuple([(text(row[3]), bool(row[1] & _WEAK)) for row in rows])
        yield VersionNeed(text(file), versions), [row[2] & _NUMBER for row in rows]
        at = at + following if following else None


_NUMBER = 0x7FFF


def read_definitions(source: Source, layout: Layout, dynamic: Dynamic, strings: Strings) -> dict[int, str]:
    """Read the versions that a library defines, its base first, by their numbers. Raises `Absent`, `Damaged`."""
    table = _Table(source, layout, dynamic, DT_VERDEF)
    record, found = _VERDEF[layout.order], dict[int, str]()
    at: int | None = table.start
    while at is not None:
        _, _, number, _, _, first, following = table.unpack(record, at)
        found[number & _NUMBER] = strings.text(table.unpack(_NAME[layout.order], at + first)[0])
        at = at + following if following else None
    return found


_NAME = {order: struct.Struct(order + "I") for order in "<>"}


class _Table:
    """A table of records that lead to each other, none of it read past its bounds."""

    def __init__(self, source: Source, layout: Layout, dynamic: Dynamic, tag: int) -> None:
        place = layout.place(dynamic.tags.get(tag, -1))
        if place is None:
            raise Damaged("its table of versions lies outside what is loaded")
        self._left = MAX_VERSIONS
        self.start = place[0]
        self._end = min(place[1], place[0] + MAX_TABLE)
        self._source = source
        self._data = b""

    def unpack(self, record: struct.Struct, at: int) -> tuple[int, ...]:
        """Read one record."""
        self._left -= 1
        end = at + record.size
        if self._left < 0 or end > self._end:
            raise Damaged(f"its versions are more than {MAX_VERSIONS}, or lie outside their table")
        if end > self.start + len(self._data):
            size = min(max(2 * (end - self.start), _PAGE), self._end - self.start)
            with contextlib.suppress(Absent):
                self._data = self._source.read_at(self.start, size)
        if end <= self.start + len(self._data):
            return record.unpack_from(self._data, at - self.start)
        data = self._source.read_at(at, record.size)
        if len(data) < record.size:
            raise Damaged("its table of versions is cut off")
        return record.unpack(data)

    def chain(self, record: struct.Struct, at: int, count: int) -> list[tuple[int, ...]]:
        """Read records of which the last number is the way to the next: nearly always `count` that lie in a row."""
        begin, size = at - self.start, min(count, _IN_A_ROW) * record.size
        rows = [*record.iter_unpack(self._data[begin : begin + size])] if begin + size <= len(self._data) else []
        if count <= min(self._left, _IN_A_ROW) and [row[-1] for row in rows] == [record.size] * (count - 1) + [0]:
            self._left -= count
            return rows
        rows = [self.unpack(record, at)]
        while step := rows[-1][-1]:
            at += step
            rows.append(self.unpack(record, at))
        return rows
