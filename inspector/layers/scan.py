"""From a layer's bytes, as they go by, to its index."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial

from inspector.errors import CorruptLayer, LimitExceeded
from inspector.layers.blob import Meter, Scanned
from inspector.layers.compression import decompressed, first_block, refuse_bomb, sniff
from inspector.layers.entries import Entries
from inspector.layers.entry import LayerIndex
from inspector.layers.hashing import HashedChunks
from inspector.layers.memory import Share, share
from inspector.layers.readers import Reader, StreamReader
from inspector.layers.retention import MAX_KEPT, kept
from inspector.layers.tar import iter_members
from inspector.rootfs import Kind

MAX_UNPACKED = 256 << 30
"""Unpacked bytes of one layer past which it is refused."""
MAX_FILE = 1 << 44
"""Bytes of one file as unpacked, which a sparse one may claim at will; no larger one fits on ext4."""


def scan_stream(
    chunks: Iterator[bytes], diff_id: str | None, digest: str | None, *, meter: Meter = lambda _: None
) -> Scanned:
    """The index of a layer from its stored bytes, read to the end and hashed on both sides of the packing.

    Where no `diff_id` is expected, the one found stands in the index. Raises `CorruptLayer`,
    `DigestMismatch`, `LimitExceeded`.
    """
    metered = _metered(chunks, meter)
    head = first_block(metered)
    packing = sniff(head)
    if packing == "":
        raise CorruptLayer("the layer is no tar, nor one packed with gzip, zstd, xz or bzip2")
    whole = itertools.chain((head,), metered) if head else iter(())
    stored = HashedChunks(whole, digest if packing != "tar" else digest or diff_id)
    if packing != "tar":
        plain = HashedChunks(_bounded(decompressed(stored, packing), stored), diff_id)
    else:  # the same bytes on both sides need one hash, unless two are expected
        plain = stored if digest in (None, diff_id) else HashedChunks(stored, diff_id)
    reader = StreamReader(plain)
    with share() as taken:
        entries, warnings = read_entries(reader, taken)
        reader.drain()
        stored.check("the layer as stored")
        plain.check("the layer unpacked")
        index = make_index(plain.digest, entries, warnings, blob_digest=stored.digest)
        taken.hold(index)
    return Scanned(index, stored.size, "stream")


def make_index(
    diff_id: str, entries: Entries, warnings: list[str], *, verified: bool = True, blob_digest: str | None = None
) -> LayerIndex:
    """The index with its size in bytes as the engine counts it: files, and the texts of links."""
    entries.seal()
    size = sum(entries.sizes) + entries.symlink_bytes()
    return LayerIndex(diff_id, entries, verified, size, blob_digest, tuple(warnings))


def read_entries(reader: Reader, taken: Share | None = None, *, needs_end: bool = False) -> tuple[Entries, list[str]]:
    """The entries of a tar with the bytes that are kept of them, and what is to be told of it.

    Their memory is `taken` as they come, where the caller holds them for longer.
    """
    entries = Entries(room=taken)
    add, left, read = entries.add, MAX_KEPT, partial(_exactly, reader)
    for member in iter_members(reader, needs_end=needs_end):
        if member.size > MAX_FILE:
            raise LimitExceeded(f"{member.path[:200]!a} is said to have {member.size} bytes; no file system takes that")
        data = b""
        if member.kind is Kind.FILE and member.size == member.stored > 0:  # of a sparse one, only pieces are stored
            data = kept(member.path, member.mode, member.size, left, read)
            left -= len(data)
        owner = (member.uid, member.gid, member.attributes, member.device)
        add(member.path, member.kind, member.mode, member.size, member.link, data, owner)
    return entries, too_much_kept(left)


def too_much_kept(left: int) -> list[str]:
    """The warning that not all bytes were kept, where none are `left`."""
    return [f"a layer holds more than {MAX_KEPT} bytes of metadata; some were not read"] if left <= 0 else []


def _exactly(reader: Reader, size: int) -> bytes:
    data = reader.read(size)
    if len(data) < size:
        raise CorruptLayer(f"the tar is cut inside a member's data at byte {reader.position}")
    return data


def _metered(chunks: Iterator[bytes], meter: Meter) -> Iterator[bytes]:
    for chunk in chunks:
        meter(len(chunk))
        yield chunk


def _bounded(unpacked: Iterator[bytes], stored: HashedChunks) -> Iterator[bytes]:
    """`unpacked`, refused where it grows out of all proportion to what is stored. Raises `LimitExceeded`."""
    total = 0
    for chunk in unpacked:
        total += len(chunk)
        refuse_bomb("the layer", total, stored.size, MAX_UNPACKED)
        yield chunk
