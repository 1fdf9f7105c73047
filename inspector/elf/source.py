"""Where the bytes of an ELF file come from: in memory, in a file, or those that were kept of a stream."""

from __future__ import annotations

import os
from bisect import bisect_right
from typing import BinaryIO, Protocol

_PAGE = 4096


class Absent(Exception):
    """Bytes that were not kept as they went by."""


class Source(Protocol):
    """One file's bytes by position."""

    @property
    def size(self) -> int:
        """Bytes of the whole file."""

    def read_at(self, offset: int, size: int) -> bytes:
        """Return `size` bytes from `offset` on, fewer only where the file ends. Raises `Absent`."""


class Content:
    """A file that is in memory."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.size = len(content)

    def read_at(self, offset: int, size: int) -> bytes:
        """See `Source.read_at`."""
        return self._content[offset : offset + size]


class FilePart:
    """A run of bytes in an open file. Small reads are of whole pages, each read once."""

    def __init__(self, file: BinaryIO, start: int, size: int) -> None:
        self._file = file
        self._handle = _handle(file)
        self.start = start
        self._pages: dict[int, bytes] = {}
        self.size = size
        self.bytes_read = 0

    def modified(self) -> int | None:
        """Return when the file was last written, in seconds; None where this is a part of a larger one."""
        return int(os.fstat(self._handle).st_mtime) if self.start == 0 and self._handle is not None else None

    def read_at(self, offset: int, size: int) -> bytes:
        """See `Source.read_at`."""
        size = min(size, self.size - offset)
        if size <= 0:
            return b""
        page, begin = divmod(offset, _PAGE)
        if begin + size > _PAGE:
            if size >= _PAGE:
                return self._read(offset, size)
            return self._page(page)[begin:] + self._page(page + 1)[: begin + size - _PAGE]
        return self._page(page)[begin : begin + size]

    def _page(self, page: int) -> bytes:
        found = self._pages.get(page)
        if found is None:
            if len(self._pages) > 64:  # what a hostile file has read here and there
                self._pages.clear()
            found = self._pages[page] = self._read(page * _PAGE, min(_PAGE, self.size - page * _PAGE))
        return found

    def _read(self, offset: int, size: int) -> bytes:
        if self._handle is not None:
            data = os.pread(self._handle, size, self.start + offset)
        else:
            self._file.seek(self.start + offset)
            data = self._file.read(size)
        self.bytes_read += len(data)
        return data


def _handle(file: BinaryIO) -> int | None:
    """Return what to read at positions from, where the system can."""
    try:
        return file.fileno() if hasattr(os, "pread") else None
    except OSError:  # bytes in memory
        return None


class Window:
    """What was kept of a file as it went by: chunks as they came, in order, never joined as a whole."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.held = 0
        self._starts: list[int] = []
        self._chunks: list[bytes] = []

    def add(self, start: int, chunk: bytes) -> None:
        """Keep a chunk that lies behind all others."""
        self._starts.append(start)
        self._chunks.append(chunk)
        self.held += len(chunk)

    def prune(self, ranges: list[tuple[int, int]]) -> None:
        """Let go of chunks that have no byte of the `ranges`."""
        pairs = list(zip(self._starts, self._chunks, strict=True))
        kept = [pair for pair in pairs if _meets(pair[0], pair[0] + len(pair[1]), ranges)]
        self._starts = [start for start, _ in kept]
        self._chunks = [chunk for _, chunk in kept]
        self.held = sum(map(len, self._chunks))

    def read_at(self, offset: int, size: int) -> bytes:
        """See `Source.read_at`."""
        left = min(size, self.size - offset)
        if left <= 0:
            return b""
        parts: list[bytes] = []
        place = bisect_right(self._starts, offset) - 1
        while left:
            if not 0 <= place < len(self._starts):
                raise Absent
            begin = offset - self._starts[place]
            part = self._chunks[place][begin : begin + left]
            if not part or begin < 0:
                raise Absent
            parts.append(part)
            offset += len(part)
            left -= len(part)
            place += 1
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _meets(start: int, end: int, ranges: list[tuple[int, int]]) -> bool:
    return any(begin < end and start < until for begin, until in ranges)
