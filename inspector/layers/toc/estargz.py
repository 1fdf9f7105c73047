"""eStargz: gzip members, one for each run of data, the last with the table (stargz-snapshotter, docs/estargz.md).

The table is a file of the tar as well, which engines without the snapshotter unpack into the root.
"""

from __future__ import annotations

import re

from inspector.errors import InspectorError
from inspector.layers.entry import Entry
from inspector.layers.readers import StreamReader
from inspector.layers.tar import iter_members
from inspector.layers.toc.located import Found
from inspector.layers.toc.source import Budget, TocUnusable
from inspector.layers.toc.unpack import document, verified
from inspector.rootfs import Kind

DIGEST = "containerd.io/snapshot/stargz/toc.digest"
"""The annotation with the digest of the table as JSON."""
NAME = "stargz.index.json"
"""The table's name in the tar."""

_GUESS = 64 << 10
"""Bytes fetched of the end at first, and one more for each `_SHARE` of the blob: often that is all of the table."""
_SHARE = 256
_FOOTER = re.compile(
    rb"\x1f\x8b\x08\x04[\s\S]{6}(?:\x1a\0SG\x16\0|\x16\0)([0-9a-f]{16})STARGZ\x01\0\0\xff\xff\0{8}\Z", re.IGNORECASE
)
"""An empty gzip member of 51 bytes (or, of the older stargz, 47) with the offset of the table in its extra field."""
_MAX_FOOTER = 51


def locate(source: Budget, digest: str) -> Found:
    """Return the table of contents at the end of an eStargz blob. Raises `TocUnusable`."""
    begin = max(source.size - _GUESS - source.size // _SHARE, 0)
    tail = source.read_one(begin, source.size)
    footer = _FOOTER.search(tail[-_MAX_FOOTER:])
    if footer is None:
        raise TocUnusable("its end is no footer of eStargz")
    start, end = int(footer[1], 16), source.size - len(footer[0])
    if not start < end:
        raise TocUnusable(f"its footer says that the table of contents begins at byte {start} of {source.size}")
    before = source.read_one(start, begin) if start < begin else b""
    packed = before + tail[max(start - begin, 0) : len(tail) - len(footer[0])]
    content, entries = _in_tar(document(packed, "gzip"))
    verified(content, digest, "its table of contents")
    return Found(content, "gzip", start, entries)


def _in_tar(plain: bytes) -> tuple[bytes, tuple[Entry, ...]]:
    """Return the table from the end of the tar, and what stands there as entries."""
    content: bytes | None = None
    entries: list[Entry] = []
    reader = StreamReader(iter((plain,)))
    try:
        for member in iter_members(reader, needs_end=True):
            if member.path == NAME and member.kind is Kind.FILE:
                content = reader.read(member.size)
            owner = (member.uid, member.gid, member.attributes, member.device)
            entries.append(Entry(member.path, member.kind, member.mode, member.size, member.link, b"", *owner))
    except InspectorError as error:
        raise TocUnusable(f"its table of contents is in no tar: {error}") from error
    if content is None or len(entries) != 1:
        raise TocUnusable(f"{NAME} is not what its tar ends with")
    return content, tuple(entries)
