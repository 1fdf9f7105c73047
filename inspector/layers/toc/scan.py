"""A layer's index by its table of contents and parts of its blob: quick, and only as true as who wrote the table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice

import msgspec
from msgspec import structs

from inspector.elf import MAGIC, Content, read_skeleton, read_symbols
from inspector.layers.blob import Meter, Scanned
from inspector.layers.entries import Entries
from inspector.layers.objects import Gathering, Objects
from inspector.layers.retention import MAX_KEPT, kept
from inspector.layers.scan import make_index
from inspector.layers.sums import MAX_FILES, SIZE, is_summed
from inspector.layers.toc import estargz, zstd_chunked
from inspector.layers.toc.document import Listing
from inspector.layers.toc.fetch import fetch
from inspector.layers.toc.files import Located, TocFiles, allowed
from inspector.layers.toc.located import Found
from inspector.layers.toc.source import Budget, RangeSource
from inspector.layers.toc.wants import MIN_HEADS, SHARE, cost, wants, within_reason
from inspector.rootfs import Kind

NOTE = "known by its table of contents, which was not verified against its diff_id; --verify reads it whole"
"""What an index made so warns of."""
MAX_FETCHED = 64 << 20
"""Bytes fetched of one layer past which it is read whole instead."""
_WORTHWHILE = 2
"""A layer is read whole if more than one byte in so many would be fetched."""
_SPARE = 400
"""One byte in so many of a layer, and some, may be fetched for nothing to save a request."""
_MIN_SPARE = 64 << 10
_SUM = re.compile(r"[0-9a-f]{64}")


def has_toc(annotations: Mapping[str, str] | None) -> bool:
    """Tell whether the annotations of a layer's descriptor tell of a table of contents, with its digest."""
    found = annotations or {}
    return estargz.DIGEST in found or bool(zstd_chunked.annotated(found)[0])


def scan_toc(
    source: RangeSource, annotations: Mapping[str, str], diff_id: str, *, meter: Meter, most: int | None = None
) -> Scanned:
    """Return the index of a layer, never verified, with what a scan of its tar would keep of files.

    Only of programs that are dear to fetch and that nobody is likely to ask for, nothing is kept. Raises
    `TocUnusable` for whatever is wrong with the table, `NotWorthwhile` where more than `most` bytes would be fetched,
    by default half of them, and what the source raises.
    """
    budget = Budget(source, min(source.size // _WORTHWHILE, MAX_FETCHED) if most is None else most, meter)
    located = _locate(budget, annotations)
    listing = Listing(located.content, located.end)
    located = structs.replace(located, content=b"")
    found = list(wants(listing))
    must = sum(cost(want, located.packing) for want in found if not want.optional)
    spare = _MIN_SPARE + source.size // _SPARE
    left = max(MIN_HEADS, source.size // SHARE - budget.spent - must - spare)
    chosen = within_reason(found, located.packing, left)
    data = fetch(budget, chosen, located.packing, spare)
    entries = listing.entries
    gathering = Gathering(all_seen=False)
    _keep(entries, gathering, data)
    gathering.objects.sums.update(_stated_sums(listing))
    for entry in located.behind:
        entries.append(entry)
    objects = Located(listing, located.packing)
    skipped = len(found) - len(chosen)
    note = f"{NOTE}; the beginnings of {skipped} programs in it were not fetched" if skipped else NOTE
    meter(source.size - budget.spent)
    read = _Read(entries, [note], gathering.objects)
    files = toc_files(source, annotations, objects)
    return Scanned(make_index(diff_id, read, verified=False), budget.spent, "toc", files=files)


def toc_files(source: RangeSource, annotations: Mapping[str, str], located: Located | None = None) -> TocFiles:
    """Return the objects of a layer, to be read in parts; its table of contents is read again where need be."""

    def locate(budget: Budget) -> Located:
        found = _locate(budget, annotations)
        return Located(Listing(found.content, found.end), found.packing)

    return TocFiles(Budget(source, allowed(source.size), lambda _: None), locate, located)


class _Read(msgspec.Struct):
    """What was read of the layer."""

    entries: Entries
    warnings: list[str]
    objects: Objects


def _locate(source: Budget, annotations: Mapping[str, str]) -> Found:
    digest = annotations.get(estargz.DIGEST, "")
    checksum, position = zstd_chunked.annotated(annotations)
    if checksum:
        return zstd_chunked.locate(source, checksum, position, digest)
    return estargz.locate(source, digest)


def _stated_sums(listing: Listing) -> Iterator[tuple[int, bytes]]:
    """Yield the sums of sources that the table states, by position."""
    summed = (at for at, entry in enumerate(listing.entries) if entry.kind is Kind.FILE and is_summed(entry.path))
    for position in islice(summed, MAX_FILES):
        algorithm, _, digits = listing.digest(position).partition(":")
        if algorithm == "sha256" and _SUM.fullmatch(digits):
            yield position, bytes.fromhex(digits)[:SIZE]


def _keep(entries: Entries, gathering: Gathering, data: Mapping[int, bytes]) -> None:
    """Keep what a scan would keep of each file whose bytes are there, and skeletons of those that are there whole."""
    left = MAX_KEPT
    for position in sorted(data):
        entry = entries[position]
        keep = kept(entry.path, entry.mode, entry.size, left, partial(_first, data[position]))
        left -= len(keep)
        entries.keep(position, keep)
        content = data[position]
        if len(content) == entry.size and content.startswith(MAGIC):
            gathering.add(position, read_skeleton(Content(content)))
            gathering.add_symbols(position, read_symbols(Content(content)))


def _first(content: bytes, count: int) -> bytes:
    return content[:count]
