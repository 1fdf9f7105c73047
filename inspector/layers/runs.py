"""Runs of ordinary members of a tar, read by columns and without an object for each.

Nearly all headers of a layer are alike: a file or a directory with plain octal numbers. Whatever is odd about a header
is left to `tar.iter_members`, which then goes on there: so what is refused, and why, stands in one place. Both ways
must give the same of every tar.
"""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Callable
from functools import lru_cache
from zlib import adler32

from inspector.elf import MAGIC
from inspector.layers.entries import CODES, Entries
from inspector.layers.header import BLOCK, form_of, ids_of
from inspector.layers.pax import Budget
from inspector.layers.readers import FileReader, StreamReader
from inspector.layers.retention import SITES, may_be_of_use
from inspector.layers.sums import MODULE, Summing, holds_sources
from inspector.layers.tar import normal
from inspector.rootfs import Kind

# name; mode, uid and gid; size; its end; time; checksum; type; link name; magic to device numbers; prefix and the rest
_LAYOUT = struct.Struct("100s24s11s1s12s8sc100s88s167s")
_NO_LINK, _NO_TAIL, _NO_MARK = bytes(100), bytes(167), bytes(12)
_PREFIX = 155
_FILE, _DIRECTORY = CODES[Kind.FILE], CODES[Kind.DIRECTORY]
_FILE_TYPE, _DIRECTORY_TYPE, _EXTENDED_TYPE = b"0", b"5", b"x"
_TIME = re.compile(rb"([0-9]{2}) [mac]time=[0-9]{1,11}(?:\.[0-9]{1,9})?\n")
"""What says a time and nothing else, as Docker and BuildKit write before each member."""
_OCTAL, _ENDS = b"01234567", (b"\0", b" ")
_NO_NAMES = (b"", b".", b"..")
_SITES = tuple(map(str.encode, SITES))
_MAX_KNOWN = 4096  # directories and owners that are found by their bytes
_HALF = BLOCK // 2


Read = Callable[[int, int], bytes]
"""Returns so many bytes from a place on."""
Found = Callable[[int, int], None]
"""Told the position of a file of which bytes may be kept, and where they begin."""


