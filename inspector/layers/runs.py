"""Runs of ordinary members of a tar, read by columns and without an object for each.

Nearly all headers of a layer are alike: a file, a directory or a symlink with plain octal numbers. Whatever is odd
about a header is left to `tar.iter_members`, which then goes on there: so what is refused, and why, stands in one
place. Both ways must give the same of every tar.
"""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Callable, Mapping, Sequence
from itertools import compress
from operator import add
from typing import NamedTuple, TypeVar
from zlib import adler32

from inspector.elf import MAGIC
from inspector.layers.entries import CODES, Entries
from inspector.layers.header import BLOCK, form_of, ids_of
from inspector.layers.pax import Budget
from inspector.layers.readers import FileReader, Read, StreamReader
from inspector.layers.retention import SITES, of_use
from inspector.layers.sums import holds_sources
from inspector.layers.tar import normal
from inspector.rootfs import Kind

# name; mode, uid and gid; size and time; two parts of the checksum; type; link name to prefix and the rest
_LAYOUT = struct.Struct("100s24s24s3s5sx355s")
_SIZE, _TYPE = slice(124, 135), 156
_FILE, _DIRECTORY, _SYMLINK, _EXTENDED = b"052x"
_AS_CODES = bytes.maketrans(b"052", bytes(CODES[kind] for kind in (Kind.FILE, Kind.DIRECTORY, Kind.SYMLINK)))
_IS_MEMBER = bytes.maketrans(b"x", b"\0")
_LINK, _MIDDLE, _PREFIX = (
    100,
    188,
    188 + 155,
)  # where these end in what stands behind the type: magic, prefix of the name
_NO_TAIL, _NO_MARK = bytes(167), bytes(12)
_TIME = rb"([0-9]{2}) [mac]time=[0-9]{1,11}(?:\.[0-9]{1,9})?\n"
"""What says a time and nothing else, as Docker and BuildKit write before each member."""
_OCTAL = b"01234567"
_LOW = 0xFFFF  # of Adler-32, 1 and the sum of all bytes
_NO_NAMES = frozenset((b"", b".", b".."))
_HALF = BLOCK // 2
_AND_PADDING = 2 * BLOCK - 1  # added to a size, and cut to whole blocks: a header with its data
_BATCH = 256  # headers that are looked at together, as long as all of them are ordinary
_MAX_KNOWN = 4096  # directories, owners and prefixes that are found by their bytes

Found = Callable[[int, int], None]
"""Told the position of a file of which bytes may be kept, and where they begin."""
Located = Callable[[Mapping[int, int]], None]
"""Told where the sources begin that may be asked for later, by their positions."""
Known = TypeVar("Known")


class _Headers(NamedTuple):
    """Headers that follow each other, where they stand, and the sizes of the data behind them."""

    blocks: list[bytes]
    places: list[int]
    sizes: list[int]

    def part(self, begin: int, end: int) -> _Headers:
        return _Headers(self.blocks[begin:end], self.places[begin:end], self.sizes[begin:end])

    def end(self, count: int) -> int:
        """Return where so many of them end with their data."""
        return self.places[count - 1] + (self.sizes[count - 1] + _AND_PADDING & -BLOCK)


class _Found(dict[bytes, Known]):
    """What was found for some bytes; for others, it is found when they are asked for."""

    def __init__(self, find: Callable[[bytes], Known]) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, key: bytes) -> Known:
        found = self._find(key)
        if len(self) >= _MAX_KNOWN:
            self.clear()
        self[key] = found
        return found


