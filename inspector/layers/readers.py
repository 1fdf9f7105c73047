"""Forward readers over bytes: files, whose data can be jumped over, and streams, whose data can't."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import BinaryIO, Protocol

from inspector.elf import FilePart
from inspector.errors import LimitExceeded

Read = Callable[[int, int], bytes]
"""Returns so many bytes from a place on."""


class Reader(Protocol):
    """Bytes from first to last. `position` counts those read or skipped so far."""

    position: int

    def read(self, size: int) -> bytes:
        """Return the next `size` bytes; fewer only at the end."""

    def skip(self, size: int) -> bool:
        """Go forward by `size` bytes; False if the end comes first."""


class FileReader:
    """A run of bytes in a file. Skipping costs nothing, whatever the size.

    Reads by position instead of mapping the file: mapped pages count as memory of ours, and a file that
    is cut while it is mapped kills the process.
    """

    def __init__(self, file: BinaryIO, start: int, length: int) -> None:
        self._file = file
        self._handle = _handle(file)
        self._start = start
        self._length = length
        self.position = 0
        self.bytes_read = 0

    def read(self, size: int) -> bytes:
        """See `Reader.read`."""
        data = self.read_at(self.position, size)
        self.position += len(data)
        return data

    def read_at(self, start: int, size: int) -> bytes:
        """Return `size` bytes from a place, wherever the reader is; fewer only at the end."""
        size = min(size, self._length - start)
        if self._handle is not None:
            data = os.pread(self._handle, size, self._start + start) if size > 0 else b""
        else:
            self._file.seek(self._start + start)
            data = self._file.read(max(size, 0))
        self.bytes_read += len(data)
        return data

    @property
    def direct(self) -> tuple[Read, int, int]:
        """Return what reads so many bytes at a place of the file, at which this is, and where the run ends in it."""
        read = self._sought if self._handle is None else partial(os.pread, self._handle)
        return read, self._start + self.position, self._start + self._length

    def jump(self, position: int, *, read: int = 0) -> None:
        """Go to a place, so many bytes having been read on the way to it."""
        self.position = position
        self.bytes_read += read

    def _sought(self, size: int, at: int) -> bytes:
        self._file.seek(at)
        return self._file.read(size)

    def part(self, start: int, size: int) -> FilePart:
        """Return a run of bytes, to be read at any place of it."""
        return FilePart(self._file, self._start + start, size)

    def skip(self, size: int) -> bool:
        """See `Reader.skip`."""
        self.position += size
        if self.position > self._length:
            self.position = self._length
            return False
        return True


def _handle(file: BinaryIO) -> int | None:
    """Return the descriptor to read at positions from, if the system can, and turn its read-ahead off."""
    if not hasattr(os, "pread"):
        return None
    try:
        handle = file.fileno()
    except OSError:  # bytes in memory
        return None
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_RANDOM)
    return handle


class StreamReader:
    """Chunks of any size in a row, each asked for when the one before is used up."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._chunk = b""
        self._at = 0
        self.position = 0

    def read(self, size: int) -> bytes:
        """See `Reader.read`."""
        at = self._at
        data = self._chunk[at : at + size]
        self._at = at + len(data)
        if len(data) < size:
            parts = [data]
            missing = size - len(data)
            while missing and self._next():
                part = self._chunk[:missing]
                self._at = len(part)
                missing -= len(part)
                parts.append(part)
            data = b"".join(parts)
        self.position += len(data)
        return data

    @property
    def direct(self) -> tuple[Read, int, int]:
        """Return what gives so many bytes at a place of the chunk, at which this is, and where the chunk ends."""
        chunk = self._chunk
        return lambda size, at: chunk[at : at + size], self._at, len(chunk)

    def jump(self, position: int, *, read: int = 0) -> None:  # noqa: ARG002 - all bytes are read
        """Go forward to a place in the chunk."""
        self.skip(position - self.position)

    def peek(self, size: int) -> bytes:
        """Return the next `size` bytes, which are not read by that; fewer only at the end."""
        while len(self._chunk) - self._at < size and (chunk := next(self._chunks, b"")):
            self._chunk, self._at = self._chunk[self._at :] + chunk, 0
        return self._chunk[self._at : self._at + size]

    def take(self, most: int) -> memoryview:
        """Read between one and `most` bytes without copying them; none only at the end."""
        if self._at == len(self._chunk):
            self._next()
        part = memoryview(self._chunk)[self._at : self._at + most]
        self._at += len(part)
        self.position += len(part)
        return part

    def give_back(self, count: int) -> None:
        """Go back over the last bytes taken."""
        self._at -= count
        self.position -= count

    def pieces(self, size: int) -> Iterator[bytes]:
        """Read the next `size` bytes in pieces as they come, without joining them; fewer only at the end."""
        while size and (self._at < len(self._chunk) or self._next()):
            at, chunk = self._at, self._chunk
            piece = chunk if not at and len(chunk) <= size else chunk[at : at + size]
            self._at = at + len(piece)
            self.position += len(piece)
            size -= len(piece)
            yield piece

    def skip(self, size: int) -> bool:
        """See `Reader.skip`."""
        self.position += size
        while size > (left := len(self._chunk) - self._at):
            size -= left
            if not self._next():
                self.position -= size
                return False
        self._at += size
        return True

    def drain(self, most: int | None = None) -> None:
        """Read and drop all that is left, so that digests see the end of the stream.

        Raises `LimitExceeded` past `most` bytes, where that is given.
        """
        begun = self.position
        self.position += len(self._chunk) - self._at
        while self._next():
            self.position += len(self._chunk)
            if most is not None and self.position - begun > most:
                raise LimitExceeded(f"more than {most} bytes follow the end of the tar")
        self._at = 0

    def _next(self) -> bool:
        self._chunk = next(self._chunks, b"")
        self._at = 0
        return bool(self._chunk)