class Runs:
    """Takes ordinary members into the columns of `entries`, and the sums of sources into `summing`."""

    def __init__(self, entries: Entries, summing: Summing | None = None) -> None:
        self._entries = entries
        self._summing = summing
        self._homes: dict[bytes, tuple[int, bool, Summing | None]] = {}
        self._owners: dict[bytes, tuple[int, int]] = {}

    def sought(self, reader: FileReader, found: Found, most: int, budget: Budget) -> int:
        """Take members of at most so many headers from one on, and return their count; data are jumped over.

        `found` is called for each file of interest, in order. Raises `LimitExceeded`, and what `found` raises.
        """
        read, start, end = reader.direct
        places: list[tuple[int, int]] = []
        begun, begin = len(self._entries), start + reader.position
        left = self._summing.left if self._summing else 0
        reached, records = self._take(read, begin, end, most, places)
        budget.take("PAX records", records)
        reader.position = reached - start
        count = len(self._entries) - begun
        reader.bytes_read += BLOCK * (count + 2 * records) + left - (self._summing.left if self._summing else 0)
        for position, place in places:
            found(position, place - start)
        return count + records

    def streamed(self, reader: StreamReader, most: int, budget: Budget) -> int:
        """Take members of at most so many headers that lie in the reader's chunk with all data, but none of interest.

        Raises `LimitExceeded`.
        """
        chunk, begin = reader.chunk
        if len(chunk) - begin < 2 * BLOCK:
            return 0
        begun = len(self._entries)
        reached, records = self._take(lambda size, at: chunk[at : at + size], begin, len(chunk), most, None)
        budget.take("PAX records", records)
        reader.advance(reached - begin)
        return len(self._entries) - begun + records

    def _take(self, read: Read, at: int, end: int, most: int, found: list[tuple[int, int]] | None) -> tuple[int, int]:  # noqa: C901, PLR0912 - called for every header: each call would count
        """Take what is ordinary before `end`; return where the first header lies that is not taken, and the records."""
        entries, unpack, limit = self._entries, _LAYOUT.unpack, end - BLOCK
        names, ends, homes, sizes = entries.names, entries.ends, entries.homes, entries.sizes
        modes, owned, kinds, begun = entries.modes, entries.owned, entries.kinds, len(entries)
        home, site, summing, mode, owner, last = 0, False, None, 0, 0, begun + most - 1
        begin, said, records, good, last_ids, last_folder = at, 0, 0, None, None, None  # what is said comes first
        with contextlib.suppress(ValueError):  # what is no number is refused where all else is
            while at <= limit and len(kinds) + said <= last and len(block := read(BLOCK, at)) == BLOCK:
                path, ids, digits, size_end, time, field, flag, link, middle, tail = unpack(block)
                if tail == _NO_TAIL:  # then so few bytes are left that one sum of them is exact
                    if adler32(block) & 0xFFFF != _sum(field) or link != _NO_LINK:
                        break
                    path = path.partition(b"\0")[0]
                else:
                    path = _behind(path, link, middle, tail) if _is_header(block, field) else b""
                if flag == _EXTENDED_TYPE and begin == at and path and size_end == b"\0" and len(kinds) + said < last:
                    said, at = said + 1, _behind_time(read, middle, time, ids, digits, at + BLOCK)
                    continue
                if (middle, time) != good:
                    good = _checked(middle, time)
                path = path[:-1] if flag == _DIRECTORY_TYPE and path[-1:] == b"/" else path
                folder, _, name = path.rpartition(b"/")
                if name in _NO_NAMES or not digits.isdigit() or size_end != b"\0":
                    break
                size = int(digits, 8)
                follow = at + BLOCK + size + -size % BLOCK
                if follow > end or (flag != _FILE_TYPE and (size or flag != _DIRECTORY_TYPE)):
                    break
                if ids != last_ids:
                    mode, owner, last_ids = *self._owner(ids), ids
                if folder != last_folder:
                    (home, site, summing), last_folder = self._home(folder), folder
                if summing is not None and name.endswith(MODULE if site else b".py") and summing.fits(size):
                    summing.add(len(kinds), read(size, at + BLOCK))
                of_use = size and may_be_of_use(name, mode, site)
                if of_use and found is not None:
                    found.append((len(kinds), at + BLOCK))
                elif size and found is None and (of_use or read(4, at + BLOCK) == MAGIC):
                    break
                names += name
                ends.append(len(names))
                homes.append(home)
                modes.append(mode)
                sizes.append(size)
                owned.append(owner)
                kinds.append(_FILE if flag == _FILE_TYPE else _DIRECTORY)
                records, begin, at = said, follow, follow
        entries.count_more(begun)
        return begin, records

    def _home(self, folder: bytes) -> tuple[int, bool, Summing | None]:
        """Return the place of a directory by its name in a header, whether modules lie in it, and what sums them."""
        found = self._homes.get(folder)
        if found is None:
            if len(self._homes) >= _MAX_KNOWN:
                self._homes.clear()
            path = normal(folder.decode("utf-8", "surrogateescape"))
            site = folder.endswith(_SITES)
            summing = self._summing if site or holds_sources(path) else None
            found = self._homes[folder] = self._entries.home(path), site, summing
        return found

    def _owner(self, ids: bytes) -> tuple[int, int]:
        """Return the mode and the place of the owner. Raises `ValueError`."""
        found = self._owners.get(ids)
        if found is None:
            mode, uid, gid = ids_of(ids)
            if len(self._owners) >= _MAX_KNOWN:
                self._owners.clear()
            found = self._owners[ids] = mode & 0o7777, self._entries.owner_place((uid, gid, (), None))
        return found


def _behind(name: bytes, link: bytes, middle: bytes, tail: bytes) -> bytes:
    """Return a name behind its prefix; empty where the header is not simply that of ustar with a prefix."""
    prefix = tail[:_PREFIX].partition(b"\0")[0]
    if not prefix or tail[_PREFIX:] != _NO_MARK or link != _NO_LINK or not middle.startswith(b"ustar\0"):
        return b""
    return prefix + b"/" + name.partition(b"\0")[0]


def _is_header(block: bytes, field: bytes) -> bool:
    return (adler32(block[:_HALF]) & 0xFFFF) + (adler32(block[_HALF:]) & 0xFFFF) - 1 == _sum(field)


def _behind_time(read: Read, middle: bytes, time: bytes, ids: bytes, digits: bytes, at: int) -> int:
    """Return where an extended header ends that says a plain time. Raises `ValueError` where it says other things."""
    _checked(middle, time)
    ids_of(ids)
    size = int(digits, 8) if digits.isdigit() else 0
    record = _TIME.fullmatch(read(size, at)) if size <= BLOCK else None
    if record is None or int(record[1]) != size:
        raise ValueError(at)
    return at + BLOCK


def _checked(middle: bytes, time: bytes) -> tuple[bytes, bytes]:
    """Return both. Raises `ValueError` for a time, or numbers of a device, that are not plain."""
    form_of(middle)
    if time[:11].strip(_OCTAL) or time[11:] not in _ENDS:
        raise ValueError(time)
    return middle, time


@lru_cache(maxsize=8192)
def _sum(field: bytes) -> int:
    """Return 1 more than the sum of all bytes of a header that states this checksum; 0 where it is no plain one.

    Raises `ValueError` for an 8 or a 9.
    """
    digits = field[:6]
    if not digits.isdigit() or field[6:] != b"\0 ":
        return 0
    return int(digits, 8) + sum(field) - 8 * ord(" ") + 1
