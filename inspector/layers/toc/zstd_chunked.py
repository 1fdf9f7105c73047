"""zstd:chunked: a frame for each run of data, then skippable frames, one of them with the table of contents.

Where it lies stands among the annotations, and in a footer for readers without them (containers/storage, pkg/chunked).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping

from inspector.layers.toc.located import Found
from inspector.layers.toc.source import Budget, TocUnusable
from inspector.layers.toc.unpack import MAX_DOCUMENT, document, verified

_PREFIXES = ("io.github.containers.zstd-chunked.", "io.containers.zstd-chunked.")  # the second until about 2023
_POSITION = re.compile(r"([0-9]{1,16}):([0-9]{1,16}):([0-9]{1,16}):([0-9]{1,4})", re.ASCII)
_CRFS = 1
_FRAME_HEADER = 8
_FOOTERS = {
    64: struct.Struct("<4Q24x8s"),
    40: struct.Struct("<4Q8s"),
}
"""By length: the newer one tells of tar-split besides."""
_MAGIC = (b"GNUlInUx", b"GnUlInUx")
_MAX_FOOTER = _FRAME_HEADER + 64


def annotated(annotations: Mapping[str, str]) -> tuple[str, str]:
    """Return the digest of the packed table, and its position as annotated; each empty where there is none."""
    for prefix in _PREFIXES:
        if checksum := annotations.get(prefix + "manifest-checksum", ""):
            return checksum, annotations.get(prefix + "manifest-position", "")
    return "", ""


def locate(source: Budget, checksum: str, position: str, digest: str) -> Found:
    """Find a zstd:chunked blob's table of contents, which must have eStargz's `digest` too, if annotated.

    `checksum` is that of the packed table; without a `position` the footer tells it. Raises `TocUnusable`.
    """
    start, length, size, kind = _annotated(position) if position else _footer(source)
    if kind != _CRFS:
        raise TocUnusable(f"its table of contents is of type {kind}, where 1 is known")
    if size > MAX_DOCUMENT:
        raise TocUnusable(f"its table of contents has {size} bytes")
    if not _FRAME_HEADER < start < start + length <= source.size:
        raise TocUnusable(f"its table of contents is said to lie at byte {start} of {source.size}")
    packed = verified(source.read_one(start, start + length), checksum, "its table of contents")
    content = document(packed, "zstd")
    if len(content) != size:
        raise TocUnusable(f"its table of contents has {len(content)} bytes, where {size} are stated")
    if digest:
        verified(content, digest, "its table of contents")
    return Found(content, "zstd", start - _FRAME_HEADER)


def _annotated(position: str) -> tuple[int, ...]:
    found = _POSITION.fullmatch(position)
    if found is None:
        raise TocUnusable(f"it says that its table of contents lies at {position[:80]!a}")
    return tuple(map(int, found.groups()))


def _footer(source: Budget) -> tuple[int, ...]:
    tail = source.read_one(max(source.size - _MAX_FOOTER, 0), source.size)
    for length, form in _FOOTERS.items():
        frame = tail[-length - _FRAME_HEADER :]
        header = b"\x50\x2a\x4d\x18" + struct.pack("<I", length)
        if frame.startswith(header) and len(frame) == length + _FRAME_HEADER:
            *numbers, magic = form.unpack(frame[_FRAME_HEADER:])
            if magic in _MAGIC:
                return tuple(numbers)
    raise TocUnusable("its end is no footer of zstd:chunked")
