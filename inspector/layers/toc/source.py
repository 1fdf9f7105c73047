"""Where parts of a blob can be had, and how many requests that takes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, Protocol

from inspector.errors import InspectorError, LimitExceeded

MAX_SPAN = 4 << 20
"""Bytes past which spans are not joined: they are held in memory, several at once."""
MAX_PARTS = 2000
"""Parts of one layer that are asked for; a table whose files lie further apart could make it tens of thousands."""


class TocUnusable(InspectorError):
    """A layer that can't be read by its table of contents; the message is a clause that says why."""


class NotWorthwhile(TocUnusable):
    """A layer of which so much would be fetched that reading it whole, and verified, is as cheap."""


class Span(NamedTuple):
    """A run of bytes in a blob, the end not included."""

    start: int
    end: int


class RangeSource(Protocol):
    """A blob of known size, in parts."""

    @property
    def size(self) -> int:
        """Bytes of the whole blob."""

    def read(self, spans: Sequence[Span]) -> Iterator[bytes]:
        """Return the bytes of each span in turn, neither more nor fewer.

        Raises `TocUnusable` where parts can't be had.
        """


class Budget:
    """A source whose bytes are counted, and bounded: `most` of them may be fetched in all."""

    def __init__(self, source: RangeSource, most: int, meter: Callable[[int], None]) -> None:
        self._source = source
        self._meter = meter
        self._most = most
        self.size = source.size
        self.spent = 0
        self._parts = 0

    def read(self, spans: Sequence[Span]) -> Iterator[bytes]:
        """See `RangeSource.read`. Raises `NotWorthwhile` before asking for more than is left."""
        for start, end in spans:
            if not 0 <= start <= end <= self.size:
                raise TocUnusable(f"it names bytes {start} to {end} of a blob of {self.size}")
        self.spent += sum(end - start for start, end in spans)
        if self.spent > self._most:
            raise NotWorthwhile(f"it takes {self.spent} of the layer's {self.size} bytes")
        self._parts += len(spans)
        if self._parts > MAX_PARTS:
            raise NotWorthwhile(f"it takes {self._parts} requests")
        for span, data in zip(spans, self._source.read(spans), strict=True):
            if len(data) != span.end - span.start:
                raise LimitExceeded(f"{len(data)} bytes where {span.end - span.start} were asked for")
            self._meter(len(data))
            yield data

    def read_one(self, start: int, end: int) -> bytes:
        """Return the bytes of one span."""
        return next(self.read([Span(start, end)]))


def joined(spans: Iterable[Span], spare: int) -> list[Span]:
    """Give the spans in order, each byte once, across the smallest gaps between them, so far as `spare` bytes allow."""
    apart = _without_overlaps(spans)
    gaps = sorted((after.start - before.end, place) for place, (before, after) in enumerate(pairwise(apart), 1))
    bridged = set()
    for gap, place in gaps:
        spare -= gap
        if spare < 0:
            break
        bridged.add(place)
    found: list[Span] = []
    for place, span in enumerate(apart):
        if place in bridged and span.end - found[-1].start <= MAX_SPAN:
            found[-1] = Span(found[-1].start, span.end)
        else:
            found.append(span)
    return found


def _without_overlaps(spans: Iterable[Span]) -> list[Span]:
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.start < found[-1].end:
            found[-1] = Span(found[-1].start, max(span.end, found[-1].end))
        else:
            found.append(span)
    return found
