"""A squashfs, version 4, read in place: blocks are unpacked as they are asked for, and nothing is believed of it.

The layout is that of Linux' fs/squashfs/squashfs_fs.h. A library would do, but none that is to be had bounds what it
reads: PySquashfsImage 0.9 walks over all of it, one call within another, when it is opened, and unpacks whatever a
block says; the other one has a licence that ours can't take along.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections import OrderedDict
from collections.abc import Iterator
from typing import TypeVar

import msgspec

from inspector.errors import CorruptLayer, LimitExceeded, Unsupported
from inspector.layers.readers import FileReader
from inspector.rootfs import Kind
from inspector.sources.sif.packing import MAX_BLOCK, unpacker

MAGIC = b"hsqs"
MAX_UNPACKED = 16 << 30
"""Bytes that are unpacked of one squashfs while it is listed."""
MAX_BLOCKS = 1 << 20
"""Blocks of one file; 128 GiB, as they are usually made."""
MAX_LINK = 4096
"""Bytes of the text of a link, as Linux has it."""

_METADATA = 8192
_METADATA_KEPT = 64
_FRAGMENTS_KEPT = 4
_OF_BLOCK = 1024
"""Bytes that a block of a table counts for, however little is in it."""
_UNPACKED = 1 << 15
"""The bit by which a metadata block's length says that it is not packed; `UNPACKED` is that of other blocks."""
UNPACKED = 1 << 24
_NO_FRAGMENT = 0xFFFFFFFF
_CHECKED = 4
"""The flag of check sums, which only squashfs before version 4 had."""
_SUPER = struct.Struct("<4sIIIIHHHHHHQQQQQQQQ")
_HEADER = struct.Struct("<HHHHII")
_KINDS = (None, Kind.DIRECTORY, Kind.FILE, Kind.SYMLINK, Kind.BLOCK, Kind.CHAR, Kind.FIFO, None)
"""By the type of a plain inode; the last is a socket."""
_EXTENDED = 7
"""What the type of an inode with more fields is above that of the plain one."""
_PLAIN, _MORE = "IIHHI IIII II II II I I", "IIIIHHI QQQIIII II III III II II"
_FIELDS = {number: struct.Struct(f"<{form}") for number, form in enumerate(f"{_PLAIN} {_MORE}".split(), 1)}
"""What follows the header of an inode, by its type: of the plain ones, and of those with more fields."""

Value = TypeVar("Value")


class Inode(msgspec.Struct, frozen=True):
    """One inode. `kind` is None for a socket; `size` is that of a file, of a listing, or of a link's text.

    `start` and `offset` say where a file's blocks or a directory's listing begin, `fragment` and `offset` where the
    tail of a file is. `place` leads to what follows the inode: a file's block list, or a link's text. `device` is a
    device's number.
    """

    kind: Kind | None
    mode: int
    uid: int
    gid: int
    names: int
    size: int = 0
    start: int = 0
    offset: int = 0
    fragment: int = _NO_FRAGMENT
    place: tuple[int, int] = (0, 0)
    device: int = 0


