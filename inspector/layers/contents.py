"""The contents of a layer's files as they are asked for, read again from where the layer lies; no index keeps them."""

from __future__ import annotations

import zlib
from array import array

from inspector import work
from inspector.elf import FilePart, Source
from inspector.errors import InspectorError
from inspector.layers.blob import Reopenable, Repeatable, Seekable
from inspector.layers.entry import LayerIndex
from inspector.layers.fields import octal
from inspector.layers.header import BLOCK
from inspector.layers.offsets import offsets_of
from inspector.layers.readers import FileReader, StreamReader
from inspector.layers.scan import both_sides, check_sides
from inspector.layers.tar import Member, iter_members
from inspector.rootfs import Kind, NotKept

MAX_CONTENT = 32 << 20
"""Bytes of one file."""
MAX_FILES = 20_000
"""Files of one layer that are read later."""
MAX_SOURCE = 1 << 20
"""Bytes of one source that is kept of a layer which is read a second time."""
MAX_PACKED = 24 << 20
"""Packed bytes of the sources that are kept of one such layer; those of torch's 4,000 files take 8 MB."""
GONE = "its bytes went by and were not kept; `--access storage`, or an uncompressed archive (`docker save`), has them"

_LEVEL = 1
_TIME = slice(136, 148)
"""Of a header, right before the file's bytes; a PAX record has but the fraction of a second besides."""
_LEFT_OUT = ("/tests/", "/test/", "/lib2to3/", "/idlelib/", "/pip/_vendor/")


class Contents:
    """The files of one layer, by the positions of their entries. With `verify`, only bytes that are hashed will do.

    A layer that can't be sought is read through once more as soon as one of its files is asked for; then all its Python
    sources are kept, packed.
    """

    def __init__(
        self, index: LayerIndex, blob: object, identity: str | None, digest: str | None, *, verify: bool
    ) -> None:
        self._index = index
        self._blob = blob
        self._identity = identity
        self._digest = digest
        self._verify = verify
        self._offsets: array[int] | None = None
        self._packed: dict[int, bytes] | None = None
        self._left = MAX_FILES
        self.bytes_read = 0

    def read(self, position: int) -> bytes:
        """Read a regular file whole. Raises `NotKept`, saying why it can't be read."""
        work.check()
        self._left -= 1
        size = self._index.entries.sizes[position]
        if size > MAX_CONTENT or self._left < 0:
            raise NotKept(
                f"it has more than {MAX_CONTENT} bytes" if self._left >= 0 else f"more than {MAX_FILES} files"
            )
        try:
            self._check_unchanged()
            data = self._read(position, size)
            self._check_unchanged()
        except NotKept:
            raise
        except OSError as error:
            raise NotKept(f"it can't be read any more: {error.strerror or error}") from error
        except InspectorError as error:
            raise NotKept(f"it can't be read any more: {error}") from error
        if len(data) != size:
            raise NotKept("it changed since its layer was read")
        return data

    def modified(self, position: int) -> int | None:
        """Return when a regular file was last written, in seconds; None where that isn't had without much reading."""
        blob = self._blob
        try:
            self._check_unchanged()
            if isinstance(blob, Seekable) and not self._verify and blob.is_plain():
                with blob.reader() as reader:
                    header = reader.part(self._offset(reader, position) - BLOCK, BLOCK)
                    return octal(header.read_at(0, BLOCK)[_TIME])
            if isinstance(blob, Reopenable) and not isinstance(blob, Seekable) and not self._verify:
                with blob.open_file(self._index, position) as source:
                    return source.modified() if isinstance(source, FilePart) else None
        except (OSError, ValueError, InspectorError):
            return None
        return None

    def _check_unchanged(self) -> None:
        if self._identity is not None and getattr(self._blob, "identity", None) != self._identity:
            raise NotKept("its layer changed since it was read")

    def _read(self, position: int, size: int) -> bytes:
        blob = self._blob
        if isinstance(blob, Seekable) and not self._verify and blob.is_plain():
            return self._sought(blob, position, size)
        if isinstance(blob, Repeatable):
            return self._from_second_pass(blob, position)
        if isinstance(blob, Reopenable) and not self._verify:
            with blob.open_file(self._index, position) as source:
                return self._whole(source, size)
        raise NotKept(GONE)

    def _whole(self, source: Source, size: int) -> bytes:
        self.bytes_read += size
        return source.read_at(0, size)

    def _sought(self, blob: Seekable, position: int, size: int) -> bytes:
        with blob.reader() as reader:
            part: FilePart = reader.part(self._offset(reader, position), size)
            return self._whole(part, size)

    def _offset(self, reader: FileReader, position: int) -> int:
        if self._offsets is None:
            self._offsets = offsets_of(reader, self._index.entries)
            self.bytes_read += reader.bytes_read
        return self._offsets[position]

    def _from_second_pass(self, blob: Repeatable, position: int) -> bytes:
        if self._packed is None:
            self._packed = self._read_again(blob, position)
        packed = self._packed.get(position)
        if packed is None:
            raise NotKept("not one of the sources that are kept of a layer that is read a second time")
        return zlib.decompress(packed)

    def _read_again(self, blob: Repeatable, wanted: int) -> dict[int, bytes]:
        """Return the packed sources, and the file at the position `wanted`."""
        stored, plain = both_sides(blob.stored(), self._index.diff_id, self._digest)
        reader = StreamReader(plain)
        found: dict[int, bytes] = {}
        left = MAX_PACKED
        for at, member in enumerate(iter_members(reader)):
            if at == wanted or (left > 0 and _is_source(member)):
                found[at] = zlib.compress(reader.read(member.size), _LEVEL)
                left -= len(found[at])
        check_sides(reader, stored, plain)
        self.bytes_read += stored.size
        return found


def _is_source(member: Member) -> bool:
    if member.kind is not Kind.FILE or member.size != member.stored or not 0 <= member.size <= MAX_SOURCE:
        return False
    return member.path.endswith(".py") and not any(each in member.path for each in _LEFT_OUT)