class Runs:
    """Takes ordinary members into the columns of `entries`.

    With `located`, sources are only told to that; without, they are of interest.
    """

    def __init__(self, entries: Entries, located: Located | None = None) -> None:
        self._entries = entries
        self._located = located
        self._sources: dict[int, int] = {}
        self._asked = 2
        self._homes = _Found(self._home)
        self._owners = _Found(self._owner)
        self._rests = _Found(_rest)

    def take(self, reader: FileReader | StreamReader, found: Found, most: int, budget: Budget) -> int:
        """Take members of at most so many headers from one on, and return the count of headers.

        Of a stream, those that lie in the reader's chunk with all data. `found` is called for each file of interest,
        in order, once the reader is where its data begin. Raises `LimitExceeded`, and what `found` raises.
        """
        read, at, end = reader.direct
        magic = MAGIC if isinstance(reader, StreamReader) else None
        offset, begun, taken = reader.position - at, len(self._entries), 0
        wanted: list[tuple[int, int]] = []
        while taken < most:
            asked = min(self._asked, most - taken)
            headers = _follow(read, at, end, asked)
            count = self._place(headers, wanted, read, magic)
            taken, at = taken + count, headers.end(count) if count else at
            self._asked = min(2 * self._asked, _BATCH) if count == len(headers.blocks) else 2
            if count < asked:
                break
        records = taken - (len(self._entries) - begun)
        budget.take("PAX records", records)
        if self._located is not None and self._sources:
            self._located({position: start + offset for position, start in self._sources.items()})
            self._sources.clear()
        for position, start in wanted:
            reader.jump(start + offset)
            found(position, start + offset)
        reader.jump(at + offset, read=BLOCK * (taken + records))
        return taken

    def _place(self, headers: _Headers, wanted: list[tuple[int, int]], read: Read, magic: bytes | None) -> int:
        """Take the members before the first one that is odd, and return the count of their headers.

        Those of interest are added to `wanted`; with a `magic`, also those that begin with it.
        """
        count = len(headers.blocks)
        if not count:
            return 0
        try:
            self._take(headers, wanted, read, magic)
        except ValueError:
            half = count // 2
            half -= half > 0 and headers.blocks[half - 1][_TYPE] == _EXTENDED
            taken = self._place(headers.part(0, half), wanted, read, magic)
            more = 0 < half == taken
            return taken + (self._place(headers.part(half, count), wanted, read, magic) if more else 0)
        return count

    def _take(self, headers: _Headers, wanted: list[tuple[int, int]], read: Read, magic: bytes | None) -> None:
        """Take members. Raises `ValueError`, with none taken, where any of them is odd."""
        kinds, ids, paths, targets = _fields(headers.blocks, self._rests)
        places, sizes = headers.places, headers.sizes
        if _EXTENDED in kinds:
            for each in set(ids):
                ids_of(each)
            is_member = kinds.translate(_IS_MEMBER)
            ids, paths, targets = ([*compress(column, is_member)] for column in (ids, paths, targets))
            places, sizes = ([*compress(column, is_member)] for column in (places, sizes))
            kinds = kinds.translate(None, b"x")
        links = {at: target for at, target in enumerate(targets) if target} if any(targets) else {}
        if kinds.count(b"2") != len(links) or any(kinds[at] != _SYMLINK for at in links):
            raise ValueError("a link that leads nowhere, or none that has a target")
        folders, names = _split(kinds, paths)
        modes, owned = zip(*map(self._owners.__getitem__, ids), strict=True)
        homes, sites, sources = zip(*map(self._homes.__getitem__, folders), strict=True)
        begin = self._entries.extend(homes, names, kinds.translate(_AS_CODES), modes, sizes, owned, links)
        chosen = of_use(names, modes, sites)
        if magic is not None:
            begins = (at for at, place in enumerate(places) if read(len(magic), place + BLOCK) == magic)
            chosen = sorted({*chosen, *begins})
        wanted += [(begin + at, places[at] + BLOCK) for at in chosen if sizes[at]]
        if any(sources):
            named = [at for at in compress(range(len(names)), sources) if names[at].endswith(b".py") and sizes[at]]
            self._sources.update((begin + at, places[at] + BLOCK) for at in named)

    def _home(self, folder: bytes) -> tuple[int, bool, bool]:
        """Return the place of a directory by its name in a header, and whether its modules are of use, now or later."""
        path = normal(folder.decode("utf-8", "surrogateescape"))
        is_summed, later = holds_sources(path), self._located is not None
        return self._entries.home(path), path.endswith(SITES) or (is_summed and not later), is_summed and later

    def _owner(self, ids: bytes) -> tuple[int, int]:
        """Return the mode and the place of the owner. Raises `ValueError` where the header is refused for it."""
        mode, uid, gid = ids_of(ids)
        return mode & 0o7777, self._entries.owner_place((uid, gid, (), None))


def _follow(read: Read, at: int, end: int, most: int) -> _Headers:
    """Return at most so many headers that lie before `end` with their data, up to the first one that looks odd.

    Extended headers are among them, each with the header that it is said of, and are checked but for their own header.
    """
    headers = _Headers([], [], [])
    blocks, places, sizes = headers
    begin, limit, said = at, end - BLOCK, -2  # the last is the place of the last extended header
    with contextlib.suppress(ValueError):  # what is no number is refused where all else is
        for _ in range(most):
            if not begin <= at <= limit:
                break
            block = read(BLOCK, at)
            size, flag = int(block[_SIZE], 8), block[_TYPE]
            if flag != _FILE:
                if flag == _EXTENDED:
                    if said == len(blocks) - 1 or size > end - at - BLOCK or not _is_time(read, size, at + BLOCK):
                        break
                    said = len(blocks)
                elif size or flag not in (_DIRECTORY, _SYMLINK):
                    break
            blocks.append(block)
            places.append(at)
            sizes.append(size)
            at += size + _AND_PADDING & -BLOCK
    count = len(blocks) - (at > end)
    return headers.part(0, count - (said == count - 1))


