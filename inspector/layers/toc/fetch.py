"""The data of files, fetched by as few requests as are worth it, unpacked, and checked."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from inspector.layers.compression import Packing
from inspector.layers.toc.document import Chunk
from inspector.layers.toc.source import Budget, Span, TocUnusable, joined
from inspector.layers.toc.unpack import unpacked, verified
from inspector.layers.toc.wants import Want, first_span

MAX_MEMBER = 32 << 20
"""Bytes of one member or frame that are unpacked to come to what is wanted of it."""
MAX_UNPACKED = 512 << 20
"""Bytes unpacked of one layer in all."""
_GROWTH = 4
"""How many times more of a member is fetched where its beginning turns out not to reach far enough."""


class _Member:
    """A gzip member or zstd frame: the bytes of the blob to fetch of it, and how far it is to be unpacked."""

    __slots__ = ("end", "reach", "span", "uses")

    def __init__(self, span: Span) -> None:
        self.span = span
        self.end = span.end
        self.reach = 0
        self.uses: list[tuple[Want, Chunk]] = []

    def add(self, want: Want, chunk: Chunk, packing: Packing) -> None:
        """Fetch it as far as `want` takes; where that is all of it, the chunk is unpacked to its end, and checked."""
        first = first_span(chunk, want, packing)
        self.span = max(self.span, first)
        self.end = max(self.end, chunk.end)
        take = chunk.size if first.end == chunk.end else min(chunk.size, want.need - chunk.at)
        if chunk.inner + take > MAX_MEMBER:
            take = min(chunk.size, want.need - chunk.at)
        self.reach = max(self.reach, chunk.inner + take)
        self.uses.append((want, chunk))

    def grow(self) -> None:
        """Fetch more of it."""
        start, end = self.span
        self.span = Span(start, min(self.end, start + (end - start) * _GROWTH))


def fetch(source: Budget, wants: Sequence[Want], packing: Packing, spare: int) -> dict[int, bytes]:
    """Return what is wanted, by position; `spare` bytes that nobody wants may be fetched to save requests.

    Raises `TocUnusable` where the data are not what the table of contents says.
    """
    parts: dict[tuple[int, int], bytes] = {}
    todo = _members(wants, packing)
    while todo:
        starts = sorted(todo)
        spans = joined((todo[start].span for start in starts), spare)
        short: dict[int, _Member] = {}
        for (begin, end), data in zip(spans, source.read(spans), strict=True):
            for start in starts[bisect_left(starts, begin) : bisect_left(starts, end)]:
                member = todo[start]
                packed = data[start - begin : member.span.end - begin]
                if not _take(member, unpacked(packed, packing, member.reach), parts):
                    member.grow()
                    short[start] = member
        todo = short
    return {want.position: _assembled(want, parts) for want in wants}


def _members(wants: Iterable[Want], packing: Packing) -> dict[int, _Member]:
    members: dict[int, _Member] = {}
    for want in wants:
        for chunk in want.chunks:
            if not chunk.hole:
                member = members.setdefault(chunk.start, _Member(first_span(chunk, want, packing)))
                member.add(want, chunk, packing)
    if any(member.reach > MAX_MEMBER for member in members.values()):
        raise TocUnusable(f"what matters lies behind more than {MAX_MEMBER} bytes of other data")
    if sum(member.reach for member in members.values()) > MAX_UNPACKED:
        raise TocUnusable(f"what matters takes more than {MAX_UNPACKED} bytes to unpack")
    return members


def _take(member: _Member, content: bytes, parts: dict[tuple[int, int], bytes]) -> bool:
    """Keep what files have of a member; False if more of it has to be fetched."""
    if len(content) < member.reach and member.span.end < member.end:
        return False
    for want, chunk in member.uses:
        data = content[chunk.inner : chunk.inner + chunk.size]
        if len(data) == chunk.size and chunk.digest:
            verified(data, chunk.digest, f"what lies at byte {chunk.start}")
        take = min(chunk.size, want.need - chunk.at)
        if len(data) < take or (want.whole and not (chunk.digest or want.digest)):
            raise TocUnusable(f"what lies at byte {chunk.start} is not what it says, or has no digest")
        parts[want.position, chunk.at] = data[:take]
    return True


def _assembled(want: Want, parts: dict[tuple[int, int], bytes]) -> bytes:
    """Return the bytes of one file; a hole is made up of zeros."""
    pieces = (
        bytes(min(chunk.size, want.need - chunk.at)) if chunk.hole else parts.pop((want.position, chunk.at))
        for chunk in want.chunks
    )
    content = b"".join(pieces)
    if want.whole and (want.digest or any(chunk.hole for chunk in want.chunks)):
        verified(content, want.digest, "a file")
    return content
