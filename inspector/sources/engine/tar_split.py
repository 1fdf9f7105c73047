"""What engines keep of a layer's tar besides its files, by which the tar is put together again (vbatts/tar-split).

    DOCKER'S ROOT/image/overlay2/layerdb/sha256/CHAIN/tar-split.json.gz
    PODMAN'S ROOT/overlay-layers/LAYER.tar-split.gz

Each line is a record in JSON: a segment holds bytes as they stand in the tar (headers, padding, the end), a file the
name, the size and the CRC-64 of what lies in the layer's directory. Together they hash to the layer's diff_id. What a
sparse file has in the tar is not kept: such a layer can't be put together.
"""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

import msgspec

from inspector import work
from inspector.errors import DigestMismatch, Malformed
from inspector.layers.compression import CHUNK, decompressed
from inspector.layers.tar import MAX_HEADERS, normal
from inspector.layers.tree import OPAQUE
from inspector.oci import decoder
from inspector.sources.access import AccessUnusable
from inspector.sources.below import OPENED, Folders
from inspector.sources.engine.disk import unusable

MAX_LINE = 16 << 20
"""Bytes of one record: a header has 1 KiB in it, what the image's author wrote behind the end mark any number."""
MAX_RECORDS = 2 << 30
"""Bytes of all records of a layer; a file takes some 1,200."""
MAX_SUMMED = 32 << 20
"""Bytes of files whose CRC-64, at a second for 8 MB, is compared to find out which of them was changed."""

_MARK = b"trusted.overlay."
_BLOCK = 1 << 20
_SEGMENT, _FILE = 2, 1
_ISO = 0xD800000000000000
_ONES = (1 << 64) - 1


class Record(msgspec.Struct, frozen=True, gc=False):
    """One line. `payload` are a segment's bytes, or a file's sum, the highest byte first; None of an empty file."""

    type: Literal[1, 2]
    name: str = ""
    name_raw: bytes | None = None
    size: Annotated[int, msgspec.Meta(ge=0)] = 0
    payload: bytes | None = None

    @property
    def path(self) -> str:
        """The file's path from the root of the layer."""
        return normal(self.name if self.name_raw is None else os.fsdecode(self.name_raw))


