"""Single members and frames of a packed layer, unpacked within bounds."""

from __future__ import annotations

from collections.abc import Iterator

from inspector.errors import CorruptLayer, InspectorError
from inspector.layers.compression import CHUNK, Packing, decompressed
from inspector.layers.toc.source import TocUnusable
from inspector.oci import check_digest

MAX_DOCUMENT = 64 << 20
"""Bytes of a table of contents unpacked; that of a 6 GB layer has 36 MiB, and is held in memory."""


def unpacked(data: bytes, packing: Packing, size: int) -> bytes:
    """Return up to `size` bytes of what `data` unpacks to; fewer where it is cut or corrupt before them."""
    parts: list[bytes] = []
    left = size
    stream = decompressed(_chunks(data), packing)
    while left > 0:
        try:
            part = next(stream, b"")
        except CorruptLayer:
            break
        if not part:
            break
        parts.append(part[:left])
        left -= len(parts[-1])
    return b"".join(parts)


def document(data: bytes, packing: Packing) -> bytes:
    """Return all that `data` unpacks to, which is a table of contents. Raises `TocUnusable`."""
    plain = unpacked(data, packing, MAX_DOCUMENT + 1)
    if len(plain) > MAX_DOCUMENT:
        raise TocUnusable(f"its table of contents has more than {MAX_DOCUMENT} bytes")
    return plain


def verified(content: bytes, digest: str, what: str) -> bytes:
    """Return the content, which has that digest. Raises `TocUnusable` for any other, and for no digest at all."""
    try:
        check_digest(content, digest if digest.isascii() else "", what)
    except InspectorError as error:
        raise TocUnusable(f"{what} does not have the digest stated: {digest[:80]!a}") from error
    return content


def _chunks(data: bytes) -> Iterator[bytes]:
    view = memoryview(data)
    for start in range(0, len(data), CHUNK):
        yield bytes(view[start : start + CHUNK])