class Squash:
    """The squashfs in a run of a file's bytes. Raises `CorruptLayer`, `LimitExceeded`, `Unsupported`.

    Places of inodes are as the format has them: where the packed block begins in the table, times 65536, and the
    offset in that block. `unpacked` counts the bytes that were unpacked so far.
    """

    def __init__(self, reader: FileReader, length: int) -> None:
        self._reader = reader
        self._length = length
        head = reader.read_at(0, _SUPER.size)
        if len(head) < _SUPER.size or not head.startswith(MAGIC):
            raise CorruptLayer("no squashfs where one is expected")
        fields = _SUPER.unpack(head)
        self.inodes, self.block_size, method, flags, major = (fields[at] for at in (1, 3, 5, 7, 9))
        self._ids, self.root, self._used, self._id_table = (fields[at] for at in (8, 11, 12, 13))
        self._inode_table, self._directory_table, self._fragment_table = fields[15:18]
        self._fragments = fields[4]
        self._refuse(major, flags)
        self._unpack = unpacker(method)
        self.unpacked = 0
        self._metadata: OrderedDict[int, tuple[bytes, int]] = OrderedDict()
        self._tails: OrderedDict[int, bytes] = OrderedDict()
        self._owners: array[int] | None = None

    def _refuse(self, major: int, flags: int) -> None:
        if major != 4 or flags & _CHECKED:
            raise Unsupported(f"a squashfs of version {major}; version 4 is read, which Linux mounts")
        if self._used > self._length:
            raise CorruptLayer(f"is cut: its squashfs has {self._used} bytes, and {self._length} are there")
        if not 4096 <= self.block_size <= MAX_BLOCK or self.block_size & (self.block_size - 1):
            raise CorruptLayer(f"its squashfs states blocks of {self.block_size} bytes")

    def inode(self, place: int) -> Inode:
        """Return the inode at a place."""
        block, offset = self._inode_table + (place >> 16), place & 0xFFFF
        data, block, offset = self._run(block, offset, _HEADER.size)
        number, mode, uid, gid, _, _ = _HEADER.unpack(data)
        layout = _FIELDS.get(number)
        if layout is None:
            raise CorruptLayer(f"an inode of the squashfs has an unknown type ({number})")
        data, block, offset = self._run(block, offset, layout.size)
        fields = layout.unpack(data)
        kind = _KINDS[number if number <= _EXTENDED else number - _EXTENDED]
        names, size, start, at, fragment, device = 1, 0, 0, 0, _NO_FRAGMENT, 0
        match number:
            case 1:
                start, names, size, at, _ = fields
            case 8:
                names, size, start, _, _, at, _ = fields
            case 2:
                start, fragment, at, size = fields
            case 9:
                start, size, _, names, fragment, at, _ = fields
            case 3 | 10:
                names, size = fields
            case 4 | 5 | 11 | 12:
                device = fields[1]
            case _:  # a pipe or a socket
                pass
        owner = (self._owner(uid), self._owner(gid))
        return Inode(kind, mode & 0o7777, *owner, names, size, start, at, fragment, (block, offset), device)

    def listing(self, directory: Inode) -> Iterator[tuple[bytes, int]]:
        """Yield the names in a directory, in order, each with the place of its inode."""
        left = directory.size - 3  # for `.` and `..`, which are not there
        block, offset = self._directory_table + directory.start, directory.offset
        last = b""
        while left > 0:
            data, block, offset = self._run(block, offset, 12)
            count, start, _ = struct.unpack("<III", data)
            left -= 12
            if count >= 256:
                raise CorruptLayer(f"a directory of the squashfs states {count + 1} names in a row; 256 are the most")
            for _ in range(count + 1):
                data, block, offset = self._run(block, offset, 8)
                at, _, _, size = struct.unpack("<HhHH", data)
                if size >= 256:
                    raise CorruptLayer(f"a directory of the squashfs has a name of {size + 1} bytes")
                name, block, offset = self._run(block, offset, size + 1)
                left -= 9 + size
                if name <= last or name in (b".", b"..") or b"/" in name or b"\0" in name:
                    # the kernel looks names up in this order, and would find others than it lists
                    raise CorruptLayer(f"a directory of the squashfs has a name that can't be there: {name[:100]!a}")
                last = name
                yield name, start << 16 | at

    def link(self, inode: Inode) -> bytes:
        """Return the text of a symbolic link."""
        if not 0 < inode.size <= MAX_LINK:
            raise CorruptLayer(f"a link of the squashfs has a text of {inode.size} bytes")
        return self._run(*inode.place, inode.size)[0]

    def find(self, path: str) -> Inode | None:
        """Return the inode at a path from the root; None where there is none. No link is followed."""
        found = self.inode(self.root)
        for name in path.encode("utf-8", "surrogateescape").split(b"/"):
            if found.kind is not Kind.DIRECTORY:
                return None
            place = next((place for other, place in self.listing(found) if other == name), None)
            if place is None:
                return None
            found = self.inode(place)
        return found

    def block_list(self, inode: Inode, most: int) -> array[int]:
        """Return the sizes of a file's blocks as stored, of so many of the first."""
        whole, rest = divmod(inode.size, self.block_size)
        count = min(whole + (rest > 0 and inode.fragment == _NO_FRAGMENT), most)
        if count > MAX_BLOCKS:
            raise LimitExceeded(f"a file of the squashfs has {inode.size} bytes; {MAX_BLOCKS} blocks are the most")
        if inode.start > self._used:
            raise CorruptLayer("a file of the squashfs begins behind its end")
        found = array("I")
        found.frombytes(self._run(*inode.place, 4 * count)[0])
        if sys.byteorder == "big":
            found.byteswap()
        return found

    def data(self, start: int, stated: int, size: int) -> bytes:
        """Return the first bytes of a data block; one that is not stored is zeros."""
        if not stated:
            return bytes(size)
        data = self._block(start, stated, size)
        if len(data) < size:
            raise CorruptLayer(f"a block of the squashfs has {len(data)} bytes where {size} are expected")
        return data

    def tail(self, inode: Inode) -> bytes:
        """Return the last bytes of a file, which share a block with those of others."""
        size = inode.size % self.block_size
        if inode.fragment >= self._fragments:
            raise CorruptLayer(f"a file of the squashfs ends in a fragment that is not there ({inode.fragment})")
        data = self._tails.get(inode.fragment)
        if data is None:
            number, at = divmod(inode.fragment, 512)
            (place,) = struct.unpack("<Q", self._read(self._fragment_table + 8 * number, 8))
            start, stated, _ = struct.unpack("<QII", self._run(place, 16 * at, 16)[0])
            data = self._block(start, stated, self.block_size)
            _hold(self._tails, inode.fragment, data, _FRAGMENTS_KEPT)
        if inode.offset + size > len(data):
            raise CorruptLayer("a file of the squashfs ends behind its fragment")
        return data[inode.offset : inode.offset + size]

    def _block(self, start: int, stated: int, most: int) -> bytes:
        """Return the first bytes of a block or fragment, whose stored size has the bit for one that is not packed."""
        stored = stated & (UNPACKED - 1)
        if stored > self.block_size:
            raise CorruptLayer(f"a block of the squashfs has {stored} bytes; {self.block_size} are the most")
        if stated & UNPACKED:
            return self._read(start, min(stored, most))
        data = self._unpack(self._read(start, stored), most)
        self._count(len(data))
        return data

    def _owner(self, number: int) -> int:
        if self._owners is None:
            found = array("I")
            for at in range(0, 4 * self._ids, _METADATA):
                (place,) = struct.unpack("<Q", self._read(self._id_table + at // _METADATA * 8, 8))
                found.frombytes(self._run(place, 0, min(_METADATA, 4 * self._ids - at))[0])
            if sys.byteorder == "big":
                found.byteswap()
            self._owners = found
        if number >= len(self._owners):
            raise CorruptLayer(f"an inode of the squashfs has an owner that is not there ({number})")
        return self._owners[number]

    def _run(self, block: int, offset: int, size: int) -> tuple[bytes, int, int]:
        """Return bytes of a table from a place in it, and the place behind them; blocks are read in a row."""
        parts: list[bytes] = []
        while True:
            data, behind = self._metadata_block(block)
            part = data[offset : offset + size]
            if len(part) == size:
                return (b"".join([*parts, part]) if parts else part), block, offset + size
            if not part and offset > len(data):
                raise CorruptLayer("a table of the squashfs is read behind its end")
            parts.append(part)
            size -= len(part)
            block, offset = behind, 0

    def _metadata_block(self, start: int) -> tuple[bytes, int]:
        found = self._metadata.get(start)
        if found is not None:
            return found
        (stated,) = struct.unpack("<H", self._read(start, 2))
        stored = stated & (_UNPACKED - 1)
        if not 0 < stored <= _METADATA:
            raise CorruptLayer(f"a table of the squashfs has a block of {stored} bytes")
        data = self._read(start + 2, stored)
        if not stated & _UNPACKED:
            data = self._unpack(data, _METADATA)
        if not data:
            raise CorruptLayer("a table of the squashfs has an empty block")
        self._count(len(data) + _OF_BLOCK)
        return _hold(self._metadata, start, (data, start + 2 + stored), _METADATA_KEPT)

    def _count(self, size: int) -> None:
        self.unpacked += size
        if self.unpacked > MAX_UNPACKED:
            raise LimitExceeded(f"listing the squashfs unpacks more than {MAX_UNPACKED} bytes of it")

    def _read(self, start: int, size: int) -> bytes:
        if start + size > self._used:
            raise CorruptLayer("the squashfs leads behind its end")
        data = self._reader.read_at(start, size)
        if len(data) < size:
            raise CorruptLayer("the squashfs is cut")
        return data


def _hold(held: OrderedDict[int, Value], key: int, value: Value, most: int) -> Value:
    """Keep a value, and let go of the oldest where there are too many."""
    held[key] = value
    if len(held) > most:
        held.popitem(last=False)
    return value