class TarSplit(msgspec.Struct, frozen=True):
    """The records in the file `path`, of the layer whose files lie in the directory `top`."""

    path: Path
    top: Path

    @property
    def made(self) -> int:
        """When the engine wrote it, which is once all files lie in their places; in nanoseconds, as of a file."""
        return self._status().st_mtime_ns

    def records(self) -> Iterator[Record]:
        """Yield all records. Raises `AccessUnusable` where they can't be read."""
        decode = decoder(Record).decode_lines
        left, count, rest = MAX_RECORDS, 2 * MAX_HEADERS, b""
        try:
            for output in decompressed(self._stored(), "gzip"):
                left -= len(output)
                lines, newline, begun = output.rpartition(b"\n")
                if newline:
                    found = decode(rest + lines)
                    count -= len(found)
                    yield from found
                rest = begun if newline else rest + output
                if left < 0 or count < 0 or len(rest) > MAX_LINE:
                    raise AccessUnusable(f"{str(self.path)!a} holds more records, or longer ones, than are read")
        except (Malformed, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise AccessUnusable(f"{str(self.path)!a}: {error}") from error
        if rest:
            raise AccessUnusable(f"{str(self.path)!a} ends within a record")

    def chunks(self) -> Iterator[bytes]:
        """Yield the layer's tar.

        Raises `DigestMismatch` where a file is not as large as it was, `AccessUnusable` where one can't be read.
        """
        held: list[bytes] = []
        size = 0
        with ExitStack() as stack:
            files = stack.enter_context(_Files(self.top))
            for record in self.records():
                for piece in files.content(record) if record.type == _FILE else (record.payload or b"",):
                    held.append(piece)
                    size += len(piece)
                    if size >= CHUNK:
                        yield b"".join(held)
                        held, size = [], 0
        yield b"".join(held)

    def opaque(self) -> set[str]:
        """Return the directories that the tar says hide what lies below, for whoever is not shown the kernel's marks.

        Raises `AccessUnusable` where the tar itself sets such marks, as attributes of files.
        """
        found: set[str] = set()
        if not self._mentions(_OF_USE):  # nearly always, and in half the time that it takes to decode the records
            return found
        for record in self.records():
            if record.type == _FILE and (record.path == OPAQUE or record.path.endswith(f"/{OPAQUE}")):
                found.add(record.path[: -len(OPAQUE)].rstrip("/"))
            elif record.payload and _MARK in record.payload:
                raise AccessUnusable(f"{str(self.path)!a} has attributes of overlayfs, which are shown to root alone")
        return found

    def _mentions(self, texts: Sequence[bytes]) -> bool:
        """Tell whether any of the texts stands in the records."""
        longest, left, end = max(map(len, texts)) - 1, MAX_RECORDS, b""
        try:
            for output in decompressed(self._stored(), "gzip"):
                left -= len(output)
                seen = end + output
                if left < 0 or any(text in seen for text in texts):
                    return True
                end = seen[-longest:]
        except Malformed as error:
            raise AccessUnusable(f"{str(self.path)!a}: {error}") from error
        return False

    def changed(self) -> str:
        """Return the path of a file whose sum is another than the engine noted; empty where none is found.

        Those that were changed since the engine was done come first.
        """
        made, left = self.made, MAX_SUMMED
        with _Files(self.top) as files:
            for late in (True, False):
                for record in self.records():
                    if record.type == _SEGMENT or not record.payload or files.is_late(record, made) is not late:
                        continue
                    left -= record.size
                    if left < 0:
                        return ""
                    if crc64(files.content(record)) != int.from_bytes(record.payload):
                        return record.path
        return ""

    def _status(self) -> os.stat_result:
        try:
            return self.path.lstat()
        except OSError as error:
            raise unusable(self.path, error) from error

    def _stored(self) -> Iterator[bytes]:
        try:
            with open(os.open(self.path, OPENED), "rb", buffering=0) as file:  # noqa: PTH123 - of a descriptor
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise AccessUnusable(f"{str(self.path)!a} is no regular file")
                while chunk := file.read(CHUNK):
                    yield chunk
        except OSError as error:
            raise unusable(self.path, error) from error


def _encoded(text: bytes) -> Iterator[bytes]:
    """Yield what stands in any base64 of bytes with `text` in them: one form for each place in a group of three."""
    for before in range(3):
        form = base64.b64encode(bytes(before) + text)
        yield form[(8 * before + 5) // 6 : 8 * (before + len(text)) // 6]


_OF_USE = (OPAQUE.encode(), b'"name_raw"', *_encoded(_MARK))
"""What stands in the records of a layer where a directory hides others, or the tar sets overlayfs's attributes."""


class _Files(Folders):
    """The files of a layer's directory."""

    def __enter__(self) -> Self:
        try:
            return super().__enter__()
        except OSError as error:
            raise unusable(self.top, error) from error

    def content(self, record: Record) -> Iterator[bytes]:
        """Yield the bytes of a file. Raises `DigestMismatch` where they are more or fewer than noted."""
        if not record.size:
            return
        work.check()
        folder, name = self._place(record)
        try:
            with open(os.open(name, OPENED, dir_fd=folder), "rb", buffering=0) as file:  # noqa: PTH123 - of a descriptor
                status, left = os.fstat(file.fileno()), record.size
                if not stat.S_ISREG(status.st_mode):
                    raise AccessUnusable(f"{self._shown(record)} is no regular file")
                while status.st_size == record.size and left and (piece := file.read(min(left, _BLOCK))):
                    left -= len(piece)
                    yield piece
        except OSError as error:
            raise unusable(self.top / record.path, error) from error
        if left:
            raise DigestMismatch(
                f"{self._shown(record)} has {status.st_size} bytes where the layer's tar has {record.size}: it was "
                "changed after the engine unpacked the layer; pull the image again"
            )

    def is_late(self, record: Record, made: int) -> bool:
        """Tell whether a file was changed after that time."""
        folder, name = self._place(record)
        try:
            return os.stat(name, dir_fd=folder, follow_symlinks=False).st_ctime_ns > made
        except OSError as error:
            raise unusable(self.top / record.path, error) from error

    def _place(self, record: Record) -> tuple[int, str]:
        """Return the folder that holds a file, opened, and the name in it."""
        try:
            return self.place(record.path)
        except OSError as error:
            raise unusable(self.top / record.path, error) from error

    def _shown(self, record: Record) -> str:
        return ascii(f"{self.top}/{record.path[:200]}")


def crc64(pieces: Iterator[bytes]) -> int:
    """Return the CRC-64 of ISO 3309, as Go's hash/crc64 has it."""
    table, found = _table(), _ONES
    for piece in pieces:
        work.check()
        for byte in piece:
            found = table[(found ^ byte) & 0xFF] ^ (found >> 8)
    return found ^ _ONES


@cache
def _table() -> tuple[int, ...]:
    found = list(range(256))
    for _ in range(8):
        found = [value >> 1 ^ (_ISO if value & 1 else 0) for value in found]
    return tuple(found)
