"""Layers in memory, read by their tables of contents and whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fixtures.lazy import Lazy
from inspector.layers.blob import Scanned
from inspector.layers.entry import LayerIndex
from inspector.layers.scan import scan_stream
from inspector.layers.toc.scan import scan_toc
from inspector.layers.toc.source import Span

ALL = 1 << 40
"""More bytes than any layer here has: these are too small to be worth it."""


class Held:
    """A blob in memory that remembers what was asked of it."""

    def __init__(self, blob: bytes) -> None:
        self.blob = blob
        self.size = len(blob)
        self.asked: list[list[Span]] = []

    def read(self, spans: Sequence[Span]) -> Iterator[bytes]:
        """See `RangeSource.read`."""
        self.asked.append([*spans])
        for start, end in spans:
            yield self.blob[start:end]


def by_toc(lazy: Lazy, *, most: int | None = ALL) -> Scanned:
    """What its table of contents says of a layer."""
    return scan_toc(Held(lazy.blob), lazy.annotations, lazy.diff_id, meter=lambda _: None, most=most)


def whole(lazy: Lazy) -> LayerIndex:
    """What the layer holds."""
    return scan_stream(iter([lazy.blob]), lazy.diff_id, None).index
