"""Files of a layer that its table of contents locates, read in parts: each chunk is fetched, unpacked and checked."""

from __future__ import annotations

import contextlib
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator

from inspector.elf import Source
from inspector.layers.compression import Packing
from inspector.layers.entry import LayerIndex
from inspector.layers.taking import may_be_object
from inspector.layers.toc.document import Chunk, Listing
from inspector.layers.toc.fetch import MAX_MEMBER
from inspector.layers.toc.source import Budget, Span, TocUnusable, joined
from inspector.layers.toc.unpack import unpacked, verified
from inspector.rootfs import Kind, NotKept

SHARE = 20
"""Of so many bytes of a layer one may be fetched for its libraries."""
MIN_FETCHED = 24 << 20
"""Bytes that may be fetched for them in any case."""
MAX_CHUNKS = 400_000
"""Chunks of all objects of a layer that are noted; those of a 6 GB layer are 100,000."""
MAX_HELD = 12 << 20
"""Bytes of unpacked chunks of a layer that are held, since a file is read more than once."""
SMALL = 128 << 10
"""Packed bytes of a file up to which it is fetched whole, in one request."""
SMALL_UNPACKED = 4 << 20
"""Bytes of such a file."""

_SMALLEST = 64  # an ELF header
_DIGEST, _SHA256 = 32, "sha256:"


class Chunks:
    """Where the chunks of one file lie, in columns; see `Chunk`."""

    def __init__(self, chunks: list[Chunk]) -> None:
        self.starts = array("Q", [chunk.at for chunk in chunks])
        self._places = array(
            "Q", [number for each in chunks for number in (each.size, each.start, each.end, each.inner)]
        )
        self._holes = bytes(chunk.hole for chunk in chunks)
        self._digests = b"".join(map(_packed, chunks))

    def __len__(self) -> int:
        return len(self.starts)

    def chunk(self, number: int) -> Chunk:
        """Return one chunk."""
        size, start, end, inner = self._places[4 * number : 4 * number + 4]
        digest = self._digests[_DIGEST * number : _DIGEST * (number + 1)]
        stated = f"{_SHA256}{digest.hex()}" if any(digest) else ""
        return Chunk(self.starts[number], size, start, end, inner, stated, bool(self._holes[number]))


def _packed(chunk: Chunk) -> bytes:
    """Return the SHA-256 of a chunk; zeros where none is stated, so that its bytes can't be checked."""
    digits = chunk.digest.removeprefix(_SHA256)
    try:
        found = bytes.fromhex(digits)
    except ValueError:
        found = b""
    return found if len(found) == _DIGEST and chunk.digest.startswith(_SHA256) else bytes(_DIGEST)


class Located:
    """The chunks of the objects of a layer, by position, and how its data are packed."""

    def __init__(self, listing: Listing, packing: Packing) -> None:
        self.packing = packing
        self._known: dict[int, Chunks] = {}
        left = MAX_CHUNKS
        for position, entry in enumerate(listing.entries):
            if entry.kind is not Kind.FILE or entry.size < _SMALLEST or not may_be_object(entry.path, entry.mode):
                continue
            try:
                found = Chunks(listing.chunks(position))
            except TocUnusable:  # said when the file is asked for
                continue
            left -= len(found)
            if left < 0:
                break
            self._known[position] = found

    def chunks(self, position: int) -> Chunks:
        """Return the chunks of one file. Raises `NotKept`."""
        if position not in self._known:
            raise NotKept("by its name it is no library, so where its bytes lie was not noted")
        return self._known[position]


class TocFiles:
    """The objects of a layer, as a `Reopenable`. `locate` reads the table of contents, where it is not at hand."""

    def __init__(self, budget: Budget, locate: Callable[[Budget], Located], located: Located | None = None) -> None:
        self.budget = budget
        self.held: dict[tuple[int, int], bytes] = {}
        self._locate = locate
        self._located = located

    @property
    def bytes_read(self) -> int:
        """Bytes that were fetched for these files."""
        return self.budget.spent

    @contextlib.contextmanager
    def open_file(self, index: LayerIndex, position: int) -> Iterator[Source]:
        """See `Reopenable`. Raises `TocUnusable`, and what the source raises."""
        if self._located is None:
            self._located = self._locate(self.budget)
        yield _Parts(self, self._located, position, index.entries.sizes[position])

    def trim(self) -> None:
        """Let go of the chunks that were fetched first, where those held are too many."""
        total = sum(map(len, self.held.values()))
        for key in list(self.held):
            if total <= MAX_HELD:
                break
            total -= len(self.held.pop(key))


def allowed(size: int) -> int:
    """Return how many bytes of a layer of that size may be fetched for its libraries."""
    return max(size // SHARE, MIN_FETCHED)


class _Parts:
    """One file, as a `Source`. What is `held` of it are unpacked chunks, by position of the file and number."""

    def __init__(self, files: TocFiles, located: Located, position: int, size: int) -> None:
        self.size = size
        self._files = files
        self._packing = located.packing
        self._chunks = located.chunks(position)
        self._position = position
        begin, until = self._chunks.chunk(0).start, self._chunks.chunk(len(self._chunks) - 1).end
        self._small = until - begin <= SMALL and size <= SMALL_UNPACKED

    def read_at(self, offset: int, size: int) -> bytes:
        """See `Source.read_at`. Raises `TocUnusable`, `NotKept`."""
        end = min(offset + size, self.size)
        if offset >= end:
            return b""
        first, last = self._number(offset), self._number(end - 1)
        wanted = range(len(self._chunks)) if self._small else range(first, last + 1)
        held = self._files.held
        self._fetch(held, [number for number in wanted if (self._position, number) not in held])
        data = b"".join(held[self._position, number] for number in range(first, last + 1))
        begin = offset - self._chunks.starts[first]
        self._files.trim()
        return data[begin : begin + end - offset]

    def _number(self, offset: int) -> int:
        return bisect_right(self._chunks.starts, offset) - 1

    def _fetch(self, held: dict[tuple[int, int], bytes], numbers: list[int]) -> None:
        chunks = {number: self._chunks.chunk(number) for number in numbers}
        spans = joined({Span(each.start, each.end) for each in chunks.values() if not each.hole}, 0)
        parts = dict(zip(spans, self._files.budget.read(spans), strict=True)) if spans else {}
        for number, chunk in chunks.items():
            held[self._position, number] = bytes(chunk.size) if chunk.hole else self._unpacked(chunk, parts)

    def _unpacked(self, chunk: Chunk, parts: dict[Span, bytes]) -> bytes:
        """Return the bytes of a chunk, which has the digest stated."""
        if chunk.inner + chunk.size > MAX_MEMBER or not chunk.digest:
            raise NotKept("a part of it is too large to be had by itself, or has no digest")
        span = next(span for span in parts if span.start <= chunk.start < span.end)
        packed = parts[span][chunk.start - span.start : chunk.end - span.start]
        content = unpacked(packed, self._packing, chunk.inner + chunk.size)[chunk.inner :]
        return verified(content, chunk.digest, f"what lies at byte {chunk.start}")