def _is_time(read: Read, size: int, at: int) -> bool:
    """Tell whether an extended header says a plain time and nothing else."""
    record = re.fullmatch(_TIME, read(size, at)) if 0 <= size <= BLOCK else None
    return record is not None and int(record[1]) == size


def _fields(
    blocks: list[bytes], known: dict[bytes, tuple[bytes, bytes]]
) -> tuple[bytes, Sequence[bytes], list[bytes], Sequence[bytes]]:
    """Return the types, owners, names and targets of headers. Raises `ValueError` where any of them is odd."""
    joined = b"".join(blocks)
    if len(joined) != BLOCK * len(blocks):
        raise ValueError("a header is cut")
    names, ids, numbers, highs, lows, rests = zip(*_LAYOUT.iter_unpack(joined), strict=True)
    digits = b"".join(numbers)  # of sizes and times: eleven octal digits, and what ends them
    if digits.translate(None, _OCTAL) != digits[11::12] or digits[11::24].strip(b"\0") or digits[23::24].strip(b"\0 "):
        raise ValueError("a size or a time is no plain number")
    if joined.isascii():  # then one sum of all bytes is exact
        sums = [adler32(block) & _LOW for block in blocks]
    else:
        sums = [(adler32(each[:_HALF]) & _LOW) + (adler32(each[_HALF:]) & _LOW) - 1 for each in blocks]
    if sums != [*map(add, map(_HIGHS.__getitem__, highs), map(_LOWS.__getitem__, lows))]:
        raise ValueError("a checksum is wrong")
    stems = [name.rstrip(b"\0") for name in names]
    if b"\0" in b"".join(stems):
        raise ValueError("a name with more behind it")
    prefixes, targets = zip(*map(known.__getitem__, rests), strict=True)
    return joined[_TYPE::BLOCK], ids, [*map(add, prefixes, stems)], targets


def _split(kinds: bytes, paths: list[bytes]) -> tuple[Sequence[bytes], Sequence[bytes]]:
    """Return the folders and the last components of paths. Raises `ValueError` where there is no such component."""
    at = -1
    while (at := kinds.find(_DIRECTORY, at + 1)) >= 0:
        paths[at] = paths[at].removesuffix(b"/")
    folders, _, names = zip(*[path.rpartition(b"/") for path in paths], strict=True)
    if not _NO_NAMES.isdisjoint(names):
        raise ValueError("a name that is empty, `.` or `..`")
    return folders, names


def _rest(rest: bytes) -> tuple[bytes, bytes]:
    """Return what stands before a name, and where the link leads, by what stands behind the type in a header.

    Raises `ValueError` where the header is not simply that of ustar, or has invalid device numbers.
    """
    link, middle = rest[:_LINK].partition(b"\0")[0], rest[_LINK:_MIDDLE]
    form_of(middle)
    if rest[_MIDDLE:] == _NO_TAIL:
        return b"", link
    prefix = rest[_MIDDLE:_PREFIX].partition(b"\0")[0]
    if not prefix or rest[_PREFIX:] != _NO_MARK or not middle.startswith(b"ustar\0"):
        raise ValueError("an odd prefix")
    return prefix + b"/", link


def _high(digits: bytes) -> int:
    """Return what the first digits of a checksum add to the low half of Adler-32. Raises `ValueError`."""
    return (_number(digits) << 9) + sum(digits)


def _low(field: bytes) -> int:
    """Return what the last digits of a checksum add to it, with what ends them, all of its field taken as spaces.

    Raises `ValueError`.
    """
    if field[3:] != b"\0 ":
        raise ValueError("a checksum that is not plain")
    return _number(field[:3]) + sum(field) - 8 * ord(" ") + 1


def _number(digits: bytes) -> int:
    if digits.translate(None, _OCTAL):
        raise ValueError("a checksum that is not plain")
    return int(digits, 8)


_HIGHS, _LOWS = _Found(_high), _Found(_low)
