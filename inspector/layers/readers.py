"""Forward readers over bytes: mapped files, whose data can be jumped over, and streams, whose data can't."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Protocol


class Reader(Protocol):
    """Bytes from first to last. `position` counts those read or skipped so far."""

    position: int

    def read(self, size: int) -> bytes:
        """The next `size` bytes; fewer only at the end."""

    def skip(self, size: int) -> bool:
        """Go forward by `size` bytes; False if the end comes first."""


class MappedReader:
    """A run of a mapped file, or of bytes in memory. Skipping costs nothing, whatever the size."""

    def __init__(self, mapped: mmap.mmap | bytes, start: int = 0, end: int | None = None) -> None:
        self._mapped = mapped
        self._start = start
        self._length = (len(mapped) if end is None else end) - start
        self.position = 0
        self.bytes_read = 0

    def read(self, size: int) -> bytes:
        """See `Reader.read`."""
        begin = self.position
        end = min(begin + size, self._length)
        self.position = end
        self.bytes_read += end - begin
        return self._mapped[self._start + begin : self._start + end]

    def skip(self, size: int) -> bool:
        """See `Reader.skip`."""
        self.position += size
        if self.position > self._length:
            self.position = self._length
            return False
        return True


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

    def drain(self) -> None:
        """Read and drop all that is left, so that digests see the end of the stream."""
        self.position += len(self._chunk) - self._at
        while self._next():
            self.position += len(self._chunk)
        self._at = 0

    def _next(self) -> bool:
        self._chunk = next(self._chunks, b"")
        self._at = 0
        return bool(self._chunk)
