"""From a layer's bytes, as they go by, to its index."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Protocol

from inspector.errors import CorruptLayer
from inspector.layers.blob import Meter, Scanned
from inspector.layers.compression import decompressed, first_block, refuse_bomb, sniff
from inspector.layers.entries import Entries
from inspector.layers.entry import LayerIndex
from inspector.layers.hashing import HashedChunks
from inspector.layers.memory import Share, share
from inspector.layers.objects import Objects
from inspector.layers.readers import StreamReader
from inspector.layers.reading import TarReading
from inspector.layers.taking import StreamTaker

Again = Callable[[], Iterator[bytes]]
"""Gives the stored bytes of a layer once more."""

MAX_UNPACKED = 256 << 30
"""Unpacked bytes of one layer past which it is refused."""


def scan_stream(
    chunks: Iterator[bytes],
    diff_id: str | None,
    digest: str | None,
    *,
    meter: Meter = lambda _: None,
    again: Again | None = None,
    trailing: int | None = None,
) -> Scanned:
    """Return the index of a layer from its stored bytes, read to the end and hashed on both sides of the packing.

    Where no `diff_id` is expected, the one found stands in the index. `again` gives the bytes once more, for the layers
    in which further names of files ask for bytes that had gone by; more than `trailing` bytes behind the end of the tar
    are refused, where that is given. Raises `CorruptLayer`, `DigestMismatch`,
    `LimitExceeded`.
    """
    with share() as taken:
        index, read = _read_whole(taken, both_sides(_metered(chunks, meter), diff_id, digest), again, trailing)
        taken.hold(index)
    return Scanned(index, read, "stream")


def _read_whole(
    taken: Share, sides: tuple[HashedChunks, HashedChunks], again: Again | None, trailing: int | None
) -> tuple[LayerIndex, int]:
    """Return the index, and the stored bytes that were read.

    A function of its own, so that what failed holds no memory.
    """
    stored, plain = sides
    reader = StreamReader(plain)
    reading = TarReading(StreamTaker(reader), taken, may_repeat=again is not None)
    reading.read(reader)
    check_sides(reader, stored, plain, trailing)
    missed, read = reading.missed(), stored.size
    if missed and again is not None:
        sides = both_sides(again(), plain.digest, stored.digest)
        reader = StreamReader(sides[1])
        reading.repeat(reader, missed)
        check_sides(reader, *sides)
        read += sides[0].size
    return make_index(plain.digest, reading, verified=True, blob_digest=stored.digest), read


def check_sides(reader: StreamReader, stored: HashedChunks, plain: HashedChunks, trailing: int | None = None) -> None:
    """Read to the end, and check the digests of both sides."""
    reader.drain(trailing)
    stored.check("the layer as stored")
    plain.check("the layer unpacked")


def both_sides(chunks: Iterator[bytes], diff_id: str | None, digest: str | None) -> tuple[HashedChunks, HashedChunks]:
    """Return the bytes as stored and as unpacked, both hashed as they are read."""
    head = first_block(chunks)
    packing = sniff(head)
    if packing == "":
        raise CorruptLayer("the layer is no tar, nor one packed with gzip, zstd, xz or bzip2")
    whole = itertools.chain((head,), chunks) if head else iter(())
    stored = HashedChunks(whole, digest if packing != "tar" else digest or diff_id)
    if packing != "tar":
        return stored, HashedChunks(_bounded(decompressed(stored, packing), stored), diff_id)
    # the same bytes on both sides need one hash, unless two are expected
    return stored, stored if digest in (None, diff_id) else HashedChunks(stored, diff_id)


class Readable(Protocol):
    """What was read of a layer."""

    @property
    def entries(self) -> Entries:
        """Its entries."""

    @property
    def warnings(self) -> list[str]:
        """What is to be told of it."""

    @property
    def objects(self) -> Objects:
        """Its ELF files."""


def make_index(diff_id: str, read: Readable, *, verified: bool, blob_digest: str | None = None) -> LayerIndex:
    """Return the index with its size in bytes as the engine counts it: files, and the texts of links."""
    entries = read.entries
    entries.seal()
    size = sum(entries.sizes) + entries.symlink_bytes()
    return LayerIndex(diff_id, entries, verified, size, blob_digest, tuple(read.warnings), objects=read.objects)


def _metered(chunks: Iterator[bytes], meter: Meter) -> Iterator[bytes]:
    for chunk in chunks:
        meter(len(chunk))
        yield chunk


def _bounded(unpacked: Iterator[bytes], stored: HashedChunks) -> Iterator[bytes]:
    """Yield `unpacked`, refused where it grows out of all proportion to what is stored. Raises `LimitExceeded`."""
    total = 0
    for chunk in unpacked:
        total += len(chunk)
        refuse_bomb("the layer", total, stored.size, MAX_UNPACKED)
        yield chunk
