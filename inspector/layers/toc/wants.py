"""Which parts of a blob are fetched for the files that matter, so that little is."""

from __future__ import annotations

from collections.abc import Iterator
from operator import attrgetter, itemgetter

import msgspec

from inspector.layers.compression import Packing
from inspector.layers.entry import Entry
from inspector.layers.retention import MAX_KEPT, SCRIPT_HEAD, kept
from inspector.layers.toc.document import Chunk, Listing
from inspector.layers.toc.source import Span, TocUnusable
from inspector.rootfs import Kind

SHARE = 50
"""Of so many bytes of a layer one may be fetched for the beginnings of programs that nobody is likely to ask for."""
MIN_HEADS = 128 << 10
"""Bytes that may be fetched for these in any case."""
_ASKED = frozenset({"env", "sh", "bash", "dash", "ash", "busybox", "tini", "dumb-init", "uv", "conda", "pyenv"})
"""Programs whose beginnings are always fetched, beside Python's own: other programs are started by them."""
_ASKED_PREFIXES = ("python", "pypy")
_WHOLE = {"libc.so.6": 4 << 20}
"""ELF files that are fetched whole for their skeletons, by name, up to so many bytes."""
_HEAD = {"gzip": 6 << 10, "zstd": 64 << 10}
"""Bytes fetched at first of a member or frame whose beginning is wanted: zstd unpacks nothing less than a block."""


class Want(msgspec.Struct, frozen=True, kw_only=True):
    """The first `need` bytes of the entry at `position`, which stand in `chunks`.

    `whole` says that these are all of it, and `digest` is that of all; `optional`, that the index may do without.
    """

    position: int
    need: int
    chunks: list[Chunk]
    whole: bool
    digest: str
    optional: bool


def wants(listing: Listing) -> Iterator[Want]:
    """Yield what an index keeps data of. Raises `TocUnusable`, also where that is more than an index keeps."""
    left = MAX_KEPT
    for position, entry in enumerate(listing.entries):
        need = _need(entry) if entry.kind is Kind.FILE and entry.size else 0
        if not need:
            continue
        left -= max(need, SCRIPT_HEAD)
        if left < 0:
            raise TocUnusable("it has more files that matter than are kept of a layer")
        yield Want(
            position=position,
            need=need,
            chunks=[chunk for chunk in listing.chunks(position) if chunk.at < need],
            whole=need == entry.size,
            digest=listing.digest(position),
            optional=need < entry.size and not _is_asked_for(entry.path),
        )


def _need(entry: Entry) -> int:
    """Say how many of a file's first bytes are of use: what `kept` reads, and some libraries whole."""
    if entry.size <= _WHOLE.get(entry.path[entry.path.rfind("/") + 1 :], 0):
        return entry.size
    asked = 0

    def note(count: int) -> bytes:
        nonlocal asked
        asked = count
        return b""

    kept(entry.path, entry.mode, entry.size, MAX_KEPT, note)
    return asked


def first_span(chunk: Chunk, want: Want, packing: Packing) -> Span:
    """Return what is fetched of a chunk at first: all, or as much as its beginning is likely to take."""
    if want.whole or chunk.inner:
        return Span(chunk.start, chunk.end)
    return Span(chunk.start, min(chunk.end, chunk.start + _HEAD[packing]))


def cost(want: Want, packing: Packing) -> int:
    """Return bytes that are fetched for it at first, at most."""
    spans = (first_span(chunk, want, packing) for chunk in want.chunks if not chunk.hole)
    return sum(end - start for start, end in spans)


def within_reason(found: list[Want], packing: Packing, most: int) -> list[Want]:
    """Return all but the optional ones that would take more than `most` bytes together, the dearest left out."""
    chosen = [want for want in found if not want.optional]
    for price, want in sorted(((cost(want, packing), want) for want in found if want.optional), key=itemgetter(0)):
        most -= price
        if most < 0:
            break
        chosen.append(want)
    return sorted(chosen, key=attrgetter("position"))


def _is_asked_for(path: str) -> bool:
    name = path[path.rfind("/") + 1 :]
    return name in _ASKED or name.startswith(_ASKED_PREFIXES) or ".so" in name
